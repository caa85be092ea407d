"""A folder of intents, planned as one: every file in it that is an intent, and ``inference.yaml`` of each of its folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import yaml

from giqplan.errors import ErrorList, GiqplanError, IntentError, Place
from giqplan.intent.load import API_VERSION, LoadedIntent, load_all, load_intent

_GROUP = API_VERSION.partition("/")[0] + "/"
_LOCK = "lock.yaml"


_Loaded = TypeVar("_Loaded")


def load_folder(folder: Path, environment: str | None = None) -> Mapping[str, LoadedIntent]:
    """The intents by their file's path below ``folder``, in order of path. Raises all errors of all files at once, and IntentError
    (GIQ1020) when there is none."""
    return _each(folder, lambda path: load_intent(path, environment))


def load_all_of(folder: Path) -> Mapping[str, tuple[LoadedIntent, ...]]:
    """The same with every environment of each intent."""
    return _each(folder, load_all)


def _each(folder: Path, load: Callable[[Path], _Loaded]) -> dict[str, _Loaded]:
    found: dict[str, _Loaded] = {}
    errors: list[GiqplanError] = []
    for path in _files(folder):
        try:
            found[path.relative_to(folder).as_posix()] = load(path)
        except GiqplanError as error:
            errors += error.errors
    if errors:
        raise ErrorList(errors)
    if not found:
        remedy = "name a folder with intents: files of it, or inference.yaml in folders of it"
        raise IntentError("GIQ1020", f"there is no intent in {folder}", remedy, Place(str(folder)))
    return found


def _files(folder: Path) -> Iterator[Path]:
    try:
        listed = sorted(folder.iterdir())
    except OSError as error:
        raise IntentError("GIQ1010", f"{folder} cannot be read: {error.strerror}", "check its permissions", Place(str(folder))) from None
    for path in listed:
        if path.is_dir() and not path.name.startswith("."):
            inner = path / "inference.yaml"
            if inner.is_file():
                yield inner
        elif path.suffix in (".yaml", ".yml") and not path.name.endswith(_LOCK) and not _something_else(path):
            yield path


def _something_else(path: Path) -> bool:
    """Whether a file is YAML of somebody else: a world, values of a chart, Kubernetes objects. What cannot be read may be an intent."""
    try:
        with path.open(encoding="utf-8") as file:
            head = file.read(65536)
        events = yaml.parse(head, Loader=yaml.CSafeLoader)
        return _api_version(events) is None
    except (OSError, ValueError, yaml.YAMLError):
        return False


def _api_version(events: Iterator[yaml.Event]) -> str | None:
    """The value of the top level's apiVersion when it is one of ours; "" for what is no mapping. Reads no further than it must."""
    depth, key = 0, ""
    for event in events:
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth, key = depth + 1, ""
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth, key = depth - 1, ""
        elif isinstance(event, yaml.ScalarEvent) and depth == 1:
            if key == "apiVersion":
                return event.value if event.value.startswith(_GROUP) else None
            key = "" if key else event.value
    return None
