"""The Kubernetes API beyond the recordings: pages, watches, tables, access, restarts, the end of a cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from giqplan.sandbox.kubernetes.access import container_permission
from giqplan.sandbox.store import Store
from giqplan.sandbox.wire import Caller

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"k": name}}


def names(answer: Any) -> list[str]:
    return [item["metadata"]["name"] for item in answer["items"]]


def test_pages_give_every_object_once(cluster: Callable[..., Any]) -> None:
    world = cluster()
    for i in range(7):
        world.ask("POST", CONFIG_MAPS, config_map(f"c{i}"))
    seen, more = [], ""
    for _ in range(4):
        page = world.json("GET", CONFIG_MAPS, limit=3, **({"continue": more} if more else {}))
        seen += names(page)
        more = page["metadata"].get("continue", "")
        if not more:
            break
    assert seen == [f"c{i}" for i in range(7)]


def test_a_watch_tells_what_happens_after_a_version(cluster: Callable[..., Any]) -> None:
    world = cluster()
    version = world.json("GET", CONFIG_MAPS)["metadata"]["resourceVersion"]
    stream = world.ask("GET", CONFIG_MAPS, watch=1, resourceVersion=version, labelSelector="team=a").stream
    world.ask("POST", CONFIG_MAPS, config_map("mine", team="a"))
    world.ask("POST", CONFIG_MAPS, config_map("other", team="b"))
    merge = "application/merge-patch+json"
    world.ask("PATCH", f"{CONFIG_MAPS}/mine", {"metadata": {"labels": {"team": "b"}}}, merge)
    world.ask("PATCH", f"{CONFIG_MAPS}/other", {"metadata": {"labels": {"team": "a"}}}, merge)
    world.ask("DELETE", f"{CONFIG_MAPS}/other")
    events = [json.loads(next(stream)) for _ in range(4)]
    shown = [(e["type"], e["object"]["metadata"]["name"]) for e in events]
    assert shown == [("ADDED", "mine"), ("DELETED", "mine"), ("ADDED", "other"), ("DELETED", "other")]


def test_a_waiting_watch_wakes_on_a_write(cluster: Callable[..., Any]) -> None:
    world = cluster()
    version = world.json("GET", CONFIG_MAPS)["metadata"]["resourceVersion"]
    stream = world.ask("GET", CONFIG_MAPS, watch=1, resourceVersion=version, timeoutSeconds=20).stream
    found: list[Any] = []
    reader = threading.Thread(target=lambda: found.append(json.loads(next(stream))))
    reader.start()
    world.ask("POST", CONFIG_MAPS, config_map("late"))
    reader.join(10)
    assert found[0]["object"]["metadata"]["name"] == "late"


def test_a_watch_from_too_old_a_version_is_told_410(cluster: Callable[..., Any]) -> None:
    world = cluster()
    event = json.loads(next(world.ask("GET", CONFIG_MAPS, watch=1, resourceVersion=1).stream))
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_a_table_has_what_kubectl_prints(cluster: Callable[..., Any]) -> None:
    world = cluster()
    world.ask("POST", CONFIG_MAPS, config_map("a"))
    table = world.json("GET", CONFIG_MAPS, headers=TABLE)
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert table["rows"][0]["cells"] == ["a", 1, "0s"]


def test_a_viewer_may_read_but_not_write_and_is_told_the_permission(cluster: Callable[..., Any]) -> None:
    asked: list[str] = []

    def permissions(caller: Caller, verb: str, group: str, resource: str, namespace: str) -> bool:
        asked.append(container_permission(verb, group, resource))
        return verb in ("get", "list", "watch") and resource != "secrets"

    world = cluster(permissions=permissions)
    viewer = Caller("viewer", "user:viewer@example.com")
    assert world.ask("GET", CONFIG_MAPS, caller=viewer).status == 200
    assert world.ask("GET", "/api/v1/namespaces/default/secrets", caller=viewer).status == 403
    refused = world.ask("POST", CONFIG_MAPS, config_map("a"), caller=viewer)
    assert refused.status == 403
    assert 'User "viewer@example.com" cannot create resource "configmaps"' in refused.body["message"]
    assert 'requires one of ["container.configMaps.create"] permission(s).' in refused.body["message"]
    assert asked == ["container.configMaps.list", "container.secrets.list", "container.configMaps.create"]


def test_permissions_are_named_as_gke_names_them() -> None:
    assert container_permission("patch", "apps", "deployments/scale") == "container.deployments.updateScale"
    assert container_permission("watch", "", "pods") == "container.pods.list"
    assert container_permission("create", "monitoring.googleapis.com", "podmonitorings") == "container.thirdPartyObjects.create"
    assert container_permission("get", "", "pods/log") == "container.pods.getLogs"


def test_only_an_administrator_may_impersonate(cluster: Callable[..., Any]) -> None:
    world = cluster()
    headers = {"impersonate-user": "nobody"}
    assert world.ask("GET", CONFIG_MAPS, headers=headers).status == 403
    other = Caller("dev", "user:dev@example.com")
    assert "cannot impersonate" in world.ask("GET", CONFIG_MAPS, headers=headers, caller=other).body["message"]


def test_a_restart_finds_everything_again(cluster: Callable[..., Any], tmp_path: Path) -> None:
    first = cluster(store=Store(tmp_path / "sandbox.db"))
    first.ask("POST", CONFIG_MAPS, config_map("kept"))
    version = first.json("GET", CONFIG_MAPS)["metadata"]["resourceVersion"]
    first.store.close()
    again = cluster(store=Store(tmp_path / "sandbox.db"))
    listed = again.json("GET", CONFIG_MAPS)
    assert (names(listed), listed["metadata"]["resourceVersion"]) == (["kept"], version)
    assert again.ask("GET", "/apis/monitoring.googleapis.com/v1/podmonitorings").status == 200


def test_a_dropped_cluster_leaves_no_rows(cluster: Callable[..., Any]) -> None:
    world = cluster(controllers=True)
    world.ask("POST", CONFIG_MAPS, config_map("a", x="y"))
    world.api.drop()
    for table in ("kube_object", "kube_label", "kube_change", "kube_counter", "kube_owner", "kube_note"):
        assert world.store.db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] == 0, table
    assert world.store.db.execute("SELECT COUNT(*) FROM event").fetchone()[0] == 0


def test_a_broken_request_is_answered_and_stores_nothing(cluster: Callable[..., Any]) -> None:
    world = cluster()
    assert world.ask("PATCH", f"{CONFIG_MAPS}/x", b"\xff{", "application/apply-patch+yaml", fieldManager="m").status == 400
    assert names(world.json("GET", CONFIG_MAPS)) == []


def test_openapi_says_that_patch_knows_dry_run(cluster: Callable[..., Any]) -> None:
    world = cluster()
    document = world.json("GET", "/openapi/v3/apis/monitoring.googleapis.com/v1")
    patch = document["paths"]["/apis/monitoring.googleapis.com/v1/namespaces/{namespace}/podmonitorings/{name}"]["patch"]
    assert {p["name"] for p in patch["parameters"]} >= {"dryRun", "fieldValidation"}


def framed(number: int, data: bytes) -> bytes:
    return bytes((number << 3 | 2, len(data))) + data


def test_a_secret_made_by_kubectl_arrives_in_protobuf(cluster: Callable[..., Any]) -> None:
    world = cluster()
    pair = framed(1, b"token") + framed(2, b"abc")
    secret = framed(1, framed(1, b"hf-secret") + framed(4, b"")) + framed(2, pair) + framed(3, b"Opaque")
    body = b"k8s\x00" + framed(1, framed(1, b"v1") + framed(2, b"Secret")) + framed(2, secret)
    made = world.ask("POST", "/api/v1/namespaces/default/secrets", body, "application/vnd.kubernetes.protobuf")
    assert (made.status, made.body["data"], made.body["type"]) == (201, {"token": "YWJj"}, "Opaque")
    unknown = b"k8s\x00" + framed(1, framed(1, b"v1") + framed(2, b"Pod")) + framed(2, b"")
    assert world.ask("POST", "/api/v1/namespaces/default/pods", unknown, "application/vnd.kubernetes.protobuf").status == 415


def test_an_autoscaler_of_version_1_is_stored_as_version_2(cluster: Callable[..., Any]) -> None:
    world = cluster()
    path = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        "maxReplicas": 3,
        "targetCPUUtilizationPercentage": 50,
    }
    body = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "d"}, "spec": spec}
    assert world.ask("POST", path, body).body["spec"]["targetCPUUtilizationPercentage"] == 50
    stored = world.json("GET", path.replace("v1", "v2") + "/d")
    assert stored["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 50
    assert world.apply(f"{path}/d", body).status == 400
