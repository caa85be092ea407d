"""Interpolation stays inside what was measured."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.catalog import Catalog, Curve, Point, open_catalog
from giqplan.catalog.interpolate import at_latency, at_load, trustworthy
from giqplan.catalog.query import best_throughput

_ANY = next(c for c in open_catalog().curves() if c.source_curve == "ip-vllm")


def curve(*points: tuple[float, float]) -> Curve:
    """A curve of (load, NTPOT)."""
    return replace(_ANY, points=tuple(Point(load, load * 2, load * 100, None, None, ntpot) for load, ntpot in points))


def test_between_two_loads_everything_known_is_linear() -> None:
    found = at_load(curve((1, 10), (3, 20)), 2)
    assert found is not None
    assert (found.ntpot_ms, found.qps, found.output_tokens_per_second, found.ttft_ms) == (15, 4, 200, None)


def test_nothing_is_extrapolated() -> None:
    assert at_load(curve((1, 10), (3, 20)), 0.5) is None
    assert at_load(curve((1, 10), (3, 20)), 3.1) is None
    assert at_load(curve(), 1) is None
    assert at_latency(curve((1, 10), (3, 20)), "ntpot", 9.9) is None
    assert at_latency(curve((1, 10)), "ttft", 9.9) is None


def test_a_target_is_met_on_the_segment_that_crosses_it() -> None:
    found = at_latency(curve((1, 10), (3, 20), (5, 30)), "ntpot", 25)
    assert found is not None and (found.load, found.ntpot_ms) == (4, 25)


def test_a_target_above_the_curve_gives_its_last_point() -> None:
    measured = curve((1, 10), (3, 20))
    assert at_latency(measured, "ntpot", 99) == measured.points[-1]


def test_a_dip_behind_the_crossing_is_not_used() -> None:
    found = at_latency(curve((1, 10), (2, 30), (3, 15), (4, 40)), "ntpot", 20)
    assert found is not None and found.load == 1.5


def test_suspect_and_queue_dominated_points_do_not_count() -> None:
    measured = curve((1, 10), (2, 999), (3, 20), (4, 50))
    points = list(measured.points)
    points[1] = replace(points[1], suspect="outlier")
    points[3] = replace(points[3], queue_dominated=True)
    found = replace(measured, points=tuple(points))
    middle = at_load(found, 2)
    assert middle is not None and middle.ntpot_ms == 15
    assert at_load(found, 4) is None


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 100)), min_size=1, max_size=8), st.integers(1, 100))
def test_the_answer_never_exceeds_the_target_and_never_leaves_the_range(points: list[tuple[int, int]], target: int) -> None:
    measured = curve(*((float(a), float(b)) for a, b in points))
    loads = [load for load, _ in trustworthy(measured)]
    found = at_latency(measured, "ntpot", target)
    if found is not None:
        assert found.ntpot_ms is not None and found.ntpot_ms <= target + 1e-9
        assert found.load is not None and loads[0] <= found.load <= loads[-1]
        below = [p for load, p in trustworthy(measured) if load <= found.load]
        assert all(p.ntpot_ms is not None and p.ntpot_ms <= target for p in below)


def test_the_vectorised_query_agrees_with_a_loop(catalog: Catalog) -> None:
    accelerators = ("nvidia-h100-80gb", "nvidia-l4")
    rates = [
        p.output_tokens_per_second
        for c in catalog.curves()
        if c.profile.accelerator in accelerators
        for p in c.points
        if p.ntpot_ms and p.ntpot_ms <= 20 and p.output_tokens_per_second and not p.suspect and not p.queue_dominated
    ]
    best = best_throughput(catalog.columns(), 20, accelerators)
    assert best is not None and best.output_tokens_per_second == max(rates) and best.ntpot_ms <= 20
    found = catalog.curve(best.curve_key)
    assert found is not None and found.profile.accelerator in accelerators
    assert best_throughput(catalog.columns(), 0.0) is None
    everywhere = best_throughput(catalog.columns(), 20)
    assert everywhere is not None and everywhere.output_tokens_per_second >= best.output_tokens_per_second
