"""The house of the engine's tests, for checks that are provoked over the wire."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engine"))

from engine_fixtures import _applied_once, applied, house

__all__ = ["_applied_once", "applied", "house"]
