"""Server-side apply, as kube-apiserver 1.33 does it.

The algorithm is that of structured-merge-diff (merge/update.go: Apply, prune, addBackOwnedItems, addBackDanglingItems) inside the
layers of k8s.io/apimachinery/pkg/util/managedfields. Fields owned through another apiVersion of the kind keep their paths.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from giqplan.kube import defaults, fieldset, managers
from giqplan.kube.empty import empty_object
from giqplan.kube.fieldset import FieldSet
from giqplan.kube.managers import APPLY, UPDATE, Entry, Key, Managers
from giqplan.kube.merge import merge, remove
from giqplan.kube.refusal import Cause, Conflict
from giqplan.kube.schema import Schema
from giqplan.kube.typed import check_applied
from giqplan.kube.values import Json, JsonObject, copied

KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
BEFORE_FIRST_APPLY = "before-first-apply"


@dataclass(frozen=True)
class Applied:
    """The outcome of an apply. ``object``: what the server would store (managedFields and defaults in it), except what only a server
    can fill in (uid, resourceVersion, generation, clusterIP ...), which is carried over from live. With ``conflicts`` it is live as it was.
    ``changed``: whether anything but the times of managedFields differs from live; if not, nothing is written and ``object`` is live."""

    object: JsonObject = field(hash=False)
    conflicts: tuple[Conflict, ...] = ()
    changed: bool = True


def server_side_apply(
    live: JsonObject | None,
    applied: JsonObject,
    *,
    manager: str,
    schema: Schema,
    force: bool = False,
    now: str,
    subresource: str = "",
) -> Applied:
    """Apply ``applied`` (the fully specified intent of ``manager``) to ``live`` (None: create).

    ``now`` is the time written into managedFields. ``subresource``: empty or ``status``. The caller has made sure that name, namespace
    and kind agree, and that ``applied`` carries no managedFields. Raises ``Refusal`` (500) for what the schema does not allow.
    """
    check_applied(applied, schema)
    if live is None:
        known: Managers = {}
        base: Json = {}
    else:
        known = managers.decode(live["metadata"].get("managedFields"))
        base = managers.prepared(live)
        if not known:
            known = _before_first_apply(base, schema, now)
    mine = Entry(manager, APPLY, applied.get("apiVersion", ""), subresource, {})
    attempt = _attempt(base, applied, known, mine, schema)
    conflicts = () if force else _conflicts(attempt.lost, known)
    if conflicts and manager == KUBECTL:
        conflicts = _not_from_client_side(conflicts, attempt.lost, base, schema)
    if conflicts:
        return Applied(live or {}, conflicts, changed=False)
    return _outcome(live, base, applied, attempt, mine, schema, now)


@dataclass(frozen=True)
class _Attempt:
    """An apply as far as ownership allows: the merged and pruned object, who owns what then, and what others lose by it."""

    merged: Json
    owners: Managers
    lost: dict[Key, FieldSet]
    same: bool


def _attempt(base: Json, applied: JsonObject, known: Managers, mine: Entry, schema: Schema) -> _Attempt:
    ignored = managers.ignored_fields(mine.subresource, schema.is_custom)
    merged = merge(base, applied, schema)
    last = known.get(mine.key)
    wanted = fieldset.without(fieldset.fields_of(applied, schema), ignored)
    # Names and the like count while pruning (they hold metadata in place); afterwards nobody owns them.
    owners = {**known, mine.key: replace(mine, fields=wanted, time=last.time if last else "")}
    if last is not None and last.fields:
        merged = _pruned(merged, last.fields, owners, schema)
    owners[mine.key] = replace(owners[mine.key], fields=managers.stripped(wanted))
    changed = fieldset.compare(base, merged, schema).leave_out(ignored)
    lost = managers.conflicting(owners, mine.key, changed)
    return _Attempt(merged, managers.taken_away(owners, mine.key, lost, changed.removed), lost, fieldset.equal(base, merged))


def _pruned(merged: Json, last: FieldSet, owners: Managers, schema: Schema) -> Json:
    """``merged`` without what we owned, no longer send, and nobody else owns."""

    def with_parents(fields: FieldSet) -> FieldSet:
        return fieldset.with_named_parents(fields, schema)

    held = with_parents(fieldset.fields_of(merged, schema))
    pruned = remove(merged, with_parents(last), schema)
    kept = with_parents(fieldset.fields_of(pruned or {}, schema))
    owned = with_parents(managers.all_fields(owners.values()))
    pruned = remove(merged, fieldset.difference(held, fieldset.union(kept, owned)), schema)
    kept = with_parents(fieldset.fields_of(pruned or {}, schema))
    gone = fieldset.intersection(fieldset.difference(held, kept), with_parents(last))
    return remove(merged, gone, schema) or {}


def _before_first_apply(base: Json, schema: Schema, now: str) -> Managers:
    """An object nobody is recorded for: all it holds goes to one manager, so that a first apply cannot take it silently."""
    owner = Entry(BEFORE_FIRST_APPLY, UPDATE, base.get("apiVersion", ""), "", {})
    nothing = empty_object(base.get("apiVersion", ""), base.get("kind", ""), schema.is_custom)
    return managers.recorded_update({}, nothing, base, schema, owner, now)


def _outcome(live: JsonObject | None, base: Json, applied: JsonObject, attempt: _Attempt, mine: Entry, schema: Schema, now: str) -> Applied:
    owners = dict(attempt.owners)
    body: Json = base
    if live is None or not attempt.same:
        body = _carried_over(live, attempt.merged, mine.subresource, schema)
        if mine.key in owners:
            owners[mine.key] = replace(owners[mine.key], time=now)
    if mine.manager == KUBECTL and not mine.subresource and _annotation(body) is not None:
        body = _with_last_applied(body, applied)
    result = defaults.with_defaults(body, schema)
    listed = managers.encode(owners)
    meta = dict(result.get("metadata") or {})
    result["metadata"] = {**meta, "managedFields": listed} if listed else meta
    if live is not None and not _differ(live, result):
        return Applied(live, changed=False)
    return Applied(result)


def _carried_over(live: JsonObject | None, merged: Json, subresource: str, schema: Schema) -> Json:
    """``merged`` with what a write to ``subresource`` cannot change taken from ``live``."""
    if schema.field("status") is None:
        return merged
    if subresource == "status" and live is not None:
        return {**managers.prepared(live), **({"status": merged["status"]} if "status" in merged else {})}
    out = {k: v for k, v in merged.items() if k != "status"}
    return {**out, "status": live["status"]} if live is not None and "status" in live else out


def _differ(live: JsonObject, result: JsonObject) -> bool:
    """Whether the server would write: times of managedFields alone are no change (managedfields, ignoreTimestamps)."""

    def timeless(obj: JsonObject) -> Any:
        meta = obj.get("metadata") or {}
        entries = [{k: v for k, v in e.items() if k != "time"} for e in meta.get("managedFields") or ()]
        return {**obj, "metadata": {**meta, "managedFields": entries}}

    return not fieldset.equal(timeless(live), timeless(result))


def _conflicts(lost: dict[Key, FieldSet], known: Managers) -> tuple[Conflict, ...]:
    found = [_conflict(known[key], path) for key, fields in lost.items() for path in fieldset.members(fields)]
    return tuple(sorted(found, key=lambda c: (c.manager, c.operation, c.api_version, c.subresource, c.path)))


def _conflict(entry: Entry, path: fieldset.ElementPath) -> Conflict:
    return Conflict(entry.manager, entry.operation, entry.api_version, entry.subresource, entry.time, fieldset.path_text(path))


def _not_from_client_side(conflicts: Iterable[Conflict], lost: dict[Key, FieldSet], base: Json, schema: Schema) -> tuple[Conflict, ...]:
    """The conflicts that are not about fields which a client-side ``kubectl apply`` set (internal/lastappliedmanager.go)."""
    text = _annotation(base)
    try:
        before = json.loads(text) if text else None
    except ValueError:
        before = None
    if not isinstance(before, dict):
        return tuple(conflicts)
    theirs = fieldset.fields_of(before, schema)
    allowed = {fieldset.path_text(p) for p in fieldset.members(theirs)}
    return tuple(c for c in conflicts if c.path not in allowed)


def _annotation(obj: JsonObject) -> str | None:
    text: str | None = ((obj.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    return text


def _with_last_applied(body: Json, applied: JsonObject) -> Json:
    """``body`` with kubectl's annotation brought up to date, as long as it is there (internal/lastappliedupdater.go)."""
    plain = copied(applied)
    (plain.setdefault("metadata", {}).get("annotations") or {}).pop(LAST_APPLIED, None)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    meta = body["metadata"]
    return {**body, "metadata": {**meta, "annotations": {**meta["annotations"], LAST_APPLIED: text}}}


def conflict_message(conflicts: Iterable[Conflict]) -> str:
    """The message of the 409 that the server answers."""
    listed = list(conflicts)
    head = f"Apply failed with {len(listed)} conflict{'s' if len(listed) > 1 else ''}: "
    if len(listed) == 1:
        return f"{head}conflict with {_owner(listed[0])}: {listed[0].path}"
    groups = groupby(sorted(listed, key=lambda c: (_owner(c), c.path)), key=_owner)
    return head + "\n".join(f"conflicts with {owner}:\n" + "\n".join(f"- {c.path}" for c in found) for owner, found in groups)


def conflict_causes(conflicts: Iterable[Conflict]) -> tuple[Cause, ...]:
    """The causes of the 409 that the server answers."""
    return tuple(Cause("FieldManagerConflict", f"conflict with {_owner(c)}", c.path) for c in conflicts)


def _owner(conflict: Conflict) -> str:
    text = f'"{conflict.manager}"'
    if conflict.subresource:
        text += f' with subresource "{conflict.subresource}"'
    if conflict.operation == UPDATE:
        text += f" using {conflict.api_version}"
    return text
