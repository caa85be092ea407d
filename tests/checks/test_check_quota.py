"""GIQ1501: which limits bind, and what is counted. The rules of Cloud Quotas' dimensions, as pure functions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.catalog import open_catalog
from giqplan.checks.quota import ALL_GPUS, Limit, limits, quota_id
from giqplan.model.recommendation import PricingModel

FAMILY = "GPUS-PER-GPU-FAMILY-per-project-region"
H100 = (FAMILY, "NVIDIA_H100")


def info(quota: str, *entries: tuple[dict[str, str], int | None], dimensions: tuple[str, ...] = ("region", "gpu_family")) -> dict[str, Any]:
    rows = [{"dimensions": own, "details": {} if value is None else {"value": str(value)}} for own, value in entries]
    return {"quotaId": quota, "metric": f"compute.googleapis.com/{quota.lower()}", "dimensions": list(dimensions), "dimensionsInfos": rows}


def values(infos: list[dict[str, Any]], wanted: tuple[str, str] = H100, region: str = "us-central1") -> list[int | None]:
    return [limit.value for limit in limits(infos, wanted, region)]


def test_the_entry_with_the_most_matching_dimensions_wins() -> None:
    entries = (({}, 1), ({"region": "us-central1"}, 2), ({"region": "us-central1", "gpu_family": "NVIDIA_H100"}, 3))
    for order in (entries, entries[::-1]):
        assert values([info(FAMILY, *order)]) == [3]


def test_an_entry_of_another_region_or_family_is_none_of_ours() -> None:
    entries = (({}, 1), ({"region": "us-east4"}, 9), ({"region": "us-central1", "gpu_family": "NVIDIA_B200"}, 9))
    assert values([info(FAMILY, *entries)]) == [1]


def test_an_entry_without_a_value_says_nothing() -> None:
    assert values([info(FAMILY, ({"region": "us-central1"}, None), ({}, 4))]) == [4]
    assert values([info(FAMILY, ({}, None))]) == []


def test_minus_one_is_no_limit() -> None:
    (limit,) = limits([info(FAMILY, ({}, -1))], H100, "us-central1")
    assert (limit.value, limit.room) == (None, float("inf"))


def test_all_gpus_of_the_project_bind_beside_the_family() -> None:
    infos = [info(FAMILY, ({}, 8)), info(ALL_GPUS, ({}, 1), dimensions=())]
    assert limits(infos, H100, "us-central1") == (
        Limit(FAMILY, f"compute.googleapis.com/{FAMILY.lower()}", "us-central1", 8),
        Limit(ALL_GPUS, f"compute.googleapis.com/{ALL_GPUS.lower()}", "all regions", 1),
    )


def test_quotas_that_are_not_there_bind_nobody() -> None:
    assert limits([info("OTHER", ({}, 0))], H100, "us-central1") == ()


@settings(max_examples=60, deadline=None)
@given(st.permutations([({}, 1), ({"region": "us-central1"}, 2), ({"gpu_family": "NVIDIA_B200"}, 7), ({"region": "x"}, 8)]))
def test_law_the_order_of_entries_does_not_matter(entries: list[tuple[dict[str, str], int]]) -> None:
    assert values([info(FAMILY, *entries)]) == [2]


@pytest.mark.parametrize("pricing", [PricingModel.ON_DEMAND, PricingModel.ONE_YEAR_CUD, PricingModel.THREE_YEARS_CUD])
def test_commitments_spend_the_standard_quota(pricing: PricingModel) -> None:
    assert quota_id("nvidia-h100-80gb", pricing) == H100


def test_spot_spends_the_preemptible_quota_where_one_is_named() -> None:
    assert quota_id("nvidia-l4", PricingModel.SPOT) == ("PREEMPTIBLE-NVIDIA-L4-GPUS-per-project-region", "")
    assert quota_id("nvidia-gb200", PricingModel.SPOT) is None


def test_every_gpu_of_the_catalog_has_a_standard_quota_but_one_that_no_source_names() -> None:
    names = {machine.accelerator for machine in open_catalog().machines() if machine.accelerator.startswith("nvidia-")}
    assert {name for name in names if quota_id(name, PricingModel.ON_DEMAND) is None} == {"nvidia-gb300"}
