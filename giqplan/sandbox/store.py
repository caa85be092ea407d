"""The one SQLite file. Writers take the lock; a unit of work is one transaction, so that a killed sandbox loses nothing half-done."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Store:
    """One connection, guarded by one re-entrant lock: SQLite allows one writer anyway, and reads take well under a millisecond."""

    def __init__(self, path: Path | str) -> None:
        self.lock = threading.RLock()
        self.db = sqlite3.connect(str(path), check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=OFF")  # a killed process loses nothing; a world of play need not outlive a power cut
        self._depth = 0

    def script(self, sql: str) -> None:
        """Create tables (``IF NOT EXISTS``). Statement by statement: ``executescript`` would commit a transaction that is open."""
        with self.lock:
            statement = ""
            for line in sql.splitlines():
                statement += f"{line}\n"
                if sqlite3.complete_statement(statement):
                    self.db.execute(statement)
                    statement = ""

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside happens, or nothing does. Nests: only the outermost commits."""
        with self.lock:
            outermost = self._depth == 0
            if outermost:
                self.db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self.db
            except BaseException:
                self._depth -= 1
                if outermost:
                    self.db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if outermost:
                self.db.execute("COMMIT")

    def close(self) -> None:
        with self.lock:
            self.db.close()
