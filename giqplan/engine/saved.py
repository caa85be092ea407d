"""A saved plan against the world of now: apply carries out what was reviewed, or nothing (design rule 2).

With the intent at hand the plan is made again, and both have to be the same: what was read (pins), what follows from it (changes, costs,
checks). Without the intent only the pins can be looked at, and the digest that somebody reviewed vouches for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from giqplan.catalog.layers import EMBEDDED
from giqplan.checks import CALLER_CODES, other_answers, permissions
from giqplan.engine.inputs import Proposal
from giqplan.engine.observe import WorldPort, ask_rights, observe
from giqplan.engine.pins import ABSENT, UNREAD, pins_of, shape_of
from giqplan.engine.planner import same_cluster
from giqplan.errors import PlanError, StaleError
from giqplan.kube.compare import path_text
from giqplan.model.address import Address
from giqplan.model.calls import ClusterRef
from giqplan.model.plan import Change, Confidence, Pin, Plan
from giqplan.model.resource import Resource, Stage
from giqplan.model.values import JsonObject
from giqplan.model.world import Scope, World
from giqplan.resources import REGISTRY
from giqplan.resources.iam import BUCKET_MEMBER
from giqplan.resources.preconditions import secrets_needed
from giqplan.state import State

_AGAIN = "plan again, and have the new plan reviewed"
_NAMED = 5


def must_be_of(saved: Plan, world: str, environment: str) -> None:
    """Raise PlanError (GIQ1608) when a plan was made for another world or environment."""
    for what, theirs, ours in (("world", saved.world, world), ("environment", saved.environment, environment)):
        if theirs != ours:
            remedy = f"name the {what} it was made for, or plan again"
            raise PlanError("GIQ1608", f"the plan is of {what} {theirs}, this run is about {what} {ours}", remedy)


def must_be_current(saved: Plan, now: Plan) -> None:
    """Raise StaleError (GIQ1609) naming what has changed since ``saved`` was made, if anything it was made from has."""
    found = [*_other_inputs(saved, now), *_moved(saved, now)]
    if found:
        more = [f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else []
        raise StaleError("GIQ1609", "\n".join((*found[:_NAMED], *more)), _AGAIN)


def must_be_same(saved: Plan, now: Proposal) -> None:
    """Raise PlanError (GIQ1610) when the plan made now, from the same inputs, is not the one that was saved: it was altered, or made by
    another giqplan. ``now`` may stop short where its caller may ask for fewer dry-runs, or answer for other rights."""
    found = list(_differences(saved, now))
    if found:
        detail = "from the same intent, catalog and world another plan follows: " + "; ".join(found[:_NAMED])
        raise PlanError("GIQ1610", detail, _AGAIN)


def _other_inputs(saved: Plan, now: Plan) -> Iterable[str]:
    theirs, ours = {p.name: p for p in saved.parts}, {p.name: p for p in now.parts}
    for name in sorted({*theirs, *ours}):
        if name not in ours or name not in theirs:
            yield f"intent {name} is {'no longer' if name in theirs else 'newly'} there"
        elif theirs[name].digest != ours[name].digest:
            yield f"intent {name} was changed"
    if saved.inputs.get("catalog") != now.inputs.get("catalog"):
        old, new = (plan.layers or {EMBEDDED: plan.inputs.get("catalog", "")} for plan in (saved, now))
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        yield "the catalog was changed" + (f" (layer {', '.join(changed)})" if changed else "")
    if saved.inputs.get("state") != now.inputs.get("state"):
        yield f"state has moved on: {saved.inputs.get('state', 'none')} then, {now.inputs.get('state', 'none')} now"


def _moved(saved: Plan, now: Plan) -> Iterable[str]:
    """What the world holds otherwise than when the plan was made, on the paths that it read."""
    theirs, ours = _by_address(saved.pins), _by_address(now.pins)
    before, after = {c.address: c for c in saved.changes}, {c.address: c for c in now.changes}
    for address in sorted({*theirs, *ours}):
        then, today = theirs.get(address), ours.get(address)
        if then is None or today is None or then == today or UNREAD in (then.projection, today.projection):
            continue
        yield f"{address}: {_what_moved(then, today, before.get(address), after.get(address))}"


def _what_moved(then: Pin, today: Pin, before: Change | None, after: Change | None) -> str:
    if ABSENT in (then.projection, today.projection):
        return "it was there and is gone" if today.projection == ABSENT else "it was not there and is now"
    if then.projection == today.projection:
        return f"it was made anew: its identity was {then.identity} and is {today.identity}"
    if before is None or after is None or before.before is None or after.before is None:
        return "what it holds was changed"
    kind = REGISTRY.of(then.address)
    paths = [path_text(d.path) for d in kind.differences(before.before, after.before, then.address)]
    return f"{', '.join(paths[:_NAMED]) or 'what it holds'} was changed outside giqplan"


def _by_address(pins: Iterable[Pin]) -> Mapping[Address, Pin]:
    return {pin.address: pin for pin in pins}


def _differences(saved: Plan, now: Proposal) -> Iterable[str]:
    plan = now.plan
    theirs = {change.address: change for change in saved.changes}
    if [change.address for change in saved.changes] != [change.address for change in plan.changes]:
        odd = sorted(set(theirs) ^ {change.address for change in plan.changes})
        yield f"other resources ({', '.join(map(str, odd[:_NAMED])) or 'in another order'})"
    for change in plan.changes:
        other = theirs.get(change.address)
        if other is not None and not _same_change(other, change, now.predicted.get(change.address)):
            yield f"{change.address} would be changed otherwise"
    for name, ours in {part.name: part for part in plan.parts}.items():
        other_part = next(part for part in saved.parts if part.name == name)
        if (other_part.recommendation, dict(other_part.choices)) != (ours.recommendation, dict(ours.choices)):
            yield f"another profile or cost of {name}"
    if told := other_answers(saved.checks, plan.checks):
        yield "other checks: " + "; ".join(told)
    if _by_address(saved.pins).keys() != _by_address(plan.pins).keys():
        yield "other resources looked at"
    if saved.drift != plan.drift:
        yield "other changes outside giqplan"
    if (saved.project, saved.cluster, saved.options, saved.destroy) != (plan.project, plan.cluster, plan.options, plan.destroy):
        yield "another project, cluster or choice of resources"


def _same_change(saved: Change, now: Change, predicted: Change | None) -> bool:
    """Whether two changes are one. A change that was only predicted is compared with today's prediction: its maker may not have been
    allowed to ask for a dry-run."""
    same = _essence(saved) == _essence(now)
    if same or predicted is None or saved.confidence is not Confidence.PREDICTED:
        return same
    return _essence(saved) == _essence(replace(predicted, left=now.left) if predicted.verb is now.verb else predicted)


def _essence(change: Change) -> Change:
    """A change without what only tells how it came about."""
    return replace(change, notes=(), unsettled="", waits="", confidence=Confidence.PREDICTED)


def by_digest_alone(saved: Plan, state: State | None, port: WorldPort, begun: frozenset[Address]) -> Proposal:
    """The proposal that a saved plan is, where the intent is not at hand. Raises StaleError (GIQ1609) when the world has moved on."""
    location, _, name = saved.cluster.removeprefix(f"projects/{saved.project}/locations/").partition("/clusters/")
    scope = Scope(saved.project, ClusterRef(saved.project, location, name))
    buckets = {change.address.name.partition("/")[0] for change in saved.changes if change.address.type == BUCKET_MEMBER}
    world = observe(port, saved.world, scope, buckets)
    same_cluster(state, world)
    held = {} if state is None else {"state": f"{state.lineage}:{state.serial}"}
    today = replace(saved, pins=pins_of(saved.changes, world), inputs={**saved.inputs, **held} if held else _without_state(saved.inputs))
    must_be_current(saved, replace(today, changes=tuple(_as_held(change, world) for change in saved.changes)))
    resources = {change.address: _resource(change, change.desired, scope) for change in saved.changes if change.desired is not None}
    names = frozenset(part.name for part in saved.parts)
    rights = permissions.check(ask_rights(port, world, saved.changes), saved.changes)
    checks = (*(check for check in saved.checks if check.code not in CALLER_CODES), *rights)
    return Proposal(replace(saved, checks=checks), resources, world, begun=begun, names=names)


def _resource(change: Change, desired: JsonObject, scope: Scope) -> Resource:
    waits_for = secrets_needed(desired, scope.cluster) if change.stage is Stage.WORKLOAD else ()
    return Resource(
        change.address, change.stage, desired, change.depends_on, change.why, change.once, waits_for=waits_for, intents=change.intents
    )


def _without_state(inputs: Mapping[str, str]) -> Mapping[str, str]:
    return {key: value for key, value in inputs.items() if key != "state"}


def _as_held(change: Change, world: World) -> Change:
    """The change with what the world holds now before it: what a stale plan is told by."""
    kind, shape = REGISTRY.of(change.address), shape_of(change)
    body = kind.live(change.address, shape, world).body if shape is not None else None
    return change if body is None or shape is None else replace(change, before=kind.project(body, shape, change.address))
