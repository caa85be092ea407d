"""IAM: policies of projects and buckets, and who may do what. Roles and their permissions stand in ``roles.json``."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from giqplan.sandbox.documents import Documents
from giqplan.sandbox.google.errors import ApiError, invalid

_MEMBER = re.compile(
    r"(user|serviceAccount|group|domain|deleted|projectOwner|projectEditor|projectViewer):.+|principal://.+|principalSet://.+"
)
_POOL = re.compile(r"[a-z][a-z0-9.:-]+\.svc\.id\.goog")
_BASIC = {"roles/owner": "projectOwner", "roles/editor": "projectEditor", "roles/viewer": "projectViewer"}
_EVERYBODY = ("allUsers", "allAuthenticatedUsers")


@cache
def _roles() -> Mapping[str, Any]:
    table = json.loads(Path(__file__).with_name("roles.json").read_text(encoding="utf-8"))
    return dict(table["roles"])


def known_role(role: str) -> bool:
    """Whether the sandbox knows what the role grants."""
    return role in _roles()


@cache
def role_grants(role: str, permission: str) -> bool:
    """Whether the role holds the permission. An unknown role grants nothing."""
    row = _roles().get(role)
    if row is None:
        return False
    allowed = any(fnmatch.fnmatchcase(permission, pattern) for pattern in row["allow"])
    return allowed and not any(fnmatch.fnmatchcase(permission, pattern) for pattern in row.get("deny", ()))


def etag_of(value: Any) -> str:
    """An etag as Google writes one: base64 of some bytes."""
    text = json.dumps(value, sort_keys=True).encode()
    return base64.b64encode(hashlib.sha256(text).digest()[:8]).decode()


class Iam:
    """Policies by resource: ``projects/<id>`` or ``buckets/<name>``."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.on_changed: Callable[[], None] = lambda: None

    def policy(self, resource: str, requested_version: int = 1) -> dict[str, Any]:
        """The policy as that version shows it: below 3, conditions are left out and the role says so (``_withcond_``).

        Source: IAM documentation, policy versions, from memory.
        """
        kept = self._documents.get("policy", resource) or {"bindings": []}
        bindings = kept["bindings"]
        if requested_version < 3:
            bindings = [_without_condition(b) for b in bindings]
            version = 1
        else:
            version = 3 if any("condition" in b for b in bindings) else 1
        policy: dict[str, Any] = {"version": version, "etag": self._etag(kept)}
        return policy | ({"bindings": bindings} if bindings else {})

    def set_policy(self, resource: str, policy: Mapping[str, Any], conflict: ApiError) -> dict[str, Any]:
        """Replace the policy. ``conflict`` is raised when ``policy`` carries an etag that is no longer the policy's own."""
        kept = self._documents.get("policy", resource) or {"bindings": []}
        if policy.get("etag") and policy["etag"] != self._etag(kept):
            raise conflict
        bindings = self._checked(resource, policy)
        self._documents.put("policy", resource, {"bindings": bindings, "serial": kept.get("serial", 0) + 1})
        self.on_changed()
        return self.policy(resource, 3)

    def grant(self, resource: str, role: str, members: Iterable[str]) -> None:
        """Add members to a role without looking: world.yaml's way in."""
        kept = self._documents.get("policy", resource) or {"bindings": []}
        for binding in kept["bindings"]:
            if binding["role"] == role and "condition" not in binding:
                binding["members"] = sorted({*binding["members"], *members})
                break
        else:
            kept["bindings"].append({"role": role, "members": sorted(members)})
        self._documents.put("policy", resource, kept)

    def forget(self, resource: str) -> None:
        """The resource is gone, and its policy with it."""
        self._documents.delete("policy", resource)

    def roles(self, resource: str, members: Iterable[str]) -> frozenset[str]:
        """The roles that any of ``members`` holds on ``resource`` without a condition (conditions are not evaluated)."""
        kept = self._documents.get("policy", resource) or {"bindings": []}
        wanted = {*members, *_EVERYBODY}
        return frozenset(b["role"] for b in kept["bindings"] if "condition" not in b and wanted & set(b["members"]))

    def allows(self, member: str, permission: str, project: str, bucket: str = "", *, on: str = "") -> bool:
        """Whether ``member`` has the permission on the project, or on the bucket or other resource (``on``) of that project."""
        roles = self.roles(f"projects/{project}", (member,))
        if any(role_grants(role, permission) for role in roles):
            return True
        if on:
            return any(role_grants(role, permission) for role in self.roles(on, (member,)))
        if not bucket:
            return False
        members = [member, *(f"{_BASIC[role]}:{project}" for role in roles if role in _BASIC)]
        return any(role_grants(role, permission) for role in self.roles(f"buckets/{bucket}", members))

    @staticmethod
    def _etag(kept: Mapping[str, Any]) -> str:
        return etag_of([kept.get("serial", 0), kept["bindings"]])

    def _checked(self, resource: str, policy: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The bindings to keep: those of the same role and condition joined, members unique and sorted, empty ones dropped."""
        joined: dict[str, dict[str, Any]] = {}
        for binding in policy.get("bindings") or ():
            role, members, condition = binding.get("role", ""), binding.get("members") or [], binding.get("condition")
            if not known_role(role) and not re.match(r"(projects|organizations)/[^/]+/roles/.+", role):
                raise invalid(f"Role {role} is not supported for this resource.")
            if condition is not None and policy.get("version", 1) != 3:
                raise invalid("A policy with conditions must be set with policy version 3.")
            for member in members:
                self._check_member(resource, member)
            row = joined.setdefault(json.dumps([role, condition], sort_keys=True), {"role": role, "members": []})
            row["members"] = sorted({*row["members"], *members})
            if condition is not None:
                row["condition"] = condition
        return [row for row in joined.values() if row["members"]]

    def _check_member(self, resource: str, member: str) -> None:
        if member not in _EVERYBODY and not _MEMBER.fullmatch(member):
            raise invalid(f"The member {member} is of an unknown type. Please set a valid type prefix for the member.")
        if member.startswith("project") and not resource.startswith("buckets/"):
            raise invalid(f"The member {member} is not allowed in a project's policy.")
        pool = _POOL.search(member)
        if pool and self._documents.get("workload-pool", pool[0]) is None:
            # A project's workload identity pool is made with its first cluster that uses one; text from memory.
            raise invalid(
                f"Identity Pool does not exist ({pool[0]}). Please check that you specified a valid resource name as "
                "returned in the `name` attribute in the configuration API."
            )


def _without_condition(binding: dict[str, Any]) -> dict[str, Any]:
    if "condition" not in binding:
        return binding
    mark = hashlib.sha256(json.dumps(binding["condition"], sort_keys=True).encode()).hexdigest()[:20]
    return {"role": f"{binding['role']}_withcond_{mark}", "members": binding["members"]}
