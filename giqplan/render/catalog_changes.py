"""Rows of a catalog that are added, removed or changed, as JSON and as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from giqplan.catalog.difference import RowChange
from giqplan.catalog.schema import TABLES
from giqplan.render.page import printable

_SYMBOLS = {"added": "+", "removed": "-", "changed": "~"}


def _kind(change: RowChange) -> str:
    return "added" if change.before is None else "removed" if change.after is None else "changed"


def changes_json(changes: Iterable[RowChange]) -> list[dict[str, Any]]:
    """One object a row: table, key, what happened, and the cells (of a changed row those that differ)."""
    return [
        {
            "table": change.table,
            "key": list(change.key),
            "change": _kind(change),
            "before": None if change.before is None else _cells(change, change.before),
            "after": None if change.after is None else _cells(change, change.after),
        }
        for change in changes
    ]


def _cells(change: RowChange, cells: Any) -> dict[str, str]:
    return {c: cells.get(c, "") for c in change.columns or TABLES[change.table].columns}


def changes_text(changes: Sequence[RowChange]) -> str:
    """Tables with their counts, and a line for each row; ends with a newline."""
    lines = []
    for table, members in groupby(changes, key=lambda change: change.table):
        rows = list(members)
        counts = Counter(_kind(change) for change in rows)
        lines.append(f"{table}: " + ", ".join(f"{counts[kind]} {kind}" for kind in _SYMBOLS if counts[kind]))
        lines += [printable(f"  {_SYMBOLS[_kind(change)]} {_row(change)}") for change in rows]
    return "\n".join(lines or ["No difference."]) + "\n"


def _row(change: RowChange) -> str:
    table = TABLES[change.table]
    if change.before is not None and change.after is not None:
        told = [f"{c} {change.before.get(c) or 'blank'} -> {change.after.get(c) or 'blank'}" for c in change.columns]
    else:
        cells = change.after or change.before or {}
        told = [f"{c} {cells[c]}" for c in table.columns if c not in table.key and cells.get(c)]
    return f"{' '.join(change.key[: len(table.key)])}: {', '.join(told)}"
