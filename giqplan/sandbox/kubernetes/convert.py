"""Between the version that is stored and the versions that are served."""

from __future__ import annotations

from typing import Any

from giqplan.sandbox.kubernetes.resources import Resource, built_in
from giqplan.sandbox.kubernetes.status import bad_request

Json = dict[str, Any]


def _is_hpa_v1(resource: Resource) -> bool:
    return (resource.group, resource.version, resource.plural) == ("autoscaling", "v1", "horizontalpodautoscalers")


def shown_as(resource: Resource, obj: Json) -> Json:
    """A stored object in the version of ``resource``."""
    if _is_hpa_v1(resource):
        return _hpa_v1(obj)
    if resource.custom and obj["apiVersion"] != resource.api_version:
        return {**obj, "apiVersion": resource.api_version}
    return obj


def stored_as(resource: Resource, obj: Json) -> Json:
    """A body of the version of ``resource`` in the version that is stored: autoscaling/v1 becomes v2."""
    if not _is_hpa_v1(resource):
        return obj
    spec = dict(obj.get("spec") or {})
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    found = {**obj, "apiVersion": "autoscaling/v2", "spec": spec}
    found.pop("status", None)
    return found


def stored_in(resource: Resource) -> Resource:
    """The resource in the version that is stored."""
    return built_in()["autoscaling", "v2", resource.plural] if _is_hpa_v1(resource) else resource


def check_patchable(resource: Resource) -> None:
    """autoscaling/v1 cannot say what a v2 object may hold (custom metrics), so this server patches and applies v2 only."""
    if _is_hpa_v1(resource):
        raise bad_request("this server patches HorizontalPodAutoscalers as autoscaling/v2 only")


def _hpa_v1(obj: Json) -> Json:
    """autoscaling/v2 as v1: the cpu target of its own field, the rest left out of spec."""
    spec = dict(obj.get("spec") or {})
    for metric in spec.pop("metrics", None) or ():
        source = metric.get("resource") or {}
        if source.get("name") == "cpu" and "averageUtilization" in source.get("target", {}):
            spec["targetCPUUtilizationPercentage"] = source["target"]["averageUtilization"]
    spec.pop("behavior", None)
    status = {
        k: v
        for k, v in (obj.get("status") or {}).items()
        if k in ("currentReplicas", "desiredReplicas", "lastScaleTime", "observedGeneration")
    }
    status.setdefault("currentReplicas", 0)
    status.setdefault("desiredReplicas", 0)
    return {**obj, "apiVersion": "autoscaling/v1", "spec": spec, "status": status}
