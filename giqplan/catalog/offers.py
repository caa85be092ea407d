"""As which machine the hardware of each profile is bought, and where: gcloud's regions unless one is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from giqplan.catalog.placement import Market, Placement, place
from giqplan.catalog.store import Catalog
from giqplan.model.profiles import Hardware, Offer
from giqplan.model.recommendation import PricingModel, Reason

DEFAULT_PRICING_MODEL = PricingModel.SPOT
"""Of gkerecommender's Cost message."""

DEFAULT_REGION = "us-east5"
A3_REGION = "us-central1"
"""Google's page: prices default to us-east5, for A3 machines to us-central1."""


def region_for(catalog: Catalog, accelerator: str) -> str:
    """The region in which Google's commands price machines with the accelerator."""
    is_a3 = any(machine.series == "a3" for machine in catalog.machines_for(accelerator))
    return A3_REGION if is_a3 else DEFAULT_REGION


def offers(catalog: Catalog, hardware: Iterable[Hardware], how: PricingModel, region: str = "") -> dict[Hardware, Offer]:
    """Each hardware as a machine offered in ``region`` ("" = gcloud's), sold this way and with a price; else without one, and why."""
    return {one: _offer(catalog, one, Market(catalog, region or region_for(catalog, one.accelerator), (), how)) for one in hardware}


def _offer(catalog: Catalog, hardware: Hardware, market: Market) -> Offer:
    found = place(hardware, market)
    if isinstance(found, Placement):
        return Offer(found.price.machine_type, found.price, found.replicas_per_machine, "; ".join(found.notes))
    why = found.detail
    if found.reason is Reason.NOT_OFFERED_HERE:
        some = any(catalog.offered(machine.machine_type, market.region) for machine in catalog.machines_for(hardware.accelerator))
        what = f"{hardware.accelerator_count} x {hardware.accelerator}" if some else hardware.accelerator
        why = f"no machine with {what} is known to be offered in {market.region}"
    return Offer(hardware.machine_type, None, why=f"{why}; {_nearest_price(catalog, hardware, market)}")


def _nearest_price(catalog: Catalog, hardware: Hardware, market: Market) -> str:
    """The nearest region where the machine, or else the smallest larger one, has a price of this kind."""
    large_enough = [m for m in catalog.machines_for(hardware.accelerator) if m.accelerator_count >= hardware.accelerator_count]
    for machine in sorted(large_enough, key=lambda m: m.machine_type != hardware.machine_type):
        if not catalog.consumption(machine.machine_type, market.pricing_model.value).answer:
            continue
        for region in catalog.price_regions(machine.machine_type, market.pricing_model, near=market.region):
            price = catalog.price(machine.machine_type, region, market.pricing_model)
            if price is not None and price.quality != "suspect" and region != market.region:
                return f"{region} is the nearest region with a price of {machine.machine_type} ({market.pricing_model})"
    return f"no region has a price that can be trusted ({market.pricing_model})"
