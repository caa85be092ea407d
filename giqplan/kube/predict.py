"""Prediction without a server."""

from __future__ import annotations

from giqplan.kube.schema import Schema
from giqplan.kube.ssa import Applied
from giqplan.kube.values import JsonObject


def predict_apply(live: JsonObject | None, applied: JsonObject, manager: str, schema: Schema, now: str, force: bool = False) -> Applied:
    """What a server would store for ``applied``."""
    raise NotImplementedError
