"""Merging a configuration into an object, and taking fields out of it: structured-merge-diff's typed/merge.go and typed/remove.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from giqplan.kube.fieldset import MISSING, FieldSet, element, is_granular
from giqplan.kube.schema import ANY, Schema
from giqplan.kube.values import MAPS


def merge(live: Any, config: Any, schema: Schema) -> Any:
    """``live`` with everything that ``config`` sets; what ``config`` leaves out stays. Shares values with its arguments."""
    if config is MISSING or live is MISSING:
        return live if config is MISSING else config
    left, right = is_granular(live, schema), is_granular(config, schema)
    if not (left and live and (right or config is None)) and not (right and config and (left or live is None)):
        return config
    if isinstance(live or config, Mapping):
        return _merge_maps(live or {}, config or {}, schema)
    return _merge_lists(live or [], config or [], schema)


def _merge_maps(live: Mapping[str, Any], config: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    return {key: merge(live.get(key, MISSING), config.get(key, MISSING), schema.field(key) or ANY) for key in {**live, **config}}


def _merge_lists(live: Sequence[Any], config: Sequence[Any], schema: Schema) -> list[Any]:
    """Items of ``config`` in its order; items that only ``live`` has stay near their old neighbours (typed/merge.go, visitListItems)."""
    left = [(element(item, schema), item) for item in live]
    right = [(element(item, schema), item) for item in config]
    in_left, in_right = dict(reversed(left)), dict(right)
    shared = [step for step, _ in right if step in in_left]
    taken: set[str] = set()
    out: list[Any] = []

    def take(step: str) -> None:
        taken.add(step)
        out.append(merge(in_left.get(step, MISSING), in_right[step], schema.items))
        if shared and shared[0] == step:
            del shared[0]

    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right):
            step = left[i][0]
            if step == right[j][0]:
                take(step)
                i, j = i + 1, j + 1
                continue
            if step in in_right and shared and shared[0] != step:
                i += 1  # shared, but not the one whose turn it is
                continue
        if i < len(left):
            step = left[i][0]
            if step not in in_right:
                out.append(left[i][1])
                i += 1
                continue
            if step in taken:
                i += 1
        if j < len(right):
            take(right[j][0])
            j += 1
    return out


def remove(value: Any, fields: FieldSet, schema: Schema) -> Any:
    """``value`` without the members of ``fields``. A map or list that loses all it has becomes None. Shares values with ``value``."""
    if not is_granular(value, schema) or not value:
        return None if isinstance(value, Mapping | list | tuple) else value
    if isinstance(value, MAPS):
        out = {}
        for key, inner in value.items():
            kept = _remove_child(inner, fields.get("f:" + key), schema.field(key) or ANY)
            if kept is not MISSING:
                out[key] = kept
        return out or None
    kept_items = (_remove_child(item, fields.get(element(item, schema)), schema.items) for item in value)
    return [item for item in kept_items if item is not MISSING] or None


def _remove_child(value: Any, node: Mapping[str, Any] | None, schema: Schema) -> Any:
    if node is None:
        return value
    return MISSING if not node or "." in node else remove(value, node, schema)
