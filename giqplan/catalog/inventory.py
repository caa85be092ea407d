"""What the catalog has curves of, read off curves.csv alone: models, servers, versions, stacks; no point is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from giqplan.catalog.store import Catalog
from giqplan.catalog.tables import Row


@dataclass(frozen=True)
class Entry:
    """One curve by name; "" = its source does not say."""

    model: str
    server: str
    version: str
    accelerator: str
    stack: str
    stack_version: str
    input_tokens: int | None
    output_tokens: int | None
    provenance: str
    measured_at: str


@dataclass(frozen=True)
class Tally:
    """How many curves a name stands for, of which provenances, on which accelerators, and the newest date among them."""

    curves: int
    provenances: tuple[str, ...]
    accelerators: tuple[str, ...]
    newest: str


def split_stack(text: str) -> tuple[str, str]:
    """Name and version of a serving stack as Google writes the pair (``llm-d/0.3``); "" = none."""
    name, _, version = text.partition("/")
    return name, version


def _entry(row: Row) -> Entry:
    stack, stack_version = split_stack(row.text("serving_stack"))
    return Entry(
        model=row.text("model_id"),
        server=row.text("model_server"),
        version=row.text("model_server_version"),
        accelerator=row.text("accelerator"),
        stack=stack,
        stack_version=stack_version,
        input_tokens=row.integer("input_tokens"),
        output_tokens=row.integer("output_tokens"),
        provenance=row.text("provenance"),
        measured_at=row.text("measured_at"),
    )


def entries(catalog: Catalog, model: str = "", server: str = "", stack: str = "") -> tuple[Entry, ...]:
    """Every curve, or those of the names given ("" = any)."""
    found = (_entry(row) for row in catalog.rows("curves"))
    return tuple(
        e for e in found if (not model or e.model == model) and (not server or e.server == server) and (not stack or e.stack == stack)
    )


def tallies(found: Iterable[Entry], name: Callable[[Entry], str]) -> Mapping[str, Tally]:
    """Name -> what stands behind it, in order of name."""
    groups: dict[str, list[Entry]] = {}
    for entry in found:
        groups.setdefault(name(entry), []).append(entry)
    return {key: _tally(groups[key]) for key in sorted(groups)}


def _tally(group: Sequence[Entry]) -> Tally:
    return Tally(
        curves=len(group),
        provenances=tuple(sorted({e.provenance for e in group})),
        accelerators=tuple(sorted({e.accelerator for e in group})),
        newest=max(e.measured_at for e in group),
    )
