"""Levels, saturation point and operating point of a curve."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recommend_samples import KNEE_AT_8, curve, point

from giqplan.catalog.levels import SATURATION_ELASTICITY, Level, highest_within, ladder, levels, saturation_index, smoothed
from giqplan.model.recommendation import Bound
from giqplan.recommend.operating import find_points


def level(load: float, ntpot_ms: float, ttft_ms: float | None = None) -> Level:
    return levels(curve(points=(point(load, ntpot_ms, ttft_ms=ttft_ms),)), 100)[0]


def knee_load(*points: tuple[float, float]) -> float | None:
    found = tuple(level(load, ntpot) for load, ntpot in points)
    index = saturation_index(found)
    return None if index is None else round(found[index].load, 6)


def test_the_knee_is_where_more_load_only_waits() -> None:
    assert knee_load((2, 10), (4, 12), (8, 16), (16, 32), (32, 64.5)) == 8


def test_a_growing_curve_does_not_saturate_in_its_range() -> None:
    assert knee_load((2, 10), (4, 12), (8, 16)) is None


def test_one_slow_measurement_amid_growth_is_no_knee() -> None:
    # 16 -> 32 loses throughput, 64 has far more again: as measured on gpt-oss-120b, 4 H100.
    assert knee_load((4, 4.05), (8, 4.77), (16, 5.88), (32, 16.06), (64, 9.81)) is None


def test_falling_throughput_saturates_too() -> None:
    assert knee_load((2, 10), (4, 40), (8, 90)) == 2


def test_suspect_and_queue_dominated_points_are_left_out_and_loads_are_sorted() -> None:
    points = (point(8, 16), point(2, 10), point(4, 1, suspect="odd"), point(64, 90, queue_dominated=True))
    assert [round(x.load) for x in levels(curve(points=points), 100)] == [2, 8]


def test_latency_follows_from_ttft_and_itl_where_ntpot_is_missing() -> None:
    only = levels(curve(points=(point(2, 10, ntpot_ms=None, ttft_ms=50, itl_ms=5, qps=4.0, output_tokens_per_second=None),)), 100)[0]
    assert only.request_ms == 50 + 5 * 99
    assert only.load == pytest.approx(4 * 0.545)
    assert only.output_tokens_per_second == 400


def test_the_rate_follows_from_tokens_and_a_point_without_any_rate_is_no_level() -> None:
    points = (point(2, 10, qps=None), point(4, 12, qps=None, output_tokens_per_second=None), point(8, 16, ntpot_ms=None, itl_ms=None))
    assert [x.qps for x in levels(curve(points=points), 100)] == [2.0]


def fitted(*measured: Level) -> tuple[Level, ...]:
    """As a plan reads them: monotone over the whole range."""
    return smoothed(measured, len(measured) - 1)


def targets_hold(found: Level, targets: dict[str, float]) -> bool:
    return all((found.metric(name) or 0) <= target * (1 + 1e-9) for name, target in targets.items())


def test_the_target_is_met_exactly_between_two_loads() -> None:
    found = highest_within((level(2, 10), level(4, 12), level(8, 16)), {"ntpot": 14})
    assert found is not None
    assert found.ntpot_ms == pytest.approx(14)
    assert 4 < found.load < 8
    assert found.load == pytest.approx(found.qps * found.request_ms / 1000)


def test_two_targets_bind_together() -> None:
    curve_levels = (level(2, 10, 100), level(4, 12, 130), level(8, 16, 200))
    found = highest_within(curve_levels, {"ntpot": 14, "ttft": 130})
    assert found is not None
    assert found.ttft_ms == pytest.approx(130)


def test_targets_that_never_hold_together_have_no_level() -> None:
    # TTFT is 200 ms at all loads once its fall is taken for noise; NTPOT alone would hold.
    assert highest_within(fitted(level(2, 10, 300), level(4, 20, 100)), {"ntpot": 11, "ttft": 120}) is None


def test_a_level_without_the_metric_is_not_guessed() -> None:
    assert highest_within((level(2, 10), level(4, 20)), {"ttft": 250}) is None
    measured = level(2, 10, 100)
    assert highest_within((measured, level(4, 20)), {"ttft": 250}) == measured


POINTS = st.lists(
    st.tuples(st.floats(0.5, 500), st.floats(1, 200), st.floats(1, 5000)), min_size=1, max_size=8, unique_by=lambda p: round(p[0], 2)
)


@settings(max_examples=100)
@given(POINTS, st.floats(1, 250), st.floats(1, 6000))
def test_the_operating_level_holds_every_target_and_is_never_extrapolated(
    points: list[tuple[float, float, float]], ntpot: float, ttft: float
) -> None:
    curve_levels = fitted(*sorted((level(*p) for p in points), key=lambda x: x.load))
    targets = {"ntpot": ntpot, "ttft": ttft}
    found = highest_within(curve_levels, targets)
    holding = [x for x in curve_levels if targets_hold(x, targets)]
    if found is None:
        assert not any(all((x.metric(n) or 0) <= t for n, t in targets.items()) for x in curve_levels)
        return
    assert targets_hold(found, targets)
    assert curve_levels[0].qps * 0.999 <= found.qps <= curve_levels[-1].qps * 1.001
    assert found.load >= max(x.load for x in holding) * 0.999


def test_a_peak_with_a_dip_behind_it_is_evened_out() -> None:
    found = highest_within(fitted(level(2, 10), level(4, 30), level(8, 12)), {"ntpot": 20})
    assert found is not None
    assert found.ntpot_ms == pytest.approx(20)
    assert 2 < found.step < 4


def test_a_slow_lowest_load_does_not_hide_the_loads_above_it() -> None:
    cold = (level(2, 30), level(4, 10), level(8, 12))
    found = highest_within(fitted(*cold), {"ntpot": 20})
    assert found is not None
    assert found.step == cold[2].step


@settings(max_examples=100)
@given(POINTS)
def test_beyond_the_knee_nothing_gains_throughput_worth_its_load(points: list[tuple[float, float, float]]) -> None:
    curve_levels = tuple(sorted((level(*p) for p in points), key=lambda x: x.load))
    knee = saturation_index(curve_levels)
    for later in curve_levels[knee + 1 :] if knee is not None else ():
        here = curve_levels[knee]
        gained = later.output_tokens_per_second / here.output_tokens_per_second
        assert gained < (later.load / here.load) ** SATURATION_ELASTICITY * (1 + 1e-9)


def test_without_targets_the_saturation_point_is_run() -> None:
    found = find_points(ladder(curve(), 100), 200, {})
    assert found.operating == found.saturation
    assert found.operating.bound is Bound.SATURATION
    assert found.operating.load == pytest.approx(8)
    assert found.operating.input_tokens_per_second == pytest.approx(found.operating.qps * 200)
    assert found.operating.notes == ("saturates at load 8.0: 4.0 times the load gives -1% throughput, the rest waits",)


def test_a_target_beyond_the_range_means_the_saturation_point_and_says_so() -> None:
    found = find_points(ladder(curve(), 100), 200, {"ntpot": 100})
    assert found.operating.bound is Bound.SATURATION
    assert "the NTPOT target 100 ms lies above all the curve reaches (64.5 ms): the saturation point is used" in found.operating.notes


def test_a_target_between_the_knee_and_the_end_is_capped_at_the_knee() -> None:
    found = find_points(ladder(curve(), 100), 200, {"ntpot": 40})
    assert found.operating.is_saturation
    assert found.operating.load == pytest.approx(8)


def test_a_target_within_the_range_is_the_bound() -> None:
    found = find_points(ladder(curve(), 100), 200, {"ntpot": 14, "ttft": 1000})
    assert found.operating.bound is Bound.NTPOT
    assert found.operating.notes == ("interpolated between two measured loads",)
    assert not found.operating.is_saturation


def test_a_target_met_exactly_at_a_measured_load_is_not_interpolated() -> None:
    found = find_points(ladder(curve(), 100), 200, {"ntpot": 12})
    assert found.operating.ntpot_ms == 12
    assert found.operating.notes == ()


def test_a_curve_that_ends_before_its_knee_says_so() -> None:
    found = find_points(ladder(curve(points=KNEE_AT_8[:3]), 100), 200, {})
    assert "does not saturate in its range (loads 2.0 to 8.0)" in found.saturation.notes[0]


def test_a_target_below_the_range_gives_the_lowest_load() -> None:
    found = find_points(ladder(curve(), 100), 200, {"ntpot": 5})
    assert not found.within_slo
    assert found.operating.load == pytest.approx(2)
    assert found.operating.bound is Bound.NTPOT
