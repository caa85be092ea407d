"""The sandbox's own time, and what is due at a time. Tests move it; a restart continues where it stopped."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from giqplan.sandbox.store import Store

Handler = Callable[[dict[str, Any]], None]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), now REAL NOT NULL, speed REAL NOT NULL);
CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY AUTOINCREMENT, due REAL NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_due ON event (due, id);
"""


class Clock:
    """Simulated seconds since the epoch. ``speed`` simulated seconds pass per real second; 0 = only ``advance`` moves it.

    Handlers run inside a transaction, in order of due time; while one runs, ``now`` is exactly its due time. ``settle`` is called
    before every request is answered and by ``advance``, so nobody ever sees a world in which something overdue has not happened.
    A handler that fails leaves no trace in the world: its event is dropped, told on stderr and counted in ``failures``.
    """

    def __init__(self, store: Store, speed: float = 60.0, start: float | None = None) -> None:
        self._store = store
        self._handlers: dict[str, Handler] = {}
        store.script(_SCHEMA)
        with store.transaction() as db:
            db.execute("INSERT OR IGNORE INTO clock VALUES (1, ?, ?)", (time.time() if start is None else start, speed))
            row = db.execute("SELECT now FROM clock").fetchone()
            db.execute("UPDATE clock SET speed = ?", (speed,))
        self.speed = speed
        self.failures = 0
        self._base = float(row["now"])
        self._real = time.monotonic()
        self._pinned: float | None = None
        self._next_due: float | None = None
        self._load_next()

    def now(self) -> float:
        """Simulated seconds since the epoch."""
        if self._pinned is not None:
            return self._pinned
        return self._base + (time.monotonic() - self._real) * self.speed

    def timestamp(self, fraction: bool = False) -> str:
        """RFC 3339, UTC: ``2026-11-24T01:02:03Z``, as Kubernetes and Google write it."""
        moment = datetime.fromtimestamp(self.now(), UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if fraction else "%Y-%m-%dT%H:%M:%SZ")

    def on(self, kind: str, handler: Handler) -> None:
        """``handler(payload)`` runs for events of this kind."""
        self._handlers[kind] = handler

    def schedule(self, delay_s: float, kind: str, payload: dict[str, Any]) -> None:
        """An event ``delay_s`` simulated seconds from now. It survives a restart."""
        due = self.now() + delay_s
        with self._store.transaction() as db:
            db.execute("INSERT INTO event (due, kind, payload) VALUES (?, ?, ?)", (due, kind, json.dumps(payload)))
        if self._next_due is None or due < self._next_due:
            self._next_due = due

    def settle(self) -> None:
        """Run everything that is due by now."""
        if self._pinned is not None:
            return
        with self._store.lock:
            limit = self.now()
            while self._next_due is not None and self._next_due <= limit:
                self._run_one(limit)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass at once, running what falls due on the way, each at its own time."""
        with self._store.lock:
            self.settle()
            self._base += seconds
            self.settle()
            self.persist()

    def persist(self) -> None:
        """Remember the time, so that a restart continues from here."""
        with self._store.transaction() as db:
            db.execute("UPDATE clock SET now = ?", (self.now(),))

    def _run_one(self, limit: float) -> None:
        row = self._store.db.execute("SELECT * FROM event WHERE due <= ? ORDER BY due, id LIMIT 1", (limit,)).fetchone()
        if row is not None:
            self._pinned = float(row["due"])
            try:
                with self._store.transaction() as db:
                    db.execute("DELETE FROM event WHERE id = ?", (row["id"],))
                    self._handlers[row["kind"]](json.loads(row["payload"]))
            except Exception:  # one broken event must not stop the whole world
                traceback.print_exc(file=sys.stderr)
                self.failures += 1
                with self._store.transaction() as db:
                    db.execute("DELETE FROM event WHERE id = ?", (row["id"],))
            finally:
                self._pinned = None
        self._load_next()

    def _load_next(self) -> None:
        row = self._store.db.execute("SELECT MIN(due) AS due FROM event").fetchone()
        self._next_due = row["due"]
