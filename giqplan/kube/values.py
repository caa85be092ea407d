"""JSON as this room passes it around."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]
"""A JSON object that nobody may change."""
Json: TypeAlias = dict[str, Any]
"""A JSON object of the caller's own."""
Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands in an object. A step is a key; for an item of a keyed list ``[name=web]`` (several keys: ``[port=80,protocol=TCP]``,
in the schema's order); for an item of a set ``[=value]``; for an item of an atomic list its index, an int."""


#: For isinstance: asking the abstract class alone costs more than all else of a walk over an object, and nearly every map is a dict.
MAPS: Final = (dict, Mapping)
LEAVES: Final = frozenset({str, int, bool, float, type(None)})


def copied(value: Any) -> Any:
    """A deep copy of JSON: faster than copy.deepcopy, and turns read-only mappings and tuples into dicts and lists."""
    if type(value) in LEAVES:
        return value
    if isinstance(value, MAPS):
        return {k: copied(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [copied(v) for v in value]
    return value
