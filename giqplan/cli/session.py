"""What plan, apply and destroy share: intent, catalog, world, state. The one place that knows whether a world is the sandbox."""

from __future__ import annotations

import argparse
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.catalog import open_catalog
from giqplan.errors import Place
from giqplan.intent import LoadedIntent, load_intent
from giqplan.model.connection import Connection
from giqplan.state import LocalState

if TYPE_CHECKING:
    from giqplan.cloud import Cloud
    from giqplan.engine.planner import Inputs

FOLDER = ".giqplan"
CALLER_VARIABLE = "GIQPLAN_SANDBOX_CALLER"


@dataclass(frozen=True)
class Session:
    """An intent and where it goes. ``cloud`` None = offline."""

    loaded: LoadedIntent
    connection: Connection
    cloud: Cloud | None
    store: LocalState
    force_conflicts: tuple[str, ...] = ()

    def inputs(self) -> Inputs:
        """The inputs of a plan, with the state as it is now."""
        from giqplan.engine.planner import Inputs

        state = self.store.load()
        if state is not None:
            intent = self.loaded.intent
            target = (self.connection.world, self.loaded.environment, intent.spec.target.project, intent.metadata.name)
            state.must_match(*target, Place(str(self.store.path)))
        begun = frozenset(pending.address for pending in self.store.pending() if pending.verb == "create")
        return Inputs(
            self.loaded, open_catalog(), self.connection.world, state, self.cloud, begun, self.store.claimed(), self.force_conflicts
        )


def folder_of(intent_file: Path) -> Path:
    """The ``.giqplan`` folder beside the intent."""
    return intent_file.resolve().parent / FOLDER


def open_session(args: argparse.Namespace, *, offline: bool = False) -> Session:
    """Load the intent and reach its world. Raises GiqplanError."""
    path = Path(args.intent)
    loaded = load_intent(path, args.environment)
    connection = Connection()
    if getattr(args, "sandbox", False) and not offline:
        connection = _sandbox(path, loaded)
    cloud = None
    if not offline:
        from giqplan.cloud import Cloud

        target = loaded.intent.spec.target
        cloud = Cloud(connection, quota_project=target.quota_project, run_id=secrets.token_hex(6))
    store = LocalState(folder_of(path) / connection.world / loaded.environment)
    return Session(loaded, connection, cloud, store, tuple(getattr(args, "force_conflicts", ())))


def _sandbox(path: Path, loaded: LoadedIntent) -> Connection:
    from giqplan.sandbox import control

    world_file = path.resolve().parent / "world.yaml"
    return control.ensure(
        folder_of(path) / "sandbox",
        world_file=world_file if world_file.is_file() else None,
        project=loaded.intent.spec.target.project,
        caller=os.environ.get(CALLER_VARIABLE),
    )
