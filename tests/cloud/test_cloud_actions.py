"""Actions over the wire through Google's and Kubernetes' client libraries: what is sent, and what becomes of each refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cloud_script import CUT, Script, google_error

from giqplan.cloud import Cloud
from giqplan.errors import CloudError
from giqplan.model.calls import (
    Action,
    AddBucketMember,
    AddProjectMember,
    ApplyObject,
    ClusterRef,
    CreateCluster,
    DeleteCluster,
    DeleteObject,
    EnableService,
    Read,
    RemoveBucketMember,
    RemoveProjectMember,
    UpdateCluster,
)

REF = ClusterRef("p", "us-central1", "c")
CLUSTERS = "/v1/projects/p/locations/us-central1/clusters"
CLUSTER = f"{CLUSTERS}/c"
OPERATION = {"name": "operation-1-a", "status": "RUNNING", "operationType": "CREATE_CLUSTER"}
SERVICE = "/api/v1/namespaces/default/services/bot"
BUCKET, ROLE, MEMBER = "/b/models/iam", "roles/storage.objectViewer", "principal://iam/x"
PROJECT = "/v3/projects/p"
READ_POLICY, WRITE_POLICY = f"{PROJECT}:getIamPolicy", f"{PROJECT}:setIamPolicy"


def refused(cloud: Cloud, action: Action) -> CloudError:
    with pytest.raises(CloudError) as found:
        cloud.execute(action)
    assert found.value.remedy
    assert "ya29." not in f"{found.value!r}{found.value.detail}"
    return found.value


def test_a_cluster_is_created_with_what_was_wanted(script: Script, cloud: Cloud) -> None:
    script.on("POST", CLUSTERS, (200, OPERATION))
    result = cloud.execute(CreateCluster(REF, {"name": "c", "autopilot": {"enabled": True}, "releaseChannel": {"channel": "REGULAR"}}))
    sent = script.asked(CLUSTERS, "POST")[0]
    assert sent.body["cluster"]["name"] == "c"
    assert sent.body["cluster"]["autopilot"] == {"enabled": True}
    assert sent.headers["x-giqplan-run"] == "run-1"
    assert result.operation == Read("container", "/v1/projects/p/locations/us-central1/operations/operation-1-a")
    assert result.body["status"] == "RUNNING"


def test_a_cluster_is_updated_and_deleted(script: Script, cloud: Cloud) -> None:
    script.on("PUT", CLUSTER, (200, OPERATION))
    script.on("DELETE", CLUSTER, (200, OPERATION))
    cloud.execute(UpdateCluster(REF, {"desiredReleaseChannel": {"channel": "STABLE"}}))
    assert cloud.execute(DeleteCluster(REF)).operation is not None
    assert "desiredReleaseChannel" in script.asked(CLUSTER, "PUT")[0].body["update"]


def test_a_field_that_the_library_does_not_know_is_our_defect(script: Script, cloud: Cloud) -> None:
    assert refused(cloud, CreateCluster(REF, {"name": "c", "autoPilot": {}})).code == "GIQ1910"
    assert not script.asked(CLUSTERS)


def test_deleting_a_cluster_that_is_gone_is_done(script: Script, cloud: Cloud) -> None:
    script.on("DELETE", CLUSTER, google_error(404, "Not found", "NOT_FOUND"))
    assert cloud.execute(DeleteCluster(REF)).operation is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (google_error(409, "Already exists: projects/p/zones/z/clusters/c.", "ALREADY_EXISTS"), "already-exists"),
        (
            google_error(
                400, "Cluster is running incompatible operation operation-17-b.", "FAILED_PRECONDITION", "CLUSTER_ALREADY_HAS_OPERATION"
            ),
            "busy",
        ),
        (
            google_error(
                400, "Operation operation-17-b is currently creating a node pool. Please wait and try again.", "FAILED_PRECONDITION"
            ),
            "busy",
        ),
        (google_error(429, "Too many operations", "RESOURCE_EXHAUSTED"), "busy"),
        (google_error(403, "Required container.clusters.create", "PERMISSION_DENIED"), "denied"),
        (google_error(403, "has not been used in project", "PERMISSION_DENIED", "SERVICE_DISABLED"), "disabled"),
    ],
)
def test_a_refusal_says_what_can_be_done(script: Script, cloud: Cloud, answer: Any, reason: str) -> None:
    script.on("POST", CLUSTERS, answer)
    error = refused(cloud, CreateCluster(REF, {"name": "c"}))
    assert (error.status, error.reason) == (answer[0], reason)
    assert answer[1]["error"]["message"] in error.detail
    assert len(script.asked(CLUSTERS)) == 1


def test_a_create_whose_answer_was_lost_is_not_sent_again(script: Script, cloud: Cloud) -> None:
    script.on("POST", CLUSTERS, CUT)
    assert refused(cloud, CreateCluster(REF, {"name": "c"})).reason == "answer-lost"
    assert len(script.asked(CLUSTERS)) == 1


OTHERS = [
    {"role": ROLE, "members": ["user:a@example.com"]},
    {"role": ROLE, "members": ["user:b@example.com"], "condition": {"title": "t", "expression": "false"}},
    {"role": "roles/storage.admin", "members": ["user:c@example.com"]},
]


def bindings_sent(script: Script, path: str, method: str) -> list[dict[str, Any]]:
    body = script.asked(path, method)[-1].body
    found: list[dict[str, Any]] = body.get("policy", body)["bindings"]
    return sorted(found, key=str)


WITH_ME = [{"role": ROLE, "members": [MEMBER, "user:a@example.com"]}, *OTHERS[1:]]


def plain(bindings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(({**b, "members": sorted(b["members"])} for b in bindings), key=str)


def test_a_bucket_member_is_added_beside_the_others(script: Script, cloud: Cloud) -> None:
    policy = {"etag": "e1", "version": 3, "bindings": OTHERS}
    path = next(p for p in ("/storage/v1" + BUCKET,))
    script.on("GET", path, (200, policy), (200, {**policy, "etag": "e2"}))
    script.on("PUT", path, google_error(412, "etag", "FAILED_PRECONDITION"), (200, {**policy, "etag": "e3"}))
    cloud.execute(AddBucketMember("models", ROLE, MEMBER))
    assert [r.body["etag"] for r in script.asked(path, "PUT")] == ["e1", "e2"]
    assert script.asked(path, "PUT")[-1].body["version"] == 3
    assert script.asked(path, "GET")[0].query["optionsRequestedPolicyVersion"] == "3"
    assert plain(bindings_sent(script, path, "PUT")) == plain(WITH_ME)


def test_a_bucket_member_who_is_there_is_left_alone(script: Script, cloud: Cloud) -> None:
    path = "/storage/v1" + BUCKET
    script.on("GET", path, (200, {"etag": "e1", "version": 3, "bindings": WITH_ME}))
    cloud.execute(AddBucketMember("models", ROLE, MEMBER))
    assert not script.asked(path, "PUT")


def test_a_bucket_member_is_removed_and_nobody_else(script: Script, cloud: Cloud) -> None:
    path = "/storage/v1" + BUCKET
    script.on("GET", path, (200, {"etag": "e1", "version": 3, "bindings": WITH_ME}))
    script.on("PUT", path, (200, {"etag": "e2"}))
    cloud.execute(RemoveBucketMember("models", ROLE, MEMBER))
    assert plain(bindings_sent(script, path, "PUT")) == plain(OTHERS)


def test_a_policy_that_others_keep_writing_is_given_up_at_last(script: Script, cloud: Cloud) -> None:
    path = "/storage/v1" + BUCKET
    script.on("GET", path, (200, {"etag": "e1", "bindings": []}))
    script.on("PUT", path, google_error(412, "etag"))
    assert refused(cloud, AddBucketMember("models", ROLE, MEMBER)).reason == "busy"
    assert len(script.asked(path, "PUT")) == 8


def test_a_project_member_is_added_beside_the_others(script: Script, cloud: Cloud) -> None:
    script.on("POST", READ_POLICY, (200, {"etag": "e1", "version": 3, "bindings": OTHERS}), (200, {"etag": "e2", "bindings": OTHERS}))
    script.on("POST", WRITE_POLICY, google_error(409, "concurrent policy changes", "ABORTED"), (200, {"etag": "e3"}))
    cloud.execute(AddProjectMember("p", ROLE, MEMBER))
    assert [r.body["policy"]["etag"] for r in script.asked(WRITE_POLICY)] == ["e1", "e2"]
    assert plain(bindings_sent(script, WRITE_POLICY, "POST")) == plain(WITH_ME)
    assert script.asked(READ_POLICY)[0].body == {"options": {"requestedPolicyVersion": 3}}


def test_the_last_member_takes_the_binding_along(script: Script, cloud: Cloud) -> None:
    script.on("POST", READ_POLICY, (200, {"etag": "e1", "bindings": [{"role": ROLE, "members": [MEMBER]}, OTHERS[2]]}))
    script.on("POST", WRITE_POLICY, (200, {}))
    cloud.execute(RemoveProjectMember("p", ROLE, MEMBER))
    assert bindings_sent(script, WRITE_POLICY, "POST") == [OTHERS[2]]
    cloud.execute(RemoveProjectMember("p", "roles/none", MEMBER))
    assert len(script.asked(WRITE_POLICY)) == 1


def test_an_api_is_enabled_by_an_operation(script: Script, cloud: Cloud) -> None:
    path = "/v1/projects/p/services/container.googleapis.com:enable"
    script.on(
        "POST", path, (503, {}), (200, {"name": "operations/acat.1"}), (200, {"name": "operations/noop.DONE_OPERATION", "done": True})
    )
    assert cloud.execute(EnableService("p", "container.googleapis.com")).operation == Read("serviceusage", "/v1/operations/acat.1")
    assert cloud.execute(EnableService("p", "container.googleapis.com")).operation is None


def test_an_object_is_applied_by_its_server_side(script: Script, cloud: Cloud, cluster: ClusterRef) -> None:
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bot"}}
    script.on("PATCH", SERVICE, (201, {**body, "spec": {}}, ("Warning", '299 - "deprecated"')))
    result = cloud.execute(ApplyObject(cluster, SERVICE, body, dry_run=True, force=True))
    sent = script.asked(SERVICE)[0]
    assert sent.headers["content-type"] == "application/apply-patch+yaml"
    assert sent.query == {"fieldManager": "giqplan", "force": "true", "dryRun": "All", "fieldValidation": "Strict"}
    assert sent.body == body
    assert sent.headers["authorization"] == "Bearer ya29.token-1"
    assert sent.headers["x-giqplan-run"] == "run-1"
    assert result.body == {**body, "spec": {}}
    assert result.warnings == ('299 - "deprecated"',)


def test_a_conflict_names_managers_and_fields(script: Script, cloud: Cloud, cluster: ClusterRef) -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".spec.type"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "argo" using v1', "field": ".spec.ports"},
    ]
    status = {"kind": "Status", "reason": "Conflict", "message": "Apply failed with 2 conflicts", "details": {"causes": causes}}
    script.on("PATCH", SERVICE, (409, status))
    error: Any = refused(cloud, ApplyObject(cluster, SERVICE, {"kind": "Service"}))
    assert error.reason == "conflict"
    assert [(c.manager, c.path) for c in error.conflicts] == [("argo", ".spec.ports"), ("kubectl", ".spec.type")]


def test_an_object_is_deleted_only_with_its_uid(script: Script, cloud: Cloud, cluster: ClusterRef) -> None:
    script.on("DELETE", SERVICE, (200, {"kind": "Status", "status": "Success"}))
    cloud.execute(DeleteObject(cluster, SERVICE, "uid-1"))
    sent = script.asked(SERVICE)[0].body
    assert (sent["preconditions"], sent["propagationPolicy"]) == ({"uid": "uid-1"}, "Background")


def test_deleting_an_object_that_is_gone_is_done(script: Script, cloud: Cloud, cluster: ClusterRef) -> None:
    assert cloud.execute(DeleteObject(cluster, SERVICE)).body is None


def test_an_apply_whose_answer_was_lost_says_so(script: Script, cloud: Cloud, cluster: ClusterRef) -> None:
    script.on("PATCH", SERVICE, CUT)
    assert refused(cloud, ApplyObject(cluster, SERVICE, {"kind": "Service"})).reason == "answer-lost"


def test_a_cluster_whose_certificate_is_of_others_is_not_spoken_to(script: Script, tmp_path: Path) -> None:
    from giqplan.sandbox.tls import server_context

    server_context(tmp_path)
    cloud = Cloud(script.connection())
    cloud.use_cluster(REF, script.base.removeprefix("https://"), (tmp_path / "ca.pem").read_text())
    error = refused(cloud, ApplyObject(REF, SERVICE, {"kind": "Service"}))
    assert error.code == "GIQ1903"
    assert "certificate" in error.detail
    assert not script.asked(SERVICE)


def test_a_cluster_that_is_not_known_is_an_error(cloud: Cloud) -> None:
    assert refused(cloud, DeleteObject(REF, SERVICE)).code == "GIQ1912"


def test_nothing_is_written_to_another_sandbox(script: Script) -> None:
    url = f"{script.base}/sandbox/instance"
    cloud = Cloud(script.connection(instance_url=url))
    script.on("GET", "/sandbox/instance", (200, {"instance_id": "new"}), (200, {"instance_id": "abc"}))
    action = EnableService("p", "container.googleapis.com")
    error = refused(cloud, action)
    assert error.code == "GIQ1911"
    assert not script.asked(method="POST")
    script.on("POST", "/v1/projects/p/services/container.googleapis.com:enable", (200, {"done": True}))
    cloud.execute(action)
    cloud.execute(action)
    assert len(script.asked("/sandbox/instance")) == 2
