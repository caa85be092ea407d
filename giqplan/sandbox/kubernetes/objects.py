"""Where objects live: rows by cluster, group, resource, namespace and name; their labels and owners; and the history that watches read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from giqplan.sandbox.kubernetes.resources import Resource
from giqplan.sandbox.kubernetes.selectors import Requirement
from giqplan.sandbox.store import Store

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kube_counter (cluster TEXT PRIMARY KEY, rv INTEGER NOT NULL, oldest INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kube_object (
  cluster TEXT NOT NULL, grp TEXT NOT NULL, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  uid TEXT NOT NULL, rv INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (cluster, grp, resource, namespace, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kube_object_uid ON kube_object (cluster, uid);
CREATE TABLE IF NOT EXISTS kube_label (
  cluster TEXT NOT NULL, grp TEXT NOT NULL, resource TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
  namespace TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (cluster, grp, resource, key, value, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kube_owner (
  cluster TEXT NOT NULL, owner TEXT NOT NULL, grp TEXT NOT NULL, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (cluster, owner, grp, resource, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kube_change (
  cluster TEXT NOT NULL, rv INTEGER NOT NULL, type TEXT NOT NULL, grp TEXT NOT NULL, resource TEXT NOT NULL,
  namespace TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, before TEXT,
  PRIMARY KEY (cluster, rv)
) WITHOUT ROWID;
"""
_TABLES = ("kube_counter", "kube_object", "kube_label", "kube_owner", "kube_change")
_FIRST_RV = 1000  # as on a cluster that has lived a little, so that "1" is a version of long ago
_HISTORY = 20_000  # changes kept for watches; older resourceVersions answer 410
_TRIM_EVERY = 1_000
_PARSED = 20_000  # objects kept parsed for controllers


def dump(obj: Mapping[str, Any]) -> str:
    """An object as stored: kind and apiVersion first, so that lists can drop them without parsing (``item_text``)."""
    ordered = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], **obj}
    return json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)


def item_text(text: str, resource: Resource) -> str:
    """The stored text as an item of a list: items of built-in lists carry neither kind nor apiVersion."""
    if resource.custom:
        return text
    prefix = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'
    return "{" + text[len(prefix) :] if text.startswith(prefix) else text


class Change:
    """One entry of the history. ``before`` is the text before an update that changed labels or a selectable field."""

    __slots__ = ("before", "body", "name", "namespace", "rv", "type")

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.rv: int = row["rv"]
        self.type: str = row["type"]
        self.namespace: str = row["namespace"]
        self.name: str = row["name"]
        self.body: str = row["body"]
        self.before: str | None = row["before"]


