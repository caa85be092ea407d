"""What others made is never taken over, merged with ours or deleted; what we made is never abandoned by a change of the intent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from engine_house import House, Notes, by_address, quickstart

from giqplan.engine.planner import make_plan
from giqplan.engine.session import carry_out
from giqplan.errors import Exit
from giqplan.model.check import CheckStatus
from giqplan.model.plan import Verb

CLUSTER = "google_container_cluster.us-central1/inference"


def with_cluster(*objects: dict[str, Any]) -> dict[str, Any]:
    """A world with a running cluster that holds what others made."""
    _, world = quickstart()
    world["apis"] += ["container.googleapis.com", "compute.googleapis.com"]
    world["clusters"] = [{"name": "inference", "location": "us-central1", "kubernetes": list(objects)}]
    return world


def of_others(kind: str, api_version: str = "v1", **body: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "quickstart", "namespace": "inference"}, **body}


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "inference"}}
PRECIOUS = of_others("ConfigMap", data={"precious": "data"})


def web(name: str = "quickstart") -> dict[str, Any]:
    labels = {"app": "web"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "w", "image": "i:1"}]}},
    }
    body = of_others("Deployment", "apps/v1", spec=spec)
    return {**body, "metadata": {"name": name, "namespace": "inference"}}


def test_an_object_of_others_under_our_name_blocks_the_plan(house: Callable[..., House]) -> None:
    one = house(world=with_cluster(NAMESPACE, PRECIOUS, web()))
    plan = one.plan().plan
    taken = [c.summary for c in plan.checks if c.code == "GIQ1507" and c.status is CheckStatus.FAIL]
    assert taken == [
        "kubernetes_config_map.inference/quickstart belongs to others",
        "kubernetes_deployment.inference/quickstart belongs to others",
    ]
    assert one.cli("apply", "--sandbox", "--auto-approve")[0] == Exit.BLOCKED
    assert one.kubernetes("GET", "/api/v1/namespaces/inference/configmaps/quickstart")["data"] == {"precious": "data"}


def test_a_namespace_of_others_is_shared_and_outlives_a_destroy(house: Callable[..., House]) -> None:
    one = house(world=with_cluster(NAMESPACE))
    assert one.apply().exit is Exit.DONE
    assert one.destroy().exit is Exit.DONE
    assert one.kubernetes("GET", "/api/v1/namespaces/inference")["metadata"]["name"] == "inference"


def test_a_cluster_that_the_intent_no_longer_creates_is_let_go_never_deleted(applied: House) -> None:
    applied.set("target.cluster.create", False)
    proposal = applied.plan()
    assert by_address(proposal)[CLUSTER].verb is Verb.FORGET
    assert applied.apply().exit is Exit.DONE
    assert applied.cluster()["status"] == "RUNNING"
    assert by_address(applied.plan()) == {}


def test_a_plan_file_replaces_nothing_but_a_plan(house: Callable[..., House]) -> None:
    one = house()
    before = one.file.read_text(encoding="utf-8")
    code, _, err = one.cli("plan", "-o", str(one.file))
    assert (code, "is no plan" in err) == (Exit.ERROR, True)
    assert one.file.read_text(encoding="utf-8") == before
    plan = one.folder / "plan.json"
    assert one.cli("plan", "-o", str(plan))[0] == Exit.DONE
    assert one.cli("plan", "-o", str(plan))[0] == Exit.DONE
    assert one.cli("plan", "-o", str(one.folder))[0] == Exit.ERROR
    assert one.cli("plan", "-o", str(one.folder / "nowhere" / "p"))[0] == Exit.ERROR


def test_offline_and_sandbox_together_are_refused(house: Callable[..., House]) -> None:
    code, _, err = house().cli("plan", "--offline")
    assert (code, "choose one of them" in err) == (Exit.ERROR, True)


def test_two_environments_with_the_same_target_do_not_take_each_other_over(applied: House) -> None:
    applied.intent["environments"] = {"staging": {}}
    applied.write()
    code, out, _ = applied.cli("plan", "-e", "staging")
    assert code == Exit.BLOCKED
    assert "GIQ1511" in out and "belongs to environment default" in out


def test_what_another_environment_has_made_in_another_project_is_something_else(applied: House) -> None:
    """Addresses tell things apart within a cluster and a project only."""
    applied.intent["environments"] = {"prod": {"target": {"project": "my-prod-project"}}}
    applied.write()
    code, out, _ = applied.cli("plan", "-e", "prod")
    assert ("GIQ1511" in out, code) == (False, Exit.DONE), out
    assert applied.cli("apply", "-e", "prod", "--auto-approve")[0] == Exit.DONE
    assert applied.cli("plan", "-e", "prod", "--detailed-exitcode")[0] == Exit.DONE
    assert applied.cli("plan", "--detailed-exitcode")[0] == Exit.DONE


def test_what_cannot_be_looked_at_is_neither_destroyed_nor_forgotten(applied: House) -> None:
    before = set(applied.state.resources)
    assert applied.destroy("nobody").exit is Exit.INCOMPLETE or applied.plan_destroy("nobody").plan.deferred
    assert set(applied.state.resources) >= {a for a in before if a.type.startswith("kubernetes_")}


def test_an_intent_without_an_autoscaler_leaves_the_shared_adapter_alone(applied: House) -> None:
    del applied.intent["spec"]["slo"]
    applied.write()
    acting = by_address(applied.plan())
    assert acting["kubernetes_horizontal_pod_autoscaler.inference/quickstart"].verb is Verb.DELETE
    assert not any("custom-metrics" in address for address in acting)


def test_a_replica_count_goes_to_the_autoscaler_and_comes_back(applied: House) -> None:
    slo = applied.intent["spec"].pop("slo")
    applied.set("workload.requestsPerSecond", {"mean": 9, "peak": 10})
    assert applied.apply().exit is Exit.DONE
    path = "/apis/apps/v1/namespaces/inference/deployments/quickstart"
    fixed = applied.kubernetes("GET", path)["spec"]["replicas"]
    assert fixed == applied.plan().plan.recommendation.sizing.initial_replicas
    assert by_address(applied.plan()) == {}
    applied.intent["spec"]["slo"] = slo
    applied.set("serving.env", {"FOO": "bar"})
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}
    entries = applied.kubernetes("GET", path)["metadata"]["managedFields"]
    holders = {e["manager"] for e in entries if "f:replicas" in e["fieldsV1"].get("f:spec", {})}
    assert holders and "giqplan" not in holders


def test_an_identity_that_another_cluster_relies_on_keeps_its_rights(applied: House) -> None:
    body = {"cluster": {"name": "second", "autopilot": {"enabled": True}}}
    applied.google("POST", "/v1/projects/my-project/locations/us-central1/clusters", body)
    member = "google_storage_bucket_iam_member.my-project-models/roles/storage.objectViewer/inference/quickstart"
    assert by_address(applied.plan_destroy())[member].verb is Verb.FORGET


def test_a_component_that_is_no_longer_asked_for_stays_on(applied: House) -> None:
    applied.set("observability.logging", ["SYSTEM"])
    assert by_address(applied.plan()) == {}


def test_a_namespace_with_an_account_or_a_role_of_others_is_kept(applied: House) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "theirs"}, "rules": []}
    applied.kubernetes("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/inference/roles", role)
    proposal = applied.plan_destroy()
    assert by_address(proposal)["kubernetes_namespace.inference"].verb is Verb.FORGET
    assert [str(d.address) for d in proposal.plan.deferred] == ["kubernetes_namespace.inference"]


def test_an_error_of_the_choice_has_its_place_in_the_file(house: Callable[..., House]) -> None:
    one = house()
    one.set("accelerator.types", ["h100"])
    code, _, err = one.cli("plan")
    assert (code, "GIQ1205" in err, "did you mean nvidia-h100-80gb" in err) == (Exit.ERROR, True, True)
    assert f"{one.file}:" in err.replace("\n", "")
    one.set("accelerator.types", ["any"])
    one.set("model.id", "nobody/knows-me")
    code, _, err = one.cli("plan")
    assert (code, "GIQ1320" in err, f"{one.file}:" in err.replace("\n", "")) == (Exit.ERROR, True, True)


def test_what_came_to_be_there_since_the_plan_is_not_written_to(house: Callable[..., House]) -> None:
    one = house(world=with_cluster())
    session = one.session()
    inputs = session.inputs()
    proposal = make_plan(inputs)
    one.kubernetes("POST", "/api/v1/namespaces", NAMESPACE)
    one.kubernetes("POST", "/api/v1/namespaces/inference/configmaps", PRECIOUS)
    assert session.cloud is not None
    with session.store.lock("apply"):
        applied = carry_out(proposal, inputs.state, session.cloud, session.store, Notes(), threading.Event())
    found = {str(address): error.code for address, error in applied.walked.errors.items()}
    assert found["kubernetes_config_map.inference/quickstart"] == "GIQ1706"
    assert one.kubernetes("GET", "/api/v1/namespaces/inference/configmaps/quickstart")["data"] == {"precious": "data"}
