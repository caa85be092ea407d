"""Plan files read back: the inverse of ``json.plan_json``. A plan file is untrusted input: it is taken whole or not at all."""

from __future__ import annotations

import json
import re
import types
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from giqplan.errors import GiqplanError, Place, PlanError
from giqplan.model.address import Address
from giqplan.model.check import Check
from giqplan.model.plan import (
    ABSENT_LEAF,
    Adjustment,
    Cause,
    Change,
    Confidence,
    Conflict,
    Deferred,
    Drift,
    Leaf,
    Options,
    Part,
    Pin,
    Plan,
)
from giqplan.model.resource import Stage
from giqplan.model.values import UNKNOWN, JsonObject
from giqplan.render.json import ACTIONS, FORMAT_VERSION, plan_json
from giqplan.units import digest

BEGINS = b'{"applyable":'
"""Canonical JSON sorts its keys, so every plan file begins so."""
LARGEST_MIB = 512
LARGEST_INTENT = 1 << 20
"""Bytes; JSON beyond it is no intent (``intent.document``), and is read as a plan."""
_STAGES = {stage.title: stage for stage in Stage}
_VERBS = {tuple(actions): verb for verb, actions in ACTIONS.items()}
_ENVIRONMENT = re.compile(r"[a-z][-a-z0-9]{0,62}")
_AGAIN = "make the plan again: giqplan plan -o PLAN"


