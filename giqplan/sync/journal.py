"""What a sync has fetched so far: `.giqplan/catalog.partial/`. A sync that was cut off goes on from there; one that ends removes it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from giqplan.errors import CatalogError, Place

FOLDER = "catalog.partial"
LONGEST = timedelta(hours=24)
"""Answers older than this are asked for again: one catalog holds data of one time."""
_BEGUN = "begun"


class Journal:
    """One line a finished request: ``{"request": ..., "answer": ...}``, below a first line that says for whom they hold."""

    def __init__(self, file: Path, about: Mapping[str, str]) -> None:
        self._file, self._guard = file, threading.Lock()
        self.begun = about[_BEGUN]
        self._answers: dict[str, Any] = {}
        kept = _read(file)
        if kept and _still_holds(kept[0], about):
            self.begun = str(kept[0][_BEGUN])
            self._answers = {str(row["request"]): row["answer"] for row in kept[1:]}
        else:
            kept = [dict(about)]
        file.write_text(
            "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in kept), encoding="utf-8"
        )  # also drops a torn last line
        self.finished_before, self.added = len(self._answers), 0
        self._out = file.open("a", encoding="utf-8")

    def answer(self, request: str) -> Any | None:
        """The answer that was fetched already; None = it has to be asked for."""
        return self._answers.get(request)

    def finished(self, request: str, answer: Any) -> None:
        """Keep an answer that has been found good."""
        line = json.dumps({"request": request, "answer": answer}, separators=(",", ":")) + "\n"
        with self._guard, _told(self._file.parent):
            self.added += 1
            self._out.write(line)
            self._out.flush()

    def close(self) -> None:
        self._out.close()


@contextmanager
def journal(home: Path, world: str, project: str, now: datetime) -> Iterator[Journal]:
    """The journal of one sync; nobody else syncs meanwhile. It is removed when the sync ends well, and kept otherwise.

    Raises CatalogError: GIQ1227 another sync runs, GIQ1228 the folder cannot be written.
    """
    folder = home / FOLDER
    lock = _locked(folder)
    try:
        with _told(folder):
            found = Journal(folder / "answers.jsonl", {"world": world, "project": project, _BEGUN: now.isoformat(timespec="seconds")})
        try:
            yield found
        finally:
            found.close()
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _locked(folder: Path) -> int:
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        detail = f"another sync works in {folder}"
        raise CatalogError("GIQ1227", detail, "Run this again when that one is done.", Place(str(folder))) from None
    return lock


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        detail = f"{folder} cannot be used: {error.strerror}"
        raise CatalogError("GIQ1228", detail, "Make room, or make it writable; the catalog is as it was.", Place(str(folder))) from error


def _read(file: Path) -> list[dict[str, Any]]:
    """The whole lines; the last one may be torn, and a file that is no journal holds nothing."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    except (FileNotFoundError, UnicodeDecodeError):
        return []
    found: list[dict[str, Any]] = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            break
        if not line.endswith("\n") or not isinstance(row, dict) or (found and not {"request", "answer"} <= row.keys()):
            break
        found.append(row)
    return found


def _still_holds(kept: Mapping[str, Any], about: Mapping[str, str]) -> bool:
    try:
        age = datetime.fromisoformat(about[_BEGUN]) - datetime.fromisoformat(str(kept.get(_BEGUN)))
    except (ValueError, TypeError):
        return False
    same = all(kept.get(name) == about[name] for name in ("world", "project"))
    return same and timedelta() <= age <= LONGEST
