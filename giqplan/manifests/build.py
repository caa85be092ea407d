"""The objects of a recommendation, in the order in which they can be created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giqplan.manifests import autoscaling, marks, workload
from giqplan.manifests.servers import server_of
from giqplan.manifests.sizing import MachineFacts, Rollout, share_of
from giqplan.manifests.storage import choose_source
from giqplan.model.values import JsonObject

if TYPE_CHECKING:
    from giqplan.intent.model import Intent
    from giqplan.model.recommendation import Profile, Recommendation


def build_objects(
    intent: Intent,
    recommendation: Recommendation,
    *,
    weights_gib: float | None,
    gated: bool | None,
    machine: MachineFacts,
    rollout: Rollout,
    checkpoint_dtype: str = "",
) -> tuple[JsonObject, ...]:
    """Every Kubernetes object of the intent: a pure function, equal inputs give equal objects.

    ``weights_gib``: in the profile's precision, as ``recommendation.weights_gib``; the intent's own word means the files.
    ``checkpoint_dtype``: the catalog's word for what the published weights hold (``bf16``, ``fp8``, ``mxfp4`` ...), "" = not
    known; it decides what a profile measured in fp8 or fp4 needs. ``gated`` None = not known.
    Raises ManifestError GIQ1401 to GIQ1414 when this choice cannot be written.
    """
    profile = recommendation.profile
    server = server_of(profile.model_server)
    version = server.version_of(intent, profile)
    share = share_of(profile, machine)
    source = choose_source(
        intent,
        weights_gib=fetched_gib(intent, profile, weights_gib, checkpoint_dtype),
        gated=gated,
        checkpoint_dtype=checkpoint_dtype,
        streams=server.streams_from_bucket(version),
        share=share,
        machine=machine,
    )
    launch = server.launch(intent, recommendation, version, source)
    members: list[JsonObject] = [
        workload.service_account(intent, recommendation),
        workload.deployment(intent, recommendation, launch, source, share, machine, rollout),
        workload.service(intent, recommendation),
        workload.pod_monitoring(intent, recommendation),
    ]
    target = recommendation.sizing.hpa_target
    if target is not None:
        members.append(autoscaling.autoscaler(intent, recommendation, server.load_metrics(version), target))
    parent = marks.applyset_parent(intent, recommendation, members)
    namespace = workload.namespace(intent)
    return (*(() if namespace is None else (namespace,)), parent, *members)


def fetched_gib(intent: Intent, profile: Profile, weights_gib: float | None, checkpoint_dtype: str) -> float | None:
    """Size of the files that a replica fetches, GiB: more than it serves where the server quantises while it loads; None = not known.

    ``weights_gib`` and ``checkpoint_dtype`` as for ``build_objects``.
    """
    if weights_gib is None or intent.spec.model.weights_gib is not None:
        return weights_gib
    return weights_gib * server_of(profile.model_server).load_factor(profile, checkpoint_dtype)


def initial_scale(intent: Intent, recommendation: Recommendation) -> JsonObject:
    """The Deployment's body with nothing but the first number of replicas: sent once, by another field manager, then the HPA's."""
    meta = {"name": intent.metadata.name, "namespace": intent.spec.target.namespace}
    spec = {"replicas": recommendation.sizing.initial_replicas}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
