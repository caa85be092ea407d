"""A plan in a dozen lines, whatever its size: counts, cost, what is destroyed, what stands in the way (--summary)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from giqplan.model.check import CheckStatus
from giqplan.model.modelled import Modelled
from giqplan.model.plan import Part, Plan, Verb
from giqplan.render.page import Page
from giqplan.render.text import summary_line

_NAMED = 5
"""Addresses that are named before the rest is only counted."""
_WORDS = {
    Verb.CREATE: "to add",
    Verb.UPDATE: "to change",
    Verb.REPLACE: "to replace",
    Verb.DELETE: "to destroy",
    Verb.FORGET: "to forget",
}


def summary_text(plan: Plan, *, color: bool = False, width: int = 100) -> str:
    """What is destroyed or replaced comes first; ends with the same line as the whole page."""
    page = Page(color=color, width=width)
    page.prose(0, f"{plan.intent_name} (environment {plan.environment}, world {plan.world}) in {plan.cluster}")
    estimates = (f"{part.name} (class {found.grade.value})" for part in plan.parts if (found := modelled_of(part)) is not None)
    if told := few(estimates):
        page.prose(2, f"rests on estimates that nobody measured (giqplan explain): {told}", hang=4)
    gone = [str(change.address) for change in plan.changes if change.verb in (Verb.DELETE, Verb.REPLACE)]
    if gone:
        page.prose(2, few(gone), symbol="-")
    for stage, changes in groupby(plan.acting, key=lambda change: change.stage):
        members = list(changes)
        counts = Counter(change.verb for change in members)
        numbers = ", ".join(f"{counts[verb]} {word}" for verb, word in _WORDS.items() if counts[verb])
        page.prose(2, f"{stage.title}, {numbers}: {few(str(change.address) for change in members)}", hang=4)
    if plan.drift:
        page.prose(2, f"changed outside giqplan: {few(str(drift.address) for drift in plan.drift)}", hang=4)
    for check in plan.checks:
        if check.status is not CheckStatus.PASS:
            about = f" ({check.intent})" if check.intent else ""
            page.prose(2, f"{check.code} {check.name}: {check.summary}{about}", label=f"{check.status.value:8}")
    if plan.deferred:
        page.prose(2, "left undone: " + few(f"{deferred.address}: {deferred.reason}" for deferred in plan.deferred), hang=4)
    page.line(0, summary_line(plan))
    return page.text()


def modelled_of(part: Part) -> Modelled | None:
    """What is said of the estimate that the choice of an intent rests on; None = it was measured."""
    return part.recommendation.evidence.estimate if part.recommendation is not None else None


def few(texts: Iterable[str]) -> str:
    """The first of many, and how many more there are."""
    listed = list(texts)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
