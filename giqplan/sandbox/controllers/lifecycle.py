"""Namespaces and garbage: what a namespace begins with and how it ends, and dependents of objects that are gone."""

from __future__ import annotations

from typing import Any

from giqplan.kube.values import copied
from giqplan.sandbox.controllers.context import MANAGER, Context, Json
from giqplan.sandbox.kubernetes.bodies import Options

_ROOT_CA = "-----BEGIN CERTIFICATE-----\nsandbox\n-----END CERTIFICATE-----\n"


def namespace(context: Context, _: str, name: str) -> None:
    """A living namespace gets its ServiceAccount and root CA; one that is going is emptied, then removed."""
    found = context.get("Namespace", "", name)
    if found is None:
        return
    if found["metadata"].get("deletionTimestamp"):
        _empty(context, found)
        return
    if not context.exists("ServiceAccount", name, "default"):
        context.create("ServiceAccount", {"metadata": {"name": "default", "namespace": name}})
    if not context.exists("ConfigMap", name, "kube-root-ca.crt"):
        note = {
            "kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints."
        }
        meta = {"name": "kube-root-ca.crt", "namespace": name, "annotations": note}
        context.create("ConfigMap", {"metadata": meta, "data": {"ca.crt": _ROOT_CA}})


def _empty(context: Context, found: Json) -> None:
    name = found["metadata"]["name"]
    left = 0
    for group, plural, key in context.api.objects.in_namespace(name):
        resource = context.api.storage_resource(group, plural)
        obj = context.api.objects.get(resource, name, key) if resource is not None else None
        if resource is None or obj is None:
            continue
        _, gone = context.api.writer.mark_deleted(resource, obj, {})
        left += not gone
    if left:
        context.enqueue("namespace", "", name, context.seconds("stop_s"))
        return
    for obj in list(context.all("Event", name)):
        context.remove("Event", obj)
    again = context.get("Namespace", "", name)
    if again is not None and not again["metadata"].get("finalizers"):
        context.remove("Namespace", again)


def collect(context: Context, _: str, uid: str) -> None:
    """The object with this uid is gone: dependents without another living owner go too."""
    if context.api.objects.exists_uid(uid):
        return
    for obj, resource in _dependents(context, uid):
        others = [o for o in obj["metadata"]["ownerReferences"] if o["uid"] != uid and context.api.objects.exists_uid(o["uid"])]
        if others:
            new = copied(obj)
            new["metadata"]["ownerReferences"] = others
            context.api.writer.store_change(resource, obj, new, Options(MANAGER))
        else:
            context.api.writer.mark_deleted(resource, obj, {})


def _dependents(context: Context, uid: str) -> list[tuple[Json, Any]]:
    found = []
    for group, plural, place, name in context.api.objects.owned(uid):
        resource = context.api.storage_resource(group, plural)
        obj = context.api.objects.get(resource, place, name) if resource is not None else None
        if resource is not None and obj is not None:
            found.append((obj, resource))
    return found


def held(context: Context, where: str, name: str) -> None:
    """An object that waits for its dependents: foreground deletes them first, orphan cuts them loose."""
    group, plural, place = where.split("/")
    resource = context.api.storage_resource(group, plural)
    obj = context.api.objects.get(resource, place, name) if resource is not None else None
    if resource is None or obj is None:
        return
    finalizers = obj["metadata"].get("finalizers") or []
    dependents = _dependents(context, obj["metadata"]["uid"])
    if "orphan" in finalizers:
        for dependent, kind in dependents:
            new = copied(dependent)
            new["metadata"]["ownerReferences"] = [o for o in new["metadata"]["ownerReferences"] if o["uid"] != obj["metadata"]["uid"]]
            context.api.writer.store_change(kind, dependent, new, Options(MANAGER))
    elif dependents:
        for dependent, kind in dependents:
            policy = {"propagationPolicy": "Foreground"} if kind.kind == "ReplicaSet" else {}
            context.api.writer.mark_deleted(kind, dependent, policy)
        context.enqueue("held", where, name, context.seconds("stop_s"))
        return
    new = copied(obj)
    new["metadata"]["finalizers"] = [f for f in finalizers if f not in ("orphan", "foregroundDeletion")]
    context.api.writer.store_change(resource, obj, new, Options(MANAGER))
