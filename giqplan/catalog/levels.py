"""A curve as one replica lives it: its usable load levels, what lies between them, and where it saturates.

Loads are requests in the replica, running and waiting: by Little's law requests per second x seconds per request.
Nothing is extrapolated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import log

from giqplan.catalog.values import Curve, Point

MIN_LOADS = 3
"""Fewer trustworthy loads do not show a curve's shape (design 4.1)."""

SATURATION_ELASTICITY = 0.2
"""Beyond the saturation point, x % more load gives less than 0.2 x % more throughput: doubling the load gives less than 15 %.
The rest of it becomes waiting. A choice of ours: Google says "where throughput stops growing", not a number."""


@dataclass(frozen=True)
class Level:
    """One load level of one replica; times in milliseconds, rates per second. ``load`` = requests in the replica."""

    load: float
    qps: float
    output_tokens_per_second: float
    request_ms: float
    ntpot_ms: float
    ttft_ms: float | None
    itl_ms: float | None

    def metric(self, name: str) -> float | None:
        return {"ntpot": self.ntpot_ms, "ttft": self.ttft_ms, "itl": self.itl_ms}[name]


def trustworthy(point: Point) -> bool:
    """Neither suspect nor dominated by waiting in the queue (TTFT above 3 s and above 30 % of the request)."""
    return not point.suspect and not point.queue_dominated


def _request_ms(point: Point, output_tokens: int) -> float | None:
    """How long a request takes: NTPOT x output tokens, or TTFT + ITL x (output tokens - 1)."""
    if point.ntpot_ms is not None:
        return point.ntpot_ms * output_tokens
    if point.ttft_ms is not None and point.itl_ms is not None:
        return point.ttft_ms + point.itl_ms * (output_tokens - 1)
    return None


def trustworthy_loads(curve: Curve) -> int:
    """How many different loads have a trustworthy point; where the source states no load, the rate tells them apart."""
    return len({point.load if point.load is not None else point.qps for point in curve.points if trustworthy(point)})


def _level(point: Point, output_tokens: int) -> Level | None:
    request_ms = _request_ms(point, output_tokens)
    tokens = point.output_tokens_per_second
    qps = point.qps if point.qps is not None else tokens / output_tokens if tokens is not None else None
    if request_ms is None or not qps:
        return None
    return Level(
        load=qps * request_ms / 1000,
        qps=qps,
        output_tokens_per_second=tokens if tokens is not None else qps * output_tokens,
        request_ms=request_ms,
        ntpot_ms=request_ms / output_tokens,
        ttft_ms=point.ttft_ms,
        itl_ms=point.itl_ms,
    )


def levels(curve: Curve, output_tokens: int) -> tuple[Level, ...]:
    """The trustworthy levels of one replica in order of load; of two at one load the slower one stays."""
    found = (_level(p, output_tokens) for p in curve.points if trustworthy(p))
    by_load = {level.load: level for level in sorted((x for x in found if x), key=lambda x: (x.load, x.request_ms))}
    return tuple(by_load.values())


def saturation_index(curve_levels: tuple[Level, ...]) -> int | None:
    """The index of the knee: the first level from which no higher one gains throughput worth its load; None = not within the range.

    A level is the knee when for every later one ln(T'/T) < 0.2 ln(L'/L) and requests take longer. Comparing with all later levels,
    not just the next, keeps one slow measurement in the middle of a growing curve from being taken for the knee.
    """

    def stalls(i: int) -> bool:
        here = curve_levels[i]
        return all(
            log(later.output_tokens_per_second / here.output_tokens_per_second) < SATURATION_ELASTICITY * log(later.load / here.load)
            and later.request_ms > here.request_ms
            for later in curve_levels[i + 1 :]
        )

    return next((i for i in range(len(curve_levels) - 1) if stalls(i)), None)


def between(low: Level, high: Level, share: float) -> Level:
    """The level ``share`` of the way from ``low`` to ``high``: rates and latencies linear, the load by Little's law from them."""

    def mix(a: float, b: float) -> float:
        return a + (b - a) * share

    def maybe(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else mix(a, b)

    qps, request_ms = mix(low.qps, high.qps), mix(low.request_ms, high.request_ms)
    return Level(
        load=qps * request_ms / 1000,
        qps=qps,
        output_tokens_per_second=mix(low.output_tokens_per_second, high.output_tokens_per_second),
        request_ms=request_ms,
        ntpot_ms=mix(low.ntpot_ms, high.ntpot_ms),
        ttft_ms=maybe(low.ttft_ms, high.ttft_ms),
        itl_ms=maybe(low.itl_ms, high.itl_ms),
    )


def _holds_at_share(low: Level, high: Level, targets: Mapping[str, float]) -> float | None:
    """The largest share in [0, 1] of the way from ``low`` to ``high`` at which every target holds; None = at none."""
    first, last = 0.0, 1.0
    for name, target in targets.items():
        a, b = low.metric(name), high.metric(name)
        if a is None or b is None:
            return None
        if a > target and b > target:
            return None
        if a <= target < b:
            last = min(last, (target - a) / (b - a))
        elif b <= target < a:
            first = max(first, (a - target) / (a - b))
    return last if first <= last else None


def highest_within(curve_levels: tuple[Level, ...], targets: Mapping[str, float]) -> Level | None:
    """The level of the largest load up to which every target holds, interpolated between measured loads; None = at none of them.

    A curve need not be monotone: the first stretch within the targets counts, because whoever reaches a dip behind a peak has passed the
    peak before. A lowest load that alone misses a target (a cold first token) does not keep the loads above it from counting.
    """
    first = curve_levels[0]
    holds = all((value := first.metric(name)) is not None and value <= target for name, target in targets.items())
    found = first if holds else None
    for low, high in pairwise(curve_levels):
        share = _holds_at_share(low, high, targets)
        if share is None:
            if found is not None:
                break
            continue
        found = high if share == 1.0 else between(low, high, share)
        if share < 1.0:
            break
    return found
