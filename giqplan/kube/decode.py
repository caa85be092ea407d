"""What becomes of an object when the API server decodes it into its Go types and writes it again.

Nulls, empty lists, empty free maps and zero values of plain fields vanish (``omitempty``); some structs always appear (``resources``,
``status``, the ``creationTimestamp: null`` of embedded metadata); quantities become canonical; keys outside the schema are dropped.
Source: the JSON tags of k8s.io/api 1.33. Which fields are pointers (and so keep their zero) is not in the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from giqplan.kube import quantity
from giqplan.kube.refusal import Refusal
from giqplan.kube.schema import ANY, Schema
from giqplan.kube.values import MAPS, Json, JsonObject, copied

#: Optional booleans and integers that are plain (not pointers): false and 0 are left out.
_PLAIN_TEXT = """
hostNetwork hostPID hostIPC readOnly stdin stdinOnce tty paused publishNotReadyAddresses initialDelaySeconds timeoutSeconds
periodSeconds successThreshold failureThreshold hostPort minReadySeconds nodePort healthCheckNodePort replicas readyReplicas
availableReplicas updatedReplicas unavailableReplicas observedGeneration active succeeded failed globalDefault unschedulable
insecureSkipTLSVerify deprecated generation preserveUnknownFields numberUnavailable
"""
_PLAIN = frozenset(_PLAIN_TEXT.split())
#: Optional strings that are pointers: "" stays.
_POINTER_TEXT = frozenset(
    ("storageClassName", "ingressClassName", "runtimeClassName", "preemptionPolicy", "loadBalancerClass", "procMount", "service", "type")
)


def decoded(obj: JsonObject, schema: Schema) -> Json:
    """A copy of ``obj`` as the server would hold it, without defaults. Raises ``Refusal`` for a quantity that is none."""
    if schema.is_custom:
        out = {k: v for k, v in prune_unknown(obj, schema).items() if k != "metadata"}
        meta_schema = schema.field("metadata") or ANY
        return {**out, "metadata": _map(obj.get("metadata") or {}, meta_schema)}
    return _map(obj, schema)


def _map(value: Mapping[str, Any], schema: Schema) -> Json:
    out: Json = {}
    free = schema.is_map
    for key, inner in value.items():
        child = schema.field(key)
        if child is None or (inner is None and not free):
            continue
        kept = _value(inner, child)
        if free or not _vanishes(key, kept, child, schema):
            out[key] = kept
    return out


def _value(value: Any, schema: Schema) -> Any:
    if isinstance(value, MAPS):
        return copied(value) if schema.preserve_unknown or not schema.type else _map(value, schema)
    if isinstance(value, list | tuple):
        return [_value(item, schema.items) for item in value]
    if schema.quantity and value is not None:
        return _quantity(value)
    if schema.type == "integer" and isinstance(value, float):
        return int(value)
    return value


def _quantity(value: Any) -> str:
    try:
        return quantity.canonical(value)
    except quantity.QuantityError as e:
        raise Refusal(500, "", str(e)) from e


def _vanishes(key: str, value: Any, child: Schema, parent: Schema) -> bool:
    if key in parent.required:
        return False
    if value == [] and child.type == "array":
        return True
    if value == {} and child.is_map:
        return True
    if value is False or (value == 0 and isinstance(value, int) and not isinstance(value, bool)):
        return key in _PLAIN and _plain_here(key, parent)
    return value == "" and child.type == "string" and key not in _POINTER_TEXT


def _plain_here(key: str, parent: Schema) -> bool:
    if key == "replicas":  # a pointer in specs, plain in statuses
        return parent.field("observedGeneration") is not None
    if key == "readOnly":  # a pointer in CSI volumes
        return parent.field("volumeAttributes") is None
    return True


def unknown_fields(obj: JsonObject, schema: Schema) -> tuple[str, ...]:
    """Paths of fields the schema does not have, as the server's warnings name them (``spec.containers[0].foo``), innermost order."""
    return tuple(_unknown(obj, schema, ""))


def _unknown(value: Any, schema: Schema, at: str) -> Iterator[str]:
    if isinstance(value, MAPS) and schema.type == "object":
        for key, inner in value.items():
            child = schema.field(key)
            where = f"{at}.{key}" if at else key
            if child is None:
                yield where
            else:
                yield from _unknown(inner, child, where)
    elif isinstance(value, list | tuple) and schema.type == "array":
        for index, item in enumerate(value):
            yield from _unknown(item, schema.items, f"{at}[{index}]")


def prune_unknown(obj: JsonObject, schema: Schema) -> Json:
    """A copy of ``obj`` without the fields that the schema does not have."""
    out: Json = _pruned(obj, schema)
    return out


def _pruned(value: Any, schema: Schema) -> Any:
    if isinstance(value, MAPS) and schema.type == "object":
        return {k: _pruned(v, child) for k, v in value.items() if (child := schema.field(k)) is not None}
    if isinstance(value, list | tuple) and schema.type == "array":
        return [_pruned(item, schema.items) for item in value]
    return copied(value)
