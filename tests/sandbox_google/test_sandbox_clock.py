"""The sandbox's clock: what is due happens in order, each at its own time, once, also after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store(tmp_path / "clock.db")
    yield one
    one.close()


def recorder(clock: Clock, seen: list[Any]) -> None:
    clock.on("note", lambda payload: seen.append((payload["name"], clock.now())))


def test_what_is_due_happens_in_order_and_at_its_own_time(store: Store) -> None:
    clock, seen = Clock(store, 0, start=1000), []
    recorder(clock, seen)
    for delay, name in ((30, "late"), (10, "early"), (10, "early too"), (99, "never")):
        clock.schedule(delay, "note", {"name": name})
    clock.advance(50)
    assert seen == [("early", 1010), ("early too", 1010), ("late", 1030)]
    assert clock.now() == 1050 and clock.timestamp() == "1970-01-01T00:17:30Z"


def test_an_event_may_make_another_that_is_due_as_well(store: Store) -> None:
    clock, seen = Clock(store, 0, start=0), []

    def again(payload: dict[str, Any]) -> None:
        seen.append(clock.now())
        clock.schedule(10, "again", {})

    clock.on("again", again)
    clock.schedule(10, "again", {})
    clock.advance(35)
    assert seen == [10, 20, 30]


def test_a_restart_continues_where_it_stopped(store: Store) -> None:
    clock = Clock(store, 0, start=1000)
    clock.schedule(60, "note", {"name": "x"})
    clock.advance(50)
    seen: list[Any] = []
    later = Clock(store, 0)
    recorder(later, seen)
    assert later.now() == 1050
    later.advance(20)
    assert seen == [("x", 1060)]


def test_a_running_clock_runs_at_its_speed(store: Store) -> None:
    clock = Clock(store, 1e6, start=0)
    assert 0 < clock.now() < clock.now()


def test_a_handler_that_fails_leaves_no_trace_and_does_not_stop_the_world(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    clock, seen = Clock(store, 0, start=0), []
    recorder(clock, seen)
    store.script("CREATE TABLE thing (name TEXT);")

    def broken(payload: dict[str, Any]) -> None:
        store.db.execute("INSERT INTO thing VALUES ('half done')")
        raise RuntimeError("broken handler")

    clock.on("broken", broken)
    clock.schedule(1, "broken", {})
    clock.schedule(2, "note", {"name": "after"})
    clock.advance(10)
    assert seen == [("after", 2)] and clock.failures == 1
    assert store.db.execute("SELECT COUNT(*) FROM thing").fetchone()[0] == 0
    assert "broken handler" in capsys.readouterr().err


def test_a_transaction_happens_whole_or_not_at_all(store: Store) -> None:
    store.script("CREATE TABLE thing (name TEXT);")
    with pytest.raises(RuntimeError), store.transaction() as db:
        db.execute("INSERT INTO thing VALUES ('a')")
        with store.transaction() as inner:
            inner.execute("INSERT INTO thing VALUES ('b')")
            store.script("CREATE TABLE IF NOT EXISTS other (name TEXT);")
        raise RuntimeError
    assert store.db.execute("SELECT COUNT(*) FROM thing").fetchone()[0] == 0
