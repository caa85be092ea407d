"""Waiting: its own arithmetic, with answers given one after the other and a clock that is moved by hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from engine_house import Notes

from giqplan.engine.settle import Pace, Waiting, await_operation, settle
from giqplan.errors import ApplyError
from giqplan.model.address import Address
from giqplan.model.calls import ClusterRef, Outcome, Read, Reading
from giqplan.model.world import Scope
from giqplan.resources import REGISTRY

SCOPE = Scope("p", ClusterRef("p", "r", "c"))
CLUSTER = Address("google_container_cluster", "r/c")
OPERATION = Read("container", "/v1/operations/o1")


class Answers:
    """A world that gives its answers in order, the last one for ever."""

    def __init__(self, *answers: Reading) -> None:
        self.answers, self.asked = list(answers), 0

    def read_many(self, reads: Sequence[Read]) -> Mapping[Read, Reading]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return dict.fromkeys(reads, answer)


class Hand(Pace):
    """Time passes by the pauses alone."""

    def __init__(self, seconds_a_pause: float = 60, stop_after: int | None = None) -> None:
        super().__init__(threading.Event())
        self._now, self._step, self._stop_after = 0.0, seconds_a_pause, stop_after

    def now(self) -> float:
        return self._now

    def pauses(self) -> Iterator[float]:
        count = 0
        while True:
            count += 1
            self._now += self._step
            if count == self._stop_after:
                self.stop.set()
            yield self._step


def ok(**body: Any) -> Reading:
    return Reading(Outcome.OK, body)


ABSENT = Reading(Outcome.ABSENT)


def test_it_waits_until_it_is_ready_and_tells_each_reason_once() -> None:
    notes = Notes()
    answers = Answers(ABSENT, ok(status="PROVISIONING"), ok(status="PROVISIONING"), ok(status="RUNNING", id="7"))
    settled, reasons = settle(answers, [Waiting(CLUSTER, {})], SCOPE, Hand(), notes)
    assert (settled[CLUSTER].identity, reasons) == ("7", {})
    assert notes.lines == [("waits", f"{CLUSTER}: not there yet"), ("waits", f"{CLUSTER}: cluster is provisioning")]


def test_patience_ends_with_the_reason_of_what_still_waits() -> None:
    limit = REGISTRY.of(CLUSTER).patience.timeout_s
    settled, reasons = settle(Answers(ok(status="PROVISIONING")), [Waiting(CLUSTER, {})], SCOPE, Hand(limit / 3), Notes())
    assert (settled, reasons) == ({}, {CLUSTER: "cluster is provisioning"})


def test_a_stop_ends_the_waiting() -> None:
    answers = Answers(ok(status="PROVISIONING"))
    settled, reasons = settle(answers, [Waiting(CLUSTER, {})], SCOPE, Hand(1, stop_after=2), Notes())
    assert (settled, reasons, answers.asked) == ({}, {CLUSTER: "cluster is provisioning"}, 3)


def test_what_failed_for_good_is_raised_with_the_servers_words() -> None:
    with pytest.raises(ApplyError) as caught:
        settle(Answers(ok(status="ERROR", statusMessage="no IPs")), [Waiting(CLUSTER, {})], SCOPE, Hand(), Notes())
    assert (caught.value.code, caught.value.detail) == ("GIQ1702", f"{CLUSTER}: cluster is ERROR: no IPs")


def test_what_is_deleted_settles_by_being_gone() -> None:
    settled, _ = settle(Answers(ok(status="STOPPING"), ABSENT), [Waiting(CLUSTER, {}, gone=True)], SCOPE, Hand(), Notes())
    assert CLUSTER in settled


@pytest.mark.parametrize("done", [{"status": "DONE"}, {"done": True}])
def test_an_operation_is_done_in_either_spelling(done: dict[str, Any]) -> None:
    answers = Answers(ok(status="RUNNING"), ok(**done))
    await_operation(answers, OPERATION, Hand())
    assert answers.asked == 2


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"name": "o1", "error": {"message": "quota"}, "status": "DONE"}, "o1: quota"),
        ({"error": {"code": 8}, "statusMessage": "stocked out", "done": True}, "/v1/operations/o1: stocked out"),
        ({"error": {"code": 8}}, "/v1/operations/o1: no reason given"),
    ],
)
def test_an_operation_that_ends_in_an_error_says_why(body: dict[str, Any], detail: str) -> None:
    with pytest.raises(ApplyError) as caught:
        await_operation(Answers(ok(**body)), OPERATION, Hand())
    assert (caught.value.code, caught.value.detail) == ("GIQ1702", detail)


def test_a_stop_leaves_an_operation_to_itself() -> None:
    answers = Answers(ok(status="RUNNING"))
    await_operation(answers, OPERATION, Hand(1, stop_after=3))
    assert answers.asked == 3


def test_a_pause_grows_and_ends_at_once_when_stopped() -> None:
    stop = threading.Event()
    stop.set()
    pauses = Pace(stop).pauses()
    first, second, *more = [next(pauses) for _ in range(20)]
    assert first < second
    assert more[-1] == more[-2] == 5.0
