"""What others wrote into the world may hold secrets: no plan, report or state repeats them (design rule 10).

Only what is shown of a difference needs this: what is as we want it holds what the intent says, and an intent may hold no secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from giqplan.model.plan import Change, Drift, Leaf
from giqplan.secret_values import HIDDEN, hidden, named_like_one


def without_secrets(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes with whatever looks like a secret in what is there now hidden."""
    return tuple(_change(change) if change.acts else change for change in changes)


def drift_without_secrets(drift: Iterable[Drift]) -> tuple[Drift, ...]:
    """The same of drift."""
    return tuple(replace(d, before=hidden(d.before), after=hidden(d.after), leaves=_leaves(d.leaves)) for d in drift)


def _change(change: Change) -> Change:
    return replace(
        change,
        before=hidden(change.before),
        leaves=_leaves(change.leaves),
        conflicts=tuple(replace(conflict, theirs=hidden(conflict.theirs)) for conflict in change.conflicts),
        adjustments=tuple(replace(adjusted, held=hidden(adjusted.held)) for adjusted in change.adjustments),
    )


def _leaves(found: Iterable[Leaf]) -> tuple[Leaf, ...]:
    return tuple(replace(leaf, before=_value(leaf, leaf.before), after=_value(leaf, leaf.after)) for leaf in found)


def _value(leaf: Leaf, value: object) -> object:
    """A variable's value stands alone in a leaf, and its name in the path."""
    named = leaf.path[-1:] == ("value",) and named_like_one(str(leaf.path[-2]))
    return HIDDEN if named and isinstance(value, str) else hidden(value)
