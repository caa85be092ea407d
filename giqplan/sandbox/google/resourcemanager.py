"""Resource Manager v1 and v3: a project, its number and its IAM policy.

Shapes: k8s-config-connector's project.log and project_iam_policy.log (v1), and Google's reference of v3.
"""

from __future__ import annotations

import re
from typing import Any

from giqplan.sandbox.google.errors import ApiError, invalid
from giqplan.sandbox.google.iam import Iam
from giqplan.sandbox.google.projects import Project, Projects
from giqplan.sandbox.kubernetes.access import container_resources
from giqplan.sandbox.wire import Caller, HttpRequest

SERVICE = "cloudresourcemanager.googleapis.com"
PATH = re.compile(r"/(?P<version>v1|v3)/projects/(?P<project>[^/:]+)(?::(?P<verb>\w+))?")
_PERMISSION = re.compile(r"[a-z][a-zA-Z0-9]*(\.[a-zA-Z0-9]+)+")
_MOST_PERMISSIONS = 100
_CREATED = "2025-01-01T00:00:00.000000Z"


class ResourceManager:
    """Only the methods that a plan needs; a project is made by world.yaml."""

    def __init__(self, projects: Projects, iam: Iam) -> None:
        self._projects = projects
        self._iam = iam

    def answer(self, request: HttpRequest, caller: Caller, match: re.Match[str]) -> Any:
        """Route one request."""
        name, route = match["project"], (request.method, match["verb"] or "")
        body = request.json() or {}
        match route:
            case ("GET", ""):
                project = self._projects.admit(caller, name, SERVICE, "resourcemanager.projects.get")
                return _v3(project) if match["version"] == "v3" else _v1(project)
            case ("POST", "getIamPolicy"):
                project = self._projects.admit(caller, name, SERVICE, "resourcemanager.projects.getIamPolicy")
                return self._iam.policy(f"projects/{project.id}", _version(body))
            case ("POST", "setIamPolicy"):
                return self._set(caller, name, body)
            case ("POST", "testIamPermissions"):
                return self._test(caller, name, body.get("permissions") or [])
        raise ApiError(405, f"The sandbox does not know {request.method} {request.path}.")

    def _set(self, caller: Caller, name: str, body: dict[str, Any]) -> Any:
        project = self._projects.admit(caller, name, SERVICE, "resourcemanager.projects.setIamPolicy")
        text = (
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "
            "The request's ETag did not match the current policy's ETag."
        )
        conflict = ApiError(409, text, status="ABORTED", legacy="aborted")
        policy = body.get("policy")
        if not isinstance(policy, dict):
            raise invalid("The policy is missing.")
        if not any(b.get("role") == "roles/owner" and b.get("members") for b in policy.get("bindings") or ()):
            raise invalid("A project must have at least one owner.")
        return self._iam.set_policy(f"projects/{project.id}", policy, conflict)

    def _test(self, caller: Caller, name: str, permissions: list[str]) -> dict[str, Any]:
        project = self._projects.get(name, SERVICE, "resourcemanager.projects.get")
        self._projects.require_service(project, SERVICE)
        if len(permissions) > _MOST_PERMISSIONS:
            raise invalid(f"At most {_MOST_PERMISSIONS} permissions can be tested at once, got {len(permissions)}.")
        for permission in permissions:
            known = not permission.startswith("container.") or permission.split(".")[1] in container_resources()
            if not _PERMISSION.fullmatch(permission) or permission.startswith("storage.objects.") or not known:
                raise invalid(f"Permission {permission} is not valid for this resource.")
        held = [p for p in permissions if self._iam.allows(caller.member, p, project.id)]
        return {"permissions": held} if held else {}


def _version(body: dict[str, Any]) -> int:
    version = (body.get("options") or {}).get("requestedPolicyVersion", 1)
    if version not in (0, 1, 3):
        raise invalid(f"Invalid requested policy version {version}: only 0, 1 and 3 are allowed.")
    return int(version)


def _v1(project: Project) -> dict[str, Any]:
    return {
        "projectNumber": project.number,
        "projectId": project.id,
        "lifecycleState": "ACTIVE",
        "name": project.id,
        "createTime": _CREATED,
    }


def _v3(project: Project) -> dict[str, Any]:
    name = f"projects/{project.number}"
    return {"name": name, "projectId": project.id, "state": "ACTIVE", "displayName": project.id, "createTime": _CREATED, "etag": 'W/"0"'}
