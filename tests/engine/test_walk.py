"""The walk: order, failures, stopping, and that its own work grows linearly."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from giqplan.engine.walk import End, walk, with_dependents
from giqplan.errors import ApplyError
from giqplan.model.address import Address
from giqplan.model.plan import Change, Verb
from giqplan.model.resource import Stage


def change(name: str, *needs: str, verb: Verb = Verb.CREATE) -> Change:
    return Change(Address("thing", name), verb, Stage.WORKLOAD, depends_on=tuple(Address("thing", n) for n in needs))


def noting(done: list[str]) -> Callable[[Change], None]:
    lock = threading.Lock()

    def work(c: Change) -> None:
        with lock:
            done.append(c.address.name)

    return work


def test_what_is_depended_on_comes_first() -> None:
    done: list[str] = []
    walk([change("c", "b"), change("b", "a"), change("a")], noting(done), threading.Event())
    assert done == ["a", "b", "c"]


def test_removals_run_the_other_way_round() -> None:
    done: list[str] = []
    changes = [change("namespace", verb=Verb.DELETE), change("pod", "namespace", verb=Verb.DELETE)]
    walk(changes, noting(done), threading.Event())
    assert done == ["pod", "namespace"]


def test_independent_changes_run_side_by_side() -> None:
    together = threading.Barrier(3, timeout=5)
    walk([change("a"), change("b"), change("c")], lambda c: together.wait() and None, threading.Event())


def test_a_failure_skips_what_depends_on_it_and_nothing_else() -> None:
    done: list[str] = []

    def work(c: Change) -> None:
        if c.address.name == "bad":
            raise ApplyError("GIQ1702", "no")
        noting(done)(c)

    walked = walk([change("bad"), change("after", "bad"), change("later", "after"), change("other")], work, threading.Event())
    ends = {address.name: end for address, end in walked.ends.items()}
    assert ends == {"bad": End.FAILED, "after": End.SKIPPED, "later": End.SKIPPED, "other": End.DONE}
    assert [a.name for a in walked.errors] == ["bad"]
    assert done == ["other"]


def test_after_a_stop_nothing_begins() -> None:
    stop, done = threading.Event(), []

    def work(c: Change) -> None:
        done.append(c.address.name)
        stop.set()

    walked = walk([change("a"), change("b", "a")], work, stop)
    assert done == ["a"]
    assert walked.ends[Address("thing", "b")] is End.SKIPPED


def test_what_waits_for_something_left_undone_is_left_too() -> None:
    changes = [change("grant"), change("workload", "grant"), change("autoscaler", "workload"), change("other")]
    left = with_dependents({Address("thing", "grant")}, changes)
    assert {address.name for address in left} == {"grant", "workload", "autoscaler"}


def test_its_own_work_is_linear() -> None:
    """Counted in calls, those into C included, since a clock also measures what else the machine does."""

    def calls(count: int) -> int:
        changes = [change("root"), *(change(str(i), "root") for i in range(count))]
        counted = 0

        def note(frame: object, event: str, argument: object) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        sys.setprofile(note)  # of this thread, which is the one that decides what comes next
        try:
            walk(changes, lambda c: None, threading.Event())
        finally:
            sys.setprofile(None)
        return counted

    assert calls(4000) < 11 * calls(400)
