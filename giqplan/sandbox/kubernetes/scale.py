"""The scale subresource of workloads and of custom kinds that declare one."""

from __future__ import annotations

from typing import Any

from giqplan.sandbox.kubernetes.resources import Resource
from giqplan.sandbox.kubernetes.selectors import selector_text
from giqplan.sandbox.kubernetes.status import bad_request, invalid
from giqplan.sandbox.kubernetes.target import Target

Json = dict[str, Any]
_BUILT_IN = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}


def _paths(resource: Resource) -> Json:
    if resource.definition is None:
        return _BUILT_IN
    return dict(resource.definition["subresources"]["scale"])


def replicas_path(resource: Resource) -> tuple[str, ...]:
    """Where spec.replicas stands in the object itself."""
    return tuple(_paths(resource)["specReplicasPath"].strip(".").split("."))


def _value(obj: Any, dotted: str) -> Any:
    for step in dotted.strip(".").split("."):
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj


def scale_of(resource: Resource, obj: Json) -> Json:
    """The autoscaling/v1 Scale of an object (recorded shape)."""
    paths = _paths(resource)
    meta = obj["metadata"]
    shown = {k: meta[k] for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if k in meta}
    spec: Json = {}
    replicas = _value(obj, paths["specReplicasPath"])
    if replicas:
        spec["replicas"] = replicas
    status: Json = {"replicas": _value(obj, paths["statusReplicasPath"]) or 0}
    if resource.definition is None:
        text = selector_text(_value(obj, ".spec.selector"))
    else:
        text = str(_value(obj, paths["labelSelectorPath"]) or "") if paths.get("labelSelectorPath") else ""
    if text:
        status["selector"] = text
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": shown, "spec": spec, "status": status}


def check_scale(target: Target, wanted: Json) -> int:
    """The number that a Scale asks for; refuses a Scale of another object or a negative number."""
    meta = wanted.get("metadata") or {}
    if meta.get("name", target.name) != target.name:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})")
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request("json: cannot unmarshal value into Go struct field ScaleSpec.spec.replicas of type int32")
    if replicas < 0:
        cause = {
            "reason": "FieldValueInvalid",
            "message": f"Invalid value: {replicas}: must be greater than or equal to 0",
            "field": "spec.replicas",
        }
        raise invalid("Scale", "autoscaling", target.name, [cause])
    return replicas


def with_replicas(obj: Json, path: tuple[str, ...], replicas: int) -> Json:
    """``obj`` with its number of replicas set."""
    inner = obj
    for step in path[:-1]:
        inner = inner.setdefault(step, {})
    inner[path[-1]] = replicas
    return obj
