"""Between the version that is stored and the versions that are served."""

from __future__ import annotations

from typing import Any

from giqplan.sandbox.kubernetes.resources import Resource

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
    """A body of the version of ``resource`` as it is handled further."""
    return obj


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
