"""A curve as one replica lives it: its usable load levels, a monotone curve through them, and where it saturates (docs/curves.md).

Loads are requests in the replica, running and waiting: by Little's law requests per second x seconds per request.
Nothing is extrapolated. ``catalog/ladders.py`` has the same rule for many curves at once; a test holds the two together.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import log
from statistics import median

from giqplan.catalog.values import Curve, Point
from giqplan.model.profiles import Saturated

MIN_LOADS = 3
"""Fewer trustworthy loads do not show a curve's shape (design 4.1)."""

SATURATION_ELASTICITY = 0.2
"""Beyond the saturation point, x % more load gives less than 0.2 x % more throughput: doubling the load gives less than 15 %.
The rest of it becomes waiting. A choice of ours: Google says "where throughput stops growing", not a number."""

GROWTH_ELASTICITY = 0.5
"""A curve whose last step of load gives at least this share of it as throughput (doubling the load gives 41 %) ends before it
saturates; between the two nothing is said. Ours, too."""

LONG_TTFT_MS, LONG_TTFT_SHARE = 3000, 0.3
"""A first token that takes longer, and a larger share of the request, was mostly waited for."""


@dataclass(frozen=True)
class Level:
    """One load level of one replica; times in milliseconds, rates per second. ``load`` = requests in the replica.

    ``step``: the load as the source states it (concurrency or requests per second sent), else ``load``. ``measurements``: how many
    were made at it. ``queued``: requests mostly waited (Point.queue_dominated).
    """

    step: float
    load: float
    qps: float
    output_tokens_per_second: float
    request_ms: float
    ntpot_ms: float
    ttft_ms: float | None
    itl_ms: float | None
    measurements: int = 1
    queued: bool = False

    def metric(self, name: str) -> float | None:
        return {"ntpot": self.ntpot_ms, "ttft": self.ttft_ms, "itl": self.itl_ms}[name]


@dataclass(frozen=True)
class Ladder:
    """``measured``: the trustworthy levels in order of load; ``levels``: the same, with monotone latencies and, up to ``top``, rates.

    ``top``: index of the saturation point, where ``saturated`` is not YES of the highest level. ``beyond``: the highest load measured,
    the queue-dominated ones included: what shows the saturation. Without any usable level all are empty and ``top`` is -1.
    """

    measured: tuple[Level, ...]
    levels: tuple[Level, ...]
    top: int
    saturated: Saturated
    beyond: Level | None

    @property
    def usable(self) -> tuple[Level, ...]:
        """The levels that a replica may be run at: up to the saturation point."""
        return self.levels[: self.top + 1]


def mostly_waits(ttft_ms: float, request_ms: float | None) -> bool:
    """Whether requests of such latencies mostly waited in the queue; ``request_ms`` None = unknown, then TTFT alone decides."""
    return ttft_ms > LONG_TTFT_MS and (request_ms is None or ttft_ms > LONG_TTFT_SHARE * request_ms)


def trustworthy(point: Point) -> bool:
    """Neither suspect nor dominated by waiting in the queue (TTFT above 3 s and above 30 % of the request)."""
    return not point.suspect and not point.queue_dominated


def trustworthy_loads(curve: Curve) -> int:
    """How many different loads have a trustworthy point; where the source states no load, the rate tells them apart."""
    return len({point.load if point.load is not None else point.qps for point in curve.points if trustworthy(point)})


def _request_ms(point: Point, output_tokens: int) -> float | None:
    """How long a request takes: NTPOT x output tokens, or TTFT + ITL x (output tokens - 1)."""
    if point.ntpot_ms is not None:
        return point.ntpot_ms * output_tokens
    if point.ttft_ms is not None and point.itl_ms is not None:
        return point.ttft_ms + point.itl_ms * (output_tokens - 1)
    return None


