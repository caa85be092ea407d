"""Kubernetes objects: one kind of resource for each kind of object, all declared the same way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from giqplan.kube import compare, kinds, readiness, schema
from giqplan.kube.compare import Difference
from giqplan.kube.kinds import KindInfo
from giqplan.kube.readiness import Progress
from giqplan.manifests.marks import ADOPTED, APPLYSET_ID, PART_OF, WITH_ANOTHER
from giqplan.model.address import Address
from giqplan.model.calls import KUBERNETES, ApplyObject, ClusterRef, DeleteObject, Outcome, Read, Reading
from giqplan.model.plan import Cause, Verb
from giqplan.model.resource import Live, Presence
from giqplan.model.values import JsonObject, Path
from giqplan.model.world import Scope, World
from giqplan.resources.base import Kind, Patience, Step, live_from

MANAGED_BY = ("app.kubernetes.io/managed-by", "giqplan")
SELECTOR = "=".join(MANAGED_BY)
FIELD_MANAGER = "giqplan"
ONCE_MANAGER = "giqplan-initial"
REPLICA_HOLDERS = frozenset({"kube-controller-manager", ONCE_MANAGER})
"""Who holds a Deployment's replica count while an autoscaler runs it: the autoscaler (subresource scale) and our first count."""

_AUTOPILOT = "docs.cloud.google.com/kubernetes-engine/docs/concepts/autopilot-resource-requests"
#: Leaves that Autopilot's admission may hold otherwise than sent (design rule 1).
_AUTOPILOT_PATHS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^spec\.template\.spec\.(initContainers|containers)\[[^]]*\]\.resources(\.|$)"), _AUTOPILOT),
    (re.compile(r"^spec\.template\.spec\.(initContainers|containers)\[[^]]*\]\.securityContext(\.|$)"), _AUTOPILOT),
    (re.compile(r"^spec\.template\.spec\.(tolerations|nodeSelector|securityContext|affinity)(\.|\[|$)"), _AUTOPILOT),
    (re.compile(r"^(spec\.template\.)?metadata\.annotations\.autopilot\.gke\.io/"), _AUTOPILOT),
)

_ROLLOUT = Patience(75 * 60, "node scale-up (2-35 min seen), image pull and weights; vLLM's own start-up limit comes on top")
_HPA = Patience(10 * 60, "the adapter reads a first sample within a few scrape intervals of 15 s")
_QUICK = Patience(5 * 60, "objects without a controller of their own settle at once")
_PATIENCE: Mapping[str, Patience] = {"Deployment": _ROLLOUT, "HorizontalPodAutoscaler": _HPA}

#: Kinds whose list is read whole: what stands there without our label matters too (a namespace of others, a foreign adapter).
_LISTED_WHOLE = ("Namespace", "APIService")
#: Dependents wait until these have settled; all other objects only need to have been sent.
_GATES = ("Namespace",)


@cache
def type_of(kind: str) -> str:
    """``HorizontalPodAutoscaler`` -> ``kubernetes_horizontal_pod_autoscaler``."""
    return "kubernetes_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower()


def address_of(body: JsonObject) -> Address:
    """The address of an object: ``kubernetes_deployment.default/support-bot``."""
    meta = body["metadata"]
    name = f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else meta["name"]
    return Address(type_of(body["kind"]), name)


def is_adopted(body: JsonObject) -> bool:
    """Whether an object says that it was there before giqplan."""
    return ADOPTED in (body.get("metadata", {}).get("annotations") or {})


def as_adopted(body: JsonObject) -> JsonObject:
    """``body`` saying so."""
    meta = body["metadata"]
    return {**body, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), ADOPTED: "true"}}}


