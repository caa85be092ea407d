"""Plan: intent, catalog, state and the world as read -> one frozen Plan. Reads only; the dry-runs it asks for write nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from giqplan.checks import Subject, first_reads, run_checks
from giqplan.checks.quota import spare_limits
from giqplan.engine.adopted import with_adopted_marks
from giqplan.engine.choice import catalog_of, choose, placed
from giqplan.engine.diff import compare_unwanted, compare_wanted
from giqplan.engine.drift import Recorded, buckets_recorded, recorded_identities
from giqplan.engine.hidden import drift_without_secrets, without_secrets
from giqplan.engine.inputs import Inputs, Proposal, choice_digest
from giqplan.engine.interrupted import begun_buckets, members_left, told, without_own_work
from giqplan.engine.marked import strays
from giqplan.engine.narrow import narrowed
from giqplan.engine.observe import ask_rights, denied, observe
from giqplan.engine.order import in_order
from giqplan.engine.pins import pins_of
from giqplan.engine.shared import merged
from giqplan.engine.verify import verify
from giqplan.errors import StateError
from giqplan.intent.model import Intent
from giqplan.kube.readiness import State
from giqplan.manifests import Rollout, choose_rollout
from giqplan.model.address import Address
from giqplan.model.plan import LAYER_INPUT, Cause, Change, Deferred, Drift, Part, Plan, Verb
from giqplan.model.recommendation import Recommendation
from giqplan.model.resource import Live, Resource
from giqplan.model.world import World
from giqplan.resources import REGISTRY, Kind, buckets_of, declare, is_adapters, secret_reads, stage_of
from giqplan.resources.iam import BUCKET_MEMBER, PROJECT_MEMBER
from giqplan.resources.preconditions import missing
from giqplan.state import State as Recording
from giqplan.state import broken

if TYPE_CHECKING:
    from giqplan.intent import LoadedIntent


DEPLOYMENT, HPA = "kubernetes_deployment", "kubernetes_horizontal_pod_autoscaler"


def make_plan(inputs: Inputs) -> Proposal:
    """The plan of one intent, or of all of a folder. Raises GiqplanError when there is nothing to plan with; what merely blocks stands in
    ``checks``."""
    scope = inputs.scope
    chosen = [_chosen(loaded, inputs) for loaded in inputs.loaded.values()]
    world = World(inputs.world_name, scope)
    if inputs.port is not None:
        known = recorded_of(inputs.state)
        buckets = _buckets(inputs) | set(buckets_recorded(known)) | begun_buckets(inputs.begun)
        secrets = dict.fromkeys(read for loaded, _ in chosen for read in secret_reads(loaded.intent, scope.cluster))
        first = dict.fromkeys(read for loaded, _ in chosen for read in first_reads(loaded.intent))
        world = observe(inputs.port, inputs.world_name, scope, buckets, secrets, recorded_identities(known), first)
        same_cluster(inputs.state, world)
    subjects = [Subject(loaded.intent, found, world, catalog_of(loaded, inputs.catalog)) for loaded, found in chosen]
    spare = spare_limits(subjects)
    rollouts = [_rollout(s, _kept(loaded, inputs), room) for s, (loaded, _), room in zip(subjects, chosen, spare, strict=True)]
    subjects = [
        replace(s, resources=_declared(loaded, s, rollout)) for s, (loaded, _), (rollout, _) in zip(subjects, chosen, rollouts, strict=True)
    ]
    resources = merged((subject.intent.metadata.name, resource) for subject in subjects for resource in subject.resources)
    resources = with_adopted_marks(resources, recorded_of(inputs.state), world)
    predicted, drift = _compare(resources, inputs, world)
    changes = predicted
    if inputs.port is not None and world.cluster_answers:
        changes = verify(inputs.port, changes, {r.address: r for r in resources}, world, inputs.options.force_conflicts)
    changes = narrowed(without_secrets(changes), inputs.options)
    if inputs.port is not None:
        subjects = [replace(subject, world=ask_rights(inputs.port, world, changes)) for subject in subjects[:1]] + subjects[1:]
    parts = tuple(
        Part(
            loaded.intent.metadata.name,
            file,
            loaded.digest,
            subject.recommendation,
            _choices(loaded, subject, rollout),
            _notes(loaded, f"rollout: {rollout.value}: {why}"),
        )
        for (file, loaded), subject, (rollout, why) in zip(inputs.loaded.items(), subjects, rollouts, strict=True)
    )
    plan = Plan(
        world=inputs.world_name,
        environment=inputs.environment,
        parts=parts,
        project=scope.project,
        cluster=str(scope.cluster),
        changes=changes,
        drift=drift_without_secrets(without_own_work(drift, inputs.left_open)),
        checks=run_checks(subjects, changes),
        deferred=deferred_of(changes),
        pins=pins_of(changes, world),
        inputs=_digests(inputs),
        notes=(*told(inputs.left_open), *(f"may not read {r.service} {r.path}: {reading.message}" for r, reading in denied(world))),
        offline=inputs.port is None,
        options=inputs.options,
    )
    return Proposal(
        plan,
        {r.address: r for r in resources},
        world,
        {c.address: c for c in without_secrets(predicted)},
        begun=inputs.begun,
        names=inputs.names,
    )


def _chosen(loaded: LoadedIntent, inputs: Inputs) -> tuple[LoadedIntent, Recommendation]:
    return loaded, choose(loaded, inputs.catalog, _kept(loaded, inputs).get("curve"))


def _kept(loaded: LoadedIntent, inputs: Inputs) -> Mapping[str, str]:
    """The applied choices of an intent, while what decided them stays."""
    record = inputs.state.intents.get(loaded.intent.metadata.name) if inputs.state is not None else None
    return record.choices if record is not None and record.choices.get("deciding") == choice_digest(loaded) else {}


def _choices(loaded: LoadedIntent, subject: Subject, rollout: Rollout) -> Mapping[str, str]:
    curve = subject.recommendation.evidence.curve_key
    return {"deciding": choice_digest(loaded), "curve": curve, "rollout": rollout.value, "max": _max(subject.intent)}


def _buckets(inputs: Inputs) -> set[str]:
    return {bucket for loaded in inputs.loaded.values() for bucket in buckets_of(loaded.intent)}


def _declared(loaded: LoadedIntent, subject: Subject, rollout: Rollout) -> tuple[Resource, ...]:
    with placed(loaded):
        return declare(subject.intent, subject.recommendation, subject.catalog, subject.world, rollout)


def _notes(loaded: LoadedIntent, rollout: str) -> tuple[str, ...]:
    """What a reviewer should know that no diff shows."""
    target, config = loaded.intent.spec.target, loaded.config
    notes = [rollout]
    if target.quota_project is not None:
        notes.append(f"API calls are counted against project {target.quota_project}")
    if target.cluster.create and target.cluster.deletion_policy.value == "delete":
        notes.append(f"destroy will delete cluster {target.cluster.name} (deletionPolicy: delete)")
    if config is not None:
        model = config.architecture
        size = f"{model.params / 1e9:.3g} billion parameters"
        notes.append(f"{config.file}: {model.name}, {size}, context of {model.max_context} tokens; the lengths fit it")
    return tuple(notes)


def _max(intent: Intent) -> str:
    return str(intent.spec.autoscaling.max_replicas)


def _rollout(subject: Subject, kept: Mapping[str, str], spare: int | None) -> tuple[Rollout, str]:
    """Surge or Recreate; an applied choice stays while the profile and the highest replica count stay, or nobody may see the quota."""
    if kept.get("rollout") in tuple(Rollout) and (spare is None or kept.get("max") == _max(subject.intent)):
        return Rollout(kept["rollout"]), "as applied"
    count, most = subject.recommendation.profile.accelerator_count, subject.recommendation.sizing.max_replicas
    return choose_rollout(count, most, spare)


def recorded_of(state: Recording | None) -> Mapping[Address, Recorded]:
    """What state holds, as the comparison needs it. Raises StateError (GIQ1802) for what its kind cannot be found by."""
    if state is None:
        return {}
    for address, entry in state.resources.items():
        lacking = [name for name in REGISTRY.of(address).found_by if not isinstance(entry.applied.get(name), str)]
        if lacking:
            raise broken(f"{address}: what was sent has no {' and no '.join(lacking)}")
    return {
        address: Recorded(entry.applied, entry.observed, entry.identity, entry.created, stage_of(address), entry.depends_on, entry.intents)
        for address, entry in state.resources.items()
    }


def of_names(recorded: Mapping[Address, Recorded], names: frozenset[str]) -> Mapping[Address, Recorded]:
    """What nobody but these intents has wanted; what others want too is none of this run's business to take down."""
    return {address: entry for address, entry in recorded.items() if names.issuperset(entry.intents)}


