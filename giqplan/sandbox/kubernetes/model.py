"""The seam to the pure model of Kubernetes objects (``giqplan.kube``): its answers for a served resource, its refusals as API errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from giqplan.kube import defaults, kinds, patch, quantity, ssa, typed, update, validate
from giqplan.kube import schema as schemas
from giqplan.kube.kinds import KindInfo
from giqplan.kube.refusal import Cause, Conflict, Refusal
from giqplan.kube.schema import Schema
from giqplan.kube.values import MAPS
from giqplan.sandbox.kubernetes import status
from giqplan.sandbox.kubernetes.resources import Resource

Json = dict[str, Any]
T = TypeVar("T")
_custom_schemas: dict[int, tuple[Any, Schema]] = {}


def schema_of(resource: Resource) -> Schema:
    """The schema of a resource's objects."""
    if resource.definition is None:
        return schemas.builtin(resource.api_version, resource.kind)
    raw = (resource.definition.get("schema") or {}).get("openAPIV3Schema") or {}
    found = _custom_schemas.get(id(raw))
    if found is None or found[0] is not raw:
        found = _custom_schemas[id(raw)] = (raw, schemas.from_crd(raw))
    return found[1]


def info_of(resource: Resource) -> KindInfo:
    """The resource as the model's rules know it."""
    if not resource.custom:
        try:
            return kinds.by_plural(resource.group, resource.version, resource.plural)
        except KeyError:
            pass
    return KindInfo(
        group=resource.group,
        version=resource.version,
        kind=resource.kind,
        plural=resource.plural,
        singular=resource.singular,
        namespaced=resource.namespaced,
        short_names=resource.short_names,
        categories=resource.categories,
        has_status="status" in resource.subresources,
        has_scale="scale" in resource.subresources,
        has_generation=resource.custom,
    )


def answered(resource: Resource, name: str, call: Callable[[], T]) -> T:
    """``call()``, with a refusal of the model as the server's answer."""
    try:
        return call()
    except Refusal as e:
        raise refused(resource, name, e) from None


def refused(resource: Resource, name: str, refusal: Refusal) -> status.ApiStatusError:
    """A refusal of the model as a Status."""
    if refusal.status == 422 and refusal.causes:
        return invalid(resource, name, refusal.causes)
    details: Json | None = None
    if refusal.reason == "Invalid":
        details = {}
    return status.failure(refusal.status, refusal.reason, refusal.message, details)


def invalid(resource: Resource, name: str, causes: Iterable[Cause]) -> status.ApiStatusError:
    return status.invalid(
        resource.kind, resource.group, name, [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    )


def with_defaults(resource: Resource, obj: Mapping[str, Any]) -> Json:
    return dict(defaults.with_defaults(obj, schema_of(resource)))


def unknown_fields(resource: Resource, obj: Mapping[str, Any]) -> tuple[str, ...]:
    return defaults.unknown_fields(obj, schema_of(resource))


def prune_unknown(resource: Resource, obj: Mapping[str, Any]) -> Json:
    return dict(defaults.prune_unknown(obj, schema_of(resource)))


def apply(
    resource: Resource, live: Json | None, applied: Json, *, manager: str, force: bool, now: str, subresource: str = ""
) -> tuple[Json, bool]:
    """Server-side apply: the object to be stored, and whether it differs. 409 for conflicts."""
    name = applied.get("metadata", {}).get("name", "")

    def call() -> ssa.Applied:
        return ssa.server_side_apply(
            live, applied, manager=manager, schema=schema_of(resource), force=force, now=now, subresource=subresource
        )

    outcome = answered(resource, name, call)
    if outcome.conflicts:
        raise status.apply_conflict(conflict_causes(outcome.conflicts))
    return dict(outcome.object), outcome.changed


def conflict_causes(conflicts: Iterable[Conflict]) -> list[Json]:
    """Conflicts as causes: the manager in words, its subresource and, for updates, its version (recorded)."""
    rows = []
    for c in conflicts:
        text = f'conflict with "{c.manager}"'
        if c.subresource:
            text += f' with subresource "{c.subresource}"'
        if c.operation == "Update":
            text += f" using {c.api_version}"
        rows.append({"reason": "FieldManagerConflict", "message": text, "field": c.path})
    return rows


def track(resource: Resource, before: Json | None, after: Json, *, manager: str, now: str, subresource: str = "") -> Json:
    """``after`` with the managedFields of a write by POST, PUT or PATCH."""
    return dict(update.track_update(before, after, manager=manager, now=now, schema=schema_of(resource), subresource=subresource))


def new_generation(resource: Resource, before: Json, after: Json) -> bool:
    """Whether metadata.generation counts up. A Deployment's counts changes of its annotations too (registry/apps/deployment)."""
    info = info_of(resource)
    if not info.has_generation:
        return False
    if resource.kind == "Deployment" and not resource.custom:
        notes, old_notes = (o["metadata"].get("annotations") or {} for o in (after, before))
        if notes != old_notes:
            return True
    schema = schema_of(resource)
    return update.needs_new_generation(_even(before, schema), _even(after, schema), info.has_status)


def _even(value: Any, schema: Schema) -> Any:
    """``value`` with quantities in one notation: generation compares what they mean."""
    if isinstance(value, MAPS):
        found = {}
        for key, inner in value.items():
            child = schema.field(key)
            found[key] = inner if child is None or (key == "metadata" and "apiVersion" in value) else _even(inner, child)
        return found
    if isinstance(value, list):
        return [_even(item, schema.items) for item in value]
    return f"{quantity.parse(value).normalize():f}" if schema.quantity and value is not None else value


def causes_against(resource: Resource, obj: Json, old: Json | None) -> tuple[Cause, ...]:
    """Why the server would refuse to store ``obj``."""
    return validate.validate(obj, old, info_of(resource), schema_of(resource))


def decode_error(resource: Resource, obj: Mapping[str, Any]) -> str:
    """Why ``obj`` does not fit the Go types of its kind; empty when it does."""
    return typed.decode_error(obj, schema_of(resource))


def patched(resource: Resource, name: str, live: Json, body: Any, media: str) -> Json:
    """``live`` after a JSON, merge or strategic merge patch."""

    def call() -> Json:
        if media == "application/json-patch+json":
            return dict(patch.json_patch(live, body))
        if media == "application/merge-patch+json":
            return dict(patch.merge_patch(live, body))
        return dict(patch.strategic_merge_patch(live, body, schema_of(resource)))

    return answered(resource, name, call)
