"""The order of execution: dependencies first, then stage, then address. Deletions run the other way round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from giqplan.errors import PlanError
from giqplan.model.address import Address
from giqplan.model.plan import Change, Verb


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes sorted so that each stands after what it depends on; among equals by stage and address. Removals come last, reversed."""
    listed = list(changes)
    removals = [c for c in listed if c.verb in (Verb.DELETE, Verb.FORGET)]
    kept = [c for c in listed if c.verb not in (Verb.DELETE, Verb.FORGET)]
    return (*_sorted(kept), *reversed(_sorted(removals)))


def _sorted(changes: list[Change]) -> list[Change]:
    by_address = {c.address: c for c in changes}
    depth: dict[Address, int] = {}
    for address in by_address:
        _depth(address, by_address, depth, ())
    return sorted(changes, key=lambda c: (c.stage, depth[c.address], c.address))


def _depth(address: Address, changes: Mapping[Address, Change], depth: dict[Address, int], path: tuple[Address, ...]) -> int:
    if address in path:
        raise PlanError("GIQ1601", " -> ".join(str(a) for a in (*path, address)), "this is a defect of giqplan: please report it")
    if address not in depth:
        needs = [a for a in changes[address].depends_on if a in changes]
        depth[address] = 1 + max((_depth(a, changes, depth, (*path, address)) for a in needs), default=0)
    return depth[address]
