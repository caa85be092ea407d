"""The fixtures of engine_fixtures.py, for every module here."""

from __future__ import annotations

from engine_fixtures import _applied_once, applied, house

__all__ = ["_applied_once", "applied", "house"]
