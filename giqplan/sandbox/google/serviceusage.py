"""Service Usage v1: which APIs of a project are on, and turning them on (a long-running operation).

Shapes: k8s-config-connector's recordings serviceusage.log and project.log (commit cdb85ecf, Apache-2.0).
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.documents import Documents
from giqplan.sandbox.google.durations import DURATIONS
from giqplan.sandbox.google.errors import ApiError, invalid
from giqplan.sandbox.google.paging import page
from giqplan.sandbox.google.projects import Project, Projects
from giqplan.sandbox.wire import Caller, HttpRequest

SERVICE = "serviceusage.googleapis.com"
PATH = re.compile(
    r"/v1/(?:projects/(?P<project>[^/]+)/services(?:/(?P<service>[^/:]+))?(?::(?P<verb>\w+))?|operations/(?P<operation>[^/]+))"
)
_TYPES = "type.googleapis.com/google.api.serviceusage.v1"
_DONE = "operations/noop.DONE_OPERATION"
_BATCH = 20  # services.batchEnable: "A single request can enable a maximum of 20 services at a time"
_NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")

#: The APIs that a project can list besides those that are on: what giqplan's plans touch.
CATALOG = {
    "artifactregistry.googleapis.com": "Artifact Registry API",
    "cloudquotas.googleapis.com": "Cloud Quotas API",
    "cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
    "compute.googleapis.com": "Compute Engine API",
    "container.googleapis.com": "Kubernetes Engine API",
    "gkerecommender.googleapis.com": "GKE Recommender API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "iamcredentials.googleapis.com": "IAM Service Account Credentials API",
    "logging.googleapis.com": "Cloud Logging API",
    "monitoring.googleapis.com": "Cloud Monitoring API",
    "networkservices.googleapis.com": "Network Services API",
    "secretmanager.googleapis.com": "Secret Manager API",
    "serviceusage.googleapis.com": "Service Usage API",
    "storage.googleapis.com": "Cloud Storage API",
}


class ServiceUsage:
    """Operations are kept under their own name."""

    def __init__(self, documents: Documents, clock: Clock, projects: Projects) -> None:
        self._documents = documents
        self._clock = clock
        self._projects = projects
        clock.on("enable-services", self._finish)

    def answer(self, request: HttpRequest, caller: Caller, match: re.Match[str]) -> Any:
        """Route one request."""
        if match["operation"]:
            return self._operation(match["operation"])
        route = (request.method, bool(match["service"]), match["verb"] or "")
        project, service = match["project"], match["service"] or ""
        match route:
            case ("GET", False, ""):
                return self._list(request, caller, project)
            case ("GET", False, "batchGet"):
                found = self._projects.admit(caller, project, SERVICE, "serviceusage.services.get")
                names = [name.rpartition("/")[2] for name in request.query.get("names", ())]
                return {"services": [_service(found, name) for name in names]}
            case ("GET", True, ""):
                return _service(self._projects.admit(caller, project, SERVICE, "serviceusage.services.get"), service)
            case ("POST", True, "enable"):
                return self._enable(caller, project, [service], batch=False)
            case ("POST", True, "disable"):
                return self._disable(caller, project, service)
            case ("POST", False, "batchEnable"):
                return self._enable(caller, project, (request.json() or {}).get("serviceIds") or [], batch=True)
        raise ApiError(405, f"The sandbox does not know {request.method} {request.path}.")

    def _list(self, request: HttpRequest, caller: Caller, name: str) -> dict[str, Any]:
        project = self._projects.admit(caller, name, SERVICE, "serviceusage.services.list")
        wanted = request.first("filter").replace(" ", "")
        if wanted not in ("", "state:ENABLED", "state:DISABLED"):
            raise invalid("Invalid filter: only state:ENABLED and state:DISABLED are allowed.")
        rows = [_service(project, service) for service in sorted(set(CATALOG) | project.services)]
        rows = [row for row in rows if wanted in ("", f"state:{row['state']}")]
        return page(rows, "services", request, default=50, limit=200)

    def _enable(self, caller: Caller, name: str, services: list[str], batch: bool) -> dict[str, Any]:
        project = self._projects.admit(caller, name, SERVICE, "serviceusage.services.enable")
        if not services or len(services) > _BATCH:
            raise invalid(f"A single request can enable between 1 and {_BATCH} services, got {len(services)}.")
        for service in services:
            if not _NAME.fullmatch(service):
                raise ApiError(
                    404, f"Service '{service}' not found or permission denied.", reason="SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED"
                )
        if project.services >= set(services):
            return _done(_DONE, project, services, batch)
        operation = f"operations/acat.p2-{project.number}-{uuid.uuid4()}"
        self._documents.put("service-operation", operation, {"project": project.id, "services": services, "batch": batch, "done": False})
        self._clock.schedule(DURATIONS["enable service"].seconds, "enable-services", {"operation": operation})
        return {"name": operation}

    def _disable(self, caller: Caller, name: str, service: str) -> dict[str, Any]:
        """At once: how long Google takes is not known, and nothing of ours waits for it."""
        project = self._projects.admit(caller, name, SERVICE, "serviceusage.services.disable")
        self._projects.disable(project.id, service)
        parent = f"projects/{project.number}"
        row = {"name": f"{parent}/services/{service}", "parent": parent, "state": "DISABLED"}
        return {"name": _DONE, "done": True, "response": {"@type": f"{_TYPES}.DisableServiceResponse", "service": row}}

    def _finish(self, event: dict[str, Any]) -> None:
        body = self._documents.get("service-operation", event["operation"])
        assert body is not None
        self._projects.enable(body["project"], body["services"])
        self._documents.put("service-operation", event["operation"], body | {"done": True})

    def _operation(self, name: str) -> dict[str, Any]:
        """An operation's name is a secret of its maker; reading it needs no permission (recorded callers hold none)."""
        full = f"operations/{name}"
        body = self._documents.get("service-operation", full)
        if body is None:
            raise ApiError(404, f"Operation not found: {full}")
        if not body["done"]:
            return {"name": full}
        project = self._projects.find(body["project"])
        assert project is not None
        return _done(full, project, body["services"], body["batch"])


def _service(project: Project, service: str) -> dict[str, Any]:
    return {
        "name": f"projects/{project.number}/services/{service}",
        "parent": f"projects/{project.number}",
        "config": {"name": service, "title": CATALOG.get(service, service)},
        "state": "ENABLED" if service in project.services else "DISABLED",
    }


def _done(name: str, project: Project, services: list[str], batch: bool) -> dict[str, Any]:
    parent = f"projects/{project.number}"
    rows = [{"name": f"{parent}/services/{service}", "parent": parent, "state": "ENABLED"} for service in services]
    if batch:
        response: dict[str, Any] = {"@type": f"{_TYPES}.BatchEnableServicesResponse", "services": rows}
    else:
        response = {"@type": f"{_TYPES}.EnableServiceResponse", "service": rows[0]}
    return {"name": name, "metadata": {"@type": f"{_TYPES}.OperationMetadata"}, "done": True, "response": response}
