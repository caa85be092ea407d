"""What an intent wants, as resources: the one place that knows which resources an intent has and how they depend on each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from giqplan.catalog import Catalog
from giqplan.intent.model import Intent
from giqplan.manifests import (
    MachineFacts,
    Rollout,
    build_objects,
    initial_scale,
    metrics_adapter_identity,
    metrics_adapter_objects,
)
from giqplan.model.address import Address
from giqplan.model.calls import ClusterRef
from giqplan.model.recommendation import Recommendation
from giqplan.model.resource import Presence, Resource, Stage
from giqplan.model.values import JsonObject
from giqplan.model.world import World
from giqplan.resources import cluster, iam, observability, services
from giqplan.resources.kubernetes import KubernetesObject, address_of, object_kinds
from giqplan.resources.preconditions import secrets_needed

ADAPTER_NAMESPACE = metrics_adapter_identity[0]

#: Reading objects is all that loading weights needs; the FUSE mount skips its own bucket check (storage.buckets.get).
#: Source: IAM dataset 2026-08-22, roles/storage.objectViewer = storage.objects.get, storage.objects.list and folder reads.
BUCKET_ROLE = "roles/storage.objectViewer"
#: The Stackdriver adapter reads time series (its README: monitoring.viewer).
ADAPTER_ROLE = "roles/monitoring.viewer"

_SERVICES = (
    ("compute.googleapis.com", "machines and their accelerators"),
    ("container.googleapis.com", "GKE"),
    ("cloudresourcemanager.googleapis.com", "the project's number and IAM policy"),
    ("iam.googleapis.com", "Workload Identity"),
    ("logging.googleapis.com", "logs of cluster and workload"),
    ("monitoring.googleapis.com", "metrics, also those the autoscaler reads"),
    ("cloudquotas.googleapis.com", "accelerator quota"),
)


def buckets_of(intent: Intent) -> tuple[str, ...]:
    """The buckets that the intent names."""
    bucket = intent.spec.storage.bucket
    return () if bucket is None else (bucket.uri.removeprefix("gs://").partition("/")[0],)


def declare(intent: Intent, recommendation: Recommendation, catalog: Catalog, world: World, rollout: Rollout) -> tuple[Resource, ...]:
    """Every resource of the intent. Values that nobody knows yet are ``UNKNOWN``."""
    google = _services(intent) + _cluster(intent) + _observability(intent)
    objects = build_objects(
        intent,
        recommendation,
        weights_gib=recommendation.weights_gib,
        gated=gated(catalog, recommendation.model_id),
        machine=_machine(catalog, recommendation),
        rollout=rollout,
        checkpoint_dtype=_checkpoint_dtype(catalog, recommendation.model_id),
    )
    has_hpa = any(body["kind"] == "HorizontalPodAutoscaler" for body in objects)
    adapter = metrics_adapter_objects() if has_hpa and _wants_adapter(intent, world) else ()
    access = _access(intent, world, bool(adapter), google)
    kubernetes = _kubernetes(intent, recommendation, objects, adapter, (*google, *access), world.scope.cluster)
    return (*google, *access, *kubernetes)


def services_of(intent: Intent) -> Mapping[str, str]:
    """The Google Cloud APIs that the intent needs, and what for."""
    storage = {"storage.googleapis.com": "the bucket that holds the model"} if buckets_of(intent) else {}
    return {**dict(_SERVICES), **storage}


def _services(intent: Intent) -> tuple[Resource, ...]:
    return tuple(
        Resource(Address(services.TYPE, name), Stage.APIS, {"service": name, "state": "ENABLED"}, why=f"for {why}")
        for name, why in services_of(intent).items()
    )


def _all_services(resources: Iterable[Resource]) -> tuple[Address, ...]:
    return tuple(r.address for r in resources if r.address.type == services.TYPE)


def _cluster_name(intent: Intent) -> str:
    return f"{intent.spec.target.location}/{intent.spec.target.cluster.name}"


def _cluster(intent: Intent) -> tuple[Resource, ...]:
    target = intent.spec.target
    if not target.cluster.create:
        return ()
    desired = {
        "name": target.cluster.name,
        "location": target.location,
        "autopilot": {"enabled": True},
        "releaseChannel": {"channel": target.cluster.release_channel.value.upper()},
        "resourceLabels": {**cluster.MANAGED_BY, cluster.INTENT_LABEL: intent.metadata.name},
    }
    needs = tuple(Address(services.TYPE, name) for name in ("compute.googleapis.com", "container.googleapis.com"))
    return (Resource(Address(cluster.TYPE, _cluster_name(intent)), Stage.CLUSTER, desired, needs, "where the workload runs"),)


def _observability(intent: Intent) -> tuple[Resource, ...]:
    """In the order that works: one update of a cluster at a time, and managed Prometheus before automatic monitoring."""
    seen, name = intent.spec.observability, _cluster_name(intent)
    logging = {"components": observability.components([c.value for c in seen.logging])}
    monitoring = {"components": observability.components([c.value for c in seen.monitoring])}
    wanted: list[tuple[str, JsonObject, str]] = []
    if seen.logging:
        wanted.append((observability.LOGGING, logging, "logs of system and workloads"))
    if seen.monitoring:
        wanted.append((observability.MONITORING, monitoring, "metrics of cluster and accelerators"))
    if seen.managed_prometheus:
        wanted.append((observability.MANAGED_PROMETHEUS, {"enabled": True}, "collects the model server's metrics"))
    if seen.auto_monitoring:
        wanted.append((observability.AUTO_MONITORING, {"scope": "ALL"}, "dashboards of the model server"))
    found: list[Resource] = []
    before = [Address(cluster.TYPE, name)] if intent.spec.target.cluster.create else [Address(services.TYPE, "container.googleapis.com")]
    for kind, desired, why in wanted:
        found.append(Resource(Address(kind, name), Stage.OBSERVABILITY, desired, (before[-1],), why))
        before.append(found[-1].address)
    return tuple(found)


def _access(intent: Intent, world: World, adapter: bool, google: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """IAM members. They depend on the cluster: a project's identity pool comes with its first cluster."""
    project, number, name, namespace = world.scope.project, world.project_number, intent.metadata.name, intent.spec.target.namespace
    needs = tuple(r.address for r in google if r.stage is Stage.CLUSTER) or _all_services(google)
    found = []
    for bucket in buckets_of(intent):
        member = iam.principal(project, number, namespace, name)
        address = Address(iam.BUCKET_MEMBER, f"{bucket}/{BUCKET_ROLE}/{namespace}/{name}")
        desired = {"bucket": bucket, "role": BUCKET_ROLE, "member": member}
        found.append(Resource(address, Stage.IAM, desired, needs, "the model server reads its weights"))
    if adapter:
        where, account = metrics_adapter_identity
        address = Address(iam.PROJECT_MEMBER, f"{project}/{ADAPTER_ROLE}/{where}/{account}")
        desired = {"project": project, "role": ADAPTER_ROLE, "member": iam.principal(project, number, where, account)}
        found.append(Resource(address, Stage.IAM, desired, needs, "the metrics adapter reads metrics"))
    return tuple(found)


