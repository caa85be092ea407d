"""Monotone curves through noisy loads, and where they saturate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.catalog import Curve, Point, open_catalog
from giqplan.catalog.columns import build
from giqplan.catalog.ladders import SATURATED, monotone_rows
from giqplan.catalog.levels import Ladder, highest_within, ladder, levels, monotone
from giqplan.model.profiles import METRICS, Saturated

TEMPLATE = next(c for c in open_catalog().curves() if c.output_tokens)
NUMBERS = st.floats(0.1, 1e4)
VALUES = st.lists(NUMBERS, min_size=1, max_size=9)


def point(load: float | None, ntpot: float, qps: float | None = None, **other: object) -> Point:
    """100 output tokens; in a closed loop unless ``qps`` is given."""
    rate = qps if qps is not None else (load or 0) / (ntpot / 10)
    made = Point(load, rate, rate * 100, ttft_ms=10 * ntpot, itl_ms=ntpot, ntpot_ms=ntpot)
    return replace(made, **other)  # type: ignore[arg-type]


def curve(*points: Point, load_kind: str = "concurrency") -> Curve:
    return replace(TEMPLATE, points=points, output_tokens=100, load_kind=load_kind)


def rungs(*points: Point) -> Ladder:
    return ladder(curve(*points), 100)


# The laws of the fit


@given(VALUES)
def test_the_fit_never_falls_and_lies_within_the_values(values: list[float]) -> None:
    found = monotone(values, [1] * len(values))
    assert all(a <= b for a, b in pairwise(found))
    assert min(values) <= found[0] and found[-1] <= max(values)


@given(VALUES)
def test_monotone_values_stay_exactly_as_they_are(values: list[float]) -> None:
    assert monotone(sorted(values), [1] * len(values)) == tuple(sorted(values))


@given(VALUES)
def test_fitting_again_changes_nothing(values: list[float]) -> None:
    once = monotone(values, [1] * len(values))
    assert monotone(once, [1] * len(values)) == once


@given(VALUES, st.floats(0.5, 20))
def test_other_units_give_the_same_curve(values: list[float], factor: float) -> None:
    found = monotone([factor * v for v in values], [1] * len(values))
    assert found == pytest.approx([factor * v for v in monotone(values, [1] * len(values))])


def by_definition(values: Sequence[float], weights: Sequence[int]) -> list[float]:
    every = range(len(values))

    def middle(j: int, k: int) -> float:
        return median([v for v, w in zip(values[j : k + 1], weights[j : k + 1], strict=True) for _ in range(w)])

    return [max(min(middle(j, k) for k in every if k >= i) for j in every if j <= i) for i in every]


WEIGHTED = st.lists(st.tuples(NUMBERS, st.integers(1, 4)), min_size=1, max_size=7)


@settings(deadline=None)
@given(WEIGHTED)
def test_a_weight_is_as_many_measurements(pairs: list[tuple[float, int]]) -> None:
    values, weights = [v for v, _ in pairs], [w for _, w in pairs]
    assert monotone(values, weights) == tuple(by_definition(values, weights))


@settings(deadline=None)
@given(
    st.integers(1, 40).flatmap(
        lambda n: st.lists(st.lists(st.tuples(NUMBERS, st.integers(1, 3)), min_size=n, max_size=n), min_size=1, max_size=3)
    )
)
def test_rows_are_fitted_as_one_by_one(rows: list[list[tuple[float, int]]]) -> None:
    values, weights = [[v for v, _ in row] for row in rows], [[w for _, w in row] for row in rows]
    found = monotone_rows(np.array(values), np.array(weights))
    assert [tuple(row) for row in found.tolist()] == [monotone(v, w) for v, w in zip(values, weights, strict=True)]


def test_one_wild_value_does_not_carry_on() -> None:
    # A cold first token: means would raise all four to 157.5, above what three of four loads measured.
    assert monotone((300, 100, 110, 120), (1, 1, 1, 1)) == (110, 110, 110, 120)


# The ladder

POINTS = st.lists(st.builds(point, st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128]), st.floats(1, 200)), min_size=1, max_size=10)


@settings(deadline=None)
@given(POINTS)
def test_a_ladder_is_monotone_up_to_its_top_and_bounded_by_what_was_measured(points: list[Point]) -> None:
    found = rungs(*points)
    for low, high in pairwise(found.usable):
        assert low.qps <= high.qps and low.load <= high.load * (1 + 1e-12)
        assert all((low.metric(n) or 0) <= (high.metric(n) or 0) for n in METRICS)
    for name in METRICS:
        measured = [x.metric(name) or 0 for x in found.measured]
        assert all(min(measured) <= (x.metric(name) or 0) <= max(measured) for x in found.levels)


@settings(deadline=None)
@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_points_changes_nothing(points: list[Point], chance: Random) -> None:
    mixed = list(points)
    chance.shuffle(mixed)
    assert rungs(*mixed) == rungs(*points)


@settings(deadline=None)
@given(st.lists(POINTS, min_size=1, max_size=4), st.floats(1, 250))
def test_many_ladders_at_once_are_the_same(many: list[list[Point]], target: float) -> None:
    table = build([replace(curve(*points), key=f"c-{i}") for i, points in enumerate(many)], "sha256:0")
    for i, points in enumerate(many):
        one = rungs(*points)
        start, end = table.ladders.starts[i : i + 2]
        assert (table.ladders.top[i], SATURATED[table.ladders.saturated[i]]) == (one.top, one.saturated)
        assert table.ladders.levels["qps"][start:end].tolist() == pytest.approx([x.qps for x in one.levels])
        assert table.ladders.levels["ttft_ms"][start:end].tolist() == pytest.approx([x.ttft_ms for x in one.levels])


@settings(deadline=None)
@given(POINTS, st.floats(1, 250))
def test_a_looser_target_never_means_less_load(points: list[Point], target: float) -> None:
    usable = rungs(*points).usable
    tight, loose = highest_within(usable, {"ntpot": target}), highest_within(usable, {"ntpot": target * 1.1})
    if tight is not None:
        assert loose is not None
        assert loose.qps >= tight.qps * (1 - 1e-12)


def test_loads_are_ordered_as_the_source_states_them_not_by_what_came_of_them() -> None:
    noisy = rungs(point(8, 16), point(16, 16, qps=4.0), point(2, 10))
    assert [x.step for x in noisy.measured] == [2, 8, 16]
    assert noisy.measured[2].load < noisy.measured[1].load


def test_where_a_load_is_not_stated_all_are_ordered_by_requests_in_the_replica() -> None:
    assert [x.qps for x in rungs(point(None, 16, qps=5.0), point(2, 10), point(None, 12, qps=3.0)).measured] == [2, 3, 5]


def test_several_measurements_of_one_load_are_their_median_and_weigh_as_many() -> None:
    (only,) = rungs(point(2, 10, qps=2.0), point(2, 12, qps=1.5), point(2, 50, qps=1.0)).measured
    assert (only.qps, only.ntpot_ms, only.measurements) == (1.5, 12, 3)
    assert only.load == pytest.approx(1.5 * 1.2)
    thrice = [point(4, 10, qps=4.0)] * 3
    assert [x.ntpot_ms for x in rungs(point(2, 20), *thrice).levels] == [10, 10]


def test_a_latency_unknown_at_some_loads_stays_as_measured() -> None:
    found = rungs(point(2, 10, ttft_ms=90), point(4, 12, ttft_ms=None), point(8, 16, ttft_ms=80))
    assert [x.ttft_ms for x in found.levels] == [90, None, 80]
    assert rungs(point(2, 10, ttft_ms=90), point(2, 10, ttft_ms=None)).measured[0].ttft_ms is None


def test_throughput_that_falls_behind_the_saturation_point_is_no_noise() -> None:
    found = rungs(point(2, 10), point(4, 12), point(8, 40), point(16, 100))
    assert (found.top, found.saturated) == (1, Saturated.YES)
    assert [round(x.qps, 2) for x in found.levels] == [2, 3.33, 2, 1.6]


# Saturated: yes, no, unknown


def test_a_curve_that_levels_off_is_saturated() -> None:
    found = rungs(point(2, 10), point(4, 12), point(8, 16), point(16, 32), point(32, 64.5))
    assert (found.usable[-1].step, found.saturated) == (8, Saturated.YES)


def test_a_curve_that_still_grows_at_its_end_is_not() -> None:
    found = rungs(point(2, 10), point(4, 12), point(8, 16))
    assert (found.top, found.saturated) == (2, Saturated.NO)


@pytest.mark.parametrize(
    "points",
    [
        (point(2, 10), point(4, 12), point(8, 18)),  # the last doubling gives a third more
        (point(2, 10), point(4, 12)),  # too few loads
        (point(2, 10), point(4, 12), point(8, 11, qps=3.3)),  # more was sent, less was there
    ],
)
def test_what_a_curve_does_not_show_is_unknown(points: tuple[Point, ...]) -> None:
    assert rungs(*points).saturated is Saturated.UNKNOWN


def test_waiting_in_the_queue_shows_saturation_but_is_never_run_at() -> None:
    usable = (point(2, 10), point(4, 12), point(8, 18))
    found = rungs(*usable, point(16, 36, queue_dominated=True))
    assert (found.usable[-1].step, found.saturated) == (8, Saturated.YES)
    assert found.beyond is not None and found.beyond.step == 16
    growing = rungs(*usable, point(16, 20, queue_dominated=True), point(32, 40, queue_dominated=True))
    assert (growing.usable[-1].step, growing.saturated) == (8, Saturated.UNKNOWN)


def test_suspect_points_never_count() -> None:
    found = rungs(point(2, 10), point(4, 12), point(8, 1, suspect="faster than its neighbours"))
    assert [x.step for x in found.measured] == [2, 4]
    assert rungs(point(2, 10, suspect="odd")) == Ladder((), (), -1, Saturated.UNKNOWN, None)


# The recorded H100 ladder: Llama 3.1 8B on vLLM, requests sent at fixed rates (kubernetes-sigs/inference-perf, demos/kubecon-na-2025)

SENT = (1.0, 31.4, 61.79, 92.19, 122.59, 152.98, 183.38)
SERVED = (1.017, 31.156, 61.242, 91.357, 101.232, 101.46, 103.078)
NTPOT_MS = (7.4577, 8.5164, 10.656, 16.0434, 66.5078, 67.3241, 66.2406)
TTFT_MS = (31.0269, 29.3081, 33.4566, 44.5185, 3035.5951, 3034.5433, 2886.5452)
QUEUED = (False, False, False, False, True, True, False)


def h100(queued: Sequence[bool] = QUEUED) -> Curve:
    columns = zip(SENT, SERVED, NTPOT_MS, TTFT_MS, queued, strict=True)
    points = tuple(Point(s, r, r * 62.4, t, (n * 62 - t) / 61, n, queue_dominated=q) for s, r, n, t, q in columns)
    return replace(TEMPLATE, points=points, output_tokens=62, load_kind="rate")


@pytest.mark.parametrize("queued", [QUEUED, (False,) * 7, (False,) * 4 + (True,) * 3])
def test_the_recorded_ladder_saturates_between_92_and_122_requests_per_second(queued: tuple[bool, ...]) -> None:
    found = ladder(h100(queued), 62)
    above = next(step for step in SENT if step > found.usable[-1].step)
    assert found.saturated is Saturated.YES
    assert 92 <= found.usable[-1].step < above <= 122.6
    assert found.usable[-1].ttft_ms == 44.5185
    assert found.beyond is not None and found.beyond.qps == 103.078


def test_it_is_the_ladder_that_the_catalog_holds() -> None:
    (held,) = (c for c in open_catalog().curves() if c.source_curve == "ip-vllm")
    assert tuple(p.load for p in sorted(held.points, key=lambda p: p.load or 0)) == SENT
    assert [x.qps for x in levels(held, 62)] == [r for r, q in zip(SERVED, QUEUED, strict=True) if not q]
    assert ladder(held, 62).usable[-1].step == 92.19


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.95, 1.05), min_size=14, max_size=14))
def test_noise_of_five_percent_does_not_move_its_saturation_point(noise: list[float]) -> None:
    clean = h100()
    noisy = tuple(
        replace(p, qps=(p.qps or 0) * a, output_tokens_per_second=None, ntpot_ms=(p.ntpot_ms or 0) * b)
        for p, a, b in zip(clean.points, noise[:7], noise[7:], strict=True)
    )
    found = ladder(replace(clean, points=noisy), 62)
    assert (found.usable[-1].step, found.saturated) == (92.19, Saturated.YES)


@settings(max_examples=60, deadline=None)
@given(st.floats(5, 500), st.floats(0.05, 2.0), st.lists(st.floats(0.97, 1.03), min_size=10, max_size=10))
def test_a_server_of_known_capacity_saturates_around_it(capacity: float, service_s: float, noise: list[float]) -> None:
    """A closed loop of 1 to 512 requests, each served in ``service_s``, at most ``capacity`` a second: X = min(N / s, C)."""
    loads = [2.0**i for i in range(10)]
    rates = [min(n / service_s, capacity) * f for n, f in zip(loads, noise, strict=True)]
    points = tuple(point(n, 1000 * n / x / 100, qps=x) for n, x in zip(loads, rates, strict=True))
    knee = capacity * service_s
    found = rungs(*points)
    if loads[0] < knee < loads[-2]:
        assert found.saturated is Saturated.YES
        assert knee / 2 <= found.usable[-1].step <= 2 * knee
    elif knee > 2 * loads[-1]:
        assert found.saturated is Saturated.NO
