"""Kubernetes' own roles: what the bindings of a cluster give to a user, beside what IAM gives him.

Source: kubernetes.io/docs/reference/access-authn-authz/rbac. Of the roles that every cluster has only ``cluster-admin`` is known; a rule
with ``resourceNames`` gives nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from giqplan.sandbox.kubernetes.objects import Objects
from giqplan.sandbox.kubernetes.resources import built_in

Json = dict[str, Any]
_GROUP = "rbac.authorization.k8s.io"
_ADMIN = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


class Rbac:
    """Reads the roles and bindings of one cluster."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def allows(self, user: str, groups: Iterable[str], verb: str, group: str, resource: str, namespace: str) -> bool:
        """Whether any binding gives ``user`` the verb; bindings of a namespace count in it only."""
        subjects = {("User", user), *(("Group", name) for name in groups)}
        return any(_matches(rule, verb, group, resource) for rule in self._rules(subjects, namespace))

    def _rules(self, subjects: set[tuple[str, str]], namespace: str) -> Iterator[Json]:
        bindings = [("", binding) for binding in self._all("clusterrolebindings")]
        if namespace:
            bindings += [(namespace, binding) for binding in self._all("rolebindings", namespace)]
        for where, binding in bindings:
            if any((s.get("kind"), s.get("name")) in subjects for s in binding.get("subjects") or ()):
                yield from self._role(binding["roleRef"], where)

    def _role(self, reference: Json, namespace: str) -> list[Json]:
        if reference["kind"] == "ClusterRole":
            if reference["name"] == "cluster-admin":
                return _ADMIN
            namespace = ""
        plural = f"{reference['kind'].lower()}s"
        found = self._objects.get(built_in()[_GROUP, "v1", plural], namespace, reference["name"])
        return [] if found is None else list(found.get("rules") or ())

    def _all(self, plural: str, namespace: str = "") -> Iterator[Json]:
        return self._objects.peek(built_in()[_GROUP, "v1", plural], namespace)


def _matches(rule: Json, verb: str, group: str, resource: str) -> bool:
    def has(key: str, *wanted: str) -> bool:
        return bool({"*", *wanted} & set(rule.get(key) or ()))

    _, slash, subresource = resource.partition("/")
    every = (f"*/{subresource}",) if slash else ()
    return not rule.get("resourceNames") and has("verbs", verb) and has("apiGroups", group) and has("resources", resource, *every)
