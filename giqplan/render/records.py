"""Records of a list command: JSON objects whose values are reached by keys such as ``performanceStats[0].ntpotMilliseconds``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from giqplan.errors import UsageError
from giqplan.model.values import JsonObject, leaves

_INDEX = re.compile(r"\[(\d+)\]")


def keys_of(records: Iterable[JsonObject]) -> tuple[str, ...]:
    """Every key with a scalar at its end in any record, lists without their index: ``performanceStats.ntpotMilliseconds``."""
    found = (".".join(str(step) for step in path if not isinstance(step, int)) for record in records for path, _ in leaves(record))
    return tuple(sorted(set(found)))


def values_at(record: JsonObject, key: str) -> tuple[Any, ...]:
    """The scalars at ``key``; of a list without an index those of every element. What is not there or null gives ()."""
    steps: list[str | int] = []
    for part in key.split("."):
        steps += [_INDEX.sub("", part), *map(int, _INDEX.findall(part))]
    return tuple(_reach(record, steps))


def _reach(value: Any, steps: Sequence[str | int]) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        inner = value[steps[0] : steps[0] + 1] if steps and isinstance(steps[0], int) else value
        rest = steps[1:] if inner is not value else steps
        for one in inner:
            yield from _reach(one, rest)
    elif steps:
        if isinstance(value, dict):
            yield from _reach(value.get(steps[0]), steps[1:])
    elif value is not None and not isinstance(value, dict):
        yield value


def known_key(word: str, keys: Sequence[str], flag: str) -> str:
    """``word`` as a key of the records: whole, or its last part where only one key ends so. Raises UsageError GIQ0110."""
    bare = _INDEX.sub("", word)
    if bare in keys:
        return word
    ending = [key for key in keys if key.rpartition(".")[2] == bare]
    if len(ending) == 1:
        return ending[0]
    from difflib import get_close_matches

    near = ending or get_close_matches(bare, sorted({key.rpartition(".")[2] for key in keys}), 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"keys: {', '.join(keys)}"
    what = "stands for several keys" if ending else "is no key of what is listed"
    raise UsageError("GIQ0110", f"{flag}: {word} {what}", hint)


def sorted_by(records: Sequence[JsonObject], order: str, keys: Sequence[str]) -> list[JsonObject]:
    """``records`` by the keys of ``order`` (``KEY,~KEY``: the second in falling order); numbers by size, then text; records without the
    value last. Raises UsageError GIQ0110 for an unknown key."""
    found = list(records)
    for word in reversed([part.strip() for part in order.split(",") if part.strip()]):
        key = known_key(word.removeprefix("~"), keys, "--sort-by")
        having = [record for record in found if values_at(record, key)]
        having.sort(key=lambda record: _rank(values_at(record, key)[0]), reverse=word.startswith("~"))
        found = having + [record for record in found if not values_at(record, key)]
    return found


def _rank(value: Any) -> tuple[bool, float, str]:
    number = as_number(value)
    return (number is None, 0.0 if number is None else number, "" if number is not None else str(value).lower())


def as_number(value: Any) -> float | None:
    """``value`` as a number where it is one; money stands as text in JSON."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
