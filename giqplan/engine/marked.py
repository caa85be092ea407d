"""What is ours by the marks it carries, and what state does not know: the world read as if state held it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from giqplan.engine.drift import Recorded
from giqplan.intent.model import Intent
from giqplan.manifests import APPLYSET_ID, PART_OF, applyset_id
from giqplan.manifests.adapter import PARENT as ADAPTER_SET
from giqplan.model.address import Address
from giqplan.model.resource import Stage
from giqplan.model.values import JsonObject
from giqplan.model.world import World
from giqplan.resources import ADAPTER_NAMESPACE, REGISTRY, address_of, is_adapters, stage_of
from giqplan.resources.cluster import INTENT_LABEL, MANAGED_BY
from giqplan.resources.cluster import TYPE as CLUSTER
from giqplan.resources.iam import BUCKET_MEMBER, PROJECT_MEMBER, account_of, principal
from giqplan.resources.kubernetes import MANAGED_BY as MARK
from giqplan.resources.kubernetes import KubernetesObject, is_adopted

NAMESPACE = "kubernetes_namespace"


def begun_members(begun: Iterable[Address], world: World) -> Mapping[Address, Recorded]:
    """IAM members that a killed run had begun to add: bucket or project, role, namespace and account stand in the address."""
    found = {}
    for address in begun:
        if address.type in (BUCKET_MEMBER, PROJECT_MEMBER):
            where, *role, _, _ = address.name.split("/")
            key = "bucket" if address.type == BUCKET_MEMBER else "project"
            member = principal(world.scope.project, world.project_number, *account_of(address))
            found[address] = Recorded({key: where, "role": "/".join(role), "member": member}, None, "", True, Stage.IAM)
    return found


def marked(world: World, intents: Sequence[Intent]) -> Mapping[Address, Recorded]:
    """What carries the marks of these intents, and of the metrics adapter, as if state held it.

    A Namespace is no member of a set, because others may keep things in it: it is ours by label and name.
    """
    own = {applyset_id(intent.metadata.name, intent.spec.target.namespace) for intent in intents}
    sets = {*own, applyset_id(ADAPTER_SET, ADAPTER_NAMESPACE)}
    homes = {*(intent.spec.target.namespace for intent in intents), ADAPTER_NAMESPACE}
    cluster_address = Address(CLUSTER, f"{world.scope.location}/{world.scope.cluster.name}")
    found: dict[Address, Recorded] = {}
    for kind in REGISTRY.kinds.values():
        if not isinstance(kind, KubernetesObject):
            continue
        reading = world.reading(kind.list_read(world.scope.cluster))
        for item in (reading.body.get("items") or ()) if reading.ok else ():
            labels = item["metadata"].get("labels") or {}
            home = kind.info.kind == "Namespace" and item["metadata"]["name"] in homes and labels.get(MARK[0]) == MARK[1]
            if home or sets & {labels.get(PART_OF), labels.get(APPLYSET_ID)}:
                body = {"apiVersion": kind.info.api_version, "kind": kind.info.kind, **item}
                address = address_of(body)
                shape = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {"name": item["metadata"]["name"]}}
                needs = (*_namespace_of(item), cluster_address)
                found[address] = Recorded(shape, None, item["metadata"]["uid"], not is_adopted(item), stage_of(address), needs)
    cluster = world.cluster_reading
    if cluster.ok:
        labels = cluster.body.get("resourceLabels", {})
        if labels.get(INTENT_LABEL) in {intent.metadata.name for intent in intents} and MANAGED_BY.items() <= labels.items():
            found[cluster_address] = Recorded({"name": cluster.body["name"]}, None, cluster.body.get("id", ""), True, Stage.CLUSTER)
    return found


def _namespace_of(item: JsonObject) -> tuple[Address, ...]:
    namespace = item["metadata"].get("namespace")
    return (Address(NAMESPACE, namespace),) if namespace else ()


def strays(world: World, intents: Sequence[Intent], known: Iterable[Address]) -> Mapping[Address, Recorded]:
    """Members of the intents' own ApplySets that are not ``known``: state has lost them, or never had them. Nobody wants them any more.

    Only members of a set: what others share (namespaces, the metrics adapter, the cluster) is none of a plan's business.
    """
    found = marked(world, intents)
    shared = (NAMESPACE, CLUSTER)
    return {a: entry for a, entry in found.items() if a not in set(known) and a.type not in shared and not is_adapters(a)}
