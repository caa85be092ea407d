"""Answers that took long, kept beside the intent in ``.giqplan/cache/``. They are only copies: what is missing, broken or of other data is
worked out again, and where nothing can be written it is worked out each time."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from giqplan.units import canonical_json

PREFIX = "estimates-"
_HOME, _CACHE = ".giqplan", "cache"


class Kept:
    """JSON values by key, in groups: an answer of another group is of data that is gone. ``folder`` None keeps nothing."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def get(self, group: str, key: str) -> Any:
        """The value, None = not kept, or not readable."""
        if self._folder is None:
            return None
        try:
            return json.loads(self._path(self._folder, group, key).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, group: str, key: str, value: Any) -> None:
        """Keep ``value``, and nothing of other groups any more. A folder that cannot be written is no error."""
        if self._folder is None:
            return
        path = self._path(self._folder, group, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(canonical_json(value))
            Path(name).replace(path)
        except OSError:
            return
        for other in self._folder.glob(PREFIX + "*"):
            if other != path.parent:
                shutil.rmtree(other, ignore_errors=True)

    @staticmethod
    def _path(folder: Path, group: str, key: str) -> Path:
        return folder / (PREFIX + group) / f"{key}.json"


def kept_beside(home: Path | None) -> Kept:
    """What is kept beside an intent that stands in ``home``, once giqplan has a folder there."""
    return Kept(home / _HOME / _CACHE if home is not None and (home / _HOME).is_dir() else None)
