"""Reads over the wire: pages, what may not be seen, faults that pass and faults that stay, one token a run."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from cloud_script import CUT, REFRESH_TOKEN, Script, google_error

from giqplan.cloud import Cloud
from giqplan.errors import CloudError
from giqplan.model.calls import KUBERNETES, ClusterRef, Outcome, Read

CLUSTERS = Read("container", "/v1/projects/p/locations/l/clusters")


def failure_of(cloud: Cloud, read: Read = CLUSTERS) -> CloudError:
    with pytest.raises(CloudError) as found:
        cloud.read_many([read])
    assert found.value.remedy
    for secret in (REFRESH_TOKEN, "secret-nobody-may-see", "ya29."):
        assert secret not in f"{found.value!r} {found.value.detail} {found.value.__cause__!r}"
    return found.value


def test_a_read_says_who_asks(script: Script, cloud: Cloud) -> None:
    script.on("GET", CLUSTERS.path, (200, {"clusters": []}))
    assert cloud.read_many([CLUSTERS])[CLUSTERS].body == {"clusters": []}
    headers = script.asked(CLUSTERS.path)[0].headers
    assert headers["authorization"] == "Bearer ya29.token-1"
    assert headers["x-giqplan-run"] == "run-1"
    assert headers["user-agent"].startswith("giqplan/")
    assert headers["x-goog-user-project"] == "payer"


def test_many_reads_take_one_token(script: Script, cloud: Cloud) -> None:
    reads = [Read("storage", f"/storage/v1/b/b{n}") for n in range(40)]
    for n, read in enumerate(reads):
        script.on("GET", read.path, (200, {"n": n}))
    answers = cloud.read_many(reads)
    assert [answers[read].body["n"] for read in reads] == list(range(40))
    assert len(script.asked("/token")) == 1


def test_pages_of_google_are_joined(script: Script, cloud: Cloud) -> None:
    read = Read("serviceusage", "/v1/projects/p/services", (("pageSize", "2"),), items="services")
    pages = [(200, {"services": [1, 2], "nextPageToken": "x"}), (200, {"nextPageToken": "y"}), (200, {"services": [3]})]
    script.on("GET", read.path, *pages)
    assert cloud.read(read).body["services"] == [1, 2, 3]
    assert [r.query.get("pageToken") for r in script.asked(read.path)] == [None, "x", "y"]
    assert {r.query["pageSize"] for r in script.asked(read.path)} == {"2"}


def test_pages_of_kubernetes_are_joined(script: Script, cloud: Cloud, cluster: ClusterRef) -> None:
    read = Read(KUBERNETES, "/api/v1/services", (("limit", "500"),), items="items", cluster=str(cluster))
    script.on("GET", read.path, (200, {"items": [1], "metadata": {"continue": "go"}}), (200, {"items": [2], "metadata": {}}))
    assert cloud.read(read).body["items"] == [1, 2]
    assert script.asked(read.path)[1].query == {"limit": "500", "continue": "go"}


def test_a_policy_is_read_by_post(script: Script, cloud: Cloud) -> None:
    read = Read("cloudresourcemanager", "/v3/projects/p:getIamPolicy", method="POST", body={"options": {"requestedPolicyVersion": 3}})
    script.on("POST", read.path, (503, {}), (200, {"etag": "e"}))
    assert cloud.read(read).body == {"etag": "e"}
    assert script.asked(read.path)[1].body == {"options": {"requestedPolicyVersion": 3}}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (google_error(404, "Not found: cluster.", "NOT_FOUND"), Outcome.ABSENT),
        (google_error(403, "no permission", "PERMISSION_DENIED"), Outcome.DENIED),
        (google_error(403, "has not been used", "PERMISSION_DENIED", "SERVICE_DISABLED"), Outcome.DISABLED),
    ],
)
def test_what_there_is_not_or_may_not_be_seen_is_an_answer(script: Script, cloud: Cloud, answer: Any, outcome: Outcome) -> None:
    script.on("GET", CLUSTERS.path, answer)
    reading = cloud.read(CLUSTERS)
    assert (reading.outcome, reading.message) == (outcome, answer[1]["error"]["message"])


@pytest.mark.parametrize("status", [401, 403])
def test_kubernetes_may_not_let_the_caller_see(script: Script, cloud: Cloud, cluster: ClusterRef, status: int) -> None:
    read = Read(KUBERNETES, "/api/v1/secrets", cluster=str(cluster))
    script.on("GET", read.path, (status, {"kind": "Status", "message": "secrets is forbidden", "reason": "Forbidden"}))
    assert cloud.read(read).outcome is Outcome.DENIED


def test_a_cluster_that_does_not_answer_yet_is_not_read(cloud: Cloud) -> None:
    assert cloud.read(Read(KUBERNETES, "/api/v1/services", cluster="projects/p/locations/l/clusters/new")).outcome is Outcome.NOT_READ


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_faults_that_pass_are_tried_again(script: Script, cloud: Cloud, pauses: list[float], status: int) -> None:
    script.on("GET", CLUSTERS.path, (status, {}), CUT, (200, {"clusters": []}))
    assert cloud.read(CLUSTERS).ok
    assert pauses and all(0 < pause <= 5 for pause in pauses)


def test_retry_after_is_kept_within_bounds(script: Script, cloud: Cloud, pauses: list[float]) -> None:
    script.on("GET", CLUSTERS.path, (503, {}, ("Retry-After", "2")), (503, {}, ("Retry-After", "3600")), (200, {}))
    cloud.read(CLUSTERS)
    assert pauses[0] >= 2
    assert pauses[1] <= 60


def test_faults_that_stay_are_told_in_the_servers_words(script: Script, cloud: Cloud) -> None:
    script.on("GET", CLUSTERS.path, google_error(503, "backend is down", "UNAVAILABLE"))
    error = failure_of(cloud)
    assert (error.code, error.status) == ("GIQ1908", 503)
    assert "backend is down" in error.detail
    assert len(script.asked(CLUSTERS.path)) == 5


def test_a_wrong_request_is_told_in_the_servers_words(script: Script, cloud: Cloud) -> None:
    script.on("GET", CLUSTERS.path, google_error(400, "location is wrong", "INVALID_ARGUMENT"))
    assert "location is wrong" in failure_of(cloud).detail


def test_a_token_that_expired_meanwhile_is_refreshed(script: Script, cloud: Cloud) -> None:
    script.on("GET", CLUSTERS.path, google_error(401, "expired", "UNAUTHENTICATED"), (200, {}))
    assert cloud.read(CLUSTERS).ok
    assert script.asked(CLUSTERS.path)[1].headers["authorization"] == "Bearer ya29.token-2"


def test_credentials_that_google_keeps_refusing_are_an_error_not_an_empty_world(script: Script, cloud: Cloud) -> None:
    script.on("GET", CLUSTERS.path, google_error(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED"))
    error = failure_of(cloud)
    assert (error.code, error.status) == ("GIQ1902", 401)
    assert "gcloud auth application-default login" in error.remedy


def test_a_refused_refresh_token_says_to_log_in(script: Script, cloud: Cloud) -> None:
    script.on("POST", "/token", (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}))
    error = failure_of(cloud)
    assert error.code == "GIQ1902"
    assert "expired or revoked" in error.detail
    assert "gcloud auth application-default login" in error.remedy


def test_no_credentials_say_to_log_in(script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    error = failure_of(Cloud(script.connection(credentials=None)))
    assert error.code == "GIQ1901"
    assert "gcloud auth application-default login" in error.remedy


def test_no_json_is_an_error(script: Script, cloud: Cloud) -> None:
    script.on("GET", CLUSTERS.path, (200, b"<html>log in to the hotel</html>"))
    assert failure_of(cloud).code == "GIQ1905"


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"'])
def test_json_that_is_no_object_is_an_error(script: Script, cloud: Cloud, body: bytes) -> None:
    script.on("GET", CLUSTERS.path, (200, body))
    assert failure_of(cloud, Read("container", CLUSTERS.path, items="clusters")).code == "GIQ1905"


def test_a_certificate_that_is_not_trusted_is_said(script: Script) -> None:
    error = failure_of(Cloud(script.connection(ca_file=None)))
    assert error.code == "GIQ1903"
    assert "certificate" in error.detail


def test_nobody_there_is_said(script: Script, pauses: list[float]) -> None:
    endpoints = {"container": "https://127.0.0.1:1"}
    error = failure_of(Cloud(script.connection(endpoints=endpoints)))
    assert (error.code, error.status) == ("GIQ1903", 0)
    assert "container" in error.detail


def test_a_plans_reads_load_no_client_library(script: Script) -> None:
    """They cost most of what a plan may take (docs/adr/0002-reads-over-rest.md)."""
    script.on("GET", CLUSTERS.path, (200, {}))
    code = f"""
import sys
from giqplan.cloud import Cloud
assert not {{"google", "requests", "kubernetes"}} & set(sys.modules), "imported before it is used"
from giqplan.model.calls import Read
from giqplan.model.connection import Connection
c = {script.connection()!r}
cloud = Cloud(Connection(c.world, c.endpoints, c.ca_file, {dict(script.connection().credentials or {})!r}))
assert cloud.read_many([Read("container", {CLUSTERS.path!r})])
print(sorted(m for m in sys.modules if m.startswith(("google.cloud", "google.api_core", "google.protobuf", "kubernetes", "grpc"))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
