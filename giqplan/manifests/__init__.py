"""Kubernetes objects of a recommendation: servers, storage, autoscaling, monitoring. Pure functions."""

from giqplan.manifests.adapter import metrics_adapter_identity, metrics_adapter_objects
from giqplan.manifests.build import build_objects, fetched_gib, initial_scale
from giqplan.manifests.marks import APPLYSET_ID, PART_OF, WITH_ANOTHER, applyset_id
from giqplan.manifests.output import header, to_yaml
from giqplan.manifests.sizing import MachineFacts, Rollout, choose_rollout

__all__ = [
    "APPLYSET_ID",
    "PART_OF",
    "WITH_ANOTHER",
    "MachineFacts",
    "Rollout",
    "applyset_id",
    "build_objects",
    "choose_rollout",
    "fetched_gib",
    "header",
    "initial_scale",
    "metrics_adapter_identity",
    "metrics_adapter_objects",
    "to_yaml",
]