class KubernetesObject(Kind):
    """Objects of one kind. Lists are cluster-wide by label: one a kind, whatever the number of intents."""

    provider = "kubernetes"

    def __init__(self, info: KindInfo) -> None:
        self.info = info
        self.type = type_of(info.kind)
        self.gates = info.kind in _GATES
        self.patience = _PATIENCE.get(info.kind, _QUICK)
        # Deployment selectors cannot change; a label change there is a replacement (apps/v1 validation).
        self.immutable = (("spec", "selector"),) if info.kind == "Deployment" else ()
        resource, more = _iam_resource(info), _GRANTS.get(info.kind, ())
        self.permissions = {
            Verb.CREATE: (f"{resource}.create", f"{resource}.update", *more),
            Verb.UPDATE: (f"{resource}.update", *more),
            Verb.DELETE: (f"{resource}.delete",),
        }

    @property
    def schema(self) -> schema.Schema:
        return schema.builtin(self.info.api_version, self.info.kind)

    def list_read(self, cluster: ClusterRef) -> Read:
        selector = () if self.info.kind in _LISTED_WHOLE else (("labelSelector", SELECTOR),)
        query = (*selector, ("limit", "500"))
        return Read(KUBERNETES, kinds.collection_path(self.info), query, items="items", cluster=str(cluster))

    def reading(self, address: Address, world: World) -> Reading:
        cluster = world.cluster_reading
        if cluster.outcome is Outcome.ABSENT:
            return Reading(Outcome.ABSENT, message="there is no cluster yet")
        return world.listed(self.list_read(world.scope.cluster), *self.identity(address))

    def identity(self, address: Address) -> tuple[str, str]:
        """(namespace, name); the namespace is empty for cluster-scoped kinds."""
        if not self.info.namespaced:
            return "", address.name
        namespace, _, name = address.name.partition("/")
        return namespace, name

    def path(self, address: Address) -> str:
        namespace, name = self.identity(address)
        return kinds.object_path(self.info, namespace, name)

    def read_one(self, address: Address, scope: Scope) -> Read:
        return Read(KUBERNETES, self.path(address), cluster=str(scope.cluster))

    def live_of(self, address: Address, wanted: JsonObject, reading: Reading) -> Live:
        if not reading.ok:
            return live_from(reading)
        # Items of a list carry neither apiVersion nor kind: the list says them once (kube-apiserver 1.33).
        body = {"apiVersion": self.info.api_version, "kind": self.info.kind, **reading.body}
        ours = body["metadata"].get("labels", {}).get(MANAGED_BY[0]) == MANAGED_BY[1] and not _of_another(body, wanted)
        return Live(Presence.PRESENT, body, body["metadata"]["uid"], ours)

    def project(self, body: JsonObject, shape: JsonObject, address: Address) -> JsonObject:
        found: JsonObject = compare.project(body, shape, self.schema)
        return found

    def differences(self, before: JsonObject, after: JsonObject, address: Address) -> tuple[Difference, ...]:
        return compare.differences(before, after, self.schema)

    def informs_only(self, path: Path) -> bool:
        return len(path) == 3 and path[:2] == ("metadata", "annotations") and path[2] in WITH_ANOTHER

    def steps(
        self, verb: Verb, address: Address, desired: JsonObject, live: Live, scope: Scope, once: JsonObject | None = None
    ) -> tuple[Step, ...]:
        path, what = self.path(address), f"{self.info.kind} {address.name}"
        if verb is Verb.DELETE:
            return (Step(DeleteObject(scope.cluster, path, live.identity), f"delete {what}"),)
        send = Step(ApplyObject(scope.cluster, path, desired, FIELD_MANAGER), f"apply {what}")
        if once is None:
            return (send,)
        if verb is Verb.CREATE or self.owed(live, once, address):
            first = Step(ApplyObject(scope.cluster, path, once, ONCE_MANAGER), f"set the first replica count of {what}")
            return (send, first)
        if _replicas_of(live, FIELD_MANAGER):
            # Leaving out a field that only we own resets it to its default (one replica): hand it over first
            # (kubernetes.io/docs/reference/using-api/server-side-apply, "Transferring ownership").
            held = {**once, "spec": {"replicas": (live.body or {})["spec"]["replicas"]}}
            return (Step(ApplyObject(scope.cluster, path, held, ONCE_MANAGER), f"hand the replica count of {what} over"), send)
        return (send,)

    def review(self, address: Address, permission: str, cluster: ClusterRef) -> Read:
        """The question whether the caller has the right in the cluster, by IAM or by a role of Kubernetes."""
        resource, action = permission.split(".")[1:]
        granting = permission in _GRANTS.get(self.info.kind, ())
        asked = {
            "group": self.info.group,
            "resource": resource.lower() if granting else self.info.plural,
            "verb": "patch" if action == "update" else action,
            "namespace": self.identity(address)[0],
        }
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": asked}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return Read(KUBERNETES, path, method="POST", body=body, cluster=str(cluster), optional=True)

    def owed(self, live: Live, once: JsonObject | None, address: Address) -> tuple[Difference, ...]:
        """A replica count that nobody holds is the server's default: neither our first count nor an autoscaler has come to it yet."""
        if once is None or live.body is None or not live.ours or _replicas_of(live):
            return ()
        return self.differences(self.project(live.body, once, address), once, address)

    def on_unwanted(self, cause: Cause) -> Verb:
        return Verb.FORGET if self.info.kind == "Namespace" and cause is not Cause.DESTROY else Verb.DELETE

    def progress(self, body: JsonObject, desired: JsonObject, address: Address) -> Progress:
        return readiness.progress(body)

    def platform_source(self, path: Path) -> str:
        text = compare.path_text(path)
        return next((source for pattern, source in _AUTOPILOT_PATHS if pattern.search(text)), "")


