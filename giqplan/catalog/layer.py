"""Writing a layer: curves or prices are added, or the whole is replaced. Either all of a change counts or none of it.

The new files are written into a folder beside the old ones; renaming that folder to ``COMMITTED`` is the one step that makes them count
(readers look there first). Then each moves to its place. A run that dies before the rename leaves the layer as it was, one that dies
behind it leaves the new layer, which the next run tidies up.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from giqplan.catalog import facts
from giqplan.catalog.check import check, check_columns
from giqplan.catalog.curves import curve_key
from giqplan.catalog.difference import Cells, RowChange, Tables, difference
from giqplan.catalog.layers import COMMITTED, Layer
from giqplan.catalog.schema import ABOUT, SCHEMA_VERSION, TABLES
from giqplan.catalog.values import Source
from giqplan.errors import CatalogError, ErrorList, Place

_STAGED = ".staged"
_PATIENCE_S = 2
"""A layer is read in milliseconds and written in a tenth of a second; who takes longer is stuck."""


@dataclass(frozen=True)
class NewCurve:
    """Cells of curves.csv without ``key`` and of points.csv without ``curve``; a column that is left out is blank. ``source``
    holds the id of a source that is given along or stands in the layer already."""

    cells: Cells
    points: Sequence[Cells]


def cell(value: float | bool | str | None) -> str:
    """How a value stands in a table: one spelling for one number (4.0 -> 4), yes and no, blank for None."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def source_of(citation: str, licence: str = "", date: str = "") -> Source:
    """A source by its citation: ``s-`` and 8 hex digits of the citation's SHA-256."""
    return Source("s-" + hashlib.sha256(citation.encode()).hexdigest()[:8], citation, licence, date)


def add_curves(
    folder: Path, curves: Iterable[NewCurve], sources: Iterable[Source], date: str, *, name: str = "user", dry_run: bool = False
) -> tuple[RowChange, ...]:
    """Add curves with their points, each under the key of its content; one of the same content is replaced. Returns what changed."""
    rows: dict[str, list[Cells]] = {"curves": [], "points": [], "sources": _source_rows(sources)}
    for curve in curves:
        cells = _filled("curves", curve.cells)
        points = [_filled("points", point) for point in curve.points]
        key = curve_key(cells, points)
        rows["curves"].append({**cells, "key": key})
        rows["points"] += [{**point, "curve": key} for point in points]
    return _write(folder, rows, name, date, dry_run=dry_run)


def set_prices(
    folder: Path, prices: Iterable[Cells], sources: Iterable[Source], date: str, *, name: str = "user", dry_run: bool = False
) -> tuple[RowChange, ...]:
    """Add prices (cells of prices.csv), or replace those of the same machine, region and pricing model. Returns what changed."""
    return _write(folder, {"prices": list(prices), "sources": _source_rows(sources)}, name, date, dry_run=dry_run)


def replace_layer(folder: Path, tables: Tables, date: str, *, name: str, world: str = "", dry_run: bool = False) -> tuple[RowChange, ...]:
    """Make the layer hold ``tables``, which ``world`` has told, and nothing else. Returns what changed."""
    return _write(folder, {table: tables.get(table, ()) for table in TABLES}, name, date, world=world, whole=True, dry_run=dry_run)


def cells_of(layer: Layer) -> dict[str, list[Cells]]:
    """All tables of a layer as cells. Raises CatalogError where one has other columns than it must have."""
    for table in layer.tables():
        check_columns(layer, table)
    return {table: [row.cells() for row in layer.rows(table)] for table in layer.tables()}


def _source_rows(sources: Iterable[Source]) -> list[Cells]:
    return [{"id": s.id, "citation": s.citation, "licence": s.licence, "date": s.date} for s in sources]


def _filled(table: str, cells: Cells) -> dict[str, str]:
    return {column: cells.get(column, "") for column in TABLES[table].columns}


def _write(
    folder: Path, rows: Tables, name: str, date: str, *, world: str = "", whole: bool = False, dry_run: bool = False
) -> tuple[RowChange, ...]:
    if dry_run:
        changes, _ = _planned(folder, rows, name, date, world, whole=whole)
        return changes
    try:
        with _alone(folder):
            _settle(folder)
            changes, layer = _planned(folder, rows, name, date, world, whole=whole)
            if changes or not Layer(name, folder).holds(ABOUT, layer.bytes_of(ABOUT)):
                _commit(layer)
    except OSError as error:
        state = "the change counts, its files still move" if (folder / COMMITTED).is_dir() else "it is as it was"
        detail = f"{folder.name} cannot be written: {error.strerror}; {state}"
        raise CatalogError("GIQ1206", detail, "Mend what is in the way and run this again.", Place(str(folder))) from error
    return changes


