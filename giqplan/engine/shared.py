"""What several intents of a folder want together: one resource for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from giqplan.errors import PlanError
from giqplan.model.address import Address
from giqplan.model.resource import Resource
from giqplan.resources import REGISTRY


def merged(declared: Iterable[tuple[str, Resource]]) -> tuple[Resource, ...]:
    """The resources of (intent, resource) pairs, each address once, in the order in which they first come.

    Raises PlanError (GIQ1612) when two intents want of one thing what cannot be had together.
    """
    found: dict[Address, Resource] = {}
    for name, resource in declared:
        earlier = found.get(resource.address)
        if earlier is None:
            found[resource.address] = replace(resource, intents=(name,))
            continue
        found[resource.address] = _both(earlier, resource, name)
    return tuple(found.values())


def _both(one: Resource, other: Resource, name: str) -> Resource:
    desired = REGISTRY.of(one.address).wanted_by_both(one.desired, other.desired, one.address)
    if desired is None:
        kind = REGISTRY.of(one.address)
        paths = ", ".join(".".join(map(str, d.path)) for d in kind.differences(one.desired, other.desired, one.address)) or "its value"
        detail = f"{one.address}: {one.intents[0]} and {name} want different {paths}"
        raise PlanError("GIQ1612", detail, "say the same in both, or give each a namespace or cluster of its own")
    needs = tuple(dict.fromkeys((*one.depends_on, *other.depends_on)))
    return replace(one, desired=desired, depends_on=needs, intents=tuple(sorted({*one.intents, name})))
