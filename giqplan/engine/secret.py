"""``secret set``: one value into one key of a Secret in the intent's namespace. Not part of any plan, and noted in no state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from giqplan.cloud import APPLY_FIRST
from giqplan.engine.inputs import scope_of
from giqplan.engine.observe import connect
from giqplan.errors import UsageError
from giqplan.model.calls import Outcome, SecretChange, SecretValue, SetSecret
from giqplan.model.world import World, clusters_read
from giqplan.resources.preconditions import USUAL_KEY

if TYPE_CHECKING:
    from giqplan.cloud import Cloud
    from giqplan.intent.model import Intent

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


@dataclass(frozen=True)
class SecretPlace:
    """Where a value goes. ``wanted``: whether the intent's model server reads it there."""

    namespace: str
    name: str
    key: str
    wanted: bool


def place_of(intent: Intent, name: str | None, key: str | None) -> SecretPlace:
    """Name and key as given, else as the intent says. Raises UsageError GIQ0106."""
    source = intent.spec.storage.hugging_face
    token = source.token_secret if source is not None else None
    if name is None and token is None:
        detail = "no name is given, and the intent loads its model from a bucket: it names no Secret"
        raise UsageError("GIQ0106", detail, "giqplan secret set NAME")
    chosen = name if name is not None else token.name if token is not None else ""
    same = token is not None and chosen == token.name
    if not same and (len(chosen) > 253 or not _NAME.fullmatch(chosen) or chosen.endswith((".yaml", ".yml"))):
        hint = "name the intent with -f; " if chosen.endswith((".yaml", ".yml")) else ""
        remedy = f"{hint}a name has lower-case letters, digits, - and ., and begins and ends with a letter or digit"
        raise UsageError("GIQ0106", f"{chosen!r} is no name of a Secret", remedy)
    default = token.key if same and token is not None else USUAL_KEY
    wanted_key = key if key is not None else default
    if not _KEY.fullmatch(wanted_key) or wanted_key in (".", "..") or wanted_key.startswith(".."):
        raise UsageError("GIQ0106", f"{wanted_key!r} is no key of a Secret", "a key has letters, digits, -, _ and .")
    return SecretPlace(intent.spec.target.namespace, chosen, wanted_key, wanted=same and wanted_key == default)


def set_secret(port: Cloud, world_name: str, intent: Intent, place: SecretPlace, value: SecretValue, *, force: bool) -> SecretChange:
    """Write the value. Raises UsageError GIQ0107 while the cluster is not there, and what ``Cloud.set_secret`` raises."""
    scope = scope_of(intent)
    read = clusters_read(scope.cluster)
    world = World(world_name, scope, {read: port.read(read)})
    reading = world.cluster_reading
    if reading.outcome is Outcome.DENIED:
        raise UsageError("GIQ0107", f"the caller may not see {scope.cluster}: {reading.message}", "grant container.clusters.list")
    if not connect(port, world):
        state = f"is {reading.body.get('status', 'not running')}" if reading.ok else "is not there"
        raise UsageError("GIQ0107", f"{scope.cluster} {state}", APPLY_FIRST)
    return port.set_secret(SetSecret(scope.cluster, place.namespace, place.name, place.key, value, force))
