"""Observe: a handful of parallel reads in at most two rounds (Google, then the cluster), no discovery.

The chain of dependent requests of a plan is: token -> Google lists -> Kubernetes lists -> dry-runs of what would change. Only when
something that is recorded stands in no list, one more round asks for it by name.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from giqplan.checks.permissions import first_reads, later_reads
from giqplan.model.address import Address
from giqplan.model.calls import Action, ActionResult, ClusterRef, Outcome, Read, Reading
from giqplan.model.plan import Change
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


def google_reads(scope: Scope, buckets: Sequence[str]) -> tuple[Read, ...]:
    """The first round: everything that needs no cluster."""
    return (
        project_read(scope.project),
        services_read(scope.project),
        clusters_read(scope.cluster),
        project_policy_read(scope.project),
        quotas_read(scope.project),
        *(bucket_policy_read(bucket) for bucket in buckets),
        *first_reads(scope.project, buckets),
    )


def kubernetes_reads(scope: Scope) -> tuple[Read, ...]:
    """The second round: one list for each kind of object that giqplan writes."""
    return tuple(kind.list_read(scope.cluster) for kind in REGISTRY.kinds.values() if isinstance(kind, KubernetesObject))


def observe(
    port: WorldPort,
    name: str,
    scope: Scope,
    buckets: Iterable[str] = (),
    extra: Iterable[Read] = (),
    known: Mapping[Address, str] | None = None,
    first: Iterable[Read] = (),
) -> World:
    """The world as read now. ``first`` and ``extra``: reads of the first and second round that only some commands need.

    ``known``: what is recorded, and which thing it was: what the lists do not show of it is asked for by name.
    """
    world = World(name, scope, dict(port.read_many((*google_reads(scope, sorted(set(buckets))), *first))))
    if not connect(port, world):
        return world
    second = port.read_many((*kubernetes_reads(scope), *extra))
    return _with_unlabelled(port, replace(world, readings={**world.readings, **second}), known or {})


def _with_unlabelled(port: WorldPort, world: World, known: Mapping[Address, str]) -> World:
    """The world with what has only lost the label that we list by. Another thing that took the name since is not what was recorded."""
    missing = [a for a in known if a.type in REGISTRY.kinds and _not_listed(a, world)]
    reads = {address: REGISTRY.of(address).read_one(address, world.scope) for address in missing}
    answers = port.read_many(tuple(reads.values()))
    readings = dict(world.readings)
    for address, read in reads.items():
        kind, answer = REGISTRY.of(address), answers[read]
        if answer.ok and isinstance(kind, KubernetesObject) and answer.body["metadata"]["uid"] == known[address]:
            listing = kind.list_read(world.scope.cluster)
            items = [*(readings[listing].body.get("items") or ()), answer.body]
            readings[listing] = Reading(Outcome.OK, {**readings[listing].body, "items": items})
    return replace(world, readings=readings)


def _not_listed(address: Address, world: World) -> bool:
    kind = REGISTRY.of(address)
    return isinstance(kind, KubernetesObject) and kind.reading(address, world).outcome is Outcome.ABSENT


def ask_rights(port: WorldPort, world: World, changes: Iterable[Change]) -> World:
    """The world with what the planned changes need to know of the caller's rights; nothing is asked where IAM gives them all."""
    reads = later_reads(world, changes)
    return replace(world, readings={**world.readings, **port.read_many(reads)}) if reads else world


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
