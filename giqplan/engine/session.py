"""One run against one state: lock, settle what an earlier run left, carry out, commit."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from dataclasses import replace

from giqplan.checks import enforced
from giqplan.engine.apply import Applied, Executor
from giqplan.engine.inputs import Proposal
from giqplan.engine.observe import WorldPort
from giqplan.engine.settle import Reporter
from giqplan.engine.shared import wanting
from giqplan.engine.walk import End
from giqplan.errors import CheckError, PlanError
from giqplan.model.check import CheckStatus
from giqplan.model.plan import Confidence, Plan
from giqplan.resources.cluster import TYPE as CLUSTER
from giqplan.state import IntentRecord, LocalState, ResourceState, State
from giqplan.units import canonical_json


def check_applyable(plan: Plan) -> None:
    """Raise what keeps a plan from being applied: nothing is written then."""
    if plan.offline:
        raise PlanError("GIQ1603", "the plan was made offline", "plan again without --offline")
    if plan.blocked:
        failing = "; ".join(f"{c.code} {c.summary}" for c in plan.checks if c.status is CheckStatus.FAIL)
        raise CheckError("GIQ1604", failing, "see the remedies in the plan")


def for_apply(proposal: Proposal) -> Proposal:
    """The proposal as it is for who applies it: a right that the caller lacks blocks it before the first action."""
    return replace(proposal, plan=replace(proposal.plan, checks=enforced(proposal.plan.checks)))


def first_state(proposal: Proposal) -> State:
    """The state of a folder that has none yet."""
    scope = proposal.world.scope
    return State(
        lineage=secrets.token_hex(8),
        serial=0,
        world=proposal.world.name,
        environment=proposal.plan.environment,
        project=scope.project,
        cluster=str(scope.cluster),
        cluster_uid=cluster_uid(proposal),
        intents={},
        resources=dict(proposal.marked),
    )


def cluster_uid(proposal: Proposal) -> str:
    """The cluster's id as Google gives it; empty while there is no cluster."""
    reading = proposal.world.cluster_reading
    return str(reading.body.get("id", "")) if reading.ok else ""


def made_cluster(applied: Applied) -> str:
    """The id of the cluster that state holds; empty when it holds none."""
    return next((entry.identity for address, entry in applied.resources.items() if address.type == CLUSTER), "")


def carry_out(
    proposal: Proposal, held: State | None, port: WorldPort, store: LocalState, reporter: Reporter, stop: threading.Event
) -> Applied:
    """Apply (or destroy) a proposal that was made from the state ``held``. The caller holds the store's lock; state is committed however
    the run ends."""
    check_applyable(for_apply(proposal).plan)
    state = held if held is not None else store.commit(first_state(proposal))
    executor = Executor(proposal, port, store.journal, reporter, stop)
    applied = executor.run({**proposal.marked, **state.resources})
    uid = made_cluster(applied) or cluster_uid(proposal) or state.cluster_uid
    resources = {address: _still_wanted(entry, proposal) for address, entry in applied.resources.items()}
    decided = applied.chosen or not (applied.walked.errors or applied.stopped)
    intents = _intents(state, proposal, resources.values(), decided=decided)
    ended = replace(state, resources=resources, intents=intents, cluster_uid=uid)
    if not _left_open(applied, proposal.plan, store) and (store.journal.written or not same(state, ended)):
        store.commit(ended)
    return applied


def _intents(state: State, proposal: Proposal, left: Iterable[ResourceState], *, decided: bool) -> dict[str, IntentRecord]:
    """The intents that state knows after an apply (or a destroy) of those that the proposal speaks for.

    One of which something is left, because the run left it out or could not take it down, stays known: else nobody would ever take down
    the rest. So does one that a run began and did not finish; until it is ``decided`` its choices are not recorded.
    """
    wanted = {name for entry in left for name in entry.intents}
    kept = {name: record for name, record in state.intents.items() if not decided or name not in proposal.names or name in wanted}
    if proposal.plan.destroy:
        return kept
    begun = {part.name: IntentRecord(part.file) for part in proposal.plan.parts if part.name in wanted}
    return begun | kept | (proposal.decisions if decided else {})


def _still_wanted(entry: ResourceState, proposal: Proposal) -> ResourceState:
    """An entry with the intents that want it after this run. What none wants any more stays named as it was: its removal is still due."""
    resource = proposal.resources.get(entry.address)
    names = wanting(resource.intents if resource is not None else (), entry.intents, proposal.names)
    return replace(entry, intents=names) if names else entry


def _left_open(applied: Applied, plan: Plan, store: LocalState) -> bool:
    """Whether the journal says something that state cannot: of an action of this run, or of an earlier one whose resource this run has
    not come to, nobody knows whether it happened. Until somebody does, the journal stays."""
    reached = {c.address for c in plan.changes if not c.acts and c.confidence is Confidence.VERIFIED}
    reached |= {address for address, end in applied.walked.ends.items() if end is End.DONE}
    listed = {change.address for change in plan.changes}
    return store.journal.open or any(p.address in listed - reached for p in store.pending())


def same(before: State, after: State) -> bool:
    """Whether nothing of the resources or choices changed: then nothing is written."""
    return canonical_json(before.to_json()) == canonical_json(after.to_json())
