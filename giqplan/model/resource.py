"""Resources as declarations: what is wanted, where it stands in the order, and what it depends on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from giqplan.model.address import Address
from giqplan.model.calls import Read
from giqplan.model.values import JsonObject, Path


class Stage(IntEnum):
    """Where a resource stands in the order of execution; also the headings of the text plan."""

    APIS = 1
    CLUSTER = 2
    OBSERVABILITY = 3
    IAM = 4
    NAMESPACE = 5
    ADAPTER = 6
    WORKLOAD = 7
    NETWORK = 8
    AUTOSCALING = 9
    MONITORING = 10

    @property
    def title(self) -> str:
        return _TITLES[self]


_TITLES = {
    Stage.APIS: "Google Cloud APIs",
    Stage.CLUSTER: "cluster",
    Stage.OBSERVABILITY: "observability",
    Stage.IAM: "access",
    Stage.NAMESPACE: "namespace and identity",
    Stage.ADAPTER: "metrics adapter",
    Stage.WORKLOAD: "workload",
    Stage.NETWORK: "service",
    Stage.AUTOSCALING: "autoscaling",
    Stage.MONITORING: "monitoring",
}


@dataclass(frozen=True)
class Precondition:
    """Something that is not ours and has to be there before a resource is sent, or the resource would hang.

    ``read`` shows it: it is met when that answers and holds something at ``path``. ``within``: what has to be there for it to be
    anywhere (a namespace). ``what`` names it for people, ``remedy`` says how it comes to be.
    """

    read: Read
    path: Path
    within: Address
    what: str
    remedy: str


@dataclass(frozen=True)
class Resource:
    """One managed thing as the intent wants it. ``desired`` may hold ``UNKNOWN`` leaves; ``why`` is one clause for people."""

    address: Address
    stage: Stage
    desired: JsonObject = field(hash=False)
    depends_on: tuple[Address, ...] = ()
    why: str = ""
    once: JsonObject | None = field(default=None, hash=False)
    """Sent one time, right after creation, under a field manager of its own (a Deployment's first replica count: afterwards the HPA
    owns it)."""
    waits_for: tuple[Precondition, ...] = ()
    intents: tuple[str, ...] = ()
    """The names of the intents that want it, sorted."""


class Presence(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """It could not be read: no cluster yet, no permission, offline."""


@dataclass(frozen=True)
class Live:
    """One managed thing as the world holds it. ``body``: its full JSON as read; ``identity``: uid or the like;
    ``ours``: it carries our marks; ``why``: why it could not be read; ``denied``: because
    the caller may not."""

    presence: Presence
    body: JsonObject | None = field(default=None, hash=False)
    identity: str = ""
    ours: bool = False
    why: str = ""
    denied: bool = False
