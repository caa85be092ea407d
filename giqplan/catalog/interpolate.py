"""Between the measured loads of a curve: piecewise linear, inside the measured range only.

Only trustworthy points count: neither suspect nor queue-dominated, with a known load. Curves need not be monotone. ``at_latency``
answers the end of the safe beginning of a curve: the largest load such that every trustworthy point up to it stays at or below the
target, then on along the segment that crosses it. A dip behind the crossing is not used: whoever reaches it has passed the peak before.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from giqplan.catalog.values import Curve, Point

Metric = Literal["ttft", "itl", "ntpot"]


def trustworthy(curve: Curve) -> tuple[tuple[float, Point], ...]:
    """(load, point) of the points that may be used, in order of load; of two at one load the slower one."""
    usable = [(p.load, p) for p in curve.points if p.load is not None and not p.suspect and not p.queue_dominated]
    usable.sort(key=lambda pair: (pair[0], pair[1].ntpot_ms or 0.0))
    return tuple(dict(usable).items())


def _between(low: Point, high: Point, load: float, share: float) -> Point:
    """``share`` of the way from ``low`` to ``high``; what one of them does not know stays unknown."""

    def mix(name: str) -> float | None:
        a, b = getattr(low, name), getattr(high, name)
        return None if a is None or b is None else float(a) * (1 - share) + float(b) * share

    return Point(
        load=load,
        qps=mix("qps"),
        output_tokens_per_second=mix("output_tokens_per_second"),
        ttft_ms=mix("ttft_ms"),
        itl_ms=mix("itl_ms"),
        ntpot_ms=mix("ntpot_ms"),
        queue=mix("queue"),
        kv_cache=mix("kv_cache"),
        note="interpolated",
    )


def at_load(curve: Curve, load: float) -> Point | None:
    """The point at ``load``; None outside the measured range."""
    found = trustworthy(curve)
    exact = dict(found).get(load)
    if exact is not None:
        return exact
    for (a, low), (b, high) in pairwise(found):
        if a < load < b:
            return _between(low, high, load, (load - a) / (b - a))
    return None


def at_latency(curve: Curve, metric: Metric, target_ms: float) -> Point | None:
    """The highest load up to which ``metric`` stays within ``target_ms`` (the rule is at the top of this module).

    None: the curve's lowest load already exceeds the target, or the metric was not measured. The last point: it never exceeds it.
    """
    name = f"{metric}_ms"
    found = [(load, p, float(value)) for load, p in trustworthy(curve) if (value := getattr(p, name)) is not None]
    if not found or found[0][2] > target_ms:
        return None
    for (a, low, before), (b, high, after) in pairwise(found):
        if after > target_ms:
            share = (target_ms - before) / (after - before)
            return low if share == 0 else _between(low, high, a + (b - a) * share, share)
    return found[-1][1]
