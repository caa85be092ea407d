"""GKE over the wire, by Google's own client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import container_v1 as gke

PARENT = "projects/test-project/locations/us-central1"


def autopilot(name: str, **fields: Any) -> gke.Cluster:
    return gke.Cluster(name=name, autopilot=gke.Autopilot(enabled=True), **fields)


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.container()


@pytest.fixture(scope="module")
def cluster(sandbox: Any, client: Any) -> str:
    """A running Autopilot cluster."""
    client.create_cluster(parent=PARENT, cluster=autopilot("shared", resource_labels={"managed-by": "giqplan"}))
    sandbox.advance(600)
    return f"{PARENT}/clusters/shared"


def test_a_cluster_is_provisioning_until_its_operation_is_done(sandbox: Any, client: Any) -> None:
    operation = client.create_cluster(parent=PARENT, cluster=autopilot("slow"))
    name = f"{PARENT}/operations/{operation.name}"
    assert operation.operation_type == gke.Operation.Type.CREATE_CLUSTER
    live = client.get_cluster(name=f"{PARENT}/clusters/slow")
    assert live.status == gke.Cluster.Status.PROVISIONING and live.endpoint == ""
    sandbox.advance(100)
    assert client.get_operation(name=name).status == gke.Operation.Status.RUNNING
    sandbox.advance(100)
    done = client.get_operation(name=name)
    assert done.status == gke.Operation.Status.DONE and done.end_time > done.start_time
    live = client.get_cluster(name=f"{PARENT}/clusters/slow")
    assert live.status == gke.Cluster.Status.RUNNING
    assert live.endpoint.startswith("127.0.0.1:") and live.master_auth.cluster_ca_certificate


def test_an_autopilot_cluster_gets_what_autopilot_always_has(client: Any, cluster: str) -> None:
    live = client.get_cluster(name=cluster)
    assert live.autopilot.enabled
    assert live.workload_identity_config.workload_pool == "test-project.svc.id.goog"
    assert live.release_channel.channel == gke.ReleaseChannel.Channel.REGULAR
    assert live.monitoring_config.managed_prometheus_config.enabled
    assert live.addons_config.gcs_fuse_csi_driver_config.enabled
    assert live.resource_labels == {"managed-by": "giqplan"}
    assert live.etag and live.label_fingerprint


def test_clusters_and_operations_are_listed_by_location_and_everywhere(client: Any, cluster: str) -> None:
    assert "shared" in [c.name for c in client.list_clusters(parent=PARENT).clusters]
    assert "shared" in [c.name for c in client.list_clusters(parent="projects/test-project/locations/-").clusters]
    assert not client.list_clusters(parent="projects/test-project/locations/us-east5").clusters
    assert client.list_operations(parent=PARENT).operations


def test_a_name_that_is_taken_is_refused(client: Any, cluster: str) -> None:
    with pytest.raises(exceptions.Conflict, match="Already exists: projects/test-project/locations/us-central1/clusters/shared"):
        client.create_cluster(parent=PARENT, cluster=autopilot("shared"))


def test_one_operation_at_a_time(sandbox: Any, client: Any, cluster: str) -> None:
    first = client.update_cluster(name=cluster, update=gke.ClusterUpdate(desired_addons_config={"ray_operator_config": {"enabled": True}}))
    with pytest.raises(exceptions.BadRequest, match=f"incompatible operation {first.name}") as refused:
        client.delete_cluster(name=cluster)
    assert refused.value.reason == "CLUSTER_ALREADY_HAS_OPERATION"
    assert client.get_cluster(name=cluster).status == gke.Cluster.Status.RECONCILING
    sandbox.advance(600)
    live = client.get_cluster(name=cluster)
    assert live.status == gke.Cluster.Status.RUNNING and live.addons_config.ray_operator_config.enabled
    assert live.addons_config.gcs_fuse_csi_driver_config.enabled, "addons that were not sent stay"


def test_one_update_at_a_time_but_logging_and_monitoring_may_travel_together(sandbox: Any, client: Any, cluster: str) -> None:
    logging = {"component_config": {"enable_components": ["SYSTEM_COMPONENTS"]}}
    monitoring = {"component_config": {"enable_components": ["SYSTEM_COMPONENTS", "HPA"]}}
    with pytest.raises(exceptions.BadRequest, match="Exactly one update"):
        update = gke.ClusterUpdate(desired_logging_config=logging, desired_release_channel={"channel": "RAPID"})
        client.update_cluster(name=cluster, update=update)
    both = gke.ClusterUpdate(desired_logging_config=logging, desired_monitoring_config=monitoring)
    client.update_cluster(name=cluster, update=both)
    sandbox.advance(600)
    live = client.get_cluster(name=cluster)
    assert [c.name for c in live.monitoring_config.component_config.enable_components] == ["SYSTEM_COMPONENTS", "HPA"]
    assert live.monitoring_config.managed_prometheus_config.enabled, "what was not sent stays"


def test_auto_monitoring_needs_managed_prometheus_first(sandbox: Any, client: Any, cluster: str) -> None:
    def monitoring(**prometheus: Any) -> gke.ClusterUpdate:
        return gke.ClusterUpdate(desired_monitoring_config={"managed_prometheus_config": prometheus})

    client.update_cluster(name=cluster, update=monitoring(enabled=False))
    sandbox.advance(600)
    with pytest.raises(exceptions.BadRequest, match="without enabling Managed Prometheus"):
        client.update_cluster(name=cluster, update=monitoring(enabled=True, auto_monitoring_config={"scope": "ALL"}))
    client.update_cluster(name=cluster, update=monitoring(enabled=True))
    sandbox.advance(600)
    client.update_cluster(name=cluster, update=monitoring(enabled=True, auto_monitoring_config={"scope": "ALL"}))
    sandbox.advance(600)
    prometheus = client.get_cluster(name=cluster).monitoring_config.managed_prometheus_config
    assert prometheus.enabled and prometheus.auto_monitoring_config.scope.name == "ALL"


def test_labels_are_set_under_their_fingerprint(sandbox: Any, client: Any, cluster: str) -> None:
    def labels(fingerprint: str) -> gke.SetLabelsRequest:
        return gke.SetLabelsRequest(name=cluster, resource_labels={"team": "support"}, label_fingerprint=fingerprint)

    with pytest.raises(exceptions.PreconditionFailed):
        client.set_labels(labels("bm9wZQ=="))
    client.set_labels(labels(client.get_cluster(name=cluster).label_fingerprint))
    sandbox.advance(600)
    assert client.get_cluster(name=cluster).resource_labels == {"team": "support"}


def test_a_deleted_cluster_is_gone_when_its_operation_is_done(sandbox: Any, client: Any) -> None:
    client.create_cluster(parent=PARENT, cluster=autopilot("short"))
    sandbox.advance(600)
    client.delete_cluster(name=f"{PARENT}/clusters/short")
    assert client.get_cluster(name=f"{PARENT}/clusters/short").status == gke.Cluster.Status.STOPPING
    sandbox.advance(600)
    with pytest.raises(exceptions.NotFound, match="Not found: projects/test-project/locations/us-central1/clusters/short"):
        client.get_cluster(name=f"{PARENT}/clusters/short")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"cluster": {"name": "x", "nosuch": 1}}, "Unknown name"),
        ({"cluster": {"name": "x", "autopilot": {"enabled": "yes"}}}, "Invalid value at 'cluster.autopilot.enabled'"),
        ({"cluster": {"name": "Upper", "autopilot": {"enabled": True}}}, "Must be a match of regex"),
        ({"cluster": {"name": "x"}}, "initial_node_count must be greater than zero"),
        ({"cluster": {"name": "x", "autopilot": {"enabled": True}, "initialClusterVersion": "1.20"}}, "is unsupported"),
        (
            {"cluster": {"name": "x", "autopilot": {"enabled": True}, "workloadIdentityConfig": {"workloadPool": "p.svc.id.goog"}}},
            "workload pool",
        ),
    ],
)
def test_what_does_not_fit_googles_definitions_is_refused(sandbox: Any, body: Any, words: str) -> None:
    answer = sandbox.session().post(sandbox.url(f"/v1/{PARENT}/clusters"), json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"] and answer.json()["error"]["status"] == "INVALID_ARGUMENT"


def test_the_api_is_off(sandbox: Any, client: Any) -> None:
    with pytest.raises(exceptions.Forbidden, match="Kubernetes Engine API has not been used in project 555555555555") as refused:
        client.list_clusters(parent="projects/off-project/locations/us-central1")
    assert refused.value.reason == "SERVICE_DISABLED"
    assert refused.value.metadata["service"] == "container.googleapis.com"


def test_a_missing_permission_is_named(sandbox: Any, cluster: str) -> None:
    assert sandbox.container("planner").get_cluster(name=cluster).name == "shared"
    with pytest.raises(exceptions.Forbidden, match=r'Required "container\.clusters\.create" permission'):
        sandbox.container("planner").create_cluster(parent=PARENT, cluster=autopilot("mine"))
    with pytest.raises(exceptions.Forbidden, match=r"container\.clusters\.list"):
        sandbox.container("nobody").list_clusters(parent=PARENT)


def test_a_standard_cluster_is_answered_as_google_answered(sandbox: Any) -> None:
    """A recorded create and get of the real API: the same fields with the same values, but for identities, versions and places."""
    recorded = json.loads(Path(__file__).with_name("recorded_cluster.json").read_text(encoding="utf-8"))
    unlike = {
        *("clusterTelemetry", "protectConfig"),  # v1beta1 only
        *("createTime", "currentMasterVersion", "currentNodeVersion", "initialClusterVersion", "currentNodeCount", "locations"),
        *("etag", "id", "labelFingerprint", "selfLink", "endpoint", "masterAuth", "instanceGroupUrls"),
        *("controlPlaneEndpointsConfig", "privateClusterConfig", "networkConfig", "nodePools", "maintenancePolicy"),  # hold identities
    }
    asked = {key: value for key, value in recorded["asked"].items() if key not in unlike} | {"name": "recorded", "network": "default"}
    session = sandbox.session()
    assert session.post(sandbox.url("/v1/projects/test-project/locations/us-west2/clusters"), json={"cluster": asked}).status_code == 200
    sandbox.advance(600)
    ours = session.get(sandbox.url("/v1/projects/test-project/locations/us-west2/clusters/recorded")).json()
    theirs = recorded["answered"] | {"name": "recorded"}
    assert {k: ours[k] for k in theirs if k not in unlike} == {k: v for k, v in theirs.items() if k not in unlike}
    assert set(ours["networkConfig"]) == set(theirs["networkConfig"])
    assert ours["nodePools"][0]["config"] == theirs["nodePools"][0]["config"]
    assert set(theirs) - {"clusterTelemetry", "protectConfig", "instanceGroupUrls"} <= set(ours)
