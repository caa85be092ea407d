"""All Google APIs behind one port: the URL's path tells which one is meant, as their paths differ in shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from giqplan.sandbox.google import cloudquotas, container, gkerecommender, resourcemanager, serviceaccounts, serviceusage, storage
from giqplan.sandbox.google.errors import ApiError
from giqplan.sandbox.google.projects import Projects
from giqplan.sandbox.oauth import OAuth
from giqplan.sandbox.wire import Caller, HttpRequest, HttpResponse

_Answer = Callable[[HttpRequest, Caller, re.Match[str]], Any]


class GoogleApi:
    """Authenticates, routes, and turns ApiErrors into answers."""

    def __init__(
        self,
        oauth: OAuth,
        projects: Projects,
        gke: container.Container,
        buckets: storage.Storage,
        usage: serviceusage.ServiceUsage,
        manager: resourcemanager.ResourceManager,
        quotas: cloudquotas.CloudQuotas,
        accounts: serviceaccounts.ServiceAccounts,
        recommender: gkerecommender.GkeRecommender,
    ) -> None:
        self._oauth = oauth
        self._projects = projects
        self._routes: tuple[tuple[str, re.Pattern[str], _Answer], ...] = (
            ("container", container.PATH, gke.answer),
            ("storage", storage.PATH, buckets.answer),
            ("serviceusage", serviceusage.PATH, usage.answer),
            ("cloudquotas", cloudquotas.PATH, quotas.answer),
            ("iam", serviceaccounts.PATH, accounts.answer),
            ("cloudresourcemanager", resourcemanager.PATH, manager.answer),
            ("gkerecommender", gkerecommender.PATH, recommender.answer),
        )

    def service_of(self, path: str) -> str:
        """The short name of the service that answers on ``path``."""
        if path == "/token":
            return "oauth2"
        return next((service for service, pattern, _ in self._routes if pattern.fullmatch(path)), "unknown")

    def answer(self, request: HttpRequest) -> tuple[str, str, HttpResponse]:
        """The service's short name, the caller's name, and the answer."""
        if request.path == "/token" and request.method == "POST":
            return "oauth2", "", self._oauth.token_endpoint(request)
        caller_name = ""
        for service, pattern, answer in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            style = "storage" if service == "storage" else "esf"
            try:
                caller = self._oauth.caller(request.headers)
                caller_name = caller.name
                _check_body(request, match)
                self._check_quota_project(request, caller)
                result = answer(request, caller, match)
            except ApiError as error:
                return service, caller_name, error.response(style)
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                return service, caller_name, ApiError(400, f"Invalid JSON payload received. {error}").response(style)
            return service, caller_name, result if isinstance(result, HttpResponse) else HttpResponse(200, result)
        text = f"The requested URL {request.path} was not found on this server."
        return "unknown", "", ApiError(404, text).response()

    def _check_quota_project(self, request: HttpRequest, caller: Caller) -> None:
        """403 unless the caller may use the project that it wants the call counted against (header x-goog-user-project)."""
        name = request.headers.get("x-goog-user-project", "")
        project = self._projects.find(name)
        if name and (project is None or not self._projects.iam.allows(caller.member, "serviceusage.services.use", project.id)):
            text = (
                f"Caller does not have required permission to use project {name}. Grant the caller the "
                "roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission."
            )
            raise ApiError(403, text, reason="USER_PROJECT_DENIED", consumer=f"projects/{name}")


def _check_body(request: HttpRequest, match: re.Match[str]) -> None:
    """400 unless the body, if any, is a JSON object; what is uploaded may be anything."""
    if request.body and not match.groupdict().get("kind") and not isinstance(request.json(), dict):
        raise ApiError(400, "Invalid JSON payload received. Root element must be a message.")