def _compare(resources: Sequence[Resource], inputs: Inputs, world: World) -> tuple[tuple[Change, ...], tuple[Drift, ...]]:
    recorded, changes, drift = recorded_of(inputs.state), [], []
    for resource in resources:
        kind = REGISTRY.of(resource.address)
        live = kind.live(resource.address, resource.desired, world)
        verdict = compare_wanted(kind, resource, recorded.get(resource.address), live)
        owner = inputs.claimed.get(resource.address, "") if resource.address not in recorded else ""
        waits = missing(resource, world)
        changes.append(replace(verdict.change, unsettled=_unsettled(kind, resource, live), owner=owner, waits=waits))
        if verdict.drift is not None:
            drift.append(verdict.drift)
    wanted = {resource.address for resource in resources}
    intents = [loaded.intent for loaded in inputs.loaded.values()]
    unwanted = {a: r for a, r in of_names(recorded, inputs.names).items() if a not in wanted}
    unwanted |= strays(world, intents, {*wanted, *recorded, *inputs.claimed})
    unwanted |= members_left(inputs.begun, {*wanted, *recorded}, world)
    changes += unwanted_changes(unwanted, world, Cause.NOT_WANTED)
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
        live = kind.live(address, entry.applied, world)
        change = compare_unwanted(kind, address, entry, live, cause)
        found.append(change if live.body is None else _shared(change, world, cause))
    return found


