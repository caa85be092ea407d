"""Server-side apply."""

from __future__ import annotations

from dataclasses import dataclass, field

from giqplan.kube.refusal import Conflict
from giqplan.kube.schema import Schema
from giqplan.kube.values import JsonObject


@dataclass(frozen=True)
class Applied:
    """The outcome of an apply. ``object``: what the server would store (managedFields and defaults in it), except what only a server
    can fill in (uid, resourceVersion, generation, clusterIP ...), which is carried over from live. With ``conflicts`` it is live as it was.
    ``changed``: whether anything but the times of managedFields differs from live (false: the server writes nothing)."""

    object: JsonObject = field(hash=False)
    conflicts: tuple[Conflict, ...] = ()
    changed: bool = True


def server_side_apply(
    live: JsonObject | None,
    applied: JsonObject,
    *,
    manager: str,
    schema: Schema,
    force: bool = False,
    now: str,
    subresource: str = "",
) -> Applied:
    """Apply ``applied`` (the fully specified intent) to ``live``. Raises ``Refusal`` for what the schema does not allow (500)."""
    raise NotImplementedError
