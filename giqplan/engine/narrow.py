"""--target and --exclude: a part of a plan. What is left out is named, so that nobody takes the rest for the whole (exit 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from giqplan.engine.walk import needs_of, with_dependents
from giqplan.errors import PlanError
from giqplan.model.address import Address
from giqplan.model.plan import Change, Options, Verb


def matches(glob: str, change: Change) -> bool:
    """Whether a glob names the change: by its address, its type or the heading it stands under."""
    return any(fnmatchcase(text, glob) for text in (str(change.address), change.address.type, change.stage.title))


def narrowed(changes: Sequence[Change], options: Options) -> tuple[Change, ...]:
    """The changes with everything left undone that ``options`` leave out.

    A target brings what it waits for; what waits for something excluded is left out with it; what is not there and stays so comes last.
    Raises PlanError (GIQ1613) for a glob that
    names nothing: a slip of the pen would else look like an empty plan.
    """
    for glob in (*options.target, *options.exclude, *options.force_conflicts):
        if not any(matches(glob, change) for change in changes):
            raise PlanError("GIQ1613", f"no resource of the plan is named by {glob!r}", "giqplan plan --full lists the addresses")
    if not (options.target or options.exclude):
        return tuple(changes)
    acting = [change for change in changes if change.acts]
    excluded = _matching(acting, options.exclude)
    without = with_dependents(excluded, acting)
    left = {
        address: "left out by --exclude" if address in excluded else "left out: it waits for what --exclude leaves out"
        for address in without
    }
    if options.target:
        wanted = _with_needs(_matching(acting, options.target) - without, needs_of(acting))
        left = {change.address: "left out by --target" for change in acting if change.address not in wanted} | left
    found = [_left(change, left[change.address]) if change.address in left else change for change in changes]
    return tuple(sorted(found, key=lambda change: change.nothing))


def _matching(changes: Iterable[Change], globs: Iterable[str]) -> set[Address]:
    return {change.address for change in changes for glob in globs if matches(glob, change)}


def _with_needs(found: set[Address], needs: Mapping[Address, frozenset[Address]]) -> set[Address]:
    todo = list(found)
    while todo:
        for other in needs[todo.pop()] - found:
            found.add(other)
            todo.append(other)
    return found


def _left(change: Change, why: str) -> Change:
    return replace(change, verb=Verb.NOOP, after=change.before, leaves=(), conflicts=(), replace_paths=(), left=why)
