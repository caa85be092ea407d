"""State in a folder beside the intent: ``.giqplan/<world>/<environment>/``. Compare-and-swap writes, a lock, a journal."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from giqplan.errors import Place, StateError
from giqplan.model.address import Address
from giqplan.state.journal import Journal, Pending, replay, sync_folder, writing
from giqplan.state.model import State, broken
from giqplan.units import canonical_json


class LocalState:
    """Files: state.json, state.json.backup, journal.jsonl, lock. All readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "state.json"
        self.journal = Journal(folder / "journal.jsonl")
        self._pending: tuple[Pending, ...] = ()

    def load(self) -> State | None:
        """The state with the journal's ended actions in it; None only when there never was one.

        Raises StateError: GIQ1801 empty, GIQ1802 broken, GIQ1803 from a later giqplan, GIQ1804 a journal without its state.
        """
        place = Place(str(self.path))
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            if self.journal.path.exists() or self.path.with_name("state.json.backup").exists():
                detail = "state.json is gone, but its journal or backup is there"
                raise StateError("GIQ1804", detail, "put state.json back (state.json.backup is the one before)", place) from None
            return None
        except OSError as error:
            raise broken(f"it cannot be read: {error.strerror}", place) from None
        if not text.strip():
            detail = "an empty file: a crash of the disk or another program did that; it is no new project"
            raise StateError("GIQ1801", detail, "put it back from state.json.backup", place)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise broken(f"not JSON: {error}", place) from None
        state, self._pending = replay(State.from_json(value, place), self.journal)
        self.journal.basis = (state.lineage, state.serial)
        return state

    def claimed(self, project: str, cluster: str) -> Mapping[Address, str]:
        """What the other environments of this world have made in this project and cluster: address -> environment. In others, the same
        address is another thing. Their journals are not replayed; a state that cannot be read claims nothing."""
        found: dict[Address, str] = {}
        for path in sorted(self.folder.parent.glob("*/state.json")):
            if path.parent == self.folder:
                continue
            with suppress(StateError, OSError, ValueError):
                state = State.from_json(json.loads(path.read_bytes()), Place(str(path)))
                here = {"kubernetes": state.cluster == cluster, "google": state.project == project}
                made = (address for address, entry in state.resources.items() if entry.created)
                found |= {address: state.environment for address in made if here.get(address.type.partition("_")[0], False)}
        return found

    def pending(self) -> tuple[Pending, ...]:
        """Actions that an earlier run began and of which no end is known; call ``load`` first."""
        return self._pending

    def must_be_settled(self) -> None:
        """Raise StateError (GIQ1809) when an earlier run has not ended: a commit would forget what it had begun. Call ``load`` first."""
        if self._pending:
            begun = ", ".join(f"{p.verb} {p.address}" for p in self._pending[:3])
            detail = f"an earlier run began {len(self._pending)} action{'s' if len(self._pending) > 1 else ''} and did not end: {begun}"
            raise StateError("GIQ1809", detail, "giqplan apply settles them", Place(str(self.journal.path)))

    def commit(self, state: State) -> State:
        """Write ``state`` as the next serial, if nobody else did since it was loaded. Raises StateError (GIQ1805) otherwise.

        The first state of a project is written with the serial it has. Returns the state as written.
        """
        self._make_folder()
        current = self._header()
        if current is not None and current != (state.lineage, state.serial):
            detail = f"it is at {current[0]} serial {current[1]}, this run began at {state.lineage} serial {state.serial}"
            raise StateError("GIQ1805", detail, "another run wrote it: plan again", Place(str(self.path)))
        written = state if current is None else replace(state, serial=state.serial + 1)
        with writing(self.path):
            scratch = self.path.with_name("state.json.tmp")
            _write(scratch, canonical_json(written.to_json()) + "\n")
            if self.path.exists():
                _write(self.path.with_name("state.json.backup"), self.path.read_text(encoding="utf-8"))
            scratch.replace(self.path)
            sync_folder(self.folder)
        self.journal.clear()
        self.journal.basis = (written.lineage, written.serial)
        self._pending = ()
        return written

    @contextmanager
    def lock(self, operation: str) -> Iterator[str]:
        """Held for a whole run. Raises StateError (GIQ1806) naming who holds it. A crash frees it.

        Gives who held it last and did not give it back ("apply by ..., since ..."): that run crashed or was killed. "" = nobody.
        """
        self._make_folder()
        path = self.folder / "lock"
        with writing(path):
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                holder = os.pread(handle, 4096, 0).decode(errors="replace").strip() or "unknown"
                raise StateError("GIQ1806", f"held by {holder}", "wait until that run ends", Place(str(path))) from None
            crashed = os.pread(handle, 4096, 0).decode(errors="replace").strip()
            with writing(path):
                os.ftruncate(handle, 0)
                os.pwrite(handle, _holder(operation).encode(), 0)
            try:
                yield crashed
            finally:
                os.ftruncate(handle, 0)
                self.journal.close()
        finally:
            os.close(handle)

    def unlock(self) -> str:
        """Clear what a run that died has left in the lock, and say who that was; "" = nobody. Raises StateError (GIQ1806) when a run holds
        it: the lock of a living process is never broken."""
        if not (self.folder / "lock").exists():
            return ""
        with self.lock("unlock") as crashed:
            return crashed

    def _header(self) -> tuple[str, int] | None:
        try:
            value = json.loads(self.path.read_bytes())
            return str(value["lineage"]), int(value["serial"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise broken(f"changed while this run went on: {error}", Place(str(self.path))) from None

    def _make_folder(self) -> None:
        with writing(self.folder):
            self._make_missing()

    def _make_missing(self) -> None:
        root = next((p for p in self.folder.parents if p.name == ".giqplan"), None)
        for missing in [p for p in reversed((self.folder, *self.folder.parents)) if not p.exists()]:
            missing.mkdir(mode=0o700, exist_ok=True)
        if root is not None and not (root / ".gitignore").exists():
            (root / ".gitignore").write_text("*\n", encoding="utf-8")


def _holder(operation: str) -> str:
    user = "unknown"
    with suppress(KeyError, OSError):
        user = getpass.getuser()
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{operation} by {user} on {socket.gethostname()}, process {os.getpid()}, since {since}"


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        data = text.encode()
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)
