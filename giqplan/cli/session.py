"""What the commands on a world share: intents, catalog, world, state. The one place that knows whether a world is the sandbox."""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from giqplan.catalog import Catalog, open_catalog
from giqplan.cli.places import folder_of, sandbox_of, world_of
from giqplan.errors import CatalogError, Place, UsageError
from giqplan.intent import DEFAULT_ENVIRONMENT, LoadedIntent, load_intent
from giqplan.model.address import Address
from giqplan.model.connection import Connection
from giqplan.model.plan import Options
from giqplan.state import LocalState, State

if TYPE_CHECKING:
    from giqplan.cloud import Cloud
    from giqplan.engine.inputs import Inputs

CALLER_VARIABLE = "GIQPLAN_SANDBOX_CALLER"


@dataclass(frozen=True)
class Session:
    """Intents and where they go. ``loaded``: by the file's path below the folder; empty when a saved plan is all there is.
    ``cloud`` None = offline. ``whole``: these are all intents of the folder."""

    loaded: Mapping[str, LoadedIntent]
    connection: Connection
    cloud: Cloud | None
    store: LocalState
    options: Options = field(default_factory=Options)
    whole: bool = False

    @property
    def home(self) -> Path:
        """The folder of the intents: state lies in ``.giqplan/WORLD/ENVIRONMENT`` below it."""
        return self.store.folder.parents[2]

    @property
    def only(self) -> LoadedIntent:
        """The intent, where a command is about one. Raises UsageError for a folder of several."""
        if len(self.loaded) != 1:
            raise UsageError("GIQ0101", "this command is about one intent, a folder of several was named", "name one of its files")
        return next(iter(self.loaded.values()))

    def state(self) -> State | None:
        """The state as it is now. Raises StateError when it is of something else."""
        state = self.store.load()
        if state is not None and self.loaded:
            files = {loaded.intent.metadata.name: file for file, loaded in self.loaded.items()}
            first = next(iter(self.loaded.values()))
            project = first.intent.spec.target.project
            state.must_match(self.connection.world, first.environment, project, files, Place(str(self.store.path)))
        return state

    def inputs(self) -> Inputs:
        """The inputs of a plan, with the state as it is now."""
        from giqplan.engine.inputs import Inputs, scope_of

        state, scope = self.state(), scope_of(next(iter(self.loaded.values())).intent)
        return Inputs(
            self.loaded,
            self._catalog(),
            self.connection.world,
            state,
            self.cloud,
            left_open=self.store.pending(),
            claimed=self.store.claimed(scope.project, str(scope.cluster)),
            options=self.options,
            whole=self.whole,
        )

    def _catalog(self) -> Catalog:
        """The catalog of the intents. Raises CatalogError (GIQ1231) when what a sandbox told would decide about Google Cloud."""
        catalog = open_catalog(self.home)
        told = [layer for layer in catalog.layers if layer.world.startswith("sandbox-")]
        if told and self.cloud is not None and self.connection.world == "gcp":
            detail = f"the {told[0].name} layer was told by {told[0].world}, and this run is about Google Cloud"
            raise CatalogError("GIQ1231", detail, f"giqplan catalog sync, without --sandbox; or delete {told[0].root}")
        return catalog

    def begun(self) -> frozenset[Address]:
        """What an interrupted run had begun to create; the state has to be loaded."""
        from giqplan.engine.inputs import begun_of

        return begun_of(self.store.pending())


def load(path: Path, environment: str | None) -> Mapping[str, LoadedIntent]:
    """The intent, or all intents of a folder, by the file's path below the folder."""
    if path.is_dir():
        from giqplan.intent.folder import load_folder

        return load_folder(path, environment)
    return {path.name: load_intent(path, environment)}


def open_session(args: argparse.Namespace, *, offline: bool = False) -> Session:
    """Load the intents and reach their world. Raises GiqplanError."""
    path = Path(args.intent)
    loaded = load(path, args.environment)
    target = next(iter(loaded.values())).intent.spec.target
    connection = connect(args, path, target.project) if not offline else Connection()
    cloud = None if offline else cloud_of(connection, target.quota_project)
    store = store_of(path, connection, args.environment)
    return Session(loaded, connection, cloud, store, options_of(args), path.is_dir())


def options_of(args: argparse.Namespace) -> Options:
    """What of the plan is asked for; commands without these flags ask for all of it."""
    return Options(*(tuple(getattr(args, name, ())) for name in ("target", "exclude", "force_globs")))


def store_of(path: Path, connection: Connection, environment: str | None) -> LocalState:
    """Where the state of a world and environment lies."""
    return LocalState(folder_of(path) / connection.world / (environment or DEFAULT_ENVIRONMENT))


def cloud_of(connection: Connection, quota_project: str | None) -> Cloud:
    """The clients of a world, marked with the id of this run."""
    from giqplan.cloud import Cloud

    return Cloud(connection, quota_project=quota_project, run_id=secrets.token_hex(6))


def connect(args: argparse.Namespace, path: Path, project: str) -> Connection:
    """The world that is meant: the sandbox beside the intent, which is started on demand, or Google Cloud."""
    if not getattr(args, "sandbox", False):
        return Connection()
    from giqplan.sandbox import control

    return control.ensure(sandbox_of(path), world_file=world_of(path), project=project, caller=os.environ.get(CALLER_VARIABLE))