def _shared(change: Change, world: World, cause: Cause) -> Change:
    """What others may use as well is not taken from them."""
    if is_adapters(change.address) and cause is Cause.NOT_WANTED:
        stays = ("it stays: other autoscalers of the cluster may use it; destroy asks them",)
        return replace(change, verb=Verb.NOOP, after=change.before, notes=stays)
    if change.verb is Verb.DELETE and change.address.type in (BUCKET_MEMBER, PROJECT_MEMBER) and world.other_clusters:
        others = ", ".join(world.other_clusters)
        why = f"kept: one identity serves every cluster of a project, and {others} may rely on it"
        return replace(change, verb=Verb.FORGET, why=why)
    return change


def _digests(inputs: Inputs) -> Mapping[str, str]:
    found = {"catalog": inputs.catalog.digest}
    if len(inputs.catalog.layers) > 1:
        found |= {f"{LAYER_INPUT}{layer.name}": layer.digest for layer in inputs.catalog.layers}
    if inputs.state is not None:
        found["state"] = f"{inputs.state.lineage}:{inputs.state.serial}"
    return found


def deferred_of(changes: Iterable[Change]) -> tuple[Deferred, ...]:
    """What is left undone, and why: shown (exit 5)."""
    reasons = ((change.address, change.left or (change.waits if change.acts else "")) for change in changes)
    return tuple(Deferred(address, reason) for address, reason in reasons if reason)
