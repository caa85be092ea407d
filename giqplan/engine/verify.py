"""Dry-runs: the server itself says what an apply would hold. Only objects that change are asked about, all at once.

A dry-run that is refused for want of permission, or because the namespace is made by the same plan, leaves the change ``predicted``
(kube-apiserver 1.33: 403 without ``patch``; 404 in a missing namespace). A conflict is kept with the change and shown, whether it blocks
or not; ``Taking`` lists what may be taken from others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from giqplan.cloud import ConflictError
from giqplan.engine.narrow import matches
from giqplan.errors import CloudError
from giqplan.kube.adopt import CLIENT_SIDE, left_by_kubectl, removed_by_takeover
from giqplan.kube.compare import ABSENT, path_text, value_at
from giqplan.model.address import Address
from giqplan.model.calls import ApplyObject
from giqplan.model.plan import ABSENT_LEAF, Adjustment, Cause, Change, Confidence, Conflict, Leaf, Taking, Verb
from giqplan.model.resource import Live, Presence, Resource
from giqplan.model.values import JsonObject, Path, leaves
from giqplan.model.world import World
from giqplan.resources import REGISTRY
from giqplan.resources.kubernetes import FIELD_MANAGER, MANAGED_BY, REPLICA_HOLDERS, KubernetesObject
from giqplan.threads import reading_threads

if TYPE_CHECKING:
    from giqplan.engine.observe import WorldPort
    from giqplan.kube.schema import Schema

_PARALLEL = 8


def verify(
    port: WorldPort, changes: Sequence[Change], resources: Mapping[Address, Resource], world: World, force: Sequence[str] = ()
) -> tuple[Change, ...]:
    """The changes, each as the server's dry-run shows it where one was possible. ``force``: globs over the resources of which every
    conflict is won (--force-conflicts)."""
    changes = [_with_heritage(change, resources, world) for change in changes]
    asked = [c for c in changes if c.verb in (Verb.CREATE, Verb.UPDATE) and isinstance(REGISTRY.of(c.address), KubernetesObject)]
    if not asked:
        return tuple(changes)
    with reading_threads(min(_PARALLEL, len(asked))) as pool:
        found = pool.map(lambda c: _one(port, c, resources[c.address], world, force), asked)
        answers = dict(zip([c.address for c in asked], found, strict=True))
    return tuple(answers.get(change.address, change) for change in changes)


def _with_heritage(change: Change, resources: Mapping[Address, Resource], world: World) -> Change:
    """What is as wanted but still kubectl's is taken over too, or a field that the intent drops later would stay for ever."""
    kind = REGISTRY.of(change.address)
    if (
        change.verb is not Verb.NOOP
        or change.foreign
        or change.left
        or change.address not in resources
        or not isinstance(kind, KubernetesObject)
    ):
        return change
    live = kind.live(change.address, resources[change.address].desired, world).body
    if live is None or CLIENT_SIDE not in left_by_kubectl(live, FIELD_MANAGER):
        return change
    return replace(change, verb=Verb.UPDATE, cause=Cause.LEFT_BY_KUBECTL)


def gives_back(path: str, manager: str) -> bool:
    """Whether the autoscaler, or our own first count, holds a replica count: an intent that sets it again has no autoscaler any more, so
    nobody loses anything (facts of server-side apply, "Transferring ownership")."""
    return path == ".spec.replicas" and manager in REPLICA_HOLDERS


def dry_run(kind: KubernetesObject, resource: Resource, world: World) -> ApplyObject:
    """The dry-run that shows what applying ``resource`` would hold."""
    send = kind.steps(Verb.UPDATE, resource.address, resource.desired, Live(Presence.ABSENT), world.scope)[0].action
    assert isinstance(send, ApplyObject)
    return replace(send, dry_run=True)


def _one(port: WorldPort, change: Change, resource: Resource, world: World, force: Sequence[str]) -> Change:
    kind = REGISTRY.of(change.address)
    assert isinstance(kind, KubernetesObject)
    send = dry_run(kind, resource, world)
    live = kind.live(change.address, resource.desired, world).body
    heirless = left_by_kubectl(live, FIELD_MANAGER) if live is not None and not change.foreign else frozenset()
    change = replace(change, adopts=bool(heirless))
    try:
        try:
            result = port.execute(send)
        except ConflictError as error:
            change = _contested(kind, change, resource, error, world)
            forced = any(matches(glob, change) for glob in force)
            change = replace(change, conflicts=tuple(replace(c, taken=_taking(c, heirless, forced)) for c in change.conflicts))
            if change.blocked_by:
                return change
            result = port.execute(replace(send, force=True))
    except CloudError as error:
        return _refused(change, error)
    if change.verb is Verb.CREATE and result.made is False:
        change = _met(change, result.body["metadata"].get("uid", ""))
    return _as_held(kind, change, resource, result.body, world)


def _taking(conflict: Conflict, heirless: Collection[str], forced: bool) -> Taking | None:
    if gives_back(conflict.path, conflict.manager):
        return Taking.HANDED_BACK
    if conflict.manager in heirless:
        return Taking.ADOPTED
    return Taking.FORCED if forced else None


