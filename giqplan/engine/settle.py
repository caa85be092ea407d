"""Waiting: whether things have settled, asked in batches, with a bound for each kind and the reason of what still waits."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from giqplan.errors import ApplyError
from giqplan.kube.readiness import State
from giqplan.model.address import Address
from giqplan.model.calls import Read, Reading
from giqplan.model.resource import Live, Presence
from giqplan.model.values import JsonObject
from giqplan.model.world import Scope, World
from giqplan.resources import REGISTRY
from giqplan.resources.kubernetes import KubernetesObject

OPERATION_PATIENCE_S = 90.0 * 60
"""Terraform's google provider waits 90 minutes for cluster operations."""
_FIRST_S, _LONGEST_S, _GROWTH = 0.1, 5.0, 1.4
"""Pauses between looks grow from a tenth of a second (APIs that settle at once) to five seconds (a rollout of many minutes)."""


class ReadPort(Protocol):
    """What waiting needs of a world."""

    def read_many(self, reads: Sequence[Read]) -> Mapping[Read, Reading]: ...


class Reporter(Protocol):
    """Who is told how it goes. Every method may do nothing."""

    def began(self, address: Address, summary: str) -> None: ...
    def waits(self, address: Address, reason: str) -> None: ...
    def ended(self, address: Address, summary: str, seconds: float) -> None: ...
    def failed(self, address: Address, reason: str) -> None: ...


_LIST_FROM = 8
"""From so many on, one list costs less than as many reads."""


@dataclass(frozen=True)
class Waiting:
    """Something sent that has to settle: ``wanted`` is what was sent, ``gone`` whether it has to disappear."""

    address: Address
    wanted: JsonObject
    gone: bool = False


class Pace:
    """Sleeps between looks; ``stop`` ends a sleep at once."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop

    def now(self) -> float:
        return time.monotonic()

    def pauses_after_first(self) -> Iterator[float]:
        """``pauses``, but the first comes at once."""
        yield 0.0
        yield from self.pauses()

    def pauses(self) -> Iterator[float]:
        """Sleeps, each longer than the one before; yields how long each was. A stop ends the present one at once."""
        pause = _FIRST_S
        while True:
            self.stop.wait(pause)
            yield pause
            pause = min(pause * _GROWTH, _LONGEST_S)


def look(port: ReadPort, items: Sequence[Waiting], scope: Scope) -> dict[Address, Live]:
    """Every item as it is now, in one batch of parallel reads: many objects of one kind by a list, as a plan reads them. What the list
    does not show (it may have lost the label that we list by) is asked for by name."""
    count = Counter(item.address.type for item in items)
    many = [kind for name, kind in REGISTRY.kinds.items() if isinstance(kind, KubernetesObject) and count[name] >= _LIST_FROM]
    lists = {kind.type: kind.list_read(scope.cluster) for kind in many}
    alone = {i.address: REGISTRY.of(i.address).read_one(i.address, scope) for i in items if i.address.type not in lists}
    world = World("", scope, port.read_many(tuple(dict.fromkeys((*lists.values(), *alone.values())))))
    found = {address: world.reading(read) for address, read in alone.items()}
    for kind in many:
        listed = {i.address: world.listed(lists[kind.type], *kind.identity(i.address)) for i in items if i.address.type == kind.type}
        missing = {address: kind.read_one(address, scope) for address, reading in listed.items() if not reading.ok}
        answers = port.read_many(tuple(missing.values()))
        found |= listed | {address: answers[read] for address, read in missing.items()}
    return {item.address: REGISTRY.of(item.address).live_of(item.address, item.wanted, found[item.address]) for item in items}


def settle(
    port: ReadPort, items: Sequence[Waiting], scope: Scope, pace: Pace, reporter: Reporter, *, once: bool = False
) -> tuple[dict[Address, Live], dict[Address, str]]:
    """Wait until every item has settled or its patience is over; ``once``: only look.

    Returns what has settled (as it is then) and, for what has not, the reason it still waits. Raises ApplyError (GIQ1702) when an item
    has failed for good.
    """
    settled: dict[Address, Live] = {}
    reasons: dict[Address, str] = {}
    pending, start, pauses = list(items), pace.now(), pace.pauses()
    while pending:
        lives, still = look(port, pending, scope), []
        for item in pending:
            reason = _reason(item, lives[item.address])
            if reason is None:
                settled[item.address] = lives[item.address]
                reasons.pop(item.address, None)
                continue
            if reasons.get(item.address) != reason:
                reporter.waits(item.address, reason)
            reasons[item.address] = reason
            if pace.now() - start < REGISTRY.of(item.address).patience.timeout_s:
                still.append(item)
        pending = still
        if once or pace.stop.is_set():
            break
        if pending:
            next(pauses)
    return settled, reasons


def await_operation(port: ReadPort, operation: Read, pace: Pace, timeout_s: float = OPERATION_PATIENCE_S) -> None:
    """Wait for a long-running operation of Google's. Raises ApplyError (GIQ1702) with its error when it ends in one.

    Returns when it is done, when the caller may not see it, when its time is over or when the run is stopped: in all but the first case,
    whoever waits for the resource itself notices that it has not settled.

    GKE says ``status: DONE``, Service Usage ``done: true``; both put what went wrong under ``error``.
    """
    start = pace.now()
    for _ in pace.pauses():
        reading = port.read_many((operation,))[operation]
        body = reading.body if reading.ok else {}
        if body.get("error"):
            detail = body["error"].get("message") or body.get("statusMessage") or "no reason given"
            raise ApplyError("GIQ1702", f"{body.get('name', operation.path)}: {detail}", "mend what the reason names, then apply again")
        if not reading.ok or body.get("status") == "DONE" or body.get("done"):
            return
        if pace.stop.is_set() or pace.now() - start > timeout_s:
            return


def _reason(item: Waiting, live: Live) -> str | None:
    """Why an item has not settled; None when it has. Raises ApplyError when it never will."""
    if item.gone:
        return None if live.presence is Presence.ABSENT else "being deleted"
    if live.body is None:
        return live.why or "not there yet"
    progress = REGISTRY.of(item.address).progress(live.body, item.wanted, item.address)
    if progress.state is State.FAILED:
        raise ApplyError("GIQ1702", f"{item.address}: {progress.reason}", "mend what the reason names, then apply again")
    return None if progress.state is State.READY else progress.reason
