"""Editing state by hand: forgetting and renaming entries. Pure; nothing here knows of files or of the world."""

from __future__ import annotations

import difflib
from dataclasses import replace

from giqplan.errors import StateError
from giqplan.model.address import Address
from giqplan.state.model import ResourceState, State


def entry_of(state: State, text: str) -> ResourceState:
    """The entry of an address as it is written. Raises StateError (GIQ1811) when state has none."""
    found = {str(address): entry for address, entry in state.resources.items()}
    if text not in found:
        near = difflib.get_close_matches(text, found, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise StateError("GIQ1811", f"state holds no {text}", f"{hint}giqplan state list names what it holds")
    return found[text]


def forgotten(state: State, address: Address) -> State:
    """``state`` without the entry of ``address``."""
    return replace(state, resources={a: entry for a, entry in state.resources.items() if a != address})


def moved(state: State, address: Address, text: str) -> State:
    """``state`` with the entry of ``address`` under another address; what depends on it depends on that one from now on.

    Raises StateError (GIQ1812) when that is no address of the same type, or taken.
    """
    try:
        target = Address.parse(text)
    except ValueError:
        raise StateError("GIQ1812", f"{text!r} is no address", "write it as plans do: type.name") from None
    if target.type != address.type:
        raise StateError("GIQ1812", f"{address} cannot become a {target.type}", "only the name of an entry can change, not its type")
    if target in state.resources:
        raise StateError("GIQ1812", f"state holds {target} already", f"giqplan state rm '{target}' forgets that one first")
    resources = {}
    for entry in state.resources.values():
        needs = tuple(target if needed == address else needed for needed in entry.depends_on)
        own = target if entry.address == address else entry.address
        resources[own] = replace(entry, address=own, depends_on=needs)
    return replace(state, resources=resources)
