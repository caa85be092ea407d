"""Planning with permission to read only, and with less than that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_house import House, by_address, leaf_paths, quickstart, writes

from giqplan.engine.apply import Applied
from giqplan.errors import CheckError, CloudError, Exit
from giqplan.model.check import CheckStatus
from giqplan.model.plan import Cause, Confidence, Verb

DEPLOYMENT = "kubernetes_deployment.inference/quickstart"


def test_the_planner_sees_what_the_owner_sees(house: Callable[..., House]) -> None:
    one = house()
    assert by_address(one.plan("planner")) == by_address(one.plan())


def test_the_planners_plan_of_a_settled_world_is_empty(applied: House) -> None:
    proposal = applied.plan("planner")
    assert (by_address(proposal), proposal.plan.exit(detailed=True)) == ({}, Exit.DONE)


def test_a_change_that_could_not_be_dry_run_is_marked_predicted(applied: House) -> None:
    applied.set("serving.args", ["--max-num-seqs=64"])
    change = by_address(applied.plan("planner"))[DEPLOYMENT]
    assert (change.verb, change.confidence) == (Verb.UPDATE, Confidence.PREDICTED)
    assert change.notes == ("no dry-run: the caller may not dry-run",)
    assert leaf_paths(change) == leaf_paths(by_address(applied.plan())[DEPLOYMENT])


def test_the_text_says_predicted(applied: House) -> None:
    applied.set("serving.args", ["--max-num-seqs=64"])
    code, out, _ = applied.cli("plan", "--detailed-exitcode", caller="planner")
    assert code == 2
    assert "predicted" in out
    assert "predicted" not in applied.cli("plan")[1]


def test_into_a_namespace_that_the_plan_creates_objects_are_predicted(applied: House) -> None:
    applied.forget_state()
    applied.set("target.namespace", "fresh")
    acting = by_address(applied.plan())
    assert acting["kubernetes_namespace.fresh"].confidence is Confidence.VERIFIED
    deployment = acting["kubernetes_deployment.fresh/quickstart"]
    assert (deployment.verb, deployment.confidence) == (Verb.CREATE, Confidence.PREDICTED)
    assert deployment.notes == ("no dry-run: its namespace or kind is made by this plan",)


def test_moving_to_another_namespace_makes_there_and_removes_here(applied: House) -> None:
    applied.set("target.namespace", "fresh")
    proposal = applied.plan()
    verbs = {address: change.verb for address, change in by_address(proposal).items()}
    assert verbs["kubernetes_deployment.fresh/quickstart"] is Verb.CREATE
    assert verbs[DEPLOYMENT] is Verb.DELETE
    assert by_address(proposal)[DEPLOYMENT].cause is Cause.NOT_WANTED
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}
    names = {item["metadata"]["name"] for item in applied.kubernetes("GET", "/api/v1/namespaces")["items"]}
    assert {"fresh", "inference"} <= names  # a namespace may hold what others made: only destroy removes one


def blind() -> dict[str, Any]:
    """A world with a caller who may see the project and its clusters, and nothing in them."""
    _, world = quickstart()
    world["callers"]["blind"] = {"member": "user:blind@example.com", "roles": ["roles/browser", "roles/container.clusterViewer"]}
    return world


def test_what_may_not_be_read_is_left_undone_and_said(house: Callable[..., House]) -> None:
    one = house(world=blind())
    assert one.apply().exit is Exit.DONE
    one.forget_state()
    proposal = one.plan("blind")
    left = {str(deferred.address): deferred.reason for deferred in proposal.plan.deferred}
    assert DEPLOYMENT in left
    assert "may not read" in left[DEPLOYMENT]
    assert proposal.plan.exit(detailed=True) is Exit.INCOMPLETE
    assert any(note.startswith("may not read kubernetes") for note in proposal.plan.notes)
    quota = next(check for check in proposal.plan.checks if check.code == "GIQ1501")
    assert quota.status is CheckStatus.UNKNOWN


def test_with_a_record_what_may_not_be_read_is_compared_with_the_record(house: Callable[..., House]) -> None:
    one = house(world=blind())
    assert one.apply().exit is Exit.DONE
    one.set("autoscaling.maxReplicas", 4)
    acting = by_address(one.plan("blind"))
    hpa = acting["kubernetes_horizontal_pod_autoscaler.inference/quickstart"]
    assert (hpa.verb, hpa.confidence, leaf_paths(hpa)) == (Verb.UPDATE, Confidence.PREDICTED, ["spec.maxReplicas"])
    assert list(acting) == ["kubernetes_horizontal_pod_autoscaler.inference/quickstart"]


def test_an_apply_without_permission_fails_before_it_writes(house: Callable[..., House]) -> None:
    one = house()

    def refused() -> None:
        with pytest.raises(CheckError) as caught:
            one.apply("planner")
        assert (caught.value.exit, "GIQ1513" in caught.value.detail) == (Exit.BLOCKED, True)

    assert writes(one.requests(refused)) == []
    assert one.store.pending() == ()


def test_where_permissions_cannot_be_asked_apply_fails_where_it_writes_and_nothing_after_it_runs(house: Callable[..., House]) -> None:
    _, world = quickstart()
    world["apis"].remove("cloudresourcemanager.googleapis.com")
    world["buckets"][0]["iam"].append({"role": "roles/storage.legacyBucketOwner", "members": ["user:planner@example.com"]})
    one = house(world=world)
    ended: list[Applied] = []
    log = one.requests(lambda: ended.append(one.apply("planner")))
    (applied,) = ended
    assert applied.exit is Exit.ERROR
    assert all(isinstance(error, CloudError) and error.code == "GIQ1904" for error in applied.walked.errors.values())
    assert {line.rpartition(" ")[2] for line in writes(log)} == {"403"}
    assert one.store.pending() == ()


def test_nobody_may_plan_with_nothing_but_a_name(house: Callable[..., House]) -> None:
    plan = house().plan("nobody").plan
    assert plan.deferred and plan.exit(detailed=False) is Exit.INCOMPLETE