def _level(point: Point, output_tokens: int, by_step: bool) -> Level | None:
    request_ms = _request_ms(point, output_tokens)
    tokens = point.output_tokens_per_second
    qps = point.qps if point.qps is not None else tokens / output_tokens if tokens is not None else None
    if request_ms is None or qps is None or request_ms <= 0 or qps <= 0:
        return None
    load = qps * request_ms / 1000
    return Level(
        step=point.load if by_step and point.load is not None else load,
        load=load,
        qps=qps,
        output_tokens_per_second=tokens if tokens is not None else qps * output_tokens,
        request_ms=request_ms,
        ntpot_ms=request_ms / output_tokens,
        ttft_ms=point.ttft_ms,
        itl_ms=point.itl_ms,
        queued=point.queue_dominated,
    )


def _merged(levels: Iterable[Level]) -> Level:
    """One level of several measured at one load: the median of each number; queue-dominated ones count only among their like."""
    found = list(levels)
    same = [level for level in found if not level.queued] or found
    if len(same) == 1:
        return same[0]

    def middle(values: Sequence[float | None]) -> float | None:
        known = [v for v in values if v is not None]
        return median(known) if len(known) == len(values) else None

    qps, request_ms = median(x.qps for x in same), median(x.request_ms for x in same)
    return replace(
        same[0],
        load=qps * request_ms / 1000,
        qps=qps,
        output_tokens_per_second=median(x.output_tokens_per_second for x in same),
        request_ms=request_ms,
        ntpot_ms=median(x.ntpot_ms for x in same),
        ttft_ms=middle([x.ttft_ms for x in same]),
        itl_ms=middle([x.itl_ms for x in same]),
        measurements=len(same),
    )


def every_level(curve: Curve, output_tokens: int) -> tuple[Level, ...]:
    """The levels in order of load, queue-dominated ones included; suspect points never count."""
    points = [point for point in curve.points if not point.suspect]
    by_step = all(point.load is not None for point in points)
    found = sorted((x for p in points if (x := _level(p, output_tokens, by_step))), key=lambda x: x.step)
    return tuple(_merged(same) for _, same in groupby(found, key=lambda x: x.step))


def levels(curve: Curve, output_tokens: int) -> tuple[Level, ...]:
    """The trustworthy levels of one replica as measured, in order of load; several at one load are one, with their medians."""
    return tuple(level for level in every_level(curve, output_tokens) if not level.queued)


def ladder(curve: Curve, output_tokens: int) -> Ladder:
    """The curve that a replica is planned by: its trustworthy levels made monotone, and its saturation point."""
    every = every_level(curve, output_tokens)
    measured = tuple(level for level in every if not level.queued)
    if not measured:
        return Ladder((), (), -1, Saturated.UNKNOWN, None)
    knee = saturation_index(every)
    if knee is None or every[knee].queued:
        top, saturated = len(measured) - 1, _growth(measured)
    else:
        top, saturated = measured.index(every[knee]), Saturated.YES
    return Ladder(measured, smoothed(measured, top), top, saturated, every[-1])


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


def _growth(measured: tuple[Level, ...]) -> Saturated:
    """NO where the last step of a curve without a knee still gives throughput for its load; else nothing is known."""
    if len(measured) < MIN_LOADS:
        return Saturated.UNKNOWN
    low, high = measured[-2:]
    more_load = log(high.load / low.load)
    gain = log(high.output_tokens_per_second / low.output_tokens_per_second)
    return Saturated.NO if more_load > 0 and gain >= GROWTH_ELASTICITY * more_load else Saturated.UNKNOWN


def monotone(values: Sequence[float], weights: Sequence[int]) -> tuple[float, ...]:
    """The non-decreasing curve through ``values``: at each place the largest over all starts before it of the least over all ends
    after it of the weighted median between (isotonic regression in its max-min form, with medians).

    Monotone values stay exactly as they are, the result lies within the values, and one wild value moves its neighbours only as far
    as the next ones reach, where means would carry it on.
    """
    pairs = list(zip(values, weights, strict=True))
    cuts = [0, *(i for i in range(1, len(pairs)) if max(values[:i]) <= min(values[i:])), len(pairs)]
    return tuple(found for start, end in pairwise(cuts) for found in _pooled(pairs[start:end]))