def _met(change: Change, uid: str) -> Change:
    """It is there after all: the list by label does not show what others made. ``uid`` "" = the server did not say."""
    label, value = MANAGED_BY
    leaf = Leaf(("metadata", "labels", label), ABSENT_LEAF, value, Cause.ADOPT)
    notes = (*change.notes, "it is there already: it was made by others")
    return replace(change, verb=Verb.UPDATE, cause=Cause.ADOPT, leaves=(leaf,), notes=notes, identity=uid, foreign=True)


def _contested(kind: KubernetesObject, change: Change, resource: Resource, error: ConflictError, world: World) -> Change:
    """The change with what others hold; the server names manager and path, both values are looked up here."""
    live = kind.live(change.address, resource.desired, world).body
    found = (
        Conflict(c.path, c.manager, _named(live, c.path, kind.schema), _named(resource.desired, c.path, kind.schema))
        for c in error.conflicts
    )
    met = _met(change, "") if change.verb is Verb.CREATE else change  # a conflict needs something that is there
    return replace(met, conflicts=tuple(found), confidence=Confidence.VERIFIED)


def _named(value: Any, path: str, schema: Schema) -> Any:
    """What stands at a path as the server writes it (``.spec.containers[name="web"].image``); None when nothing does."""
    from giqplan.kube.fieldset import is_granular, items_by_element, path_text
    from giqplan.kube.schema import ANY

    if not path or not value or not is_granular(value, schema):
        return None if path else value
    for step, inner in items_by_element(value, schema).items():
        text = path_text((step,))
        if path.startswith(text) and path[len(text) : len(text) + 1] in ("", ".", "["):  # a key of a free map may hold dots itself
            found = _named(inner, path[len(text) :], schema.field(step[2:]) or ANY if step.startswith("f:") else schema.items)
            if found is not None:
                return found
    return None


def _refused(change: Change, error: CloudError) -> Change:
    if error.status in (403, 404):
        why = "the caller may not dry-run" if error.status == 403 else "its namespace or kind is made by this plan"
        return replace(change, notes=(*change.notes, f"no dry-run: {why}"))
    raise error


def _as_held(kind: KubernetesObject, change: Change, resource: Resource, held: JsonObject, world: World) -> Change:
    """The change with the value that the server would hold: its leaves are those that differ from what is there now."""
    after = kind.project(held, resource.desired, change.address)
    adjusted = tuple(
        Adjustment(d.path, _leaf(d.before), _leaf(d.after), kind.platform_source(d.path), predicted=True)
        for d in kind.differences(resource.desired, after, change.address)
    )
    live = kind.live(change.address, resource.desired, world)
    if live.body is None:
        return replace(change, after=after, adjustments=adjusted, confidence=Confidence.VERIFIED)
    before = kind.project(live.body, resource.desired, change.address)
    reasons = {leaf.path: leaf.cause for leaf in change.leaves}
    gone, kept = _removed(kind, change, resource, held, live.body)
    found = tuple(
        Leaf(d.path, _leaf(d.before), _leaf(d.after), reasons.get(d.path, change.cause))
        for d in kind.differences(before, after, change.address)
    )
    seen = {leaf.path for leaf in found}
    once = (leaf for leaf in change.leaves if leaf.cause is Cause.NOT_THERE)  # sent one time, outside the desired value's shape
    outside = (leaf for leaf in (*gone, *once) if leaf.path not in seen)
    leaves = tuple(sorted((*found, *outside), key=lambda leaf: tuple(str(p) for p in leaf.path)))
    acts = bool(kept) or change.adopts or any(not kind.informs_only(leaf.path) for leaf in leaves)
    notes = (*change.notes, *(f"{path_text(path)} stays: another manager holds it too" for path in kept))
    shown = replace(change, after=after, adjustments=adjusted, notes=notes, confidence=Confidence.VERIFIED)
    return replace(shown, verb=change.verb if acts else Verb.NOOP, leaves=leaves if acts else ())


def _removed(
    kind: KubernetesObject, change: Change, resource: Resource, held: JsonObject, live: JsonObject
) -> tuple[list[Leaf], list[Path]]:
    """Leaves that the apply takes away: they stand outside the desired value's shape, so a projection cannot show them. And the paths
    of those that we give up and the server keeps, because somebody else holds them too.

    A dry-run cannot show what goes when an object is taken over: managedFields are rewritten first. That part is predicted.
    """
    ours = [leaf for leaf in change.leaves if leaf.after is ABSENT_LEAF]
    taken = removed_by_takeover(live, resource.desired, FIELD_MANAGER, kind.schema) if change.adopts else ()
    handed_over = {path for path, _ in leaves(resource.once or {})}
    taken = tuple(d for d in taken if d.path not in handed_over)
    going = {d.path for d in taken}
    gone = [Leaf(d.path, _leaf(d.before), ABSENT_LEAF, Cause.LEFT_BY_KUBECTL) for d in taken]
    kept = [leaf.path for leaf in ours if value_at(held, leaf.path) is not ABSENT and leaf.path not in going]
    gone += [replace(x, cause=Cause.INTENT if x.cause is Cause.DRIFT else x.cause) for x in ours if x.path not in kept]
    return list({leaf.path: leaf for leaf in gone}.values()), kept


def _leaf(value: object) -> object:
    return ABSENT_LEAF if value is ABSENT else value
