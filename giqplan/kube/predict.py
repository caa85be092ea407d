"""What a server would store, without a server: for plans before the cluster exists, or of a caller who may only read."""

from __future__ import annotations

from giqplan.kube.schema import Schema
from giqplan.kube.ssa import Applied, server_side_apply
from giqplan.kube.values import JsonObject


def predict_apply(
    live: JsonObject | None, applied: JsonObject, manager: str, schema: Schema, now: str = "", force: bool = False
) -> Applied:
    """The object after an apply, with defaults. Raises ``Refusal`` for what the schema does not allow.

    What an admission step changes (Autopilot) and what a server allocates (uid, clusterIP) is not in it.
    """
    return server_side_apply(live, applied, manager=manager, schema=schema, force=force, now=now)
