"""Checks and normalises request JSON by Google's own message definitions (container_schema.json, recommender_schema.json).

Takes what Google's REST front end takes (proto3 JSON mapping, protobuf.dev/programming-guides/json): camelCase or snake_case keys,
enums by name or number, 64-bit integers as numbers or text; gives the form in which Google answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from giqplan.sandbox.google.errors import ApiError, invalid

_PYTHON = {"string": str, "bytes": str, "bool": bool}


@cache
def _table() -> Mapping[str, Any]:
    container, recommender = (
        json.loads(Path(__file__).with_name(f"{name}_schema.json").read_text(encoding="utf-8")) for name in ("container", "recommender")
    )
    return {"messages": {**container["messages"], **recommender["messages"]}, "enums": container["enums"]}


def normalised(message: str, value: Any, path: str) -> dict[str, Any]:
    """``value`` as a message of that name, in canonical JSON; ApiError 400 when it does not fit.

    Scalars that are zero are left out unless the message tells absence from zero, as proto3 JSON does.
    """
    if not isinstance(value, Mapping):
        raise _wrong(path, message, value)
    fields: Mapping[str, str] = _table()["messages"][message]
    result: dict[str, Any] = {}
    for key, inner in value.items():
        name = key if key in fields else re.sub(r"_([a-z0-9])", lambda m: m[1].upper(), key)
        if name not in fields:
            where = f" at '{path}'" if path else ""
            raise invalid(f'Invalid JSON payload received. Unknown name "{key}"{where}: Cannot find field.')
        if inner is not None:
            clean = _value(fields[name], inner, f"{path}.{name}" if path else name)
            if not _dropped(fields[name], clean):
                result[name] = clean
    return result


def _value(kind: str, value: Any, path: str) -> Any:
    kind = kind.removesuffix("?")
    if kind.startswith("["):
        if not isinstance(value, list):
            raise _wrong(path, "repeated", value)
        return [_value(kind[1:-1], item, f"{path}[{index}]") for index, item in enumerate(value)]
    if kind.startswith("{"):
        if not isinstance(value, Mapping):
            raise _wrong(path, "map", value)
        return {key: _value(kind[1:-1], item, f"{path}.{key}") for key, item in value.items()}
    if kind.startswith("enum "):
        return _enum(kind[5:], value, path)
    if kind in ("int32", "int64"):
        return _integer(kind, value, path)
    if kind == "float":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(path, "TYPE_DOUBLE", value)
        return float(value)
    if kind in _PYTHON:
        if not isinstance(value, _PYTHON[kind]):
            raise _wrong(path, f"TYPE_{kind.upper()}", value)
        return value
    return normalised(kind, value, path)


def _enum(name: str, value: Any, path: str) -> str:
    members: Mapping[str, int] = _table()["enums"][name]
    if isinstance(value, str) and value in members:
        return value
    for member, number in members.items():
        if value == number and not isinstance(value, bool):
            return member
    raise _wrong(path, f"type.googleapis.com/google.container.v1.{name}", value)


def _integer(kind: str, value: Any, path: str) -> int | str:
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(path, f"TYPE_{kind.upper()}", value)
    return str(value) if kind == "int64" else value


def _dropped(kind: str, value: Any) -> bool:
    if kind.endswith("?") or isinstance(value, Mapping):
        return False
    if kind.startswith("enum "):
        return bool(_table()["enums"][kind[5:]][value] == 0)
    return value in (0, "0", "", False, [])


def _wrong(path: str, kind: str, value: Any) -> ApiError:
    return invalid(f"Invalid value at '{path}' ({kind}), {json.dumps(value)}")
