"""giqplan estimate --points: a table of questions comes in, the same table with answers goes out, a batch of rows at a time."""

from __future__ import annotations

import csv
import gc
import io
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from giqplan.cli.whole_file import deliver, spooled, whole_file
from giqplan.errors import Exit, Place, PointsError, RecommendError, UsageError

if TYPE_CHECKING:
    from _csv import Reader

    from giqplan.catalog import Catalog

_LONGEST_CELL = 1 << 17
ROWS = 1 << 16
"""Rows that are held at once."""

STREAM = "-"
_TOLD = 3
_NUMBER = re.compile(r"-?\d[\d.e+-]*")


def run(catalog: Catalog, source: str, target: str, *, quiet: bool) -> Exit:
    """Answer the questions of ``source`` into ``target`` (``-``: the standard streams), which is written whole or, after an error, not at
    all. Raises PointsError GIQ1310 to GIQ1314 for a table that cannot be read, UsageError GIQ0104 where the answers cannot be written,
    GIQ0111 where they would replace the questions, and RecommendError GIQ1315 behind the answers when no row has one."""
    if STREAM not in (source, target) and Path(source).exists() and Path(target).exists() and Path(source).samefile(target):
        raise UsageError("GIQ0111", "--output is the file of --points", "name another file: the questions stay as they are")
    table = Table(_content(source), "standard input" if source == STREAM else source)
    with _target(target) as written, _no_garbage():
        told = _answered(catalog, table, written)
    answered = told.pop("", 0)
    failed = told.total()
    if failed and not answered:
        raise RecommendError("GIQ1315", f"{_counted(failed)}: {_most(told)}", "the output's column `reason` says it of each row")
    if not quiet:
        print(f"answered {answered:,} of {_counted(answered + failed)}{f'; not: {_most(told)}' if failed else ''}", file=sys.stderr)
    return Exit.DONE


def _answered(catalog: Catalog, table: Table, written: IO[bytes]) -> Counter[str]:
    """Write the rows of ``table`` with their answers. Counts rows by reason, "" = answered."""
    from giqplan.recommend.estimator.door import Estimator
    from giqplan.recommend.estimator.questions import Questions, made_even
    from giqplan.render.estimated_points import answer_columns, header

    questions, estimator = Questions(catalog, table.header), Estimator(catalog)
    batches = [questions.batch(rows) for rows in table.batches()]
    told: Counter[str] = Counter()
    names, kept = header(table.header)
    width = len(table.header)
    out = io.TextIOWrapper(written, "utf-8", newline="")
    _write(out, [names])
    for rows, batch in zip(table.batches(), batches, strict=True):
        answers = questions.answers(estimator, batch)
        told.update(answers.reasons)
        made_even(rows, width)
        kept_rows = rows if len(kept) == width else [[row[place] for place in kept] for row in rows]
        for row, answer in zip(kept_rows, zip(*answer_columns(answers), strict=True), strict=True):
            row += answer
        _write(out, kept_rows)
    out.detach()  # flushes; the file is closed by whoever opened it
    return told


def _write(out: io.TextIOWrapper, rows: list[list[str]]) -> None:
    """Quotes where they are needed; around all cells where one holds a carriage return, which the module takes for no line end."""
    careful = any("\r" in "".join(row) for row in rows)
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL if careful else csv.QUOTE_MINIMAL).writerows(rows)


class Table:
    """A CSV of questions, held as it is: it is read twice, once for the questions and once for what goes out with the answers. Raises
    PointsError for what is none, with its place in the file ``name``."""

    def __init__(self, content: bytes, name: str) -> None:
        from giqplan.recommend.estimator.questions import columns_missing, columns_twice

        self._content, self._name = content, name
        rows = self._reader()
        self.header = [cell.strip() for cell in next(iter(self._some(rows, 1)), [])]
        place = Place(name, rows.line_num)
        if not self.header:
            raise PointsError("GIQ1312", "there is nothing in it", "the first line names the columns", Place(name))
        if "\0" in "".join(self.header):
            raise self._binary(place)
        if missing := columns_missing(self.header):
            raise PointsError("GIQ1313", f"missing: {', '.join(missing)}", "the first line names the columns, parted by commas", place)
        if twice := columns_twice(self.header):
            raise PointsError("GIQ1313", f"there twice: {', '.join(twice)}", "leave one of the two out", place)

    def batches(self) -> Iterator[list[list[str]]]:
        """The rows below the header, ``ROWS`` at a time, without empty lines."""
        rows = self._reader()
        self._some(rows, 1)
        while some := self._some(rows, ROWS):
            yield some

    def _reader(self) -> Reader:
        return csv.reader(io.TextIOWrapper(io.BytesIO(self._content), "utf-8-sig", newline=""), strict=True)

    def _some(self, rows: Reader, count: int) -> list[list[str]]:
        before = csv.field_size_limit(_LONGEST_CELL)  # of the whole process: readers of reports set another one
        try:
            return list(islice(filter(None, rows), count))
        except UnicodeDecodeError as error:
            raise self._binary(Place(self._name, rows.line_num + 1 + error.object[: error.start].count(b"\n"))) from None
        except csv.Error as error:
            remedy = 'cells with commas, quotes or line ends stand in quotes ("), a quote inside them twice ("")'
            raise PointsError("GIQ1314", str(error), remedy, Place(self._name, rows.line_num)) from None
        finally:
            csv.field_size_limit(before)

    def _binary(self, place: Place) -> PointsError:
        return PointsError("GIQ1311", "not UTF-8 text", "save it as CSV in UTF-8; unpack it where it is packed", place)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Without the collector of cycles: rows are none, and looking for some among millions of lists takes a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _content(source: str) -> bytes:
    if source == STREAM and sys.stdin is None:
        raise PointsError("GIQ1310", "standard input is closed", "name a file")
    try:
        return sys.stdin.buffer.read() if source == STREAM else Path(source).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or str(error)
        raise PointsError("GIQ1310", f"cannot be read: {why}", "name a CSV file that is there and yours to read", Place(source)) from None


@contextmanager
def _target(target: str) -> Iterator[IO[bytes]]:
    if target == STREAM:
        with spooled() as opened:
            yield opened
            if sys.stdout is not None:
                sys.stdout.flush()
                deliver(opened, sys.stdout.buffer)
        return
    try:
        with whole_file(Path(target)) as opened:
            yield opened
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError("GIQ0104", f"{target} cannot be written: {why}", "name a file in a folder that you may write") from None


def _counted(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _most(told: Counter[str]) -> str:
    """The commonest reasons with their counts, without what would help; those that differ in numbers only are one, with an example."""
    alike: dict[str, Counter[str]] = {}
    for text, count in told.items():
        reason = text.partition("; ")[0]
        alike.setdefault(_NUMBER.sub("0", reason), Counter())[reason] += count
    most = sorted(alike.values(), key=lambda group: -group.total())
    parts = [f"{group.total():,} ({'' if len(group) == 1 else 'such as: '}{group.most_common(1)[0][0]})" for group in most[:_TOLD]]
    left = sum(group.total() for group in most[_TOLD:])
    return ", ".join([*parts, *([f"{left:,} for other reasons"] if left else [])])
