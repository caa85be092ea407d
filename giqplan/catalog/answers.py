"""What was found in columns, as values: rows, and rejections in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from giqplan.catalog.columns import Columns
from giqplan.catalog.ladders import SATURATED
from giqplan.catalog.levels import MIN_LOADS
from giqplan.catalog.token_cost import usd_per_million_output_tokens
from giqplan.model.profiles import ProfileQuery, ProfileRejection, ProfileRow
from giqplan.model.recommendation import Bound, Reason
from giqplan.units import usd, usd_text


@dataclass(frozen=True)
class Rung:
    """Where a curve is shown. ``held``: its levels that hold the targets, 0 = shown at its lowest load. ``values`` by column, NaN =
    unknown."""

    held: int
    interpolated: bool
    values: Mapping[str, float]
    distance: float | None

    def known(self, name: str) -> float | None:
        value = self.values[name]
        return None if value != value else value


def _bound(table: Columns, query: ProfileQuery, curve: int, rung: Rung) -> Bound:
    if rung.held == int(table.ladders.top[curve]) + 1:
        return Bound.SATURATION
    return Bound(max(query.targets, key=lambda name: rung.values[f"{name}_ms"] / query.targets[name]))


def row(table: Columns, query: ProfileQuery, curve: int, rung: Rung) -> ProfileRow:
    """The row of the curve at that place of ``table``."""
    lengths = int(table.curves["input_tokens"][curve]), int(table.curves["output_tokens"][curve])
    values, offer = rung.values, (query.offers or {}).get(table.hardware_of(curve))
    input_rate = values["qps"] * lengths[0] if lengths[0] else None
    price = offer.price if offer is not None else None
    output_usd = None
    if offer is not None and price is not None and input_rate is not None:
        output_usd = usd_per_million_output_tokens(
            price.usd_per_hour, offer.replicas_per_machine, input_rate, values["output_tokens_per_second"], query.output_input_cost_ratio
        )
    profile, variant, loads = table.profile(curve), table.name("variant", curve), int(table.curves["loads"][curve])
    doubts = {
        Reason.TOO_FEW_LOADS: loads < MIN_LOADS,
        Reason.VERSION_UNKNOWN: not profile.model_server_version,
        Reason.UNSUPPORTED_HERE: bool(variant),
        Reason.PRICE_SUSPECT: price is not None and price.quality == "suspect",
    }
    return ProfileRow(
        curve_key=table.key(curve),
        profile=profile,
        variant=variant,
        provenance=table.provenance(curve),
        statistic=table.statistic(curve),
        measured_at=table.name("measured_at", curve),
        source=table.name("source", curve),
        input_tokens=lengths[0] or None,
        output_tokens=lengths[1],
        distance=rung.distance,
        loads=loads,
        bound=_bound(table, query, curve, rung),
        interpolated=rung.interpolated,
        saturated=SATURATED[int(table.ladders.saturated[curve])],
        load=values["qps"] * values["ntpot_ms"] * lengths[1] / 1000,
        qps=values["qps"],
        output_tokens_per_second=values["output_tokens_per_second"],
        input_tokens_per_second=input_rate,
        ntpot_ms=values["ntpot_ms"],
        ttft_ms=rung.known("ttft_ms"),
        itl_ms=rung.known("itl_ms"),
        offer=offer,
        usd_per_million_output_tokens=None if output_usd is None else usd(output_usd),
        usd_per_million_input_tokens=None if output_usd is None else usd(output_usd / query.output_input_cost_ratio),
        doubts=tuple(reason for reason, holds in doubts.items() if holds),
    )


def rejection(table: Columns, query: ProfileQuery, curve: int, reason: Reason, rung: Rung | None) -> ProfileRejection:
    """Why the curve at that place of ``table`` gives no row."""
    return ProfileRejection(table.key(curve), table.profile(curve), reason, _detail(table, query, curve, reason, rung))


def _detail(table: Columns, query: ProfileQuery, curve: int, reason: Reason, rung: Rung | None) -> str:
    lengths = f"{table.curves['input_tokens'][curve]}/{table.curves['output_tokens'][curve]}"
    if reason is Reason.LENGTHS_UNKNOWN:
        return "its source states no token lengths"
    if reason is Reason.LENGTHS_TOO_FAR:
        return f"measured at {lengths} tokens, wanted {query.input_tokens}/{query.output_tokens}"
    points = int(table.point_starts[curve + 1] - table.point_starts[curve])
    if reason is Reason.ALL_POINTS_SUSPECT:
        return f"all {points} points are suspect or dominated by waiting in the queue"
    if reason is Reason.LATENCY_NOT_MEASURED or rung is None:
        lacking = [name for name in query.targets if not table.ladders.complete[f"{name}_ms"][curve]]
        return f"{' and '.join(lacking).upper() or 'a latency or rate'} is not known at all of its loads"
    if reason is Reason.SLO_BELOW_RANGE:
        missed = ((name, rung.values[f"{name}_ms"], target) for name, target in query.targets.items())
        return "; ".join(
            f"{name.upper()} {value:.4g} ms at its lowest load, wanted {target:g}" for name, value, target in missed if value > target
        )
    shown = row(table, query, curve, rung)
    if reason is Reason.PRICE_UNKNOWN or shown.usd_per_million_output_tokens is None or shown.usd_per_million_input_tokens is None:
        return (shown.offer.why if shown.offer is not None else "") or "no price for its machine"
    return (
        f"{usd_text(shown.usd_per_million_output_tokens, 3)} per million output tokens, "
        f"{usd_text(shown.usd_per_million_input_tokens, 3)} per million input tokens"
    )
