"""The Custom Metrics Stackdriver Adapter, through which an HPA reads managed Prometheus.

Source: GoogleCloudPlatform/k8s-stackdriver@673c7dd872a7d8b7c1a26c2af7cca7c33549efa0 (Apache-2.0),
custom-metrics-stackdriver-adapter/deploy/production/adapter_new_resource_model.yaml: the same objects, with giqplan's marks.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from giqplan.manifests import marks
from giqplan.model.values import JsonObject

NAMESPACE, ACCOUNT = "custom-metrics", "custom-metrics-stackdriver-adapter"
metrics_adapter_identity = (NAMESPACE, ACCOUNT)
"""Namespace and ServiceAccount of the adapter: who needs to read time series."""

PARENT = "giqplan-metrics-adapter"
IMAGE = "gcr.io/gke-release/custom-metrics-stackdriver-adapter:v0.16.9-gke.0"
_RBAC, _RBAC_GROUP = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
_SELECTOR = {"run": ACCOUNT, "k8s-app": ACCOUNT}
_SUBJECT = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
_AUTOSCALER = {"kind": "ServiceAccount", "name": "horizontal-pod-autoscaler", "namespace": "kube-system"}


@cache
def metrics_adapter_objects() -> tuple[JsonObject, ...]:
    """Every object of the adapter, its own ApplySet's parent included, in the order in which they can be created."""
    members = (_account(), *_access(), _deployment(), _service(), *_api_services())
    return (_namespace(), _parent(members), *members)


def _meta(name: str, namespace: str = "", extra: dict[str, str] | None = None) -> dict[str, Any]:
    own = {marks.MANAGED_BY: marks.OWNER, marks.COMPONENT: marks.ADAPTER_COMPONENT, marks.PART_OF: marks.applyset_id(PARENT, NAMESPACE)}
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, "labels": {**(extra or {}), **own}, "annotations": marks.adapter_annotations()}


def _namespace() -> dict[str, Any]:
    """Carries our mark, but is no member: others may keep things in it."""
    meta = {"name": NAMESPACE, "labels": {marks.MANAGED_BY: marks.OWNER}, "annotations": marks.adapter_annotations()}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def _parent(members: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    meta = _meta(PARENT, NAMESPACE)
    meta["labels"][marks.APPLYSET_ID] = meta["labels"].pop(marks.PART_OF)
    meta["annotations"] |= marks.parent_annotations(members, NAMESPACE)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def _account() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(ACCOUNT, NAMESPACE)}


def _access() -> tuple[dict[str, Any], ...]:
    """What the adapter may ask of the API server, and that the HPA controller may ask the adapter for external metrics."""
    reader, external = "custom-metrics-resource-reader", "external-metrics-reader"
    get = ["get", "list", "watch"]
    return (
        _binding("ClusterRoleBinding", "custom-metrics:system:auth-delegator", "ClusterRole", "system:auth-delegator"),
        _binding("RoleBinding", "custom-metrics-auth-reader", "Role", "extension-apiserver-authentication-reader", "kube-system"),
        _role(reader, {"apiGroups": [""], "resources": ["pods", "nodes", "nodes/stats"], "verbs": get}),
        _binding("ClusterRoleBinding", reader, "ClusterRole", reader),
        _role(external, {"apiGroups": ["external.metrics.k8s.io"], "resources": ["*"], "verbs": ["list", "get", "watch"]}),
        _binding("ClusterRoleBinding", external, "ClusterRole", external, subject=_AUTOSCALER),
    )


def _role(name: str, rule: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _RBAC, "kind": "ClusterRole", "metadata": _meta(name), "rules": [rule]}


def _binding(kind: str, name: str, role_kind: str, role: str, namespace: str = "", subject: dict[str, str] | None = None) -> dict[str, Any]:
    reference = {"apiGroup": _RBAC_GROUP, "kind": role_kind, "name": role}
    return {
        "apiVersion": _RBAC,
        "kind": kind,
        "metadata": _meta(name, namespace),
        "roleRef": reference,
        "subjects": [dict(subject or _SUBJECT)],
    }


def _deployment() -> dict[str, Any]:
    amounts = {"cpu": "250m", "memory": "200Mi"}
    container = {
        "name": "pod-custom-metrics-stackdriver-adapter",
        "image": IMAGE,
        "imagePullPolicy": "Always",
        "command": ["/adapter", "--use-new-resource-model=true", "--fallback-for-container-metrics=true"],
        "resources": {"limits": amounts, "requests": dict(amounts)},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 443, "scheme": "HTTPS"}, "initialDelaySeconds": 40},
    }
    taints = ("nvidia.com/gpu", "cloud.google.com/gke-tpu")
    tolerations = [{"key": key, "operator": "Equal", "value": "present", "effect": "NoSchedule"} for key in taints]
    pod = {"serviceAccountName": ACCOUNT, "tolerations": tolerations, "containers": [container]}
    template = {"metadata": {"labels": {**_SELECTOR, "kubernetes.io/cluster-service": "true"}}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": dict(_SELECTOR)}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _meta(ACCOUNT, NAMESPACE, _SELECTOR), "spec": spec}


def _service() -> dict[str, Any]:
    labels = {**_SELECTOR, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "Adapter"}
    spec = {"type": "ClusterIP", "selector": dict(_SELECTOR), "ports": [{"port": 443, "protocol": "TCP", "targetPort": 443}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(ACCOUNT, NAMESPACE, labels), "spec": spec}


def _api_services() -> tuple[dict[str, Any], ...]:
    """The APIs the adapter answers for; only one adapter of a cluster can hold them."""
    wanted = (
        ("custom.metrics.k8s.io", "v1beta1", 100),
        ("custom.metrics.k8s.io", "v1beta2", 200),
        ("external.metrics.k8s.io", "v1beta1", 100),
    )
    return tuple(_api_service(*one) for one in wanted)


def _api_service(group: str, version: str, priority: int) -> dict[str, Any]:
    spec = {
        "group": group,
        "version": version,
        "groupPriorityMinimum": 100,
        "versionPriority": priority,
        "insecureSkipTLSVerify": True,
        "service": {"name": ACCOUNT, "namespace": NAMESPACE},
    }
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": _meta(f"{version}.{group}"), "spec": spec}
