"""GIQ1515: how the machine is sold and where it is offered, with where that is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from check_world import found, status
from engine_house import House

from giqplan.errors import RecommendError
from giqplan.model.check import CheckStatus

CODE = "GIQ1515"


def test_the_sources_stand_in_the_evidence(house: Callable[..., House]) -> None:
    (check,) = found(house(), CODE)
    evidence = dict(check.evidence)
    assert (check.status, check.summary) == (CheckStatus.PASS, "a3-highgpu-8g is sold on-demand in us-central1")
    assert "accelerator-optimized machines page" in evidence["sold on-demand"]
    assert evidence["offered in us-central1"] == "us-central1-a, us-central1-b, us-central1-c"
    assert evidence["price"].startswith("$88.49/h as of 20")


def test_a_zone_without_the_machine_is_warned_of_until_others_are_named(house: Callable[..., House]) -> None:
    one = house()
    one.set("target.zones", ["us-central1-a", "us-central1-f"])
    (check,) = found(one, CODE)
    assert (check.status, check.summary) == (CheckStatus.WARN, "a3-highgpu-8g is not offered in us-central1-f: no Pod can run there")
    assert check.remedy == "name zones of us-central1-a, us-central1-b, us-central1-c in spec.target.zones, or none"
    one.set("target.zones", ["us-central1-a", "us-central1-b"])
    assert status(one, CODE) == [CheckStatus.PASS]


def test_zones_that_all_lack_it_are_an_error_of_the_recommendation(house: Callable[..., House]) -> None:
    one = house()
    one.set("target.zones", ["us-central1-f"])
    with pytest.raises(RecommendError, match="not-offered-here"):
        one.plan()
