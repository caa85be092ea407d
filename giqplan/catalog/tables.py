"""Catalog tables: CSV files with a header line, read whole, checked for shape; a broken file is a CatalogError with its line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from giqplan.data_files import data_path
from giqplan.errors import CatalogError, Place

if TYPE_CHECKING:
    import _csv

T = TypeVar("T")
N = TypeVar("N", int, float)
_REINSTALL = "Restore the file, or install giqplan again."
_MEND = "Mend or restore the file; docs/catalog.md says what a layer holds."


def _remedy(path: Path) -> str:
    return _REINSTALL if path.is_relative_to(data_path("catalog")) else _MEND


def broken(path: Path, detail: str, line: int = 0) -> CatalogError:
    """The error of a catalog file that does not say what it should."""
    return CatalogError("GIQ1202", f"{path.name}: {detail}", _remedy(path), Place(str(path), line))


def read_bytes(path: Path) -> bytes:
    """The file's bytes. Raises CatalogError GIQ1201 where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        detail = f"{path.name} cannot be read: {error.strerror}"
        raise CatalogError("GIQ1201", detail, _remedy(path), Place(str(path))) from error


class Row:
    """One line of a table; its getters raise CatalogError with file and line. A blank cell is unknown."""

    __slots__ = ("_cells", "_columns", "line", "path")

    def __init__(self, path: Path, line: int, columns: Mapping[str, int], cells: list[str]) -> None:
        self.path = path
        self.line = line
        self._columns = columns  # shared by all rows: a mapping for each of 6,000 costs more than reading the files
        self._cells = cells

    def text(self, column: str) -> str:
        try:
            return self._cells[self._columns[column]]
        except KeyError:
            raise broken(self.path, f"column {column} is missing", 1) from None

    def _parsed(self, column: str, parse: Callable[[str], T], what: str) -> T | None:
        text = self.text(column)
        if not text:
            return None
        try:
            return parse(text)
        except ValueError:
            raise self.error(f"{column}: {text!r} is not {what}") from None

    def cells(self) -> dict[str, str]:
        return dict(zip(self._columns, self._cells, strict=True))

    def number(self, column: str) -> float | None:
        found = self._parsed(column, float, "a number")
        if found is not None and not abs(found) < float("inf"):
            raise self.error(f"{column}: {found} is not a finite number")
        return self._not_negative(found, column)

    def integer(self, column: str) -> int | None:
        return self._not_negative(self._parsed(column, int, "a whole number"), column)

    def _not_negative(self, found: N | None, column: str) -> N | None:
        """Every number of the catalog says how much or how many."""
        if found is not None and found < 0:
            raise self.error(f"{column}: {found:g} is negative")
        return found

    def measured(self, column: str) -> float | None:
        """A number above zero: what was not measured is blank."""
        return self._not_zero(self.number(column), column)

    def amount(self, column: str) -> float:
        """A number above zero; the column may not be blank."""
        return self.must(self.measured(column), column)

    def count(self, column: str) -> int:
        """A whole number above zero; the column may not be blank."""
        return self.must(self._not_zero(self.integer(column), column), column)

    def _not_zero(self, found: N | None, column: str) -> N | None:
        if found == 0:
            raise self.error(f"{column}: 0 is not possible")
        return found

    def yes(self, column: str) -> bool | None:
        """yes, no, or None for blank and ``unknown``."""
        text = self.text(column)
        if text in ("", "unknown"):
            return None
        if text not in ("yes", "no"):
            raise self.error(f"{column}: {text!r} is not yes, no or unknown")
        return text == "yes"

    def must(self, value: T | None, column: str) -> T:
        """``value``, or an error: this column may not be blank."""
        if value is None:
            raise self.error(f"{column} is blank")
        return value

    def member(self, column: str, parse: Callable[[str], T]) -> T:
        """A word of a closed list."""
        return self.must(self._parsed(column, parse, "one of its words"), column)

    def error(self, detail: str) -> CatalogError:
        return broken(self.path, detail, self.line)


def header(path: Path, data: bytes) -> list[str]:
    """The names of a table's columns. Raises CatalogError GIQ1202."""
    with _told(path, reader := _reader(path, data)):
        return _header(path, reader)


def rows(path: Path, data: bytes) -> Iterator[Row]:
    """Every row of the table ``path`` whose bytes are ``data``. Raises CatalogError GIQ1202."""
    with _told(path, reader := _reader(path, data)):
        columns = {name: index for index, name in enumerate(_header(path, reader))}
        for cells in reader:
            if len(cells) != len(columns):
                raise broken(path, f"{len(cells)} cells where the header has {len(columns)}", reader.line_num)
            yield Row(path, reader.line_num, columns, cells)


def _reader(path: Path, data: bytes) -> _csv.Reader:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise broken(path, f"not UTF-8 at byte {error.start}") from error
    return csv.reader(text.splitlines(keepends=True), strict=True)


@contextmanager
def _told(path: Path, reader: _csv.Reader) -> Iterator[None]:
    """What the reader finds wrong, with its line."""
    try:
        yield
    except csv.Error as error:
        raise broken(path, str(error), reader.line_num) from error


def _header(path: Path, reader: _csv.Reader) -> list[str]:
    found = next(reader, None)
    if not found:
        raise broken(path, "empty", 1)
    if len(set(found)) != len(found):
        raise broken(path, "a column stands twice in the header", 1)
    return found
