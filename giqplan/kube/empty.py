"""The object that a write is compared with when nothing was there: Go's zero value of the kind, as JSON.

Structs without ``omitempty`` stand in it (k8s.io/api 1.33), so a create does not own them as such, only what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from giqplan.kube.values import Json, copied

_TEMPLATE = {"metadata": {"creationTimestamp": None}, "spec": {"containers": None}}
_WORKLOAD = {"selector": None, "template": _TEMPLATE}
_NAMES = {"plural": "", "kind": ""}

_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "APIService": {"spec": {"groupPriorityMinimum": 0, "versionPriority": 0}, "status": {}},
    "ClusterRole": {"rules": None},
    "ClusterRoleBinding": {"roleRef": {"apiGroup": "", "kind": "", "name": ""}},
    "CronJob": {
        "spec": {"schedule": "", "jobTemplate": {"metadata": {"creationTimestamp": None}, "spec": {"template": _TEMPLATE}}},
        "status": {},
    },
    "CustomResourceDefinition": {
        "spec": {"group": "", "names": _NAMES, "scope": "", "versions": None},
        "status": {"conditions": None, "acceptedNames": _NAMES, "storedVersions": None},
    },
    "DaemonSet": {"spec": {**_WORKLOAD, "updateStrategy": {}}, "status": {}},
    "Deployment": {"spec": {**_WORKLOAD, "strategy": {}}, "status": {}},
    "HorizontalPodAutoscaler": {"spec": {"scaleTargetRef": {"kind": "", "name": ""}, "maxReplicas": 0}, "status": {"desiredReplicas": 0}},
    "Ingress": {"spec": {}, "status": {"loadBalancer": {}}},
    "Job": {"spec": {"template": _TEMPLATE}, "status": {}},
    "Lease": {"spec": {}},
    "LimitRange": {"spec": {"limits": None}},
    "Namespace": {"spec": {}, "status": {}},
    "NetworkPolicy": {"spec": {"podSelector": {}}},
    "PersistentVolumeClaim": {"spec": {"resources": {}}, "status": {}},
    "Pod": {"spec": {"containers": None}, "status": {}},
    "PodDisruptionBudget": {"spec": {}, "status": {}},
    "ReplicaSet": {"spec": _WORKLOAD, "status": {}},
    "ResourceQuota": {"spec": {}, "status": {}},
    "Role": {"rules": None},
    "RoleBinding": {"roleRef": {"apiGroup": "", "kind": "", "name": ""}},
    "Service": {"spec": {}, "status": {"loadBalancer": {}}},
    "StatefulSet": {"spec": {**_WORKLOAD, "serviceName": "", "updateStrategy": {}}, "status": {}},
}


def empty_object(api_version: str, kind: str, custom: bool) -> Json:
    """The zero value of a kind. Custom resources have none: an object with its kind only."""
    head: Json = {"apiVersion": api_version, "kind": kind, "metadata": {}}
    return head if custom else {**head, **copied(_FIELDS.get(kind, {}))}
