"""``giqplan drift``: everything that state holds, compared with the world as it is. No recommendation is made, nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from giqplan.engine.drift import Recorded, buckets_recorded, drift_of, recorded_identities
from giqplan.engine.hidden import drift_without_secrets
from giqplan.engine.inputs import Inputs
from giqplan.engine.observe import observe
from giqplan.engine.planner import recorded_of, same_cluster
from giqplan.errors import Exit, PlanError, worst
from giqplan.model.address import Address
from giqplan.model.plan import Deferred, Drift
from giqplan.model.resource import Presence
from giqplan.model.world import Scope, World
from giqplan.resources import REGISTRY


@dataclass(frozen=True)
class DriftReport:
    """Every drifted resource, in order of the stages, and what could not be judged, with the reason."""

    scope: Scope
    names: tuple[str, ...]
    world: str
    environment: str
    drift: tuple[Drift, ...]
    unseen: tuple[Deferred, ...]
    recorded: int

    @property
    def exit(self) -> Exit:
        """The exit code of ``drift`` (design 4.4): it says by itself that there is drift, without --detailed-exitcode."""
        return worst((Exit.CHANGES if self.drift else Exit.DONE, Exit.INCOMPLETE if self.unseen else Exit.DONE))


def find_drift(inputs: Inputs, pending: Mapping[Address, str]) -> DriftReport:
    """The drift of everything recorded. ``pending``: what an earlier run had begun and not ended, and what that was: whether the world
    differs there by us or by others is not known.

    Raises PlanError (GIQ1620) when nothing is recorded, StateError (GIQ1807) when state is of another cluster.
    """
    scope = inputs.scope
    recorded = {a: entry for a, entry in recorded_of(inputs.state).items() if not entry.intents or inputs.names & set(entry.intents)}
    if not recorded:
        remedy = "apply first, or record what is there with giqplan import"
        raise PlanError("GIQ1620", f"no state holds anything of {', '.join(sorted(inputs.names))} in world {inputs.world_name}", remedy)
    assert inputs.port is not None, "drift looks at a world"
    known, buckets = recorded_identities(recorded), buckets_recorded(recorded)
    world = observe(inputs.port, inputs.world_name, scope, buckets, known=known)
    same_cluster(inputs.state, world)
    drift, unseen = judged(recorded, world, pending)
    return DriftReport(scope, tuple(sorted(inputs.names)), world.name, inputs.environment, drift, unseen, len(recorded))


def judged(
    recorded: Mapping[Address, Recorded], world: World, pending: Mapping[Address, str]
) -> tuple[tuple[Drift, ...], tuple[Deferred, ...]]:
    """What has drifted, and what could not be judged and why."""
    drift, unseen = [], []
    for address in sorted(recorded, key=lambda a: (recorded[a].stage, a)):
        kind, entry = REGISTRY.of(address), recorded[address]
        live = kind.live(address, entry.applied, world)
        if address in pending:
            unseen.append(Deferred(address, f"an earlier run began to {pending[address]} it and did not end: apply settles that"))
        elif live.presence is Presence.UNKNOWN:
            unseen.append(Deferred(address, live.why or "it could not be looked at"))
        elif (found := drift_of(kind, address, entry, live)) is not None:
            drift.append(found)
    return drift_without_secrets(drift), tuple(unseen)
