"""The write-ahead journal: one JSON line before and one after each action, each on disk before the next step.

A line that was torn by a crash can only be the last one, and only that one is overlooked; a broken line before the end is an error.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from giqplan.errors import Place, StateError
from giqplan.model.address import Address
from giqplan.state.model import IntentRecord, ResourceState, State, broken
from giqplan.units import canonical_json


@dataclass(frozen=True)
class Pending:
    """An action that was begun and of which no end is known: it may or may not have happened."""

    id: int
    address: Address
    verb: str
    summary: str


@dataclass(eq=False)
class _Written:
    """A record that is in the file, and whether it is on disk: an error means that it never will be."""

    on_disk: bool = False
    error: OSError | None = None


class Journal:
    """Append-only. ``lineage`` and ``serial`` of the state it continues stand in every record.

    Actions run side by side, each waits until its own record is on disk, and what several have written by then goes there at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Condition(threading.Lock())
        self._file: int | None = None
        self._size = self._size_on_disk = 0
        self._waiting: list[_Written] = []
        self._syncing = False
        self._next = 1
        self._open_records: set[int] = set()
        self.basis = ("", 0)

    @property
    def written(self) -> bool:
        """Whether it holds anything that the state file may not hold yet."""
        return self.path.exists()

    @property
    def open(self) -> bool:
        """Whether an action of this run has begun and no end of it is noted: nobody knows whether it happened."""
        return bool(self._open_records)

    def begin(self, address: Address, verb: str, summary: str) -> int:
        """Note that an action is about to be sent; the id ends it."""
        with self._lock:
            if self._file is None:
                self._open()  # first of all: it says which numbers are taken
            number = self._next
            self._next += 1
            self._append({"id": number, "phase": "begin", "address": str(address), "verb": verb, "summary": summary})
            self._open_records.add(number)
        return number

    def done(self, record: int, resource: ResourceState | None) -> None:
        """Note that it happened; ``resource`` is what state holds from now on, None = nothing any more."""
        with self._lock:
            self._append({"id": record, "phase": "done", "resource": None if resource is None else resource.to_json()})
            self._open_records.discard(record)

    def failed(self, record: int, error: str) -> None:
        """Note that it was refused: nothing happened, or nothing that counts as ours."""
        with self._lock:
            self._append({"id": record, "phase": "failed", "error": error})
            self._open_records.discard(record)

    def chosen(self, intents: Mapping[str, IntentRecord]) -> None:
        """Note what was chosen for these intents, before the first thing that it decides is sent."""
        with self._lock:
            noted = {name: {"file": record.file, "choices": dict(record.choices)} for name, record in intents.items()}
            self._append({"id": 0, "phase": "chosen", "intents": noted})

    def _append(self, record: dict[str, Any]) -> None:
        """Write a record; it is on disk when this returns. The lock is held, but let go while the disk works. Raises StateError
        (GIQ1808) with nothing of the record left in the file."""
        if self._file is None:
            self._open()
        assert self._file is not None
        line = (canonical_json({"lineage": self.basis[0], "serial": self.basis[1], **record}) + "\n").encode()
        data, written = line, _Written()
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            os.ftruncate(self._file, self._size)  # half a record in the middle would make the whole journal unreadable
            raise unwritable(error, self.path) from None
        self._size += len(line)
        self._waiting.append(written)
        while not written.on_disk:
            if written.error is not None:
                raise unwritable(written.error, self.path)
            if self._syncing:
                self._lock.wait()
            else:
                self._sync(self._file)

    def _sync(self, file: int) -> None:
        """Put on disk what is written by now. When the disk does not take it, it is cut off, with all that was written meanwhile."""
        together, self._waiting = self._waiting, []
        size, failed, self._syncing, ended = self._size, None, True, False
        self._lock.release()
        try:
            os.fdatasync(file)
            ended = True
        except OSError as error:
            failed, ended = error, True
        finally:
            self._lock.acquire()
            self._syncing = False
            self._lock.notify_all()
            if not ended:  # an interrupt: whether it is on disk is not known, so who waits asks again
                self._waiting = together + self._waiting
        if failed is None:
            self._size_on_disk = size
        else:
            together, self._waiting = together + self._waiting, []
        for written in together:
            written.on_disk, written.error = failed is None, failed
        if failed is not None:
            self._size = self._size_on_disk
            os.ftruncate(file, self._size)

    def _open(self) -> None:
        """Continue after the last whole line: what a crash tore is cut off first."""
        with writing(self.path):
            new = not self.path.exists()
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            if new:
                sync_folder(self.path.parent)
            text = self.path.read_bytes()
            whole = text.rfind(b"\n") + 1
            if whole < len(text):
                os.ftruncate(self._file, whole)
            self._size = self._size_on_disk = whole
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
                if type(record["id"]) is not int or record["phase"] not in ("begin", "done", "failed", "chosen"):
                    raise ValueError("not a journal record")
                if not isinstance(record["lineage"], str) or type(record["serial"]) is not int:
                    raise ValueError("it does not name its state")
            except (ValueError, KeyError, TypeError) as error:
                raise broken(f"journal record {number} is broken: {error}", Place(str(self.path), number)) from None
            yield record

    def close(self) -> None:
        """Close the file; the next record opens it again."""
        with self._lock:
            self._close()

    def clear(self) -> None:
        """Forget what the state file now holds."""
        with self._lock:
            self._close()
            self.path.unlink(missing_ok=True)
            self._next = 1

    def _close(self) -> None:
        if self._file is not None:
            while self._syncing:
                self._lock.wait()
            os.close(self._file)
            self._file = None


