"""What every controller uses: reading objects, writing them as the system's managers, events, notes that survive a restart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from giqplan.kube.values import copied
from giqplan.sandbox.kubernetes.bodies import Options
from giqplan.sandbox.kubernetes.resources import Resource, built_in
from giqplan.sandbox.kubernetes.selectors import Requirement, matches_labels
from giqplan.sandbox.kubernetes.status import ApiStatusError

if TYPE_CHECKING:
    from giqplan.sandbox.kubernetes.api import KubernetesApi

Json = dict[str, Any]
Work = tuple[str, str, str]

MANAGER = "kube-controller-manager"
KUBELET = "kubelet"
SCHEDULER = "kube-scheduler"
_NOTES = """
CREATE TABLE IF NOT EXISTS kube_note (
  cluster TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (cluster, key)
) WITHOUT ROWID;
"""
_SAFE = "bcdfghjklmnpqrstvwxz2456789"  # the letters of generated names (k8s.io/apimachinery rand)


@cache
def _timings() -> dict[str, float]:
    path = Path(__file__).parent.parent / "data" / "controller_timings.json"
    return {k: float(v["seconds"]) for k, v in json.loads(path.read_text(encoding="utf-8"))["rows"].items()}


@cache
def _resource(kind: str) -> Resource:
    """The built-in resource of a kind, in the version that is stored."""
    return next(r for r in built_in().values() if r.kind == kind and r.group != "events.k8s.io")


def name_hash(value: Any, length: int) -> str:
    """A short name that depends on ``value`` only, so that the same world makes the same names."""
    number = int.from_bytes(hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()[:16], "big")
    letters = []
    for _ in range(length):
        number, rest = divmod(number, len(_SAFE))
        letters.append(_SAFE[rest])
    return "".join(letters)


class Context:
    """One cluster as its controllers see it."""

    def __init__(self, api: KubernetesApi) -> None:
        self.api = api
        self.enqueue_hook: Callable[..., None] = lambda *work: None
        api.store.script(_NOTES)

    # --- reading -----------------------------------------------------------------------------------------------------------------

    def resource(self, kind: str) -> Resource:
        if kind == "PodMonitoring":
            found = self.api.resource("monitoring.googleapis.com", "v1", "podmonitorings")
            assert found is not None
            return found
        return _resource(kind)

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        return self.api.objects.get(self.resource(kind), namespace, name)

    def exists(self, kind: str, namespace: str, name: str) -> bool:
        return self.api.objects.text(self.resource(kind), namespace, name) is not None

    def all(self, kind: str, namespace: str = "", labels: Mapping[str, str] | None = None) -> Iterator[Json]:
        """Objects of a kind, those with all of ``labels``. They are shared: copy before changing one."""
        if kind == "PodMonitoring" and self.api.resource("monitoring.googleapis.com", "v1", "podmonitorings") is None:
            return iter(())
        wanted = tuple(Requirement(k, "=", frozenset((v,))) for k, v in (labels or {}).items())
        found = self.api.objects.peek(self.resource(kind), namespace, wanted)
        return (o for o in found if matches_labels(wanted, o["metadata"].get("labels")))

    def owned(self, owner: Json, kind: str) -> list[Json]:
        """The objects of a kind that ``owner`` controls, oldest first."""
        wanted = self.resource(kind)
        found = []
        for group, plural, namespace, name in self.api.objects.owned(owner["metadata"]["uid"]):
            if (group, plural) == (wanted.group, wanted.plural):
                obj = self.api.objects.get(wanted, namespace, name)
                if obj is not None:
                    found.append(obj)
        return sorted(found, key=lambda o: (o["metadata"]["creationTimestamp"], o["metadata"]["name"]))

    def owner_work(self, obj: Json, kind: str, reconciler: str) -> list[Work]:
        namespace = obj["metadata"].get("namespace", "")
        return [(reconciler, namespace, o["name"]) for o in obj["metadata"].get("ownerReferences") or () if o["kind"] == kind]

    @property
    def now(self) -> str:
        return self.api.clock.timestamp()

    def seconds(self, row: str) -> float:
        """A row of data/controller_timings.json."""
        return _timings()[row]

    # --- writing -----------------------------------------------------------------------------------------------------------------

    def enqueue(self, reconciler: str, namespace: str, name: str, delay_s: float | None = None) -> None:
        self.enqueue_hook(reconciler, namespace, name, delay_s)

    def create(self, kind: str, body: Json, manager: str = MANAGER) -> Json:
        """Create an object; ApiStatusError when the server refuses it."""
        resource = self.resource(kind)
        return self.api.writer.insert(resource, {"apiVersion": resource.api_version, "kind": kind, **body}, Options(manager))

    def update(self, kind: str, old: Json, new: Json, manager: str = MANAGER) -> Json:
        return self.api.writer.store_change(self.resource(kind), old, new, Options(manager))

    def set_status(self, kind: str, old: Json, status: Json, manager: str = MANAGER, annotations: Json | None = None) -> Json:
        """Write status (and annotations) when it differs from what is there."""
        if old.get("status") == status and not annotations:
            return old
        new = copied(old)
        new["status"] = status
        if annotations:
            new["metadata"]["annotations"] = {**(new["metadata"].get("annotations") or {}), **annotations}
        return self.api.writer.store_change(self.resource(kind), old, new, Options(manager), "status")

    def delete(self, kind: str, obj: Json) -> None:
        self.api.writer.mark_deleted(self.resource(kind), obj, {})

    def remove(self, kind: str, obj: Json) -> None:
        self.api.writer.remove(self.resource(kind), obj)

    def event(self, kind: str, obj: Json, event_type: str, reason: str, message: str, component: str) -> None:
        """Record an Event; the same one again counts up."""
        meta = obj["metadata"]
        namespace = meta.get("namespace") or "default"
        name = f"{meta['name']}.{name_hash([meta['uid'], reason, message], 16)}"
        there = self.get("Event", namespace, name)
        if there is not None:
            self.update("Event", there, {**there, "count": there.get("count", 1) + 1, "lastTimestamp": self.now}, component)
            return
        resource = self.resource(kind)
        involved = {"apiVersion": resource.api_version, "kind": kind, "name": meta["name"], "uid": meta["uid"]}
        if meta.get("namespace"):
            involved["namespace"] = namespace
        body = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "type": event_type,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": self.now,
            "lastTimestamp": self.now,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
        }
        try:
            self.create("Event", body, component)
        except ApiStatusError:
            return  # an event into a namespace that is going: the real server refuses it too

    # --- notes -------------------------------------------------------------------------------------------------------------------

    def note(self, key: str, value: Any) -> None:
        """Remember something that no object carries; None forgets it."""
        with self.api.store.transaction() as db:
            if value is None:
                db.execute("DELETE FROM kube_note WHERE cluster = ? AND key = ?", (self.api.cluster_id, key))
            else:
                db.execute("INSERT OR REPLACE INTO kube_note VALUES (?, ?, ?)", (self.api.cluster_id, key, json.dumps(value)))

    def noted(self, key: str) -> Any:
        row = self.api.store.db.execute("SELECT value FROM kube_note WHERE cluster = ? AND key = ?", (self.api.cluster_id, key)).fetchone()
        return None if row is None else json.loads(row["value"])

    def notes(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """(key, value) of the notes whose key starts with ``prefix``."""
        sql = "SELECT key, value FROM kube_note WHERE cluster = ? AND key >= ? AND key < ? ORDER BY key"
        for row in self.api.store.db.execute(sql, (self.api.cluster_id, prefix, prefix + "\U0010ffff")).fetchall():
            yield row["key"], json.loads(row["value"])


def owner_reference(owner: Json) -> Json:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(old: list[Json] | None, kind: str, status: str, reason: str, message: str, now: str, update_time: bool = False) -> Json:
    """A condition; its transition time stays while its status does, its update time while nothing changes."""
    before = next((c for c in old or () if c["type"] == kind), None)
    if before is not None and (before["status"], before.get("reason"), before.get("message")) == (status, reason, message):
        return before
    same = before is not None and before["status"] == status
    row = {"type": kind, "status": status, "lastTransitionTime": before["lastTransitionTime"] if same and before else now}
    if update_time:
        row["lastUpdateTime"] = now
    return {**row, "reason": reason, "message": message}
