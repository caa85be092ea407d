"""Things that exist already: imported one at a time, taken over as they are, never deleted; recognised by their marks without a state."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_house import House, by_address, leaf_paths, quickstart, writes

from giqplan.errors import Exit
from giqplan.model.check import CheckStatus
from giqplan.model.plan import Cause, Verb

SERVICE = "kubernetes_service.inference/quickstart"
SERVICE_PATH = "/api/v1/namespaces/inference/services/quickstart"
ACCOUNT = "kubernetes_service_account.inference/quickstart"
HPA = "kubernetes_horizontal_pod_autoscaler.inference/quickstart"
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "inference"}}


def theirs(**metadata: Any) -> dict[str, Any]:
    """A Service of others under our name, as kubectl apply or a tool made it."""
    meta = {"name": "quickstart", "namespace": "inference", **metadata}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"ports": [{"port": 8000, "targetPort": 9}], "selector": {"a": "b"}},
    }


def world_with(*objects: dict[str, Any]) -> dict[str, Any]:
    _, world = quickstart()
    world["apis"] += ["container.googleapis.com", "compute.googleapis.com"]
    world["clusters"] = [{"name": "inference", "location": "us-central1", "kubernetes": [NAMESPACE, *objects]}]
    return world


def imported(one: House, address: str) -> tuple[int, str, str]:
    return one.run("import", address, "-f", str(one.file), "--sandbox")


def made_by_kubectl(one: House) -> None:
    """What ``kubectl apply`` leaves: its manager and its note of what it applied."""
    body = theirs(labels={"made-by": "hand"}, annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"})
    one.kubernetes("POST", "/api/v1/namespaces/inference/services", body, manager="kubectl-client-side-apply")


def test_an_object_of_others_blocks_until_it_is_imported_and_then_the_plan_shows_what_differs(house: Callable[..., House]) -> None:
    one = house(world=world_with())
    made_by_kubectl(one)
    plan = one.plan().plan
    assert [c.summary for c in plan.checks if c.code == "GIQ1507"] == [f"{SERVICE} belongs to others"]
    assert [f"giqplan import '{SERVICE}'" in c.remedy for c in plan.checks if c.code == "GIQ1507"] == [True]
    log = one.requests(lambda: imported(one, SERVICE))
    assert writes(log) == []
    entry = next(entry for address, entry in one.state.resources.items() if str(address) == SERVICE)
    assert (entry.created, entry.identity) == (False, one.kubernetes("GET", SERVICE_PATH)["metadata"]["uid"])
    proposal = one.plan()
    change = by_address(proposal)[SERVICE]
    assert (change.verb, change.foreign, change.adopts) == (Verb.UPDATE, False, True)
    assert {"metadata.labels.made-by", "spec.selector.a", "spec.ports[8000/TCP].targetPort"} <= set(leaf_paths(change))
    assert not [c for c in proposal.plan.checks if c.status is CheckStatus.FAIL]
    assert one.apply().exit is Exit.DONE
    held = one.kubernetes("GET", SERVICE_PATH)
    assert held["spec"]["selector"] == {"app.kubernetes.io/instance": "quickstart"}
    assert {e["manager"] for e in held["metadata"]["managedFields"] if "subresource" not in e} == {"giqplan"}
    assert by_address(one.plan()) == {}


def test_what_was_imported_outlives_a_destroy_with_and_without_a_state(house: Callable[..., House]) -> None:
    one = house(world=world_with())
    made_by_kubectl(one)
    assert imported(one, SERVICE)[0] == 0
    assert one.apply().exit is Exit.DONE
    change = by_address(one.plan_destroy())[SERVICE]
    assert (change.verb, change.why) == (Verb.FORGET, "it was there before giqplan")
    one.forget_state()
    assert by_address(one.plan()) == {}
    assert by_address(one.plan_destroy())[SERVICE].verb is Verb.FORGET
    assert one.apply().exit is Exit.DONE
    assert not next(entry for address, entry in one.state.resources.items() if str(address) == SERVICE).created
    assert one.destroy().exit is Exit.DONE
    assert one.kubernetes("GET", SERVICE_PATH)["metadata"]["name"] == "quickstart"


def test_what_was_recorded_is_shown(house: Callable[..., House]) -> None:
    one = house(world=world_with(theirs()))
    code, out, err = imported(one, SERVICE)
    assert (code, err) == (0, "")
    assert out.startswith(f"Recorded {SERVICE} as it is; it was there before giqplan: destroy leaves it.\n")
    assert "targetPort: 9" in out
    code, out, _ = one.run("import", ACCOUNT, "-f", str(one.file), "--sandbox", "--format", "json")
    assert code == 1, "there is none"
    one.kubernetes("POST", "/api/v1/namespaces/inference/serviceaccounts", {"metadata": {"name": "quickstart"}})
    code, out, _ = one.run("import", ACCOUNT, "-f", str(one.file), "--sandbox", "--format", "json")
    assert (code, json.loads(out)["imported"]["address"]) == (0, ACCOUNT)


@pytest.mark.parametrize(
    ("metadata", "who"),
    [
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "web"}}, "Helm release web"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:/Service:inference/quickstart"}}, "Argo CD application shop"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux Kustomization apps"),
        ({"annotations": {"configmanagement.gke.io/managed": "enabled"}}, "Config Sync"),
        ({"labels": {"app.kubernetes.io/managed-by": "pulumi"}}, "pulumi"),
        ({"labels": {"applyset.k8s.io/part-of": "applyset-x-v1"}}, "ApplySet applyset-x-v1"),
        ({"ownerReferences": [{"apiVersion": "x/v1", "kind": "Web", "name": "shop", "uid": "1", "controller": True}]}, "Web shop"),
    ],
)
def test_what_another_tool_manages_is_refused_with_its_name(house: Callable[..., House], metadata: dict[str, Any], who: str) -> None:
    one = house(world=world_with(theirs(**metadata)))
    code, _, err = imported(one, SERVICE)
    assert (code, "GIQ1625" in err, f"{SERVICE} is managed by {who}" in err) == (1, True, True)
    assert one.store.load() is None


def test_what_a_tool_applies_again_and_again_is_known_by_its_manager(house: Callable[..., House]) -> None:
    one = house(world=world_with())
    one.kubernetes("POST", "/api/v1/namespaces/inference/services", theirs(), manager="Terraform")
    assert "is managed by Terraform" in imported(one, SERVICE)[2]


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("kubernetes_service.inference/quikstart", "GIQ1622", f"did you mean {SERVICE}?"),
        ("nonsense", "GIQ1622", "giqplan plan --full lists the addresses"),
        (HPA, "GIQ1623", "is not there"),
    ],
)
def test_what_cannot_be_imported_is_said_and_nothing_is_written(house: Callable[..., House], address: str, code: str, told: str) -> None:
    one = house(world=world_with())
    exit_code, _, err = imported(one, address)
    assert (exit_code, code in err, told in err) == (1, True, True)
    assert one.store.load() is None


def test_what_is_recorded_is_not_imported_twice(applied: House) -> None:
    assert "GIQ1624" in imported(applied, SERVICE)[2]


def test_another_thing_that_took_a_recorded_name_may_be_imported_in_its_place(applied: House) -> None:
    applied.kubernetes("DELETE", SERVICE_PATH)
    made_by_kubectl(applied)
    plan = applied.plan().plan
    assert [c.code for c in plan.checks if c.status is CheckStatus.FAIL] == ["GIQ1507"]
    assert imported(applied, SERVICE)[0] == 0
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan_destroy())[SERVICE].verb is Verb.FORGET


def test_what_another_environment_has_made_is_refused(applied: House) -> None:
    applied.intent["environments"] = {"staging": {}}
    applied.write()
    err = applied.run("import", SERVICE, "-f", str(applied.file), "--sandbox", "-e", "staging")[2]
    assert ("GIQ1625" in err, "environment default" in err) == (True, True)


def test_what_cannot_be_looked_at_is_not_recorded(house: Callable[..., House]) -> None:
    one = house(world=world_with(theirs()))
    code, _, err = one.run("import", SERVICE, "-f", str(one.file), "--sandbox", caller="nobody")
    assert (code, "GIQ1626" in err) == (1, True)


def test_what_carries_our_marks_is_imported_as_made_by_us(applied: House) -> None:
    applied.forget_state()
    assert "destroy deletes it" in imported(applied, SERVICE)[1]
    assert by_address(applied.plan()) == {}


def test_a_cluster_and_an_iam_member_are_imported_as_those_of_others(house: Callable[..., House]) -> None:
    one = house(world=world_with())
    member = "google_storage_bucket_iam_member.my-project-models/roles/storage.objectViewer/inference/quickstart"
    assert "GIQ1623" in imported(one, member)[2]
    principal = by_address(one.plan())[member].after
    assert principal is not None
    policy = one.google("GET", "/storage/v1/b/my-project-models/iam")
    policy["bindings"].append({"role": principal["role"], "members": [principal["member"]]})
    one.google("PUT", "/storage/v1/b/my-project-models/iam", policy)
    cluster = "google_container_cluster.us-central1/inference"
    for address in (member, cluster):
        assert imported(one, address)[0] == 0, address
    assert {str(a): entry.created for a, entry in one.state.resources.items()} == {member: False, cluster: False}
    verbs = {a: c.verb for a, c in by_address(one.plan_destroy()).items()}
    assert verbs == {member: Verb.FORGET, cluster: Verb.FORGET}


def test_an_object_of_ours_that_another_tool_manages_too_is_a_warning(applied: House) -> None:
    applied.kubernetes("PATCH", SERVICE_PATH, {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "shop:x"}}})
    plan = applied.plan().plan
    (check,) = (c for c in plan.checks if c.code == "GIQ1523")
    assert (check.status, check.summary) == (CheckStatus.WARN, f"{SERVICE} is managed by Argo CD application shop too")
    applied.kubernetes("PATCH", SERVICE_PATH, {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": None}}})
    assert not [c for c in applied.plan().plan.checks if c.code == "GIQ1523"]


def stray(house: House, **labels: str) -> None:
    """An autoscaler in our namespace that neither state nor intent has."""
    body = house.kubernetes("GET", "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart")
    meta = {"name": "stray", "namespace": "inference", "labels": {**body["metadata"]["labels"], **labels}}
    del body["status"]
    house.kubernetes("POST", "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers", {**body, "metadata": meta})


@pytest.mark.parametrize("with_state", [True, False])
def test_a_member_of_our_set_that_nobody_wants_is_pruned_and_no_other(applied: House, with_state: bool) -> None:
    stray(applied)
    if not with_state:
        applied.forget_state()
    acting = by_address(applied.plan())
    address = "kubernetes_horizontal_pod_autoscaler.inference/stray"
    assert {a: (c.verb, c.cause) for a, c in acting.items()} == {address: (Verb.DELETE, Cause.NOT_WANTED)}
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}


def test_what_is_of_another_set_is_never_pruned(applied: House) -> None:
    stray(applied, **{"applyset.k8s.io/part-of": "applyset-of-others-v1"})
    applied.forget_state()
    assert by_address(applied.plan()) == {}


def test_without_a_state_an_autoscaler_that_the_intent_drops_is_pruned(applied: House) -> None:
    applied.forget_state()
    applied.intent["spec"].pop("slo")
    applied.write()
    acting = by_address(applied.plan())
    assert acting[HPA].verb is Verb.DELETE
    assert not [a for a in acting if "custom-metrics" in a]
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}
