"""``giqplan import``: one thing that exists becomes known to state. Nothing in the world is written; the next plan shows what differs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from giqplan.engine.inputs import Inputs, Proposal
from giqplan.engine.session import first_state
from giqplan.engine.settle import Waiting, look
from giqplan.errors import PlanError
from giqplan.model.resource import Live, Presence, Resource
from giqplan.resources import REGISTRY
from giqplan.resources.owners import other_manager, other_set
from giqplan.secret_values import hidden
from giqplan.state import LocalState, ResourceState, State


@dataclass(frozen=True)
class Imported:
    """What was recorded. ``heritage``: kubectl apply made it, and the next apply takes it over from there."""

    entry: ResourceState
    resource: Resource


def find_import(text: str, inputs: Inputs, proposal: Proposal) -> Imported:
    """What the import of an address would record. Raises PlanError: GIQ1622 nobody wants it, GIQ1623 it is not there, GIQ1624 it is
    recorded already, GIQ1625 somebody else manages it, GIQ1626 it could not be looked at."""
    resource = _wanted(text, proposal)
    address = resource.address
    assert inputs.port is not None, "import looks at a world"
    live = look(inputs.port, (Waiting(address, resource.desired),), proposal.world.scope)[address]
    if live.presence is Presence.ABSENT:
        raise PlanError("GIQ1623", f"{address} is not there", "nothing has to be imported: giqplan apply creates it")
    if live.body is None:
        raise PlanError("GIQ1626", f"{address}: {live.why or 'nobody could look at it'}", "import it with a caller who may read it")
    known = inputs.state.resources.get(address) if inputs.state is not None else None
    if known is not None and known.identity == live.identity:  # another thing may have taken the name since
        raise PlanError("GIQ1624", f"{address} is recorded already", "giqplan plan shows what would change in it")
    _refuse_others(resource, live, inputs.claimed.get(address, ""))
    kind = REGISTRY.of(address)
    held = hidden(kind.project(live.body, resource.desired, address))
    entry = ResourceState(address, held, held, live.identity, live.ours, resource.depends_on, resource.intents)
    return Imported(entry, resource)


def _wanted(text: str, proposal: Proposal) -> Resource:
    found = {str(address): resource for address, resource in proposal.resources.items()}
    if text not in found:
        near = difflib.get_close_matches(text, found, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        remedy = f"{hint}giqplan plan --full lists the addresses; what the intent does not want stays what it is"
        raise PlanError("GIQ1622", f"the intent wants no {text}", remedy)
    return found[text]


def _refuse_others(resource: Resource, live: Live, environment: str) -> None:
    assert live.body is not None
    by = other_set(live.body, resource.desired) or other_manager(live.body)
    if environment:
        by = f"environment {environment}"
    if by:
        remedy = "two tools would undo each other's work: let that one give it up first, or choose another name in the intent"
        raise PlanError("GIQ1625", f"{resource.address} is managed by {by}", remedy)


def record_import(imported: Imported, held: State | None, proposal: Proposal, store: LocalState) -> State:
    """Write it into state. The caller holds the store's lock; raises StateError when another run wrote in between."""
    entry = imported.entry
    state = held if held is not None else store.commit(first_state(proposal))
    record = store.journal.begin(entry.address, "import", f"import {entry.address}")
    store.journal.done(record, entry)
    return store.commit(replace(state, resources={**state.resources, entry.address: entry}))
