"""The saturation point and the operating point of a curve (docs/scaling.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from giqplan.catalog.levels import Ladder, Level, highest_within
from giqplan.model.profiles import METRICS, Saturated
from giqplan.model.recommendation import Bound, OperatingPoint


@dataclass(frozen=True)
class Points:
    """Where one curve saturates and where it is run. ``within_slo`` False: no load holds every target, ``operating`` is the lowest."""

    saturation: OperatingPoint
    operating: OperatingPoint
    within_slo: bool


def _point(level: Level, bound: Bound, input_tokens: int, is_saturation: bool, notes: tuple[str, ...]) -> OperatingPoint:
    return OperatingPoint(
        bound=bound,
        load=level.load,
        qps=level.qps,
        output_tokens_per_second=level.output_tokens_per_second,
        input_tokens_per_second=level.qps * input_tokens,
        ttft_ms=level.ttft_ms,
        itl_ms=level.itl_ms,
        ntpot_ms=level.ntpot_ms,
        is_saturation=is_saturation,
        notes=notes,
    )


def _saturation_note(ladder: Ladder) -> str:
    top, beyond = ladder.usable[-1], ladder.beyond
    if ladder.saturated is not Saturated.YES or beyond is None:
        return (
            f"the curve does not saturate in its range (loads {ladder.levels[0].load:.1f} to {top.load:.1f}): "
            "its highest load stands for the saturation point"
        )
    gain = beyond.output_tokens_per_second / top.output_tokens_per_second - 1
    return f"saturates at load {top.load:.1f}: {beyond.load / top.load:.1f} times the load gives {gain:+.0%} throughput, the rest waits"


def _binding(level: Level, targets: Mapping[str, float]) -> str:
    """The target that leaves the least room at ``level``."""
    return max(targets, key=lambda name: (level.metric(name) or 0.0) / targets[name])


def find_points(ladder: Ladder, input_tokens: int, targets: Mapping[str, float], kind: str = "measured") -> Points:
    """``targets``: metric name -> milliseconds, in the order of METRICS; every level must hold each of them. ``kind``: what the loads of
    the curve are, in words."""
    usable = ladder.usable
    top = usable[-1]
    saturation = _point(top, Bound.SATURATION, input_tokens, True, (_saturation_note(ladder),))
    if not targets:
        return Points(saturation, saturation, True)
    level = highest_within(usable, targets)
    if level is None:
        lowest = usable[0]
        return Points(saturation, _point(lowest, Bound(_binding(lowest, targets)), input_tokens, lowest is top, ()), False)
    if level is top:
        notes = (*saturation.notes, *_above_range(ladder.levels, targets))
        return Points(saturation, _point(top, Bound.SATURATION, input_tokens, True, notes), True)
    on_a_load = any(level is known for known in usable)
    notes = () if on_a_load else (f"interpolated between two {kind} loads",)
    return Points(saturation, _point(level, Bound(_binding(level, targets)), input_tokens, False, notes), True)


def _above_range(curve_levels: tuple[Level, ...], targets: Mapping[str, float]) -> tuple[str, ...]:
    """A note for each target that the curve never reaches."""
    highest = {name: max(x.metric(name) or 0.0 for x in curve_levels) for name in targets}
    return tuple(
        f"the {name.upper()} target {target:g} ms lies above all the curve reaches ({highest[name]:.4g} ms): the saturation point is used"
        for name, target in targets.items()
        if target > highest[name]
    )


def reached(curve_levels: tuple[Level, ...]) -> dict[str, tuple[float, float]]:
    """The least and the largest of every metric over all levels; a metric that a level lacks is left out of that level."""
    values = {name: [v for level in curve_levels if (v := level.metric(name)) is not None] for name in METRICS}
    return {name: (min(found), max(found)) for name, found in values.items() if found}
