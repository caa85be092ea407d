"""Destroy takes down what we made, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from engine_house import House, Notes, by_address, quickstart, writes

from giqplan.engine.destroy import plan_destroy
from giqplan.engine.inputs import Inputs
from giqplan.errors import Exit, PlanError
from giqplan.model.plan import Cause, Verb

CLUSTER = "google_container_cluster.us-central1/inference"
NAMESPACE = "kubernetes_namespace.inference"
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}}


def verbs(house: House) -> dict[str, Verb]:
    return {address: change.verb for address, change in by_address(house.plan_destroy()).items()}


def namespaces(house: House) -> set[str]:
    return {item["metadata"]["name"] for item in house.kubernetes("GET", "/api/v1/namespaces")["items"]}


def apis(house: House) -> set[str]:
    found = house.google("GET", "/v1/projects/my-project/services?filter=state:ENABLED&pageSize=200")
    return {service["name"].rpartition("/")[2] for service in found["services"]}


def members(house: House) -> list[str]:
    policy = house.google("GET", "/storage/v1/b/my-project-models/iam")
    return [member for binding in policy["bindings"] for member in binding["members"]]


def test_the_plan_removes_what_we_made_dependents_first(applied: House) -> None:
    plan = applied.plan_destroy().plan
    order = [str(change.address) for change in plan.changes if change.verb is Verb.DELETE]
    assert plan.destroy
    assert {change.cause for change in plan.acting} == {Cause.DESTROY}
    assert order.index("kubernetes_horizontal_pod_autoscaler.inference/quickstart") < order.index(
        "kubernetes_deployment.inference/quickstart"
    )
    assert order.index("kubernetes_deployment.inference/quickstart") < order.index(NAMESPACE)
    assert plan.exit(detailed=True) is Exit.CHANGES


def test_apis_stay_on_and_a_cluster_that_is_to_be_kept_stays(applied: House) -> None:
    found, before = by_address(applied.plan_destroy()), apis(applied)
    assert found[CLUSTER].verb is Verb.FORGET
    assert found[CLUSTER].why == "kept: spec.target.cluster.deletionPolicy is keep"
    assert {c.verb for a, c in found.items() if a.startswith("google_project_service")} == {Verb.FORGET}
    ended = applied.destroy()
    assert ended.exit is Exit.DONE
    assert apis(applied) == before
    assert applied.cluster()["status"] == "RUNNING"
    assert not {"inference", "custom-metrics"} & namespaces(applied)
    assert not [member for member in members(applied) if member.startswith("principal://")]
    assert dict(applied.state.resources) == {}


def test_other_peoples_members_stay(applied: House) -> None:
    before = {member for member in members(applied) if not member.startswith("principal://")}
    assert applied.destroy().exit is Exit.DONE
    assert set(members(applied)) == before


def test_destroying_twice_writes_nothing(applied: House) -> None:
    assert applied.destroy().exit is Exit.DONE
    assert verbs(applied) == {}
    assert writes(applied.requests(applied.destroy)) == []


def test_after_a_destroy_everything_can_be_made_again(applied: House) -> None:
    assert applied.destroy().exit is Exit.DONE
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}


def test_with_deletion_policy_delete_the_cluster_goes_with_all_in_it(applied: House) -> None:
    applied.set("target.cluster.deletionPolicy", "delete")
    assert verbs(applied)[CLUSTER] is Verb.DELETE
    assert applied.destroy().exit is Exit.DONE
    found = applied.google("GET", "/v1/projects/my-project/locations/us-central1/clusters")
    assert found.get("clusters", []) == []


def test_a_namespace_that_holds_something_of_others_is_kept_and_said(applied: House) -> None:
    applied.kubernetes("POST", "/api/v1/namespaces/inference/configmaps", CONFIG)
    plan = applied.plan_destroy().plan
    (deferred,) = plan.deferred
    assert str(deferred.address) == NAMESPACE
    assert deferred.reason == "kept: it holds configmaps inference/theirs, which giqplan did not make"
    assert plan.exit(detailed=False) is Exit.INCOMPLETE
    code, out, _ = applied.cli("destroy", "--auto-approve")
    assert code == 5
    assert "configmaps inference/theirs" in out
    assert "inference" in namespaces(applied)
    names = {item["metadata"]["name"] for item in applied.kubernetes("GET", "/api/v1/namespaces/inference/configmaps")["items"]}
    assert "theirs" in names and "quickstart" not in names


def test_a_cluster_that_holds_something_of_others_is_kept_and_said(applied: House) -> None:
    applied.set("target.cluster.deletionPolicy", "delete")
    applied.kubernetes("POST", "/api/v1/namespaces/default/configmaps", CONFIG)
    plan = applied.plan_destroy().plan
    assert [(str(d.address), "configmaps default/theirs" in d.reason) for d in plan.deferred] == [(CLUSTER, True)]
    code, out, _ = applied.cli("destroy", "--auto-approve")
    assert (code, "Not finished (destroy again to go on)" in out) == (5, True)
    assert applied.cluster()["status"] == "RUNNING"


def test_what_may_not_be_listed_counts_as_foreign(applied: House) -> None:
    applied.set("target.cluster.deletionPolicy", "delete")
    reasons = {str(d.address): d.reason for d in applied.plan_destroy("planner").plan.deferred}
    assert "secrets that could not be listed" in reasons[CLUSTER]
    assert "secrets that could not be listed" in reasons[NAMESPACE]


def test_the_adapter_stays_while_others_scale_with_it(applied: House) -> None:
    applied.kubernetes("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x", "namespace": "other"}}
    body = {**hpa, "spec": {"scaleTargetRef": target, "maxReplicas": 2, "metrics": _pods_metric()}}
    applied.kubernetes("POST", "/apis/autoscaling/v2/namespaces/other/horizontalpodautoscalers", body)
    found = verbs(applied)
    assert found["kubernetes_deployment.custom-metrics/custom-metrics-stackdriver-adapter"] is Verb.FORGET
    assert found["kubernetes_namespace.custom-metrics"] is Verb.FORGET
    assert applied.destroy().exit is Exit.DONE
    assert "custom-metrics" in namespaces(applied)


def _pods_metric() -> list[dict[str, Any]]:
    return [{"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}}}]


def test_without_state_what_carries_our_marks_is_found(applied: House) -> None:
    with_state = {address for address, verb in verbs(applied).items() if verb is Verb.DELETE}
    applied.forget_state()
    proposal = applied.plan_destroy()
    found = {address for address, change in by_address(proposal).items() if change.verb is Verb.DELETE}
    assert found == {address for address in with_state if address.startswith("kubernetes_")}
    assert by_address(proposal)[CLUSTER].verb is Verb.FORGET
    assert proposal.plan.notes == ("no state: what carries giqplan's marks was found; APIs and IAM bindings are left",)
    assert applied.destroy().exit is Exit.DONE
    assert not {"inference", "custom-metrics"} & namespaces(applied)


def test_without_state_a_cluster_of_ours_goes_when_the_intent_says_so(applied: House) -> None:
    applied.set("target.cluster.deletionPolicy", "delete")
    applied.forget_state()
    assert verbs(applied)[CLUSTER] is Verb.DELETE


def test_what_was_there_before_is_left(house: Callable[..., House]) -> None:
    _, world = quickstart()
    world["apis"] += ["container.googleapis.com", "compute.googleapis.com"]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "inference"}}
    world["clusters"] = [{"name": "inference", "location": "us-central1", "kubernetes": [namespace]}]
    one = house(world=world)
    one.set("target.cluster.deletionPolicy", "delete")
    assert one.apply().exit is Exit.DONE
    found = by_address(one.plan_destroy())
    assert (found[CLUSTER].verb, found[CLUSTER].why) == (Verb.FORGET, "it was there before giqplan")
    assert found[NAMESPACE].verb is Verb.FORGET
    assert one.destroy().exit is Exit.DONE
    assert "inference" in namespaces(one)
    assert one.cluster()["status"] == "RUNNING"


def test_a_cluster_that_is_gone_is_forgotten_with_all_in_it(applied: House) -> None:
    applied.google("DELETE", "/v1/projects/my-project/locations/us-central1/clusters/inference")
    applied.advance(600)
    found = by_address(applied.plan_destroy())
    gone = {address for address in found if address.startswith(("kubernetes_", "google_container_cluster"))}
    assert {found[address].verb for address in gone} == {Verb.FORGET}
    assert found[CLUSTER].why == "it is gone already"
    assert applied.destroy().exit is Exit.DONE
    assert dict(applied.state.resources) == {}


def test_a_stopped_destroy_goes_on_where_it_stopped(applied: House) -> None:
    stop = threading.Event()
    notes = Notes(on_began=lambda address, summary: stop.set() if address.type == "kubernetes_deployment" else None)
    assert applied.destroy(reporter=notes, stop=stop).exit is Exit.INTERRUPTED
    assert applied.state.resources, "what is left is still recorded"
    assert applied.destroy().exit is Exit.DONE
    assert dict(applied.state.resources) == {}


def test_destroy_needs_a_world(house: Callable[..., House]) -> None:
    inputs = house().inputs()
    with pytest.raises(PlanError) as caught:
        plan_destroy(Inputs(inputs.loaded, inputs.catalog, inputs.world_name, None, None))
    assert caught.value.code == "GIQ1602"
