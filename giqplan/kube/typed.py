"""Whether a value fits its schema, as structured-merge-diff checks an applied configuration (typed/validate.go)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from giqplan.kube import quantity
from giqplan.kube.fieldset import ElementPath, element, path_text
from giqplan.kube.refusal import Refusal
from giqplan.kube.schema import Schema
from giqplan.kube.values import MAPS, JsonObject

_NUMERIC = ("integer", "number")


def errors(value: Any, schema: Schema) -> Iterator[str]:
    """What does not fit, as the server words it: ``.spec.prts: field not declared in schema``."""
    yield from _errors(value, schema, ())


def _errors(value: Any, schema: Schema, at: ElementPath) -> Iterator[str]:
    if value is None or schema.int_or_string or schema.quantity or not schema.type:
        return
    if schema.type == "object":
        if isinstance(value, MAPS):
            yield from _map_errors(value, schema, at)
        else:
            yield f"{path_text(at)}: expected map, got {_go(value, boxed=True)}"
    elif schema.type == "array":
        if isinstance(value, list | tuple):
            yield from _list_errors(value, schema, at)
        else:
            yield f"{path_text(at)}: expected list, got {_go(value, boxed=True)}"
    else:
        problem = _scalar_problem(value, schema.type)
        if problem:
            yield f"{path_text(at)}: {problem}"


def _map_errors(value: Mapping[str, Any], schema: Schema, at: ElementPath) -> Iterator[str]:
    for key in sorted(value):
        child = schema.field(key)
        if child is None:
            yield f"{path_text((*at, 'f:' + key))}: field not declared in schema"
        else:
            yield from _errors(value[key], child, (*at, "f:" + key))


def _list_errors(value: Sequence[Any], schema: Schema, at: ElementPath) -> Iterator[str]:
    keyed = schema.list_type in ("map", "set")
    seen: set[str] = set()
    for index, item in enumerate(value):
        if keyed and schema.list_type == "map" and not isinstance(item, MAPS):
            yield f"{path_text(at)}: element {index}: associative list with keys may not have non-map elements"
            continue
        step = element(item, schema) if keyed else f"i:{index}"
        if step in seen:
            yield f"{path_text(at)}: duplicate entries for key {path_text((step,))}"
        seen.add(step)
        yield from _errors(item, schema.items, (*at, step))


def _scalar_problem(value: Any, kind: str) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind in _NUMERIC:
        return "" if number else f"expected numeric (int or float), got {_go_type(value)}"
    if kind == "string":
        return "" if isinstance(value, str) else f"expected string, got {_go(value)}"
    return "" if isinstance(value, bool) else f"expected boolean, got {_go(value)}"


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "string" if isinstance(value, str) else "map" if isinstance(value, MAPS) else "list"


def _go(value: Any, boxed: bool = False) -> str:
    """A value as Go prints it (``%v``): a pointer to a struct of the value, the struct's name when it stands alone."""
    text = _go_text(value)
    return f"&{{{text}}}" if boxed else f"&value.valueUnstructured{{Value:{text}}}"


def _go_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, MAPS):
        return "map[" + " ".join(f"{k}:{_go_text(value[k])}" for k in sorted(value)) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(_go_text(v) for v in value) + "]"
    return str(value)


def check_applied(applied: JsonObject, schema: Schema) -> None:
    """Raises ``Refusal`` (500, no reason) when ``applied`` does not fit: the server does not classify these errors."""
    found = list(errors(applied, schema))
    if found:
        text = found[0] if len(found) == 1 else "errors:\n" + "\n".join(f"  {e}" for e in found)
        raise Refusal(500, "", f"failed to create typed patch object ({_who(applied)}): {text}")
    broken = "" if schema.is_custom else next(_unconvertible(applied, schema), "")
    if broken:
        version = applied.get("apiVersion", "")
        kind = f"{version if '/' in version else '/' + version}, Kind={applied.get('kind', '')}"
        reason = f"unable to convert unstructured object to {kind}: {broken}"
        raise Refusal(500, "", f"failed to convert new object ({_who(applied)}) to proper version: {reason}")


def _who(applied: JsonObject) -> str:
    meta = applied.get("metadata") or {}
    version = applied.get("apiVersion", "")
    group_version = version if "/" in version else f"/{version}"
    return f"{meta.get('namespace', '')}/{meta.get('name', '')}; {group_version}, Kind={applied.get('kind', '')}"


def _unconvertible(value: Any, schema: Schema) -> Iterator[str]:
    """Why values of the right JSON type do not fit the Go type: fractions, quantities, base64."""
    if isinstance(value, MAPS):
        for key, inner in value.items():
            child = schema.field(key)
            if child is not None:
                yield from _unconvertible(inner, child)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _unconvertible(item, schema.items)
    elif schema.type == "integer" and isinstance(value, float) and not value.is_integer():
        yield f"cannot convert float64 to {schema.raw.get('format', 'int64')}"
    elif schema.quantity and value is not None:
        try:
            quantity.parse(value)
        except quantity.QuantityError as e:
            yield str(e)
    elif schema.raw.get("format") == "byte" and isinstance(value, str):
        bad = re.search(r"[^A-Za-z0-9+/]", value.rstrip("="))
        if bad is not None or len(value) % 4:
            yield f"error decoding from json: illegal base64 data at input byte {bad.start() if bad else len(value)}"


def decode_error(obj: JsonObject, schema: Schema) -> str:
    """Why POST, PUT and patches would not decode ``obj`` (empty: they would), in the words of Go's encoding/json:
    ``json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32``."""
    return next(_decode_errors(obj, schema, schema, ""), "")


def _decode_errors(value: Any, schema: Schema, owner: Schema, at: str) -> Iterator[str]:
    if value is None or schema.int_or_string or not schema.type:
        return
    if schema.quantity:
        try:
            quantity.parse(value)
        except quantity.QuantityError as e:
            yield str(e)
    elif schema.type == "object" and isinstance(value, MAPS):
        for key, inner in value.items():
            child = schema.field(key)
            if child is not None:
                free = schema.is_map
                yield from _decode_errors(inner, child, owner if free else schema, at if free else f"{at}.{key}")
    elif schema.type == "array" and isinstance(value, list | tuple):
        for item in value:
            yield from _decode_errors(item, schema.items, owner, at)
    elif schema.type in ("object", "array") or _scalar_problem(value, schema.type):
        yield f"json: cannot unmarshal {_json_type(value)} into Go struct field {owner.go_name}{at} of type {_go_kind(schema)}"


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "object" if isinstance(value, MAPS) else "array"


def _go_kind(schema: Schema) -> str:
    names = {"integer": str(schema.raw.get("format", "int64")), "number": "float64", "boolean": "bool"}
    if schema.type == "array":
        return f"[]{schema.items.go_name or names.get(schema.items.type, schema.items.type)}"
    if schema.is_map:
        return "map[string]string"
    return names.get(schema.type, schema.go_name or schema.type)
