"""Which workload is asked for, and how far a curve's lies from it (design rule 6)."""

from __future__ import annotations

from dataclasses import dataclass

from giqplan.catalog import Catalog
from giqplan.intent.model import Intent
from giqplan.model.profiles import length_distance

DEFAULT_USE_CASE = "Chatbot"
"""What Google assumes when nothing is said (manifests create --use-case)."""


@dataclass(frozen=True)
class Shape:
    """Mean tokens of a request; ``name`` is the use case's, or the lengths in words."""

    input_tokens: int
    output_tokens: int
    name: str

    def __str__(self) -> str:
        return f"{self.input_tokens}/{self.output_tokens} tokens"


def wanted_shape(intent: Intent, catalog: Catalog) -> Shape:
    """The shape of the intent: its own lengths, else those of its use case. Raises CatalogError for an unknown use case."""
    workload = intent.spec.workload
    if workload.input_tokens is not None and workload.output_tokens is not None:
        return Shape(workload.input_tokens, workload.output_tokens, f"{workload.input_tokens}/{workload.output_tokens}")
    found = catalog.use_case(workload.use_case or DEFAULT_USE_CASE)
    return Shape(found.input_tokens, found.output_tokens, found.name)


def distance(wanted: Shape, input_tokens: int, output_tokens: int) -> float:
    """How far lengths lie from those wanted (model.profiles.length_distance)."""
    return length_distance((wanted.input_tokens, wanted.output_tokens), (input_tokens, output_tokens))
