"""Observe: a handful of parallel reads in at most two rounds (Google, then the cluster), no discovery.

The chain of dependent requests of a plan is: token -> Google lists -> Kubernetes lists -> dry-runs of what would change.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from giqplan.model.calls import Action, ActionResult, ClusterRef, Outcome, Read, Reading
from giqplan.model.world import (
    Scope,
    World,
    bucket_policy_read,
    clusters_read,
    project_policy_read,
    project_read,
    quotas_read,
    services_read,
)
from giqplan.resources import REGISTRY
from giqplan.resources.kubernetes import KubernetesObject


class WorldPort(Protocol):
    """What the engine needs of a world; ``cloud.Cloud`` is it."""

    def read_many(self, reads: Sequence[Read]) -> Mapping[Read, Reading]: ...

    def execute(self, action: Action) -> ActionResult: ...

    def use_cluster(self, ref: ClusterRef, endpoint: str, ca_pem: str) -> None: ...


def google_reads(scope: Scope, buckets: Iterable[str]) -> tuple[Read, ...]:
    """The first round: everything that needs no cluster."""
    return (
        project_read(scope.project),
        services_read(scope.project),
        clusters_read(scope.cluster),
        project_policy_read(scope.project),
        quotas_read(scope.project),
        *(bucket_policy_read(bucket) for bucket in buckets),
    )


def kubernetes_reads(scope: Scope) -> tuple[Read, ...]:
    """The second round: one list for each kind of object that giqplan writes."""
    return tuple(kind.list_read(scope.cluster) for kind in REGISTRY.kinds.values() if isinstance(kind, KubernetesObject))


def observe(port: WorldPort, name: str, scope: Scope, buckets: Iterable[str] = (), extra: Iterable[Read] = ()) -> World:
    """The world as read now. ``extra``: reads of the second round that only some commands need (what a namespace holds)."""
    world = World(name, scope, dict(port.read_many(google_reads(scope, sorted(set(buckets))))))
    if not connect(port, world):
        return world
    second = port.read_many((*kubernetes_reads(scope), *extra))
    return replace(world, readings={**world.readings, **second})


def connect(port: WorldPort, world: World) -> bool:
    """Tell the port where the cluster answers; False when it does not (yet)."""
    if not world.cluster_answers:
        return False
    body = world.cluster_reading.body
    ca_pem = base64.b64decode(body.get("masterAuth", {}).get("clusterCaCertificate", "")).decode()
    port.use_cluster(world.scope.cluster, body["endpoint"], ca_pem)
    return True


def denied(world: World) -> tuple[tuple[Read, Reading], ...]:
    """What the caller was not allowed to read, for a note in the plan."""
    return tuple((read, reading) for read, reading in world.readings.items() if reading.outcome is Outcome.DENIED)
