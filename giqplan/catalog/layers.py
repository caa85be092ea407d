"""One layer of a catalog: a folder of tables (a later layer may hold only some) with catalog.json, read as one state of it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from giqplan.catalog.schema import ABOUT, ESTIMATOR, SCHEMA_VERSION, TABLES
from giqplan.catalog.tables import Row, broken, read_bytes, rows
from giqplan.data_files import data_path
from giqplan.units import digest

EMBEDDED, SYNCED, USER = "embedded", "synced", "user"
FOLDERS: Mapping[str, Path] = {SYNCED: Path(".giqplan", "catalog"), USER: Path("giqplan-catalog")}
"""Where the later layers lie below the folder of the intent, in their order: the last one wins."""

COMMITTED = ".committed"
"""A folder inside a layer: files that are written but not yet moved to their place. They count (giqplan.catalog.layer)."""

_DATE = re.compile(r"\d{4}(-\d\d){0,2}")


class Layer:
    """``name``: embedded, synced, user, or what a folder elsewhere is called. Raises CatalogError (GIQ1201, GIQ1202) where a file is
    missing or broken. With ``files`` the layer is what these bytes say, whatever stands in ``root``."""

    def __init__(self, name: str, root: Path, files: Mapping[str, bytes] | None = None) -> None:
        self.name = name
        self.root = root
        self._whole = files is not None
        self._files = dict(files or {})  # read once: digest and rows speak of the same bytes

    def has(self, file: str) -> bool:
        return file in self._files or (not self._whole and self._path(file).is_file())

    def holds(self, file: str, content: bytes) -> bool:
        return self.has(file) and self.bytes_of(file) == content

    def _path(self, file: str) -> Path:
        committed = self.root / COMMITTED / file
        return committed if committed.is_file() else self.root / file

    def bytes_of(self, file: str) -> bytes:
        if file not in self._files:
            self._files[file] = read_bytes(self._path(file))
        return self._files[file]

    def read(self) -> None:
        """Read every file, while no writer is at work: what is read is one state of the layer."""
        with _no_writer(self.root):
            names = (file for file in (ABOUT, ESTIMATOR, *(f"{table}.csv" for table in TABLES)) if self.has(file))
            self._files, self._whole = {name: self.bytes_of(name) for name in names}, True

    def rows(self, table: str) -> Iterator[Row]:
        """The lines of a table as they stand in the file."""
        return rows(self.root / f"{table}.csv", self.bytes_of(f"{table}.csv"))

    def tables(self) -> tuple[str, ...]:
        """The tables it holds; the shipped layer has every one, or is broken."""
        if self.name == EMBEDDED:
            return tuple(table for table, shape in TABLES.items() if shape.shipped)
        return tuple(table for table in TABLES if self.has(f"{table}.csv"))

    def begun(self) -> bool:
        """Whether anything of a layer stands in the folder; an empty one is no layer."""
        return self.has(ABOUT) or bool(self.tables() or self.strangers())

    def strangers(self) -> tuple[str, ...]:
        """Names of CSV files that are no table."""
        return tuple(sorted(path.name for path in self.root.glob("*.csv") if path.stem not in TABLES))

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """catalog.json: ``date`` (newest date in the data) and ``schema_version``."""
        path = self.root / ABOUT
        try:
            found = json.loads(self.bytes_of(ABOUT))
        except (ValueError, RecursionError) as error:
            raise broken(path, f"not JSON: {error}", getattr(error, "lineno", 0)) from error
        if not isinstance(found, dict) or not isinstance(found.get("date"), str):
            raise broken(path, "no date", 1)
        if not _DATE.fullmatch(found["date"]):
            raise broken(path, f"date: {found['date']!r} is not YYYY-MM-DD", 1)
        if found.get("schema_version") != SCHEMA_VERSION:
            raise broken(path, f"schema_version is {found.get('schema_version')}, this giqplan reads {SCHEMA_VERSION}", 1)
        return found

    @property
    def date(self) -> str:
        return str(self.about["date"])

    @property
    def world(self) -> str:
        """The world that told what it holds (a synced layer); "" = none."""
        return str(self.about.get("world", ""))

    @cached_property
    def digest(self) -> str:
        """``sha256:<hex>`` over the bytes of its tables, catalog.json and estimator.json, by name."""
        return self._digest(*(f"{table}.csv" for table in self.tables()), ABOUT, *(name for name in (ESTIMATOR,) if self.has(name)))

    @cached_property
    def tables_digest(self) -> str:
        """The same without catalog.json."""
        return self._digest(*(f"{table}.csv" for table in self.tables()))

    def _digest(self, *names: str) -> str:
        return digest({name: hashlib.sha256(self.bytes_of(name)).hexdigest() for name in sorted(names)})

    @property
    def checked(self) -> bool:
        """Whether its tables are byte for byte those that were checked when they were written."""
        return self.about.get("checked") == self.tables_digest and not self.strangers()


def embedded_layer(root: Path | None = None) -> Layer:
    """The layer that giqplan ships; ``root``: another folder that holds every table."""
    return Layer(EMBEDDED, root or data_path("catalog"))


def layers_of(home: Path) -> tuple[Layer, ...]:
    """The later layers beside an intent that stands in ``home``; a folder that is not there or empty is none."""
    found = (Layer(name, home / folder) for name, folder in FOLDERS.items())
    return tuple(layer for layer in found if layer.begun())


@contextmanager
def _no_writer(folder: Path) -> Iterator[None]:
    """Nobody writes the layer meanwhile. A file system without locks, or a folder that cannot be opened, is read all the same."""
    handle = -1
    try:
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        if handle >= 0:
            os.close(handle)
