"""Fixtures of these tests."""

from cli_runs import run

__all__ = ["run"]
