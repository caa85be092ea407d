"""What the Kubernetes APIs of the clusters ask of Google Cloud: identities, permissions, quota, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.google.cloudquotas import CloudQuotas
from giqplan.sandbox.google.errors import ApiError
from giqplan.sandbox.google.projects import Projects
from giqplan.sandbox.oauth import OAuth
from giqplan.sandbox.store import Store
from giqplan.sandbox.wire import Caller, HttpRequest, HttpResponse

Api = Callable[[HttpRequest], tuple[str, HttpResponse]]


class Clusters:
    """Builds the Kubernetes API of a cluster and keeps it told."""

    def __init__(self, store: Store, clock: Clock, tokens: OAuth, projects: Projects, quotas: CloudQuotas, controllers: bool) -> None:
        self._store = store
        self._clock = clock
        self._oauth = tokens
        self._projects = projects
        self._quotas = quotas
        self._controllers = controllers
        self._apis: dict[str, Any] = {}

    def build(self, cluster: Mapping[str, Any]) -> Api:
        """What answers the requests to this cluster: the caller's name, and the answer."""

        def answer(request: HttpRequest) -> tuple[str, HttpResponse]:
            caller = self._caller(request)
            identified = replace(request, caller=caller)
            return (caller.name if caller else ""), HttpResponse(503, {"path": identified.path})

        return answer

    def changed(self, cluster: Mapping[str, Any]) -> None:
        """The cluster's settings are now these."""

    def closed(self, cluster_id: str) -> None:
        """The cluster is gone."""
        self._apis.pop(cluster_id, None)

    def load(self, cluster_id: str, objects: Sequence[Mapping[str, Any]]) -> None:
        """Objects that are in the cluster from the beginning."""

    def _caller(self, request: HttpRequest) -> Caller | None:
        """None when nobody stands behind the request; the Kubernetes API then answers 401 itself."""
        if self._oauth.is_admin(request.headers):
            return Caller("admin", "", groups=("system:masters", "system:authenticated"))
        try:
            caller = self._oauth.caller(request.headers)
        except ApiError:
            return None
        return replace(caller, groups=("system:authenticated",))
