"""CustomResourceDefinitions: their checks, defaults and conditions, and the resources they add to the server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from giqplan.sandbox.kubernetes.resources import Resource, from_definition

Json = dict[str, Any]
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class Definitions:
    """The custom resources of one cluster, by (group, version, plural); kept in step with the stored definitions."""

    def __init__(self) -> None:
        self._by_crd: dict[str, tuple[Resource, ...]] = {}
        self._index: dict[tuple[str, str, str], Resource] = {}

    def load(self, crd: Mapping[str, Any]) -> None:
        """Serve what the definition says from now on."""
        self._by_crd[crd["metadata"]["name"]] = tuple(from_definition(crd))
        self._reindex()

    def forget(self, name: str) -> None:
        self._by_crd.pop(name, None)
        self._reindex()

    def _reindex(self) -> None:
        self._index = {(r.group, r.version, r.plural): r for rows in self._by_crd.values() for r in rows}

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._index.get((group, version, plural))

    def of(self, crd_name: str) -> tuple[Resource, ...]:
        """The served versions of one definition."""
        return self._by_crd.get(crd_name, ())

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._index.values())


def completed(crd: Json) -> Json:
    """The definition with the defaults of apiextensions (names, conversion)."""
    spec = crd.get("spec") or {}
    names = dict(spec.get("names") or {})
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    conversion = spec.get("conversion") or {"strategy": "None"}
    return {**crd, "spec": {**spec, "names": names, "conversion": conversion}}


def first_status(crd: Json) -> Json:
    """The status of a definition that was just made."""
    stored = [v["name"] for v in crd["spec"]["versions"] if v.get("storage")]
    return {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}


def established(crd: Json, now: str) -> Json:
    """The status once names are accepted and the resources served."""
    rows = [
        {"type": "NamesAccepted", "status": "True", "lastTransitionTime": now, "reason": "NoConflicts", "message": "no conflicts found"},
        {
            "type": "Established",
            "status": "True",
            "lastTransitionTime": now,
            "reason": "InitialNamesAccepted",
            "message": "the initial names have been accepted",
        },
    ]
    stored = [v["name"] for v in crd["spec"]["versions"] if v.get("storage")]
    return {"conditions": rows, "acceptedNames": crd["spec"]["names"], "storedVersions": stored}


def terminating(crd: Json, now: str) -> Json:
    """The status while the objects of a deleted definition are removed."""
    row = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "InstanceDeletionInProgress",
        "message": "CustomResource deletion is in progress",
    }
    status = crd.get("status") or {}
    return {**status, "conditions": [*(status.get("conditions") or ()), row]}


def problems(crd: Json) -> list[Json]:
    """Why apiextensions would refuse a definition (the common mistakes), as causes."""
    spec, found = crd.get("spec") or {}, []

    def add(reason: str, message: str, field: str) -> None:
        found.append({"reason": reason, "message": message, "field": field})

    names = spec.get("names") or {}
    name = crd["metadata"].get("name", "")
    if names.get("plural") and spec.get("group") and name != f"{names['plural']}.{spec['group']}":
        add("FieldValueInvalid", f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group', "metadata.name")
    if not spec.get("group"):
        add("FieldValueRequired", "Required value", "spec.group")
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        add("FieldValueRequired" if not spec.get("scope") else "FieldValueNotSupported", "Required value", "spec.scope")
    versions = spec.get("versions") or []
    stored = [v for v in versions if v.get("storage")]
    if len(stored) != 1:
        message = (
            "Invalid value: []apiextensions.CustomResourceDefinitionVersion{}: must have exactly one version marked as storage version"
        )
        add("FieldValueInvalid", message, "spec.versions")
    for i, version in enumerate(versions):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            add("FieldValueRequired", "Required value: schemas are required", f"spec.versions[{i}].schema.openAPIV3Schema")
            continue
        place = "spec.validation.openAPIV3Schema" if len(versions) == 1 else f"spec.versions[{i}].schema.openAPIV3Schema"
        for path, text in _structural(schema, place):
            add("FieldValueRequired", text, path)
    for field in ("plural", "kind"):
        if not names.get(field):
            add("FieldValueRequired", "Required value", f"spec.names.{field}")
    if names.get("plural") and not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", names["plural"]):
        add(
            "FieldValueInvalid",
            f'Invalid value: "{names["plural"]}": a DNS-1035 label must consist of lower case alphanumeric characters',
            "spec.names.plural",
        )
    return found


def _structural(schema: Any, path: str, top: bool = True) -> Iterator[tuple[str, str]]:
    """Places of a schema without a type (a structural schema must say it)."""
    if not isinstance(schema, dict):
        return
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not schema.get("type") and not free:
        place = "for specified object fields" if not top else "at the root"
        yield f"{path}.type", f"Required value: must not be empty {place}"
    for name, child in (schema.get("properties") or {}).items():
        yield from _structural(child, f"{path}.properties[{name}]", top=False)
    if isinstance(schema.get("items"), dict):
        yield from _structural(schema["items"], f"{path}.items", top=False)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _structural(schema["additionalProperties"], f"{path}.additionalProperties", top=False)
