"""Questions over all curves: the same answers as one by one, and why the others do not answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from math import inf, isclose, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.catalog import Catalog, Curve, Point, open_catalog
from giqplan.catalog.columns import Columns, build, open_columns
from giqplan.catalog.levels import highest_within, ladder
from giqplan.catalog.query import ask
from giqplan.model.profiles import MATCH, NEAR, Hardware, Offer, Order, ProfileQuery, Saturated
from giqplan.model.recommendation import Bound, Price, PricingModel, Profile, Provenance, Reason, Statistic

H100, L4 = Hardware("nvidia-h100-80gb", 1, ""), Hardware("nvidia-l4", 1, "g2-standard-12")


def price(machine: str, usd: str, quality: str = "verified") -> Price:
    return Price(machine, "us-central1", PricingModel.SPOT, Decimal(usd), "2026-07-30", quality, "a list")


OFFERS = {
    H100: Offer("a3-highgpu-1g", price("a3-highgpu-1g", "3.60")),
    L4: Offer("g2-standard-24", price("g2-standard-24", "1.44", "suspect"), replicas_per_machine=2),
}


def point(load: float, ntpot: float, **other: object) -> Point:
    numbers: dict[str, object] = {
        "load": load,
        "qps": load / (ntpot / 10),
        "output_tokens_per_second": None,
        "ttft_ms": 10 * ntpot,
        "itl_ms": ntpot,
        "ntpot_ms": ntpot,
    }
    return Point(**(numbers | other))  # type: ignore[arg-type]


def curve(key: str = "c-1", hardware: Hardware = H100, points: tuple[Point, ...] = (), **other: object) -> Curve:
    """Grows up to load 8, then saturates; output 100 tokens, so that a request takes NTPOT x 100."""
    profile = {name: other.pop(name) for name in list(other) if name in Profile.__dataclass_fields__}
    fields: dict[str, object] = {
        "provenance": Provenance.MEASURED,
        "input_tokens": 200,
        "output_tokens": 100,
        "statistic": Statistic.P50,
        "load_kind": "concurrency",
        "replicas": 1,
        "measured_at": "2026-01",
        "source": "a source",
        "licence": "",
    }
    named = {
        "model_id": "google/gemma-3-27b-it",
        "model_server": "vllm",
        "model_server_version": "0.11.0",
        "precision": "",
        "parallelism": "",
    }
    machine = {
        "accelerator": hardware.accelerator,
        "accelerator_count": hardware.accelerator_count,
        "machine_type": hardware.machine_type,
    }
    ladder_points = points or (point(2, 10), point(4, 12), point(8, 16), point(16, 32), point(32, 64.5))
    return Curve(key=key, profile=Profile(**(machine | named | profile)), points=ladder_points, **(fields | other))  # type: ignore[arg-type]


def table(*curves: Curve) -> Columns:
    return build(curves, "sha256:test")


def keys(query: ProfileQuery, *curves: Curve) -> list[str]:
    return [row.curve_key for row in ask(table(*curves), query).rows]


# The load a curve is shown at


def test_without_targets_a_curve_is_shown_at_its_saturation_point() -> None:
    (row,) = ask(table(curve()), ProfileQuery()).rows
    assert (row.bound, row.saturated, row.interpolated) == (Bound.SATURATION, Saturated.YES, False)
    assert row.load == pytest.approx(8)
    assert (row.ntpot_ms, row.qps) == (16, 5)
    assert (row.output_tokens_per_second, row.input_tokens_per_second) == (500, 1000)


@pytest.mark.parametrize(
    ("target", "bound"), [({"ntpot_ms": 14}, Bound.NTPOT), ({"ttft_ms": 140}, Bound.TTFT), ({"itl_ms": 14}, Bound.ITL)]
)
def test_each_target_alone_sets_the_load(target: dict[str, float], bound: Bound) -> None:
    (row,) = ask(table(curve()), ProfileQuery(**target)).rows  # type: ignore[arg-type]
    assert (row.bound, row.interpolated) == (bound, True)
    assert row.ntpot_ms == pytest.approx(14)
    assert 4 < row.load < 8


def test_of_two_targets_the_tighter_one_sets_the_load() -> None:
    (row,) = ask(table(curve()), ProfileQuery(ntpot_ms=14, ttft_ms=130)).rows
    assert (row.bound, row.ttft_ms) == (Bound.TTFT, pytest.approx(130))


def test_a_target_met_at_a_measured_load_is_not_interpolated() -> None:
    (row,) = ask(table(curve()), ProfileQuery(ntpot_ms=12)).rows
    assert (row.ntpot_ms, row.interpolated) == (12, False)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return open_catalog()


@pytest.fixture(scope="module")
def columns(catalog: Catalog) -> Columns:
    return open_columns(catalog)


TARGETS = st.dictionaries(st.sampled_from(["ntpot", "ttft", "itl"]), st.floats(1, 2000), max_size=3)


@settings(max_examples=15, deadline=None)
@given(TARGETS)
def test_all_curves_at_once_give_what_they_give_one_by_one(catalog: Catalog, columns: Columns, targets: dict[str, float]) -> None:
    found = {r.curve_key: r for r in ask(columns, ProfileQuery(**{f"{n}_ms": t for n, t in targets.items()})).rows}  # type: ignore[arg-type]
    for one in catalog.curves():
        rungs = ladder(one, one.output_tokens) if one.output_tokens else None
        level = None
        if rungs and rungs.levels and all(x.metric(n) is not None for n in targets for x in rungs.levels):
            level = highest_within(rungs.usable, targets)
        row = found.pop(one.key, None)
        assert (row is None) == (level is None), one.key
        if row and level:
            assert isclose(row.load, level.load, rel_tol=1e-9)
            assert isclose(row.qps, level.qps, rel_tol=1e-9)
            assert isclose(row.ntpot_ms, level.ntpot_ms, rel_tol=1e-9)
            assert row.itl_ms == level.itl_ms or isclose(row.itl_ms or 0, level.itl_ms or 0, rel_tol=1e-9)
    assert not found


# What is asked for by name

OTHER = curve(
    "c-2",
    L4,
    model_id="Qwen/Qwen3-8B",
    model_server="sglang",
    model_server_version="0.5",
    precision="fp8",
    parallelism="tp2",
    serving_stack="llm-d",
    provenance=Provenance.USER,
    statistic=Statistic.MEAN,
)


@pytest.mark.parametrize(
    "asked",
    [
        {"models": ("Qwen/Qwen3-8B",)},
        {"servers": ("sglang",)},
        {"versions": ("0.5",)},
        {"accelerators": ("nvidia-l4",)},
        {"machine_types": ("g2-standard-12",)},
        {"machine_types": ("g2-standard-24",), "offers": OFFERS},
        {"precisions": ("fp8",)},
        {"parallelisms": ("tp2",)},
        {"stacks": ("llm-d",)},
        {"provenances": (Provenance.USER, Provenance.GIQ)},
        {"statistics": (Statistic.MEAN,)},
    ],
)
def test_every_name_narrows_the_answer(asked: dict[str, object]) -> None:
    answers = ask(table(curve(), OTHER), ProfileQuery(**asked))  # type: ignore[arg-type]
    assert [row.curve_key for row in answers.rows] == ["c-2"]
    assert answers.considered == 1


def test_the_count_of_accelerators_narrows_the_answer() -> None:
    two = curve("c-2", replace(H100, accelerator_count=2))
    assert keys(ProfileQuery(accelerator_counts=(2,)), curve(), two) == ["c-2"]


def test_curves_of_one_profile_stay_apart_by_precision_parallelism_and_version() -> None:
    curves = (
        curve("c-1", precision="fp8"),
        curve("c-2", precision="bf16"),
        curve("c-3", parallelism="tp2"),
        curve("c-4", model_server_version="0.12"),
    )
    rows = ask(table(*curves), ProfileQuery(order=Order.KEY)).rows
    assert [(r.profile.precision, r.profile.parallelism, r.profile.model_server_version) for r in rows] == [
        ("fp8", "", "0.11.0"),
        ("bf16", "", "0.11.0"),
        ("", "tp2", "0.11.0"),
        ("", "", "0.12"),
    ]


def test_the_latest_version_is_the_newest_that_could_be_chosen_on_the_accelerator() -> None:
    few = curve("c-3", model_server_version="0.12.0", points=(point(2, 10),))
    old, elsewhere = curve("c-2", model_server_version="0.9.0"), curve("c-4", L4, model_server_version="0.9.0")
    assert keys(ProfileQuery(latest_version=True, order=Order.KEY), curve(), old, few, elsewhere) == ["c-1", "c-4"]


def test_where_no_curve_could_be_chosen_the_newest_of_all_is_the_latest() -> None:
    few = curve("c-3", model_server_version="0.12.0", points=(point(2, 10),))
    assert keys(ProfileQuery(latest_version=True), few) == ["c-3"]
    assert keys(ProfileQuery(latest_version=True), curve(model_server_version="")) == ["c-1"]


# Lengths


def test_lengths_match_within_a_fifth_and_are_near_within_a_factor_of_two() -> None:
    curves = (curve("c-1"), curve("c-2", input_tokens=300), curve("c-3", output_tokens=300), curve("c-4", input_tokens=None))
    asked = ProfileQuery(input_tokens=210, output_tokens=90, order=Order.DISTANCE, rejections=None)
    match, near = ask(table(*curves), asked), ask(table(*curves), replace(asked, max_distance=NEAR))
    assert [(r.curve_key, r.distance) for r in match.rows] == [("c-1", pytest.approx(log(100 / 90)))]
    assert [r.curve_key for r in near.rows] == ["c-1", "c-2"]
    assert match.rejected == {Reason.LENGTHS_UNKNOWN: 1, Reason.LENGTHS_TOO_FAR: 2}
    assert [r.detail for r in match.rejections] == [
        "measured at 300/100 tokens, wanted 210/90",
        "measured at 200/300 tokens, wanted 210/90",
        "its source states no token lengths",
    ]
    assert [r.curve_key for r in ask(table(*curves), replace(asked, max_distance=inf)).rows] == ["c-1", "c-2", "c-3"]


def test_exactly_a_fifth_more_still_matches() -> None:
    assert keys(ProfileQuery(input_tokens=240, output_tokens=100, max_distance=MATCH), curve()) == ["c-1"]


def test_where_all_lengths_are_too_far_the_nearest_are_named() -> None:
    answers = ask(table(curve(), curve("c-2", input_tokens=4000)), ProfileQuery(input_tokens=20_000, output_tokens=100))
    assert (answers.total, answers.nearest_lengths, answers.nearest_miss) == (0, (4000, 100), None)


# Why a curve does not answer


def test_an_impossible_target_says_what_is_reachable_and_what_comes_nearest() -> None:
    slow = curve("c-2", points=tuple(point(n, 10 * n) for n in (2, 4, 8)))
    answers = ask(table(slow, curve()), ProfileQuery(ntpot_ms=5, rejections=None))
    assert answers.rejected == {Reason.SLO_BELOW_RANGE: 2}
    assert answers.rejections[0].detail == "NTPOT 10 ms at its lowest load, wanted 5"
    assert {r.metric: (r.least, r.largest) for r in answers.reachable}["ntpot"] == (10, 80)
    miss = answers.nearest_miss
    assert miss is not None
    assert (miss.row.curve_key, miss.metric, miss.target_ms, miss.best_ms, miss.factor) == ("c-1", "ntpot", 5, 10, 2)
    assert miss.row.load == pytest.approx(2)


def test_of_several_targets_the_nearest_miss_names_the_worst() -> None:
    answers = ask(table(curve()), ProfileQuery(ntpot_ms=5, ttft_ms=20))
    assert answers.nearest_miss is not None
    assert (answers.nearest_miss.metric, answers.nearest_miss.row.bound) == ("ttft", Bound.TTFT)


def test_what_is_not_known_is_a_reason() -> None:
    queued = tuple(point(n, n, queue_dominated=True) for n in (2, 4, 8))
    curves = (
        curve("c-1", output_tokens=None),
        curve("c-2", points=queued),
        curve("c-3", points=(point(2, 10), point(4, 12, ttft_ms=None))),
        curve("c-4", points=(point(2, 10, ntpot_ms=None, itl_ms=None),)),
    )
    answers = ask(table(*curves), ProfileQuery(ttft_ms=1e6, rejections=None))
    assert [(r.curve_key, r.reason, r.detail) for r in answers.rejections] == [
        ("c-1", Reason.LENGTHS_UNKNOWN, "its source states no token lengths"),
        ("c-2", Reason.ALL_POINTS_SUSPECT, "all 3 points are suspect or dominated by waiting in the queue"),
        ("c-3", Reason.LATENCY_NOT_MEASURED, "TTFT is not known at all of its loads"),
        ("c-4", Reason.LATENCY_NOT_MEASURED, "TTFT is not known at all of its loads"),
    ]
    assert (answers.rows, answers.reachable, answers.nearest_miss) == ((), (), None)


def test_a_curve_that_a_plan_would_not_choose_is_listed_with_its_doubts() -> None:
    odd = curve(hardware=L4, model_server_version="", variant="eagle", points=(point(2, 10),))
    (row,) = ask(table(odd), ProfileQuery(offers=OFFERS)).rows
    assert row.doubts == (Reason.TOO_FEW_LOADS, Reason.VERSION_UNKNOWN, Reason.UNSUPPORTED_HERE, Reason.PRICE_SUSPECT)
    assert row.saturated is Saturated.UNKNOWN


# Cost


def test_a_million_tokens_cost_the_machine_s_share_over_weighted_tokens() -> None:
    (row,) = ask(table(curve()), ProfileQuery(offers=OFFERS)).rows
    # 3.60 $/h over 500 output and 1000 input tokens/s, four of which weigh as much as one output token
    assert row.usd_per_million_output_tokens == Decimal("1.333333")
    assert row.usd_per_million_input_tokens == Decimal("0.333333")
    (even,) = ask(table(curve()), ProfileQuery(offers=OFFERS, output_input_cost_ratio=Decimal(1))).rows
    assert even.usd_per_million_output_tokens == even.usd_per_million_input_tokens == Decimal("0.666667")


def test_replicas_on_one_machine_share_its_price_and_the_cheapest_comes_first() -> None:
    rows = ask(table(curve("c-1"), curve("c-2", L4), curve("c-3", Hardware("tpu-v6e", 1, ""))), ProfileQuery(offers=OFFERS)).rows
    assert [(r.curve_key, r.usd_per_million_output_tokens) for r in rows] == [
        ("c-2", Decimal("0.266667")),
        ("c-1", Decimal("1.333333")),
        ("c-3", None),
    ]


def test_limits_of_cost_leave_out_what_is_dearer_and_what_has_no_price() -> None:
    none = Offer("ct6e-standard-1t", None, why="ct6e-standard-1t has no spot price in us-central1")
    curves = (curve("c-1"), curve("c-2", L4), curve("c-3", Hardware("tpu-v6e", 1, "")), curve("c-4", Hardware("tpu-v4", 1, "")))
    offers = {**OFFERS, Hardware("tpu-v6e", 1, ""): none}
    answers = ask(table(*curves), ProfileQuery(offers=offers, max_usd_per_million_output_tokens=Decimal("0.5"), rejections=None))
    assert [r.curve_key for r in answers.rows] == ["c-2"]
    assert [(r.reason, r.detail) for r in answers.rejections] == [
        (Reason.TOO_EXPENSIVE_PER_TOKEN, "$1.333 per million output tokens, $0.333 per million input tokens"),
        (Reason.PRICE_UNKNOWN, "ct6e-standard-1t has no spot price in us-central1"),
        (Reason.PRICE_UNKNOWN, "no price for its machine"),
    ]
    by_input = ProfileQuery(offers=offers, max_usd_per_million_input_tokens=Decimal("0.1"))
    assert keys(by_input, *curves) == ["c-2"]
    assert ask(table(*curves), replace(by_input, ntpot_ms=1)).nearest_miss is not None


def test_without_the_input_length_no_cost_is_made_up() -> None:
    (row,) = ask(table(curve(input_tokens=None)), ProfileQuery(offers=OFFERS)).rows
    assert (row.usd_per_million_output_tokens, row.input_tokens_per_second, row.input_tokens) == (None, None, None)


# Order and number


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("limit", [0, 1, 7, 100, None])
def test_a_limit_cuts_the_same_order_short(columns: Columns, order: Order, limit: int | None) -> None:
    query = ProfileQuery(order=order, input_tokens=1024, output_tokens=1024, max_distance=inf)
    whole, cut = ask(columns, query), ask(columns, replace(query, limit=limit))
    assert cut.rows == whole.rows[:limit]
    assert cut.total == whole.total == len(whole.rows)


def test_rows_stand_in_the_order_that_was_asked_for(columns: Columns) -> None:
    rows = {order: ask(columns, ProfileQuery(order=order)).rows for order in (Order.THROUGHPUT, Order.NTPOT, Order.TTFT)}
    rates = [r.output_tokens_per_second for r in rows[Order.THROUGHPUT]]
    assert rates == sorted(rates, reverse=True)
    ttft = [r.ttft_ms if r.ttft_ms is not None else inf for r in rows[Order.TTFT]]
    assert ttft == sorted(ttft)
    keyed = [(r.ntpot_ms, r.curve_key) for r in rows[Order.NTPOT]]
    assert keyed == sorted(keyed)


def test_every_curve_considered_answers_or_is_counted(columns: Columns) -> None:
    answers = ask(columns, ProfileQuery(ntpot_ms=20, input_tokens=1024, output_tokens=1024, rejections=None))
    assert answers.total + sum(answers.rejected.values()) == answers.considered == len(columns)
    assert Counter(r.reason for r in answers.rejections) == answers.rejected
