"""What an earlier run had begun and noted no end of: it is looked for in the world, and is neither drift nor somebody else's work."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from giqplan.engine.drift import Recorded
from giqplan.engine.marked import begun_members
from giqplan.model.address import Address
from giqplan.model.plan import Drift
from giqplan.model.resource import Presence
from giqplan.model.world import World
from giqplan.resources import REGISTRY
from giqplan.resources.iam import BUCKET_MEMBER
from giqplan.state import Pending


def begun_buckets(begun: Iterable[Address]) -> set[str]:
    """The buckets whose policies have to be read to see what was begun."""
    return {address.name.partition("/")[0] for address in begun if address.type == BUCKET_MEMBER}


def members_left(begun: Iterable[Address], known: Collection[Address], world: World) -> Mapping[Address, Recorded]:
    """IAM members that a killed run may have added and that are not ``known``: they carry no mark by which they could be found later."""
    found = begun_members(begun, world).items()
    there = ((a, r) for a, r in found if REGISTRY.of(a).live(a, r.applied, world).presence is not Presence.ABSENT)
    return {address: entry for address, entry in there if address not in known}


def without_own_work(drift: Iterable[Drift], left_open: Sequence[Pending]) -> tuple[Drift, ...]:
    """The drift that others have made: what an interrupted run of ours has changed is seen as changes, not as drift."""
    ours = {pending.address for pending in left_open}
    return tuple(entry for entry in drift if entry.address not in ours)


def told(left_open: Sequence[Pending]) -> tuple[str, ...]:
    """What a reader of the plan should know of it."""
    if not left_open:
        return ()
    names = sorted({f"{pending.verb} {pending.address}" for pending in left_open})
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return (f"an earlier run ended before it knew what became of this; apply looks, and goes on from what is there: {shown}",)
