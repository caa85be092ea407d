"""The choice among candidates: objective, trust, applied choice, nearest miss; versions and workloads."""

from __future__ import annotations

from decimal import Decimal
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recommend_samples import KNEE_AT_8, MODEL, Shelf, curve, make_intent, point

from giqplan.catalog import Curve
from giqplan.catalog.versions import newest, version_key
from giqplan.errors import RecommendError
from giqplan.model.recommendation import Bound, Provenance, Reason, Statistic
from giqplan.recommend import recommend
from giqplan.recommend.weights import weights_gib
from giqplan.recommend.workload import Shape, distance

SLOW = tuple(point(n, 20 + n) for n in (2, 4, 8))
FAST = tuple(point(n, 2 + n / 10) for n in (2, 4, 8))


def curves() -> st.SearchStrategy[Curve]:
    return st.builds(
        lambda key, points, tokens, server, version, provenance, statistic, count: curve(
            key,
            points,
            accelerators=count,
            input_tokens=tokens,
            model_server=server,
            model_server_version=version,
            provenance=provenance,
            statistic=statistic,
        ),
        st.text("0123456789abcdef", min_size=4, max_size=4),
        st.sampled_from([KNEE_AT_8, SLOW, FAST, SLOW[:2], (point(2, 10, suspect="odd"),)]),
        st.sampled_from([None, 180, 200, 300, 900]),
        st.sampled_from(["vllm", "vllm", "sglang"]),
        st.sampled_from(["", "0.9.2", "0.10.0", "0.10.0"]),
        st.sampled_from(list(Provenance)),
        st.sampled_from(list(Statistic)),
        st.sampled_from([1, 2, 4]),
    )


@settings(max_examples=100)
@given(
    st.lists(curves(), min_size=1, max_size=6, unique_by=lambda c: c.key),
    st.sampled_from([None, 0.5, 9.0, 14.0, 500.0]),
    st.sampled_from(["cost", "latency", "throughput"]),
    st.sampled_from([None, 3.0, 30.0]),
)
def test_chosen_and_rejected_are_all_curves_of_the_model(found: list[Curve], ntpot: float | None, prefer: str, mean: float | None) -> None:
    shelf = Shelf(curves=tuple(found))
    intent = make_intent(
        slo={"ntpotMilliseconds": ntpot} if ntpot else {},
        accelerator={"prefer": prefer},
        workload={"requestsPerSecond": {"mean": mean}} if mean else {},
    )
    try:
        chosen = recommend(intent, shelf)  # type: ignore[arg-type]
    except RecommendError as error:
        assert error.code == "GIQ1302"
        return
    keys = [chosen.evidence.curve_key, *(r.curve_key for r in chosen.rejected)]
    assert sorted(keys) == sorted(c.key for c in found)
    assert all(r.detail for r in chosen.rejected)
    shuffled = Shelf(curves=tuple(reversed(found)))
    assert recommend(intent, shuffled) == chosen  # type: ignore[arg-type]
    if ntpot and not chosen.miss:
        assert (chosen.operating_point.ntpot_ms or 0) <= ntpot * (1 + 1e-9)


def choose(*found: Curve, applied: str | None = None, **spec: object) -> tuple[str, tuple[str, ...]]:
    result = recommend(make_intent(**spec), Shelf(curves=found), applied)  # type: ignore[arg-type]
    return result.evidence.curve_key, result.notes


def test_the_objective_without_traffic_is_dollars_per_token() -> None:
    assert choose(curve("c-slow", SLOW), curve("c-fast", FAST))[0] == "c-fast"


def test_the_objective_with_traffic_is_dollars_per_hour_at_the_initial_replicas() -> None:
    two = curve("c-two", FAST, accelerators=2)
    # Per token the two accelerators win; for 1 request/s one slow accelerator is enough and half the price.
    assert choose(curve("c-one", SLOW), two)[0] == "c-two"
    assert choose(curve("c-one", SLOW), two, workload={"requestsPerSecond": {"mean": 1}})[0] == "c-one"


