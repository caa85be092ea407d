"""Projects of the world, and the check that comes before every answer: does it exist, is the API on, may the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from giqplan.sandbox.documents import Documents
from giqplan.sandbox.google.errors import ApiError, denied, service_disabled
from giqplan.sandbox.google.iam import Iam
from giqplan.sandbox.wire import Caller

#: APIs that can be off, with the titles that Google's error texts use. Service Usage has to answer while everything is off, and
#: Cloud Storage is on in every new project, so neither is ever refused.
TITLES = {
    "container.googleapis.com": "Kubernetes Engine API",
    "cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
    "cloudquotas.googleapis.com": "Cloud Quotas API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "gkerecommender.googleapis.com": "GKE Recommender API",
}


@dataclass(frozen=True)
class Project:
    """``services``: the enabled APIs."""

    id: str
    number: str
    services: frozenset[str]


class Projects:
    """``id`` or number finds a project."""

    def __init__(self, documents: Documents, iam: Iam) -> None:
        self.documents = documents
        self.iam = iam

    def add(self, project: str, number: str, services: list[str]) -> None:
        """A new project with these APIs on."""
        self.documents.put("project", project, {"number": number, "services": sorted(services)})

    def find(self, name: str) -> Project | None:
        """The project with that id or number."""
        for project, body in self.documents.under("project"):
            if name in (project, body["number"]):
                return Project(project, body["number"], frozenset(body["services"]))
        return None

    def get(self, name: str, service: str, permission: str) -> Project:
        """The project; 403 when there is none, as Google never tells a stranger whether a project exists."""
        project = self.find(name)
        if project is None:
            raise denied(permission, f"//{service}/projects/{name}")
        return project

    def enable(self, project: str, services: list[str]) -> None:
        """Turn APIs on."""
        body: dict[str, Any] | None = self.documents.get("project", project)
        assert body is not None
        body["services"] = sorted({*body["services"], *services})
        self.documents.put("project", project, body)

    def disable(self, project: str, service: str) -> None:
        """Turn an API off; it may have been off already."""
        body: dict[str, Any] | None = self.documents.get("project", project)
        assert body is not None
        body["services"] = sorted({*body["services"]} - {service})
        self.documents.put("project", project, body)

    def require_service(self, project: Project, service: str) -> None:
        """403 SERVICE_DISABLED when the API is off."""
        if service in TITLES and service not in project.services:
            raise service_disabled(service, TITLES[service], project.number)

    def admit(self, caller: Caller, name: str, service: str, permission: str) -> Project:
        """The project, if the API is on and the caller has the permission; ApiError 403 otherwise."""
        project = self.get(name, service, permission)
        self.require_service(project, service)
        if not self.iam.allows(caller.member, permission, project.id):
            if service == "container.googleapis.com":
                text = f'Required "{permission}" permission(s) for "projects/{project.id}".'
                raise denied(permission, f"//{service}/projects/{project.id}", text)
            raise denied(permission, f"//{service}/projects/{project.id}")
        return project


def not_found(what: str) -> ApiError:
    """404 in GKE's words (recorded)."""
    return ApiError(404, f"Not found: {what}.")
