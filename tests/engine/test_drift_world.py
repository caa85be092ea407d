"""Others change what we made: shown as drift and repaired where the field is ours, shown and never forced where it is theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_house import House, by_address, leaf_paths, quickstart, writes

from giqplan.engine.session import check_applyable
from giqplan.errors import CheckError, Exit
from giqplan.model.check import CheckStatus
from giqplan.model.plan import Cause, Confidence, Verb

HPA = "kubernetes_horizontal_pod_autoscaler.inference/quickstart"
HPA_PATH = "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart"
DEPLOYMENT = "kubernetes_deployment.inference/quickstart"
DEPLOYMENT_PATH = "/apis/apps/v1/namespaces/inference/deployments/quickstart"
SERVICE = "kubernetes_service.inference/quickstart"
SERVICE_PATH = "/api/v1/namespaces/inference/services/quickstart"
NAMESPACE_PATH = "/api/v1/namespaces/inference"


def test_a_field_removed_by_hand_is_drift_and_put_back(applied: House) -> None:
    applied.edit(SERVICE_PATH, lambda body: body["metadata"]["labels"].pop("team"))
    proposal = applied.plan()
    (drift,) = proposal.plan.drift
    change = by_address(proposal)[SERVICE]
    assert (str(drift.address), leaf_paths(change), change.cause) == (SERVICE, ["metadata.labels.team"], Cause.DRIFT)
    assert (change.leaves[0].after, change.leaves[0].cause) == ("docs", Cause.DRIFT)
    assert list(by_address(proposal)) == [SERVICE]
    assert applied.apply().exit is Exit.DONE
    assert applied.kubernetes("GET", SERVICE_PATH)["metadata"]["labels"]["team"] == "docs"
    assert by_address(applied.plan()) == {}


def test_a_foreign_field_that_we_do_not_own_is_no_drift(applied: House) -> None:
    applied.kubernetes("PATCH", SERVICE_PATH, {"metadata": {"labels": {"theirs": "yes"}, "annotations": {"a/b": "c"}}})
    proposal = applied.plan()
    assert (by_address(proposal), proposal.plan.drift) == ({}, ())


def test_a_value_changed_by_another_manager_is_shown_and_never_forced(applied: House) -> None:
    applied.kubernetes("PATCH", HPA_PATH, {"spec": {"maxReplicas": 7}})
    proposal = applied.plan()
    change = by_address(proposal)[HPA]
    (conflict,) = change.conflicts
    assert (conflict.manager, conflict.path) == ("kubectl-edit", ".spec.maxReplicas")
    assert (conflict.theirs, conflict.ours) == (7, 3)
    assert change.confidence is Confidence.VERIFIED
    (check,) = (one for one in proposal.plan.checks if one.code == "GIQ1505")
    assert check.status is CheckStatus.FAIL
    assert ("resource", HPA) in check.evidence
    with pytest.raises(CheckError):
        check_applyable(proposal.plan)
    log = applied.requests(lambda: applied.cli("apply", "--auto-approve"))
    assert writes(log) == []
    assert applied.kubernetes("GET", HPA_PATH)["spec"]["maxReplicas"] == 7


@pytest.mark.parametrize(
    ("patch", "path", "theirs", "ours"),
    [
        (
            {"metadata": {"labels": {"team": "x", "app.kubernetes.io/name": "y"}}},
            ".metadata.labels.app.kubernetes.io/name",
            "y",
            "quickstart",
        ),
        ({"spec": {"ports": [{"name": "http", "port": 8000, "protocol": "TCP", "targetPort": 9}]}}, None, 9, "http"),
    ],
)
def test_both_values_of_a_conflict_are_named(applied: House, patch: dict[str, Any], path: str | None, theirs: Any, ours: Any) -> None:
    applied.kubernetes("PATCH", SERVICE_PATH, patch)
    conflicts = {c.path: c for c in by_address(applied.plan())[SERVICE].conflicts}
    found = conflicts[path or '.spec.ports[port=8000,protocol="TCP"].targetPort']
    assert (found.manager, found.theirs, found.ours) == ("kubectl-edit", theirs, ours)


def test_a_conflict_is_printed_with_manager_and_both_values(applied: House) -> None:
    applied.kubernetes("PATCH", HPA_PATH, {"spec": {"maxReplicas": 7}})
    code, out, _ = applied.cli("plan")
    assert code == 4
    assert "conflict: .spec.maxReplicas is held by kubectl-edit: 7, wanted 3" in out


def test_once_the_intent_agrees_with_the_other_manager_nothing_is_left(applied: House) -> None:
    applied.set("autoscaling.maxReplicas", 4)
    applied.kubernetes("PATCH", HPA_PATH, {"spec": {"maxReplicas": 4}})
    proposal = applied.plan()
    assert by_address(proposal) == {}
    assert applied.cli("apply")[0] == 0
    assert next(entry for address, entry in applied.state.resources.items() if str(address) == HPA).applied["spec"]["maxReplicas"] == 4


def test_what_was_deleted_is_made_again(applied: House) -> None:
    applied.kubernetes("DELETE", SERVICE_PATH)
    proposal = applied.plan()
    change = by_address(proposal)[SERVICE]
    assert (change.verb, change.cause) == (Verb.CREATE, Cause.GONE)
    assert [(str(drift.address), drift.verb) for drift in proposal.plan.drift] == [(SERVICE, Verb.DELETE)]
    assert list(by_address(proposal)) == [SERVICE]
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}


def test_a_deployment_made_again_begins_with_its_first_replica_count(applied: House) -> None:
    applied.set("workload.requestsPerSecond", {"mean": 4, "peak": 10})
    applied.kubernetes("DELETE", DEPLOYMENT_PATH)
    assert list(by_address(applied.plan())) == [DEPLOYMENT]
    assert applied.apply().exit is Exit.DONE
    managers = {entry["manager"]: entry for entry in applied.kubernetes("GET", DEPLOYMENT_PATH)["metadata"]["managedFields"]}
    assert "f:replicas" not in managers["giqplan"]["fieldsV1"]["f:spec"]


def test_a_namespace_that_vanished_with_all_in_it_is_made_again(applied: House) -> None:
    applied.kubernetes("DELETE", NAMESPACE_PATH)
    applied.advance(120)
    acting = by_address(applied.plan())
    assert {change.verb for change in acting.values()} == {Verb.CREATE}
    assert set(acting) == {
        "kubernetes_namespace.inference",
        "kubernetes_config_map.inference/quickstart",
        "kubernetes_service_account.inference/quickstart",
        DEPLOYMENT,
        SERVICE,
        HPA,
        "kubernetes_pod_monitoring.inference/quickstart",
    }
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}


def test_a_member_taken_back_by_hand_is_granted_again(applied: House) -> None:
    policy = applied.google("GET", "/storage/v1/b/my-project-models/iam")
    policy["bindings"] = [b for b in policy["bindings"] if not any("principal://" in member for member in b["members"])]
    applied.google("PUT", "/storage/v1/b/my-project-models/iam", policy)
    (address,) = by_address(applied.plan())
    assert address == "google_storage_bucket_iam_member.my-project-models/roles/storage.objectViewer/inference/quickstart"
    assert applied.apply().exit is Exit.DONE
    assert by_address(applied.plan()) == {}


def test_other_peoples_members_are_no_drift_and_stay(applied: House) -> None:
    policy = applied.google("GET", "/storage/v1/b/my-project-models/iam")
    policy["bindings"].append({"role": "roles/storage.objectUser", "members": ["user:other@example.com"]})
    applied.google("PUT", "/storage/v1/b/my-project-models/iam", policy)
    proposal = applied.plan()
    assert (by_address(proposal), proposal.plan.drift) == ({}, ())


def cluster_of_others(settings: dict[str, Any] | None = None) -> dict[str, Any]:
    _, world = quickstart()
    world["apis"] += ["container.googleapis.com", "compute.googleapis.com"]
    world["clusters"] = [{"name": "inference", "location": "us-central1", "settings": settings or {}}]
    return world


def test_a_cluster_of_others_is_adopted_and_touched_only_by_the_union_of_observability(house: Callable[..., House]) -> None:
    one = house(world=cluster_of_others({"resourceLabels": {"owner": "platform"}}))
    one.set("target.cluster.create", False)
    before = one.cluster()
    assert one.apply().exit is Exit.DONE
    after = one.cluster()
    assert _but_observability(after) == _but_observability(before)
    enabled = {where: set(after[where]["componentConfig"]["enableComponents"]) for where in ("loggingConfig", "monitoringConfig")}
    for where, components in enabled.items():
        assert set(before[where]["componentConfig"]["enableComponents"]) <= components
    assert {"DCGM", "HPA", "POD"} <= enabled["monitoringConfig"]
    assert by_address(one.plan()) == {}
    assert not [address for address in one.state.resources if address.type == "google_container_cluster"]


def _but_observability(body: dict[str, Any]) -> dict[str, Any]:
    """A cluster's body without what observability changes, and without what every write changes."""
    return {key: value for key, value in body.items() if key not in ("loggingConfig", "monitoringConfig", "loggingService", "etag")}


