"""Who may do what: Google roles as Kubernetes verbs, the cluster's own roles, impersonation, and the reviews by which a caller asks about
itself.

GKE authorises a Google identity by its IAM permissions ``container.<resource>.<verb>``; watch counts as list, patch as update, custom
resources as ``thirdPartyObjects`` (source: GKE documentation "Create IAM policies", and the permission lists of the predefined roles).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from giqplan.sandbox.kubernetes.rbac import Rbac
from giqplan.sandbox.kubernetes.resources import Resource, built_in
from giqplan.sandbox.kubernetes.status import ApiStatusError, forbidden, unauthorized
from giqplan.sandbox.kubernetes.target import Target
from giqplan.sandbox.wire import Caller, HttpRequest

Json = dict[str, Any]
#: (caller, verb, group, resource with subresource, namespace) -> allowed
Permissions = Callable[[Caller, str, str, str, str], bool]

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
ANONYMOUS = Caller("system:anonymous", "", groups=("system:unauthenticated",), anonymous=True)

#: Paths that anybody may read, and those that any authenticated user may (ClusterRoles system:public-info-viewer, system:discovery).
_PUBLIC = ("/version", "/healthz", "/livez", "/readyz")
_DISCOVERY = ("/api", "/apis", "/openapi")

_VERBS = {"watch": "list", "patch": "update", "deletecollection": "delete"}
_SELF = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews")
_NAMES = {
    "apiservices": "apiServices",
    "clusterrolebindings": "clusterRoleBindings",
    "clusterroles": "clusterRoles",
    "configmaps": "configMaps",
    "controllerrevisions": "controllerRevisions",
    "cronjobs": "cronJobs",
    "csidrivers": "csiDrivers",
    "customresourcedefinitions": "customResourceDefinitions",
    "daemonsets": "daemonSets",
    "endpointslices": "endpointSlices",
    "horizontalpodautoscalers": "horizontalPodAutoscalers",
    "limitranges": "limitRanges",
    "networkpolicies": "networkPolicies",
    "persistentvolumeclaims": "persistentVolumeClaims",
    "persistentvolumes": "persistentVolumes",
    "poddisruptionbudgets": "podDisruptionBudgets",
    "podtemplates": "podTemplates",
    "priorityclasses": "priorityClasses",
    "replicasets": "replicaSets",
    "replicationcontrollers": "replicationControllers",
    "resourcequotas": "resourceQuotas",
    "rolebindings": "roleBindings",
    "runtimeclasses": "runtimeClasses",
    "serviceaccounts": "serviceAccounts",
    "statefulsets": "statefulSets",
    "storageclasses": "storageClasses",
    "subjectaccessreviews": "subjectAccessReviews",
    "volumeattachments": "volumeAttachments",
}


_NOT_KUBERNETES = ("clusters", "operations", "hostServiceAgent", "thirdPartyObjects")


def container_permission(verb: str, group: str, resource: str) -> str:
    """The IAM permission that GKE asks for: ``container.deployments.updateScale`` for patching ``deployments/scale``."""
    plural, _, subresource = resource.partition("/")
    action = _VERBS.get(verb, verb)
    known = any(key[0] == group and key[2] == plural for key in built_in())
    name = _NAMES.get(plural, plural) if known else "thirdPartyObjects"
    if subresource == "log":
        return f"container.{name}.getLogs"
    if subresource in ("status", "scale"):
        action += subresource.capitalize()
    return f"container.{name}.{action}"


@cache
def container_resources() -> frozenset[str]:
    """The words that may stand in the middle of ``container.<resource>.<verb>``."""
    plurals = {key[2] for key in built_in()}
    return frozenset({*(_NAMES.get(plural, plural) for plural in plurals), *_NOT_KUBERNETES})


class Access:
    """Authentication's result and authorisation of one API server."""

    def __init__(self, permissions: Permissions, rbac: Rbac) -> None:
        self._permissions, self._rbac = permissions, rbac

    def identify(self, request: HttpRequest) -> Caller:
        """Who asks: the caller, or the one that an administrator impersonates. 401 for a token that nobody has."""
        caller = request.caller
        if caller is None:
            if request.headers.get("authorization"):
                raise unauthorized()
            caller = ANONYMOUS
        user = request.headers.get("impersonate-user")
        if not user:
            return caller
        if MASTERS not in caller.groups:
            raise forbidden(
                f'User "{user_name(caller)}" cannot impersonate resource "users" in API group "" at the cluster scope',
                subject=f'users "{user}"',
            )
        groups = tuple(g.strip() for g in request.headers.get("impersonate-group", "").split(",") if g.strip())
        return Caller(user, "", groups=(*groups, *(() if AUTHENTICATED in groups else (AUTHENTICATED,))))

    def allowed(self, caller: Caller, verb: str, group: str, resource: str, namespace: str) -> bool:
        """Whether the caller may; the administrator may everything, the anonymous and an impersonated stranger nothing."""
        if MASTERS in caller.groups:
            return True
        if caller.anonymous:
            return False
        if resource in _SELF and verb == "create":
            return True
        if self._permissions(caller, verb, group, resource, namespace):
            return True
        return self._rbac.allows(user_name(caller), caller.groups, verb, group, resource, namespace)

    def check(self, caller: Caller, verb: str, target: Target) -> None:
        """403 in the server's words unless the caller may."""
        resource = target.resource
        if not self.allowed(caller, verb, resource.group, target.access_name, target.namespace):
            raise self.refusal(caller, verb, target)

    def refusal(self, caller: Caller, verb: str, target: Target) -> ApiStatusError:
        resource = target.resource
        place = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
        name = "" if verb in ("list", "watch", "create", "deletecollection") else target.name
        text = f'User "{user_name(caller)}" cannot {verb} resource "{target.access_name}" in API group "{resource.group}" {place}'
        if caller.member:  # GKE's authoriser adds which permission it would have taken
            text += f': requires one of ["{container_permission(verb, resource.group, target.access_name)}"] permission(s).'
        return forbidden(text, resource, name)

    def allowed_path(self, caller: Caller, path: str) -> bool:
        """Whether the caller may read a path that is no resource."""
        if MASTERS in caller.groups or any(path == p or path.startswith(p + "/") for p in _PUBLIC):
            return True
        return not caller.anonymous and any(path == p or path.startswith(p + "/") for p in _DISCOVERY)

    def check_path(self, caller: Caller, path: str) -> None:
        if not self.allowed_path(caller, path):
            raise forbidden(f'User "{user_name(caller)}" cannot get path "{path}"')

    def review(self, caller: Caller, spec: Json) -> bool:
        """The answer to a SelfSubjectAccessReview."""
        path = spec.get("nonResourceAttributes")
        if path is not None:
            return self.allowed_path(caller, path.get("path", ""))
        wanted = spec["resourceAttributes"]
        resource = wanted.get("resource", "")
        if wanted.get("subresource"):
            resource += f"/{wanted['subresource']}"
        return self.allowed(caller, wanted.get("verb", ""), wanted.get("group", ""), resource, wanted.get("namespace", ""))

    def rules(self, caller: Caller, resources: list[Resource], namespace: str) -> Json:
        """The status of a SelfSubjectRulesReview."""
        rows = []
        for r in resources:
            verbs = [v for v in r.verbs if self.allowed(caller, v, r.group, r.plural, namespace)]
            if verbs:
                rows.append({"verbs": verbs, "apiGroups": [r.group], "resources": [r.plural]})
        paths = [*_PUBLIC, *_DISCOVERY, *(f"{p}/*" for p in (*_PUBLIC, *_DISCOVERY))]
        return {"resourceRules": rows, "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": sorted(paths)}], "incomplete": False}


def user_name(caller: Caller) -> str:
    """The user as messages name it: the address of a Google identity, the bare name of everybody else."""
    return caller.member.partition(":")[2] or caller.name


def administrator(caller: Caller) -> Caller:
    """The caller with the rights of ``system:masters``: what the static token of a kubeconfig stands for."""
    return replace(caller, groups=(*caller.groups, MASTERS))
