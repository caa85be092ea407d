"""The patches a Kubernetes API server takes: JSON patch (RFC 6902), JSON merge patch (RFC 7386), strategic merge patch.

Strategic merge follows k8s.io/apimachinery/pkg/util/strategicpatch: lists merge by the schema's merge key, with the directives
``$patch``, ``$retainKeys``, ``$deleteFromPrimitiveList`` and ``$setElementOrder``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from giqplan.kube.fieldset import equal
from giqplan.kube.refusal import Refusal
from giqplan.kube.schema import ANY, Schema
from giqplan.kube.values import Json, JsonObject, copied

_REJECTED = "the server rejected our request due to an error in our request"
_PATCH = "$patch"
_RETAIN = "$retainKeys"
_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def json_patch(document: JsonObject, operations: Sequence[JsonObject]) -> Json:
    """``document`` after the operations. Raises ``Refusal`` (422) when one does not apply; then nothing is changed."""
    out: Any = copied(document)
    for operation in operations:
        try:
            out = _operate(out, operation)
        except (KeyError, IndexError, ValueError, TypeError) as e:
            raise Refusal(422, "Invalid", _REJECTED) from e
    if not isinstance(out, dict):
        raise Refusal(422, "Invalid", _REJECTED)
    return out


def _operate(document: Any, operation: JsonObject) -> Any:
    kind, path = operation["op"], _pointer(operation["path"])
    if kind == "add":
        return _add(document, path, copied(operation["value"]))
    if kind == "remove":
        _take(document, path)
        return document
    if kind == "replace":
        _at(document, path)
        return _replace(document, path, copied(operation["value"]))
    if kind == "copy":
        return _add(document, path, copied(_at(document, _pointer(operation["from"]))))
    if kind == "move":
        return _add(document, path, _take(document, _pointer(operation["from"])))
    if kind == "test":
        if not equal(_at(document, path), operation.get("value")):
            raise ValueError("test failed")
        return document
    raise ValueError(f"unknown operation {kind}")


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(f"not a JSON pointer: {text}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _index(items: list[Any], step: str, end: int) -> int:
    number = int(step)
    if not 0 <= number < end:
        raise IndexError(step)
    return number


def _at(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        value = value[_index(value, step, len(value))] if isinstance(value, list) else value[step]
    return value


def _add(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _at(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(parent, last, len(parent) + 1), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise TypeError("neither a list nor a map")
    return document


def _replace(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _at(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent[_index(parent, last, len(parent))] = value
    else:
        parent[last] = value
    return document


def _take(document: Any, path: Sequence[str]) -> Any:
    parent, last = _at(document, path[:-1]), path[-1]
    return parent.pop(_index(parent, last, len(parent))) if isinstance(parent, list) else parent.pop(last)


def merge_patch(document: JsonObject, patch: JsonObject) -> Json:
    """``document`` with the patch merged in: null deletes, maps merge, everything else replaces."""
    out = copied(document)
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, Mapping):
            held = out.get(key)
            out[key] = merge_patch(held if isinstance(held, Mapping) else {}, value)
        else:
            out[key] = copied(value)
    result: Json = out
    return result


def strategic_merge_patch(document: JsonObject, patch: JsonObject, schema: Schema) -> Json:
    """``document`` with the patch merged in as ``schema`` (a built-in kind's) says. Raises ``Refusal`` (400) for a broken directive."""
    return _merge_map(copied(document), patch, schema)


def _refuse(message: str) -> Refusal:
    return Refusal(400, "BadRequest", message)


def _merge_map(held: Json, patch: JsonObject, schema: Schema, replace: bool = False) -> Json:
    directive = patch.get(_PATCH)
    if directive == "replace" or replace:
        return _clean_map(patch)
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise _refuse(f"unable to find api field: unknown patch type {directive!r}")
    if _RETAIN in patch:
        kept = set(patch[_RETAIN])
        unknown = sorted(k for k, v in patch.items() if v is not None and not k.startswith("$") and k not in kept)
        if unknown:
            raise _refuse(f"field(s) {', '.join(unknown)} must be listed in $retainKeys")
        held = {k: v for k, v in held.items() if k in kept}
    for key, value in patch.items():
        if key in (_PATCH, _RETAIN) or key.startswith(_ORDER):
            continue
        if key.startswith(_DELETE_FROM):
            name = key.removeprefix(_DELETE_FROM)
            held[name] = [v for v in held.get(name) or () if v not in value]
            continue
        _merge_field(held, key, value, patch.get(_ORDER + key), schema)
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and name not in patch and isinstance(held.get(name), list):
            held[name] = _ordered(held[name], held[name], order, (schema.field(name) or ANY).merge_key)
    return held


def _merge_field(held: Json, key: str, value: Any, order: Sequence[Any] | None, schema: Schema) -> None:
    child = schema.field(key) or ANY
    before = held.get(key)
    if value is None:
        held.pop(key, None)
    elif isinstance(value, Mapping):
        replaces = "replace" in child.patch_strategies
        held[key] = _merge_map(before if isinstance(before, dict) else {}, value, child, replaces and isinstance(before, dict))
    elif isinstance(value, list) and isinstance(before, list) and "merge" in child.patch_strategies:
        held[key] = _merge_list(before, value, order, child)
    elif isinstance(value, list):
        items = [v for v in value if not (isinstance(v, Mapping) and v.get(_PATCH) in ("delete", "replace") and len(v) <= 2)]
        held[key] = [_clean(v) for v in items] if child.merge_key else copied(value)
    else:
        held[key] = value


def _clean_map(value: JsonObject) -> Json:
    return {k: _clean(v) for k, v in value.items() if v is not None and not k.startswith("$")}


def _clean(value: Any) -> Any:
    """``value`` without directives: what is new has nothing to merge into."""
    if isinstance(value, Mapping):
        return _clean_map(value)
    return [_clean(v) for v in value] if isinstance(value, list) else value


def _merge_list(held: list[Any], patch: list[Any], order: Sequence[Any] | None, schema: Schema) -> list[Any]:
    key = schema.merge_key
    if not key or (patch and not isinstance(patch[0], Mapping)):
        merged = [*held, *(v for v in patch if v not in held)]
        return _ordered(merged, held, patch if order is None else order, "")
    if any(item.get(_PATCH) == "replace" for item in patch):
        return [_clean(item) for item in patch if _PATCH not in item]
    merged = list(held)
    for item in patch:
        if key not in item:
            raise _refuse(f"map: {dict(item)} does not contain declared merge key: {key}")
        at = next((i for i, h in enumerate(merged) if isinstance(h, dict) and h.get(key) == item[key]), -1)
        if item.get(_PATCH) == "delete":
            merged = [h for h in merged if h.get(key) != item[key]]
        elif at < 0:
            merged.append(_clean(item))
        else:
            merged[at] = _merge_map(merged[at], item, schema.items)
    return _ordered(merged, held, [i for i in patch if i.get(_PATCH) != "delete"] if order is None else order, key)


def _ordered(items: list[Any], before: Sequence[Any], order: Sequence[Any], key: str) -> list[Any]:
    """Items named by ``order`` in its order, and the others in that of ``before``, interleaved by ``before`` where it has both
    (strategicpatch, normalizeElementOrder and mergeSortedSlice)."""

    def name(item: Any) -> Any:
        return item.get(key) if isinstance(item, Mapping) else item

    wanted, known = [name(o) for o in order], [name(b) for b in before]
    listed = sorted((i for i in items if name(i) in wanted), key=lambda i: wanted.index(name(i)))
    others = [i for i in items if name(i) not in wanted]
    out: list[Any] = []
    while listed and others:
        left, right = name(others[0]), name(listed[0])
        first = left in known and right in known and known.index(left) < known.index(right)
        out.append(others.pop(0) if first else listed.pop(0))
    return [*out, *listed, *others]
