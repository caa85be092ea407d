"""Ownership after create, PUT and PATCH, and what else a write changes in metadata."""

from __future__ import annotations

from dataclasses import replace

from giqplan.kube import fieldset, managers
from giqplan.kube.empty import empty_object
from giqplan.kube.managers import UPDATE, BadEntryError, Entry, Managers
from giqplan.kube.schema import Schema
from giqplan.kube.values import Json, JsonObject

_REPLICAS: fieldset.ElementPath = ("f:spec", "f:replicas")
_ONLY_REPLICAS: fieldset.FieldSet = {"f:spec": {"f:replicas": {}}}


def track_update(before: JsonObject | None, after: JsonObject, *, manager: str, now: str, schema: Schema, subresource: str = "") -> Json:
    """``after`` with the managedFields it gets when ``manager`` writes it by POST (``before`` None), PUT or PATCH.

    ``after`` is the object as it will be stored (defaults in it). managedFields that it brings along count as the server lets them
    count: ``[{}]`` and ``[]`` clear them, broken or none: those of ``before``. A subresource cannot bring any; ``scale`` moves one field.
    """
    known = _known(before, after, subresource)
    body = managers.prepared(after)
    if subresource == "scale" and before is not None:
        owners = _scaled(known, before, body, manager, schema)
    elif before is not None and not known:
        owners = {}  # an object that nobody owns stays so (internal/skipnonapplied.go)
    else:
        nothing = empty_object(body.get("apiVersion", ""), body.get("kind", ""), schema.is_custom)
        start = managers.prepared(before) if before is not None else nothing
        mine = Entry(manager, UPDATE, body.get("apiVersion", ""), subresource, {})
        owners = managers.recorded_update(known, start, body, schema, mine, now)
    listed = managers.encode(owners)
    meta = dict(body.get("metadata") or {})
    return {**body, "metadata": {**meta, "managedFields": listed} if listed else meta}


def _known(before: JsonObject | None, after: JsonObject, subresource: str) -> Managers:
    given = (after.get("metadata") or {}).get("managedFields")
    if not subresource:
        if given is not None and (not given or (len(given) == 1 and not given[0])):
            return {}
        try:
            found = managers.decode(given)
        except (BadEntryError, AttributeError, TypeError):
            found = {}
        if found:
            return found
    return managers.decode((before.get("metadata") or {}).get("managedFields")) if before is not None else {}


def _scaled(known: Managers, before: JsonObject, after: JsonObject, manager: str, schema: Schema) -> Managers:
    """A write to /scale takes the replicas over from whoever owned them; when nobody did, nobody does (managedfields/scalehandler.go)."""
    if not any(fieldset.has(e.fields, _REPLICAS) for e in known.values()):
        return known
    changed = fieldset.compare(managers.prepared(before), after, schema)
    if not (fieldset.has(changed.modified, _REPLICAS) or fieldset.has(changed.added, _REPLICAS)):
        return known
    out = {}
    for key, entry in known.items():
        fields = fieldset.difference(entry.fields, _ONLY_REPLICAS)
        if fields:
            out[key] = replace(entry, fields=fields)
    mine = Entry(manager, UPDATE, after.get("apiVersion", ""), "scale", _ONLY_REPLICAS)
    out[mine.key] = mine
    return out


def needs_new_generation(before: JsonObject, after: JsonObject, has_status: bool = True) -> bool:
    """Whether a kind that has generations counts up: anything but metadata (and status, when it is a subresource) differs.

    Source: the registries' PrepareForUpdate (apps/deployment, apiextensions customresource): deep equality of spec.
    """

    def counted(obj: JsonObject) -> Json:
        return {k: v for k, v in obj.items() if k not in ("metadata", "apiVersion", "kind") and not (has_status and k == "status")}

    return not fieldset.equal(counted(before), counted(after))
