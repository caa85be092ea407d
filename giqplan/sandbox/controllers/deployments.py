"""Deployments and ReplicaSets: revisions, rolling and recreating updates, conditions. Rules as in Kubernetes' deployment controller."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from giqplan.kube.values import copied
from giqplan.sandbox.controllers.context import Context, Json, condition, name_hash, owner_reference
from giqplan.sandbox.kubernetes.status import ApiStatusError

REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


def deployment(context: Context, namespace: str, name: str) -> None:
    """Bring a Deployment's ReplicaSets and status one step forward."""
    found = context.get("Deployment", namespace, name)
    if found is None or found["metadata"].get("deletionTimestamp"):
        return
    sets = context.owned(found, "ReplicaSet")
    current = _current(found, sets)
    old = [s for s in sets if current is None or s["metadata"]["uid"] != current["metadata"]["uid"]]
    recreate = found["spec"].get("strategy", {}).get("type") == "Recreate"
    if recreate and any(_wanted(s) or _count(s, "replicas") for s in old):
        for s in old:
            _scale(context, found, s, 0)
    else:
        if current is None:
            current = _create(context, found, sets)
            sets = [*sets, current]
        if recreate:
            _scale(context, found, current, found["spec"]["replicas"])
        else:
            _roll(context, found, current, old)
        _forget_history(context, found, old)
    _status(context, found, current, context.owned(found, "ReplicaSet"))


def _template(found: Json) -> Json:
    """The Pod template without what only the server writes."""
    template: Json = copied(found["spec"]["template"])
    labels = dict(template.get("metadata", {}).get("labels") or {})
    labels.pop(_HASH, None)
    meta = {k: v for k, v in template.get("metadata", {}).items() if v is not None and k != "labels"}
    template["metadata"] = {**meta, "labels": labels}
    return template


def _current(found: Json, sets: list[Json]) -> Json | None:
    wanted = _template(found)
    return next((s for s in sets if _template(s) == wanted), None)


