"""Files of prices: one's own or negotiated ones as CSV, or Cloud Billing's SKUs as JSON. All of a file is right, or nothing is taken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from giqplan.catalog.difference import Cells
from giqplan.catalog.layer import source_of
from giqplan.catalog.places import is_zone
from giqplan.catalog.store import Catalog
from giqplan.catalog.tables import Row, header, read_bytes, rows
from giqplan.catalog.values import Answer, Source
from giqplan.errors import CatalogError, ErrorList, Place
from giqplan.model.recommendation import PricingModel

COLUMNS = ("machine_type", "region", "pricing_model", "usd_per_hour", "as_of")
OPTIONAL = ("note", "currency")
_SHAPE = (
    f"A CSV file has the columns {', '.join(COLUMNS)} and may have {', '.join(OPTIONAL)}; a JSON file holds an answer of Cloud Billing."
)
_DATE = re.compile(r"\d{4}(-\d\d){0,2}")


@dataclass(frozen=True)
class Prices:
    """``rows``: cells of prices.csv. ``refused``: machines whose price is not complete, and why. ``warnings``: prices that no plan uses."""

    rows: tuple[Cells, ...]
    sources: tuple[Source, ...]
    refused: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def date(self) -> str:
        return max(row["as_of"] for row in self.rows)


def read_prices(paths: Sequence[Path], catalog: Catalog) -> Prices:
    """The prices of ``paths`` together; several JSON files are pages of one list. Raises CatalogError: GIQ1208 for a row, GIQ1209 for
    another currency, GIQ1210 where a file is no price file, GIQ1211 where no machine's SKUs are complete; ErrorList for several."""
    from giqplan.catalog.billing_skus import read_skus

    pages = {path: _json(path) for path in paths if path.suffix.lower() == ".json"}
    tables = [path for path in paths if path not in pages]
    if pages and tables:
        raise not_prices(tables[0], "CSV and JSON files together; import one kind at a time")
    return read_skus(pages, catalog) if pages else _read_tables(tables, catalog)


def not_prices(path: Path, detail: str, line: int = 0) -> CatalogError:
    return CatalogError("GIQ1210", f"{path.name}: {detail}", _SHAPE, Place(str(path), line))


def wrong_row(path: Path, detail: str, line: int = 0) -> CatalogError:
    return CatalogError("GIQ1208", f"{path.name}: {detail}", "Mend the row; nothing was imported.", Place(str(path), line))


def other_currency(path: Path, currency: str, where: str, line: int = 0) -> CatalogError:
    detail = f"{path.name}: {where}: the currency is {currency}"
    return CatalogError("GIQ1209", detail, "Give prices in US dollars: giqplan converts none.", Place(str(path), line))


def _json(path: Path) -> Any:
    data = read_bytes(path)
    try:
        return json.loads(data, parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise not_prices(path, f"not UTF-8 at byte {error.start}") from error
    except ValueError as error:
        raise not_prices(path, f"not JSON: {error}", getattr(error, "lineno", 0)) from error


def _read_tables(paths: Sequence[Path], catalog: Catalog) -> Prices:
    found: list[Cells] = []
    sources: dict[str, Source] = {}
    errors: list[CatalogError] = []
    seen: dict[tuple[str, ...], str] = {}
    for path in paths:
        for row in _rows(path):
            try:
                key = _key(row, catalog)
                if key in seen:
                    raise row.error(f"the price of {' '.join(key)} stands in {seen[key]} already")
                seen[key] = f"{path.name}:{row.line}"
                cells = _cells(row, key, path)
            except CatalogError as error:
                errors.append(wrong_row_of(error))
                continue
            citation = f"own prices, {path.name}" + (f": {cells['note']}" if cells["note"] else "")
            source = source_of(citation, date=cells["as_of"] if len(cells["as_of"]) == 10 else "")
            sources[source.id] = source
            found.append({**cells, "source": source.id})
    if errors:
        raise ErrorList(errors) if len(errors) > 1 else errors[0]
    if not found:
        raise not_prices(paths[0], "holds no price")
    return Prices(tuple(found), tuple(sources.values()), warnings=tuple(_unused(found, catalog)))


def wrong_row_of(error: CatalogError) -> CatalogError:
    """The same of a file that is no part of a catalog."""
    if error.code != "GIQ1202":
        return error
    return CatalogError("GIQ1208", error.detail, "Mend the row; nothing was imported.", error.place)


def _rows(path: Path) -> Iterator[Row]:
    """The rows of one file, once its columns are right."""
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")  # spreadsheets write it
    try:
        columns = header(path, data)
        for column in columns:
            currency = re.fullmatch(r"([a-z]{3})_per_hour", column.lower())
            if currency and currency[1] != "usd":
                raise other_currency(path, currency[1].upper(), f"column {column}", 1)
        missing = [column for column in COLUMNS if column not in columns]
        unknown = [column for column in columns if column not in (*COLUMNS, *OPTIONAL)]
        if missing or unknown:
            told = [f"column {', '.join(missing)} is missing"] * bool(missing) + [f"unknown column {', '.join(unknown)}"] * bool(unknown)
            raise not_prices(path, "; ".join(told), 1)
        yield from rows(path, data)
    except CatalogError as error:
        raise wrong_row_of(error) from error


def _key(row: Row, catalog: Catalog) -> tuple[str, str, str]:
    """Machine type, region and pricing model, each one that the catalog knows."""
    name, region = row.text("machine_type"), row.text("region")
    if catalog.find_machine(name) is None:
        raise row.error(f"machine_type: {name!r} is not in the catalog{_near(name, [m.machine_type for m in catalog.machines()])}")
    if is_zone(region):
        raise row.error(f"region: {region} is a zone; prices are a region's: {catalog.region_of(region)}")
    if not catalog.offered(name, region):
        regions = catalog.regions(name)
        raise row.error(f"region: {name} is not known to be offered in {region!r}; known: {', '.join(regions) or 'no region'}")
    text = row.text("pricing_model")
    if text not in list(PricingModel):
        raise row.error(f"pricing_model: {text!r} is not one of {', '.join(PricingModel)}")
    return name, region, text


def _near(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _cells(row: Row, key: tuple[str, str, str], path: Path) -> dict[str, str]:
    given = row.cells()
    if (currency := given.get("currency") or "USD") != "USD":
        raise other_currency(path, currency, "currency", row.line)
    if not _DATE.fullmatch(row.text("as_of")):
        raise row.error(f"as_of: {row.text('as_of')!r} is not YYYY-MM-DD")
    amount = price_of(row.text("usd_per_hour"))
    if amount is None:
        raise row.error(f"usd_per_hour: {row.text('usd_per_hour')!r} is not a price")
    machine, region, pricing_model = key
    return {
        "machine_type": machine,
        "region": region,
        "pricing_model": pricing_model,
        "usd_per_hour": f"{amount:f}",
        "quality": "single-source",
        "as_of": row.text("as_of"),
        "note": given.get("note", ""),
    }


def price_of(text: str) -> Decimal | None:
    """A finite amount above nothing; None = it is none."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount > 0 else None


def _unused(found: Sequence[Cells], catalog: Catalog) -> Iterator[str]:
    """Prices of options by which the catalog does not know the machine to be sold: a price does not prove that an option exists."""
    for name, how in sorted({(row["machine_type"], row["pricing_model"]) for row in found}):
        answer = catalog.consumption(name, how).answer
        if answer is not Answer.YES:
            told = "not sold" if answer is Answer.NO else "not known to be sold"
            yield f"{name} is {told} {how}: no plan uses this price (consumption_options.csv)"
