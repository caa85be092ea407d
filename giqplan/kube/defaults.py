"""Defaults as kube-apiserver 1.33 fills them in: tables for the built-in kinds, the schema's own ``default``s for custom kinds.

Source: pkg/apis/*/v1/defaults.go of Kubernetes 1.33 (Apache-2.0), checked against recordings of that server. What a server allocates
(uid, clusterIP, ipFamilies, a Job's selector, a Namespace's finalizer) is not a default and is not set here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from giqplan.kube import pod_defaults
from giqplan.kube.decode import decoded, prune_unknown, unknown_fields
from giqplan.kube.schema import Schema
from giqplan.kube.values import Json, JsonObject, copied

__all__ = ["prune_unknown", "unknown_fields", "with_defaults"]


def with_defaults(obj: JsonObject, schema: Schema) -> Json:
    """A copy of ``obj`` as the server decodes and defaults it. Idempotent. Raises ``Refusal`` for a quantity that is none."""
    out = decoded(obj, schema)
    if schema.is_custom:
        for key, value in out.items():
            child = schema.field(key)
            if child is not None and key != "metadata":
                _custom(value, child)
        _custom_fields(out, schema)
        return out
    rule = _RULES.get((out.get("apiVersion", ""), out.get("kind", "")))
    if rule is not None:
        rule(out)
    return out


def _custom(value: Any, schema: Schema) -> None:
    """Fill the schema's defaults into a custom resource; nulls that are not allowed go (apiextensions, defaulting and nullable pruning)."""
    if isinstance(value, dict):
        _custom_fields(value, schema)
        for key, inner in value.items():
            child = schema.field(key)
            if child is not None:
                _custom(inner, child)
    elif isinstance(value, list):
        for item in value:
            _custom(item, schema.items)


def _custom_fields(value: Json, schema: Schema) -> None:
    for key in [k for k, v in value.items() if v is None]:
        child = schema.field(key)
        if child is not None and child.type and not child.nullable:
            del value[key]
    for key in schema.names:
        child = schema.field(key)
        if key not in value and child is not None and child.has_default:
            value[key] = copied(child.default)
            _custom(value[key], child)


def _fill(value: Json, **fields: Any) -> None:
    for key, default in fields.items():
        value.setdefault(key, default)