def _planned(folder: Path, rows: Tables, name: str, date: str, world: str, *, whole: bool) -> tuple[tuple[RowChange, ...], Layer]:
    """What would change, and the layer as it would be. Raises CatalogError where the layer as it is, or as it would be, cannot be read; one
    that is replaced as a whole may be broken."""
    old, before = Layer(name, folder), {}
    rows = {table: [{**dict.fromkeys(TABLES[table].columns, ""), **row} for row in found] for table, found in rows.items()}
    if old.begun():
        try:
            check(old, _sources_in(old))
            before, date = cells_of(old), date if whole else max(date, old.date)
        except (CatalogError, ErrorList):
            if not whole:
                raise
    after = rows if whole else {table: _merged(table, before.get(table, ()), rows.get(table, ())) for table in {**before, **rows}}
    files = {f"{table}.csv": _csv(table, found) for table in TABLES if (found := after.get(table, ())) or old.has(f"{table}.csv")}
    about = {"schema_version": SCHEMA_VERSION, "name": name, "date": date, "checked": Layer(name, folder, files).tables_digest}
    about |= {"world": world} if world else {}
    new = Layer(name, folder, {**files, ABOUT: (json.dumps(about, indent=2) + "\n").encode()})
    try:
        check(new, _sources_in(new))
    except (CatalogError, ErrorList) as error:  # its place is in files that nobody sees
        raise CatalogError(error.code, f"not written: {error.detail}", "Mend what is to be added; the layer is as it was.") from error
    return difference(before, cells_of(new)), new


def _sources_in(layer: Layer) -> dict[str, Source]:
    found = (facts.source(row) for row in (layer.rows("sources") if "sources" in layer.tables() else ()))
    return {source.id: source for source in found}


def _merged(table: str, old: Sequence[Cells], new: Sequence[Cells]) -> list[Cells]:
    columns = TABLES[table].key
    replaced = {tuple(row[c] for c in columns) for row in new}
    return [row for row in old if tuple(row[c] for c in columns) not in replaced] + list(new)


def _csv(table: str, rows: Sequence[Cells]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, TABLES[table].columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: _order(table, row)))
    return out.getvalue().encode()


def _order(table: str, row: Cells) -> tuple[object, ...]:
    """By key; points of a curve by load, those without a load last."""
    key = tuple(row[column] for column in TABLES[table].key)
    if TABLES[table].unique:
        return (row["model_id"], *key) if table == "curves" else key
    numbers = [_sortable(row.get(column, "")) for column in TABLES[table].columns if column not in TABLES[table].key]
    return (*key, *numbers)


def _sortable(text: str) -> tuple[bool, float, str]:
    try:
        return (not text, float(text or 0), text)
    except ValueError:  # the check of the whole names the row
        return (True, 0.0, text)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else reads or writes the layer meanwhile; those who do are waited for."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + _PATIENCE_S
        while not _locked(handle):
            if time.monotonic() > until:
                detail = f"another run has held {folder.name} for {_PATIENCE_S} seconds"
                raise CatalogError("GIQ1207", detail, "Run this again when that one is done.", Place(str(folder)))
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _commit(layer: Layer) -> None:
    staged = layer.root / _STAGED
    staged.mkdir()
    try:
        for name in (*(f"{table}.csv" for table in layer.tables()), ABOUT):
            with (staged / name).open("wb") as handle:
                handle.write(layer.bytes_of(name))
                handle.flush()
                os.fsync(handle.fileno())
        staged.rename(layer.root / COMMITTED)
    except OSError:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    _settle(layer.root)


def _settle(folder: Path) -> None:
    """Move what counts to its place; drop what was never committed."""
    shutil.rmtree(folder / _STAGED, ignore_errors=True)
    committed = folder / COMMITTED
    if not committed.is_dir():
        return
    for file in sorted(committed.iterdir()):
        file.replace(folder / file.name)
    committed.rmdir()
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
