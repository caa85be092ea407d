"""JSON patch, JSON merge patch, strategic merge patch."""

from __future__ import annotations

from collections.abc import Sequence

from giqplan.kube.schema import Schema
from giqplan.kube.values import JsonObject


def json_patch(document: JsonObject, operations: Sequence[JsonObject]) -> dict[str, object]:
    """RFC 6902. Raises ``Refusal`` (422 Invalid) when an operation does not apply."""
    raise NotImplementedError


def merge_patch(document: JsonObject, patch: JsonObject) -> dict[str, object]:
    """RFC 7386."""
    raise NotImplementedError


def strategic_merge_patch(document: JsonObject, patch: JsonObject, schema: Schema) -> dict[str, object]:
    """Kubernetes' strategic merge patch (built-in kinds only). Raises ``Refusal``."""
    raise NotImplementedError
