"""What keeps a plan from being applied: exit 4, the diff is printed all the same, and the world is not touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_house import House, quickstart, writes

from giqplan.engine.inputs import Inputs
from giqplan.engine.planner import make_plan
from giqplan.engine.session import check_applyable
from giqplan.errors import CheckError, Exit, PlanError
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Plan
from giqplan.sandbox import control


def check(plan: Plan, code: str) -> Check:
    (found,) = (one for one in plan.checks if one.code == code)
    return found


def poor() -> dict[str, Any]:
    """The quickstart's world with a quota for one replica."""
    _, world = quickstart()
    world["quotas"][1]["limit"] = 8
    return world


def test_a_quota_too_small_blocks_with_the_shortfall(house: Callable[..., House]) -> None:
    plan = house(world=poor()).plan().plan
    found = check(plan, "GIQ1501")
    evidence = dict(found.evidence)
    assert found.status is CheckStatus.FAIL
    assert (evidence["needed"], evidence["limit"], evidence["shortfall"]) == ("24", "8", "16")
    assert (evidence["region"], evidence["gpu family"]) == ("us-central1", "NVIDIA_H100")
    assert "maxReplicas" in found.remedy
    assert plan.exit(detailed=True) is Exit.BLOCKED
    assert len(plan.acting) > 30, "the diff is there all the same"


@pytest.mark.parametrize("words", [("plan",), ("apply", "--auto-approve")])
def test_the_command_ends_with_4_prints_the_diff_and_writes_nothing(house: Callable[..., House], words: tuple[str, ...]) -> None:
    one = house(world=poor())
    answers: list[tuple[int, str, str]] = []
    log = one.requests(lambda: answers.append(one.cli(*words)))
    ((code, out, _),) = answers
    assert code == 4
    assert "+ kubernetes_deployment.inference/quickstart" in out
    assert "16 nvidia-h100-80gb short at 3 replicas" in out
    assert writes(log) == []


def test_all_gpus_of_the_project_bound_too(house: Callable[..., House]) -> None:
    _, world = quickstart()
    world["quotas"][0]["limit"] = 1
    found = check(house(world=world).plan().plan, "GIQ1501")
    evidence = dict(found.evidence)
    assert (found.status, evidence["quota"], evidence["shortfall"]) == (CheckStatus.FAIL, "GPUS-ALL-REGIONS-per-project", "23")
    assert evidence["region"] == "all regions"


def test_a_saved_plan_that_is_blocked_says_that_it_cannot_be_applied(house: Callable[..., House]) -> None:
    one = house(world=poor())
    file = one.folder / "plan.json"
    assert one.cli("plan", "-o", str(file))[0] == 4
    assert json.loads(file.read_text())["applyable"] is False


def test_an_slo_that_nothing_reaches_blocks_with_nearest_miss_and_range(house: Callable[..., House]) -> None:
    one = house()
    one.set("slo", {"ntpotMilliseconds": 1})
    plan = one.plan().plan
    found = check(plan, "GIQ1502")
    evidence = dict(found.evidence)
    assert found.status is CheckStatus.FAIL
    assert "reachable ntpot" in evidence and "nearest miss" in evidence
    assert "ntpotMilliseconds" in found.remedy
    assert plan.exit(detailed=False) is Exit.BLOCKED
    assert plan.acting
    code, out, _ = one.cli("plan")
    assert code == 4 and evidence["nearest miss"].partition(" ms")[0] in out


def test_a_peak_beyond_the_highest_replica_count_blocks(house: Callable[..., House]) -> None:
    one = house()
    one.set("workload.requestsPerSecond", {"mean": 4, "peak": 40})
    found = check(one.plan().plan, "GIQ1506")
    assert found.status is CheckStatus.FAIL
    assert int(dict(found.evidence)["needed"]) > 3


def test_no_cluster_and_none_to_be_made_blocks(house: Callable[..., House]) -> None:
    one = house()
    one.set("target.cluster.create", False)
    found = check(one.plan().plan, "GIQ1503")
    assert (found.status, found.summary) == (CheckStatus.FAIL, "there is no cluster us-central1/inference")
    assert "create: true" in found.remedy


def test_a_standard_cluster_blocks(house: Callable[..., House]) -> None:
    _, world = quickstart()
    world["clusters"] = [{"name": "inference", "location": "us-central1", "autopilot": False}]
    world["apis"].append("container.googleapis.com")
    one = house(world=world)
    found = check(one.plan().plan, "GIQ1503")
    assert (found.status, found.summary) == (CheckStatus.FAIL, "cluster us-central1/inference is a Standard cluster")


def test_what_blocks_is_raised_before_the_first_action(house: Callable[..., House]) -> None:
    one = house(world=poor())
    control.clear_log(one.sandbox)
    with pytest.raises(CheckError) as caught:
        one.apply()
    assert (caught.value.code, caught.value.exit) == ("GIQ1604", Exit.BLOCKED)
    assert "GIQ1501" in caught.value.detail
    assert writes(control.log(one.sandbox)) == []


def test_an_offline_plan_cannot_be_applied(house: Callable[..., House]) -> None:
    inputs = house().inputs()
    plan = make_plan(Inputs(inputs.loaded, inputs.catalog, inputs.world_name, None, None)).plan
    assert plan.offline and not plan.applyable
    with pytest.raises(PlanError) as caught:
        check_applyable(plan)
    assert caught.value.code == "GIQ1603"
