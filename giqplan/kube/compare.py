"""Comparing Kubernetes objects as a server would: keyed lists by key, sets without order, quantities by value.

Paths are explained at ``values.Path``. None, and an empty list or free map, count as absent, because a server drops them.
A value that is no JSON stands for one that is not known yet (a plan's ``UNKNOWN``): it differs from nothing but ABSENT.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from giqplan.kube import quantity
from giqplan.kube.schema import ANY, Schema
from giqplan.kube.values import LEAVES, MAPS, JsonObject, Path, copied

__all__ = ["ABSENT", "Difference", "Path", "differences", "item_step", "path_text", "project", "remove_paths", "value_at"]


class _Absent:
    """The one value that stands for "not there"."""

    def __repr__(self) -> str:
        return "(absent)"

    def __copy__(self) -> _Absent:
        return self

    def __deepcopy__(self, memo: object) -> _Absent:
        return self


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Difference:
    """One leaf that differs. ``before`` or ``after`` is ``ABSENT`` when the leaf stands on one side only; then it is the whole value."""

    path: Path
    before: Any = field(hash=False)
    after: Any = field(hash=False)


def differences(before: Any, after: Any, schema: Schema) -> tuple[Difference, ...]:
    """The leaves in which ``after`` differs from ``before``, in a stable order (keys sorted, list items as in ``after``).

    Atomic lists compare item by item when they are as long as each other, else they differ as a whole. Both sides are taken to fit the
    schema: a boolean is not told from an integer.
    """
    found: list[Difference] = []
    _compare(before, after, schema, (), found)
    return tuple(found)


def _compare(before: Any, after: Any, schema: Schema, at: Path, found: list[Difference]) -> None:
    if before is after or before == after:
        return
    if isinstance(before, MAPS) and isinstance(after, MAPS):
        for key in sorted({*before, *after}):
            left, right = before.get(key, ABSENT), after.get(key, ABSENT)
            if left is not right:
                _compare(left, right, schema.field(key) or ANY, (*at, key), found)
    elif _is_list(before) and _is_list(after):
        _compare_lists(before, after, schema, at, found)
    elif not _equal_leaves(before, after, schema):
        found.append(Difference(at, before, after))


def _compare_lists(before: Sequence[Any], after: Sequence[Any], schema: Schema, at: Path, found: list[Difference]) -> None:
    if schema.list_type in ("map", "set"):
        left = {item_step(item, schema): item for item in before}
        right = {item_step(item, schema): item for item in after}
        for step in [*right, *(s for s in left if s not in right)]:
            _compare(left.get(step, ABSENT), right.get(step, ABSENT), schema.items, (*at, step), found)
    elif len(before) == len(after):
        for index, (left_item, right_item) in enumerate(zip(before, after, strict=True)):
            _compare(left_item, right_item, schema.items, (*at, index), found)
    else:
        found.append(Difference(at, before, after))


def _equal_leaves(before: Any, after: Any, schema: Schema) -> bool:
    if before is ABSENT or after is ABSENT:
        there = after if before is ABSENT else before
        return there is None or (there in ([], {}, ()) and (schema.type == "array" or schema.is_map))
    if before is None or after is None:
        return _equal_leaves(ABSENT if before is None else before, ABSENT if after is None else after, schema)
    if not _is_json(before) or not _is_json(after):
        return True
    if schema.quantity:
        return quantity.same(before, after)
    return bool(before == after)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_json(value: Any) -> bool:
    return isinstance(value, str | int | float | Mapping | list | tuple)


def item_step(item: Any, schema: Schema) -> str:
    """The step of ``item`` in a keyed list (``[name=web]``) or a set (``[=value]``); absent keys take their defaults (protocol TCP)."""
    if schema.list_type == "map" and isinstance(item, MAPS):
        keys = ((key, item.get(key, ABSENT)) for key in schema.list_map_keys)
        return "[" + ",".join(f"{key}={_key_text(value, schema, key)}" for key, value in keys) + "]"
    return f"[={item if isinstance(item, str) else json.dumps(item, sort_keys=True, default=repr)}]"


def _key_text(value: Any, schema: Schema, key: str) -> str:
    if value is ABSENT:
        child = schema.items.field(key)
        value = child.default if child is not None and child.has_default else ""
    return str(value)


def project(live: Any, shape: Any, schema: Schema) -> Any:
    """The part of ``live`` that stands on the paths of ``shape``: ``project(x, x, schema) == x``.

    Keyed lists match by key, sets by value, atomic lists item by item when as long as ``shape``'s, else they come whole. Items stand in
    the order of ``shape``. What ``live`` lacks is missing from the answer. Shares values with ``live``: do not change them.
    """
    if isinstance(shape, MAPS) and isinstance(live, MAPS):
        out = {}
        for key, inner in shape.items():
            value = live.get(key, ABSENT)
            if value is not ABSENT:
                out[key] = value if type(inner) in LEAVES else project(value, inner, schema.field(key) or ANY)
        return out
    if _is_list(shape) and _is_list(live):
        return _project_list(live, shape, schema)
    return live


def _project_list(live: Sequence[Any], shape: Sequence[Any], schema: Schema) -> list[Any]:
    items = schema.items
    if schema.list_type in ("map", "set"):
        held = {item_step(item, schema): item for item in live}
        steps = [(item_step(item, schema), item) for item in shape]
        return [project(held[step], item, items) for step, item in steps if step in held]
    if len(live) == len(shape):
        return [a if type(b) in LEAVES else project(a, b, items) for a, b in zip(live, shape, strict=True)]
    return list(live)


def path_text(path: Iterable[str | int]) -> str:
    """``spec.template.spec.containers[inference-server].resources.limits.cpu``: the path for people."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.startswith("["):
            text += "[" + "/".join(part.partition("=")[2] for part in step[1:-1].split(",")) + "]"
        else:
            text += f".{step}" if text else step
    return text


def _matches(item: Any, step: str) -> bool:
    pairs = [part.partition("=") for part in step[1:-1].split(",")]
    if not pairs[0][0]:
        return (item if isinstance(item, str) else json.dumps(item, sort_keys=True)) == step[2:-1]
    return isinstance(item, MAPS) and all(key not in item or str(item[key]) == value for key, _, value in pairs)


def value_at(value: Any, path: Iterable[str | int]) -> Any:
    """What stands at ``path``; ABSENT when nothing does."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if _is_list(value) and step < len(value) else ABSENT
        elif _is_list(value):
            value = next((item for item in value if _matches(item, step)), ABSENT)
        else:
            value = value.get(step, ABSENT) if isinstance(value, MAPS) else ABSENT
        if value is ABSENT:
            return ABSENT
    return value


def remove_paths(value: JsonObject, paths: Iterable[Path]) -> dict[str, Any]:
    """A copy of ``value`` without what stands at ``paths``. Maps and lists that become empty by it go too."""
    out: dict[str, Any] = copied(value)
    for path in paths:
        _remove(out, path)
    return out


def _remove(value: Any, path: Path) -> None:
    inner = value_at(value, path[:1])
    if inner is ABSENT:
        return
    if len(path) > 1:
        _remove(inner, path[1:])
        if not (isinstance(inner, dict | list) and not inner):
            return
    if isinstance(value, list):
        value.remove(inner)
    else:
        del value[path[0]]
