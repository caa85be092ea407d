"""The rows of a CSV report, each with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from giqplan.catalog.importers.values import LARGEST, LEAST, broken, unreadable

csv.field_size_limit(2**27)  # GuideLLM writes whole configurations into cells


@dataclass(frozen=True)
class Line:
    """``cells``: column -> text. Getters raise CatalogError GIQ1217 with file, line and column."""

    file: str
    number: int
    cells: Mapping[str, str]

    def fail(self, column: str, detail: str) -> NoReturn:
        raise broken(self.file, f"{column}: {detail}", self.number)

    def text(self, column: str) -> str:
        """ "" for a blank cell and N/A."""
        found = self.cells[column].strip()
        return "" if found in ("N/A", "null", "None") else found

    def must(self, column: str) -> str:
        return self.text(column) or self.fail(column, "is blank")

    def number_in(self, column: str) -> Decimal | None:
        """A finite number that is not negative; None = blank or N/A."""
        text = self.text(column)
        if not text:
            return None
        try:
            found = Decimal(text)
        except InvalidOperation:
            self.fail(column, f"{text!r} is not a number")
        if not found.is_finite() or abs(found) > LARGEST or 0 < found < LEAST:
            self.fail(column, f"{text} is no measurement")
        if found < 0:
            self.fail(column, f"{text} is negative")
        return found

    def count(self, column: str) -> int | None:
        found = self.number_in(column)
        if found is not None and found != int(found):
            self.fail(column, f"{found} is not a whole number")
        return None if found is None else int(found)


def records(file: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every line that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise broken(file, f"no CSV: {error}", begins) from None


def lines(file: str, text: str, columns: Sequence[str]) -> Iterator[Line]:
    """The rows below the header, which has to be ``columns``. Raises CatalogError GIQ1219 for another one."""
    found = records(file, text)
    number, header = next(found)
    if header != list(columns):
        raise other_columns(file, header, columns, number)
    return (Line(file, n, dict(zip(columns, _whole(file, n, cells, len(columns)), strict=True))) for n, cells in found)


def _whole(file: str, number: int, cells: list[str], wanted: int) -> list[str]:
    if len(cells) != wanted:
        raise broken(file, f"the row has {len(cells)} cells, {wanted} are wanted: it is cut off or has a stray comma", number)
    return cells


def other_columns(file: str, header: Sequence[str], wanted: Sequence[str], number: int) -> Exception:
    missing = [column for column in wanted if column not in header]
    unknown = [column for column in header if column not in wanted]
    told = [f"column {', '.join(missing)} is missing"] * bool(missing) + [f"unknown column {', '.join(unknown)}"] * bool(unknown)
    detail = "; ".join(told) or f"the columns stand in another order; wanted: {', '.join(wanted)}"
    return unreadable("GIQ1219", detail, "Take the file as its tool writes it, with its own header.", file, number)
