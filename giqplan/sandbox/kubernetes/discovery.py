"""Discovery: /version, /api, /apis and the lists of resources, in the old and in the aggregated form."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from giqplan.sandbox.kubernetes.resources import Resource, version_rank

Json = dict[str, Any]

_SUBRESOURCE_VERBS = {"log": ["get"], "finalize": ["update"]}
_STATUS_VERBS = ["get", "patch", "update"]


def version_document(server_version: str) -> Json:
    """/version. ``server_version``: ``1.33.5-gke.1080000``."""
    match = re.match(r"v?(\d+)\.(\d+)", server_version)
    major, minor = match.groups() if match else ("1", "33")
    commit = hashlib.sha1(server_version.encode(), usedforsecurity=False).hexdigest()
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": "v" + server_version.removeprefix("v"),
        "gitCommit": commit,
        "gitTreeState": "clean",
        "buildDate": "2025-01-01T00:00:00Z",
        "goVersion": "go1.24.0",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def core_versions() -> Json:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}],
    }


def groups_of(resources: Iterable[Resource]) -> Mapping[str, Mapping[str, Sequence[Resource]]]:
    """Resources by group and version, versions in order of preference."""
    found: dict[str, dict[str, list[Resource]]] = {}
    for r in resources:
        found.setdefault(r.group, {}).setdefault(r.version, []).append(r)
    return {g: dict(sorted(v.items(), key=lambda item: version_rank(item[0]))) for g, v in found.items()}


def group_document(group: str, versions: Iterable[str], alone: bool = True) -> Json:
    """One APIGroup; ``alone``: as a document of its own."""
    rows = [{"groupVersion": f"{group}/{v}", "version": v} for v in versions]
    head: Json = {"kind": "APIGroup", "apiVersion": "v1"} if alone else {}
    return {**head, "name": group, "versions": rows, "preferredVersion": rows[0]}


def group_list(resources: Iterable[Resource]) -> Json:
    groups = [group_document(g, versions, alone=False) for g, versions in groups_of(resources).items() if g]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _hash(resource: Resource) -> str:
    text = f"{resource.group}/{resource.version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def resource_list(group_version: str, resources: Iterable[Resource]) -> Json:
    """The APIResourceList of one group version."""
    rows: list[Json] = []
    for r in resources:
        row: Json = {"name": r.plural, "singularName": r.singular, "namespaced": r.namespaced, "kind": r.kind, "verbs": list(r.verbs)}
        if r.short_names:
            row["shortNames"] = list(r.short_names)
        if r.categories:
            row["categories"] = list(r.categories)
        if "list" in r.verbs:
            row["storageVersionHash"] = _hash(_stored(r))
        rows.append(row)
        for sub in r.subresources:
            named: Json = {"name": f"{r.plural}/{sub}", "singularName": "", "namespaced": r.namespaced, "kind": r.kind}
            if sub == "scale":
                named |= {"group": "autoscaling", "version": "v1", "kind": "Scale"}
            rows.append({**named, "verbs": _SUBRESOURCE_VERBS.get(sub, _STATUS_VERBS)})
    head: Json = {"kind": "APIResourceList"}
    if group_version != "v1":
        head["apiVersion"] = "v1"
    return {**head, "groupVersion": group_version, "resources": rows}


def _stored(resource: Resource) -> Resource:
    """The version that is stored: an HPA is stored as autoscaling/v2 (recorded hash)."""
    from dataclasses import replace

    if (resource.group, resource.version) == ("autoscaling", "v1"):
        return replace(resource, version="v2")
    return resource


def aggregated(resources: Iterable[Resource], core: bool, api_version: str) -> Json:
    """The APIGroupDiscoveryList of the core group, or of all the others."""
    items = []
    for group, versions in groups_of(resources).items():
        if (group == "") != core:
            continue
        rows = [
            {"version": v, "resources": [_aggregated_resource(r) for r in found], "freshness": "Current"} for v, found in versions.items()
        ]
        meta: Json = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
        items.append({"metadata": meta, "versions": rows})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{api_version}", "metadata": {}, "items": items}


def _aggregated_resource(r: Resource) -> Json:
    # Only custom resources say group and version of their kind here; built-in ones leave them empty (recorded).
    kind = {"group": r.group, "version": r.version, "kind": r.kind} if r.custom else {"group": "", "version": "", "kind": r.kind}
    row: Json = {
        "resource": r.plural,
        "responseKind": kind,
        "scope": "Namespaced" if r.namespaced else "Cluster",
        "singularResource": r.singular,
        "verbs": list(r.verbs),
    }
    if r.short_names:
        row["shortNames"] = list(r.short_names)
    if r.categories:
        row["categories"] = list(r.categories)
    if r.subresources:
        row["subresources"] = [_aggregated_sub(r, sub, kind) for sub in r.subresources]
    return row


def _aggregated_sub(r: Resource, sub: str, kind: Json) -> Json:
    shown = {"group": "autoscaling", "version": "v1", "kind": "Scale"} if sub == "scale" else kind
    return {"subresource": sub, "responseKind": shown, "verbs": _SUBRESOURCE_VERBS.get(sub, _STATUS_VERBS)}
