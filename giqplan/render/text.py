"""A plan as text for people. The order of the page: what was chosen, what changed outside, what will be done, what stands in the way,
and one summary line at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from giqplan.kube.compare import path_text
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import ABSENT_LEAF, Cause, Change, Confidence, Drift, Leaf, Plan, Verb
from giqplan.model.values import leaves
from giqplan.render.headline import cost_clause, part_line, recommendation_lines
from giqplan.render.page import Page
from giqplan.render.values import block, essential, inline, is_object

_SYMBOLS = {Verb.CREATE: "+", Verb.UPDATE: "~", Verb.REPLACE: "-/+", Verb.DELETE: "-", Verb.FORGET: "."}
_MEANINGS = {
    Verb.CREATE: "create",
    Verb.UPDATE: "update in place",
    Verb.REPLACE: "delete, then create again",
    Verb.DELETE: "delete",
    Verb.FORGET: "leave in the world and stop managing",
}
_REPEATED = 2
"""A note that more changes than this have is printed once."""

_STATUS_ORDER = (CheckStatus.FAIL, CheckStatus.WARN, CheckStatus.UNKNOWN, CheckStatus.PASS)


def plan_text(plan: Plan, *, color: bool = False, full: bool = False, width: int = 100) -> str:
    """The whole page; ends with a newline. ``full`` shows unchanged resources and every value; ``color`` colours symbols only.

    Prose is wrapped at ``width`` columns, values never are.
    """
    page = Page(color=color, width=width)
    _headline(page, plan)
    drift_lines(page, plan.drift)
    _legend(page, plan)
    mixed = len({change.confidence for change in plan.acting}) > 1
    shared = _shared_notes(plan)
    for stage, changes in groupby(plan.acting, key=lambda change: change.stage):
        page.gap()
        page.line(0, stage.title[:1].upper() + stage.title[1:])
        for change in changes:
            _change(page, change, full=full, mixed=mixed)
            for note in change.notes:
                if note not in shared:
                    page.prose(6, f"note: {note}", hang=6)
    _shared(page, plan, shared, full)
    _unchanged(page, plan, full)
    _confidence(page, plan)
    _checks(page, plan.checks, full)
    _deferred(page, plan)
    page.gap()
    page.line(0, summary_line(plan))
    return page.text()


def summary_line(plan: Plan) -> str:
    """``Plan: 14 to add, 2 to change, 0 to destroy. $88.49/h initial ...``; a replacement counts as an addition and a destruction."""
    counts = plan.counts()
    cost = "" if plan.destroy else cost_clause(plan.cost)
    blocked = ", ".join(sorted({check.code for check in plan.checks if check.status is CheckStatus.FAIL}))
    end = f" Blocked by {blocked}: apply refuses this plan." if blocked else ""
    if not plan.acting:
        state = "Nothing that giqplan made is left to delete." if plan.destroy else "The world is as the intent wants it."
        if plan.deferred:
            state = "What can be decided is as the intent wants it; the rest is listed as left undone."
        return f"No changes. {state}{cost}{end}"
    numbers = (
        f"{counts[Verb.CREATE] + counts[Verb.REPLACE]} to add, {counts[Verb.UPDATE]} to change, "
        f"{counts[Verb.DELETE] + counts[Verb.REPLACE]} to destroy"
    )
    forget = f", {counts[Verb.FORGET]} to forget" if counts[Verb.FORGET] else ""
    return f"Plan: {numbers}{forget}.{cost}{end}"


def _headline(page: Page, plan: Plan) -> None:
    verb = "Destroy" if plan.destroy else "Plan of"
    place = plan.cluster or plan.project
    page.prose(0, f"{verb} {plan.intent_name} (environment {plan.environment}, world {plan.world}) in {place}")
    if plan.recommendation is not None and not plan.destroy:
        page.gap()
        for label, text in recommendation_lines(plan.recommendation):
            page.prose(2, text, label=f"{label:9}")
        if (modelled := plan.recommendation.evidence.estimate) is not None:
            page.line(2, f"{'measure':9}{modelled.measure}")
    elif not plan.destroy:
        page.gap()
        for part in plan.parts:
            page.prose(2, part_line(part), label=f"{part.name}  ")
    _layers(page, plan)
    _notes(page, plan)


def _layers(page: Page, plan: Plan) -> None:
    """The layers of the catalog, where there are more than the shipped one."""
    if plan.layers:
        page.gap()
    for name, digest in plan.layers.items():
        page.line(2, f"catalog   {name:9} {digest}")


def _notes(page: Page, plan: Plan) -> None:
    """Notes of the intents, those of all of them once, and of the plan."""
    counted = Counter(note for part in plan.parts for note in part.notes)
    several = len(plan.parts) > 1
    notes = [
        *(note if not several or count == len(plan.parts) else f"{count} intents: {note}" for note, count in counted.items()),
        *plan.notes,
    ]
    if notes:
        page.gap()
    for note in notes:
        page.prose(0, f"note: {note}", hang=6)


def drift_lines(page: Page, drifted: Iterable[Drift]) -> None:
    """What changed, each resource with its leaves: from what the server held to what is there."""
    for number, drift in enumerate(drifted):
        if number == 0:
            page.gap()
            page.line(0, "Changed outside giqplan since the last apply")
        gone = drift.verb is Verb.DELETE
        page.line(2, f"{drift.address}" + ("  # removed" if gone else ""), _SYMBOLS[Verb.DELETE if gone else Verb.UPDATE])
        for leaf in drift.leaves:
            _leaf(page, leaf, "")


def _legend(page: Page, plan: Plan) -> None:
    used = [verb for verb in _SYMBOLS if any(change.verb is verb for change in plan.acting)]
    if used:
        page.gap()
        page.prose(0, "Symbols: " + ", ".join(f"{_SYMBOLS[verb]} {_MEANINGS[verb]}" for verb in used))


def _change(page: Page, change: Change, *, full: bool, mixed: bool) -> None:
    reason = _reason(change)
    if mixed and change.confidence is Confidence.PREDICTED:
        reason = f"{reason} (predicted)".strip()
    page.line(2, f"{change.address}" + (f"  # {reason}" if reason else ""), _SYMBOLS[change.verb])
    if change.verb is Verb.CREATE or (full and change.after is not None):
        _whole(page, change.after if full else essential(change.after))
    elif full and change.verb is Verb.DELETE:
        _whole(page, change.before)
    if change.verb in (Verb.UPDATE, Verb.REPLACE):
        _leaves(page, change, full)
    for conflict in change.conflicts:
        if conflict.taken is None:
            text = f"{conflict.path} is held by {conflict.manager}: {inline(conflict.theirs)}, wanted {inline(conflict.ours)}"
            page.line(6, f"conflict: {text}", "!")
        else:
            text = f"{conflict.path} taken from {conflict.manager}: {inline(conflict.theirs)} -> {inline(conflict.ours)}"
            page.line(6, f"{text}  # {conflict.taken.value}", "!")
    if change.adopts:
        page.line(6, "adopted: what kubectl apply had set in it passes to giqplan")
    for adjustment in change.adjustments:
        held = f"{path_text(adjustment.path)}: {inline(adjustment.sent)} becomes {inline(adjustment.held)}"
        source = f"  # {adjustment.source}" if adjustment.source else ""
        page.line(6, f"{'expected of' if adjustment.predicted else 'by'} the platform: {held}{source}")


def _shared_notes(plan: Plan) -> dict[str, int]:
    """Notes that several changes have, with how many: said once for all of them."""
    counted = Counter(note for change in plan.acting for note in change.notes)
    return {note: count for note, count in counted.items() if count > _REPEATED}


def _shared(page: Page, plan: Plan, notes: dict[str, int], full: bool) -> None:
    marked = not full and any(change.verb is Verb.CREATE and is_object(change.after) for change in plan.acting)
    if notes or marked:
        page.gap()
    for note, count in notes.items() if not plan.offline else ():
        page.prose(0, f"note on {count} of these changes: {note}", hang=6)
    if marked:
        page.prose(0, "Not shown: the labels and annotations by which giqplan knows its objects (--full).")


def _reason(change: Change) -> str:
    """One clause. That something is not there is what its ``+`` says already."""
    cause = "" if change.cause in (Cause.NOT_THERE, Cause.DESTROY) else change.cause.value
    if change.verb is Verb.REPLACE:
        cause = f"{Cause.IMMUTABLE.value}: {', '.join(map(path_text, change.replace_paths))}"
    return "; ".join(part for part in (cause, change.why) if part)


def _whole(page: Page, value: object) -> None:
    for text in block(value or {}, page.width - 6):
        page.line(6, text)


def _leaves(page: Page, change: Change, full: bool) -> None:
    for leaf in change.leaves:
        marks = [leaf.cause.value] if leaf.cause is not change.cause and leaf.cause is not Cause.IMMUTABLE else []
        marks += ["forces replacement"] if leaf.path in change.replace_paths else []
        _leaf(page, leaf, ", ".join(marks))
    if not full and change.after is not None:
        written = sum(1 for leaf in change.leaves if leaf.after is not ABSENT_LEAF for _ in leaves(leaf.after))
        hidden = sum(1 for _ in leaves(change.after)) - written
        if hidden > 0:
            page.line(6, f"({hidden} unchanged {_plural('value', hidden)} hidden)")


def _leaf(page: Page, leaf: Leaf, mark: str) -> None:
    end = f"  # {mark}" if mark else ""
    name = path_text(leaf.path)
    if leaf.before is ABSENT_LEAF:
        page.line(6, f"{name}: {inline(leaf.after)}{end}", "+")
    elif leaf.after is ABSENT_LEAF:
        page.line(6, f"{name}: {inline(leaf.before)}{end}", "-")
    elif len(line := f"{name}: {inline(leaf.before)} -> {inline(leaf.after)}{end}") <= page.width - 8:
        page.line(6, line, "~")
    else:
        page.line(6, f"{name}:{end}", "~")
        page.line(10, inline(leaf.before), "-")
        page.line(10, inline(leaf.after), "+")


def _unchanged(page: Page, plan: Plan, full: bool) -> None:
    still = [change for change in plan.changes if not change.acts]
    taken_over = [change for change in still if change.cause is Cause.ADOPT]
    adjusted = [change for change in still if change.adjustments]
    if still:
        page.gap()
    if full:
        for change in still:
            page.line(2, f"{change.address}  # unchanged" + ("; exists, now recorded" if change in taken_over else ""))
            for adjustment in change.adjustments:
                source = f"  # {adjustment.source}" if adjustment.source else ""
                page.line(6, f"by the platform: {path_text(adjustment.path)}: {inline(adjustment.held)}{source}")
        return
    if still:
        page.line(0, f"{len(still)} {_plural('resource', len(still))} unchanged")
    if taken_over:
        page.prose(2, "exist already and are recorded as they are: " + ", ".join(str(change.address) for change in taken_over))
    if adjusted:
        count = sum(len(change.adjustments) for change in adjusted)
        sources = sorted({adjustment.source for change in adjusted for adjustment in change.adjustments if adjustment.source})
        by = f" ({'; '.join(sources)})" if sources else ""
        page.prose(2, f"{count} of their values {'is' if count == 1 else 'are'} held as the platform adjusted them{by}; --full lists them")


def _confidence(page: Page, plan: Plan) -> None:
    """How sure the plan is: one calm line, only when something is not verified."""
    predicted = sum(change.confidence is Confidence.PREDICTED for change in plan.acting)
    if plan.offline:
        page.gap()
        page.prose(0, "Made offline: no cloud was read, everything is predicted, and this plan cannot be applied.")
    elif predicted:
        page.gap()
        share = "All" if predicted == len(plan.acting) else f"{predicted} of {len(plan.acting)}"
        page.prose(0, f"{share} changes are predicted (no server could be asked about them); apply verifies each before it acts.")


def _checks(page: Page, checks: Sequence[Check], full: bool) -> None:
    ordered = sorted(checks if full else _passes_once(checks), key=lambda check: _STATUS_ORDER.index(check.status))
    for number, check in enumerate(ordered):
        if number == 0:
            page.gap()
            page.line(0, "Checks")
        about = f" ({check.intent})" if check.intent else ""
        page.prose(2, f"{check.code} {check.name}: {check.summary}{about}", label=f"{check.status.value:8}")
        if full or check.status is not CheckStatus.PASS:
            for name, value in check.evidence:
                page.prose(10, value, label=f"{name}: ")
        if check.remedy and check.status is not CheckStatus.PASS:
            page.prose(10, check.remedy, label="remedy: ")


def _passes_once(checks: Sequence[Check]) -> list[Check]:
    """Checks with those that pass for several intents in one line."""
    passing = [check for check in checks if check.status is CheckStatus.PASS and check.intent]
    intents = Counter({check.code: sum(c.intent.count(",") + 1 for c in passing if c.code == check.code) for check in passing})
    kept: dict[object, Check] = {}
    for check in checks:
        if check in passing and intents[check.code] > 1:
            kept[check.code] = replace(check, summary=f"passes for {intents[check.code]} intents (--full shows each)", intent="")
        else:
            kept[check] = check
    return list(kept.values())


def _deferred(page: Page, plan: Plan) -> None:
    for number, deferred in enumerate(plan.deferred):
        if number == 0:
            page.gap()
            page.line(0, "Left undone")
        page.prose(2, f"{deferred.address}: {deferred.reason}")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"
