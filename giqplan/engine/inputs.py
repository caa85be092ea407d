"""What a plan is made from, and what it comes to: the values that planning and applying share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from giqplan.catalog import Catalog
from giqplan.engine.observe import WorldPort
from giqplan.errors import PlanError
from giqplan.intent.model import Intent
from giqplan.model.address import Address
from giqplan.model.calls import ClusterRef
from giqplan.model.plan import Change, Options, Plan
from giqplan.model.resource import Resource, Stage
from giqplan.model.world import Scope, World
from giqplan.state import IntentRecord, Pending, ResourceState, State
from giqplan.units import digest

if TYPE_CHECKING:
    from giqplan.intent import LoadedIntent


@dataclass(frozen=True)
class Inputs:
    """What a plan is made from. ``loaded``: the intents by their file's path below the folder. ``port`` None = offline: nothing is
    read, everything is predicted."""

    loaded: Mapping[str, LoadedIntent]
    catalog: Catalog
    world_name: str
    state: State | None
    port: WorldPort | None
    left_open: tuple[Pending, ...] = ()
    """What an interrupted run had begun, and of which no end is known."""
    claimed: Mapping[Address, str] = field(default_factory=dict)
    """What other environments of the same world have made, and which."""
    options: Options = field(default_factory=Options)
    whole: bool = False
    """These are all intents of the folder: nobody wants any more what only others in state wanted."""

    @property
    def begun(self) -> frozenset[Address]:
        """What an interrupted run had begun to create: if it is there now, we made it."""
        return begun_of(self.left_open)

    @property
    def environment(self) -> str:
        return next(iter(self.loaded.values())).environment

    @property
    def names(self) -> frozenset[str]:
        """The intents that this run speaks for; with ``whole`` also those that state has and the folder has no more."""
        own = frozenset(loaded.intent.metadata.name for loaded in self.loaded.values())
        gone = self.state.names if self.whole and self.state is not None else ()
        return own.union(gone)

    @property
    def scope(self) -> Scope:
        """The project and cluster of all intents. Raises PlanError (GIQ1611) when they have several, or share a name."""
        scopes = {scope_of(loaded.intent): file for file, loaded in self.loaded.items()}
        if len(scopes) > 1:
            shown = "; ".join(f"{file}: {scope.cluster}" for scope, file in scopes.items())
            raise PlanError("GIQ1611", f"more than one cluster: {shown}", "keep the intents of each cluster in a folder of their own")
        seen: dict[str, str] = {}
        for file, loaded in self.loaded.items():
            name = loaded.intent.metadata.name
            if name in seen:
                remedy = "give each its own metadata.name: state and objects are known by it"
                raise PlanError("GIQ1611", f"{seen[name]} and {file} both name their intent {name}", remedy, loaded.place("metadata.name"))
            seen[name] = file
        return next(iter(scopes))


@dataclass(frozen=True)
class Proposal:
    """A plan with what apply needs to carry it out: the full desired values."""

    plan: Plan
    resources: Mapping[Address, Resource]
    world: World
    predicted: Mapping[Address, Change] = field(default_factory=dict)
    """The changes as they are without asking the server: what a caller who may not dry-run gets to see."""
    marked: Mapping[Address, ResourceState] = field(default_factory=dict)
    """What destroy found by its marks, without a state: the state to begin with."""
    begun: frozenset[Address] = frozenset()
    """``Inputs.begun``."""
    names: frozenset[str] = frozenset()
    """``Inputs.names``."""

    @property
    def decisions(self) -> dict[str, IntentRecord]:
        """What is recorded of each intent's choice once it is applied. Where the plan leaves the workload out, nothing is decided yet."""
        left = {name for change in self.plan.changes if change.left and change.stage is Stage.WORKLOAD for name in change.intents}
        parts = () if self.plan.destroy else self.plan.parts
        return {part.name: IntentRecord(part.file, part.choices) for part in parts if part.name not in left}


def begun_of(left_open: Iterable[Pending]) -> frozenset[Address]:
    """What of the actions without an end would have created something."""
    return frozenset(pending.address for pending in left_open if pending.verb == "create")


def scope_of(intent: Intent) -> Scope:
    """What the intent's target is about."""
    target = intent.spec.target
    return Scope(target.project, ClusterRef(target.project, target.location, target.cluster.name))


def choice_digest(loaded: LoadedIntent) -> str:
    """Digest of the part of the intent that decides the profile: while it stays, an applied choice stays (design rule 11)."""
    spec = loaded.intent.spec.model_dump(mode="json", by_alias=True)
    deciding = {key: spec[key] for key in ("model", "workload", "slo", "cost", "accelerator", "evidence")}
    deciding["serving"] = {key: spec["serving"][key] for key in ("server", "version", "stack")}
    deciding["target"] = {key: spec["target"][key] for key in ("location", "zones")}
    if loaded.config is not None:
        deciding["config"] = loaded.config.architecture.digest
    return digest(deciding)
