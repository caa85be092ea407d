"""Why a server would answer 422 Invalid: names, required fields, bounds, immutable fields, in the server's own words and order.

Covers the kinds that giqplan writes and what recordings of kube-apiserver 1.33 show; a custom resource is checked against its schema
(its CEL rules are not evaluated). Source of order and texts: pkg/apis/*/validation of Kubernetes 1.33 (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from giqplan.kube import field_errors as say
from giqplan.kube.field_errors import Causes
from giqplan.kube.fieldset import equal
from giqplan.kube.kinds import KindInfo
from giqplan.kube.refusal import Cause
from giqplan.kube.schema import Schema
from giqplan.kube.validate_custom import custom_errors
from giqplan.kube.validate_pods import template_errors
from giqplan.kube.values import JsonObject

__all__ = ["validate"]


def validate(obj: JsonObject, old: JsonObject | None, info: KindInfo, schema: Schema) -> tuple[Cause, ...]:
    """The causes of a refusal to store ``obj`` (defaults in it) over ``old`` (None: create); empty when it is valid."""
    found = [*_metadata(obj.get("metadata") or {}, info), *(_metadata_update(obj, old) if old is not None else ())]
    if schema.is_custom:
        found += custom_errors(obj, schema)
    else:
        rule = _RULES.get(info.kind)
        if rule is not None:
            found += rule(obj, old)
    return tuple(found)


def invalid_message(info: KindInfo, name: str, causes: tuple[Cause, ...]) -> str:
    """The message of the 422: ``Deployment.apps "x" is invalid: spec.selector: Required value`` (equal causes once)."""
    kind = f"{info.kind}.{info.group}" if info.group else info.kind
    texts = list(dict.fromkeys(f"{c.field}: {c.message}" for c in causes))
    return f'{kind} "{name}" is invalid: ' + (texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]")


_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")


def _metadata(meta: JsonObject, info: KindInfo) -> Iterator[Cause]:
    name = meta.get("name") or ""
    if not name:
        if not meta.get("generateName"):
            yield say.required("metadata.name", "name or generateName is required")
    else:
        yield from _name(name, info)
    for value in (meta.get("labels") or {}).values():
        if len(value) > 63:
            yield say.invalid("metadata.labels", value, "must be no more than 63 characters")
        elif not _LABEL_VALUE.fullmatch(value):
            yield say.invalid("metadata.labels", value, say.LABEL_VALUE)
    yield from _finalizers(meta)


_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


def _finalizers(meta: JsonObject) -> Iterator[Cause]:
    for index, name in enumerate(meta.get("finalizers") or ()):
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            yield say.invalid(f"metadata.finalizers[{index}]", name, detail)


def _name(name: str, info: KindInfo) -> Iterator[Cause]:
    if info.group == "rbac.authorization.k8s.io":
        if "/" in name or "%" in name or name in (".", ".."):
            yield say.invalid("metadata.name", name, f"may not contain '{'/' if '/' in name else '%'}'")
        return
    if info.kind == "Service":
        if not _DNS_1035.fullmatch(name):
            yield say.invalid("metadata.name", name, say.DNS_1035)
        elif len(name) > 63:
            yield say.invalid("metadata.name", name, "must be no more than 63 characters")
    elif info.kind == "Namespace":
        if len(name) > 63:
            yield say.invalid("metadata.name", name, "must be no more than 63 characters")
        if not _DNS_LABEL.fullmatch(name):
            yield say.invalid("metadata.name", name, say.DNS_LABEL)
    else:
        if len(name) > 253:
            yield say.invalid("metadata.name", name, "must be no more than 253 characters")
        if not _SUBDOMAIN.fullmatch(name):
            yield say.invalid("metadata.name", name, say.SUBDOMAIN)


def _metadata_update(obj: JsonObject, old: JsonObject) -> Iterator[Cause]:
    new, held = obj.get("metadata") or {}, old["metadata"]
    if new.get("uid") and new["uid"] != held.get("uid"):
        yield from 2 * [say.invalid("metadata.uid", new["uid"], say.IMMUTABLE)]  # the server checks it twice
    if held.get("deletionTimestamp"):
        added = [f for f in new.get("finalizers") or () if f not in (held.get("finalizers") or ())]
        if added:
            listed = ", ".join(f'"{f}"' for f in sorted(added))
            detail = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
            yield from 2 * [say.forbidden("metadata.finalizers", detail)]


def _immutable(obj: JsonObject, old: JsonObject | None, field: str, go_type: str) -> Iterator[Cause]:
    if old is not None:
        new_value, old_value = (obj.get("spec") or {}).get(field), (old.get("spec") or {}).get(field)
        if not equal(new_value, old_value):
            yield say.invalid_object(f"spec.{field}", go_type, new_value, say.IMMUTABLE)


def _workload(go_type: str, *, always: bool = True) -> Callable[[JsonObject, JsonObject | None], Causes]:
    def rule(obj: JsonObject, old: JsonObject | None) -> Causes:
        spec = obj.get("spec") or {}
        yield from say.not_negative(spec, "spec", "replicas")
        selector = spec.get("selector")
        if selector is None:
            yield say.required("spec.selector")
        elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield say.invalid_object("spec.selector", go_type, selector, f"empty selector is invalid for {obj['kind'].lower()}")
        labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
        if not _selects(selector, labels or {}):
            yield say.invalid_go("spec.template.metadata.labels", say.go_map(labels), "`selector` does not match template `labels`")
        yield from template_errors(spec.get("template") or {}, "spec.template")
        policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy")
        if always and policy != "Always":
            yield say.unsupported("spec.template.spec.restartPolicy", policy, ("Always",))
        yield from say.not_negative(spec, "spec", "minReadySeconds", "revisionHistoryLimit")
        yield from _immutable(obj, old, "selector", go_type)

    return rule


def _selects(selector: JsonObject | None, labels: Mapping[str, str]) -> bool:
    if selector is None:
        return False
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(requirement, labels) for requirement in selector.get("matchExpressions") or ())


def _meets(requirement: JsonObject, labels: Mapping[str, str]) -> bool:
    key, operator, values = requirement.get("key", ""), requirement.get("operator"), requirement.get("values") or ()
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) if operator == "Exists" else (key not in labels)


def _job(obj: JsonObject, old: JsonObject | None) -> Causes:
    spec = obj.get("spec") or {}
    yield from say.not_negative(spec, "spec", "parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished")
    template = spec.get("template") or {}
    yield from template_errors(template, "spec.template")
    policy = (template.get("spec") or {}).get("restartPolicy")
    valid = ("OnFailure", "Never")
    if policy == "Always":
        yield say.required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    elif policy not in valid:
        yield say.unsupported("spec.template.spec.restartPolicy", policy, valid)
    if old is not None and not equal(_pod_spec(obj), _pod_spec(old)):
        yield say.invalid_object("spec.template", "core.PodTemplateSpec", template, say.IMMUTABLE)


def _pod_spec(obj: JsonObject) -> Any:
    return ((obj.get("spec") or {}).get("template") or {}).get("spec")


def _cron_job(obj: JsonObject, old: JsonObject | None) -> Causes:
    spec = obj.get("spec") or {}
    schedule = spec.get("schedule") or ""
    parts = schedule.split()
    template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    yield from template_errors(template, "spec.jobTemplate.spec.template")
    if not schedule:
        yield say.required("spec.schedule")
    elif not schedule.startswith("@") and len(parts) != 5:
        yield say.invalid("spec.schedule", schedule, f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")


_METRICS = ("ContainerResource", "External", "Object", "Pods", "Resource")


def _autoscaler(obj: JsonObject, old: JsonObject | None) -> Causes:
    spec = obj.get("spec") or {}
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if low is not None and low < 1:
        yield say.invalid("spec.minReplicas", low, "must be greater than or equal to 1")
    if high < 1:
        yield say.invalid("spec.maxReplicas", high, "must be greater than 0")
    if low is not None and high < low:
        yield say.invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    for key in ("kind", "name"):
        if not (spec.get("scaleTargetRef") or {}).get(key):
            yield say.required(f"spec.scaleTargetRef.{key}")
    metrics = spec.get("metrics") or ()
    for index, metric in enumerate(metrics):
        yield from _metric(metric, f"spec.metrics[{index}]")
    if low == 0 and not any(m.get("type") in ("Object", "External") for m in metrics):
        yield say.forbidden("spec.metrics", "must specify at least one Object or External metric to support scaling to zero replicas")


def _metric(metric: JsonObject, at: str) -> Iterator[Cause]:
    kind = metric.get("type")
    if not kind:
        yield say.required(f"{at}.type", "must specify a metric source type")
        return
    if kind not in _METRICS:
        yield from 2 * [say.unsupported(f"{at}.type", kind, _METRICS)]
        return
    name = kind[0].lower() + kind[1:]
    source = metric.get(name)
    if source is None:
        yield say.required(f"{at}.{name}", f"must populate information for the given metric source (`{kind}`)")
    elif kind == "Pods" and "averageValue" not in (source.get("target") or {}):
        yield say.required(f"{at}.pods.target.averageValue", "must specify a positive target averageValue")


_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def _service(obj: JsonObject, old: JsonObject | None) -> Causes:
    spec = obj.get("spec") or {}
    kind, ports = spec.get("type"), spec.get("ports") or ()
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield say.required("spec.ports")
    if kind == "ExternalName" and not spec.get("externalName"):
        yield say.required("spec.externalName")
    for index, port in enumerate(ports):
        if len(ports) > 1 and not port.get("name"):
            yield say.required(f"spec.ports[{index}].name")
        number = port.get("port") or 0
        if not 1 <= number <= 65535:
            yield say.invalid(f"spec.ports[{index}].port", number, "must be between 1 and 65535, inclusive")
    if kind not in _SERVICE_TYPES:
        yield say.unsupported("spec.type", kind, _SERVICE_TYPES)


def _config_map(obj: JsonObject, old: JsonObject | None) -> Causes:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in sorted(data):
        if not _CONFIG_KEY.fullmatch(key):
            yield say.invalid(f"data[{key}]", key, say.CONFIG_KEY)
        if key in binary:
            yield say.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in sorted(binary):
        if not _CONFIG_KEY.fullmatch(key):
            yield say.invalid(f"binaryData[{key}]", key, say.CONFIG_KEY)
    if old is not None and old.get("immutable") and not (equal(data, old.get("data") or {}) and obj.get("immutable")):
        yield say.forbidden("data", "field is immutable when `immutable` is set")


_SECRET_KEYS: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _secret(obj: JsonObject, old: JsonObject | None) -> Causes:
    data = obj.get("data") or {}
    for key in sorted(data):
        if not _CONFIG_KEY.fullmatch(key):
            yield say.invalid(f"data[{key}]", key, say.CONFIG_KEY)
    for key in _SECRET_KEYS.get(obj.get("type", ""), ()):
        if key not in data:
            yield say.required(f"data[{key}]")
    if old is not None and old.get("type") != obj.get("type"):
        yield say.invalid("type", obj.get("type", ""), say.IMMUTABLE)


def _binding(obj: JsonObject, old: JsonObject | None) -> Causes:
    reference = obj.get("roleRef") or {}
    if not reference.get("name"):
        yield say.required("roleRef.name")
    if old is not None and not equal(reference, old.get("roleRef")):
        yield say.invalid_object("roleRef", "rbac.RoleRef", reference, "cannot change roleRef")


def _disruption_budget(obj: JsonObject, old: JsonObject | None) -> Causes:
    spec = obj.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield say.invalid_object("spec", "policy.PodDisruptionBudgetSpec", spec, "minAvailable and maxUnavailable cannot be both set")


def _priority_class(obj: JsonObject, old: JsonObject | None) -> Causes:
    if old is not None and obj.get("value") != old.get("value"):
        yield say.forbidden("value", "may not be changed in an update.")


def _api_service(obj: JsonObject, old: JsonObject | None) -> Causes:
    spec = obj.get("spec") or {}
    name, group, version = obj["metadata"].get("name", ""), spec.get("group") or "", spec.get("version") or ""
    if name != f"{version}.{group}":
        yield say.invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{version}.{group}"')
    for key in ("groupPriorityMinimum", "versionPriority"):
        limit = 20000 if key == "groupPriorityMinimum" else 1000
        if not 0 < (spec.get(key) or 0) <= limit:
            yield say.invalid(f"spec.{key}", spec.get(key) or 0, f"must be positive and less than {limit}")
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        yield say.invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present")


_RULES: Mapping[str, Callable[[JsonObject, JsonObject | None], Causes]] = {
    "APIService": _api_service,
    "ClusterRoleBinding": _binding,
    "ConfigMap": _config_map,
    "CronJob": _cron_job,
    "DaemonSet": _workload("v1.LabelSelector"),
    "Deployment": _workload("v1.LabelSelector"),
    "HorizontalPodAutoscaler": _autoscaler,
    "Job": _job,
    "PodDisruptionBudget": _disruption_budget,
    "PriorityClass": _priority_class,
    "ReplicaSet": _workload("v1.LabelSelector"),
    "RoleBinding": _binding,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _workload("v1.LabelSelector"),
}
