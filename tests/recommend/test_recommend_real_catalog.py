"""Golden numbers on the data that giqplan ships; each can be recomputed by hand from catalog/points.csv and catalog/prices.csv."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from recommend_samples import make_intent

from giqplan.catalog import Catalog, open_catalog
from giqplan.errors import CatalogError, RecommendError
from giqplan.model.recommendation import Bound, Reason, Recommendation, Statistic
from giqplan.recommend import recommend
from giqplan.render.explain import explain_text

GPT_OSS = {"id": "openai/gpt-oss-120b"}
LENGTHS = {"inputTokens": 1024, "outputTokens": 1024}
QUICKSTART: dict[str, Any] = {
    "model": GPT_OSS,
    "workload": {**LENGTHS, "requestsPerSecond": {"mean": 4, "peak": 6}},
    "slo": {"ntpotMilliseconds": 5.5},
    "accelerator": {"types": ["nvidia-h100-80gb"], "count": 8},
    "autoscaling": {"minReplicas": 1, "maxReplicas": 4},
    "storage": {"huggingFace": None, "bucket": {"uri": "gs://models/gpt-oss-120b"}},
}


@cache
def catalog() -> Catalog:
    return open_catalog()


def answer(**spec: Any) -> Recommendation:
    """By measurements alone; test_recommend_modelled has the rest."""
    return recommend(make_intent(**{"evidence": {"allow": ["measured"]}, **spec}), catalog())


def test_gpt_oss_120b_on_eight_h100s_with_an_ntpot_target() -> None:
    found = answer(**QUICKSTART)
    assert str(found.profile) == "vllm 0.18.0 on 8 x nvidia-h100-80gb (tp8 fp4)"
    assert (found.evidence.input_tokens, found.evidence.output_tokens, found.evidence.loads) == (1024, 1024, 5)
    assert found.evidence.statistic is Statistic.UNSAID
    # Measured at 16 and 32: NTPOT 4.811 and 5.83 ms, 3.2476 and 5.3606 requests/s; (5.5 - 4.811)/(5.83 - 4.811) = 0.676 of the way.
    point = found.operating_point
    assert (point.bound, point.ntpot_ms) == (Bound.NTPOT, pytest.approx(5.5))
    assert point.qps == pytest.approx(3.2476 + 0.676153 * (5.3606 - 3.2476), abs=1e-4)
    assert point.load == pytest.approx(point.qps * 5.5 * 1.024)
    assert found.saturation_point.load == pytest.approx(32, abs=0.01)
    assert found.saturation_point.output_tokens_per_second == 5489.2


def test_its_size_and_cost() -> None:
    found = answer(**QUICKSTART)
    sizing, cost = found.sizing, found.cost
    assert (sizing.initial_replicas, sizing.needed_at_peak, sizing.hpa_target) == (2, 2, 20)
    assert sizing.headroom == pytest.approx(0.2321, abs=1e-3)
    assert (cost.machine_type, cost.replicas_per_machine, cost.price.usd_per_hour) == ("a3-highgpu-8g", 1, Decimal("88.49"))
    assert (cost.usd_per_hour.min, cost.usd_per_hour.initial, cost.usd_per_hour.max) == (
        Decimal("88.49"),
        Decimal("176.98"),
        Decimal("353.96"),
    )
    # $88.49/h over (4788.5/4 + 4788.5) tokens/s
    assert cost.usd_per_million_output_tokens == Decimal("4.106596")
    assert cost.usd_per_million_input_tokens == Decimal("1.026649")


def test_every_curve_of_the_model_is_accounted_for() -> None:
    found = answer(**QUICKSTART)
    keys = [found.evidence.curve_key, *(r.curve_key for r in found.rejected)]
    assert sorted(keys) == sorted(c.key for c in catalog().curves_for(GPT_OSS["id"]))
    counts = Counter(r.reason for r in found.rejected)
    assert counts[Reason.OTHER_SERVER] == 32
    assert counts[Reason.LENGTHS_TOO_FAR] == 2


def test_small_h100_machines_are_not_sold_on_demand_but_spot() -> None:
    on_demand, spot = answer(model=GPT_OSS, workload=LENGTHS), answer(model=GPT_OSS, workload=LENGTHS, cost={"pricingModel": "spot"})
    assert (on_demand.cost.machine_type, on_demand.cost.replicas_per_machine) == ("a3-highgpu-8g", 4)
    assert (spot.cost.machine_type, spot.cost.replicas_per_machine) == ("a3-highgpu-2g", 1)
    assert on_demand.cost.usd_per_million_output_tokens == Decimal("1.150860")
    assert spot.cost.usd_per_million_output_tokens == Decimal("0.658205")


def test_a_commitment_has_its_price_and_says_whose_it_is() -> None:
    found = answer(**{**QUICKSTART, "cost": {"pricingModel": "1-year-cud"}})
    assert found.cost.price.usd_per_hour == Decimal("61.383672")
    assert found.cost.notes == ("the 1-year-cud price assumes your commitment",)


def test_qwen3_32b_packs_two_gpu_replicas() -> None:
    found = answer(model={"id": "Qwen/Qwen3-32B"}, workload=LENGTHS)
    assert str(found.profile) == "vllm 0.12.0 on 2 x nvidia-h100-80gb (tp2)"
    assert found.cost.usd_per_million_output_tokens == Decimal("1.476305")


def test_an_impossible_slo_names_what_can_be_reached() -> None:
    found = answer(model=GPT_OSS, workload=LENGTHS, slo={"ntpotMilliseconds": 1})
    assert found.miss is not None
    assert (found.miss.metric, found.miss.best_ms, len(found.miss.reachable)) == ("ntpot", 3.665, 3)


def test_models_whose_curves_name_no_version_need_one_named() -> None:
    asked = {"model": {"id": "meta-llama/Llama-3.1-70B"}, "workload": LENGTHS}
    with pytest.raises(RecommendError) as caught:
        answer(**asked)
    counts = {name: int(count) for name, count in re.findall(r"([a-z-]+) (\d+)", caught.value.detail)}
    # The 27 curves of vllm: most name no version, the others were measured in fp4, which nothing makes of a bf16 checkpoint.
    assert counts["version-unknown"] + counts["unsupported-here"] == 27
    assert "serving.version" in caught.value.remedy


def test_no_model_of_the_catalog_breaks_it() -> None:
    for model_id in sorted({c.profile.model_id for c in catalog().curves()}):
        for lengths in ({"inputTokens": 1024, "outputTokens": 1024}, {"inputTokens": 8192, "outputTokens": 1024}):
            for version in ("latest", "0.11.2"):
                try:
                    found = answer(model={"id": model_id}, workload=lengths, serving={"server": "any", "version": version})
                except RecommendError as error:
                    assert error.code == "GIQ1302"
                    continue
                assert 1 + len(found.rejected) == len(catalog().curves_for(model_id))


def test_the_worked_example_of_the_documentation_is_what_the_code_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")
    example = page.split("```text\n")[1].split("```")[0]
    assert example.strip("\n") in explain_text(answer(**QUICKSTART))


def test_a_model_that_is_known_but_was_never_measured_is_told_apart_from_a_name_that_nobody_knows() -> None:
    with pytest.raises(RecommendError, match="GIQ1301"):
        answer(model={"id": "google/gemma-2-27b-it"}, evidence={"allow": ["measured"]})
    with pytest.raises(CatalogError, match="GIQ1320") as caught:
        answer(model={"id": "google/gemma-2-27-it"})
    assert "did you mean google/gemma-2-27b-it" in caught.value.remedy
