"""Kinds, schemas, defaults, validation and readiness that recordings do not reach."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from giqplan.data_files import data_path
from giqplan.kube import kinds, schema
from giqplan.kube.defaults import with_defaults
from giqplan.kube.pod_defaults import pull_policy
from giqplan.kube.readiness import State, progress
from giqplan.kube.validate import invalid_message, validate

ROOT = Path(__file__).resolve().parents[2]


def test_paths_of_objects_and_collections() -> None:
    deployment, namespace = kinds.kind_of("apps/v1", "Deployment"), kinds.kind_of("v1", "Namespace")
    assert kinds.object_path(deployment, "a", "b") == "/apis/apps/v1/namespaces/a/deployments/b"
    assert kinds.collection_path(deployment) == "/apis/apps/v1/deployments"
    assert kinds.object_path(namespace, "", "a") == "/api/v1/namespaces/a"
    assert kinds.by_plural("apps", "v1", "deployments") is deployment
    with pytest.raises(KeyError):
        kinds.kind_of("apps/v1", "Widget")


@pytest.mark.parametrize("info", kinds.BUILTIN, ids=lambda i: f"{i.api_version}-{i.kind}")
def test_every_kind_has_a_schema_that_agrees_with_the_table(info: kinds.KindInfo) -> None:
    found = schema.builtin(info.api_version, info.kind)
    assert found.type == "object"
    if info.has_status:
        assert found.field("status") is not None


def test_the_schema_file_is_what_its_script_builds() -> None:
    pytest.importorskip("kubernetes_validate")
    spec = importlib.util.spec_from_file_location("build_kube_schema", ROOT / "scripts" / "build_kube_schema.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.document() == data_path("schemas", schema.SCHEMA_FILE).read_bytes()


def test_lists_know_their_kind() -> None:
    pod = schema.builtin("apps/v1", "Deployment").field("spec").field("template").field("spec")  # type: ignore[union-attr]
    assert pod is not None
    containers, tolerations = pod.field("containers"), pod.field("tolerations")
    assert containers is not None
    assert tolerations is not None
    assert (containers.list_type, containers.list_map_keys) == ("map", ("name",))
    assert tolerations.list_type == "atomic"


@pytest.mark.parametrize(
    ("image", "policy"),
    [("a", "Always"), ("a:latest", "Always"), ("a:1", "IfNotPresent"), ("r:5000/a", "Always"), ("r:5000/a:1", "IfNotPresent"),
     ("a@sha256:00", "IfNotPresent"), ("a:latest@sha256:00", "IfNotPresent")],
)  # fmt: skip
def test_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


@pytest.mark.parametrize(
    "body",
    [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 1}]}},
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h"},
            "spec": {"behavior": {"scaleUp": {}}},
        },
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "n"}, "spec": {"egress": [{"ports": [{}]}]}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}},
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "l"},
            "spec": {"limits": [{"type": "Container", "max": {"cpu": 1}}]},
        },
    ],
    ids=lambda b: b["kind"],
)
def test_defaults_are_stable(body: dict[str, Any]) -> None:
    of = schema.builtin(body["apiVersion"], body["kind"])
    once = with_defaults(body, of)
    assert once != body
    assert with_defaults(once, of) == once


def test_a_selector_cannot_change() -> None:
    info, of = kinds.kind_of("apps/v1", "Deployment"), schema.builtin("apps/v1", "Deployment")

    def deployment(label: str) -> dict[str, Any]:
        template = {"metadata": {"labels": {"app": label}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        spec = {"selector": {"matchLabels": {"app": label}}, "template": template}
        return with_defaults({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}, of)

    assert validate(deployment("a"), deployment("a"), info, of) == ()
    causes = validate(deployment("b"), deployment("a"), info, of)
    assert [c.field for c in causes] == ["spec.selector"]
    assert invalid_message(info, "d", causes).startswith('Deployment.apps "d" is invalid: spec.selector: Invalid value: ')


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [({"port": 1}, "FieldValueRequired"), ({"port": 1, "interval": "often"}, "FieldValueTypeInvalid"),
     ({"port": 1, "interval": "1s", "scheme": "ftp"}, "FieldValueNotSupported")],
)  # fmt: skip
def test_a_pod_monitoring_is_checked_against_its_schema(endpoint: dict[str, Any], reason: str) -> None:
    info = kinds.kind_of("monitoring.googleapis.com/v1", "PodMonitoring")
    of = schema.builtin(info.api_version, info.kind)
    body = {"apiVersion": info.api_version, "kind": info.kind, "metadata": {"name": "p"}, "spec": {"selector": {}, "endpoints": [endpoint]}}
    assert [c.reason for c in validate(with_defaults(body, of), None, info, of)] == [reason]


def conditions(**states: str) -> list[dict[str, str]]:
    return [{"type": k, "status": v, "reason": f"{k}Reason", "message": "text"} for k, v in states.items()]


def obj(kind: str, status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"generation": 2}, "spec": spec, "status": status}


SCALES = conditions(AbleToScale="True", ScalingActive="True")
STUCK = conditions(AbleToScale="True", ScalingActive="False")
ON_EACH_NODE = {"observedGeneration": 2, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1}
ROLLED = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
READINESS: list[tuple[dict[str, Any], State, str]] = [
    (obj("Deployment", ROLLED, replicas=2), State.READY, ""),
    (obj("Deployment", {**ROLLED, "observedGeneration": 1}, replicas=2), State.WAITING, "not observed"),
    (obj("Deployment", {}, replicas=2), State.WAITING, "controller"),
    (obj("Deployment", {**ROLLED, "availableReplicas": 1}, replicas=2), State.WAITING, "1 of 2 replicas available"),
    (obj("Deployment", {**ROLLED, "replicas": 3}, replicas=2), State.WAITING, "1 old replicas"),
    (obj("Deployment", {**ROLLED, "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}),
     State.FAILED, "ProgressDeadlineExceeded"),
    (obj("HorizontalPodAutoscaler", {}), State.WAITING, "controller"),
    (obj("HorizontalPodAutoscaler", {"conditions": STUCK}), State.WAITING, "ScalingActiveReason"),
    (obj("HorizontalPodAutoscaler", {"conditions": SCALES}), State.READY, ""),
    (obj("Pod", {"phase": "Pending", "conditions": conditions(PodScheduled="False")}), State.WAITING, "PodScheduledReason"),
    (obj("Pod", {"phase": "Failed", "reason": "Evicted"}), State.FAILED, "Evicted"),
    (obj("Job", {"conditions": conditions(Failed="True")}), State.FAILED, "FailedReason"),
    (obj("Job", {"conditions": conditions(Complete="True")}), State.READY, ""),
    (obj("Service", {}, type="LoadBalancer"), State.WAITING, "address"),
    (obj("Service", {}, type="ClusterIP"), State.READY, ""),
    (obj("Namespace", {"phase": "Terminating"}), State.WAITING, "deleted"),
    (obj("APIService", {"conditions": conditions(Available="False")}), State.WAITING, "AvailableReason"),
    (obj("CustomResourceDefinition", {"conditions": conditions(Established="True")}), State.READY, ""),
    (obj("CustomResourceDefinition", {"conditions": conditions(NamesAccepted="False")}), State.FAILED, "NamesAcceptedReason"),
    (obj("PodMonitoring", {"conditions": conditions(ConfigurationCreateSuccess="True")}), State.READY, ""),
    (obj("PodMonitoring", {}), State.WAITING, "configuration"),
    (obj("PersistentVolumeClaim", {"phase": "Lost"}), State.FAILED, "lost"),
    (obj("StatefulSet", {"replicas": 2, "readyReplicas": 1}, replicas=2), State.WAITING, "1 of 2"),
    (obj("DaemonSet", ON_EACH_NODE), State.READY, ""),
    (obj("ConfigMap", {}), State.READY, ""),
    (obj("Widget", {"conditions": conditions(Ready="False")}), State.WAITING, "ReadyReason"),
    (obj("Widget", {"conditions": conditions(Stalled="True")}), State.FAILED, "StalledReason"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "state", "words"), READINESS, ids=lambda v: json.dumps(v)[:60] if isinstance(v, dict) else str(v))
def test_readiness(body: dict[str, Any], state: State, words: str) -> None:
    found = progress(body)
    assert found.state is state
    assert words in found.reason
    assert bool(found.reason) == (state is not State.READY)


def test_what_is_being_deleted_is_waited_for() -> None:
    assert progress({"kind": "ConfigMap", "metadata": {"deletionTimestamp": "x"}}).state is State.WAITING
