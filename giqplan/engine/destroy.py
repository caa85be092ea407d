"""Destroy: a plan that takes down what we made, and nothing else (design rule 4).

APIs stay on. A cluster or namespace that holds anything of others is kept, and that is said (exit 5); one kept by ``deletionPolicy`` is
said too (exit 0). Without state, what carries our marks is found again; APIs and IAM bindings carry none and are listed as left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from giqplan.checks import permissions
from giqplan.engine.drift import buckets_recorded, recorded_identities
from giqplan.engine.hidden import without_secrets
from giqplan.engine.inputs import Inputs, Proposal
from giqplan.engine.interrupted import begun_buckets, told
from giqplan.engine.marked import NAMESPACE, begun_members, marked
from giqplan.engine.narrow import narrowed
from giqplan.engine.observe import ask_rights, observe
from giqplan.engine.order import in_order
from giqplan.engine.pins import pins_of
from giqplan.engine.planner import deferred_of, of_names, recorded_of, same_cluster, unwanted_changes
from giqplan.errors import PlanError
from giqplan.intent.model import Intent
from giqplan.model.address import Address
from giqplan.model.calls import KUBERNETES, Read
from giqplan.model.plan import Cause, Change, Part, Plan, Verb
from giqplan.model.world import Scope, World
from giqplan.resources import buckets_of, is_adapters
from giqplan.resources.cluster import TYPE as CLUSTER
from giqplan.resources.kubernetes import type_of
from giqplan.resources.preconditions import made_by_secret_set
from giqplan.state import ResourceState

#: What people keep in a namespace or cluster. What controllers make of these has an owner. Custom resources are not looked at.
_HOLDINGS: Mapping[str, str] = {
    "/apis/apps/v1/deployments": "Deployment",
    "/apis/apps/v1/statefulsets": "StatefulSet",
    "/apis/apps/v1/daemonsets": "DaemonSet",
    "/apis/batch/v1/jobs": "Job",
    "/apis/batch/v1/cronjobs": "CronJob",
    "/api/v1/services": "Service",
    "/api/v1/configmaps": "ConfigMap",
    "/api/v1/secrets": "Secret",
    "/api/v1/persistentvolumeclaims": "PersistentVolumeClaim",
    "/apis/autoscaling/v2/horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "/api/v1/pods": "Pod",
    "/api/v1/serviceaccounts": "ServiceAccount",
    "/apis/rbac.authorization.k8s.io/v1/roles": "Role",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings": "RoleBinding",
    "/apis/networking.k8s.io/v1/ingresses": "Ingress",
    "/apis/networking.k8s.io/v1/networkpolicies": "NetworkPolicy",
}
#: Namespaces of GKE and Kubernetes themselves (facts of GKE Autopilot clusters: kube-*, gke-*, gmp-*).
_SYSTEM = ("kube-", "gke-", "gmp-")
#: What Kubernetes itself puts into namespaces.
_MADE_BY_KUBERNETES = frozenset({("configmaps", "kube-root-ca.crt"), ("services", "kubernetes"), ("serviceaccounts", "default")})


def holdings_reads(scope: Scope) -> tuple[Read, ...]:
    """One list for each kind of thing that others may keep in the cluster."""
    return tuple(Read(KUBERNETES, path, (("limit", "500"),), items="items", cluster=str(scope.cluster)) for path in _HOLDINGS)


def plan_destroy(inputs: Inputs) -> Proposal:
    """The plan that takes the intent's resources down. Needs a world: nothing is destroyed blindly."""
    if inputs.port is None:
        raise PlanError("GIQ1602", "destroy has to see the world", "run it without --offline")
    intents, scope = [loaded.intent for loaded in inputs.loaded.values()], inputs.scope
    held = recorded_of(inputs.state)
    known = of_names(held, inputs.names)
    buckets = {*buckets_recorded(held), *begun_buckets(inputs.begun), *(bucket for intent in intents for bucket in buckets_of(intent))}
    world = observe(inputs.port, inputs.world_name, scope, buckets, holdings_reads(scope), recorded_identities(held))
    same_cluster(inputs.state, world)
    # What a killed run had made and not recorded carries our marks too; IAM members carry none, but their addresses say all.
    # A cluster that an earlier destroy has let go carries the mark for ever: with a state, only one that was being made counts.
    found = {
        address: entry
        for address, entry in {**begun_members(inputs.begun, world), **marked(world, intents)}.items()
        if address not in held and (address.type != CLUSTER or inputs.state is None or address in inputs.begun)
    }
    recorded = {**known, **found}
    changes = unwanted_changes(recorded, world, Cause.DESTROY)
    kept = _keep(changes, world, intents, frozenset(recorded))
    ordered = narrowed(in_order(without_secrets(kept)), inputs.options)
    notes: tuple[str, ...] = (
        () if inputs.state is not None else ("no state: what carries giqplan's marks was found; APIs and IAM bindings are left",)
    )
    going = {change.address.name for change in ordered if change.verb is Verb.DELETE and change.address.type == NAMESPACE}
    homes = sorted({intent.spec.target.namespace for intent in intents} - going)
    stay = [(home, name) for home, name in tokens(world) if home in homes]
    notes += tuple(f"Secret {name} of secret set stays in namespace {home}" for home, name in stay)
    notes += told(inputs.left_open)
    plan = Plan(
        world=inputs.world_name,
        environment=inputs.environment,
        parts=tuple(Part(loaded.intent.metadata.name, file, loaded.digest) for file, loaded in inputs.loaded.items()),
        project=scope.project,
        cluster=str(scope.cluster),
        changes=ordered,
        checks=permissions.check(ask_rights(inputs.port, world, ordered), ordered),
        deferred=deferred_of(ordered),
        pins=pins_of(ordered, world),
        notes=notes,
        destroy=True,
        options=inputs.options,
    )
    names = tuple(sorted(part.name for part in plan.parts))
    states = {a: ResourceState(a, r.applied, None, r.identity, r.created, r.depends_on, names) for a, r in found.items()}
    return Proposal(plan, {}, world, marked=states, begun=inputs.begun, names=inputs.names)


