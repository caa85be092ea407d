"""The walk: changes carried out as soon as what they depend on is done, several at a time.

Knows nothing of clouds or state: ``work`` carries out one change and returns when its dependents may start. Linear in the number of
changes: each is looked at when one of its dependencies ends, never by scanning the rest.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from queue import SimpleQueue

from giqplan.errors import GiqplanError
from giqplan.model.address import Address
from giqplan.model.plan import Change, Verb

PARALLEL = 10
"""Changes under way at once; Terraform's default."""


class End(StrEnum):
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Something it depends on failed, or the run was stopped before it began."""


@dataclass
class Walked:
    """How each change ended, and the error of those that failed."""

    ends: dict[Address, End] = field(default_factory=dict)
    errors: dict[Address, GiqplanError] = field(default_factory=dict)


def needs_of(changes: Sequence[Change]) -> Mapping[Address, frozenset[Address]]:
    """What each change waits for: creations and updates wait for what they depend on, removals for what depends on them."""
    listed = {change.address for change in changes}
    removed = {change.address for change in changes if change.verb in (Verb.DELETE, Verb.FORGET)}
    needs: dict[Address, set[Address]] = {address: set() for address in listed}
    for change in changes:
        for other in change.depends_on:
            if other not in listed:
                continue
            if change.address in removed:
                if other in removed:
                    needs[other].add(change.address)
            else:
                needs[change.address].add(other)
    return {address: frozenset(others) for address, others in needs.items()}


def with_dependents(left: set[Address], changes: Sequence[Change]) -> set[Address]:
    """What is left undone, and everything that waits for it: a workload is not sent before the right that it needs."""
    needs, found = needs_of(changes), set(left)
    while True:
        more = {address for address, others in needs.items() if address not in found and others & found}
        if not more:
            return found
        found |= more


def walk(changes: Sequence[Change], work: Callable[[Change], None], stop: threading.Event) -> Walked:
    """Carry out all changes. After a failure, what does not depend on it still runs; after ``stop`` nothing new begins."""
    walked, needs = Walked(), needs_of(changes)
    waiting = {address: set(others) for address, others in needs.items()}
    dependents: dict[Address, list[Address]] = defaultdict(list)
    for address, others in needs.items():
        for other in others:
            dependents[other].append(address)
    by_address = {change.address: change for change in changes}
    ready = [change.address for change in changes if not waiting[change.address]]
    running: dict[Future[None], Address] = {}
    finished: SimpleQueue[Future[None]] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        while ready or running:
            for address in ready:
                if stop.is_set():
                    _skip(address, dependents, walked)
                else:
                    future = pool.submit(work, by_address[address])
                    running[future] = address
                    future.add_done_callback(finished.put)
            ready = []
            if running:
                future = finished.get()
                ready = _end(running.pop(future), future, waiting, dependents, walked)
    return walked


def _end(
    address: Address,
    future: Future[None],
    waiting: dict[Address, set[Address]],
    dependents: Mapping[Address, list[Address]],
    walked: Walked,
) -> list[Address]:
    """Note how a change ended; the changes that may begin now."""
    error = future.exception()
    if error is not None:
        if not isinstance(error, GiqplanError):
            raise error
        walked.ends[address], walked.errors[address] = End.FAILED, error
        for other in dependents[address]:
            _skip(other, dependents, walked)
        return []
    walked.ends[address] = End.DONE
    ready = []
    for other in dependents[address]:
        waiting[other].discard(address)
        if not waiting[other] and other not in walked.ends:
            ready.append(other)
    return ready


def _skip(address: Address, dependents: Mapping[Address, list[Address]], walked: Walked) -> None:
    todo = [address]
    while todo:
        current = todo.pop()
        if current not in walked.ends:
            walked.ends[current] = End.SKIPPED
            todo += dependents[current]
