"""The write-ahead journal: one JSON line before and one after each action, each on disk before the next step.

A line that was torn by a crash can only be the last one, and only that one is overlooked; a broken line before the end is an error.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from giqplan.errors import Place
from giqplan.model.address import Address
from giqplan.state.model import ResourceState, State, broken
from giqplan.units import canonical_json


@dataclass(frozen=True)
class Pending:
    """An action that was begun and of which no end is known: it may or may not have happened."""

    id: int
    address: Address
    verb: str
    summary: str


class Journal:
    """Append-only. ``lineage`` and ``serial`` of the state it continues stand in every record."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: int | None = None
        self._next = 1
        self.basis = ("", 0)

    def begin(self, address: Address, verb: str, summary: str) -> int:
        """Note that an action is about to be sent; the id ends it."""
        with self._lock:
            number = self._next
            self._next += 1
            self._append({"id": number, "phase": "begin", "address": str(address), "verb": verb, "summary": summary})
        return number

    def done(self, record: int, resource: ResourceState | None) -> None:
        """Note that it happened; ``resource`` is what state holds from now on, None = nothing any more."""
        with self._lock:
            self._append({"id": record, "phase": "done", "resource": None if resource is None else resource.to_json()})

    def failed(self, record: int, error: str) -> None:
        """Note that it was refused: nothing happened, or nothing that counts as ours."""
        with self._lock:
            self._append({"id": record, "phase": "failed", "error": error})

    def _append(self, record: dict[str, Any]) -> None:
        if self._file is None:
            self._open()
        assert self._file is not None
        line = canonical_json({"lineage": self.basis[0], "serial": self.basis[1], **record}) + "\n"
        os.write(self._file, line.encode())
        os.fdatasync(self._file)

    def _open(self) -> None:
        """Continue after the last whole line: what a crash tore is cut off first."""
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        text = self.path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.ftruncate(self._file, whole)
        self._next = 1 + max((r["id"] for r in self.records()), default=0)

    def records(self) -> Iterator[dict[str, Any]]:
        """Every whole record. Raises StateError (GIQ1802) when one that is not the last is broken."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for number, line in enumerate(lines, start=1):
            if number == len(lines):
                return  # what stands after the last newline was torn by a crash, or is empty
            try:
                record = json.loads(line)
                if not isinstance(record["id"], int) or record["phase"] not in ("begin", "done", "failed"):
                    raise ValueError("not a journal record")
            except (ValueError, KeyError, TypeError) as error:
                raise broken(f"journal record {number} is broken: {error}", Place(str(self.path), number)) from None
            yield record

    def clear(self) -> None:
        """Forget what the state file now holds."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
            self.path.unlink(missing_ok=True)
            self._next = 1


def replay(state: State, journal: Journal) -> tuple[State, tuple[Pending, ...]]:
    """The state with the journal's ended actions in it, and the actions that have no end.

    Records of another serial are older than the state file: a crash between committing the state and clearing the journal left them.
    """
    resources, pending = dict(state.resources), dict[int, Pending]()
    for record in journal.records():
        if (record["lineage"], record["serial"]) != (state.lineage, state.serial):
            continue
        if record["phase"] == "begin":
            address = Address.parse(record["address"])
            pending[record["id"]] = Pending(record["id"], address, record["verb"], record["summary"])
            continue
        begun = pending.pop(record["id"], None)
        if record["phase"] == "done" and begun is not None:
            if record["resource"] is None:
                resources.pop(begun.address, None)
            else:
                resources[begun.address] = ResourceState.from_json(record["resource"])
    return replace(state, resources=resources), tuple(pending.values())