def _create(context: Context, found: Json, sets: list[Json]) -> Json:
    template = _template(found)
    code = name_hash(template, 10)
    template["metadata"]["labels"][_HASH] = code
    selector = copied(found["spec"].get("selector") or {})
    selector.setdefault("matchLabels", {})[_HASH] = code
    revision = max((_revision(s) for s in sets), default=0) + 1
    meta = found["metadata"]
    annotations = {REVISION: str(revision)}
    body = {
        "metadata": {
            "name": f"{meta['name']}-{code}",
            "namespace": meta["namespace"],
            "labels": dict(template["metadata"]["labels"]),
            "annotations": annotations,
            "ownerReferences": [owner_reference(found)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }
    return context.create("ReplicaSet", body)


def _revision(obj: Json) -> int:
    return int((obj["metadata"].get("annotations") or {}).get(REVISION, 0))


def _wanted(replica_set: Json) -> int:
    return int(replica_set["spec"].get("replicas", 0))


def _count(replica_set: Json, field: str) -> int:
    return int((replica_set.get("status") or {}).get(field, 0))


def _scale(context: Context, found: Json, replica_set: Json, replicas: int) -> None:
    before = _wanted(replica_set)
    if before == replicas:
        return
    new = copied(replica_set)
    new["spec"]["replicas"] = replicas
    context.update("ReplicaSet", replica_set, new)
    replica_set["spec"]["replicas"] = replicas
    way = "up" if replicas > before else "down"
    text = f"Scaled {way} replica set {replica_set['metadata']['name']} from {before} to {replicas}"
    context.event("Deployment", found, "Normal", "ScalingReplicaSet", text, "deployment-controller")


def _share(value: Any, of: int, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        number = int(value[:-1]) * of / 100
        return math.ceil(number) if up else math.floor(number)
    return int(value or 0)


def surge_and_unavailable(spec: Json) -> tuple[int, int]:
    """maxSurge rounded up, maxUnavailable rounded down; both zero means one unavailable (deployment util ResolveFenceposts)."""
    rolling = spec.get("strategy", {}).get("rollingUpdate") or {}
    replicas = spec.get("replicas", 1)
    surge = _share(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def _roll(context: Context, found: Json, current: Json, old: list[Json]) -> None:
    """One step of a rolling update: the new set grows within the surge, old ones shrink while enough Pods are available."""
    replicas = found["spec"].get("replicas", 1)
    surge, unavailable = surge_and_unavailable(found["spec"])
    total = sum(_wanted(s) for s in (current, *old))
    if _wanted(current) > replicas:
        _scale(context, found, current, replicas)
    elif _wanted(current) < replicas:
        room = replicas + surge - total if old and any(_wanted(s) for s in old) else replicas - _wanted(current)
        if room > 0:
            _scale(context, found, current, min(replicas, _wanted(current) + room))
    available = sum(_count(s, "availableReplicas") for s in (current, *old))
    unhealthy_new = _wanted(current) - _count(current, "availableReplicas")
    may_go = sum(_wanted(s) for s in (current, *old)) - (replicas - unavailable) - unhealthy_new
    for s in old:  # Pods of old sets that never became available go first
        broken = min(_wanted(s) - _count(s, "availableReplicas"), may_go)
        if broken > 0:
            _scale(context, found, s, _wanted(s) - broken)
            may_go -= broken
    spare = min(available - (replicas - unavailable), may_go)
    for s in old:
        fewer = min(_wanted(s), spare)
        if fewer > 0:
            _scale(context, found, s, _wanted(s) - fewer)
            spare -= fewer


def _forget_history(context: Context, found: Json, old: list[Json]) -> None:
    limit = found["spec"].get("revisionHistoryLimit", 10)
    empty = sorted((s for s in old if not _wanted(s) and not _count(s, "replicas")), key=_revision)
    for s in empty[: max(0, len(empty) - limit)]:
        context.delete("ReplicaSet", s)


def _status(context: Context, found: Json, current: Json | None, sets: list[Json]) -> None:
    spec, before = found["spec"], found.get("status") or {}
    replicas = spec.get("replicas", 1)
    current = next((s for s in sets if current is not None and s["metadata"]["uid"] == current["metadata"]["uid"]), None)
    total, ready, available = (sum(_count(s, f) for s in sets) for f in ("replicas", "readyReplicas", "availableReplicas"))
    updated = _count(current, "replicas") if current is not None else 0
    counts = {"replicas": total, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": available}
    counts["unavailableReplicas"] = max(0, max(replicas, total) - available)
    status: Json = {"observedGeneration": found["metadata"].get("generation", 1), **{k: v for k, v in counts.items() if v}}
    _, unavailable = surge_and_unavailable(spec)
    enough = available >= replicas - unavailable
    done = updated == replicas == total and available >= replicas
    rows = [_available(before, enough, context.now), _progressing(context, found, before, status, current, done)]
    status["conditions"] = sorted(rows, key=lambda c: c["lastTransitionTime"])
    annotations = {}
    if current is not None and _revision(found) != _revision(current):
        newest = max((_revision(s) for s in sets), default=1)
        if _revision(current) < newest:  # a rollback: the old set becomes the newest revision
            new = copied(current)
            new["metadata"].setdefault("annotations", {})[REVISION] = str(newest + 1)
            current = context.update("ReplicaSet", current, new)
        annotations = {REVISION: str(_revision(current))}
    context.set_status("Deployment", found, status, annotations=annotations)


def _available(before: Json, enough: bool, now: str) -> Json:
    if enough:
        words = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        words = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    return condition(before.get("conditions"), "Available", *words, now, update_time=True)


def _progressing(context: Context, found: Json, before: Json, status: Json, current: Json | None, done: bool) -> Json:
    """Progressing: true with a reason while something moves, false once the deadline passed without a move."""
    name = current["metadata"]["name"] if current is not None else ""
    old: Json | None = next((c for c in before.get("conditions") or () if c["type"] == "Progressing"), None)
    now = context.now
    if done:
        text = f'ReplicaSet "{name}" has successfully progressed.'
        return condition(before.get("conditions"), "Progressing", "True", "NewReplicaSetAvailable", text, now, update_time=True)
    fields = ("updatedReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
    moved = old is None or any(status.get(f, 0) != before.get(f, 0) for f in fields)
    deadline = found["spec"].get("progressDeadlineSeconds", 600)
    if not moved and old is not None:
        waited = context.api.clock.now() - _epoch(old["lastUpdateTime"])
        if waited >= deadline and old["reason"] != "NewReplicaSetAvailable":
            text = f'ReplicaSet "{name}" has timed out progressing.'
            return condition(before.get("conditions"), "Progressing", "False", "ProgressDeadlineExceeded", text, now, update_time=True)
        if old["reason"] != "NewReplicaSetAvailable":
            return old
    context.enqueue("deployment", found["metadata"]["namespace"], found["metadata"]["name"], deadline + 1)
    text = f'ReplicaSet "{name}" is progressing.' if old is not None else f'Created new replica set "{name}"'
    reason = "ReplicaSetUpdated" if old is not None else "NewReplicaSetCreated"
    row: Json = condition(before.get("conditions"), "Progressing", "True", reason, text, now, update_time=True)
    return {**row, "lastUpdateTime": now}


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# --- ReplicaSets ---------------------------------------------------------------------------------------------------------------------


def replica_set(context: Context, namespace: str, name: str) -> None:
    """As many Pods as a ReplicaSet wants, and its status."""
    found = context.get("ReplicaSet", namespace, name)
    if found is None or found["metadata"].get("deletionTimestamp"):
        return
    pods = [p for p in context.owned(found, "Pod") if not p["metadata"].get("deletionTimestamp")]
    failure = None
    missing = _wanted(found) - len(pods)
    if missing > 0:
        failure = _create_pods(context, found, missing)
    elif missing < 0:
        for pod in sorted(pods, key=_least_useful)[:-missing]:
            context.delete("Pod", pod)
            text = f"Deleted pod: {pod['metadata']['name']}"
            context.event("ReplicaSet", found, "Normal", "SuccessfulDelete", text, "replicaset-controller")
    pods = [p for p in context.owned(found, "Pod") if not p["metadata"].get("deletionTimestamp")]
    ready = sum(is_ready(p) for p in pods)
    status: Json = {"replicas": len(pods), "observedGeneration": found["metadata"].get("generation", 1)}
    if pods:
        status["fullyLabeledReplicas"] = len(pods)
    if ready:
        status |= {"readyReplicas": ready, "availableReplicas": ready}
    if failure:
        old = (found.get("status") or {}).get("conditions")
        status["conditions"] = [condition(old, "ReplicaFailure", "True", "FailedCreate", failure, context.now)]
    context.set_status("ReplicaSet", found, status)


def _create_pods(context: Context, found: Json, number: int) -> str | None:
    """Create Pods; the server's refusal as text, and an Event, when it refuses."""
    template = found["spec"]["template"]
    meta = found["metadata"]
    account = template["spec"].get("serviceAccountName") or "default"
    serial = context.noted(f"serial/{meta['uid']}") or 0
    for _ in range(number):
        if not context.exists("ServiceAccount", meta["namespace"], account):
            text = f'pods "{meta["name"]}-" is forbidden: error looking up service account {meta["namespace"]}/{account}: '
            text += f'serviceaccount "{account}" not found'
            context.event("ReplicaSet", found, "Warning", "FailedCreate", "Error creating: " + text, "replicaset-controller")
            return text
        serial += 1
        context.note(f"serial/{meta['uid']}", serial)
        name = f"{meta['name']}-{name_hash([meta['namespace'], meta['name'], serial], 5)}"
        shown = {k: dict(v) for k, v in (template.get("metadata") or {}).items() if k in ("labels", "annotations") and v}
        body_meta = {"name": name, "generateName": f"{meta['name']}-", "namespace": meta["namespace"], **shown}
        body_meta["ownerReferences"] = [owner_reference(found)]
        spec = {**copied(template["spec"]), "serviceAccountName": account}
        try:
            pod = context.create("Pod", {"metadata": body_meta, "spec": spec})
        except ApiStatusError as e:
            text = str(e.body["message"]) if isinstance(e.body, dict) else str(e.body)
            context.event("ReplicaSet", found, "Warning", "FailedCreate", "Error creating: " + text, "replicaset-controller")
            return text
        text = f"Created pod: {pod['metadata']['name']}"
        context.event("ReplicaSet", found, "Normal", "SuccessfulCreate", text, "replicaset-controller")
    return None


def _least_useful(pod: Json) -> tuple[bool, bool, str]:
    """Which Pod goes first: one without a node, then one that is not ready, then the youngest."""
    youngest = "".join(chr(255 - ord(c)) for c in pod["metadata"]["creationTimestamp"])
    return (bool(pod["spec"].get("nodeName")), is_ready(pod), youngest)


def is_ready(pod: Json) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in (pod.get("status") or {}).get("conditions") or ())
