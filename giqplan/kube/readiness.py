"""Whether an object has reached what was asked of it: ready, waiting or failed, and why.

The rules follow kstatus (sigs.k8s.io/cli-utils, pkg/kstatus/status), with one change: a pod that cannot be scheduled is waiting,
not failed after 15 s, because accelerator nodes take minutes to come. How long to wait is the caller's decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from giqplan.kube.values import JsonObject


class State(StrEnum):
    READY = "ready"
    WAITING = "waiting"
    FAILED = "failed"
    """It will not become ready by waiting alone."""


@dataclass(frozen=True)
class Progress:
    """``reason`` is one clause for people; empty when ready."""

    state: State
    reason: str = ""


READY = Progress(State.READY)


def progress(obj: JsonObject) -> Progress:
    """How far ``obj`` (as read from a server) is. Kinds without a rule and without conditions are ready once they exist."""
    if obj.get("metadata", {}).get("deletionTimestamp"):
        return _waiting("being deleted")
    status = obj.get("status") or {}
    generation, observed = obj.get("metadata", {}).get("generation"), status.get("observedGeneration")
    if generation is not None and observed is not None and observed < generation:
        return _waiting(f"generation {generation} is not observed yet (last: {observed})")
    rule = _RULES.get(obj.get("kind", ""), _generic)
    return rule(obj, status)


def _waiting(reason: str) -> Progress:
    return Progress(State.WAITING, reason)


def _failed(reason: str) -> Progress:
    return Progress(State.FAILED, reason)


def _condition(status: JsonObject, kind: str) -> JsonObject:
    return next((c for c in status.get("conditions") or () if c.get("type") == kind), {})


def _words(condition: JsonObject) -> str:
    return ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))


def _holds(condition: JsonObject, value: str = "True") -> bool:
    return condition.get("status") == value


def _generic(obj: JsonObject, status: JsonObject) -> Progress:
    if _holds(stalled := _condition(status, "Stalled")):
        return _failed(_words(stalled) or "stalled")
    if _holds(reconciling := _condition(status, "Reconciling")):
        return _waiting(_words(reconciling) or "reconciling")
    ready = _condition(status, "Ready")
    return READY if not ready or _holds(ready) else _waiting(_words(ready) or "not ready")


def _deployment(obj: JsonObject, status: JsonObject) -> Progress:
    going = _condition(status, "Progressing")
    if going.get("reason") == "ProgressDeadlineExceeded":
        return _failed(_words(going))
    if "observedGeneration" not in status:
        return _waiting("not seen by its controller yet")
    wanted = obj.get("spec", {}).get("replicas", 1)
    counts = _counts(status, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    total, updated, ready, available = counts
    if total < wanted:
        return _waiting(f"{total} of {wanted} replicas created" + _blocker(status))
    if updated < wanted:
        return _waiting(f"{updated} of {wanted} replicas updated" + _blocker(status))
    if total > updated:
        return _waiting(f"{total - updated} old replicas still run")
    if available < updated:
        return _waiting(f"{available} of {wanted} replicas available" + _blocker(status))
    if ready < wanted:
        return _waiting(f"{ready} of {wanted} replicas ready")
    if _holds(_condition(status, "Available"), "False"):
        return _waiting(_words(_condition(status, "Available")))
    return READY


def _blocker(status: JsonObject) -> str:
    failure = _condition(status, "ReplicaFailure")
    return f" ({_words(failure)})" if _holds(failure) else ""


def _counts(status: JsonObject, *names: str) -> list[int]:
    return [int(status.get(name) or 0) for name in names]


def _stateful_set(obj: JsonObject, status: JsonObject) -> Progress:
    wanted = obj.get("spec", {}).get("replicas", 1)
    total, ready, updated = _counts(status, "replicas", "readyReplicas", "updatedReplicas")
    if total < wanted or ready < wanted:
        return _waiting(f"{ready} of {wanted} replicas ready")
    if status.get("updateRevision") != status.get("currentRevision") and updated < wanted:
        return _waiting(f"{updated} of {wanted} replicas updated")
    return READY


def _replica_set(obj: JsonObject, status: JsonObject) -> Progress:
    wanted = obj.get("spec", {}).get("replicas", 1)
    (available,) = _counts(status, "availableReplicas")
    return READY if available >= wanted else _waiting(f"{available} of {wanted} replicas available" + _blocker(status))


def _daemon_set(obj: JsonObject, status: JsonObject) -> Progress:
    if "observedGeneration" not in status:
        return _waiting("not seen by its controller yet")
    wanted, updated, available = _counts(status, "desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    return READY if min(updated, available) >= wanted else _waiting(f"{available} of {wanted} pods available")


def _job(obj: JsonObject, status: JsonObject) -> Progress:
    if _holds(failed := _condition(status, "Failed")):
        return _failed(_words(failed) or "the job failed")
    if _holds(_condition(status, "Complete")):
        return READY
    if _holds(_condition(status, "Suspended")):
        return _waiting("the job is suspended")
    active, done = _counts(status, "active", "succeeded")
    return _waiting(f"{active} pods run, {done} of {obj.get('spec', {}).get('completions', 1)} done")


def _pod(obj: JsonObject, status: JsonObject) -> Progress:
    phase = status.get("phase")
    if phase == "Succeeded" or (phase == "Running" and _holds(_condition(status, "Ready"))):
        return READY
    if phase == "Failed":
        return _failed(": ".join(filter(None, (status.get("reason"), status.get("message")))) or "the pod failed")
    scheduled = _condition(status, "PodScheduled")
    if _holds(scheduled, "False"):
        return _waiting(_words(scheduled) or "not scheduled")
    for container in status.get("containerStatuses") or ():
        held_up = container.get("state", {}).get("waiting", {})
        if held_up.get("reason"):
            return _waiting(f"container {container.get('name')}: {_words(held_up)}")
    return _waiting("not ready")


def _autoscaler(obj: JsonObject, status: JsonObject) -> Progress:
    if "conditions" not in status:
        return _waiting("not seen by its controller yet")
    able, active = _condition(status, "AbleToScale"), _condition(status, "ScalingActive")
    if _holds(able, "False"):
        return _waiting(_words(able))
    # ScalingDisabled: the target was scaled to zero by hand, the autoscaler is as it should be.
    if _holds(active, "False") and active.get("reason") != "ScalingDisabled":
        return _waiting(_words(active))
    return READY


def _service(obj: JsonObject, status: JsonObject) -> Progress:
    spec = obj.get("spec", {})
    if spec.get("type") == "LoadBalancer" and not (status.get("loadBalancer") or {}).get("ingress"):
        return _waiting("the load balancer has no address yet")
    return READY


def _namespace(obj: JsonObject, status: JsonObject) -> Progress:
    return _waiting("being deleted") if status.get("phase") == "Terminating" else READY


def _claim(obj: JsonObject, status: JsonObject) -> Progress:
    phase = status.get("phase")
    if phase == "Lost":
        return _failed("the volume is lost")
    return READY if phase == "Bound" else _waiting("not bound to a volume yet")


def _api_service(obj: JsonObject, status: JsonObject) -> Progress:
    available = _condition(status, "Available")
    return READY if _holds(available) else _waiting(_words(available) or "not available yet")


def _crd(obj: JsonObject, status: JsonObject) -> Progress:
    names = _condition(status, "NamesAccepted")
    if _holds(names, "False"):
        return _failed(_words(names))
    return READY if _holds(_condition(status, "Established")) else _waiting("not established yet")


def _pod_monitoring(obj: JsonObject, status: JsonObject) -> Progress:
    done = _condition(status, "ConfigurationCreateSuccess")
    if _holds(done, "False"):
        return _failed(_words(done) or "the scrape configuration was refused")
    return READY if _holds(done) else _waiting("no scrape configuration yet")


def _disruption_budget(obj: JsonObject, status: JsonObject) -> Progress:
    return READY if "observedGeneration" in status else _waiting("not seen by its controller yet")


_RULES: Mapping[str, Callable[[JsonObject, JsonObject], Progress]] = {
    "APIService": _api_service,
    "CustomResourceDefinition": _crd,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "HorizontalPodAutoscaler": _autoscaler,
    "Job": _job,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "PodDisruptionBudget": _disruption_budget,
    "PodMonitoring": _pod_monitoring,
    "ReplicaSet": _replica_set,
    "Service": _service,
    "StatefulSet": _stateful_set,
}
