"""What the catalog answers."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from giqplan.catalog import Answer, Catalog
from giqplan.errors import CatalogError
from giqplan.model.recommendation import PricingModel, Provenance, Statistic


def test_a_model_is_found_in_any_letter_case_and_by_alias(catalog: Catalog) -> None:
    model = catalog.model("META-LLAMA/llama-3.1-8b-instruct")
    assert model is not None
    assert (model.model_id, model.gated, model.giq) == ("meta-llama/Llama-3.1-8B-Instruct", True, False)
    alias = catalog.model("deepseek-ai/DeepSeek-R1-671B")
    assert alias is not None and alias.model_id == "deepseek-ai/DeepSeek-R1"
    assert catalog.model("nobody/nothing") is None


def test_a_misspelt_model_has_close_ones(catalog: Catalog) -> None:
    assert catalog.closest_models("meta-llama/Llama-3.1-8B-Instuct")[0] == "meta-llama/Llama-3.1-8B-Instruct"
    assert catalog.closest_models("Llama-3.1-8B-Instuct")[0] == "meta-llama/Llama-3.1-8B-Instruct"
    assert catalog.closest_models("qqqqqqqq") == ()


def test_siblings_share_their_curves_and_say_so(catalog: Catalog) -> None:
    curves = catalog.curves_for("meta-llama/Llama-3.1-8B-Instruct")
    assert {c.shared_from for c in curves} >= {"", "RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8"}
    assert all(c.profile.model_id == (c.shared_from or "meta-llama/Llama-3.1-8B-Instruct") for c in curves)
    assert len({c.key for c in curves}) == len(curves)
    assert catalog.curves_for("nobody/nothing") == ()


def test_a_sibling_of_another_dtype_names_the_precision_it_was_measured_with(catalog: Catalog) -> None:
    for model_id in catalog.model_ids():
        asked = catalog.model(model_id)
        assert asked is not None
        for curve in catalog.curves_for(model_id):
            if curve.shared_from and not curve.profile.precision:
                measured = catalog.model(curve.shared_from)
                assert measured is not None and measured.checkpoint_dtype == asked.checkpoint_dtype


def test_fleet_totals_become_one_replicas_share(catalog: Catalog) -> None:
    curve = next(c for c in catalog.curves() if c.source_curve == "kubeai-k8s-native")
    assert (curve.replicas, curve.measured_replicas, curve.profile.serving_stack) == (1, 8, "")
    assert [p.load for p in curve.points] == [37.5, 75, 150, 300]
    assert "totals of 8 replicas, divided by 8" in curve.notes
    routed = next(c for c in catalog.curves() if c.source_curve == "kubeai-PrefixHash")
    assert routed.points[0].qps == pytest.approx(97.697 / 8)
    assert (routed.profile.serving_stack, routed.variant) == ("kubeai", "PrefixHash routing")


def test_a_curve_keeps_its_statistic_source_and_order(catalog: Catalog) -> None:
    by_name = {c.source_curve: c for c in catalog.curves()}
    assert by_name["ip-vllm"].statistic is Statistic.P50
    assert by_name["kubeai-LeastLoad"].statistic is Statistic.MEAN
    assert by_name["kaito-a100-phi4mini"].statistic is Statistic.UNSAID
    assert by_name["ip-vllm"].output_tokens in (62, 63)
    for curve in catalog.curves():
        loads = [p.load for p in curve.points if p.load is not None]
        assert loads == sorted(loads) and curve.source and curve.provenance is Provenance.MEASURED
        assert catalog.curve(curve.key) == curve
    assert catalog.curve("c-000000000000") is None


def test_a_price_is_given_only_where_the_machine_is_offered(catalog: Catalog) -> None:
    price = catalog.price("a3-highgpu-8g", "us-central1", PricingModel.ON_DEMAND)
    assert price is not None and price.usd_per_hour == Decimal("88.49") and price.source and price.as_of
    assert catalog.price("a3-highgpu-8g", "us-south1", PricingModel.ON_DEMAND) is None
    regions = catalog.price_regions("a3-highgpu-8g", PricingModel.ON_DEMAND, near="us-west4")
    assert regions[:2] == ("us-west4", "us-west1") and set(regions) <= set(catalog.regions("a3-highgpu-8g"))


def test_offered_by_region_and_zone(catalog: Catalog) -> None:
    assert catalog.offered("a3-highgpu-8g", "us-central1") is Answer.YES
    zone = catalog.zones("a3-highgpu-8g", "us-central1")[0]
    assert catalog.offered("a3-highgpu-8g", zone) is Answer.YES
    assert catalog.offered("a3-highgpu-8g", "us-south1") is Answer.NO
    region = catalog.regions("g4-standard-48")[0]
    assert catalog.offered("g4-standard-48", f"{region}-a") is Answer.UNKNOWN  # regions only
    assert catalog.offered("a4x-highgpu-4g", "us-central1") is Answer.UNKNOWN
    assert catalog.region_of("us-central1-ai1a") == catalog.region_of("us-central1") == "us-central1"


@pytest.mark.parametrize(
    ("machine", "option", "answer"),
    [
        ("a3-highgpu-1g", "on-demand", Answer.NO),
        ("a3-highgpu-1g", "1-year-cud", Answer.NO),
        ("a3-highgpu-1g", "spot", Answer.YES),
        ("a3-highgpu-8g", "3-years-cud", Answer.YES),
        ("a2-ultragpu-1g", "on-demand", Answer.YES),
        ("a3-ultragpu-8g", "on-demand", Answer.UNKNOWN),
        ("a4x-highgpu-4g", "spot", Answer.NO),
        ("ct6e-standard-8t", "spot", Answer.UNKNOWN),
        ("no-such-machine", "spot", Answer.UNKNOWN),
    ],
)
def test_consumption_options(catalog: Catalog, machine: str, option: str, answer: Answer) -> None:
    found = catalog.consumption(machine, option)
    assert found.answer is answer
    assert bool(found.source) is (answer is not Answer.UNKNOWN)
    assert bool(found.answer) is (answer is Answer.YES)


def test_machines_and_accelerators(catalog: Catalog) -> None:
    assert catalog.machines_for("nvidia-h100-80gb")[0].machine_type == "a3-highgpu-1g"
    accelerator = catalog.accelerator("nvidia-h100-80gb")
    assert accelerator is not None and accelerator.memory_gib == 80 and accelerator in catalog.accelerators()
    assert catalog.accelerator("nvidia-abacus") is None
    assert catalog.machine("a3-highgpu-8g").memory_gib > 1000
    with pytest.raises(CatalogError) as raised:
        catalog.machine("n1-standard-4")
    assert raised.value.code == "GIQ1204"


@pytest.mark.parametrize("text", ["advanced costumer support", "Advanced-Customer-Support", "ADVANCED CUSTOMER SUPPORT"])
def test_use_cases_by_every_spelling(catalog: Catalog, text: str) -> None:
    found = catalog.use_case(text)
    assert (found.input_tokens, found.output_tokens) == (8192, 256)


def test_an_unknown_use_case_is_an_error_with_the_known_ones(catalog: Catalog) -> None:
    assert catalog.find_use_case("poetry") is None
    with pytest.raises(CatalogError) as raised:
        catalog.use_case("poetry")
    assert raised.value.code == "GIQ1203" and "Chatbot" in raised.value.remedy


def test_opening_and_asking_does_not_import_numpy() -> None:
    code = (
        "import sys; from giqplan.catalog import open_catalog; c = open_catalog(); c.curves_for('openai/gpt-oss-120b');"
        "c.digest; print('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
