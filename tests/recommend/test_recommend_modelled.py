"""Candidates that nobody measured: when there are any, what they are planned with, and when they may win."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from recommend_samples import make_intent

from giqplan.catalog import Catalog, open_catalog
from giqplan.errors import RecommendError
from giqplan.model.estimate import Grade
from giqplan.model.recommendation import Provenance, Reason, Recommendation, Rejection
from giqplan.recommend import recommend
from giqplan.recommend.candidate import judge
from giqplan.recommend.estimator.curves import LOADS, Estimated, estimated
from giqplan.recommend.modelled import continues, proposals
from giqplan.recommend.question import Question, ask

GEMMA = {"id": "google/gemma-2-27b-it"}
QWEN_7B = {"id": "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"}
GPT_OSS = {"id": "openai/gpt-oss-120b"}
LENGTHS = {"inputTokens": 1024, "outputTokens": 1024}
ON_L4: dict[str, Any] = {"model": GEMMA, "accelerator": {"types": ["nvidia-l4"]}, "workload": {"inputTokens": 128, "outputTokens": 128}}


@cache
def catalog() -> Catalog:
    return open_catalog()


def answer(**spec: Any) -> Recommendation:
    return recommend(make_intent(**spec), catalog())


def modelled(found: Recommendation) -> list[Rejection]:
    return [rejection for rejection in found.rejected if rejection.modelled]


def question(**spec: Any) -> Question:
    intent = make_intent(**spec)
    return ask(intent, catalog(), catalog().curves_for(intent.spec.model.id))


def curves(asked: Question) -> tuple[Estimated, ...]:
    return proposals(asked, ()).curves


# ---- when there are any


def test_a_model_that_nobody_measured_gets_a_plan_that_says_it_is_modelled() -> None:
    found = answer(**ON_L4, slo={"ntpotMilliseconds": 200})
    assert found.evidence.provenance is Provenance.MODELLED
    assert found.evidence.curve_key.startswith("m-")
    assert found.evidence.distance == 0
    assert found.profile.accelerator == "nvidia-l4"
    assert found.profile.parallelism == f"tp{found.profile.accelerator_count}"
    assert found.evidence.estimate is not None
    assert found.evidence.estimate.basis
    assert "the newest measured of any model; of this one on nvidia-l4 none was measured" in " ".join(found.notes)


def test_without_modelled_in_evidence_allow_none_is_made_and_numpy_is_not_even_imported() -> None:
    code = (
        "import sys\n"
        "from giqplan.catalog import open_catalog\n"
        "from giqplan.recommend import recommend\n"
        "from recommend_samples import make_intent\n"
        "found = recommend(make_intent(model={'id': 'openai/gpt-oss-120b'}, workload={'inputTokens': 1024, 'outputTokens': 1024},\n"
        "    evidence={'allow': ['measured']}, accelerator={'types': ['any']}), open_catalog())\n"
        "assert not any(r.modelled for r in found.rejected)\n"
        "assert 'numpy' not in sys.modules\n"
    )
    folder = __file__.rpartition("/")[0]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr


def test_a_replica_that_was_measured_at_matching_lengths_has_no_modelled_twin() -> None:
    def counts(given: int, out: int) -> set[int]:
        found = answer(model=GPT_OSS, workload={"inputTokens": given, "outputTokens": out}, accelerator={"types": ["nvidia-h100-80gb"]})
        chosen = {found.profile.accelerator_count} if found.evidence.estimate is not None else set()
        return chosen | {r.profile.accelerator_count for r in modelled(found)}

    # Two, four and eight were measured with this version; one was not, and its weights do fit.
    assert counts(1024, 1100) == {1}
    assert counts(2500, 200) == {1, 2, 4, 8}


def test_a_measured_choice_that_is_applied_and_stands_needs_no_estimate() -> None:
    spec: dict[str, Any] = {"model": GPT_OSS, "workload": LENGTHS}
    key = recommend(make_intent(**spec, evidence={"allow": ["measured"]}), catalog()).evidence.curve_key
    found = recommend(make_intent(**spec), catalog(), key)
    assert (found.evidence.curve_key, modelled(found)) == (key, [])


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"slo": {"percentile": "p90"}}, "the estimator answers for p50, not for p90"),
        ({"workload": {"inputTokens": 9000, "outputTokens": 100}}, "9,100 tokens is longer than the model's context of 8,192"),
        ({"serving": {"args": ["--quantization", "bitsandbytes"]}}, "serving.args or model.dtype ask for is not modelled"),
        ({"model": {**GEMMA, "dtype": "float32"}}, "serving.args or model.dtype ask for is not modelled"),
        ({"evidence": {"allow": ["measured", "user"]}}, "evidence.allow leaves out modelled curves"),
    ],
)
def test_what_leaves_no_room_for_an_estimate_is_said(spec: dict[str, Any], told: str) -> None:
    with pytest.raises(RecommendError, match="GIQ1301") as caught:
        answer(**{**ON_L4, **spec})
    assert told in caught.value.detail


def test_a_model_that_does_not_fit_says_by_how_much_and_what_would() -> None:
    with pytest.raises(RecommendError, match="GIQ1301") as caught:
        answer(**{**ON_L4, "accelerator": {"types": ["nvidia-l4"], "count": 2}})
    assert "does not fit on 2 x nvidia-l4: each lacks " in caught.value.detail
    assert "GiB" in caught.value.detail
    assert "what fits: " in caught.value.remedy
    assert "4 x nvidia-l4" in caught.value.remedy


def test_what_does_not_fit_or_is_not_possible_stands_among_the_rejected() -> None:
    found = answer(**ON_L4)
    assert {r.profile.accelerator_count for r in modelled(found) if r.reason is Reason.DOES_NOT_FIT} == {1, 2}
    with pytest.raises(RecommendError, match="28 heads"):
        answer(model=QWEN_7B, accelerator={"types": ["nvidia-tesla-a100"], "count": 8})


def test_a_context_that_finds_no_room_names_the_context_that_would() -> None:
    spec: dict[str, Any] = {"model": QWEN_7B, "accelerator": {"types": ["nvidia-l4"], "count": 1}}
    with pytest.raises(RecommendError, match="131,072 tokens") as caught:
        answer(**spec)
    assert "spec.model.maxModelLen of " in caught.value.detail
    assert answer(**{**spec, "model": {**QWEN_7B, "maxModelLen": 8192}}).evidence.estimate is not None


def test_the_market_is_looked_at_before_any_estimate() -> None:
    found = answer(model=GPT_OSS, workload=LENGTHS, accelerator={"types": ["nvidia-b200", "nvidia-h100-80gb"]})
    on_b200 = [r for r in modelled(found) if r.profile.accelerator == "nvidia-b200"]
    assert {r.reason for r in on_b200} <= {Reason.NOT_OFFERED_HERE, Reason.NOT_SOLD_THIS_WAY, Reason.PRICE_SUSPECT, Reason.PRICE_UNKNOWN}
    dear = proposals(question(**ON_L4, cost={"maxUsdPerHour": 1}), ())
    assert (dear.curves, {r.reason for r in dear.rejections}) == ((), {Reason.DOES_NOT_FIT, Reason.TOO_EXPENSIVE_PER_HOUR})
    with pytest.raises(RecommendError, match="none of the 4 curves of google/gemma-2-27b-it, 4 of them modelled,"):
        answer(**ON_L4, cost={"maxUsdPerHour": 1})


def test_a_quantization_that_the_user_asks_for_is_followed() -> None:
    plain, fp8 = curves(question(**ON_L4)), curves(question(**ON_L4, serving={"args": ["--quantization=fp8"]}))
    assert {one.setup.precision for one in plain} == {""}
    assert {one.setup.precision for one in fp8} == {"fp8"}
    assert [one.setup.accelerator_count for one in (*plain, *fp8)] == [4, 8, 2, 4, 8]


def test_a_named_version_is_the_one_that_is_modelled() -> None:
    found = answer(**ON_L4, serving={"version": "v0.11.2"})
    assert found.profile.model_server_version == "0.11.2"
    assert not any("newest measured" in note for note in found.notes)


# ---- what is planned with


def test_a_plan_counts_on_the_bad_end_of_the_interval() -> None:
    found = answer(**ON_L4, slo={"ntpotMilliseconds": 150})
    told, point = found.evidence.estimate, found.operating_point
    assert told is not None
    assert told.ntpot_ms.low <= told.ntpot_ms.value <= told.ntpot_ms.high
    assert point.ntpot_ms == pytest.approx(told.ntpot_ms.high, rel=0.02)
    assert (point.ntpot_ms or 0) <= 150 * (1 + 1e-9)
    assert point.output_tokens_per_second <= told.output_tokens_per_second.value
    assert point.load == pytest.approx(point.qps * (point.ntpot_ms or 0) * 128 / 1000)


def test_a_target_that_only_the_estimate_itself_would_hold_is_missed() -> None:
    lowest = min(one.spreads[0][2].high for one in curves(question(**ON_L4)))
    value = min(one.spreads[0][2].value for one in curves(question(**ON_L4)))
    assert value < lowest
    found = answer(**ON_L4, slo={"ntpotMilliseconds": (value + lowest) / 2})
    assert found.miss is not None
    assert found.miss.best_ms == pytest.approx(lowest, rel=0.005)
    assert found.evidence.estimate is not None


@pytest.mark.parametrize("spec", [ON_L4, {"model": GPT_OSS, "workload": LENGTHS}, {"model": QWEN_7B}])
def test_curves_are_sane(spec: dict[str, Any]) -> None:
    for one in curves(question(**spec)):
        points = one.curve.points
        assert [p.load for p in points] == list(LOADS[: len(points)])
        for point in points:
            assert point.qps is not None
            assert point.ntpot_ms is not None
            assert point.output_tokens_per_second is not None
            assert point.qps * point.ntpot_ms * (one.curve.output_tokens or 0) / 1000 <= (point.load or 0) * (1 + 1e-9)
        ntpot = [p.ntpot_ms or 0 for p in points]
        assert ntpot == sorted(ntpot)


# ---- when they may win


def doubted(grade: Grade, **spec: Any) -> tuple[bool, tuple[str, ...]]:
    asked = question(**spec)
    one = curves(asked)[-1]
    judged = judge(one.curve, asked, replace(one, grade=grade)).candidate
    assert judged is not None
    return judged.downgraded, judged.doubts


def test_a_guess_has_a_doubt_and_so_never_beats_a_candidate_without() -> None:
    assert [doubted(grade, **ON_L4)[0] for grade in (Grade.A, Grade.B, Grade.C)] == [False, False, True]
    assert "class C" in doubted(Grade.C, **ON_L4)[1][0]


def test_of_equally_dear_replicas_the_smaller_one_is_chosen() -> None:
    # On demand there are only machines of eight H100s: one replica costs as much, however few of them it takes.
    found = answer(
        model={"id": "openai/gpt-oss-20b"},
        accelerator={"types": ["nvidia-h100-80gb"]},
        workload={"requestsPerSecond": {"mean": 1}},
    )
    assert (found.profile.accelerator_count, found.cost.machine_type) == (1, "a3-highgpu-8g")
    assert any("the smaller replica is chosen" in r.detail for r in modelled(found))


def test_chosen_and_rejected_are_all_that_was_considered_each_once() -> None:
    found = answer(model=GPT_OSS, workload=LENGTHS, accelerator={"types": ["any"]})
    keys = [found.evidence.curve_key, *(r.curve_key for r in found.rejected)]
    assert len(keys) == len(set(keys))
    assert {c.key for c in catalog().curves_for(GPT_OSS["id"])} <= set(keys)


def test_what_does_not_win_says_why_with_a_number() -> None:
    found = answer(model=GPT_OSS, workload=LENGTHS, accelerator={"types": ["any"]})
    assert all(r.detail for r in modelled(found))
    with pytest.raises(RecommendError, match="too-expensive-per-token 2"):
        answer(**ON_L4, cost={"maxUsdPerMillionOutputTokens": 0.000001})


# ---- the same question has the same answer


def test_the_same_question_gives_the_same_answer_and_other_data_another_key() -> None:
    spec: dict[str, Any] = {**ON_L4, "slo": {"ntpotMilliseconds": 200}}
    assert recommend(make_intent(**spec), open_catalog()) == answer(**spec)
    asked = question(**spec)
    model = asked.model
    assert model is not None
    other = replace(asked, model=replace(model, layers=48))
    (key, *_), (changed, *_) = ([one.curve.key for one in curves(which)] for which in (asked, other))
    assert key.rpartition("-")[0] == changed.rpartition("-")[0]
    assert key != changed


def test_an_applied_choice_goes_on_when_the_data_changes_and_when_it_is_measured() -> None:
    asked = question(**ON_L4)
    one, other = curves(asked)[:2]
    applied = one.curve.key.rpartition("-")[0] + "-00000000"
    assert continues(one.curve, applied, asked)
    assert not continues(other.curve, applied, asked)
    measured = replace(one.curve, key="c-1", provenance=Provenance.USER, profile=replace(one.curve.profile, precision="bf16"))
    assert continues(measured, applied, asked)
    assert not continues(measured, "c-2", asked)
    assert not continues(measured, None, asked)


def test_an_applied_modelled_choice_stays_and_a_better_one_is_mentioned() -> None:
    spec: dict[str, Any] = {**ON_L4, "workload": {"inputTokens": 128, "outputTokens": 128, "requestsPerSecond": {"mean": 1}}}
    chosen = answer(**spec)
    larger = next(r for r in modelled(chosen) if r.reason is Reason.DEARER)
    kept = recommend(make_intent(**spec), catalog(), larger.curve_key.rpartition("-")[0] + "-00000000")
    assert kept.evidence.curve_key == larger.curve_key
    assert f"(curve {chosen.evidence.curve_key}) would now be chosen" in kept.notes[0]


def test_no_setup_is_no_question() -> None:
    case = question(**ON_L4).case
    assert case is not None
    assert estimated(case, ()) == ()


def test_what_costs_as_much_as_a_measured_profile_before_it_serves_anything_is_not_estimated() -> None:
    spec: dict[str, Any] = {
        "model": GPT_OSS,
        "workload": {**LENGTHS, "requestsPerSecond": {"mean": 1}},
        "accelerator": {"types": ["nvidia-h100-80gb", "nvidia-l4", "nvidia-rtx-pro-6000"]},
    }
    found = answer(**spec)
    dear = [r for r in modelled(found) if "for the best measured profile" in r.detail]
    assert {r.profile.accelerator for r in dear} == {"nvidia-h100-80gb"}
    assert {r.reason for r in dear} == {Reason.DEARER}
    assert all("for the best measured profile" not in r.detail for r in modelled(answer(**{**spec, "accelerator": {"prefer": "latency"}})))
