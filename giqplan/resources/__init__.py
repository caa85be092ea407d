"""Resource kinds as declarations: address, reads, owned fields, mutability, IAM permissions, wait rule. No I/O."""

from __future__ import annotations

from giqplan.model.address import Address
from giqplan.model.resource import Stage
from giqplan.resources import cluster, iam, observability, services
from giqplan.resources.base import Kind, Registry, Step
from giqplan.resources.declare import ADAPTER_NAMESPACE, buckets_of, declare, gated, services_of
from giqplan.resources.kubernetes import address_of, object_kinds
from giqplan.resources.preconditions import secret_reads

_KINDS: tuple[Kind, ...] = (
    services.Service(),
    cluster.Cluster(),
    observability.Logging(),
    observability.Monitoring(),
    observability.ManagedPrometheus(),
    observability.AutoMonitoring(),
    iam.BucketMember(),
    iam.ProjectMember(),
    *object_kinds(),
)
REGISTRY = Registry({kind.type: kind for kind in _KINDS})

_STAGES = {
    services.TYPE: Stage.APIS,
    cluster.TYPE: Stage.CLUSTER,
    observability.LOGGING: Stage.OBSERVABILITY,
    observability.MONITORING: Stage.OBSERVABILITY,
    observability.MANAGED_PROMETHEUS: Stage.OBSERVABILITY,
    observability.AUTO_MONITORING: Stage.OBSERVABILITY,
    iam.BUCKET_MEMBER: Stage.IAM,
    iam.PROJECT_MEMBER: Stage.IAM,
    "kubernetes_namespace": Stage.NAMESPACE,
    "kubernetes_config_map": Stage.NAMESPACE,
    "kubernetes_service_account": Stage.NAMESPACE,
    "kubernetes_deployment": Stage.WORKLOAD,
    "kubernetes_service": Stage.NETWORK,
    "kubernetes_horizontal_pod_autoscaler": Stage.AUTOSCALING,
    "kubernetes_pod_monitoring": Stage.MONITORING,
}


def stage_of(address: Address) -> Stage:
    """The stage that an address belongs to; everything of the metrics adapter is one stage of its own."""
    if address.type.startswith("kubernetes_") and address.name.partition("/")[0] == ADAPTER_NAMESPACE:
        return Stage.ADAPTER
    return _STAGES.get(address.type, Stage.ADAPTER)


def is_adapters(address: Address) -> bool:
    """Whether an address belongs to the metrics adapter, its IAM member included."""
    return stage_of(address) is Stage.ADAPTER or (address.type == iam.PROJECT_MEMBER and f"/{ADAPTER_NAMESPACE}/" in address.name)


__all__ = [
    "ADAPTER_NAMESPACE",
    "REGISTRY",
    "Kind",
    "Registry",
    "Step",
    "address_of",
    "buckets_of",
    "declare",
    "gated",
    "is_adapters",
    "secret_reads",
    "services_of",
    "stage_of",
]
