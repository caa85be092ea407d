"""Plan: intent, catalog, state and the world as read -> one frozen Plan. Reads only; the dry-runs it asks for write nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from giqplan.catalog import Catalog
from giqplan.checks import Subject, first_reads, run_checks
from giqplan.checks.quota import spare_limit
from giqplan.engine.choice import choose, placed
from giqplan.engine.diff import compare_unwanted, compare_wanted
from giqplan.engine.drift import Recorded, buckets_recorded, recorded_identities
from giqplan.engine.observe import WorldPort, ask_rights, denied, observe
from giqplan.engine.order import in_order
from giqplan.engine.verify import verify
from giqplan.errors import StateError
from giqplan.intent.model import Intent
from giqplan.kube.readiness import State
from giqplan.manifests import Rollout, choose_rollout
from giqplan.model.address import Address
from giqplan.model.calls import ClusterRef
from giqplan.model.plan import Cause, Change, Deferred, Drift, Pin, Plan, Verb
from giqplan.model.recommendation import Recommendation
from giqplan.model.resource import Live, Presence, Resource
from giqplan.model.world import Scope, World
from giqplan.resources import REGISTRY, Kind, buckets_of, declare, is_adapters, secret_reads, stage_of
from giqplan.resources.iam import BUCKET_MEMBER, PROJECT_MEMBER
from giqplan.resources.preconditions import missing
from giqplan.state import ResourceState
from giqplan.state import State as Recording
from giqplan.units import digest

if TYPE_CHECKING:
    from giqplan.intent import LoadedIntent


DEPLOYMENT, HPA = "kubernetes_deployment", "kubernetes_horizontal_pod_autoscaler"


@dataclass(frozen=True)
class Inputs:
    """What a plan is made from. ``port`` None = offline: nothing is read, everything is predicted."""

    loaded: LoadedIntent
    catalog: Catalog
    world_name: str
    state: Recording | None
    port: WorldPort | None
    begun: frozenset[Address] = frozenset()
    """What an interrupted run had begun to create: if it is there now, we made it."""
    claimed: Mapping[Address, str] = field(default_factory=dict)
    """What other environments of the same world have made, and which."""
    force_conflicts: tuple[str, ...] = ()
    """Globs over addresses: what other managers hold of these is taken from them (--force-conflicts)."""

    @property
    def intent(self) -> Intent:
        return self.loaded.intent


@dataclass(frozen=True)
class Proposal:
    """A plan with what apply needs to carry it out: the full desired values and the choices to record."""

    plan: Plan
    resources: Mapping[Address, Resource]
    world: World
    choices: Mapping[str, str]
    rollout: Rollout | None
    marked: Mapping[Address, ResourceState] = field(default_factory=dict)
    """What destroy found by its marks, without a state: the state to begin with."""


def scope_of(intent: Intent) -> Scope:
    """What the intent's target is about."""
    target = intent.spec.target
    cluster = ClusterRef(target.project, target.location, target.cluster.name)
    return Scope(target.project, cluster, target.namespace, intent.metadata.name)


def choice_digest(intent: Intent) -> str:
    """Digest of the part of the intent that decides the profile: while it stays, an applied choice stays (design rule 11)."""
    spec = intent.spec.model_dump(mode="json", by_alias=True)
    deciding = {key: spec[key] for key in ("model", "workload", "slo", "cost", "accelerator", "evidence")}
    deciding["serving"] = {key: spec["serving"][key] for key in ("server", "version", "stack")}
    deciding["target"] = {key: spec["target"][key] for key in ("location", "zones")}
    return digest(deciding)


