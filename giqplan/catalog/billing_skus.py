"""Prices of whole machines out of Cloud Billing's SKUs: the sum of vCPUs, memory, accelerators and bundled local SSD.

Shape of the answer: https://cloud.google.com/billing/docs/reference/rest/v1/services.skus/list (Sku, PricingInfo, PricingExpression,
Money). Which SKU is which part of a machine only its description says; ``sku_names`` holds how they read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from giqplan.catalog.difference import Cells
from giqplan.catalog.layer import source_of
from giqplan.catalog.price_files import Prices, not_prices, other_currency, wrong_row
from giqplan.catalog.sku_names import MODELS, Part, parts_of, unknown_parts
from giqplan.catalog.store import Catalog
from giqplan.catalog.values import Machine
from giqplan.errors import CatalogError, Place
from giqplan.model.recommendation import PricingModel
from giqplan.units import HOURS_PER_MONTH, usd

_PER_HOUR: Mapping[tuple[str, str], Decimal] = {
    ("accelerator", "h"): Decimal(1),
    ("vCPU", "h"): Decimal(1),
    ("memory", "GiBy.h"): Decimal(1),
    ("memory", "GBy.h"): Decimal(2**30) / Decimal(10**9),
    ("local SSD", "GiBy.h"): Decimal(1),
    ("local SSD", "GiBy.mo"): 1 / Decimal(HOURS_PER_MONTH),
}
"""(part, the SKU's usage unit) -> its price an hour of one vCPU, GiB or accelerator. Machines are measured in GiB."""


_Sku = tuple[Path, str, Mapping[str, Any]]
"""File, place in it, and the SKU."""


@dataclass(frozen=True)
class _Rate:
    sku: str
    usd_per_hour: Decimal
    date: str


def read_skus(pages: Mapping[Path, Any], catalog: Catalog) -> Prices:
    """One price a machine, region and pricing model for which every part has just one SKU. A machine of which only some parts have one is
    refused by name; one of which nothing is in the file is not spoken of."""
    skus = [(path, at, sku) for path, page in pages.items() for at, sku in _skus(path, page)]
    rates = _Rates(skus)
    source = source_of(f"Cloud Billing SKUs (cloudbilling v1 services.skus.list), {', '.join(path.name for path in pages)}")
    rows: list[Cells] = []
    unknown: dict[str, list[str]] = defaultdict(list)
    incomplete: dict[str, list[str]] = defaultdict(list)
    for machine in catalog.machines():
        why = unknown_parts(machine)
        if why:
            unknown[why].append(machine.machine_type)
            continue
        for how in MODELS:
            for region, told in _priced(machine, how, rates, catalog):
                if isinstance(told, str):
                    incomplete[f"{machine.machine_type} {how}: {told}"].append(region)
                else:
                    rows.append({**told, "source": source.id})
    refused = (
        *(f"{reason} in {', '.join(regions)}" for reason, regions in incomplete.items()),
        *(f"{', '.join(machines)}: {reason}" for reason, machines in unknown.items()),
    )
    if not rows:
        detail = "\n".join(("no machine's price is complete", *refused))
        remedy = "Fetch all pages of services/6F81-5844-456A/skus and name every file."
        raise CatalogError("GIQ1211", detail, remedy, Place(str(next(iter(pages)))))
    return Prices(tuple(rows), (source,), refused)


def _skus(path: Path, page: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = page.get("skus") if isinstance(page, dict) else page
    if not isinstance(found, list):
        raise not_prices(path, "no list of skus")
    for at, sku in enumerate(found):
        if not isinstance(sku, dict) or not isinstance(sku.get("description"), str) or not isinstance(sku.get("serviceRegions"), list):
            raise wrong_row(path, f"skus[{at}]: no description or serviceRegions")
        yield f"skus[{at}]", sku


class _Rates:
    """What each part costs in each region, looked for once: machines of one family share their SKUs."""

    def __init__(self, skus: Iterable[_Sku]) -> None:
        self._skus = tuple(skus)
        self._found: dict[Part, Mapping[str, list[_Rate]]] = {}

    def of(self, part: Part) -> Mapping[str, list[_Rate]]:
        """Region -> the SKUs that describe the part."""
        if part not in self._found:
            found: dict[str, list[_Rate]] = defaultdict(list)
            for path, at, sku in self._skus:
                if part.pattern.fullmatch(sku["description"]):
                    rate = _rate(path, at, sku, part)
                    for region in sku["serviceRegions"]:
                        found[region].append(rate)
            self._found[part] = found
        return self._found[part]


def _priced(machine: Machine, how: PricingModel, rates: _Rates, catalog: Catalog) -> Iterator[tuple[str, Cells | str]]:
    """Region -> cells of the price, or why there is none."""
    parts = [(part, count, rates.of(part)) for part, count in parts_of(machine, how)]
    known = {region for _, _, found in parts for region in found}
    for region in sorted(known & set(catalog.regions(machine.machine_type))):
        used: list[_Rate] = []
        missing: list[str] = []
        several: list[str] = []
        total = Decimal(0)
        for part, count, found in parts:
            amounts = {rate.usd_per_hour: rate for rate in found.get(region, ())}
            if len(amounts) != 1:
                (several if amounts else missing).append(part.kind)
                continue
            ((amount, rate),) = amounts.items()
            total, used = total + amount * count, [*used, rate]
        told = [f"no SKU of {', '.join(missing)}"] * bool(missing) + [f"SKUs of different prices for {', '.join(several)}"] * bool(several)
        yield region, "; ".join(told) if told else _cells(machine, region, how, total, used)


def _cells(machine: Machine, region: str, how: PricingModel, total: Decimal, used: list[_Rate]) -> Cells:
    return {
        "machine_type": machine.machine_type,
        "region": region,
        "pricing_model": how.value,
        "usd_per_hour": f"{usd(total):f}",
        "quality": "single-source",
        "as_of": max(rate.date for rate in used),
        "note": "SKUs " + " + ".join(rate.sku for rate in used),
    }


def _rate(path: Path, at: str, sku: Mapping[str, Any], part: Part) -> _Rate:
    """What one unit of the part costs an hour, by the newest of the SKU's prices."""

    def wrong(detail: str) -> CatalogError:
        return wrong_row(path, f"{at} ({sku['description']}): {detail}")

    try:
        newest = max(sku["pricingInfo"], key=lambda info: str(info["effectiveTime"]))
        expression, date = newest["pricingExpression"], str(newest["effectiveTime"])[:10]
        (tier,) = expression["tieredRates"]
        money, unit = tier["unitPrice"], str(expression["usageUnit"])
        currency = str(money["currencyCode"])
        amount = Decimal(str(money.get("units", 0) or 0)) + Decimal(str(money.get("nanos", 0))).scaleb(-9)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise wrong(f"pricingInfo: {type(error).__name__} {error}: one tier of unitPrice and an effectiveTime are wanted") from None
    if currency != "USD":
        raise other_currency(path, currency, f"{at} ({sku['description']})")
    if not (amount.is_finite() and amount > 0):
        raise wrong(f"unitPrice: {amount} is not a price")
    factor = _PER_HOUR.get((part.kind, unit))
    if factor is None:
        raise wrong(f"usageUnit: {unit!r} is not understood for {part.kind}")
    return _Rate(str(sku.get("skuId") or at), amount * factor, date)
