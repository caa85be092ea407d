"""A cluster in memory, and short ways to ask it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.kubernetes import Hooks, KubernetesApi
from giqplan.sandbox.store import Store
from giqplan.sandbox.wire import Caller, HttpRequest, HttpResponse

ADMIN = Caller("admin", "", groups=("system:masters", "system:authenticated"))


class Cluster:
    """One API server on a clock that only ``advance`` moves."""

    def __init__(self, store: Store, controllers: bool, autopilot: bool, hooks: Hooks | None = None, **more: Any) -> None:
        self.store = store
        self.clock = Clock(store, speed=0, start=1_790_000_000)
        more.setdefault("permissions", lambda *_: False)
        self.api = KubernetesApi(store, self.clock, "c1", controllers=controllers, autopilot=autopilot, hooks=hooks, **more)

    def ask(
        self, method: str, path: str, body: Any = None, media: str = "application/json", caller: Caller | None = ADMIN, **query: Any
    ) -> HttpResponse:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": media, "user-agent": "test/1"}
        headers |= query.pop("headers", {})
        return self.api.handle(HttpRequest(method, path, {k: (str(v),) for k, v in query.items()}, headers, data, caller))

    def json(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        response = self.ask(method, path, body, **more)
        return json.loads(response.encoded())

    def apply(self, path: str, body: Any, manager: str = "giqplan", **query: Any) -> HttpResponse:
        return self.ask("PATCH", path, body, "application/apply-patch+yaml", fieldManager=manager, **query)


@pytest.fixture
def cluster() -> Callable[..., Cluster]:
    """Makes clusters: ``cluster(controllers=True, autopilot=True, hooks=Hooks(...))``."""

    def make(controllers: bool = False, autopilot: bool = False, hooks: Hooks | None = None, **more: Any) -> Cluster:
        return Cluster(more.pop("store", None) or Store(":memory:"), controllers, autopilot, hooks, **more)

    return make