class Objects:
    """The objects of one cluster. Callers hold ``store.lock`` or a transaction around what belongs together."""

    def __init__(self, store: Store, cluster: str) -> None:
        self.store = store
        self.cluster = cluster
        self.changed = threading.Condition()
        self._parsed: dict[tuple[str, str, str, str], tuple[str, Json]] = {}
        store.script(_SCHEMA)
        with store.transaction() as db:
            db.execute("INSERT OR IGNORE INTO kube_counter VALUES (?, ?, ?)", (cluster, _FIRST_RV, _FIRST_RV))
        self.last_rv: int = self._counter("rv")

    def _counter(self, column: str) -> int:
        row = self.store.db.execute("SELECT * FROM kube_counter WHERE cluster = ?", (self.cluster,)).fetchone()
        return int(row[column])

    @property
    def oldest_rv(self) -> int:
        """A watch can begin at this resourceVersion or a later one."""
        return self._counter("oldest")

    def text(self, resource: Resource, namespace: str, name: str) -> str | None:
        """The stored text of an object, None when there is none."""
        sql = "SELECT body FROM kube_object WHERE cluster = ? AND grp = ? AND resource = ? AND namespace = ? AND name = ?"
        with self.store.lock:
            row = self.store.db.execute(sql, (self.cluster, resource.group, resource.plural, namespace, name)).fetchone()
        return None if row is None else str(row["body"])

    def get(self, resource: Resource, namespace: str, name: str) -> Json | None:
        """A fresh copy of an object, None when there is none."""
        text = self.text(resource, namespace, name)
        return None if text is None else json.loads(text)

    def texts(
        self,
        resource: Resource,
        namespace: str = "",
        requirements: tuple[Requirement, ...] = (),
        name: str = "",
        after: tuple[str, str] | None = None,
    ) -> Iterator[tuple[str, str, str]]:
        """(namespace, name, text) in the order of the server's keys. Namespace "" means all; equality terms use the label index."""
        where = ["o.cluster = ?", "o.grp = ?", "o.resource = ?"]
        values: list[Any] = [self.cluster, resource.group, resource.plural]
        source = "kube_object o"
        term = next((r for r in requirements if r.operator == "=" and len(r.values) == 1 and "" not in r.values), None)
        if term is not None:
            source = "kube_label l CROSS JOIN kube_object o USING (cluster, grp, resource, namespace, name)"
            where = ["l.cluster = ?", "l.grp = ?", "l.resource = ?", "l.key = ?", "l.value = ?"]
            values += [term.key, next(iter(term.values))]
        alias = "o" if term is None else "l"
        for column, value in (("namespace", namespace), ("name", name)):
            if value:
                where.append(f"{alias}.{column} = ?")
                values.append(value)
        if after is not None:
            where.append(f"({alias}.namespace, {alias}.name) > (?, ?)")
            values += after
        condition = " AND ".join(where)
        sql = f"SELECT o.namespace, o.name, o.body FROM {source} WHERE {condition} ORDER BY o.namespace, o.name"  # noqa: S608 (no input in the text)
        with self.store.lock:
            rows = self.store.db.execute(sql, values).fetchall()
        for row in rows:
            yield row["namespace"], row["name"], row["body"]

    def all(self, resource: Resource, namespace: str = "", requirements: tuple[Requirement, ...] = ()) -> Iterator[Json]:
        """Objects of a resource. Requirements that the index does not answer are the caller's to check."""
        for _, _, text in self.texts(resource, namespace, requirements):
            yield json.loads(text)

    def peek(self, resource: Resource, namespace: str = "", requirements: tuple[Requirement, ...] = ()) -> Iterator[Json]:
        """As ``all``, but the objects are shared and must not be changed: an object that did not change is parsed once only."""
        for place, name, text in self.texts(resource, namespace, requirements):
            key = (resource.group, resource.plural, place, name)
            known = self._parsed.get(key)
            if known is None or known[0] != text:
                if len(self._parsed) > _PARSED:
                    self._parsed.clear()
                known = self._parsed[key] = (text, json.loads(text))
            yield known[1]

    def owned(self, uid: str) -> list[tuple[str, str, str, str]]:
        """(group, plural, namespace, name) of the objects whose ownerReferences name ``uid``."""
        sql = "SELECT grp, resource, namespace, name FROM kube_owner WHERE cluster = ? AND owner = ?"
        with self.store.lock:
            return [tuple(row) for row in self.store.db.execute(sql, (self.cluster, uid))]

    def exists_uid(self, uid: str) -> bool:
        """Whether an object with this uid lives."""
        with self.store.lock:
            return (
                self.store.db.execute("SELECT 1 FROM kube_object WHERE cluster = ? AND uid = ?", (self.cluster, uid)).fetchone() is not None
            )

    def in_namespace(self, namespace: str) -> list[tuple[str, str, str]]:
        """(group, plural, name) of everything in a namespace."""
        sql = "SELECT grp, resource, name FROM kube_object WHERE cluster = ? AND namespace = ?"
        with self.store.lock:
            return [tuple(row) for row in self.store.db.execute(sql, (self.cluster, namespace))]

    def put(self, resource: Resource, obj: Json, before: Json | None) -> Json:
        """Write an object under the next resourceVersion (set in ``obj``) and tell the watches. ``before`` None: it is new."""
        meta = obj["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        with self.store.transaction() as db:
            rv = self._next(db)
            meta["resourceVersion"] = str(rv)
            body = dump(obj)
            key = (self.cluster, resource.group, resource.plural, namespace, name)
            db.execute("INSERT OR REPLACE INTO kube_object VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*key, meta["uid"], rv, body))
            self._index(db, resource, namespace, name, before, obj)
            old = dump(before) if before is not None and _selectable(before) != _selectable(obj) else None
            self._record(db, rv, "ADDED" if before is None else "MODIFIED", key, body, old)
        self._wake()
        return obj

    def remove(self, resource: Resource, obj: Json) -> Json:
        """Take an object away; its last state gets the resourceVersion of the deletion."""
        meta = obj["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        with self.store.transaction() as db:
            rv = self._next(db)
            final = {**obj, "metadata": {**meta, "resourceVersion": str(rv)}}
            key = (self.cluster, resource.group, resource.plural, namespace, name)
            db.execute("DELETE FROM kube_object WHERE cluster = ? AND grp = ? AND resource = ? AND namespace = ? AND name = ?", key)
            self._index(db, resource, namespace, name, obj, None)
            self._record(db, rv, "DELETED", key, dump(final), None)
        self._wake()
        return final

    def changes(self, resource: Resource, namespace: str, after_rv: int) -> list[Change]:
        """The history of a resource after a resourceVersion."""
        sql = "SELECT * FROM kube_change WHERE cluster = ? AND rv > ? AND grp = ? AND resource = ?"
        values: list[Any] = [self.cluster, after_rv, resource.group, resource.plural]
        if namespace:
            sql += " AND namespace = ?"
            values.append(namespace)
        with self.store.lock:
            return [Change(row) for row in self.store.db.execute(sql + " ORDER BY rv", values)]

    def drop(self) -> None:
        """The cluster is gone: so is every row of it."""
        with self.store.transaction() as db:
            for table in _TABLES:
                db.execute(f"DELETE FROM {table} WHERE cluster = ?", (self.cluster,))  # noqa: S608 (names of our own tables)
        self._wake()

    def _wake(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def _next(self, db: Any) -> int:
        self.last_rv += 1
        db.execute("UPDATE kube_counter SET rv = ? WHERE cluster = ?", (self.last_rv, self.cluster))
        return self.last_rv

    def _index(self, db: Any, resource: Resource, namespace: str, name: str, before: Json | None, after: Json | None) -> None:
        old, new = _labels(before), _labels(after)
        where = (self.cluster, resource.group, resource.plural)
        for key, value in old - new:
            sql = "DELETE FROM kube_label WHERE cluster = ? AND grp = ? AND resource = ? AND key = ? AND value = ?"
            db.execute(sql + " AND namespace = ? AND name = ?", (*where, key, value, namespace, name))
        rows = [(*where, key, value, namespace, name) for key, value in new - old]
        db.executemany("INSERT OR REPLACE INTO kube_label VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        old_owners, new_owners = _owners(before), _owners(after)
        for uid in old_owners - new_owners:
            sql = "DELETE FROM kube_owner WHERE cluster = ? AND owner = ? AND grp = ? AND resource = ? AND namespace = ? AND name = ?"
            db.execute(sql, (self.cluster, uid, resource.group, resource.plural, namespace, name))
        owners = [(self.cluster, uid, resource.group, resource.plural, namespace, name) for uid in new_owners - old_owners]
        db.executemany("INSERT OR REPLACE INTO kube_owner VALUES (?, ?, ?, ?, ?, ?)", owners)

    def _record(self, db: Any, rv: int, kind: str, key: tuple[str, str, str, str, str], body: str, before: str | None) -> None:
        row = (key[0], rv, kind, *key[1:], body, before)
        db.execute("INSERT INTO kube_change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if rv % _TRIM_EVERY == 0 and rv - _HISTORY > _FIRST_RV:
            db.execute("DELETE FROM kube_change WHERE cluster = ? AND rv <= ?", (self.cluster, rv - _HISTORY))
            db.execute("UPDATE kube_counter SET oldest = ? WHERE cluster = ?", (rv - _HISTORY, self.cluster))


def _labels(obj: Json | None) -> set[tuple[str, str]]:
    return set(((obj or {}).get("metadata", {}).get("labels") or {}).items())


def _owners(obj: Json | None) -> set[str]:
    return {o["uid"] for o in (obj or {}).get("metadata", {}).get("ownerReferences") or ()}


def _selectable(obj: Json) -> tuple[Any, ...]:
    """What may decide whether a watch with a selector sees the object."""
    status, spec = obj.get("status"), obj.get("spec")
    phase = status.get("phase") if isinstance(status, dict) else None
    node = spec.get("nodeName") if isinstance(spec, dict) else None
    return obj["metadata"].get("labels") or {}, phase, node