def test_a_cluster_that_exists_already_is_recorded_and_never_labelled_as_ours(house: Callable[..., House]) -> None:
    one = house(world=cluster_of_others({"resourceLabels": {"owner": "platform"}}))
    proposal = one.plan()
    cluster = next(c for c in proposal.plan.changes if c.address.type == "google_container_cluster")
    assert (cluster.verb, cluster.cause, cluster.notes) == (Verb.NOOP, Cause.ADOPT, ("it was made by others",))
    assert one.apply().exit is Exit.DONE
    assert one.cluster()["resourceLabels"] == {"owner": "platform"}
    entry = next(entry for address, entry in one.state.resources.items() if address.type == "google_container_cluster")
    assert entry.created is False


def test_a_cluster_in_another_release_channel_is_moved_because_the_intent_says_so(house: Callable[..., House]) -> None:
    one = house(world=cluster_of_others({"releaseChannel": {"channel": "RAPID"}}))
    change = by_address(one.plan())["google_container_cluster.us-central1/inference"]
    assert (change.verb, change.cause, leaf_paths(change)) == (Verb.UPDATE, Cause.ADOPT, ["releaseChannel.channel"])
    assert one.apply().exit is Exit.DONE
    assert one.cluster()["releaseChannel"]["channel"] == "REGULAR"
    assert by_address(one.plan()) == {}


def test_somebody_elses_metrics_adapter_is_used_and_left_alone(house: Callable[..., House]) -> None:
    world = cluster_of_others()
    service = {"name": "theirs", "namespace": "default"}
    spec = {"group": "custom.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100, "service": service}
    body = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.custom.metrics.k8s.io"}}
    world["clusters"][0]["kubernetes"] = [{**body, "spec": {**spec, "insecureSkipTLSVerify": True}}]
    acting = by_address(house(world=world).plan())
    assert not [address for address in acting if "custom-metrics" in address or "api_service" in address]
    assert HPA in acting
