"""IAM v1: the IAM policy of a service account. Of accounts there is Compute Engine's default one, in projects where that API is on.

Shapes: Google's reference of projects.serviceAccounts; wording of the refusals from memory.
"""

from __future__ import annotations

import re
from typing import Any

from giqplan.sandbox.google.errors import ApiError, denied, invalid
from giqplan.sandbox.google.iam import Iam
from giqplan.sandbox.google.projects import Project, Projects
from giqplan.sandbox.wire import Caller, HttpRequest

SERVICE = "iam.googleapis.com"
PATH = re.compile(r"/v1/projects/(?P<project>[^/]+)/serviceAccounts/(?P<account>[^/:]+):(?P<verb>\w+)")
ACT_AS = "iam.serviceAccounts.actAs"


def default_account(project: Project) -> str:
    """What nodes run as when a cluster names no service account."""
    return f"{project.number}-compute@developer.gserviceaccount.com"


def may_act_as(iam: Iam, caller: Caller, project: Project) -> bool:
    """Whether the caller may let machines run as the project's default account."""
    return iam.allows(caller.member, ACT_AS, project.id, on=_resource(default_account(project)))


class ServiceAccounts:
    """``projects/-`` means whichever project the account is of."""

    def __init__(self, projects: Projects, iam: Iam) -> None:
        self._projects = projects
        self._iam = iam

    def answer(self, request: HttpRequest, caller: Caller, match: re.Match[str]) -> Any:
        """Route one request."""
        email, verb, body = match["account"], match["verb"], request.json() or {}
        project = self._project(email, match["project"])
        permission = f"iam.serviceAccounts.{verb}"
        if request.method != "POST" or verb not in ("getIamPolicy", "setIamPolicy", "testIamPermissions"):
            raise ApiError(405, f"The sandbox does not know {request.method} {request.path}.")
        if verb == "testIamPermissions":
            asked = body.get("permissions") or []
            for name in asked:
                if not name.startswith("iam.serviceAccount"):
                    raise invalid(f"Permission {name} is not valid for this resource.")
            held = [name for name in asked if self._iam.allows(caller.member, name, project.id, on=_resource(email))]
            return {"permissions": held} if held else {}
        if not self._iam.allows(caller.member, permission, project.id, on=_resource(email)):
            raise denied(permission, f"//{SERVICE}/projects/{project.id}/serviceAccounts/{email}")
        if verb == "getIamPolicy":
            return self._iam.policy(_resource(email))
        conflict = ApiError(409, "There were concurrent policy changes.", status="ABORTED", legacy="aborted")
        return self._iam.set_policy(_resource(email), body.get("policy") or {}, conflict)

    def _project(self, email: str, named: str) -> Project:
        project = self._projects.find(email.partition("-")[0])
        if project is None or named not in ("-", project.id, project.number):
            raise ApiError(404, f"Unknown service account: {email}")
        self._projects.require_service(project, SERVICE)
        if email != default_account(project) or "compute.googleapis.com" not in project.services:
            raise ApiError(404, f"Unknown service account: {email}")
        return project


def _resource(email: str) -> str:
    return f"serviceAccounts/{email}"
