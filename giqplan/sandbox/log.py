"""Every request, when it came, when it was answered, and which chain of them a client had to wait for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from giqplan.sandbox.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS request (
  id INTEGER PRIMARY KEY AUTOINCREMENT, start REAL NOT NULL, end REAL NOT NULL, service TEXT NOT NULL, method TEXT NOT NULL,
  path TEXT NOT NULL, query TEXT NOT NULL, status INTEGER NOT NULL, caller TEXT NOT NULL, bytes INTEGER NOT NULL, run TEXT NOT NULL,
  stream INTEGER NOT NULL
);
"""
_COLUMNS = "start, end, service, method, path, query, status, caller, bytes, run, stream"
_VALUES = attrgetter(*_COLUMNS.split(", "))


@dataclass(frozen=True)
class Entry:
    """``start`` and ``end`` are real seconds since the epoch; ``bytes``: of the answer's body; ``run``: the client's own id of
    its run (header ``x-giqplan-run``); ``stream``: a watch, which nobody waits to end."""

    start: float
    end: float
    service: str
    method: str
    path: str
    query: str
    status: int
    caller: str = ""
    bytes: int = 0
    run: str = ""
    stream: bool = False

    @property
    def milliseconds(self) -> float:
        return (self.end - self.start) * 1000


class RequestLog:
    """Writing is buffered; ``flush`` and every reading put it into the file."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._buffer: list[Entry] = []
        self._guard = threading.Lock()
        store.script(_SCHEMA)

    def add(self, entry: Entry) -> None:
        """Note one answered request."""
        with self._guard:
            self._buffer.append(entry)

    def flush(self) -> None:
        """Write what is buffered."""
        with self._guard:
            waiting, self._buffer = self._buffer, []
        if waiting:
            marks = ", ".join("?" * 11)
            with self._store.transaction() as db:
                db.executemany(f"INSERT INTO request ({_COLUMNS}) VALUES ({marks})", map(_VALUES, waiting))  # noqa: S608

    def clear(self) -> None:
        """Forget all requests."""
        self.flush()
        with self._store.transaction() as db:
            db.execute("DELETE FROM request")

    def entries(self, run: str = "") -> list[Entry]:
        """All requests, oldest first; only those of one run when ``run`` is given."""
        self.flush()
        with self._store.lock:
            sql = f"SELECT {_COLUMNS} FROM request WHERE ? IN ('', run) ORDER BY start, id"  # noqa: S608
            rows = self._store.db.execute(sql, (run,)).fetchall()
        return [replace(Entry(*row), stream=bool(row["stream"])) for row in rows]


def critical_path(entries: Sequence[Entry]) -> list[Entry]:
    """The longest chain of dependent requests, by their number; of equally long ones the slowest.

    A request depends on every one that was answered before it was sent. Watches are left out: nobody waits for their end.
    """
    by_start = sorted((e for e in entries if not e.stream), key=lambda e: e.start)
    by_end = sorted(range(len(by_start)), key=lambda i: by_start[i].end)
    best: list[tuple[int, float, int]] = []  # per request: length and time of the longest chain that ends with it, and who precedes
    ended = 0
    top: tuple[int, float, int] = (0, 0.0, -1)
    for entry in by_start:
        while ended < len(by_end) and by_start[by_end[ended]].end <= entry.start:
            index = by_end[ended]
            top = max(top, (best[index][0], best[index][1], index))
            ended += 1
        best.append((top[0] + 1, top[1] + entry.milliseconds, top[2]))
    chain: list[Entry] = []
    at = max(range(len(best)), key=lambda i: best[i][:2], default=-1)
    while at >= 0:
        chain.append(by_start[at])
        at = best[at][2]
    return chain[::-1]
