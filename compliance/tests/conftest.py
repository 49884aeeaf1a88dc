"""Fixtures of these tests."""

from compliance.tests.emergencies import emergency

__all__ = ["emergency"]