def is_plan_file(path: Path) -> bool:
    """Whether a file is a plan, or was one before it was damaged: by its first bytes, or by what its JSON says of itself."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            begin = file.read(4096).removeprefix(BOM_UTF8).lstrip()
            if not begin:
                return path.suffix == ".json"
            rest = file.read(LARGEST_INTENT + 1) if begin.startswith(b"{") else b""
    except (OSError, ValueError):
        return False
    return begin.startswith(BEGINS) or len(rest) > LARGEST_INTENT or b'"format_version"' in begin + rest


def read_plan(path: Path) -> tuple[Plan, str]:
    """The plan in a file, and its digest. Raises PlanError: GIQ1605 no plan, GIQ1606 of another giqplan, GIQ1607 altered since."""
    place = Place(str(path))
    value = _json(path, place)
    version = str(value.get("format_version", ""))
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise PlanError("GIQ1606", f"format {version or 'not said'}; this giqplan reads {FORMAT_VERSION}", _AGAIN, place)
    told = value.get("digest")
    if told != _digest({key: inner for key, inner in value.items() if key != "digest"}):
        raise PlanError("GIQ1607", "its content does not have the digest that stands in it", _AGAIN, place)
    try:
        plan = _plan(value)
        again = plan_json(plan)
    except (GiqplanError, KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise _not_understood(value, f"{type(error).__name__}: {error}"[:300], place) from None
    if again != value:
        odd = sorted(key for key in {*again, *value} if again.get(key) != value.get(key) and key != "digest")
        raise _not_understood(value, f"{', '.join(odd)} would be written otherwise", place)
    return plan, str(told)


def _digest(value: Mapping[str, Any]) -> str:
    """The digest; "" for what no plan can hold: half a character, a number that is none."""
    try:
        return digest(value)
    except (ValueError, RecursionError):
        return ""


def _not_understood(value: Mapping[str, Any], why: str, place: Place) -> PlanError:
    maker = value.get("giqplan_version", "unknown")
    return PlanError("GIQ1606", f"it was made by giqplan {maker} and cannot be read whole ({why})", _AGAIN, place)


def _json(path: Path, place: Place) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise PlanError("GIQ1605", "it is no ordinary file", "name a plan file", place)
        if path.stat().st_size > LARGEST_MIB * 2**20:
            raise PlanError("GIQ1605", f"larger than {LARGEST_MIB} MiB", "name a plan file", place)
        text = path.read_bytes()
        if not text.strip():
            raise PlanError("GIQ1605", "it is empty", _AGAIN, place)
        value = json.loads(text)
    except OSError as error:
        raise PlanError("GIQ1605", f"it cannot be read: {error.strerror}", "name a plan file", place) from None
    except (ValueError, RecursionError) as error:
        detail = f"not JSON ({error}): was it cut off?" if isinstance(error, ValueError) else "nested too deeply"
        raise PlanError("GIQ1605", detail, _AGAIN, place) from None
    if not isinstance(value, dict) or "resource_changes" not in value:
        raise PlanError("GIQ1605", "it holds no plan of giqplan", "name a file that `giqplan plan -o` wrote", place)
    return value


def _plan(value: Mapping[str, Any]) -> Plan:
    parts = tuple(_part(each, value["recommendation"]) for each in value["intents"])
    return Plan(
        world=_text(value["world"]),
        environment=_environment(value["environment"]),
        parts=parts,
        project=_text(value["project"]),
        cluster=_text(value["cluster"]),
        changes=tuple(_change(each) for each in (*value["resource_changes"], *value["left_out"])),
        drift=tuple(_drift(each) for each in value["resource_drift"]),
        checks=_of(tuple[Check, ...], value["giqplan_checks"]),
        deferred=_of(tuple[Deferred, ...], value["deferred"]),
        pins=_of(tuple[Pin, ...], value["pins"]),
        inputs=_of(Mapping[str, str], value["inputs"]),
        notes=_of(tuple[str, ...], value["notes"]),
        destroy=_of(bool, value["destroy"]),
        offline=_of(bool, value["offline"]),
        options=_of(Options, value["options"]),
    )


def _part(value: Mapping[str, Any], top: Any) -> Part:
    """``top``: the recommendation at the top of the plan, which is that of its only intent."""
    told = {key: inner for key, inner in value.items() if key != "cost"}
    part: Part = _of(Part, {"recommendation": top, **told})
    return part


def _change(value: Mapping[str, Any]) -> Change:
    change, ours = value["change"], value["giqplan"]
    after = _filled(change["after"], change["after_unknown"])
    return Change(
        address=Address.parse(value["address"]),
        verb=_VERBS[tuple(change["actions"])],
        stage=_STAGES[ours["stage"]],
        before=_object(change["before"]),
        after=after,
        leaves=_leaves(ours["changed"]),
        cause=Cause(ours["cause"]),
        why=_text(ours["why"]),
        depends_on=_of(tuple[Address, ...], ours["depends_on"]),
        confidence=Confidence(ours["confidence"]),
        adjustments=_of(tuple[Adjustment, ...], ours["adjustments"]),
        conflicts=_of(tuple[Conflict, ...], ours["conflicts"]),
        replace_paths=tuple(map(_path, change.get("replace_paths", ()))),
        identity=_text(ours["identity"]),
        notes=_of(tuple[str, ...], ours["notes"]),
        left=_text(ours["left"]),
        waits=_text(ours["waits"]),
        owner=_text(ours["owner"]),
        foreign=_of(bool, ours["foreign"]),
        desired=_filled(ours["sent"], ours.get("sent_unknown")) if "sent" in ours else after,
        once=_object(ours["once"]),
        intents=_of(tuple[str, ...], ours["intents"]),
        adopts=_of(bool, ours["adopts"]),
    )


def _drift(value: Mapping[str, Any]) -> Drift:
    change = value["change"]
    verb, leaves = _VERBS[tuple(change["actions"])], _leaves(value["giqplan"]["changed"])
    return Drift(Address.parse(value["address"]), verb, leaves, _object(change["before"]), _object(change["after"]))


def _leaves(values: Iterable[Mapping[str, Any]]) -> tuple[Leaf, ...]:
    return tuple(_of(Leaf, value) for value in values)


def _object(value: Any) -> JsonObject | None:
    if value is not None and not isinstance(value, dict):
        raise TypeError("an object is wanted")
    return value


def _filled(value: Any, missing: Any) -> Any:
    """``value`` with ``UNKNOWN`` wherever ``missing`` is true: the inverse of ``json.known`` and ``json.unknown``."""
    if missing is True:
        return UNKNOWN
    if isinstance(missing, dict) and isinstance(value, dict):
        return value | {key: _filled(value.get(key), inner) for key, inner in missing.items()}
    if isinstance(missing, list) and isinstance(value, list):
        return [_filled(inner, gap) for inner, gap in zip(value, missing, strict=True)]
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text is wanted")
    return value


def _environment(value: Any) -> str:
    """State lies in a folder of that name, so it must be one that an intent can have."""
    if not _ENVIRONMENT.fullmatch(_text(value)):
        raise ValueError("that is no name of an environment")
    return str(value)


def _path(value: Any) -> tuple[str | int, ...]:
    return tuple(value)


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _of(kind: Any, value: Any) -> Any:
    """A value of ``kind`` from what ``json.plain`` made of it. Raises KeyError, TypeError or ValueError when it is none."""
    origin = get_origin(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        inner = [each for each in get_args(kind) if each is not type(None)]
        return None if value is None else _of(inner[0], value) if len(inner) == 1 else value
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError("a list is wanted")
        return tuple(_of(get_args(kind)[0], each) for each in value)
    if origin is not None:  # a mapping
        return {_text(key): _of(get_args(kind)[1], each) for key, each in value.items()}
    if kind is Address:
        return Address.parse(_text(value))
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, value)
    if issubclass(kind, Enum):
        return kind(value)
    if kind is Decimal:
        return Decimal(_text(value))
    if kind is float and type(value) is int:
        return value
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{kind.__name__} is wanted, not {type(value).__name__}")
    return value


def _dataclass(kind: type, value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"an object is wanted for {kind.__name__}")
    hints = _hints(kind)
    found: dict[str, Any] = {}
    for field in fields(kind):
        marks = value.get(f"{field.name}_unknown")
        if marks is not None and hints[field.name] is Any:
            found[field.name] = _filled(value.get(field.name), marks)
        elif field.name in value:
            found[field.name] = _of(hints[field.name], value[field.name])
        elif hints[field.name] is Any:
            found[field.name] = ABSENT_LEAF
        elif field.default is MISSING and field.default_factory is MISSING:
            raise KeyError(f"{kind.__name__}.{field.name}")
    return kind(**found)
