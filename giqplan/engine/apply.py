"""Apply: carry out exactly a proposal. Each action is written to the journal before it is sent and after it is answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from giqplan.cloud import ConflictError
from giqplan.engine.inputs import Proposal
from giqplan.engine.observe import WorldPort, connect, google_reads
from giqplan.engine.settle import Pace, Reporter, Waiting, await_operation, look, settle
from giqplan.engine.shared import wanting
from giqplan.engine.verify import dry_run, gives_back
from giqplan.engine.walk import End, Walked, walk, with_dependents
from giqplan.errors import ApplyError, CloudError, Exit, GiqplanError, WaitsError, worst
from giqplan.kube.adopt import left_by_kubectl, taken_over
from giqplan.kube.readiness import State
from giqplan.model.address import Address
from giqplan.model.calls import ActionResult, ApplyObject, Outcome, Reading, RewriteManagers
from giqplan.model.plan import Change, Confidence, Conflict, Verb
from giqplan.model.resource import Live, Presence, Resource, Stage
from giqplan.model.values import JsonObject, has_unknown
from giqplan.model.world import World, project_read
from giqplan.resources import REGISTRY, Kind, Step
from giqplan.resources.cluster import STOPPING
from giqplan.resources.cluster import TYPE as CLUSTER
from giqplan.resources.kubernetes import FIELD_MANAGER, KubernetesObject, is_adopted
from giqplan.resources.preconditions import judge
from giqplan.resources.services import TYPE as SERVICE
from giqplan.secret_values import blotted
from giqplan.state import Journal, ResourceState


@dataclass
class Applied:
    """How an apply ended: what was done, what still waits (and why), what failed."""

    walked: Walked
    resources: Mapping[Address, ResourceState]
    waits: Mapping[Address, str] = field(default_factory=dict)
    stopped: bool = False
    chosen: bool = False
    """Whether something was sent that the choice of a profile decides."""

    @property
    def exit(self) -> Exit:
        codes = [error.exit for error in self.walked.errors.values()]
        if self.stopped:
            codes.append(Exit.INTERRUPTED)
        if self.waits:
            codes.append(Exit.INCOMPLETE)
        return worst(codes)


_API_SETTLES_S = 600.0
"""How long an API that was just enabled may answer as disabled; Google says "a few minutes"."""
_WRITTEN_IN_BETWEEN = 5
"""How often an object may be written by its controllers between our look at it and our write before we give up."""
_SLOW_S = 300.0
"""What may take longer than this is worth a line when it is ready."""


class Executor:
    """One apply or destroy. ``recorded``: the resources of state, kept current as actions end (the journal holds the same)."""

    def __init__(self, proposal: Proposal, port: WorldPort, journal: Journal, reporter: Reporter, stop: threading.Event) -> None:
        self._proposal, self._port = proposal, port
        self._journal, self._reporter, self._pace = journal, reporter, Pace(stop)
        self._stop = stop
        self._world, self._resources = proposal.world, dict(proposal.resources)
        self._choices, self._chosen = proposal.decisions, False
        self._lock = threading.Lock()

    def run(self, recorded: Mapping[Address, ResourceState]) -> Applied:
        """Carry out the plan. Raises only what is a defect; what fails is in the answer."""
        self._recorded = dict(recorded)
        for change in self._proposal.plan.changes:
            if not change.acts:
                self._note_unchanged(change)
        left = with_dependents({c.address for c in self._proposal.plan.changes if c.left}, self._proposal.plan.acting)
        acting = [change for change in self._proposal.plan.acting if change.address not in left]
        try:
            self._await_cluster()
        except GiqplanError as error:
            skipped = Walked({change.address: End.SKIPPED for change in acting}, {self._cluster: error})
            self._reporter.failed(self._cluster, error.detail)
            return Applied(skipped, dict(self._recorded), {}, self._stop.is_set())
        walked = walk(acting, self._carry_out, self._stop)
        walked.ends |= dict.fromkeys(left, End.SKIPPED)
        waits = {} if self._stop.is_set() else self._await_rest(walked)
        return Applied(walked, dict(self._recorded), waits, self._stop.is_set(), self._chosen)

    @property
    def _cluster(self) -> Address:
        scope = self._world.scope
        return Address(CLUSTER, f"{scope.location}/{scope.cluster.name}")

    def _await_cluster(self) -> None:
        """Everything waits for a cluster that is being made already, or deleted: an interrupted run, or somebody else, has begun it."""
        reading = self._world.cluster_reading
        if not reading.ok or self._world.cluster_answers:
            return
        if reading.body.get("status") == STOPPING:  # only a destroy comes here: a check keeps apply from planning into it
            self._until_gone(self._cluster, {})
            return
        self._gate(self._cluster, {})
        self._reconnect()

    def _until_gone(self, address: Address, wanted: JsonObject) -> None:
        settled, _ = settle(self._port, (Waiting(address, wanted, gone=True),), self._world.scope, self._pace, self._reporter)
        if not settled:
            code, what = ("GIQ1704", "stopped while") if self._stop.is_set() else ("GIQ1703", "still")
            raise ApplyError(code, f"{address}: {what} being deleted", "run the same command again: it goes on where it stopped")

    def _carry_out(self, change: Change) -> None:
        kind, start = REGISTRY.of(change.address), time.monotonic()
        if change.verb is Verb.FORGET:
            self._forget(change)
            return
        if change.verb is Verb.DELETE:
            self._delete(kind, change)
        else:
            self._send(kind, change)
        self._reporter.ended(change.address, _DONE[change.verb], time.monotonic() - start)

    def _send(self, kind: Kind, change: Change) -> None:
        resource = self._resolved(change.address)
        self._refuse_while_waiting(resource)
        live = self._fresh(kind, resource, change)
        if change.stage is Stage.WORKLOAD:
            self._note_choices()
        record = self._journal.begin(change.address, change.verb.value, f"{change.verb.value} {change.address}")
        result = ActionResult()
        try:
            if isinstance(kind, KubernetesObject) and change.confidence is Confidence.PREDICTED:
                self._check_by_dry_run(kind, change, resource)
            if isinstance(kind, KubernetesObject) and change.adopts:
                live = self._take_over(kind, resource) or live
            for step in kind.steps(change.verb, change.address, resource.desired, live, self._world.scope, resource.once):
                self._reporter.began(change.address, step.summary)
                answer = self._execute(step, kind, change.conflicts)
                if getattr(step.action, "field_manager", FIELD_MANAGER) == FIELD_MANAGER:
                    result = answer
        except GiqplanError as error:
            self._note_failure(record, change.address, error)
            raise
        # What was sent is ours from here on, whatever becomes of it: it is recorded before anything is waited for or judged.
        held = result.body if kind.provider == "kubernetes" else None
        sent = Live(Presence.PRESENT, held, held["metadata"]["uid"] if held is not None else live.identity)
        self._remember(record, kind, change, resource, sent, made=result.made is not False)
        try:
            if kind.gates:
                settled = held is not None and kind.progress(held, resource.desired, change.address).state is State.READY
                self._record_settled(change.address, sent if settled else self._gate(change.address, resource.desired))
            if held is not None:
                _refuse_foreign_changes(kind, resource, held)
        except GiqplanError as error:
            self._reporter.failed(change.address, error.detail)
            raise
        if change.address.type == CLUSTER:
            self._reconnect()

    def _refuse_while_waiting(self, resource: Resource) -> None:
        """Raise WaitsError while something of others is not there that the resource cannot do without. Looked at now, not when it was
        planned: much can be set while a cluster is being made. What may not be read does not hold anything up: the plan said so."""
        answers = self._port.read_many(tuple(dict.fromkeys(p.read for p in resource.waits_for)))
        for precondition in resource.waits_for:
            finding = judge(precondition, answers[precondition.read])
            if finding.met is False:
                self._reporter.waits(resource.address, finding.why)
                raise WaitsError("GIQ1707", f"{resource.address} was not sent: {finding.why}", precondition.remedy)

    def _note_choices(self) -> None:
        """A choice counts as applied once the first thing that it decides is sent: whatever becomes of the run, the next keeps to it."""
        with self._lock:
            if not self._chosen and self._choices:
                self._journal.chosen(self._choices)
            self._chosen = True

    def _check_by_dry_run(self, kind: KubernetesObject, change: Change, resource: Resource) -> None:
        """What no server could be asked about when it was planned is asked now, before anything is written (design rule 1)."""
        result = self._execute(Step(dry_run(kind, resource, self._world), ""), kind)
        if change.verb is Verb.CREATE and result.made is False:
            detail = f"{change.address}: something of that name has come to be there since the plan"
            raise ApplyError("GIQ1706", detail, "plan again: the new plan shows whose it is")
        _refuse_foreign_changes(kind, resource, result.body)

    def _fresh(self, kind: Kind, resource: Resource, change: Change) -> Live:
        """The resource as it is right now where the action depends on it: lists are sent whole, so the union is made last."""
        if kind.provider == "kubernetes":
            return kind.live(resource.address, resource.desired, self._world)
        waiting = Waiting(resource.address, resource.desired)
        return replace(look(self._port, (waiting,), self._world.scope)[resource.address], ours=self._is_ours(change))

    def _take_over(self, kind: KubernetesObject, resource: Resource) -> Live | None:
        """Give what kubectl apply left to us; again when controllers wrote the object in between. The object as it is then, None when
        there is nothing to take over any more."""
        for last in (False,) * (_WRITTEN_IN_BETWEEN - 1) + (True,):
            live = look(self._port, (Waiting(resource.address, resource.desired),), self._world.scope)[resource.address].body
            if live is None or not left_by_kubectl(live, FIELD_MANAGER):
                return None
            fields = tuple(taken_over(live, resource.desired, FIELD_MANAGER, kind.schema))
            version, cluster = live["metadata"]["resourceVersion"], self._world.scope.cluster
            step = Step(RewriteManagers(cluster, kind.path(resource.address), fields, version), "take over what kubectl apply left")
            self._reporter.began(resource.address, step.summary)
            try:
                held = self._execute(step, kind).body
                return kind.live_of(resource.address, resource.desired, Reading(Outcome.OK, held))
            except CloudError as error:
                if error.status != 409 or last:
                    raise
        raise AssertionError("the last attempt ends it")

    def _execute(self, step: Step, kind: Kind, reviewed: Collection[Conflict] = ()) -> ActionResult:
        """One action, and the end of the operation it starts. What is only not possible yet is tried again, within the kind's patience:
        GKE runs one operation a cluster at a time, and an API that was just enabled answers as disabled for some minutes.

        ``reviewed``: the conflicts that the plan shows; only those that it says are taken are won, whatever others hold by now.
        """
        start, action = self._pace.now(), step.action
        for _ in self._pace.pauses_after_first():
            try:
                result = self._port.execute(action)
            except CloudError as error:
                if error.reason == "already-exists" and not isinstance(action, ApplyObject):
                    return ActionResult(made=False)
                if isinstance(error, ConflictError) and isinstance(action, ApplyObject) and not action.force and _may_take(error, reviewed):
                    action = replace(action, force=True)
                    continue
                late = self._stop.is_set() or self._pace.now() - start > max(kind.patience.timeout_s, _API_SETTLES_S)
                if late or not (error.reason == "busy" or (error.reason == "disabled" and self._enables_apis)):
                    raise
                continue
            if result.operation is not None:
                await_operation(self._port, result.operation, self._pace, kind.patience.timeout_s)
            return result
        raise AssertionError("pauses do not end")

    @property
    def _enables_apis(self) -> bool:
        return any(change.address.type == SERVICE and change.verb is Verb.CREATE for change in self._proposal.plan.changes)

    def _gate(self, address: Address, wanted: JsonObject) -> Live:
        settled, reasons = settle(self._port, (Waiting(address, wanted),), self._world.scope, self._pace, self._reporter)
        if address not in settled:
            if self._stop.is_set():
                raise ApplyError("GIQ1704", f"{address}: stopped while {reasons[address]}", "apply again to go on")
            raise ApplyError("GIQ1703", f"{address}: {reasons[address]}", "see the reason; apply again goes on where it stopped")
        return settled[address]

    def _delete(self, kind: Kind, change: Change) -> None:
        entry = self._recorded.get(change.address)  # None: found by its marks
        wanted = entry.applied if entry is not None else change.before or {}
        live = Live(Presence.PRESENT, None, change.identity)
        record = self._journal.begin(change.address, change.verb.value, f"delete {change.address}")
        try:
            for step in kind.steps(Verb.DELETE, change.address, wanted, live, self._world.scope):
                self._reporter.began(change.address, step.summary)
                self._execute(step, kind)
            self._until_gone(change.address, wanted)
        except GiqplanError as error:
            self._note_failure(record, change.address, error)
            raise
        self._drop(record, change.address)

    def _note_failure(self, record: int, address: Address, error: GiqplanError) -> None:
        """An answer that was lost ends nothing: the action may have happened, so its record stays open for the next run to settle."""
        if not _answer_lost(error):
            self._journal.failed(record, blotted(f"{error.code}: {error.detail}"))
        self._reporter.failed(address, error.detail)

    def _forget(self, change: Change) -> None:
        if change.address in self._recorded:
            self._drop(self._journal.begin(change.address, change.verb.value, f"forget {change.address}"), change.address)

    def _drop(self, record: int, address: Address) -> None:
        self._journal.done(record, None)
        with self._lock:
            self._recorded.pop(address, None)

    def _remember(self, record: int, kind: Kind, change: Change, resource: Resource, live: Live, *, made: bool) -> None:
        observed = kind.project(live.body, resource.desired, change.address) if live.body is not None else None
        entry = ResourceState(
            address=change.address,
            applied=resource.desired,
            observed=observed,
            identity=live.identity,
            created=(change.verb is Verb.CREATE and made) or self._is_ours(change),
            depends_on=resource.depends_on,
            intents=self._wanted_by(resource),
        )
        self._journal.done(record, entry)
        with self._lock:
            self._recorded[change.address] = entry

    def _note_unchanged(self, change: Change) -> None:
        """What is as wanted but not recorded so (found in the world, or changed by hand to what the intent now says)."""
        resource = self._resources.get(change.address)
        if resource is None or change.left or change.confidence is not Confidence.VERIFIED:
            return
        kind, earlier = REGISTRY.of(change.address), self._recorded.get(change.address)
        live = kind.live(change.address, resource.desired, self._world)
        if live.body is None:
            return
        if earlier is not None and not kind.differences(earlier.applied, resource.desired, change.address):
            now = kind.project(live.body, earlier.applied, change.address)
            if earlier.observed is not None and not kind.differences(earlier.observed, now, change.address):
                return
        entry = ResourceState(
            address=change.address,
            applied=resource.desired,
            observed=kind.project(live.body, resource.desired, change.address),
            identity=live.identity,
            created=self._is_ours(change),
            depends_on=resource.depends_on,
            intents=self._wanted_by(resource),
        )
        record = self._journal.begin(change.address, "record", f"record {change.address}")
        self._journal.done(record, entry)
        self._recorded[change.address] = entry

    def _is_ours(self, change: Change) -> bool:
        """Whether we made what was there: state says so, an interrupted run had begun to, or it carried our marks."""
        earlier = self._recorded.get(change.address)
        if earlier is not None:
            return earlier.created
        if change.address in self._proposal.begun:
            return True
        found = change.verb is not Verb.CREATE and not change.foreign and not change.owner
        return found and not is_adopted(self._resources[change.address].desired)

    def _wanted_by(self, resource: Resource) -> tuple[str, ...]:
        """The intents that want it: those of this run, and others of the folder that state knows of."""
        earlier = self._recorded.get(resource.address)
        return wanting(resource.intents, earlier.intents if earlier is not None else (), self._proposal.names)

    def _resolved(self, address: Address) -> Resource:
        """The resource with every value that has become known; raises when one still is not."""
        resource = self._resources[address]
        if not has_unknown(resource.desired):
            return resource
        read = project_read(self._world.scope.project)
        with self._lock:
            if not self._world.reading(read).ok:
                self._world = replace(self._world, readings={**self._world.readings, read: self._port.read_many((read,))[read]})
        resource = replace(resource, desired=REGISTRY.of(address).resolve(resource.desired, address, self._world))
        self._resources[address] = resource
        if has_unknown(resource.desired):
            why = "it needs the project's number, which the caller may not read"
            raise ApplyError("GIQ1705", f"{address}: {why}", "grant resourcemanager.projects.get (roles/browser) on the project")
        return resource

    def _reconnect(self) -> None:
        world = World(self._world.name, self._world.scope, dict(self._port.read_many(google_reads(self._world.scope, ()))))
        connect(self._port, world)

    def _await_rest(self, walked: Walked) -> dict[Address, str]:
        """Wait for what was sent without waiting, and record what the server holds once it has settled. After a failure nobody waits:
        what has not settled may need just what failed."""
        sent = [a for a, end in walked.ends.items() if end is End.DONE and a in self._recorded and a in self._resources]
        items = [Waiting(a, self._resources[a].desired) for a in sent if not REGISTRY.of(a).gates]
        start = time.monotonic()
        try:
            settled, waits = settle(self._port, items, self._world.scope, self._pace, self._reporter, once=bool(walked.errors))
        except GiqplanError as error:
            address = Address.parse(error.detail.partition(": ")[0]) if isinstance(error, ApplyError) else self._cluster
            walked.errors.setdefault(address, error)
            self._reporter.failed(address, error.detail)
            return {}
        for address, live in settled.items():
            self._record_settled(address, live)
            if isinstance(REGISTRY.of(address), KubernetesObject) and REGISTRY.of(address).patience.timeout_s > _SLOW_S:
                self._reporter.ended(address, "ready", time.monotonic() - start)
        return waits

    def _record_settled(self, address: Address, live: Live) -> None:
        kind, entry = REGISTRY.of(address), self._recorded[address]
        assert live.body is not None
        observed: JsonObject = kind.project(live.body, entry.applied, address)
        if entry.observed is None or kind.differences(entry.observed, observed, address):
            record = self._journal.begin(address, "settle", f"record {address} as settled")
            self._recorded[address] = replace(entry, observed=observed, identity=live.identity)
            self._journal.done(record, self._recorded[address])


def _may_take(error: ConflictError, reviewed: Collection[Conflict]) -> bool:
    """Whether every field that others hold may be taken: the plan said so, or it is a replica count that comes back."""
    taken = {(conflict.path, conflict.manager) for conflict in reviewed if conflict.taken is not None}
    return all((held.path, held.manager) in taken or gives_back(held.path, held.manager) for held in error.conflicts)


def _refuse_foreign_changes(kind: Kind, resource: Resource, held: JsonObject) -> None:
    """Design rule 1: stop when the server dropped a field we set, or altered one outside the platform's known adjustments."""
    found = kind.differences(resource.desired, kind.project(held, resource.desired, resource.address), resource.address)
    foreign = [d for d in found if not kind.platform_source(d.path)]
    if foreign:
        shown = "; ".join(f"{'.'.join(map(str, d.path))}: sent {d.before!r}, held {d.after!r}" for d in foreign[:3])
        raise ApplyError(
            "GIQ1701", f"{resource.address}: {shown}", "a webhook of the cluster may have changed it: see who, then plan again"
        )


def _answer_lost(error: GiqplanError) -> bool:
    """Nobody knows whether it happened: no answer, or an answer that says the server failed on the way."""
    return isinstance(error, CloudError) and (error.reason == "answer-lost" or error.status >= 500)


_DONE = {Verb.CREATE: "created", Verb.UPDATE: "updated", Verb.DELETE: "deleted", Verb.REPLACE: "replaced"}
