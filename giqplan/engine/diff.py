"""One resource compared: what is wanted, what we sent last, what the server held then, and what is there now -> one Change.

Pure: everything it needs is in its arguments. The table of cases:

    wanted  recorded  live      verdict
    yes     no        absent    create
    yes     no        present   no-op or update: it exists, not recorded yet (adopt)
    yes     yes       absent    create: removed outside giqplan
    yes     yes       present   update when wanted differs from sent (the intent changed) or live from held (drift), else no-op
    no      yes       absent    forget
    no      yes       present   delete what we made, forget what we found
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from giqplan.engine.drift import Recorded, are_reasons, drift_in, drift_of, drifted_leaves, leaf_value, leaves_between
from giqplan.model.address import Address
from giqplan.model.plan import (
    Adjustment,
    Cause,
    Change,
    Confidence,
    Drift,
    Leaf,
    Verb,
)
from giqplan.model.resource import Live, Presence, Resource
from giqplan.model.values import JsonObject, Path
from giqplan.resources.base import Kind


@dataclass(frozen=True)
class Verdict:
    """The change and, when live differs from what the server held, the drift that it answers to."""

    change: Change
    drift: Drift | None = None


def compare_wanted(kind: Kind, wanted: Resource, recorded: Recorded | None, live: Live) -> Verdict:
    """The verdict on a resource that the intent has."""
    if live.presence is Presence.UNKNOWN:
        return _unseen(kind, wanted, recorded, live)
    if live.presence is Presence.ABSENT:
        return _create(kind, wanted, recorded, live)
    assert live.body is not None
    if recorded is None:
        return _found(kind, wanted, live, live.body)
    return _known(kind, wanted, recorded, live, live.body)


def compare_unwanted(kind: Kind, address: Address, recorded: Recorded, live: Live, cause: Cause) -> Change:
    """The change of a resource that state has and the intent has not (or that ``destroy`` takes down)."""
    verb, why, left = Verb.FORGET, "", ""
    if live.presence is Presence.UNKNOWN and recorded.created and kind.on_unwanted(cause) is Verb.DELETE:
        verb, left = Verb.NOOP, f"it could not be looked at{': ' + live.why if live.why else ''}"
    elif live.presence is Presence.PRESENT:
        verb = kind.on_unwanted(cause) if recorded.created else Verb.FORGET
        why = _left_because(verb) if recorded.created else "it was there before giqplan"
    elif live.presence is Presence.ABSENT:
        why = "it is gone already"
    before = kind.project(live.body, recorded.applied, address) if live.body is not None else recorded.applied
    return Change(
        address,
        verb,
        recorded.stage,
        before=before,
        after=before if verb is Verb.NOOP else None,
        cause=cause,
        why=why,
        depends_on=recorded.depends_on,
        confidence=Confidence.VERIFIED if live.presence is not Presence.UNKNOWN else Confidence.PREDICTED,
        identity=live.identity or recorded.identity,
        left=left,
    )


def _left_because(verb: Verb) -> str:
    return "it stays" if verb is Verb.FORGET else ""


def _create(kind: Kind, wanted: Resource, recorded: Recorded | None, live: Live) -> Verdict:
    cause = Cause.NOT_THERE if recorded is None else Cause.GONE
    change = _change(wanted, Verb.CREATE, cause, after=wanted.desired, identity="" if recorded is None else recorded.identity)
    return Verdict(change, None if recorded is None else drift_of(kind, wanted.address, recorded, live))


def _unseen(kind: Kind, wanted: Resource, recorded: Recorded | None, live: Live) -> Verdict:
    """Nobody could look. Without a record the whole value may be written; with one, only what the intent changed is."""
    note = (f"not compared: {live.why}",) if live.why else ()
    if recorded is None:
        change = _change(wanted, Verb.CREATE, Cause.NOT_THERE, after=wanted.desired, notes=note)
        return Verdict(replace(change, left="; ".join(note) if live.denied else ""))
    changed = leaves_between(kind, wanted.address, recorded.applied, wanted.desired, Cause.INTENT)
    if not are_reasons(kind, changed):
        return Verdict(_change(wanted, Verb.NOOP, Cause.INTENT, before=recorded.applied, after=recorded.applied, notes=note))
    change = _change(
        wanted, Verb.UPDATE, Cause.INTENT, before=recorded.applied, after=wanted.desired, leaves=_sorted(kind, changed), notes=note
    )
    return Verdict(change)


def _found(kind: Kind, wanted: Resource, live: Live, body: JsonObject) -> Verdict:
    """It exists and state does not know it: taken over as it is, changed only where it differs."""
    before = kind.project(body, wanted.desired, wanted.address)
    found = [*leaves_between(kind, wanted.address, before, wanted.desired, Cause.ADOPT), *_owed(kind, wanted, live)]
    marks = "it carries giqplan's marks" if live.ours else "it was made by others"
    foreign = not live.ours
    if not are_reasons(kind, found):
        same = _change(
            wanted, Verb.NOOP, Cause.ADOPT, before, before, confidence=Confidence.VERIFIED, identity=live.identity, notes=(marks,)
        )
        return Verdict(replace(same, foreign=foreign))
    verb, replaced = _verb(kind, found)
    leaves = _sorted(kind, found)
    change = _change(wanted, verb, Cause.ADOPT, before, wanted.desired, leaves, identity=live.identity, notes=(marks,), replaced=replaced)
    return Verdict(replace(change, foreign=foreign))


def _known(kind: Kind, wanted: Resource, recorded: Recorded, live: Live, body: JsonObject) -> Verdict:
    address = wanted.address
    intent = [
        x
        for x in leaves_between(kind, address, recorded.applied, wanted.desired, Cause.INTENT)
        if not kind.never_taken_back(x.before, x.after)
    ]
    now = kind.project(body, recorded.held, address)
    drifted = drifted_leaves(kind, address, recorded, now)
    drift = drift_in(kind, address, recorded, now, drifted)
    leaves = [*_merge(drifted, intent), *_owed(kind, wanted, live)]
    adjustments = adjustments_between(kind, address, recorded.applied, recorded.observed)
    if not are_reasons(kind, leaves):
        change = _change(wanted, Verb.NOOP, Cause.INTENT, now, now, adjustments=adjustments, identity=live.identity)
        return Verdict(replace(change, confidence=Confidence.VERIFIED), drift)
    verb, replaced = _verb(kind, leaves)
    cause = Cause.INTENT if are_reasons(kind, intent) else Cause.DRIFT
    before = kind.project(body, wanted.desired, address)
    change = _change(wanted, verb, cause, before, wanted.desired, _sorted(kind, leaves), identity=live.identity, replaced=replaced)
    return Verdict(change, drift)


def adjustments_between(kind: Kind, address: Address, applied: JsonObject, observed: JsonObject | None) -> tuple[Adjustment, ...]:
    """What the platform holds otherwise than we sent it: neither drift nor change. ``observed`` stands on the paths of ``applied``."""
    if observed is None:
        return ()
    found = kind.differences(applied, observed, address)
    return tuple(Adjustment(d.path, leaf_value(d.before), leaf_value(d.after), kind.platform_source(d.path)) for d in found)


def _owed(kind: Kind, wanted: Resource, live: Live) -> list[Leaf]:
    owed = kind.owed(live, wanted.once, wanted.address)
    return [Leaf(d.path, leaf_value(d.before), leaf_value(d.after), Cause.NOT_THERE) for d in owed]


def _sorted(kind: Kind, leaves: Iterable[Leaf]) -> tuple[Leaf, ...]:
    marked = (Leaf(x.path, x.before, x.after, Cause.WITH_ANOTHER) if kind.informs_only(x.path) else x for x in leaves)
    return tuple(sorted(marked, key=lambda leaf: tuple(str(part) for part in leaf.path)))


def _verb(kind: Kind, leaves: Iterable[Leaf]) -> tuple[Verb, tuple[Path, ...]]:
    replaced = tuple(leaf.path for leaf in leaves if any(leaf.path[: len(p)] == p for p in kind.immutable))
    return (Verb.REPLACE, replaced) if replaced else (Verb.UPDATE, ())


def _merge(drifted: list[Leaf], intent: list[Leaf]) -> list[Leaf]:
    """A drifted leaf goes back to what the server held; one that the intent changes too goes from what is there to what is wanted."""
    live = {leaf.path: leaf.after for leaf in drifted}
    merged = {leaf.path: Leaf(leaf.path, leaf.after, leaf.before, Cause.DRIFT) for leaf in drifted}
    merged |= {leaf.path: replace(leaf, before=live.get(leaf.path, leaf.before)) for leaf in intent}
    return [leaf for leaf in merged.values() if leaf.before != leaf.after]


def _change(
    wanted: Resource,
    verb: Verb,
    cause: Cause,
    before: JsonObject | None = None,
    after: JsonObject | None = None,
    leaves: tuple[Leaf, ...] = (),
    *,
    adjustments: tuple[Adjustment, ...] = (),
    identity: str = "",
    notes: tuple[str, ...] = (),
    confidence: Confidence = Confidence.PREDICTED,
    replaced: tuple[Path, ...] = (),
) -> Change:
    return Change(
        wanted.address,
        verb,
        wanted.stage,
        before,
        after,
        leaves,
        cause,
        wanted.why,
        wanted.depends_on,
        confidence,
        adjustments,
        (),
        replaced,
        identity,
        notes,
        desired=wanted.desired,
        once=wanted.once,
        intents=wanted.intents,
    )
