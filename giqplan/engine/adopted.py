"""What was there before giqplan says so in the object itself: a destroy without a state then still leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from giqplan.engine.drift import Recorded
from giqplan.model.address import Address
from giqplan.model.resource import Presence, Resource
from giqplan.model.world import World
from giqplan.resources import REGISTRY
from giqplan.resources.kubernetes import KubernetesObject, as_adopted, is_adopted


def with_adopted_marks(resources: Sequence[Resource], recorded: Mapping[Address, Recorded], world: World) -> tuple[Resource, ...]:
    """The resources, those that giqplan did not make with the annotation that says so. State decides; without it, the object does."""
    return tuple(replace(r, desired=as_adopted(r.desired)) if _adopted(r, recorded.get(r.address), world) else r for r in resources)


def _adopted(resource: Resource, recorded: Recorded | None, world: World) -> bool:
    kind = REGISTRY.of(resource.address)
    if not isinstance(kind, KubernetesObject):
        return False
    live = kind.live(resource.address, resource.desired, world)
    if recorded is not None:
        return not recorded.created and live.presence is not Presence.ABSENT
    return live.body is not None and (not live.ours or is_adopted(live.body))
