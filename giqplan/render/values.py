"""JSON values for people: YAML-like, on one line where it fits, with ``(known after apply)`` for what is not known."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from giqplan.model.plan import ABSENT_LEAF
from giqplan.model.values import UNKNOWN

_PLAIN = re.compile(r"-{0,2}[A-Za-z0-9_./$(](?:[-A-Za-z0-9_./:@=+%$()*<>~, ]*[-A-Za-z0-9_./@=+%$()*<>~])?")
"""Text that reads the same in YAML without quotes; with ``: `` it would be a key, and what reads as something else is excluded below."""

_NOT_TEXT = re.compile(r"[-+.]?[0-9][-+0-9_.:eExXa-fA-FtTzZ ]*|[-+._]*|true|false|null|yes|no|on|off|y|n", re.IGNORECASE)
"""Numbers, dates and words that YAML reads as values."""


_MAPS = (dict, Mapping)
_NESTED = (dict, list, tuple, Mapping)


def scalar(value: Any) -> str:
    """One leaf: text in quotes only where it would read as something else."""
    if value is UNKNOWN or value is ABSENT_LEAF:
        return repr(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _NOT_TEXT.fullmatch(value) and ": " not in value:
        return value
    if isinstance(value, str) and '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)


def inline(value: Any) -> str:
    """Any value on one line, in YAML's flow style."""
    text = _within(value, sys.maxsize)
    assert text is not None
    return text


def _within(value: Any, width: int) -> str | None:
    """``inline``, or None when that is wider: what does not fit is not written to its end, level by level."""
    if not isinstance(value, _NESTED):
        text = _text_in_flow(value) if type(value) is str else _in_flow(value)
        return text if len(text) <= width else None
    parts, room = [], width - 2
    for key, inner in value.items() if isinstance(value, _MAPS) else ((None, inner) for inner in value):
        head = "" if key is None else f"{key_text(key)}: "
        part = _within(inner, room - len(head))
        if part is None:
            return None
        parts.append(head + part)
        room -= len(head) + len(part) + 2
    text = ", ".join(parts)
    left, right = "{}" if isinstance(value, _MAPS) else "[]"
    return f"{left}{text}{right}" if len(text) + 2 <= width else None


def _in_flow(value: Any) -> str:
    """One leaf inside braces or brackets, where a comma would end it."""
    text = scalar(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and re.search(r"[,{}\[\]]", text) and text == value else text


@lru_cache(4096)
def _text_in_flow(value: str) -> str:
    """``_in_flow`` of a text: a plan of many objects repeats the same few."""
    return _in_flow(value)


def key_text(key: Any) -> str:
    """A mapping's key, quoted like any other text; it may come to stand inside braces."""
    return _text_in_flow(str(key))


def block(value: Any, width: int) -> Iterator[str]:
    """The lines of a mapping or list, YAML-like; what fits into ``width`` stands on one line."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entry(f"{key_text(key)}:", inner, width)
    else:
        for inner in value:
            yield from _item(inner, width)


def _entry(head: str, value: Any, width: int) -> Iterator[str]:
    if _nested(value):
        text = _within(value, width - len(head) - 1)
        yield head if text is None else f"{head} {text}"
        if text is None:
            yield from (f"  {part}" for part in block(value, width - 2))
    elif _multiline(value):
        yield f"{head} |"
        yield from (f"  {part}" for part in value.splitlines())
    else:
        yield f"{head} {scalar(value)}"


def _item(value: Any, width: int) -> Iterator[str]:
    text = _within(value, width - 2) if _nested(value) else scalar(value)
    if text is not None:
        yield f"- {text}"
        return
    first, *more = block(value, width - 2)
    yield f"- {first}"
    yield from (f"  {part}" for part in more)


def _nested(value: Any) -> bool:
    return isinstance(value, _NESTED) and bool(value)


def _multiline(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value.strip("\n")


_MARKS = ("app.kubernetes.io/", "applyset.k8s.io/", "giqplan.dev/")
"""Prefixes of labels and annotations that every object of ours carries (manifests/marks.py)."""


def is_object(value: Any) -> bool:
    """Whether ``value`` is a Kubernetes object."""
    return isinstance(value, Mapping) and "apiVersion" in value and "kind" in value


def essential(value: Any) -> Any:
    """A Kubernetes object without what its address says (kind, name, namespace) and without our marks; anything else as it is."""
    if not is_object(value):
        return value
    metadata = {key: inner for key, inner in value.get("metadata", {}).items() if key not in ("name", "namespace")}
    for key in ("labels", "annotations"):
        if key in metadata:
            metadata[key] = {name: inner for name, inner in metadata[key].items() if not name.startswith(_MARKS)}
    metadata = {key: inner for key, inner in metadata.items() if inner != {}}
    rest = {key: inner for key, inner in value.items() if key not in ("apiVersion", "kind", "metadata")}
    return {**({"metadata": metadata} if metadata else {}), **rest}
