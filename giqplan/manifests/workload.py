"""Deployment, Service, ServiceAccount, Namespace and PodMonitoring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from giqplan.errors import ManifestError
from giqplan.manifests import marks
from giqplan.manifests.servers.base import Launch
from giqplan.manifests.sizing import MachineFacts, Rollout, Share, memory_request
from giqplan.manifests.storage import Source
from giqplan.model.recommendation import PricingModel
from giqplan.secret_values import named_like_one

if TYPE_CHECKING:
    from giqplan.intent.model import Intent
    from giqplan.model.recommendation import Recommendation

CONTAINER = "inference-server"
SERVICE_PORT = 8000
#: As Google's samples scrape; the HPA reads the metric every 15 s too.
SCRAPE_INTERVAL = "15s"
#: From asking for a node to a running container: up to 35 min of scale-up seen, and pulling an image of about 10 GiB.
NODE_AND_IMAGE_SECONDS = 2700
#: Time for requests in flight (llm-d's guides: 90 s). A spot node is gone 25 s after its notice (GKE spot documentation).
GRACE_SECONDS, SPOT_GRACE_SECONDS = 90, 25
#: Time in which load balancers learn that the pod goes, before the server is told.
DRAIN_SECONDS, SPOT_DRAIN_SECONDS = 15, 5

#: Variables that an intent may not set: a secret's value has no place in it, and the cache's place follows from the sizes.
_NOT_THE_USERS = re.compile(r"^(HF_TOKEN|HUGGING_FACE_HUB_TOKEN|HF_HOME|VLLM_API_KEY)$")
_NEVER_CREATED = re.compile(r"^(default|kube-.*)$")


def namespace(intent: Intent) -> dict[str, Any] | None:
    """The Namespace, None when every cluster has it.

    Several intents may share it: it carries nothing of any one of them, or they would fight over it.
    """
    name = intent.spec.target.namespace
    if _NEVER_CREATED.match(name):
        return None
    meta = {"name": name, "labels": {marks.MANAGED_BY: marks.OWNER}, "annotations": marks.adapter_annotations()}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def service_account(intent: Intent, recommendation: Recommendation) -> dict[str, Any]:
    """The identity that may read the bucket; it needs no token of the Kubernetes API."""
    meta = marks.metadata(intent, recommendation)
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta, "automountServiceAccountToken": False}


def service(intent: Intent, recommendation: Recommendation) -> dict[str, Any]:
    """Where clients reach the server: port 8000, inside the cluster."""
    ports = [{"name": "http", "port": SERVICE_PORT, "protocol": "TCP", "targetPort": "http"}]
    spec = {"type": "ClusterIP", "selector": marks.selector(intent), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": marks.metadata(intent, recommendation), "spec": spec}


def pod_monitoring(intent: Intent, recommendation: Recommendation) -> dict[str, Any]:
    """Managed Prometheus scrapes the pods (PodMonitoring of monitoring.googleapis.com/v1)."""
    spec = {
        "selector": {"matchLabels": marks.selector(intent)},
        "endpoints": [{"port": "http", "path": "/metrics", "interval": SCRAPE_INTERVAL}],
        "targetLabels": {"metadata": ["pod", "container", "node"]},
    }
    meta = marks.metadata(intent, recommendation)
    return {"apiVersion": "monitoring.googleapis.com/v1", "kind": "PodMonitoring", "metadata": meta, "spec": spec}


def deployment(
    intent: Intent, recommendation: Recommendation, launch: Launch, source: Source, share: Share, machine: MachineFacts, rollout: Rollout
) -> dict[str, Any]:
    """The model server. ``spec.replicas`` is ours only without an HPA: with one it would be fought over."""
    meta = marks.metadata(intent, recommendation)
    meta["labels"] = {**meta["labels"], **marks.server_labels(recommendation)}
    spec: dict[str, Any] = {}
    if recommendation.sizing.hpa_target is None:
        spec["replicas"] = recommendation.sizing.initial_replicas
    spec["selector"] = {"matchLabels": marks.selector(intent)}
    spec["strategy"] = _STRATEGY[rollout]
    spec["progressDeadlineSeconds"] = NODE_AND_IMAGE_SECONDS + source.start_seconds
    spec["template"] = {
        "metadata": _pod_metadata(intent, recommendation, source),
        "spec": _pod(intent, recommendation, launch, source, share, machine),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


_STRATEGY: dict[Rollout, dict[str, Any]] = {
    Rollout.SURGE: {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
    Rollout.RECREATE: {"type": "Recreate"},
}


def _pod_metadata(intent: Intent, recommendation: Recommendation, source: Source) -> dict[str, Any]:
    found: dict[str, Any] = {"labels": marks.pod_labels(intent, recommendation)}
    if source.pod_annotations:
        found["annotations"] = dict(source.pod_annotations)
    return found


def _pod(
    intent: Intent, recommendation: Recommendation, launch: Launch, source: Source, share: Share, machine: MachineFacts
) -> dict[str, Any]:
    spot = recommendation.cost.pricing_model is PricingModel.SPOT
    pod: dict[str, Any] = {
        "serviceAccountName": intent.metadata.name,
        "automountServiceAccountToken": False,
        # A Service named vllm would set VLLM_PORT to an address, which vLLM refuses.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": SPOT_GRACE_SECONDS if spot else GRACE_SECONDS,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "nodeSelector": _node_selector(recommendation, share, machine, spot),
    }
    if intent.spec.target.zones:
        pod["affinity"] = _in_zones(sorted(intent.spec.target.zones))
    if intent.spec.serving.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in intent.spec.serving.image_pull_secrets]
    pod["containers"] = [_container(intent, launch, source, share, machine, spot)]
    shm = {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{source.shm_gib}Gi"}}
    pod["volumes"] = [shm, *source.volumes]
    return pod


def _node_selector(recommendation: Recommendation, share: Share, machine: MachineFacts, spot: bool) -> dict[str, str]:
    """Autopilot makes the node from these. Without a count every pod gets a node of its own (Autopilot GPU documentation)."""
    found = {"cloud.google.com/gke-accelerator": recommendation.profile.accelerator}
    if machine.accelerator_count > share.accelerators:
        found["cloud.google.com/gke-accelerator-count"] = f"{machine.accelerator_count:g}"
    if spot:
        found["cloud.google.com/gke-spot"] = "true"
    return found


def _in_zones(zones: list[str]) -> dict[str, Any]:
    terms = [{"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": zones}]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _container(intent: Intent, launch: Launch, source: Source, share: Share, machine: MachineFacts, spot: bool) -> dict[str, Any]:
    drain = SPOT_DRAIN_SECONDS if spot else DRAIN_SECONDS
    found: dict[str, Any] = {
        "name": CONTAINER,
        "image": launch.image,
        "command": list(launch.command),
        "args": list(launch.args),
        "env": _env(intent, launch, source),
        "ports": [{"name": "http", "containerPort": SERVICE_PORT, "protocol": "TCP"}],
        "resources": _resources(source, share, machine),
        **_probes(source),
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(drain)]}}},
        # The image runs as root and writes below /root: what it does not need goes, what it needs stays.
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["NET_RAW"]}},
        "volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}, *source.mounts],  # noqa: S108 - the pod's own memory
    }
    return found


def _env(intent: Intent, launch: Launch, source: Source) -> list[dict[str, Any]]:
    """The user's variables win over ours, except where they hold secrets or what was sized. An empty value is left out: API servers
    hold none (``omitempty``), and the variable is set all the same."""
    wanted = dict(intent.spec.serving.env)
    refused = sorted(name for name in wanted if _NOT_THE_USERS.match(name))
    if refused:
        remedy = "name a Secret in spec.storage.huggingFace.tokenSecret" if "TOKEN" in refused[0] else "remove it"
        raise ManifestError("GIQ1410", f"spec.serving.env sets {', '.join(refused)}", remedy)
    if secret := sorted(name for name in wanted if named_like_one(name)):
        remedy = "remove it: an intent holds no secret; the one that the server gets is the Hugging Face token (spec.storage)"
        raise ManifestError("GIQ1414", f"spec.serving.env sets {', '.join(secret)}, whose name says that it holds a secret", remedy)
    plain = {**dict(launch.env), **wanted}
    kept = [entry for entry in source.env if entry["name"] not in wanted]
    return [*kept, *({"name": name, **({"value": str(plain[name])} if plain[name] != "" else {})} for name in sorted(plain))]


def _resources(source: Source, share: Share, machine: MachineFacts) -> dict[str, Any]:
    """Requests equal limits, as GPUs demand; for the rest it keeps replicas on a shared node out of each other's way."""
    memory = memory_request(share, source.memory_gib, source.sidecar_memory_gib, machine)
    amounts = {
        "cpu": str(share.cpu),
        "memory": f"{memory}Gi",
        "ephemeral-storage": f"{source.disk_gib}Gi",
        "nvidia.com/gpu": str(share.accelerators),
    }
    return {"requests": amounts, "limits": dict(amounts)}


def _probes(source: Source) -> dict[str, Any]:
    """``/health`` answers only once the engine runs, and 503 only when it is dead; start-up has its own, long limit."""
    health = {"path": "/health", "port": "http"}
    return {
        "startupProbe": {"httpGet": dict(health), "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": source.start_seconds // 10},
        "readinessProbe": {"httpGet": dict(health), "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3},
        "livenessProbe": {"httpGet": dict(health), "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 6},
    }