def _keep(changes: Iterable[Change], world: World, intents: Sequence[Intent], ours: frozenset[Address]) -> list[Change]:
    """The changes with everything kept that must be; what is kept against the user's wish is marked as left."""
    foreign = _foreign(world, ours)
    keeps_cluster = any(intent.spec.target.cluster.deletion_policy.value == "keep" for intent in intents)
    others_scale = world.cluster_answers and _other_autoscalers(world, ours)
    kept = []
    for change in changes:
        reason, against_wish = "", True
        if change.verb is not Verb.DELETE:
            pass
        elif is_adapters(change.address) and others_scale:
            reason, against_wish = "kept: other autoscalers of the cluster use the metrics adapter", False
        elif change.address.type == NAMESPACE:
            reason = _holds(foreign, change.address.name)
        elif change.address.type == CLUSTER and keeps_cluster:
            reason, against_wish = "kept: spec.target.cluster.deletionPolicy is keep", False
        elif change.address.type == CLUSTER:
            reason = _holds(foreign, "")
        kept.append(replace(change, verb=Verb.FORGET, why=reason, left=reason if against_wish else "") if reason else change)
    return [replace(c, notes=(*c.notes, *_secrets_in(c, world))) if c.verb is Verb.DELETE else c for c in kept]


def _secrets_in(change: Change, world: World) -> tuple[str, ...]:
    """The Secrets of ``secret set`` that go with a namespace."""
    if change.address.type != NAMESPACE:
        return ()
    gone = [name for namespace, name in tokens(world) if namespace == change.address.name]
    return (f"with it goes what secret set has made: Secret {', '.join(gone)}",) if gone else ()


def tokens(world: World) -> tuple[tuple[str, str], ...]:
    """(namespace, name) of every Secret that ``secret set`` has made."""
    reading = world.reading(next(read for read in holdings_reads(world.scope) if read.path.endswith("/secrets")))
    items = (reading.body.get("items") or ()) if reading.ok else ()
    return tuple((i["metadata"]["namespace"], i["metadata"]["name"]) for i in items if made_by_secret_set(i))


def _foreign(world: World, ours: frozenset[Address]) -> tuple[tuple[str, str], ...]:
    """(namespace, what) of everything in the cluster that is neither ours nor made by the system."""
    if not world.cluster_answers:
        return ()
    found = []
    for read, kind in zip(holdings_reads(world.scope), _HOLDINGS.values(), strict=True):
        reading = world.reading(read)
        plural = read.path.rpartition("/")[2]
        if not reading.ok:
            found.append(("", f"{plural} that could not be listed ({reading.message or reading.outcome.value})"))
            continue
        for item in reading.body.get("items") or ():
            meta = item["metadata"]
            namespace, name = meta.get("namespace", ""), meta["name"]
            own = Address(type_of(kind), f"{namespace}/{name}") in ours
            system = namespace.startswith(_SYSTEM) or (plural, name) in _MADE_BY_KUBERNETES or meta.get("ownerReferences")
            if not own and not system and not (kind == "Secret" and made_by_secret_set(item)):
                found.append((namespace, f"{plural} {namespace}/{name}"))
    return tuple(found)


def _holds(foreign: tuple[tuple[str, str], ...], namespace: str) -> str:
    held = [what for where, what in foreign if not namespace or where in (namespace, "")]
    if not held:
        return ""
    more = f" and {len(held) - 1} more" if len(held) > 1 else ""
    return f"kept: it holds {held[0]}{more}, which giqplan did not make"


def _other_autoscalers(world: World, ours: frozenset[Address]) -> bool:
    """Whether an autoscaler that is not ours stands in the cluster; one that cannot be seen counts as standing there."""
    reading = world.reading(next(r for r in holdings_reads(world.scope) if r.path.endswith("horizontalpodautoscalers")))
    if not reading.ok:
        return True
    kind = type_of("HorizontalPodAutoscaler")
    names = (f"{i['metadata']['namespace']}/{i['metadata']['name']}" for i in reading.body.get("items") or ())
    return any(Address(kind, name) not in ours for name in names)