def make_plan(inputs: Inputs) -> Proposal:
    """The plan of an intent. Raises GiqplanError when there is nothing to plan with; what merely blocks stands in ``checks``."""
    intent, scope = inputs.intent, scope_of(inputs.intent)
    chosen = choice_digest(intent)
    kept = inputs.state.choices if inputs.state is not None and inputs.state.choices.get("deciding") == chosen else {}
    recommendation = choose(inputs.loaded, inputs.catalog, kept.get("curve"))
    world = World(inputs.world_name, scope)
    if inputs.port is not None:
        known = recorded_of(inputs.state)
        buckets = (*buckets_of(intent), *buckets_recorded(known))
        secrets, first = secret_reads(intent, scope.cluster), first_reads(intent)
        world = observe(inputs.port, inputs.world_name, scope, buckets, secrets, recorded_identities(known), first)
        same_cluster(inputs.state, world)
    subject = Subject(intent, recommendation, world, inputs.catalog)
    rollout, why = _rollout(subject, kept)
    with placed(inputs.loaded):
        resources = declare(intent, recommendation, inputs.catalog, world, rollout)
    subject = replace(subject, resources=resources)
    changes, drift = _compare(resources, inputs.state, world, inputs.claimed)
    if inputs.port is not None and world.cluster_answers:
        changes = verify(inputs.port, changes, {r.address: r for r in resources}, world, inputs.force_conflicts)
    if inputs.port is not None:
        subject = replace(subject, world=ask_rights(inputs.port, world, changes))
    plan = _plan(inputs, subject, changes, drift, _notes(inputs, f"rollout: {rollout.value}: {why}"))
    choices = {"deciding": chosen, "curve": recommendation.evidence.curve_key, "rollout": rollout.value, "max": _max(intent)}
    return Proposal(plan, {r.address: r for r in resources}, world, choices, rollout)


def _notes(inputs: Inputs, rollout: str) -> tuple[str, ...]:
    """What a reviewer should know that no diff shows."""
    target, config = inputs.intent.spec.target, inputs.loaded.config
    notes = [rollout]
    if target.quota_project is not None:
        notes.append(f"API calls are counted against project {target.quota_project}")
    if target.cluster.create and target.cluster.deletion_policy.value == "delete":
        notes.append(f"destroy will delete cluster {target.cluster.name} (deletionPolicy: delete)")
    if config is not None:
        notes.append(f"{config.file}: {config.architecture}, context of {config.max_context} tokens; the lengths fit it")
    return tuple(notes)


def _max(intent: Intent) -> str:
    return str(intent.spec.autoscaling.max_replicas)


def _rollout(subject: Subject, kept: Mapping[str, str]) -> tuple[Rollout, str]:
    """Surge or Recreate; an applied choice stays while the profile and the highest replica count stay, or nobody may see the quota."""
    spare = spare_limit(subject)
    if "rollout" in kept and (spare is None or kept.get("max") == _max(subject.intent)):
        return Rollout(kept["rollout"]), "as applied"
    count, most = subject.recommendation.profile.accelerator_count, subject.recommendation.sizing.max_replicas
    return choose_rollout(count, most, spare)


def recorded_of(state: Recording | None) -> Mapping[Address, Recorded]:
    """What state holds, as the comparison needs it."""
    if state is None:
        return {}
    return {
        address: Recorded(entry.applied, entry.observed, entry.identity, entry.created, stage_of(address), entry.depends_on)
        for address, entry in state.resources.items()
    }


def _compare(
    resources: Sequence[Resource], state: Recording | None, world: World, claimed: Mapping[Address, str]
) -> tuple[tuple[Change, ...], tuple[Drift, ...]]:
    recorded, changes, drift = recorded_of(state), [], []
    for resource in resources:
        kind = REGISTRY.of(resource.address)
        live = kind.live(resource.address, resource.desired, world)
        verdict = compare_wanted(kind, resource, recorded.get(resource.address), live)
        owner = claimed.get(resource.address, "") if resource.address not in recorded else ""
        waits = missing(resource, world)
        changes.append(replace(verdict.change, unsettled=_unsettled(kind, resource, live), owner=owner, waits=waits))
        if verdict.drift is not None:
            drift.append(verdict.drift)
    wanted = {resource.address for resource in resources}
    changes += unwanted_changes({a: r for a, r in recorded.items() if a not in wanted}, world, Cause.NOT_WANTED)
    return in_order(_autoscaler_first(changes)), tuple(drift)


def _autoscaler_first(changes: Sequence[Change]) -> list[Change]:
    """An autoscaler that goes is gone before its Deployment sets its own replica count: until then they would fight over it."""
    going = {c.address.name: c.address for c in changes if c.verb is Verb.DELETE and c.address.type == HPA}
    return [
        replace(c, depends_on=(*c.depends_on, going[c.address.name]))
        if c.verb is Verb.UPDATE and c.address.type == DEPLOYMENT and c.address.name in going
        else c
        for c in changes
    ]


