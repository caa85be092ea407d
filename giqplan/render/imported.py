"""What an import of benchmark reports added: its curves for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from giqplan.catalog.curves import curve_key
from giqplan.catalog.difference import RowChange
from giqplan.catalog.layer import NewCurve
from giqplan.render.page import printable

_COLUMNS = (("load", "load"), ("qps", "qps"), ("output_tokens_per_second", "tokens/s"), ("ttft_ms", "TTFT ms"), ("itl_ms", "ITL ms"))
_POINT = (*_COLUMNS, ("ntpot_ms", "NTPOT ms"))


def imported_json(curves: Sequence[NewCurve], changes: Sequence[RowChange], warnings: Sequence[str], *, dry_run: bool) -> dict[str, Any]:
    """``curves``: the cells of each with its ``key``, ``points`` and whether it is new to the layer."""
    return {
        "dry_run": dry_run,
        "changed": bool(changes),
        "curves": [
            {**curve.cells, "key": key, "new": _is_new(key, changes), "points": [dict(point) for point in curve.points]}
            for curve in curves
            if (key := _key(curve))
        ],
        "warnings": list(warnings),
    }


def imported_text(curves: Sequence[NewCurve], changes: Sequence[RowChange], warnings: Sequence[str], *, folder: str, dry_run: bool) -> str:
    """A heading and a table for each curve, the warnings, and what became of it; ends with a newline."""
    lines = []
    for curve in curves:
        key = _key(curve)
        lines.append(printable(f"{key}  {_heading(curve.cells)}{'' if _is_new(key, changes) else '  (is there already)'}"))
        lines += [*_table(curve.points), ""]
    lines += [printable(f"warning: {warning}") for warning in warnings]
    lines.append(_end(changes, folder, dry_run))
    return "\n".join(lines) + "\n"


def _key(curve: NewCurve) -> str:
    return curve_key(curve.cells, curve.points)


def _is_new(key: str, changes: Sequence[RowChange]) -> bool:
    return any(change.table == "curves" and change.key == (key,) and change.before is None for change in changes)


def _heading(cells: Mapping[str, str]) -> str:
    version = cells["model_server_version"] or "(version unknown)"
    shape = " ".join(part for part in (cells["parallelism"], cells["precision"], cells["variant"], cells["serving_stack"]) if part)
    profile = f"{cells['model_server']} {version} on {cells['accelerator_count']} x {cells['accelerator']}{f' ({shape})' if shape else ''}"
    tokens = f"{cells['input_tokens']}/{cells['output_tokens']} tokens"
    return f"{cells['model_id']}, {profile}, {tokens}, {cells['statistic']}, {cells['provenance']}"


def _table(points: Sequence[Mapping[str, str]]) -> list[str]:
    """The points with four digits; the catalog has all of them."""
    rows = [[title for _, title in _POINT], *([_short(point[column]) for column, _ in _POINT] for point in points)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_POINT))]
    marks = ["", *(_mark(point) for point in points)]
    return [f"  {'  '.join(c.rjust(w) for c, w in zip(row, widths, strict=True))}{mark}" for row, mark in zip(rows, marks, strict=True)]


def _short(cell: str) -> str:
    return f"{float(cell):.5g}" if cell else "-"


def _mark(point: Mapping[str, str]) -> str:
    return "  suspect" if point["suspect"] else "  mostly waiting" if point["queue_dominated"] == "yes" else ""


def _end(changes: Sequence[RowChange], folder: str, dry_run: bool) -> str:
    if not changes:
        return f"Nothing new: {folder} holds all of it."
    added = sum(change.table == "curves" and change.before is None for change in changes)
    revised = sum(change.table == "curves" and change.before is not None for change in changes)
    told = [f"{count} {'curve' if count == 1 else 'curves'} {word}" for count, word in ((added, "added"), (revised, "revised")) if count]
    what = f"{' and '.join(told) or 'Sources revised'} in {folder}"
    return f"{what}: a dry run, nothing was written." if dry_run else f"{what}."
