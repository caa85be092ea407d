"""One run against one state: lock, settle what an earlier run left, carry out, commit."""

from __future__ import annotations

import secrets
import threading
from dataclasses import replace

from giqplan.checks import enforced
from giqplan.engine.apply import Applied, Executor
from giqplan.engine.observe import WorldPort
from giqplan.engine.planner import Inputs, Proposal
from giqplan.engine.settle import Reporter
from giqplan.engine.walk import End
from giqplan.errors import CheckError, PlanError
from giqplan.model.check import CheckStatus
from giqplan.model.plan import Confidence, Plan
from giqplan.resources.cluster import TYPE as CLUSTER
from giqplan.state import LocalState, State
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


def first_state(proposal: Proposal, environment: str) -> State:
    """The state of a project that has none yet."""
    scope = proposal.world.scope
    return State(
        lineage=secrets.token_hex(8),
        serial=0,
        world=proposal.world.name,
        environment=environment,
        project=scope.project,
        cluster=str(scope.cluster),
        cluster_uid=cluster_uid(proposal),
        intent_name=scope.intent_name,
        choices={},
        resources=dict(proposal.marked),
    )


def cluster_uid(proposal: Proposal) -> str:
    """The cluster's id as Google gives it; empty while there is no cluster."""
    reading = proposal.world.cluster_reading
    return str(reading.body.get("id", "")) if reading.ok else ""


def made_cluster(applied: Applied) -> str:
    """The id of the cluster that state holds; empty when it holds none."""
    return next((entry.identity for address, entry in applied.resources.items() if address.type == CLUSTER), "")


def carry_out(proposal: Proposal, inputs: Inputs, port: WorldPort, store: LocalState, reporter: Reporter, stop: threading.Event) -> Applied:
    """Apply (or destroy) a proposal. The caller holds the store's lock; state is committed however the run ends."""
    check_applyable(for_apply(proposal).plan)
    state = inputs.state if inputs.state is not None else first_state(proposal, inputs.loaded.environment)
    if inputs.state is None:
        state = store.commit(state)
    executor = Executor(proposal, inputs, port, store.journal, reporter, stop)
    applied = executor.run({**proposal.marked, **state.resources})
    choices = dict(proposal.choices) if proposal.choices and not applied.walked.errors else dict(state.choices)
    uid = made_cluster(applied) or cluster_uid(proposal) or state.cluster_uid
    ended = replace(state, resources=applied.resources, choices=choices, cluster_uid=uid)
    if not _left_open(applied, proposal.plan, store) and (store.journal.written or not same(state, ended)):
        store.commit(ended)
    return applied


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
