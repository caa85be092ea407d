"""HTTP requests and answers as values: what every API of the sandbox takes and gives, whatever listens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caller:
    """Who asks, after authentication. ``name`` is a key of ``callers`` in world.yaml; ``member`` its IAM member
    (``user:owner@example.com``); ``roles`` its roles on the project; ``groups`` are Kubernetes groups (impersonation)."""

    name: str
    member: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    anonymous: bool = False


@dataclass(frozen=True)
class HttpRequest:
    """``headers`` have lower-case names. ``query`` keeps repeated keys."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    caller: Caller | None = None

    def first(self, key: str, default: str = "") -> str:
        """The first value of a query key."""
        return self.query.get(key, (default,))[0]

    def json(self) -> Any:
        """The body as JSON; None when empty. ValueError when it is not JSON."""
        return json.loads(self.body) if self.body else None


@dataclass
class HttpResponse:
    """``body`` is JSON unless it is bytes. ``stream`` yields chunks (watch); then ``body`` is ignored."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body, separators=(",", ":"), ensure_ascii=False).encode()
