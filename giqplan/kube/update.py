"""Ownership after create, PUT and PATCH."""

from __future__ import annotations

from giqplan.kube.schema import Schema
from giqplan.kube.values import JsonObject


def track_update(
    before: JsonObject | None, after: JsonObject, *, manager: str, now: str, schema: Schema, subresource: str = ""
) -> JsonObject:
    """``after`` with the managedFields it gets when ``manager`` writes it by POST (``before`` None), PUT or PATCH. ``after`` is the object
    as it will be stored (defaults in it); its own managedFields are honoured as the server does ([{}] resets them)."""
    raise NotImplementedError


def needs_new_generation(before: JsonObject, after: JsonObject, has_status: bool) -> bool:
    """Whether a kind that has generations counts up: anything but metadata and status differs."""
    raise NotImplementedError
