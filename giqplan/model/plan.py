"""A plan: what would change, why, what it costs, and what stands in the way. Frozen; renderers and apply read the same value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from giqplan.errors import Exit
from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.recommendation import Recommendation, UsdPerHour
from giqplan.model.resource import Stage
from giqplan.model.values import JsonObject, Path


class Verb(StrEnum):
    """What happens to a resource."""

    NOOP = "no-op"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    FORGET = "forget"
    """Dropped from state, left in the world."""


class Cause(StrEnum):
    """Why a leaf, or a whole resource, changes. The list is closed."""

    NOT_THERE = "not there"
    INTENT = "the intent changed"
    DRIFT = "changed outside giqplan"
    GONE = "removed outside giqplan"
    ADOPT = "exists, not recorded yet"
    NOT_WANTED = "no longer in the intent"
    IMMUTABLE = "cannot be changed in place"
    DESTROY = "destroy"
    WITH_ANOTHER = "written along with another change"
    LEFT_BY_KUBECTL = "left by kubectl apply"


class Confidence(StrEnum):
    VERIFIED = "verified"
    """A server dry-run answered, or the value was compared with what the server holds."""
    PREDICTED = "predicted"
    """No server could be asked: no cluster yet, a namespace of the same plan, or a read-only caller."""


@dataclass(frozen=True)
class Leaf:
    """One changed leaf. ``before`` or ``after`` may be ``ABSENT_LEAF`` (not there) or ``UNKNOWN`` (known after apply)."""

    path: Path
    before: Any = field(hash=False)
    after: Any = field(hash=False)
    cause: Cause = Cause.INTENT


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT_LEAF = _Absent()


@dataclass(frozen=True)
class Adjustment:
    """A leaf that the platform holds otherwise than sent (Autopilot's admission). Neither drift nor change."""

    path: Path
    sent: Any = field(hash=False)
    held: Any = field(hash=False)
    source: str = ""
    predicted: bool = False


class Taking(StrEnum):
    """Why a field may be taken from the manager that holds it. The list is closed."""

    HANDED_BACK = "its autoscaler goes"
    """The autoscaler, and our own first count, give the replica count back."""
    ADOPTED = "left by kubectl apply"
    """The object was made by kubectl apply and is taken over as a whole."""
    FORCED = "--force-conflicts"
    """The caller says so."""


@dataclass(frozen=True)
class Conflict:
    """Another field manager holds a field that we want otherwise. ``taken``: why apply takes it all the same; None = it does not."""

    path: str
    manager: str
    theirs: Any = field(default=None, hash=False)
    ours: Any = field(default=None, hash=False)
    taken: Taking | None = None


@dataclass(frozen=True)
class Change:
    """One resource of the plan, also when nothing happens to it (``NOOP``)."""

    address: Address
    verb: Verb
    stage: Stage
    before: JsonObject | None = field(default=None, hash=False)
    after: JsonObject | None = field(default=None, hash=False)
    leaves: tuple[Leaf, ...] = ()
    cause: Cause = Cause.INTENT
    why: str = ""
    depends_on: tuple[Address, ...] = ()
    confidence: Confidence = Confidence.PREDICTED
    adjustments: tuple[Adjustment, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    replace_paths: tuple[Path, ...] = ()
    identity: str = ""
    notes: tuple[str, ...] = ()
    left: str = ""
    """Why something that should be done is left undone (exit 5): nobody may look, or it holds what others made."""
    waits: str = ""
    """What of others it waits for, when that is known not to be there: apply sends it once it is (exit 5 until then); "" = nothing."""
    unsettled: str = ""
    """Why what is there has not settled (a rollout that does not become available); "" = it has, or nobody could look."""
    owner: str = ""
    """The other environment that has made it; "" = none."""
    foreign: bool = False
    """It was there before giqplan, without a mark of ours: taken over at most, never ours to delete."""
    adopts: bool = False
    """What kubectl apply had set in it passes to us with this change."""
    desired: JsonObject | None = field(default=None, hash=False)
    """What is sent, where ``after`` is what the server would hold then; None when nothing is wanted of it."""
    once: JsonObject | None = field(default=None, hash=False)
    """``Resource.once``."""
    intents: tuple[str, ...] = ()
    """The intents that want it."""

    @property
    def acts(self) -> bool:
        return self.verb is not Verb.NOOP

    @property
    def nothing(self) -> bool:
        """It is not there, and this plan leaves it so."""
        return self.before is None and self.after is None

    @property
    def blocked_by(self) -> tuple[Conflict, ...]:
        """The conflicts that nothing allows to win."""
        return tuple(conflict for conflict in self.conflicts if conflict.taken is None)


@dataclass(frozen=True)
class Drift:
    """A resource whose live value differs from what the server held when our last apply had settled, on paths we own."""

    address: Address
    verb: Verb
    leaves: tuple[Leaf, ...] = ()
    before: JsonObject | None = field(default=None, hash=False)
    after: JsonObject | None = field(default=None, hash=False)


@dataclass(frozen=True)
class Deferred:
    """Something that this plan or apply leaves undone, and why (exit 5)."""

    address: Address
    reason: str


@dataclass(frozen=True)
class Pin:
    """What the plan read of one resource: its identity and a digest of the projection on the paths we own or want;
    ``absent`` when it was not there, ``unread`` when nobody could look."""

    address: Address
    identity: str
    projection: str


@dataclass(frozen=True)
class Part:
    """What a plan says of one intent. ``file``: its path below the folder that the plan is about; ``digest``: of its meaning;
    ``choices``: what is recorded of the choice once it is applied. A plan to destroy recommends nothing."""

    name: str
    file: str
    digest: str
    recommendation: Recommendation | None = None
    choices: Mapping[str, str] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What of the plan was asked for; globs over addresses (``narrow.py``)."""

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    force_conflicts: tuple[str, ...] = ()


LAYER_INPUT = "catalog."
"""Before the name of a catalog's layer in ``Plan.inputs``."""


@dataclass(frozen=True)
class Plan:
    """``changes`` stand in order of execution. ``inputs``: digests of the catalog, of each of its layers where there are several, and of
    what state was planned with."""

    world: str
    environment: str
    parts: tuple[Part, ...]
    project: str
    cluster: str
    changes: tuple[Change, ...]
    drift: tuple[Drift, ...] = ()
    checks: tuple[Check, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    pins: tuple[Pin, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()
    destroy: bool = False
    offline: bool = False
    options: Options = field(default_factory=Options)

    @property
    def intent_name(self) -> str:
        """The intent's name; the first of several, and how many more there are."""
        names = [part.name for part in self.parts]
        return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"

    @property
    def recommendation(self) -> Recommendation | None:
        """That of the one intent; None when there are several."""
        return self.parts[0].recommendation if len(self.parts) == 1 else None

    @property
    def cost(self) -> UsdPerHour | None:
        """Of all intents together; None when nothing is recommended."""
        found = [part.recommendation.cost.usd_per_hour for part in self.parts if part.recommendation is not None]
        if not found:
            return None
        return UsdPerHour(*(sum((getattr(each, name) for each in found), Decimal()) for name in ("min", "initial", "max")))

    @property
    def layers(self) -> Mapping[str, str]:
        """Name -> digest of the catalog's layers; none where there is only the shipped one."""
        return {name.removeprefix(LAYER_INPUT): of for name, of in self.inputs.items() if name.startswith(LAYER_INPUT)}

    @property
    def acting(self) -> tuple[Change, ...]:
        return tuple(c for c in self.changes if c.acts)

    @property
    def blocked(self) -> bool:
        return any(c.status is CheckStatus.FAIL for c in self.checks)

    @property
    def applyable(self) -> bool:
        return not self.blocked and not self.offline and bool(self.acting)

    @property
    def complete(self) -> bool:
        return not self.deferred

    def counts(self) -> Mapping[Verb, int]:
        """How many resources each verb acts on."""
        return {verb: sum(c.verb is verb for c in self.changes) for verb in Verb}

    def exit(self, detailed: bool) -> Exit:
        """The exit code of ``plan`` (design 4.4); ``detailed`` is ``--detailed-exitcode``."""
        if self.blocked:
            return Exit.BLOCKED
        if self.deferred:
            return Exit.INCOMPLETE
        return Exit.CHANGES if detailed and self.acting else Exit.DONE
