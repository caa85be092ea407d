"""What several intents of a folder want together: one resource for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
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
    wanted_by: dict[Address, list[str]] = defaultdict(list)
    for name, resource in declared:
        earlier, names = found.get(resource.address), wanted_by[resource.address]
        found[resource.address] = resource if earlier is None else _both(earlier, resource, names[0], name)
        names.append(name)
    return tuple(replace(resource, intents=tuple(sorted(set(wanted_by[address])))) for address, resource in found.items())


def wanting(wanted: Iterable[str], earlier: Iterable[str], names: Collection[str]) -> tuple[str, ...]:
    """The intents that want a resource after a run that speaks for ``names``: those of them that want it (``wanted``), and of those that
    state knew of (``earlier``) the others."""
    return tuple(sorted({*wanted, *(name for name in earlier if name not in names)}))


def _both(one: Resource, other: Resource, first: str, name: str) -> Resource:
    if one.desired == other.desired and one.depends_on == other.depends_on:
        return one
    desired = REGISTRY.of(one.address).wanted_by_both(one.desired, other.desired, one.address)
    if desired is None:
        kind = REGISTRY.of(one.address)
        paths = ", ".join(".".join(map(str, d.path)) for d in kind.differences(one.desired, other.desired, one.address)) or "its value"
        detail = f"{one.address}: {first} and {name} want different {paths}"
        raise PlanError("GIQ1612", detail, "say the same in both, or give each a namespace or cluster of its own")
    needs = tuple(dict.fromkeys((*one.depends_on, *other.depends_on)))
    return replace(one, desired=desired, depends_on=needs)
