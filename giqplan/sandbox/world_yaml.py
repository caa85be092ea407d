"""YAML with the line and column of every value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from giqplan.errors import Place, SandboxError

_REMEDY = "Correct the file; docs/sandbox.md lists its keys."
Lines = dict[tuple[str | int, ...], tuple[int, int]]


def read_lines(path: Path) -> tuple[str, Any, Mapping[tuple[str | int, ...], tuple[int, int]]]:
    """The file's name, its document, and where each path of it stands."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SandboxError("GIQ2003", f"{path}: {error}", "Give a readable world.yaml.", Place(str(path))) from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise SandboxError("GIQ2003", f"{path} is empty", "Say at least project: {id: ...}.", Place(str(path)))
        lines: Lines = {}
        _walk(node, (), lines, str(path))
        return str(path), loader.construct_document(node), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(str(path), mark.line + 1, mark.column + 1) if mark else Place(str(path))
        raise SandboxError("GIQ2003", str(getattr(error, "problem", error)), _REMEDY, place) from error
    finally:
        loader.dispose()


def _walk(node: yaml.Node, at: tuple[str | int, ...], lines: Lines, file: str) -> None:
    lines.setdefault(at, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            mark = key.start_mark
            if key.value in seen:
                place = Place(file, mark.line + 1, mark.column + 1)
                raise SandboxError("GIQ2004", f"the key {key.value!r} stands here twice", _REMEDY, place)
            seen.add(key.value)
            lines[(*at, key.value)] = (mark.line + 1, mark.column + 1)
            _walk(value, (*at, key.value), lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*at, index), lines, file)