def _deployment(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxUnavailable": "25%", "maxSurge": "25%", **(strategy.get("rollingUpdate") or {})}
    pod_defaults.template(spec)
    _fill(obj, status={})
    _condition_times(obj, "lastTransitionTime", "lastUpdateTime")


def _condition_times(obj: Json, *names: str) -> None:
    """Times in conditions are structs: they show as null when they are not set."""
    for condition in obj["status"].get("conditions") or ():
        for name in names:
            condition.setdefault(name, None)


def _replica_set(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, replicas=1)
    pod_defaults.template(spec)
    _fill(obj, status={"replicas": 0})


def _stateful_set(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = {"partition": 0, **(strategy.get("rollingUpdate") or {})}
    spec["persistentVolumeClaimRetentionPolicy"] = {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
        **(spec.get("persistentVolumeClaimRetentionPolicy") or {}),
    }
    pod_defaults.template(spec)
    for claim in spec.get("volumeClaimTemplates") or ():
        _fill(claim, apiVersion="v1", kind="PersistentVolumeClaim")
        claim["metadata"] = {"creationTimestamp": None, **(claim.get("metadata") or {})}
        _claim(claim)
    obj["status"] = {"replicas": 0, "availableReplicas": 0, **(obj.get("status") or {})}


def _daemon_set(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, revisionHistoryLimit=10)
    strategy = spec.setdefault("updateStrategy", {})
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxUnavailable": 1, "maxSurge": 0, **(strategy.get("rollingUpdate") or {})}
    pod_defaults.template(spec)
    notes = obj.setdefault("metadata", {}).setdefault("annotations", {})
    notes.setdefault("deprecated.daemonset.template.generation", "1")
    counts = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
    obj["status"] = {**dict.fromkeys(counts, 0), **(obj.get("status") or {})}


def _job_spec(spec: Json) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    _fill(
        spec,
        parallelism=1,
        backoffLimit=6,
        completionMode="NonIndexed",
        suspend=False,
        podReplacementPolicy="Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed",
    )
    pod_defaults.template(spec)


def _job(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _job_spec(spec)
    _fill(spec, manualSelector=False)
    if not (obj.get("metadata") or {}).get("labels") and (labels := spec["template"]["metadata"].get("labels")):
        obj.setdefault("metadata", {})["labels"] = copied(labels)
    _fill(obj, status={})
    _condition_times(obj, "lastProbeTime", "lastTransitionTime")


def _cron_job(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    job = spec.setdefault("jobTemplate", {})
    job["metadata"] = {"creationTimestamp": None, **(job.get("metadata") or {})}
    inner = job.setdefault("spec", {})
    # A CronJob's template keeps its job spec as it was written; only the pod template in it is defaulted.
    pod_defaults.template(inner)
    _fill(obj, status={})


def _service(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, type="ClusterIP", sessionAffinity="None")
    if spec["sessionAffinity"] == "ClientIP":
        spec["sessionAffinityConfig"] = {
            "clientIP": {"timeoutSeconds": 10800, **((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {})}
        }
    for port in spec.get("ports") or ():
        _fill(port, protocol="TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    outside = spec["type"] in ("NodePort", "LoadBalancer") or (spec["type"] == "ClusterIP" and spec.get("externalIPs"))
    if outside:
        _fill(spec, externalTrafficPolicy="Cluster")
    else:
        # What only another type has goes when the type changes (registry/core/service, dropTypeDependentFields).
        for key in ("externalTrafficPolicy", "healthCheckNodePort"):
            spec.pop(key, None)
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        _fill(spec, internalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _fill(spec, allocateLoadBalancerNodePorts=True)
    obj["status"] = {"loadBalancer": {}, **(obj.get("status") or {})}


def _ingress(obj: Json) -> None:
    obj["status"] = {"loadBalancer": {}, **(obj.get("status") or {})}


_SCALE_UP_POLICIES = [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]
_SCALE_DOWN_POLICIES = [{"type": "Percent", "value": 100, "periodSeconds": 15}]


def _autoscaler(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, minReplicas=1)
    spec.setdefault("scaleTargetRef", {"kind": "", "name": ""})
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        up, down = behavior.get("scaleUp") or {}, behavior.get("scaleDown") or {}
        behavior["scaleUp"] = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": copied(_SCALE_UP_POLICIES), **up}
        behavior["scaleDown"] = {"selectPolicy": "Max", "policies": copied(_SCALE_DOWN_POLICIES), **down}
    obj["status"] = {"desiredReplicas": 0, "currentMetrics": None, **(obj.get("status") or {})}
    _condition_times(obj, "lastTransitionTime")


def _autoscaler_v1(obj: Json) -> None:
    _fill(obj.setdefault("spec", {}), minReplicas=1)
    obj["status"] = {"currentReplicas": 0, "desiredReplicas": 0, **(obj.get("status") or {})}


def _namespace(obj: Json) -> None:
    meta = obj.setdefault("metadata", {})
    if meta.get("name"):
        meta["labels"] = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}
    obj.setdefault("spec", {})
    obj["status"] = {"phase": "Active", **(obj.get("status") or {})}


def _secret(obj: Json) -> None:
    import base64

    _fill(obj, type="Opaque")
    plain = obj.pop("stringData", None)
    if plain:
        coded = {k: base64.b64encode(v.encode()).decode() for k, v in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **coded}


def _claim(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, volumeMode="Filesystem")
    spec.setdefault("resources", {})
    obj["status"] = {"phase": "Pending", **(obj.get("status") or {})}


def _network_policy(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for rule in (*(spec.get("ingress") or ()), *(spec.get("egress") or ())):
        for port in rule.get("ports") or ():
            _fill(port, protocol="TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _disruption_budget(obj: Json) -> None:
    obj.setdefault("spec", {})
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    obj["status"] = {**dict.fromkeys(counts, 0), **(obj.get("status") or {})}


_RBAC = "rbac.authorization.k8s.io"


def _role(obj: Json) -> None:
    obj.setdefault("rules", None)


def _binding(obj: Json) -> None:
    reference = obj.setdefault("roleRef", {})
    if not reference.get("apiGroup"):
        reference["apiGroup"] = _RBAC
    for subject in obj.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = _RBAC


def _api_service(obj: Json) -> None:
    service = obj.setdefault("spec", {}).get("service")
    if service is not None:
        _fill(service, port=443)
    _fill(obj, status={})


def _priority_class(obj: Json) -> None:
    _fill(obj, preemptionPolicy="PreemptLowerPriority")


def _storage_class(obj: Json) -> None:
    _fill(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _limit_range(obj: Json) -> None:
    for item in obj.setdefault("spec", {}).get("limits") or ():
        if item.get("type") == "Container":
            # Defaults come from max, default requests from defaults, then from min (core/v1, SetDefaults_LimitRangeItem).
            item["default"] = {**(item.get("max") or {}), **(item.get("default") or {})}
            item["defaultRequest"] = {**(item.get("min") or {}), **item["default"], **(item.get("defaultRequest") or {})}
            for key in ("default", "defaultRequest"):
                if not item[key]:
                    del item[key]


def _status(obj: Json) -> None:
    _fill(obj, status={})


def _pod(obj: Json) -> None:
    pod_defaults.pod(obj.setdefault("spec", {}))
    obj["status"] = {"phase": "Pending", **(obj.get("status") or {})}


def _definition(obj: Json) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, conversion={"strategy": "None"})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    _fill(names, singular=kind.lower(), listKind=f"{kind}List")


_RULES: Mapping[tuple[str, str], Callable[[Json], None]] = {
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io/v1", "APIService"): _api_service,
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "ReplicaSet"): _replica_set,
    ("apps/v1", "StatefulSet"): _stateful_set,
    ("autoscaling/v1", "HorizontalPodAutoscaler"): _autoscaler_v1,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch/v1", "CronJob"): _cron_job,
    ("batch/v1", "Job"): _job,
    ("networking.k8s.io/v1", "Ingress"): _ingress,
    ("networking.k8s.io/v1", "NetworkPolicy"): _network_policy,
    ("policy/v1", "PodDisruptionBudget"): _disruption_budget,
    (f"{_RBAC}/v1", "ClusterRole"): _role,
    (f"{_RBAC}/v1", "ClusterRoleBinding"): _binding,
    (f"{_RBAC}/v1", "Role"): _role,
    (f"{_RBAC}/v1", "RoleBinding"): _binding,
    ("scheduling.k8s.io/v1", "PriorityClass"): _priority_class,
    ("storage.k8s.io/v1", "StorageClass"): _storage_class,
    ("v1", "LimitRange"): _limit_range,
    ("v1", "Namespace"): _namespace,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "Pod"): _pod,
    ("v1", "ResourceQuota"): _status,
    ("v1", "Secret"): _secret,
    ("v1", "Service"): _service,
}
