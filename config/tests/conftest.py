"""Fixtures of the tests that see the whole house."""

from config.tests.scene import scene

__all__ = ["scene"]
