"""Replicas, HPA threshold, headroom and cost by hand-computed numbers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.model.recommendation import Bound, OperatingPoint, Price, PricingModel
from giqplan.recommend.cost import cost, machines
from giqplan.recommend.sizing import Demand, size
from giqplan.recommend.start_time import IMAGE, NODE, WEIGHTS_BUCKET, StartTime, start_time

POINT = OperatingPoint(Bound.NTPOT, 32.0, 4.0, 400.0, 800.0, 100.0, 20.0, 80.0, False)
START = StartTime(600.0, ("a replica starts",))
NTPOT = ("NTPOT 80 ms",)


def test_without_a_peak_the_headroom_is_a_fifth_and_said() -> None:
    found = size(Demand(4.0, None, 1, 8, None), POINT, START, NTPOT)
    assert (found.headroom, found.headroom_is_auto) == (0.2, True)
    assert found.hpa_target == 25  # floor(32 x 0.8)
    assert found.initial_replicas == 2  # ceil(4 / 3.2)
    assert found.needed_at_peak is None
    assert "headroom 0.2: the usual one, no peak is given" in found.steps


def test_auto_headroom_is_what_traffic_grows_by_while_a_replica_starts() -> None:
    # g = (12/4 - 1)/600 = 1/300 per second; g t = 2; 1 - 1/3
    found = size(Demand(4.0, 12.0, 1, 8, None), POINT, START, NTPOT)
    assert found.headroom == pytest.approx(2 / 3)
    assert found.hpa_target == 10  # floor(32 / 3)
    assert found.initial_replicas == 3  # ceil(4 / (4/3))
    assert found.needed_at_peak == 3  # 12 / 4
    assert "  a replica starts" in found.steps


def test_a_given_headroom_is_taken_and_rounding_errors_make_no_replica() -> None:
    found = size(Demand(8 * 4 * 0.7, None, 1, 20, 0.3), POINT, START, NTPOT)
    assert (found.headroom, found.headroom_is_auto) == (0.3, False)
    assert found.initial_replicas == 8


def test_without_a_latency_target_there_is_no_autoscaler_and_without_traffic_the_minimum() -> None:
    found = size(Demand(None, None, 2, 8, None), POINT, START, ())
    assert found.hpa_target is None
    assert "no latency target" in found.hpa_reason
    assert found.initial_replicas == 2


def test_the_threshold_is_at_least_one_request() -> None:
    assert size(Demand(None, None, 1, 8, 0.9), replace(POINT, load=2.0), START, NTPOT).hpa_target == 1


@settings(max_examples=100)
@given(st.floats(0.01, 1000), st.floats(1, 20), st.floats(0, 0.9) | st.none(), st.integers(1, 5), st.integers(5, 40))
def test_laws_of_sizing(mean: float, factor: float, headroom: float | None, low: int, high: int) -> None:
    found = size(Demand(mean, mean * factor, low, high, headroom), POINT, START, NTPOT)
    assert low <= found.initial_replicas <= high
    assert 0 <= found.headroom < 1
    assert found.hpa_target is not None
    assert 1 <= found.hpa_target <= max(1, POINT.load)
    assert found.needed_at_peak is not None
    assert (found.needed_at_peak - 1) * POINT.qps < mean * factor * (1 + 1e-9)


def test_start_time_counts_node_image_and_weights() -> None:
    found = start_time(50.0, from_bucket=True)
    assert found.seconds == NODE.seconds + IMAGE.seconds + 50 / WEIGHTS_BUCKET.gib_per_second
    assert all("assumed" in step for step in found.steps)


def test_unknown_weights_are_assumed_and_hugging_face_is_slower() -> None:
    unknown = start_time(None, from_bucket=False)
    assert "100 GiB (size unknown, assumed)" in unknown.steps[2]
    assert unknown.seconds > start_time(None, from_bucket=True).seconds


PRICE = Price("a3-highgpu-8g", "us-central1", PricingModel.ON_DEMAND, Decimal("72"), "2026-07-30", "verified", "a list")


def test_cost_is_whole_machines_and_the_pages_formula() -> None:
    found = cost(PRICE, 2, POINT, size(Demand(10.0, None, 1, 8, 0.0), POINT, START, NTPOT), Decimal(4))
    assert found.usd_per_hour.min == 72
    assert found.usd_per_hour.initial == 144  # 3 replicas, two a machine
    assert found.usd_per_hour.max == 288
    # half a machine: $36/h = $0.01/s over 800/4 + 400 = 600 weighted tokens/s
    assert found.usd_per_million_output_tokens == Decimal("16.666667")
    assert found.usd_per_million_input_tokens == Decimal("4.166667")
    assert any("premium" in item for item in found.excluded)
    assert found.notes == ()


def test_a_commitment_says_whose_it_is() -> None:
    price = replace(PRICE, pricing_model=PricingModel.THREE_YEARS_CUD)
    found = cost(price, 1, POINT, size(Demand(None, None, 1, 1, 0.0), POINT, START, ()), Decimal(1))
    assert found.notes == ("the 3-years-cud price assumes your commitment",)


@given(st.integers(0, 1000), st.integers(1, 8))
def test_machines_are_whole_and_just_enough(replicas: int, each: int) -> None:
    found = machines(replicas, each)
    assert (found - 1) * each < replicas <= found * each or replicas == found == 0