def _wants_adapter(intent: Intent, world: World) -> bool:
    """Not when the intent says none, nor when somebody else's adapter already serves the API: two cannot live in one cluster."""
    if intent.spec.observability.metrics_adapter.value == "none":
        return False
    kind = next(k for k in object_kinds() if k.info.kind == "APIService")
    live = kind.live(Address(kind.type, "v1beta1.custom.metrics.k8s.io"), {}, world)
    return live.presence is not Presence.PRESENT or live.ours


def _kubernetes(
    intent: Intent,
    recommendation: Recommendation,
    objects: tuple[JsonObject, ...],
    adapter: tuple[JsonObject, ...],
    before: tuple[Resource, ...],
    cluster: ClusterRef,
) -> tuple[Resource, ...]:
    kinds: Mapping[str, KubernetesObject] = {kind.type: kind for kind in object_kinds()}
    addresses = [address_of(body) for body in (*objects, *adapter)]
    there = dict.fromkeys((*addresses, *(r.address for r in before)))
    roots = tuple(r.address for r in before if r.stage is Stage.CLUSTER)
    found = []
    for body, address in zip((*objects, *adapter), addresses, strict=True):
        stage = Stage.ADAPTER if body in adapter else _STAGE_OF_KIND[body["kind"]]
        needs = _needs(body, address, there, before) or roots
        once, why = None, "" if stage is Stage.ADAPTER else _WHY.get(body["kind"], "")
        if body["kind"] == "Deployment" and "replicas" not in body["spec"]:
            once = initial_scale(intent, recommendation)
            why = f"the model server; {recommendation.sizing.initial_replicas} replicas at first, then as the autoscaler says"
        assert address.type in kinds, address
        waits_for = secrets_needed(body, cluster) if stage is not Stage.ADAPTER else ()
        found.append(Resource(address, stage, body, needs, why, once, waits_for=waits_for))
    return tuple(found)


