"""Drift: what is there now differs from what the server held when our last apply had settled, on the paths we own.

Pure, one resource at a time; plans and ``giqplan drift`` both ask it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from giqplan.kube.compare import ABSENT
from giqplan.model.address import Address
from giqplan.model.plan import ABSENT_LEAF, Cause, Drift, Leaf, Verb
from giqplan.model.resource import Live, Presence, Stage
from giqplan.model.values import JsonObject
from giqplan.resources.base import Kind


@dataclass(frozen=True)
class Recorded:
    """What state holds of a resource: what we sent, what the server held once that had settled, and whether we made it."""

    applied: JsonObject
    observed: JsonObject | None
    identity: str
    created: bool
    stage: Stage
    depends_on: tuple[Address, ...] = ()
    intents: tuple[str, ...] = ()

    @property
    def held(self) -> JsonObject:
        """What the server held then; what was sent, as long as that is not known."""
        return self.observed if self.observed is not None else self.applied


def leaves_between(kind: Kind, address: Address, before: JsonObject, after: JsonObject, cause: Cause) -> list[Leaf]:
    """The leaves in which ``after`` differs from ``before`` in meaning."""
    return [Leaf(d.path, leaf_value(d.before), leaf_value(d.after), cause) for d in kind.differences(before, after, address)]


def leaf_value(value: object) -> object:
    """A value of a comparison as plans carry it."""
    return ABSENT_LEAF if value is ABSENT else value


def are_reasons(kind: Kind, leaves: Iterable[Leaf]) -> bool:
    """Whether any leaf is a reason to act."""
    return any(not kind.informs_only(leaf.path) for leaf in leaves)


def drifted_leaves(kind: Kind, address: Address, recorded: Recorded, now: JsonObject) -> list[Leaf]:
    """From what the server held to what is there ``now`` on those paths, informing leaves included."""
    found = kind.drifted(recorded.held, now, address)
    return [Leaf(d.path, leaf_value(d.before), leaf_value(d.after), Cause.DRIFT) for d in found]


def drift_of(kind: Kind, address: Address, recorded: Recorded, live: Live) -> Drift | None:
    """The drift of one recorded resource; None when there is none, or when nobody could look."""
    if live.presence is Presence.ABSENT:
        return Drift(address, Verb.DELETE, before=recorded.held)
    if live.body is None:
        return None
    now = kind.project(live.body, recorded.held, address)
    return drift_in(kind, address, recorded, now, drifted_leaves(kind, address, recorded, now))


def drift_in(kind: Kind, address: Address, recorded: Recorded, now: JsonObject, leaves: list[Leaf]) -> Drift | None:
    """The drift that consists of ``leaves``; None when none of them is a reason to act."""
    return Drift(address, Verb.UPDATE, tuple(leaves), recorded.held, now) if are_reasons(kind, leaves) else None


def recorded_identities(recorded: Mapping[Address, Recorded]) -> Mapping[Address, str]:
    """Which thing each address was."""
    return {address: entry.identity for address, entry in recorded.items()}


def buckets_recorded(recorded: Mapping[Address, Recorded]) -> tuple[str, ...]:
    """The buckets that something recorded belongs to; the intent may have come to name another one since."""
    return tuple(sorted({str(entry.applied["bucket"]) for entry in recorded.values() if "bucket" in entry.applied}))