def test_what_cannot_carry_the_peak_with_all_replicas_does_not_win_by_being_cut_off() -> None:
    found = recommend(
        make_intent(workload={"requestsPerSecond": {"mean": 9, "peak": 20}}, autoscaling={"maxReplicas": 2, "headroom": 0.0}),
        Shelf(curves=(curve("c-one", SLOW), curve("c-two", FAST, accelerators=2))),  # type: ignore[arg-type]
    )
    assert found.evidence.curve_key == "c-two"
    assert (found.rejected[0].reason, found.rejected[0].detail) == (Reason.SLOWER, "2 replicas carry 5.7 requests/s, wanted 20")


def test_latency_and_throughput_can_be_preferred() -> None:
    strong = curve("c-strong", tuple(point(n * 10, 15 + n) for n in (2, 4, 8)))
    for prefer, key in (("latency", "c-fast"), ("throughput", "c-strong")):
        assert choose(curve("c-fast", FAST), strong, accelerator={"prefer": prefer}, slo={"ttftMilliseconds": 500})[0] == key


def test_ties_go_to_the_more_trusted_then_to_the_key() -> None:
    order = [Provenance.USER, Provenance.GIQ, Provenance.MEASURED, Provenance.MODELLED]
    found = [curve(f"c-{9 - i}", provenance=p) for i, p in enumerate(order)]
    assert choose(*found)[0] == "c-9"
    assert choose(curve("c-b"), curve("c-a"))[0] == "c-a"


def test_a_near_curve_never_beats_a_match_but_serves_when_there_is_none() -> None:
    near = curve("c-near", FAST, input_tokens=300)
    assert choose(near, curve("c-match", SLOW))[0] == "c-match"
    key, notes = choose(near)
    assert key == "c-near"
    assert "measured at 300/100 tokens, wanted 200/100 tokens: near (distance 0.41" in notes[0]


def test_the_applied_choice_stays_and_the_better_one_is_mentioned() -> None:
    slow, fast = curve("c-slow", SLOW), curve("c-fast", FAST)
    key, notes = choose(slow, fast, applied="c-slow")
    assert key == "c-slow"
    assert "(curve c-fast) would now be chosen" in notes[0]
    result = recommend(make_intent(), Shelf(curves=(slow, fast)), "c-slow")  # type: ignore[arg-type]
    assert result.rejected[0].detail.startswith("better, but the applied choice stays: ")
    near = curve("c-near", SLOW, input_tokens=300)
    kept = recommend(make_intent(), Shelf(curves=(near, fast)), "c-near")  # type: ignore[arg-type]
    assert kept.rejected[0].detail.startswith("better founded, but the applied choice stays: ")


def test_an_applied_choice_that_is_no_candidate_any_more_goes() -> None:
    assert choose(curve("c-slow", SLOW), curve("c-fast", FAST), applied="c-slow", slo={"ntpotMilliseconds": 5}) == ("c-fast", ())
    assert choose(curve("c-fast", FAST), applied="c-gone")[0] == "c-fast"


def test_the_newest_version_is_meant_by_latest_and_pre_releases_are_older() -> None:
    found = [curve(f"c-{v}", model_server_version=v) for v in ("0.9.2", "0.10.0rc1", "0.10.0")]
    assert choose(*found)[0] == "c-0.10.0"
    # A version that only an untrustworthy curve has does not count.
    assert choose(*found, curve("c-new", KNEE_AT_8[:1], model_server_version="0.12.0"))[0] == "c-0.10.0"


def test_a_named_version_is_taken_with_or_without_its_v() -> None:
    found = [curve(f"c-{v}", model_server_version=v) for v in ("0.9.2", "0.10.0")]
    assert choose(*found, serving={"version": "v0.9.2"})[0] == "c-0.9.2"


def test_a_named_version_lets_a_curve_of_unknown_version_in_with_a_note() -> None:
    result = recommend(make_intent(serving={"version": "0.10.0"}), Shelf(curves=(curve(model_server_version=""),)))  # type: ignore[arg-type]
    assert result.profile.model_server_version == "0.10.0"
    assert "names no server version; 0.10.0 is run" in result.evidence.version_distance
    assert result.evidence.version_distance in result.notes


