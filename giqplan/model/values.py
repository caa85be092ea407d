"""JSON values, and the value that is not known before apply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias, final

JsonObject: TypeAlias = Mapping[str, Any]
"""A JSON object that nobody may change. Values inside are JSON, or ``UNKNOWN`` where a plan cannot know them yet."""

Path: TypeAlias = tuple[str | int, ...]
"""Where a leaf stands. In lists that Kubernetes keys by a field, the step is ``name=web`` style text (see kube/), else an index."""


@final
class _Unknown:
    """The one value ``(known after apply)``. Equal only to itself; never serialised as JSON."""

    _one: _Unknown | None = None

    def __new__(cls) -> _Unknown:
        if cls._one is None:
            cls._one = super().__new__(cls)
        return cls._one

    def __repr__(self) -> str:
        return "(known after apply)"

    def __copy__(self) -> _Unknown:
        return self

    def __deepcopy__(self, memo: object) -> _Unknown:
        return self


UNKNOWN: Final = _Unknown()


def has_unknown(value: Any) -> bool:
    """Whether ``UNKNOWN`` stands anywhere in ``value``."""
    if isinstance(value, Mapping):
        return any(has_unknown(v) for v in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(v) for v in value)
    return value is UNKNOWN


def leaves(value: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every scalar (and every empty container) of ``value`` with its path."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list | tuple) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, (*at, index))
    else:
        yield at, value
