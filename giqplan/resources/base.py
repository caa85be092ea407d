"""What a resource kind declares. Nothing here does I/O: kinds return reads and actions, the engine carries them out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from giqplan.errors import PlanError
from giqplan.kube.compare import ABSENT, Difference
from giqplan.kube.readiness import Progress, State
from giqplan.model.address import Address
from giqplan.model.calls import Action, Outcome, Read, Reading
from giqplan.model.plan import Cause, Verb
from giqplan.model.resource import Live, Presence
from giqplan.model.values import UNKNOWN, JsonObject, Path
from giqplan.model.world import Scope, World

READY = Progress(State.READY, "")


@dataclass(frozen=True)
class Step:
    """One action of a change, with a clause for progress lines and the journal."""

    action: Action
    summary: str


@dataclass(frozen=True)
class Patience:
    """How long a resource may take to settle, in seconds, and why that long (source)."""

    timeout_s: float
    source: str


class Kind(ABC):
    """A resource kind. ``permissions``: what a caller needs for each verb (facts of the IAM reference, IAM dataset 2026-08-22).

    ``gates``: dependents wait until the resource is settled, not only sent. ``immutable``: paths that cannot change in place.
    ``found_by``: the texts of what was sent without which it is not found again.
    """

    type: str
    provider: str = "google"
    gates: bool = True
    patience: Patience = Patience(300, "Kubernetes objects without a controller of their own settle at once")
    immutable: tuple[Path, ...] = ()
    found_by: tuple[str, ...] = ()
    permissions: Mapping[Verb, tuple[str, ...]] = {}

    @abstractmethod
    def reading(self, address: Address, world: World) -> Reading:
        """What the world's readings say about the resource: the same body that ``read_one`` would bring."""

    @abstractmethod
    def read_one(self, address: Address, scope: Scope) -> Read:
        """The one read that shows the resource again: for waiting and for settling a pending record."""

    def live_of(self, address: Address, wanted: JsonObject, reading: Reading) -> Live:
        """The resource as the answer to ``read_one`` shows it; ``wanted`` is what is desired or was applied."""
        return live_from(reading)

    def live(self, address: Address, wanted: JsonObject, world: World) -> Live:
        """The resource as the world holds it."""
        return self.live_of(address, wanted, self.reading(address, world))

    @abstractmethod
    def steps(
        self, verb: Verb, address: Address, desired: JsonObject, live: Live, scope: Scope, once: JsonObject | None = None
    ) -> tuple[Step, ...]:
        """The actions that carry out ``verb``. ``desired`` is what is wanted (for DELETE: what was applied); ``once``: Resource.once."""

    def project(self, body: JsonObject, shape: JsonObject, address: Address) -> JsonObject:
        """The part of ``body`` that stands on the paths of ``shape``."""
        return {key: body[key] for key in shape if key in body}

    def differences(self, before: JsonObject, after: JsonObject, address: Address) -> tuple[Difference, ...]:
        """Leaves that differ in meaning. ``UNKNOWN`` leaves of ``after`` differ from nothing that is there."""
        return plain_differences(before, after)

    def resolve(self, desired: JsonObject, address: Address, world: World) -> JsonObject:
        """``desired`` with every ``UNKNOWN`` leaf that the world's readings tell by now."""
        return desired

    def wanted_by_both(self, one: JsonObject, other: JsonObject, address: Address) -> JsonObject | None:
        """What serves two intents that want one resource; None when they want what cannot be had together."""
        return one if not self.differences(one, other, address) and not self.differences(other, one, address) else None

    def drifted(self, held: JsonObject, now: JsonObject, address: Address) -> tuple[Difference, ...]:
        """Leaves in which what is there differs from what the server held when our last apply had settled."""
        return self.differences(held, now, address)

    def informs_only(self, path: Path) -> bool:
        """Whether a leaf is written along with another change and never is a reason for one (design rule 11)."""
        return False

    def owed(self, live: Live, once: JsonObject | None, address: Address) -> tuple[Difference, ...]:
        """What of ``once`` was never sent to what is there: a run was killed right after it had created it."""
        return ()

    def progress(self, body: JsonObject, desired: JsonObject, address: Address) -> Progress:
        """How far the resource has settled."""
        return READY

    def on_unwanted(self, cause: Cause) -> Verb:
        """What happens to what we made when nobody wants it: DELETE, or FORGET where it is left.

        ``cause``: DESTROY, or NOT_WANTED when the intent just no longer has it. What may hold more than we put in (a cluster, a namespace)
        is only ever removed by destroy.
        """
        return Verb.DELETE

    def never_taken_back(self, before: object, after: object) -> bool:
        """Whether the step from ``before`` to ``after`` only asks for less of what others may have come to use: no reason to act."""
        return False

    def platform_source(self, path: Path) -> str:
        """Who may hold this leaf otherwise than sent, and where that is written; "" = nobody (design rule 1)."""
        return ""


@dataclass(frozen=True)
class Registry:
    """Kinds by type."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)

    def of(self, address: Address) -> Kind:
        """Raises PlanError (GIQ1615) for a type that a state or plan of another giqplan names."""
        found = self.kinds.get(address.type)
        if found is None:
            raise PlanError(
                "GIQ1615", f"{address}: this giqplan knows no {address.type}", "use the giqplan that wrote the state or the plan"
            )
        return found


def plain_differences(before: Any, after: Any, at: Path = ()) -> tuple[Difference, ...]:
    """Leaf differences of plain JSON; lists compare as a whole."""
    if after is UNKNOWN and before is not ABSENT:
        return ()
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found: list[Difference] = []
        for key in sorted({*before, *after}):
            found += plain_differences(before.get(key, ABSENT), after.get(key, ABSENT), (*at, key))
        return tuple(found)
    if isinstance(before, Sequence) and isinstance(after, Sequence) and not isinstance(before, str) and not isinstance(after, str):
        return () if list(before) == list(after) else (Difference(at, before, after),)
    return () if before == after else (Difference(at, before, after),)


def live_from(reading: Reading, *, identity: str = "", ours: bool = False) -> Live:
    """A Live value for a reading that answers with the resource's own body."""
    if reading.ok:
        return Live(Presence.PRESENT, reading.body, identity, ours)
    if reading.outcome is Outcome.ABSENT:
        return Live(Presence.ABSENT)
    why = ": ".join(part for part in (_WHY[reading.outcome], reading.message) if part)
    return Live(Presence.UNKNOWN, why=why, denied=reading.outcome is Outcome.DENIED)


_WHY = {
    Outcome.DENIED: "the caller may not read it",
    Outcome.DISABLED: "the API that would answer is off",
    Outcome.NOT_READ: "",
}
