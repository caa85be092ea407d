"""A sandbox world and a state as plain values that do not differ from one run to the next: what the sweep compares, and what it counts."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: What controllers make, under names that chance gives.
_MADE_BY_CONTROLLERS = ("events", "pods", "replicasets", "nodes", "endpoints", "endpointslices", "leases")
_SYSTEM = ("kube-", "gmp-", "gke-", "default")
#: What the server alone decides and what differs from run to run.
_SERVERS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")
_DRAWN = ("clusterIP", "clusterIPs", "caBundle")
_CLUSTER_DRAWN = ("id", "endpoint", "createTime", "etag", "masterAuth", "privateClusterConfig", "controlPlaneEndpointsConfig")
_OURS = ("app.kubernetes.io/managed-by", "giqplan")


def world_of(database: Path) -> dict[str, Any]:
    """What the sandbox holds that somebody asked for: clusters, APIs, IAM policies, Kubernetes objects. The sandbox must not run."""
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        documents = [(k, key, json.loads(body)) for k, key, body in db.execute("SELECT kind, key, body FROM document ORDER BY kind, key")]
        objects = [(*row[:3], json.loads(row[3])) for row in db.execute("SELECT resource, namespace, name, body FROM kube_object")]
    finally:
        db.close()
    return {
        "clusters": {key: _unordered(_without(body, _CLUSTER_DRAWN)) for kind, key, body in documents if kind == "cluster"},
        "apis": {key: body["services"] for kind, key, body in documents if kind == "project"},
        "iam": {key: _bindings(body) for kind, key, body in documents if kind == "policy"},
        "objects": dict(sorted(_object(*row) for row in objects if _asked_for(*row))),
    }


def marked(world: Mapping[str, Any]) -> list[str]:
    """Everything of ``world`` that carries our marks."""
    objects = [name for name, body in world["objects"].items() if body["metadata"].get("labels", {}).get(_OURS[0]) == _OURS[1]]
    members = [
        f"{where} {b['role']} {m}" for where, bs in world["iam"].items() for b in bs for m in b["members"] if m.startswith("principal:")
    ]
    return [*objects, *members, *world["clusters"]]


def state_of(file: Path) -> dict[str, Any] | None:
    """The state without what differs from run to run; None when there is none."""
    if not file.exists():
        return None
    value = json.loads(file.read_bytes())
    kept = {key: value[key] for key in value if key not in ("lineage", "serial", "cluster_uid", "resources", "world")}
    return {**kept, "resources": {r["address"]: _entry(r) for r in value["resources"]}}


def sent(log: Sequence[tuple[str, str, str, int]]) -> set[str]:
    """What was asked for and done: method, path and field manager of every write that succeeded; a first replica count is one of them."""
    writes = [(m, path, query) for m, path, query, status in log if m in ("PATCH", "PUT", "DELETE") and status < 300]
    return {
        f"{m} {path} {query.partition('&')[0] if m == 'PATCH' else ''}".rstrip() for m, path, query in writes if "dryRun=All" not in query
    }


def twice(log: Sequence[tuple[str, str, str, int]]) -> list[str]:
    """What took effect more than once: (method, path, query, status) of the requests, dry-runs left out.

    A server-side apply that creates answers 201. Adding an IAM member writes the whole policy: who is in it is seen in the world, so a
    policy's writes are not counted. Turning an API on that is being turned on, or asking for it again, changes nothing.
    """
    counted: Counter[str] = Counter()
    for method, path, query, status in log:
        if "dryRun=All" in query:
            continue
        created = method == "PATCH" and status == 201
        cluster = method == "POST" and path.endswith("/clusters") and status == 200
        if created or cluster or (method == "DELETE" and status == 200):
            counted[f"{method} {path}"] += 1
    return [f"{what}: {count} times" for what, count in sorted(counted.items()) if count > 1]


def differences(before: Any, after: Any, at: str = "") -> list[str]:
    """Where two values differ, one line a leaf."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found = []
        for key in sorted({*before, *after}):
            if key not in before:
                found.append(f"{at}.{key}: only afterwards")
            elif key not in after:
                found.append(f"{at}.{key}: missing")
            else:
                found += differences(before[key], after[key], f"{at}.{key}")
        return found
    return [] if before == after else [f"{at}: {before!r} -> {after!r}"]


def _without(body: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in names}


def _unordered(value: Any) -> Any:
    """GKE's lists of words are sets."""
    if isinstance(value, Mapping):
        return {key: _unordered(inner) for key, inner in value.items()}
    return sorted(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else value


def _bindings(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [{"role": b["role"], "members": sorted(b["members"])} for b in policy["bindings"]]
    return sorted(found, key=lambda b: b["role"])


def _asked_for(resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> bool:
    labels = body["metadata"].get("labels", {})
    return resource not in _MADE_BY_CONTROLLERS and (labels.get(_OURS[0]) == _OURS[1] or not namespace.startswith(_SYSTEM))


def _object(resource: str, namespace: str, name: str, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A Deployment's replica count is its autoscaler's."""
    spec = body.get("spec")
    kept = {**_without(body, ("status", "secrets", *_DRAWN)), "metadata": _without(body["metadata"], _SERVERS)}
    if isinstance(spec, dict):
        kept["spec"] = _without(spec, _DRAWN if resource != "deployments" else (*_DRAWN, "replicas"))
    kept["ours"] = [entry["fieldsV1"] for entry in body["metadata"].get("managedFields", ()) if entry["manager"] == "giqplan"]
    return f"{resource} {namespace}/{name}", kept


def _entry(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a cluster are there with the cluster: who finds them set has not made them, and nothing hangs on it."""
    settings = resource["address"].startswith("google_container_cluster_")
    observed = _without(resource["observed"], _SERVERS) if isinstance(resource["observed"], dict) else None
    if isinstance(observed, dict) and isinstance(observed.get("spec"), dict):
        observed["spec"] = _without(observed["spec"], _DRAWN)
    return {**_without(resource, ("identity", "address")), "created": resource["created"] or settings, "observed": observed}
