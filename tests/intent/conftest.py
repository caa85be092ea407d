"""Fixtures of these tests."""

from intent_samples import faults, load

__all__ = ["faults", "load"]
