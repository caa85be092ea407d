"""Replicas and the HPA's threshold from the operating point (design rule 8, docs/scaling.md)."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from giqplan.model.recommendation import OperatingPoint, Sizing
from giqplan.recommend.start_time import StartTime

HEADROOM_WITHOUT_PEAK = 0.2
GROWTH_SECONDS = 600
"""The peak is assumed to build up from the mean within ten minutes (design rule 8)."""

_ROUNDING = 1e-9
"""So that 8.000000000000002 replicas are eight."""


@dataclass(frozen=True)
class Demand:
    """What the intent says about traffic and scaling. ``headroom`` None = auto; ``peak`` may be absent where ``mean`` is given."""

    mean: float | None
    peak: float | None
    min_replicas: int
    max_replicas: int
    headroom: float | None


@dataclass(frozen=True)
class _Headroom:
    share: float
    steps: tuple[str, ...]


def _headroom(demand: Demand, start: StartTime) -> _Headroom:
    """Given, or 1 - 1/(1 + g t) with g = (peak/mean - 1)/600 s: what traffic grows by while a new replica starts."""
    if demand.headroom is not None:
        return _Headroom(demand.headroom, (f"headroom {demand.headroom:g}, as given",))
    if demand.mean is None or demand.peak is None:
        return _Headroom(HEADROOM_WITHOUT_PEAK, (f"headroom {HEADROOM_WITHOUT_PEAK:g}: the usual one, no peak is given",))
    growth = (demand.peak / demand.mean - 1) / GROWTH_SECONDS
    share = 1 - 1 / (1 + growth * start.seconds)
    return _Headroom(
        share,
        (
            f"growth g = ({demand.peak:g}/{demand.mean:g} - 1) / {GROWTH_SECONDS} s = {growth:.6f} per second",
            f"start of a replica t = {start.seconds:.0f} s:",
            *(f"  {step}" for step in start.steps),
            f"headroom = 1 - 1/(1 + g t) = {share:.3f}",
        ),
    )


def size(demand: Demand, point: OperatingPoint, start: StartTime, latency_targets: tuple[str, ...]) -> Sizing:
    """Replicas and HPA threshold. ``latency_targets``: in words ("NTPOT 6 ms"); none = no HPA, since nothing says when to add one.

    The peak is served when ``ceil(peak qps / qps*)`` replicas stand: headroom covers the growth until then, not the peak itself.
    """
    headroom = _headroom(demand, start)
    usable = point.qps * (1 - headroom.share)
    steps = [
        f"load at the operating point L* = {point.qps:.3f} requests/s x latency = {point.load:.2f} requests running and waiting",
        *headroom.steps,
    ]
    target = max(1, floor(point.load * (1 - headroom.share) + _ROUNDING)) if latency_targets else None
    if target is not None:
        steps.append(f"HPA target = floor({point.load:.2f} x (1 - {headroom.share:.3f})) = {target} requests per replica")
    if demand.mean is None:
        initial = demand.min_replicas
        steps.append(f"initial replicas = {initial}, the minimum: no traffic is given")
    else:
        wanted = ceil(demand.mean / usable - _ROUNDING)
        initial = min(max(wanted, demand.min_replicas), demand.max_replicas)
        steps.append(
            f"initial replicas = ceil({demand.mean:g} / ({point.qps:.3f} x (1 - {headroom.share:.3f}))) = {wanted}, "
            f"within {demand.min_replicas} to {demand.max_replicas}: {initial}"
        )
    needed = None
    if demand.peak is not None:
        needed = max(1, ceil(demand.peak / point.qps - _ROUNDING))
        steps.append(f"replicas at the peak = ceil({demand.peak:g} / {point.qps:.3f}) = {needed}, at most {demand.max_replicas}")
    return Sizing(
        min_replicas=demand.min_replicas,
        initial_replicas=initial,
        max_replicas=demand.max_replicas,
        headroom=headroom.share,
        headroom_is_auto=demand.headroom is None,
        hpa_target=target,
        hpa_reason=(
            f"latency target {' and '.join(latency_targets)}"
            if latency_targets
            else "no latency target is given, so nothing says when to add a replica: no autoscaling"
        ),
        needed_at_peak=needed,
        steps=tuple(steps),
    )
