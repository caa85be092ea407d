"""Two small charts, and pieces to make others of."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from giqplan.catalog import Curve, Point
from giqplan.model.profiles import Offer, ProfileAnswers, ProfileRow, Saturated
from giqplan.model.recommendation import Bound, Price, PricingModel, Profile, Provenance, Reason, Statistic
from giqplan.render.charts.chart import Chart
from giqplan.render.charts.latency import latency_chart
from giqplan.render.charts.pareto import pareto_chart

MODEL = "acme/small-7b"
ORIGIN = "drawn by giqplan benchmarks plot from the catalog of 2026-01-01, sha256:000000000000"


def point(load: float, token_ms: float, **changes: Any) -> Point:
    """One load of a closed loop with answers of 100 tokens: rates follow from load and latency by Little's law."""
    tokens = load / token_ms * 1000
    made = Point(load, tokens / 100, tokens, token_ms * 10, token_ms * 0.9, token_ms)
    return replace(made, **changes)


SATURATES_AT_8 = (point(2, 10), point(4, 12), point(8, 16), point(16, 32), point(32, 64.5, queue_dominated=True))
GROWS = (point(2, 6), point(4, 6.5), point(8, 7.5), point(16, 9))


def profile(count: int = 1, **changes: Any) -> Profile:
    made = Profile(MODEL, "vllm", "0.10.0", "nvidia-h100-80gb", count, f"a3-highgpu-{count}g", "fp8", f"tp{count}")
    return replace(made, **changes)


def curve(key: str = "c-1", points: tuple[Point, ...] = SATURATES_AT_8, **changes: Any) -> Curve:
    made = Curve(
        key,
        profile(),
        Provenance.MEASURED,
        input_tokens=200,
        output_tokens=100,
        statistic=Statistic.P50,
        load_kind="concurrency",
        replicas=1,
        points=points,
        measured_at="2026-01-01",
        source="a test",
        licence="Apache-2.0",
    )
    return replace(made, **changes)


def row(key: str, ntpot_ms: float, usd: str | None, **changes: Any) -> ProfileRow:
    """A candidate; ``usd`` None = its machine has no price in us-east5."""
    price = Price("a3-highgpu-1g", "us-central1", PricingModel.SPOT, Decimal("3.5"), "2026-01-02", "verified", "a test")
    offer = Offer("a3-highgpu-1g", price) if usd is not None else Offer("a4-highgpu-8g", None, why="no price in us-east5")
    cost = None if usd is None else Decimal(usd)
    made = ProfileRow(
        curve_key=key,
        profile=profile(),
        variant="",
        provenance=Provenance.MEASURED,
        statistic=Statistic.P50,
        measured_at="2026-01-01",
        source="a test",
        input_tokens=200,
        output_tokens=100,
        distance=None,
        loads=4,
        bound=Bound.SATURATION,
        interpolated=False,
        saturated=Saturated.YES,
        load=8,
        qps=5,
        output_tokens_per_second=500,
        input_tokens_per_second=1000,
        ntpot_ms=ntpot_ms,
        ttft_ms=ntpot_ms * 10,
        itl_ms=None,
        offer=offer,
        usd_per_million_output_tokens=cost,
        usd_per_million_input_tokens=cost,
    )
    return replace(made, **changes)


def answers(*rows: ProfileRow) -> ProfileAnswers:
    return ProfileAnswers(rows, len(rows), len(rows) + 2, {Reason.LENGTHS_TOO_FAR: 2}, (), ())


def latency(*curves: Curve, metric: str = "ntpot", most: int = 6, log: bool = False, **targets: float) -> Chart:
    chart = latency_chart(MODEL, curves, metric, targets, most, ORIGIN, log)
    assert chart is not None
    return chart


def pareto(*rows: ProfileRow, metric: str = "ntpot", log: bool = False, **targets: float) -> Chart:
    priced = "costs: spot in us-central1; an output token counts as 4 input tokens"
    chart = pareto_chart(MODEL, answers(*rows), metric, targets, priced, ORIGIN, log)
    assert chart is not None
    return chart


def small_latency() -> Chart:
    """One curve that saturates and misses the target before, and one that does not saturate."""
    return latency(curve("c-1"), curve("c-2", GROWS, profile=profile(2)), ntpot=14)


def small_pareto() -> Chart:
    """Two in the front, one beaten, one doubted that would be in it, one without a price."""
    return pareto(
        row("c-1", 10, "2.5"),
        row("c-2", 20, "1.25"),
        row("c-3", 25, "2"),
        row("c-4", 12, "0.5", doubts=(Reason.TOO_FEW_LOADS,)),
        row("c-5", 8, None),
    )
