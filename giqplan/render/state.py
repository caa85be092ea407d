"""State as text for people: what is recorded, under the headings of a plan."""

from __future__ import annotations

from itertools import groupby

from giqplan.model.address import Address
from giqplan.model.values import JsonObject
from giqplan.render.page import Page
from giqplan.render.values import block
from giqplan.resources import stage_of


def state_text(state: JsonObject, *, full: bool = False, width: int = 100) -> str:
    """``state`` as ``State.to_json`` gives it: addresses, and what was there before; ``full`` shows what was sent, too."""
    page = Page(color=False, width=width)
    where = f"(environment {state['environment']}, world {state['world']}) of {state['cluster']}"
    page.prose(0, f"State {state['lineage']} serial {state['serial']} {where}")
    for name, record in sorted(state["intents"].items()):
        page.prose(2, f"{record['file']}, profile {record['choices'].get('curve', 'unknown')}", label=f"{name}  ")
    entries = [(stage_of(Address.parse(entry["address"])), entry) for entry in state["resources"]]
    for stage, members in groupby(sorted(entries, key=lambda e: (e[0], e[1]["address"])), key=lambda e: e[0]):
        page.gap()
        page.line(0, stage.title[:1].upper() + stage.title[1:])
        for _, entry in members:
            page.line(2, entry["address"] + ("" if entry["created"] else "  # was there before giqplan, never deleted by it"))
            for text in block(entry["applied"], page.width - 6) if full else ():
                page.line(6, text)
    return page.text()