def _needs(body: JsonObject, own: Address, there: Collection[Address], before: tuple[Resource, ...]) -> tuple[Address, ...]:
    """What has to be there first: the namespace, the identity and its rights, the kind itself, what it points to. Of these only what is
    ``there``, among what the intent wants."""
    namespace, kind = body["metadata"].get("namespace", ""), body["kind"]
    needs = [Address("kubernetes_namespace", namespace)]
    if kind == "Deployment":
        account = body["spec"]["template"]["spec"].get("serviceAccountName", "")
        needs.append(Address("kubernetes_service_account", f"{namespace}/{account}"))
        needs += [r.address for r in before if r.stage is Stage.IAM and r.address.name.endswith(f"/{namespace}/{account}")]
    if kind == "HorizontalPodAutoscaler":
        target = body["spec"]["scaleTargetRef"]["name"]
        needs.append(Address("kubernetes_deployment", f"{namespace}/{target}"))
        needs += [a for a in there if a.type == "kubernetes_api_service"]
    if kind == "PodMonitoring":
        needs += [r.address for r in before if r.address.type == observability.MANAGED_PROMETHEUS]
    if kind == "APIService":
        service = body["spec"]["service"]
        needs.append(Address("kubernetes_service", f"{service['namespace']}/{service['name']}"))
    return tuple(a for a in dict.fromkeys(needs) if a in there and a != own)


_STAGE_OF_KIND = {
    "Namespace": Stage.NAMESPACE,
    "ConfigMap": Stage.NAMESPACE,
    "ServiceAccount": Stage.NAMESPACE,
    "Deployment": Stage.WORKLOAD,
    "Service": Stage.NETWORK,
    "HorizontalPodAutoscaler": Stage.AUTOSCALING,
    "PodMonitoring": Stage.MONITORING,
}

_WHY = {
    "ConfigMap": "names the set of objects that belong together",
    "Deployment": "the model server",
    "HorizontalPodAutoscaler": "keeps latency within the target as traffic changes",
    "PodMonitoring": "scrapes the model server's metrics",
    "Service": "where clients reach it",
    "ServiceAccount": "the identity it runs as",
}


def gated(catalog: Catalog, model_id: str) -> bool | None:
    """Whether Hugging Face gives the model only to accounts that accepted its licence; None = the catalog does not say."""
    model = catalog.model(model_id)
    return None if model is None else model.gated


def _checkpoint_dtype(catalog: Catalog, model_id: str) -> str:
    model = catalog.model(model_id)
    return "" if model is None else model.checkpoint_dtype


def _machine(catalog: Catalog, recommendation: Recommendation) -> MachineFacts:
    machine = catalog.machine(recommendation.cost.machine_type)
    return MachineFacts(
        machine_type=machine.machine_type,
        vcpu=machine.vcpu,
        memory_gib=machine.memory_gib,
        accelerator_count=machine.accelerator_count,
        local_ssd_gib=machine.local_ssd_gib,
        accelerator_memory_gib=machine.accelerator_memory_gib,
    )
