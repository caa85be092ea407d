"""JSON documents by kind and key, in the one SQLite file: all that the Google half of the sandbox remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from giqplan.sandbox.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
  kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""


class Documents:
    """``kind`` is a short word (``cluster``), ``key`` the identity. Reading gives a fresh copy; ``put`` writes it back."""

    def __init__(self, store: Store) -> None:
        self.store = store
        store.script(_SCHEMA)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The document, None when there is none."""
        with self.store.lock:
            row = self.store.db.execute("SELECT body FROM document WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else json.loads(row["body"])

    def put(self, kind: str, key: str, body: dict[str, Any]) -> None:
        """Write the whole document."""
        with self.store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", (kind, key, json.dumps(body)))

    def delete(self, kind: str, key: str) -> bool:
        """Whether there was one to delete."""
        with self.store.transaction() as db:
            return db.execute("DELETE FROM document WHERE kind = ? AND key = ?", (kind, key)).rowcount > 0

    def under(self, kind: str, prefix: str = "", after: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """Documents whose key starts with ``prefix``, after the key ``after``, in order of key (code points)."""
        with self.store.lock:
            sql = "SELECT key, body FROM document WHERE kind = ? AND key >= ? AND key > ? AND substr(key, 1, ?) = ? ORDER BY key"
            rows = self.store.db.execute(sql, (kind, prefix, after, len(prefix), prefix)).fetchall()
        for row in rows:
            yield row["key"], json.loads(row["body"])
