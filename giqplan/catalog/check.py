"""Whether a later layer can be read at all: every row of every table, before anything is decided by it.

The shipped layer is checked when it is built (giqplan.catalog.verify); what stands beside an intent may have been edited by hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from giqplan.catalog import curves, facts
from giqplan.catalog.curves import IDENTITY, MEASURED, curve_key
from giqplan.catalog.layers import Layer
from giqplan.catalog.schema import QUALITY, TABLES
from giqplan.catalog.tables import Row, broken, header
from giqplan.catalog.values import Answer, Source
from giqplan.errors import CatalogError, ErrorList

_MOST = 20
"""Errors that are told at once."""

_MAY_BE_BLANK = {"zone"}
_PARSERS: Mapping[str, Callable[[Row, facts.Cite], object]] = {
    "models": facts.model,
    "accelerators": facts.accelerator,
    "machines": facts.machine,
    "prices": facts.price,
    "use_cases": facts.use_case,
    "published": facts.published,
    "maxima": facts.maximum,
    "consumption_options": lambda row, cite: (row.member("answer", Answer), cite(row, "source")),
    "zones": lambda row, cite: cite(row, "source"),
    "giq_points": lambda row, cite: [row.number(column) for column in TABLES["giq_points"].columns[1:]],
}


def check(layer: Layer, sources: Mapping[str, Source]) -> None:
    """Raise CatalogError, or ErrorList of the first of them, where ``layer`` holds what cannot be read. ``sources``: those of the whole
    catalog. What can be read but is unlikely is ``verify``'s to say."""
    errors: list[CatalogError] = []
    for problem in _problems(layer, sources):
        errors.append(problem)
        if len(errors) == _MOST:
            break
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorList(errors)


def _problems(layer: Layer, sources: Mapping[str, Source]) -> Iterator[CatalogError]:
    yield from _tried(lambda: layer.about)
    for name in layer.strangers():
        yield broken(layer.root / name, f"no table of a catalog; they are {', '.join(TABLES)}")
    for table in layer.tables():
        wrong = list(_tried(partial(check_columns, layer, table)))
        yield from wrong or _each(layer, table, _row_check(table, sources))
    yield from _curves(layer, sources)


def _tried(work: Callable[[], object]) -> Iterator[CatalogError]:
    try:
        work()
    except CatalogError as error:
        yield error


def _each(layer: Layer, table: str, work: Callable[[Row], object]) -> Iterator[CatalogError]:
    """The first error of each row; the file's own error ends it."""
    try:
        for row in layer.rows(table) if table in layer.tables() else ():
            yield from _tried(partial(work, row))
    except CatalogError as error:
        yield error


def _row_check(table: str, sources: Mapping[str, Source]) -> Callable[[Row], None]:
    seen: set[tuple[str, ...]] = set()
    parse = _PARSERS.get(table)

    def cite(row: Row, column: str) -> str:
        return facts.named_source(row, sources, column).citation

    def look(row: Row) -> None:
        _key(row, table, seen)
        if "quality" in TABLES[table].columns and row.text("quality") not in QUALITY:
            raise row.error(f"quality: {row.text('quality')!r} is not one of {', '.join(QUALITY)}")
        if parse:
            parse(row, cite)

    return look


def check_columns(layer: Layer, table: str) -> None:
    """Raise CatalogError where a table has not just the columns that it must have."""
    path = layer.root / f"{table}.csv"
    found, wanted = header(path, layer.bytes_of(path.name)), TABLES[table].columns
    unknown = [column for column in found if column not in wanted]
    missing = [column for column in wanted if column not in found]
    if unknown or missing:
        told = [f"unknown column {', '.join(unknown)}"] * bool(unknown) + [f"column {', '.join(missing)} is missing"] * bool(missing)
        raise broken(path, "; ".join(told), 1)


def _key(row: Row, table: str, seen: set[tuple[str, ...]]) -> None:
    columns = TABLES[table].key
    key = tuple(row.text(column) for column in columns)
    again = key in seen
    seen.add(key)
    for column, cell in zip(columns, key, strict=True):
        if not cell and column not in _MAY_BE_BLANK:
            raise row.error(f"{column} is blank")
    if again and TABLES[table].unique:
        raise row.error(f"{', '.join(columns)} {' '.join(key)} stands twice")


def _curves(layer: Layer, sources: Mapping[str, Source]) -> Iterator[CatalogError]:
    points: dict[str, list[Row]] = defaultdict(list)
    yield from _each(layer, "points", lambda row: points[row.text("curve")].append(row))
    yield from _each(layer, "curves", lambda row: _curve(row, points.pop(row.text("key"), []), sources))
    for own in points.values():
        yield own[0].error(f"curve: {own[0].text('curve')} does not stand in curves.csv of this layer")


def _curve(row: Row, points: list[Row], sources: Mapping[str, Source]) -> None:
    if not points:
        raise row.error(f"{row.text('key')} has no points in points.csv")
    curves.curve(row, points, facts.named_source(row, sources))
    content = curve_key({c: row.text(c) for c in IDENTITY}, [{c: point.text(c) for c in MEASURED} for point in points])
    if content != row.text("key"):
        raise row.error(f"key: {row.text('key')} is not of this content, which gives {content}")
