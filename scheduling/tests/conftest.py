"""Fixtures that several tests of scheduling share."""

from scheduling.tests.messaging import telling

__all__ = ["telling"]
