"""Validation."""

from __future__ import annotations

from giqplan.kube.kinds import KindInfo
from giqplan.kube.refusal import Cause
from giqplan.kube.schema import Schema
from giqplan.kube.values import JsonObject


def validate(obj: JsonObject, old: JsonObject | None, info: KindInfo, schema: Schema) -> tuple[Cause, ...]:
    """Why a server would answer 422 Invalid to storing ``obj`` (defaulted) over ``old`` (None = create); empty = valid."""
    raise NotImplementedError
