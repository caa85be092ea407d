"""GIQ1523: an object that giqplan applies is managed by another tool as well."""

from __future__ import annotations

from collections.abc import Iterable

from giqplan.checks.base import answer
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Change, Verb
from giqplan.model.world import World
from giqplan.resources import REGISTRY
from giqplan.resources.owners import other_manager

CODE = "GIQ1523"
_SHARED = "kubernetes_namespace"
_ENDS = (Verb.DELETE, Verb.FORGET)


def check(world: World, changes: Iterable[Change]) -> tuple[Check, ...]:
    """A warning for each object of ours with another tool's marks; what belongs to others altogether is GIQ1507's business."""
    found = []
    for change in changes:
        kind = REGISTRY.of(change.address)
        if kind.provider != "kubernetes" or change.address.type == _SHARED or change.foreign or change.verb in _ENDS:
            continue
        body = kind.live(change.address, change.desired or {}, world).body
        by = other_manager(body) if body is not None else ""
        if by:
            remedy = "let one of the two give it up: each would undo what the other does"
            found.append(answer(CODE, CheckStatus.WARN, f"{change.address} is managed by {by} too", {}, remedy))
    return tuple(found)
