"""On which machine a profile runs: offered here, sold this way, with a price that can be trusted; replicas packed on larger ones."""

from __future__ import annotations

from dataclasses import dataclass

from giqplan.catalog.store import Catalog
from giqplan.catalog.values import Answer, Machine
from giqplan.model.profiles import Hardware
from giqplan.model.recommendation import Price, PricingModel, Profile, Reason

_HOW_FAR = (
    Reason.NO_MACHINE,
    Reason.NOT_OFFERED_HERE,
    Reason.NOT_SOLD_THIS_WAY,
    Reason.PRICE_UNKNOWN,
    Reason.PRICE_SUSPECT,
)
"""The hurdles in order: of several machines, the one that came farthest says why there is none."""


@dataclass(frozen=True)
class Market:
    """Where and how machines are bought."""

    catalog: Catalog
    location: str
    zones: tuple[str, ...]
    pricing_model: PricingModel

    @property
    def region(self) -> str:
        """Of a zone (us-central1-a) its region."""
        return self.catalog.region_of(self.location)

    @property
    def places(self) -> tuple[str, ...]:
        return self.zones or (self.location,)


@dataclass(frozen=True)
class Placement:
    """A machine with its price, and how many replicas it holds."""

    price: Price
    replicas_per_machine: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NoPlacement:
    reason: Reason
    detail: str


def _hurdle(machine: Machine, market: Market) -> NoPlacement | Price:
    """The price of ``machine``, or what stands in the way of buying it."""
    name, how = machine.machine_type, market.pricing_model
    if not any(market.catalog.offered(name, place) for place in market.places):
        return NoPlacement(Reason.NOT_OFFERED_HERE, f"{name} is not known to be offered in {' or '.join(market.places)}")
    sold = market.catalog.consumption(name, how.value)
    if not sold.answer:
        verb = "is not sold" if sold.answer is Answer.NO else "is not known to be sold"
        return NoPlacement(Reason.NOT_SOLD_THIS_WAY, f"{name} {verb} {how.value}")
    price = market.catalog.price(name, market.region, how)
    if price is None:
        known = ", ".join(market.catalog.price_regions(name, how, near=market.region)[:3])
        elsewhere = f"; nearest regions with one: {known}" if known else "; nor anywhere else"
        return NoPlacement(Reason.PRICE_UNKNOWN, f"{name} has no {how.value} price in {market.region}{elsewhere}")
    if price.quality == "suspect":
        return NoPlacement(
            Reason.PRICE_SUSPECT, f"the {how.value} price of {name} in {market.region}, ${price.usd_per_hour}/h, is marked suspect"
        )
    return price


def place(profile: Profile | Hardware, market: Market) -> Placement | NoPlacement:
    """The machine the curve was measured on, or else the smallest larger one of the same accelerator that can be bought.

    Of equally large ones the cheapest is taken. A partial GPU (count below one) never holds a replica.
    """
    own = profile.machine_type
    machines = [m for m in market.catalog.machines_for(profile.accelerator) if m.accelerator_count >= profile.accelerator_count]
    bought: list[tuple[bool, float, Price]] = []
    hurdles: list[NoPlacement] = []
    for machine in sorted(machines, key=lambda m: (m.accelerator_count, m.machine_type)):
        found = _hurdle(machine, market)
        if isinstance(found, NoPlacement):
            hurdles.append(found)
        else:
            bought.append((machine.machine_type != own, machine.accelerator_count, found))
    if bought:
        _, count, price = min(bought, key=lambda b: (b[0], b[1], b[2].usd_per_hour, b[2].machine_type))
        return _placement(profile, price, int(count) // profile.accelerator_count, hurdles)
    if not machines:
        return NoPlacement(Reason.NO_MACHINE, f"no machine has {profile.accelerator_count} x {profile.accelerator} in one piece")
    farthest = max(_HOW_FAR.index(h.reason) for h in hurdles)
    return NoPlacement(_HOW_FAR[farthest], "; ".join(h.detail for h in hurdles))


def _placement(profile: Profile | Hardware, price: Price, replicas_per_machine: int, hurdles: list[NoPlacement]) -> Placement:
    notes = []
    if profile.machine_type and price.machine_type != profile.machine_type:
        why = next((h.detail for h in hurdles if h.detail.split()[0] == profile.machine_type), "it cannot be bought here")
        notes.append(f"measured on {profile.machine_type}, runs on {price.machine_type}: {why}")
    if replicas_per_machine > 1:
        notes.append(f"{replicas_per_machine} replicas of {profile.accelerator_count} accelerators share one {price.machine_type}")
    return Placement(price, replicas_per_machine, tuple(notes))
