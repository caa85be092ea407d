"""The controllers of a cluster: they bring objects forward on the sandbox's clock.

Event-driven and deterministic: a write puts the objects it concerns into a queue (``clock.schedule``, so it survives a restart), a
reconciler reads what is there and writes what is missing. Nothing runs while nothing changes. They write status, their own objects
(ReplicaSets, Pods, Nodes, Endpoints, Events) and annotations of their own; never a field that a client owns, except ``spec.replicas``
through the scale subresource, as an autoscaler does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from giqplan.sandbox.controllers import autoscaler, deployments, lifecycle, pods, services
from giqplan.sandbox.controllers.context import Context, Json, Work
from giqplan.sandbox.kubernetes.status import ApiStatusError

if TYPE_CHECKING:
    from giqplan.sandbox.kubernetes.api import KubernetesApi
    from giqplan.sandbox.kubernetes.resources import Resource

_RECONCILERS = {
    "namespace": lifecycle.namespace,
    "collect": lifecycle.collect,
    "held": lifecycle.held,
    "deployment": deployments.deployment,
    "replicaset": deployments.replica_set,
    "pod": pods.pod,
    "node": pods.node,
    "endpoints": services.endpoints,
    "apiservice": services.api_service,
    "podmonitoring": services.pod_monitoring,
    "hpa": autoscaler.autoscaler,
}


class Controllers:
    """All controllers of one cluster."""

    def __init__(self, api: KubernetesApi) -> None:
        self._context = Context(api)
        self._kind = f"kubernetes/{api.cluster_id}"
        self._context.enqueue_hook = self._enqueue
        self._pending: set[Work] = set()
        #: The last answer by which the API server refused a controller's write; empty: none.
        self.last_refusal = ""
        api.clock.on(self._kind, self._run)
        api.listen(self._heard)

    def set_load(self, namespace: str, deployment: str, in_flight: float) -> None:
        """Requests in flight (running and waiting) that all Pods of a Deployment together hold from now on; autoscalers see it."""
        with self._context.api.store.transaction():
            self._context.note(f"load/{namespace}/{deployment}", {"in_flight": in_flight})
            for hpa in self._context.all("HorizontalPodAutoscaler", namespace):
                self._enqueue("hpa", namespace, hpa["metadata"]["name"])

    def accelerators_in_use(self) -> dict[tuple[str, str], int]:
        """Accelerators held by Pods, by (type, provisioning): what the Google side counts as quota usage."""
        return pods.accelerators_in_use(self._context)

    def google_changed(self) -> None:
        """Quotas, roles or bindings changed on the Google side: whatever waits for them looks again."""
        with self._context.api.store.transaction():
            for pod in self._context.all("Pod"):
                if not pod["spec"].get("nodeName"):
                    self._enqueue("pod", pod["metadata"]["namespace"], pod["metadata"]["name"])
            for hpa in self._context.all("HorizontalPodAutoscaler"):
                self._enqueue("hpa", hpa["metadata"]["namespace"], hpa["metadata"]["name"])

    def drop(self) -> None:
        """The cluster is gone: forget notes and scheduled work."""
        with self._context.api.store.transaction() as db:
            db.execute("DELETE FROM kube_note WHERE cluster = ?", (self._context.api.cluster_id,))
            db.execute("DELETE FROM event WHERE kind = ?", (self._kind,))

    def _enqueue(self, name: str, namespace: str, key: str, delay_s: float | None = None) -> None:
        work = (name, namespace, key)
        soon = delay_s is None
        if soon and work in self._pending:
            return
        if soon:
            self._pending.add(work)
        delay = self._context.seconds("reconcile_s") if delay_s is None else delay_s
        self._context.api.clock.schedule(delay, self._kind, {"work": list(work)})

    def _run(self, payload: dict[str, Any]) -> None:
        name, namespace, key = payload["work"]
        self._pending.discard((name, namespace, key))
        try:
            _RECONCILERS[name](self._context, namespace, key)
        except ApiStatusError as e:
            # As a real controller: what the server refuses is tried again later.
            self.last_refusal = str(e)
            self._enqueue(name, namespace, key, self._context.seconds("retry_s"))

    def _heard(self, resource: Resource, obj: Json | None, before: Json | None) -> None:
        """Put what a write concerns into the queue."""
        shown = obj or before
        assert shown is not None
        meta = shown["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        if obj is None:
            self._enqueue("collect", "", meta["uid"])
        elif meta.get("deletionTimestamp") and set(meta.get("finalizers") or ()) & {"foregroundDeletion", "orphan"}:
            self._enqueue("held", f"{resource.group}/{resource.plural}/{namespace}", name)
        for work in concerned(self._context, resource.kind, shown, obj is None, before is None):
            self._enqueue(*work)


def concerned(context: Context, kind: str, obj: Json, gone: bool, new: bool) -> list[Work]:
    """The work that a write of ``obj`` makes."""
    meta = obj["metadata"]
    namespace, name = meta.get("namespace", ""), meta["name"]
    found: list[Work] = []
    if kind == "Namespace":
        found.append(("namespace", "", name))
    elif kind == "Deployment":
        found.append(("deployment", namespace, name))
        found += [("hpa", namespace, h["metadata"]["name"]) for h in context.all("HorizontalPodAutoscaler", namespace)]
    elif kind == "ReplicaSet":
        found.append(("replicaset", namespace, name))
        found += context.owner_work(obj, "Deployment", "deployment")
    elif kind == "Pod":
        found += context.owner_work(obj, "ReplicaSet", "replicaset")
        found += [("endpoints", namespace, s) for s in services.selecting(context, obj)]
        if not gone:
            found.append(("pod", namespace, name))
        elif pods.accelerator_of(obj) is not None:
            found += pods.waiting(context)
    elif kind == "Service":
        found.append(("endpoints", namespace, name))
    elif kind == "HorizontalPodAutoscaler":
        found.append(("hpa", namespace, name))
    elif kind == "Endpoints":
        found += [("apiservice", "", a["metadata"]["name"]) for a in context.all("APIService") if services.behind(a) == (namespace, name)]
    elif kind in ("APIService", "PodMonitoring"):
        found.append((kind.lower(), namespace, name))
        everywhere = "" if kind == "APIService" else namespace
        found += [("hpa", h["metadata"]["namespace"], h["metadata"]["name"]) for h in context.all("HorizontalPodAutoscaler", everywhere)]
    elif kind in ("Secret", "ConfigMap", "ServiceAccount") and new:
        found += pods.blocked(context, namespace)
        if kind == "ServiceAccount":
            found += [("replicaset", namespace, r["metadata"]["name"]) for r in context.all("ReplicaSet", namespace)]
    return found
