"""Each cluster's Kubernetes API: its own port, Google's identities and roles, and what it asks of the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from giqplan.errors import SandboxError
from giqplan.sandbox import control

PARENT = "/v1/projects/test-project/locations/us-central1"
MONITORS = "/apis/monitoring.googleapis.com/v1/namespaces/default/podmonitorings"
WORLD = """\
project: {id: test-project, number: 424242424242}
apis: [container.googleapis.com]
callers:
  owner: {member: "user:owner@example.com", roles: [roles/owner]}
  planner: {member: "user:planner@example.com", roles: [roles/container.viewer]}
  nobody: {member: "user:nobody@example.com"}
clusters:
  - name: adopted
    location: us-central1
    settings: {resourceLabels: {team: old}, releaseChannel: {channel: STABLE}}
    kubernetes:
      - {apiVersion: v1, kind: Namespace, metadata: {name: old}}
      - {apiVersion: v1, kind: ConfigMap, metadata: {name: there, namespace: old}, data: {a: b}}
clock: {speed: 0}
"""


class Cluster:
    """One cluster's API server."""

    def __init__(self, sandbox: Any, name: str) -> None:
        self.sandbox = sandbox
        self.path = f"{PARENT}/clusters/{name}"
        self._sessions: dict[str, Any] = {}

    def google(self, method: str, path: str = "", body: Any = None) -> Any:
        answer = self._session("owner").request(method, self.sandbox.url(self.path + path), json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def call(self, method: str, path: str, body: Any = None, caller: str = "owner") -> tuple[int, Any]:
        answer = self._session(caller).request(method, f"https://{self.google('GET')['endpoint']}{path}", json=body)
        plain = answer.headers["content-type"].startswith("text/plain")
        return answer.status_code, answer.text if plain else answer.json()

    def update(self, **update: Any) -> None:
        self.google("PUT", body={"update": update})
        self.sandbox.advance(600)

    def _session(self, caller: str) -> Any:
        if caller not in self._sessions:
            self._sessions[caller] = self.sandbox.session(caller)
        return self._sessions[caller]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, sandbox_type: Any) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("clusters")
    (folder / "world.yaml").write_text(WORLD, encoding="utf-8")
    one = sandbox_type(folder / "run", folder / "world.yaml")
    one.start()
    yield one
    one.close()


@pytest.fixture(scope="module")
def adopted(sandbox: Any) -> Cluster:
    return Cluster(sandbox, "adopted")


def test_a_declared_cluster_runs_from_the_beginning(adopted: Cluster) -> None:
    cluster = adopted.google("GET")
    assert (cluster["status"], cluster["resourceLabels"], cluster["releaseChannel"]) == ("RUNNING", {"team": "old"}, {"channel": "STABLE"})
    assert adopted.call("GET", "/api/v1/namespaces/old/configmaps/there")[1]["data"] == {"a": "b"}
    assert adopted.call("GET", "/version")[1]["gitVersion"] == f"v{cluster['currentMasterVersion']}"


def test_googles_roles_decide(adopted: Cluster) -> None:
    maps = "/api/v1/namespaces/old/configmaps"
    new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}
    assert adopted.call("GET", maps, caller="planner")[0] == 200
    status, body = adopted.call("POST", maps, new, caller="planner")
    assert status == 403 and "container.configMaps.create" in body["message"]
    assert adopted.call("GET", "/api/v1/namespaces/old/secrets", caller="planner")[0] == 403, "roles/container.viewer sees no secrets"
    assert adopted.call("GET", maps, caller="nobody")[0] == 403
    assert adopted.call("POST", maps, new)[0] == 201


def test_an_expired_token_is_refused_here_too(sandbox: Any, adopted: Cluster) -> None:
    session = sandbox.session()
    url = f"https://{adopted.google('GET')['endpoint']}/api/v1/namespaces"
    assert session.get(url).status_code == 200
    stale = {"Authorization": f"Bearer {session.credentials.token}"}
    sandbox.advance(3601)
    import requests

    with requests.Session() as plain:
        sandbox._trust(plain)
        assert plain.get(url, headers=stale).status_code == 401


def test_the_kubeconfig_is_the_administrators(sandbox: Any, adopted: Cluster) -> None:
    from kubernetes import client, config

    loaded = config.new_client_from_config_dict(control.kubeconfig(sandbox.folder, "adopted"))
    try:
        names = [n.metadata.name for n in client.CoreV1Api(loaded).list_namespace().items]
    finally:
        loaded.close()
    assert {"default", "kube-system", "old"} <= set(names)


def test_pod_monitoring_is_there_while_managed_prometheus_is_on(adopted: Cluster) -> None:
    assert adopted.call("GET", MONITORS)[0] == 200
    adopted.update(desiredMonitoringConfig={"managedPrometheusConfig": {"enabled": False}})
    assert adopted.call("GET", MONITORS)[0] == 404
    adopted.update(desiredMonitoringConfig={"managedPrometheusConfig": {"enabled": True}})
    assert adopted.call("GET", MONITORS)[0] == 200


def test_an_upgrade_changes_the_version_of_the_api_server(adopted: Cluster) -> None:
    adopted.update(desiredMasterVersion="1.34")
    version = adopted.google("GET")["currentMasterVersion"]
    assert version.startswith("1.34.")
    assert adopted.call("GET", "/version")[1]["gitVersion"] == f"v{version}"


def test_a_restart_keeps_objects_and_address(sandbox: Any, adopted: Cluster) -> None:
    before = adopted.google("GET")["endpoint"]
    control.stop(sandbox.folder)
    sandbox.start()
    assert adopted.google("GET")["endpoint"] == before
    assert adopted.call("GET", "/api/v1/namespaces/old/configmaps/there")[0] == 200


def test_a_new_cluster_is_reachable_once_it_runs_and_gone_once_deleted(sandbox: Any) -> None:
    import requests

    new = Cluster(sandbox, "new")
    body = {"cluster": {"name": "new", "autopilot": {"enabled": True}}}
    assert sandbox.session().post(sandbox.url(f"{PARENT}/clusters"), json=body).status_code == 200
    assert "endpoint" not in new.google("GET")
    sandbox.advance(600)
    assert new.call("GET", "/api/v1/namespaces/default")[0] == 200
    url = f"https://{new.google('GET')['endpoint']}/api/v1/namespaces/default"
    new.google("DELETE")
    sandbox.advance(600)
    with pytest.raises(requests.ConnectionError):
        sandbox.session().get(url)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("{apiVersion: v9, kind: None, metadata: {name: x}}", "knows no None of v9"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: X_Y}}", "refuses ConfigMap X_Y"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: none}}", "not found"),
    ],
)
def test_objects_that_the_cluster_refuses_are_told(tmp_path: Path, item: str, words: str) -> None:
    world = tmp_path / "world.yaml"
    world.write_text(f"project: {{id: test-project}}\nclusters:\n- name: c\n  location: us-east5\n  kubernetes:\n  - {item}\n")
    with pytest.raises(SandboxError, match=words):
        control.start(tmp_path / "run", world_file=world)
