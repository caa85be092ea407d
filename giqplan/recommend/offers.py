"""What the hardware of many curves is bought as: one machine with its price for each, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from giqplan.model.profiles import Hardware, Offer
from giqplan.model.recommendation import Profile
from giqplan.recommend.placement import Market, NoPlacement, place


def offers(hardware: Iterable[Hardware], market: Callable[[Hardware], Market]) -> dict[Hardware, Offer]:
    """The offer for each of ``hardware``, bought in its ``market``: the same placement that a plan makes."""
    return {wanted: _offer(wanted, market(wanted)) for wanted in hardware}


def _offer(hardware: Hardware, market: Market) -> Offer:
    profile = Profile("", "", "", hardware.accelerator, hardware.accelerator_count, hardware.machine_type, "", "")
    placed = place(profile, market)
    if isinstance(placed, NoPlacement):
        return Offer(hardware.machine_type, None, why=placed.detail)
    return Offer(placed.price.machine_type, placed.price, placed.replicas_per_machine)