def unwritable(error: OSError, path: Path) -> StateError:
    """The error of a state or journal that cannot be written."""
    remedy = "make room on the disk, or mend the folder's rights; then run the same command again"
    return StateError("GIQ1808", error.strerror or str(error), remedy, Place(str(path)))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What fails inside is told as a state that cannot be written (GIQ1808)."""
    try:
        yield
    except OSError as error:
        raise unwritable(error, path) from None


def sync_folder(folder: Path) -> None:
    """Make new names and renames in ``folder`` durable: POSIX promises that only once the directory itself is synced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replay(state: State, journal: Journal) -> tuple[State, tuple[Pending, ...]]:
    """The state with the journal's ended actions in it, and the actions that have no end.

    Records of an older serial were left by a crash between committing the state and clearing the journal: the state holds them.
    Records of a newer serial or another lineage mean that state.json was swapped: StateError (GIQ1807), as what they say would be lost.
    """
    resources, intents, pending = dict(state.resources), dict(state.intents), dict[int, Pending]()
    place = Place(str(journal.path))
    for record in journal.records():
        _check_follows(record, state, place)
        if record["serial"] < state.serial:
            continue
        try:
            if record["phase"] == "chosen":
                intents |= {name: IntentRecord(str(r["file"]), dict(r["choices"])) for name, r in record["intents"].items()}
            else:
                _fold(record, resources, pending)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise broken(f"journal record {record['id']} ({record['phase']}): {error!r}", place) from None
    return replace(state, resources=resources, intents=intents), tuple(pending.values())


def _check_follows(record: dict[str, Any], state: State, place: Place) -> None:
    if record["lineage"] != state.lineage or record["serial"] > state.serial:
        detail = f"the journal follows {record['lineage']} serial {record['serial']}, state.json is {state.lineage} serial {state.serial}"
        raise StateError("GIQ1807", detail, "put back the state.json that belongs to the journal", place)


def _fold(record: dict[str, Any], resources: dict[Address, ResourceState], pending: dict[int, Pending]) -> None:
    if record["phase"] == "begin":
        address = Address.parse(record["address"])
        pending[record["id"]] = Pending(record["id"], address, record["verb"], record["summary"])
        return
    begun = pending.pop(record["id"])
    if record["phase"] == "done":
        for earlier in [p.id for p in pending.values() if p.address == begun.address]:
            del pending[earlier]  # a later run has settled what came of it
        if record["resource"] is None:
            resources.pop(begun.address, None)
        else:
            resources[begun.address] = ResourceState.from_json(record["resource"])