def _unsettled(kind: Kind, resource: Resource, live: Live) -> str:
    if live.body is None:
        return ""
    progress = kind.progress(live.body, resource.desired, resource.address)
    return "" if progress.state is State.READY else progress.reason


def same_cluster(state: Recording | None, world: World) -> None:
    """Raise StateError (GIQ1807) when state is of another cluster, or of one that was made anew since: nothing may be written then."""
    if state is None:
        return
    if state.cluster != str(world.scope.cluster):
        remedy = "name the cluster it belongs to, or destroy what it holds first"
        raise StateError("GIQ1807", f"it is of {state.cluster}, this run is about {world.scope.cluster}", remedy)
    reading = world.cluster_reading
    found = str(reading.body.get("id", "")) if reading.ok else ""
    if state.cluster_uid and found and found != state.cluster_uid:
        detail = f"{world.scope.cluster} was made anew: its id is {found}, state is of {state.cluster_uid}"
        remedy = "what state holds went with the old cluster: move state.json away, and the next plan recognises what is there"
        raise StateError("GIQ1807", detail, remedy)


def unwanted_changes(recorded: Mapping[Address, Recorded], world: World, cause: Cause) -> list[Change]:
    """The changes of what state has and nobody wants any more."""
    found = []
    for address, entry in recorded.items():
        kind = REGISTRY.of(address)
        change = compare_unwanted(kind, address, entry, kind.live(address, entry.applied, world), cause)
        found.append(_shared(change, world, cause))
    return found


def _shared(change: Change, world: World, cause: Cause) -> Change:
    """What others may use as well is not taken from them."""
    if is_adapters(change.address) and cause is Cause.NOT_WANTED and change.before is not None:
        return replace(change, verb=Verb.NOOP, notes=("it stays: other autoscalers of the cluster may use it; destroy asks them",))
    if change.verb is Verb.DELETE and change.address.type in (BUCKET_MEMBER, PROJECT_MEMBER) and world.other_clusters:
        others = ", ".join(world.other_clusters)
        why = f"kept: one identity serves every cluster of a project, and {others} may rely on it"
        return replace(change, verb=Verb.FORGET, why=why)
    return change


def _plan(inputs: Inputs, subject: Subject, changes: tuple[Change, ...], drift: tuple[Drift, ...], notes: tuple[str, ...]) -> Plan:
    intent, world = subject.intent, subject.world
    unread = tuple(f"may not read {read.service} {read.path}: {reading.message}" for read, reading in denied(world))
    return Plan(
        world=inputs.world_name,
        environment=inputs.loaded.environment,
        intent_name=intent.metadata.name,
        project=world.scope.project,
        cluster=str(world.scope.cluster),
        changes=changes,
        drift=drift,
        checks=run_checks(subject, changes),
        deferred=deferred_of(changes),
        recommendation=subject.recommendation,
        pins=pins_of(changes, world),
        inputs=_digests(inputs, subject.recommendation),
        notes=(*notes, *unread),
        offline=inputs.port is None,
    )


def _digests(inputs: Inputs, recommendation: Recommendation) -> Mapping[str, str]:
    found = {"intent": inputs.loaded.digest, "catalog": recommendation.catalog_digest}
    if inputs.state is not None:
        found["state"] = f"{inputs.state.lineage}:{inputs.state.serial}"
    return found


def deferred_of(changes: Iterable[Change]) -> tuple[Deferred, ...]:
    """What is left undone, and why: shown (exit 5)."""
    reasons = ((change.address, change.left or (change.waits if change.acts else "")) for change in changes)
    return tuple(Deferred(address, reason) for address, reason in reasons if reason)


def pins_of(changes: Iterable[Change], world: World) -> tuple[Pin, ...]:
    """What the plan read of each resource: identity and a digest of the projection it compared (design section 2, pins)."""
    found = []
    for change in changes:
        kind = REGISTRY.of(change.address)
        shape = change.after if change.after is not None else change.before
        live = kind.live(change.address, shape, world) if shape is not None and not world.offline else None
        if live is None or live.presence is Presence.UNKNOWN:
            found.append(Pin(change.address, "", "unread"))
        elif live.body is None or shape is None:
            found.append(Pin(change.address, "", "absent"))
        else:
            found.append(Pin(change.address, live.identity, digest(kind.project(live.body, shape, change.address))))
    return tuple(found)
