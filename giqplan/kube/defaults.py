"""Defaults."""

from __future__ import annotations

from typing import Any

from giqplan.kube.schema import Schema
from giqplan.kube.values import JsonObject


def with_defaults(obj: JsonObject, schema: Schema) -> dict[str, Any]:
    """A copy of ``obj`` as kube-apiserver 1.33 decodes and defaults it: built-in defaults, a CRD's ``default``s, canonical quantities,
    nulls dropped. Idempotent. Values that a server allocates (clusterIP, uid, Job selector) are not set here."""
    raise NotImplementedError


def unknown_fields(obj: JsonObject, schema: Schema) -> tuple[str, ...]:
    """Paths of fields the schema does not have, as the server's warnings name them (``spec.template.spec.foo``)."""
    raise NotImplementedError


def prune_unknown(obj: JsonObject, schema: Schema) -> dict[str, Any]:
    """``obj`` without the fields that the schema does not have."""
    raise NotImplementedError
