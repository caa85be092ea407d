"""Pins: what a plan read of each resource, so that apply can tell whether the world is still the one that was reviewed."""

from __future__ import annotations

from collections.abc import Iterable

from giqplan.model.plan import Change, Pin
from giqplan.model.resource import Presence
from giqplan.model.values import JsonObject
from giqplan.model.world import World
from giqplan.resources import REGISTRY
from giqplan.units import digest

UNREAD, ABSENT = "unread", "absent"


def pins_of(changes: Iterable[Change], world: World) -> tuple[Pin, ...]:
    """Identity, and a digest of the projection on the paths that we own or want (design section 2): never a raw resourceVersion or etag."""
    return tuple(_pin(change, world) for change in changes)


def _pin(change: Change, world: World) -> Pin:
    shape = shape_of(change)
    if shape is None or world.offline:
        return Pin(change.address, "", UNREAD if world.offline else ABSENT)
    kind = REGISTRY.of(change.address)
    live = kind.live(change.address, shape, world)
    if live.presence is Presence.UNKNOWN:
        return Pin(change.address, "", UNREAD)
    if live.body is None:
        return Pin(change.address, "", ABSENT)
    return Pin(change.address, live.identity, digest(kind.project(live.body, shape, change.address)))


def shape_of(change: Change) -> JsonObject | None:
    """The paths that a pin covers: what we want, else what we had. It does not depend on what a dry-run answered."""
    return change.desired if change.desired is not None else change.before