def _pooled(pairs: Sequence[tuple[float, int]]) -> tuple[float, ...]:
    """``monotone`` of one run: none of its values could stand apart, since some later one lies below some earlier one."""
    count = len(pairs)
    found = [float("-inf")] * count
    for j in range(count):
        window: list[float] = []
        medians = []  # of j..k for each k from j on; a weight is as many values
        for value, weight in pairs[j:]:
            for _ in range(weight):
                insort(window, value)
            medians.append((window[(len(window) - 1) // 2] + window[len(window) // 2]) / 2)
        least = float("inf")
        for k in reversed(range(j, count)):
            least = min(least, medians[k - j])
            found[k] = max(found[k], least)
    return tuple(found)


def smoothed(measured: tuple[Level, ...], top: int) -> tuple[Level, ...]:
    """``measured`` with latencies that never fall as the load grows, and rates that never fall up to ``top``; behind the saturation
    point a falling rate is no noise. A latency that some level lacks stays as measured, for then nothing is read from it."""
    weights = [level.measurements for level in measured]

    def latency(values: Sequence[float | None]) -> Sequence[float | None]:
        known = [v for v in values if v is not None]
        return monotone(known, weights) if len(known) == len(values) else values

    def rate(values: Sequence[float]) -> tuple[float, ...]:
        return (*monotone(values[: top + 1], weights[: top + 1]), *values[top + 1 :])

    request_ms = monotone([x.request_ms for x in measured], weights)
    ntpot_ms = monotone([x.ntpot_ms for x in measured], weights)
    ttft_ms, itl_ms = latency([x.ttft_ms for x in measured]), latency([x.itl_ms for x in measured])
    qps, tokens = rate([x.qps for x in measured]), rate([x.output_tokens_per_second for x in measured])
    return tuple(
        replace(
            level,
            load=qps[i] * request_ms[i] / 1000,
            qps=qps[i],
            output_tokens_per_second=tokens[i],
            request_ms=request_ms[i],
            ntpot_ms=ntpot_ms[i],
            ttft_ms=ttft_ms[i],
            itl_ms=itl_ms[i],
        )
        for i, level in enumerate(measured)
    )


def between(low: Level, high: Level, share: float) -> Level:
    """The level ``share`` of the way from ``low`` to ``high``: rates and latencies linear, the load by Little's law from them."""

    def mix(a: float, b: float) -> float:
        return a + (b - a) * share

    def maybe(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else mix(a, b)

    qps, request_ms = mix(low.qps, high.qps), mix(low.request_ms, high.request_ms)
    return Level(
        step=mix(low.step, high.step),
        load=qps * request_ms / 1000,
        qps=qps,
        output_tokens_per_second=mix(low.output_tokens_per_second, high.output_tokens_per_second),
        request_ms=request_ms,
        ntpot_ms=mix(low.ntpot_ms, high.ntpot_ms),
        ttft_ms=maybe(low.ttft_ms, high.ttft_ms),
        itl_ms=maybe(low.itl_ms, high.itl_ms),
    )


def highest_within(curve_levels: tuple[Level, ...], targets: Mapping[str, float]) -> Level | None:
    """The level of the largest load at which every target holds, interpolated between levels; None = at none of them.

    ``curve_levels`` are monotone: the targets hold from the lowest load up to it. A latency that is not known holds no target.
    """

    def holds(level: Level) -> bool:
        return all((value := level.metric(name)) is not None and value <= target for name, target in targets.items())

    held = next((i for i, level in enumerate(curve_levels) if not holds(level)), len(curve_levels))
    if held in (0, len(curve_levels)):
        return curve_levels[-1] if held else None
    low, high, share = curve_levels[held - 1], curve_levels[held], 1.0
    for name, target in targets.items():
        a, b = low.metric(name), high.metric(name)
        if a is None or b is None:
            return low
        if b > target:
            share = min(share, (target - a) / (b - a))
    return low if share == 0.0 else between(low, high, share)
