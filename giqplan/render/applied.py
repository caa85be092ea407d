"""How an apply ended, as text: what was done, what the platform holds otherwise, what still waits, what was left."""

from __future__ import annotations

from giqplan.engine.apply import Applied
from giqplan.engine.diff import adjustments_between
from giqplan.engine.walk import End
from giqplan.errors import Exit
from giqplan.kube.compare import path_text
from giqplan.model.plan import ABSENT_LEAF, Adjustment, Plan, Verb
from giqplan.render.page import printable
from giqplan.render.values import inline
from giqplan.resources import REGISTRY
from giqplan.units import usd_text

_DONE = {Verb.CREATE: "created", Verb.UPDATE: "updated", Verb.REPLACE: "replaced", Verb.DELETE: "deleted", Verb.FORGET: "left"}


def applied_text(applied: Applied, plan: Plan) -> str:
    """A few lines for people, the last of them the summary."""
    lines = [*_adjusted(applied), *_left(plan), *_open(applied, plan)]
    ended = {change.address: change.verb for change in plan.acting}
    done = [ended[a] for a, end in applied.walked.ends.items() if end is End.DONE]
    counts = ", ".join(f"{done.count(verb)} {word}" for verb, word in _DONE.items() if verb in done)
    undone = len(ended) - len(done)
    summary = f"{'Destroy' if plan.destroy else 'Apply'}: {counts or 'nothing done'}"
    if undone:
        summary += f", {undone} not done"
    cost = plan.cost
    if cost is not None and not undone and not plan.destroy:
        summary += f". {usd_text(cost.initial)}/h to begin with ({usd_text(cost.min)} to {usd_text(cost.max)})"
    return "\n".join(("", *map(printable, lines), f"{summary}.")) + "\n"


def _adjusted(applied: Applied) -> list[str]:
    lines = []
    for address in sorted(applied.walked.ends):
        entry = applied.resources.get(address)
        if entry is None:
            continue
        kind = REGISTRY.of(address)
        found = adjustments_between(kind, address, entry.applied, entry.observed)
        lines += [f"    {path_text(a.path)}: {_held(a)}" for a in found]
        if found:
            lines.insert(len(lines) - len(found), f"  {address}")
    return ["Adjusted by the platform (neither drift nor change):", *lines, ""] if lines else []


def _held(adjustment: Adjustment) -> str:
    """A list that only grew shows what was added; anything else shows both values."""
    sent, held = adjustment.sent, adjustment.held
    if isinstance(sent, list) and isinstance(held, list) and all(item in held for item in sent):
        return "added " + ", ".join(inline(item) for item in held if item not in sent)
    if sent is ABSENT_LEAF:
        return f"added {inline(held)}"
    return f"sent {inline(sent)}, held {inline(held)}"


def _left(plan: Plan) -> list[str]:
    lines = [f"  {c.address}: {c.why or 'never removed'}" for c in plan.changes if plan.destroy and c.verb is Verb.FORGET]
    return ["Left in place:", *lines, ""] if lines else []


def _open(applied: Applied, plan: Plan) -> list[str]:
    lines = [f"  {address}: {reason}" for address, reason in sorted(applied.waits.items())]
    skipped = [f"  {a}: not begun" for a, end in sorted(applied.walked.ends.items()) if end is End.SKIPPED]
    held = [f"  {a}: not sent, {error.summary}" for a, error in sorted(applied.walked.errors.items()) if error.exit is Exit.INCOMPLETE]
    again = "destroy" if plan.destroy else "apply"
    return [f"Not finished ({again} again to go on):", *lines, *held, *skipped, ""] if lines or held or skipped else []
