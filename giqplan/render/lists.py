"""What list commands print: records as a table, CSV, JSON, YAML or Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from giqplan.model.values import JsonObject
from giqplan.render.page import printable
from giqplan.render.records import values_at

FORMATS = ("table", "csv", "json", "yaml", "markdown")
ALIASES = {"profile": "table", "csvprofile": "csv"}
"""gcloud's own names of two of them."""

PAGED = ("table", "markdown")
"""Formats that have a head to be printed again on each page."""

NONE = "N/A"


def _plainly(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


@dataclass(frozen=True)
class Column:
    """``key``: where the value stands in a record; what is not there is ``missing``. ``show`` writes it."""

    title: str
    key: str
    show: Callable[[Any], str] = _plainly
    missing: str = NONE
    right: bool = False

    def cell(self, record: JsonObject) -> str:
        return "; ".join(map(self.show, values_at(record, self.key))) or self.missing


@dataclass(frozen=True)
class Layout:
    """The columns of the table and of the CSV; ``uri``: the key of what names a record, below ``collection``. ``upright``: in the table a
    record is a line a column, title beside value."""

    collection: str
    uri: str
    table: tuple[Column, ...]
    csv: tuple[Column, ...]
    upright: bool = False


def text_of(records: Sequence[JsonObject], layout: Layout, format: str, page_size: int | None = None) -> str:
    """``records`` in one of ``FORMATS``; the head stands again after each ``page_size`` records, in those of ``PAGED``."""
    if format == "csv":
        return _csv(records, layout.csv)
    if format == "json":
        return json.dumps(records, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    if format == "yaml":
        return _yaml(records)
    if format == "table" and not records:
        return ""
    if format == "table" and layout.upright:
        return "\n".join(_upright(record, layout.table) for record in records)
    page = _table if format == "table" else _markdown
    size = page_size or max(len(records), 1)
    return "\n".join(page(records[at : at + size], layout.table) for at in range(0, len(records), size))


def uri_text(records: Sequence[JsonObject], layout: Layout, format: str) -> str:
    """The names of ``records`` only: one a line, or in ``format`` a list of strings, as gcloud has it."""
    from urllib.parse import quote

    named = [f"catalog:{layout.collection}/{quote(';'.join(map(str, values_at(record, layout.uri))), safe='/;')}" for record in records]
    if format == "json":
        return json.dumps(named, indent=2) + "\n"
    if format == "yaml":
        return _yaml(named)
    head = {"csv": "uri\n", "markdown": "| uri |\n| --- |\n"}.get(format, "")
    return head + "".join(f"| {name} |\n" if format == "markdown" else f"{name}\n" for name in named)


def _table(records: Sequence[JsonObject], columns: Sequence[Column]) -> str:
    rows = [[column.title for column in columns], *([printable(column.cell(r)) for column in columns] for r in records)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        aligned = (c.rjust(w) if column.right else c.ljust(w) for c, w, column in zip(cells, widths, columns, strict=True))
        return "  ".join(aligned).rstrip()

    return "\n".join(map(line, rows)) + "\n"


def _upright(record: JsonObject, columns: Sequence[Column]) -> str:
    width = max(len(column.title) for column in columns)
    return "".join(f"{column.title:{width}}  {printable(column.cell(record))}\n" for column in columns)


def _markdown(records: Sequence[JsonObject], columns: Sequence[Column]) -> str:
    head = [[column.title for column in columns], ["--:" if column.right else "---" for column in columns]]
    cells = ([printable(column.cell(r)).replace("\\", "\\\\").replace("|", "\\|") for column in columns] for r in records)
    return "".join(f"| {' | '.join(row)} |\n" for row in (*head, *cells))


def _csv(records: Sequence[JsonObject], columns: Sequence[Column]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(column.title for column in columns)
    rows.writerows([column.cell(record) for column in columns] for record in records)
    return text.getvalue()


def _yaml(records: Sequence[Any]) -> str:
    import yaml

    return str(yaml.safe_dump_all(records, explicit_start=True, sort_keys=False, allow_unicode=True)) if records else ""