def _of_another(body: JsonObject, wanted: JsonObject) -> bool:
    """Whether what carries our label is of another set all the same, or made by a controller, which would make it anew or take it away."""
    held, ours = body["metadata"].get("labels", {}), wanted.get("metadata", {}).get("labels", {})
    other_set = any(key in ours and held.get(key, ours[key]) != ours[key] for key in (PART_OF, APPLYSET_ID))
    return other_set or any(owner.get("controller") for owner in body["metadata"].get("ownerReferences") or ())


def _replicas_of(live: Live, manager: str = "") -> bool:
    """Whether ``manager``, or anybody, holds the replica count."""
    for entry in (live.body or {}).get("metadata", {}).get("managedFields", ()):
        if manager in ("", entry.get("manager")) and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {}):
            return True
    return False


#: Groups whose resources have IAM permissions of their own; all others are ``container.thirdPartyObjects`` (IAM dataset, 2026-08-22).
_CORE_GROUPS = ("", "apps", "autoscaling", "batch", "rbac.authorization.k8s.io", "apiregistration.k8s.io")

#: Who writes these gives rights away, which takes a right of its own unless he holds all of them himself (Kubernetes, "Privilege
#: escalation prevention and bootstrapping"). Of giqplan's bindings those of a cluster bind ClusterRoles, those of a namespace Roles.
_GRANTS: Mapping[str, tuple[str, ...]] = {
    "ClusterRole": ("container.clusterRoles.escalate",),
    "ClusterRoleBinding": ("container.clusterRoles.bind",),
    "RoleBinding": ("container.roles.bind",),
}


def _iam_resource(info: KindInfo) -> str:
    """``container.configMaps``. Server-side apply is a patch, which GKE asks as ``update``; of an object that is not there it takes
    ``create`` too."""
    if info.group not in _CORE_GROUPS:
        return "container.thirdPartyObjects"
    words = re.sub(r"^[A-Z]+(?=[A-Z][a-z])|^[A-Z]", lambda found: found[0].lower(), info.kind)
    return f"container.{words}{info.plural[len(info.kind) :]}"


#: The kinds giqplan writes.
WRITTEN: tuple[tuple[str, str], ...] = (
    ("v1", "Namespace"),
    ("v1", "ConfigMap"),
    ("v1", "ServiceAccount"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("apiregistration.k8s.io/v1", "APIService"),
    ("monitoring.googleapis.com/v1", "PodMonitoring"),
)


@cache
def object_kinds() -> tuple[KubernetesObject, ...]:
    """One resource kind for each kind of object that giqplan writes."""
    return tuple(KubernetesObject(kinds.kind_of(api_version, kind)) for api_version, kind in WRITTEN)
