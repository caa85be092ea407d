"""managedFields: who owns which fields, read, written and changed by an apply or an update.

The rules are those of k8s.io/apimachinery/pkg/util/managedfields and of structured-merge-diff's merge/update.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from giqplan.kube import fieldset
from giqplan.kube.fieldset import Comparison, FieldSet
from giqplan.kube.schema import Schema
from giqplan.kube.values import MAPS, Json, JsonObject

APPLY, UPDATE = "Apply", "Update"
MAX_UPDATE_MANAGERS = 10
ANCIENT = "ancient-changes"
Key: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True)
class Entry:
    """One entry of managedFields."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    fields: FieldSet
    time: str = ""

    @property
    def key(self) -> Key:
        """What tells entries apart: appliers by name and subresource, updaters also by apiVersion."""
        return (self.manager, self.operation, "" if self.operation == APPLY else self.api_version, self.subresource)


Managers: TypeAlias = dict[Key, Entry]


class BadEntryError(ValueError):
    """managedFields that no server would have written."""


def decode(entries: Sequence[JsonObject] | None) -> Managers:
    """managedFields by key. ``BadEntryError`` for an operation or fieldsType that does not exist."""
    found: Managers = {}
    for raw in entries or ():
        if raw.get("operation") not in (APPLY, UPDATE) or raw.get("fieldsType", "FieldsV1") != "FieldsV1":
            raise BadEntryError(f"no operation or fieldsType: {raw.get('operation')!r}, {raw.get('fieldsType')!r}")
        entry = Entry(
            raw.get("manager", ""),
            raw["operation"],
            raw.get("apiVersion", ""),
            raw.get("subresource", ""),
            raw.get("fieldsV1") or {},
            raw.get("time") or "",
        )
        found[entry.key] = entry
    return found


def encode(managers: Managers) -> list[Json]:
    """managedFields as the server lists them: appliers first, then by time, name, version, subresource."""
    entries = sorted(managers.values(), key=lambda e: (e.operation, e.time, e.manager, e.api_version, e.subresource))
    return [_encoded(entry) for entry in entries if entry.fields]


def _encoded(entry: Entry) -> Json:
    out: Json = {"manager": entry.manager, "operation": entry.operation, "apiVersion": entry.api_version}
    if entry.time:
        out["time"] = entry.time
    out |= {"fieldsType": "FieldsV1", "fieldsV1": fieldset.in_order(entry.fields)}
    if entry.subresource:
        out["subresource"] = entry.subresource
    return out


_META_STRIPPED = ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion")
#: Fields nobody owns (managedfields/internal/stripmeta.go).
_NOBODYS: FieldSet = {"f:apiVersion": {}, "f:kind": {}, "f:metadata": {".": {}, **{f"f:{name}": {} for name in _META_STRIPPED}}}


def stripped(fields: FieldSet) -> FieldSet:
    """``fields`` without what nobody owns."""
    return fieldset.difference(fields, _NOBODYS)


def ignored_fields(subresource: str, custom: bool) -> FieldSet:
    """Fields that a write to ``subresource`` cannot change and so never owns (the registries' GetResetFields)."""
    if subresource != "status":
        return {"f:status": {}}
    return {"f:spec": {}, "f:metadata": {} if custom else {"f:labels": {}}}


def prepared(obj: JsonObject) -> Json:
    """``obj`` without managedFields: they are not part of what is compared."""
    meta = obj.get("metadata")
    if not isinstance(meta, MAPS) or "managedFields" not in meta:
        return dict(obj)
    return {**obj, "metadata": {k: v for k, v in meta.items() if k != "managedFields"}}


def conflicting(managers: Managers, key: Key, changed: Comparison) -> dict[Key, FieldSet]:
    """Per other manager, the fields it owns that the write changes."""
    touched = fieldset.union(changed.modified, changed.added)
    found = {}
    for other, entry in managers.items():
        if other != key:
            both = fieldset.intersection(entry.fields, touched)
            if both:
                found[other] = both
    return found


def taken_away(managers: Managers, key: Key, lost: Mapping[Key, FieldSet], removed: FieldSet) -> Managers:
    """``managers`` after the write: others lose ``lost``, and all others lose what was ``removed``; empty entries go."""
    out: Managers = {}
    for other, entry in managers.items():
        fields = entry.fields
        if other != key:
            fields = fieldset.difference(fieldset.difference(fields, lost.get(other, {})), removed)
        if fields:
            out[other] = entry if fields is entry.fields else replace(entry, fields=fields)
    return out


def capped(managers: Managers) -> Managers:
    """At most ten updaters: the oldest are merged into ``ancient-changes`` (managedfields/internal/capmanagers.go)."""
    updaters = [e for e in managers.values() if e.operation == UPDATE]
    if len(updaters) <= MAX_UPDATE_MANAGERS:
        return managers
    out = dict(managers)
    oldest = sorted(updaters, key=lambda e: (e.time, e.key))
    buckets: dict[str, Entry] = {}
    for entry in oldest:
        if sum(e.operation == UPDATE for e in out.values()) <= MAX_UPDATE_MANAGERS:
            break
        bucket = buckets.get(entry.api_version) or Entry(ANCIENT, UPDATE, entry.api_version, "", {})
        merged = replace(bucket, fields=fieldset.union(bucket.fields, entry.fields), time=entry.time)
        del out[entry.key]
        buckets[entry.api_version] = out[merged.key] = merged
    return out


def all_fields(managers: Iterable[Entry]) -> FieldSet:
    """The union of what the entries own."""
    out: FieldSet = {}
    for entry in managers:
        out = fieldset.union(out, entry.fields)
    return out


def recorded_update(managers: Managers, before: JsonObject, after: JsonObject, schema: Schema, mine: Entry, now: str) -> Managers:
    """``managers`` after ``mine`` (an updater's key, its fields do not count) changed ``before`` into ``after``."""
    changed = fieldset.compare(prepared(before), prepared(after), schema).leave_out(ignored_fields(mine.subresource, schema.is_custom))
    lost = conflicting(managers, _NO_KEY, changed)
    out = taken_away(managers, _NO_KEY, lost, changed.removed)
    gained = stripped(fieldset.union(changed.modified, changed.added))
    if gained:
        held = out.get(mine.key)
        out[mine.key] = replace(mine, fields=fieldset.union(held.fields, gained) if held else gained, time=now)
    return capped(out)


_NO_KEY: Key = ("", "", "", "")
