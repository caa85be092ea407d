"""``giqplan drift``: a foreign change of each kind that we own is reported as exactly that; what is nobody's business is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_house import House, by_address, writes

from giqplan.errors import Exit
from giqplan.kube.compare import path_text
from giqplan.resources import REGISTRY

CLUSTER = "/v1/projects/my-project/locations/us-central1/clusters/inference"
BUCKET_POLICY = "/storage/v1/b/my-project-models/iam"
PROJECT = "/v3/projects/my-project"
ADAPTER = "custom-metrics/custom-metrics-stackdriver-adapter"
LABEL = "app.kubernetes.io/managed-by"

Foreign = Callable[[House], object]


def put(path: str, change: Callable[[dict[str, Any]], object]) -> Foreign:
    return lambda house: house.edit(path, change)


def patch(path: str, body: dict[str, Any]) -> Foreign:
    return lambda house: house.kubernetes("PATCH", path, body)


def delete(path: str) -> Foreign:
    return lambda house: house.kubernetes("DELETE", path)


def update(**settings: Any) -> Foreign:
    def act(house: House) -> None:
        house.google("PUT", CLUSTER, {"update": settings})
        house.advance(120)

    return act


def disable(service: str) -> Foreign:
    return lambda house: house.google("POST", f"/v1/projects/my-project/services/{service}:disable")


def without_members(house: House) -> None:
    policy = house.google("GET", BUCKET_POLICY)
    policy["bindings"] = [b for b in policy["bindings"] if not any("principal://" in member for member in b["members"])]
    house.google("PUT", BUCKET_POLICY, policy)


def without_project_members(house: House) -> None:
    policy = house.google("POST", f"{PROJECT}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
    policy["bindings"] = [b for b in policy["bindings"] if b["role"] != "roles/monitoring.viewer"]
    house.google("POST", f"{PROJECT}:setIamPolicy", {"policy": policy})


RBAC = "/apis/rbac.authorization.k8s.io/v1"
#: By kind: who changes what, and how the report says it: address, action, changed leaves (None: gone).
CHANGES: dict[str, list[tuple[Foreign, str, list[str] | None]]] = {
    "google_project_service": [(disable("monitoring.googleapis.com"), "monitoring.googleapis.com", None)],
    "google_container_cluster": [
        (update(desiredReleaseChannel={"channel": "RAPID"}), "us-central1/inference", ["releaseChannel.channel"]),
    ],
    "google_container_cluster_logging": [
        (
            update(desiredLoggingConfig={"componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS"]}}),
            "us-central1/inference",
            ["components"],
        )
    ],
    "google_container_cluster_monitoring": [
        (
            update(desiredMonitoringConfig={"componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "HPA", "POD", "DEPLOYMENT"]}}),
            "us-central1/inference",
            ["components"],
        )
    ],
    "google_container_cluster_managed_prometheus": [
        (
            update(desiredMonitoringConfig={"managedPrometheusConfig": {}}),
            "us-central1/inference",
            ["enabled"],
        )
    ],
    "google_container_cluster_auto_monitoring": [
        (
            update(desiredMonitoringConfig={"managedPrometheusConfig": {"enabled": True, "autoMonitoringConfig": {"scope": "NONE"}}}),
            "us-central1/inference",
            ["scope"],
        )
    ],
    "google_storage_bucket_iam_member": [(without_members, "my-project-models/roles/storage.objectViewer/inference/quickstart", None)],
    "google_project_iam_member": [(without_project_members, f"my-project/roles/monitoring.viewer/{ADAPTER}", None)],
    "kubernetes_namespace": [
        (patch("/api/v1/namespaces/inference", {"metadata": {"labels": {LABEL: None}}}), "inference", [f"metadata.labels.{LABEL}"])
    ],
    "kubernetes_config_map": [
        (
            patch(
                "/api/v1/namespaces/inference/configmaps/quickstart", {"metadata": {"annotations": {"applyset.k8s.io/tooling": "other/v1"}}}
            ),
            "inference/quickstart",
            ["metadata.annotations.applyset.k8s.io/tooling"],
        )
    ],
    "kubernetes_service_account": [
        (
            patch("/api/v1/namespaces/inference/serviceaccounts/quickstart", {"metadata": {"labels": {LABEL: None, "team": "x"}}}),
            "inference/quickstart",
            [f"metadata.labels.{LABEL}", "metadata.labels.team"],
        )
    ],
    "kubernetes_service": [
        (delete("/api/v1/namespaces/inference/services/quickstart"), "inference/quickstart", None),
        (
            put("/api/v1/namespaces/inference/services/quickstart", lambda b: b["spec"]["ports"][0].update(targetPort=9)),
            "inference/quickstart",
            ["spec.ports[8000/TCP].targetPort"],
        ),
        (
            put("/api/v1/namespaces/inference/services/quickstart", lambda b: b["metadata"].update(labels={})),
            "inference/quickstart",
            ["metadata.labels"],
        ),
    ],
    "kubernetes_deployment": [
        (
            put(
                "/apis/apps/v1/namespaces/inference/deployments/quickstart",
                lambda b: b["spec"]["template"]["spec"]["containers"][0].update(image="other:1"),
            ),
            "inference/quickstart",
            ["spec.template.spec.containers[inference-server].image"],
        ),
    ],
    "kubernetes_horizontal_pod_autoscaler": [
        (
            patch("/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart", {"spec": {"maxReplicas": 7}}),
            "inference/quickstart",
            ["spec.maxReplicas"],
        )
    ],
    "kubernetes_cluster_role": [
        (
            put(f"{RBAC}/clusterroles/external-metrics-reader", lambda b: b["rules"][0].update(verbs=["get"])),
            "external-metrics-reader",
            ["rules[0].verbs"],
        )
    ],
    "kubernetes_cluster_role_binding": [
        (
            put(f"{RBAC}/clusterrolebindings/external-metrics-reader", lambda b: b["subjects"][0].update(name="other")),
            "external-metrics-reader",
            ["subjects[0].name"],
        )
    ],
    "kubernetes_role_binding": [
        (
            delete(f"{RBAC}/namespaces/kube-system/rolebindings/custom-metrics-auth-reader"),
            "kube-system/custom-metrics-auth-reader",
            None,
        )
    ],
    "kubernetes_api_service": [
        (
            patch("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io", {"spec": {"versionPriority": 5}}),
            "v1beta1.custom.metrics.k8s.io",
            ["spec.versionPriority"],
        )
    ],
    "kubernetes_pod_monitoring": [
        (
            put(
                "/apis/monitoring.googleapis.com/v1/namespaces/inference/podmonitorings/quickstart",
                lambda b: b["spec"]["endpoints"][0].update(interval="99s"),
            ),
            "inference/quickstart",
            ["spec.endpoints[0].interval"],
        )
    ],
}

#: What goes with it: without managed Prometheus there is no automatic monitoring (gcloud 528.0.0, api_adapter.py) and no PodMonitoring.
FOLLOWS = {
    "google_container_cluster_managed_prometheus": [
        "google_container_cluster_auto_monitoring.us-central1/inference",
        "kubernetes_pod_monitoring.inference/quickstart",
    ]
}


def test_every_kind_has_a_foreign_change_here() -> None:
    assert set(CHANGES) == set(REGISTRY.kinds)


@pytest.mark.parametrize(
    ("kind", "foreign", "name", "leaves"),
    [
        pytest.param(kind, *one, id=f"{kind}-{number}" if number else kind)
        for kind, listed in CHANGES.items()
        for number, one in enumerate(listed)
    ],
)
def test_a_foreign_change_is_reported_as_exactly_that(
    applied: House, kind: str, foreign: Foreign, name: str, leaves: list[str] | None
) -> None:
    foreign(applied)
    report = applied.drift()
    found = {str(d.address): d for d in report.drift}
    assert sorted(found) == sorted([f"{kind}.{name}", *FOLLOWS.get(kind, ())])
    drift = found[f"{kind}.{name}"]
    paths = [path_text(leaf.path) for leaf in drift.leaves]
    assert (drift.verb.value, paths) == (("delete", []) if leaves is None else ("update", leaves))
    assert (report.exit, report.unseen) == (Exit.CHANGES, ())
    code, out, err = applied.cli("drift", "--format", "json")
    entry = next(e for e in json.loads(out)["resource_drift"] if e["address"] == str(drift.address))
    assert (code, err, entry["type"], entry["mode"]) == (2, "", kind, "managed")
    change = entry["change"]
    assert change["actions"] == (["delete"] if leaves is None else ["update"])
    assert (change["after"] is None) == (leaves is None)
    assert change["before"] != change["after"]
    told = {d.address: d.leaves for d in applied.plan().plan.drift}
    assert told == {d.address: d.leaves for d in report.drift}, "the plan tells the same"


def test_without_a_foreign_change_there_is_none_and_nothing_is_written(applied: House) -> None:
    log = applied.requests(lambda: applied.cli("drift"))
    assert writes(log) == []
    assert not [entry for entry in log if "dryRun" in entry.query]
    code, out, err = applied.cli("drift")
    assert (code, err) == (0, "")
    assert out.endswith("No drift in 36 resources.\n")
    assert applied.cli("drift", "--quiet") == (0, "", "")


def test_the_text_names_both_values(applied: House) -> None:
    patch("/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart", {"spec": {"maxReplicas": 7}})(applied)
    code, out, _ = applied.cli("drift")
    assert code == 2
    assert "~ kubernetes_horizontal_pod_autoscaler.inference/quickstart" in out
    assert "~ spec.maxReplicas: 3 -> 7" in out
    assert out.endswith("Drift: 1 of 36 resources.\n")


def test_ten_minutes_of_controllers_and_what_others_add_change_nothing(applied: House) -> None:
    path = "/apis/apps/v1/namespaces/inference/deployments/quickstart"
    applied.kubernetes("PATCH", f"{path}/scale", {"spec": {"replicas": 3}}, manager="kube-controller-manager")
    policy = applied.google("GET", BUCKET_POLICY)
    policy["bindings"].append({"role": "roles/storage.objectViewer", "members": ["user:other@example.com"]})
    applied.google("PUT", BUCKET_POLICY, policy)
    applied.kubernetes("PATCH", f"{path}/status", {"status": {"observedGeneration": 99}}, manager="theirs")
    applied.kubernetes("PATCH", path, {"metadata": {"annotations": {"theirs/note": "x"}}})
    applied.google("POST", "/v1/projects/my-project/services/artifactregistry.googleapis.com:enable")
    applied.advance(600)
    assert applied.drift().exit is Exit.DONE
    proposal = applied.plan()
    assert (by_address(proposal), proposal.plan.drift) == ({}, ())


def test_labels_taken_from_a_cluster_that_we_made_are_drift_and_put_back_beside_those_of_others(applied: House) -> None:
    fingerprint = applied.cluster()["labelFingerprint"]
    applied.google("POST", f"{CLUSTER}:setResourceLabels", {"resourceLabels": {"owner": "x"}, "labelFingerprint": fingerprint})
    applied.advance(120)
    (drift,) = applied.drift().drift
    assert (drift.address.type, drift.verb.value) == ("google_container_cluster", "update")
    assert [path_text(leaf.path) for leaf in drift.leaves] == ["resourceLabels"]
    assert list(by_address(applied.plan())) == [str(drift.address)]
    assert applied.apply().exit is Exit.DONE
    assert applied.cluster()["resourceLabels"] == {"owner": "x", "giqplan-intent": "quickstart", "managed-by": "giqplan"}
    assert applied.drift().exit is Exit.DONE


def test_what_the_caller_may_not_see_is_named_and_exits_with_5(applied: House) -> None:
    patch("/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart", {"spec": {"maxReplicas": 7}})(applied)
    code, out, _ = applied.cli("drift", caller="nobody")
    assert code == 5
    assert "Not looked at" in out
    assert "kubernetes_deployment.inference/quickstart: " in out
    assert json.loads(applied.cli("drift", "--format", "json", caller="nobody")[1])["complete"] is False


def test_a_cluster_that_is_gone_took_everything_with_it(applied: House) -> None:
    applied.google("DELETE", CLUSTER)
    applied.advance(600)
    report = applied.drift()
    inside = {a for a in applied.state.resources if a.type.startswith("kubernetes_") or a.type.startswith("google_container_")}
    assert {d.address for d in report.drift} == inside
    assert {d.verb.value for d in report.drift} == {"delete"}


def test_without_a_state_there_is_nothing_to_compare_with(applied: House) -> None:
    applied.forget_state()
    code, _, err = applied.cli("drift")
    assert (code, "GIQ1620" in err) == (1, True)
    assert applied.cli("plan")[0] == 0


def test_what_an_interrupted_run_had_begun_is_left_to_apply(applied: House) -> None:
    address = next(a for a in applied.state.resources if str(a) == "kubernetes_service.inference/quickstart")
    store = applied.store
    store.load()
    store.journal.begin(address, "update", f"update {address}")
    store.journal.close()
    code, out, _ = applied.cli("drift")
    assert code == 5
    assert "kubernetes_service.inference/quickstart: an earlier run began to update it and did not end" in " ".join(out.split())


def test_another_thing_under_the_name_is_not_what_was_recorded(applied: House) -> None:
    path = "/api/v1/namespaces/inference/serviceaccounts"
    applied.kubernetes("DELETE", f"{path}/quickstart")
    applied.kubernetes("POST", path, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "quickstart"}})
    assert [(str(d.address), d.verb.value) for d in applied.drift().drift] == [
        ("kubernetes_service_account.inference/quickstart", "delete")
    ]


def test_what_only_lost_its_label_is_destroyed_all_the_same(applied: House) -> None:
    path = "/api/v1/namespaces/inference/services/quickstart"
    patch(path, {"metadata": {"labels": {LABEL: None}}})(applied)
    assert by_address(applied.plan_destroy())["kubernetes_service.inference/quickstart"].verb.value == "delete"


def test_a_member_of_a_bucket_that_the_intent_no_longer_names_is_still_looked_at(applied: House) -> None:
    applied.set("storage.bucket.uri", "gs://another/openai")
    assert applied.drift().exit is Exit.DONE
    without_members(applied)
    assert [d.address.type for d in applied.drift().drift] == ["google_storage_bucket_iam_member"]