def test_notes_tell_what_was_divided_left_out_shared_or_unsaid() -> None:
    odd = curve(
        points=(*KNEE_AT_8, point(64, 200, queue_dominated=True)),
        measured_replicas=8,
        shared_from="acme/base-7b",
        statistic=Statistic.UNSAID,
    )
    notes = " | ".join(choose(odd)[1])
    assert "totals of 8 replicas" in notes
    assert "1 of 6 points left out" in notes
    assert "measured with acme/base-7b" in notes
    assert "means or medians" in notes
    assert "the curve holds means" in choose(curve(statistic=Statistic.MEAN))[1][0]


def test_an_slo_that_nothing_reaches_gives_the_nearest_miss_and_the_reachable_range() -> None:
    found = recommend(
        make_intent(slo={"ntpotMilliseconds": 2, "ttftMilliseconds": 15}),
        Shelf(curves=(curve("c-slow", SLOW), curve("c-fast", FAST), curve("c-other", model_server="sglang"))),  # type: ignore[arg-type]
    )
    assert found.miss is not None
    assert (found.miss.metric, found.miss.target_ms, found.miss.best_ms) == ("ttft", 15, pytest.approx(22))
    assert {(r.curve_key, r.metric) for r in found.miss.reachable} == {(c, m) for c in ("c-slow", "c-fast") for m in ("ntpot", "ttft")}
    assert found.evidence.curve_key == "c-fast"
    assert found.operating_point.load == pytest.approx(2)
    assert found.operating_point.bound is Bound.TTFT
    assert {r.curve_key for r in found.rejected} == {"c-slow", "c-other"}
    assert "no profile meets the SLO" in found.notes[0]


def test_when_money_stands_in_the_way_too_it_is_an_error() -> None:
    shelf = Shelf(curves=(curve("c-slow", SLOW), curve("c-fast", FAST)))
    with pytest.raises(RecommendError, match="slo-below-range 1, too-expensive-per-hour 1"):
        recommend(make_intent(slo={"ntpotMilliseconds": 5}, cost={"maxUsdPerHour": 1}), shelf)  # type: ignore[arg-type]


def test_the_use_case_gives_the_lengths_chatbot_when_nothing_is_said() -> None:
    asked = {"inputTokens": None, "outputTokens": None}
    assert recommend(make_intent(workload=asked), Shelf()).evidence.distance == 0  # type: ignore[arg-type]
    assert recommend(make_intent(workload={**asked, "useCase": "Chatbot"}), Shelf()).evidence.distance == 0  # type: ignore[arg-type]


def test_distance_is_the_larger_ratio_either_way() -> None:
    assert distance(Shape(100, 100, ""), 200, 90) == distance(Shape(200, 90, ""), 100, 100) == pytest.approx(log(2))


def test_the_given_weight_wins_and_prices_stay_exact() -> None:
    found = recommend(make_intent(model={"weightsGiB": 14}, storage={"huggingFace": None, "bucket": {"uri": "gs://models/small"}}), Shelf())  # type: ignore[arg-type]
    assert found.weights_gib == 14
    assert found.model_id == MODEL
    assert found.cost.price.usd_per_hour == Decimal(10)


def test_versions_sort_like_pep_440() -> None:
    ordered = ["nightly", "0.9.2", "0.10.0.dev1", "0.10.0a1", "0.10.0rc1", "0.10.0rc2", "0.10.0", "0.10.0.post1", "0.10.1", "1.0"]
    assert [version_key(v) for v in ordered] == sorted(version_key(v) for v in ordered)
    assert version_key("v1.2.0+cu128") == version_key("1.2")
    assert newest({"", "1.3.0rc1", "1.2.9"}) == "1.3.0rc1"
    assert newest({""}) == ""


def test_weights_follow_the_precision() -> None:
    from giqplan.catalog import open_catalog

    model = open_catalog().model("meta-llama/Llama-3.1-8B-Instruct")
    assert model is not None
    assert weights_gib(model, "") == weights_gib(model, "bf16") == model.weights_gib_bf16
    assert weights_gib(model, "fp8") == model.weights_gib_fp8
    assert weights_gib(model, "nvfp4") == model.weights_gib_4bit
    assert weights_gib(None, "fp8") is None
