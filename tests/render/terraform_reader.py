"""A strict reader of Terraform's plan JSON that knows nothing but what ``terraform show -json`` printed (terraform/*.json).

It is learned, not written: for every key that giqplan shares with Terraform the recordings say what type it has, which keys an object must
and may have for each kind of action, check and status, and, where a key is a word of a closed list, which words. The values of resources
are free: of them, and of the marks beside them, only the form is judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORDED = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((Path(__file__).parent / "terraform").glob("*.json"))
}

SHARED = ("format_version", "resource_changes", "resource_drift", "checks", "applyable", "complete", "errored")
"""The keys of a plan that mean the same in both."""
NAMES = {"address", "type", "name", "provider_name", "to_display", "message", "index", "previous_address", "id", "instance_key", "step"}
"""Keys whose text is a name or a sentence, not a word of a list."""
VALUES = {"before", "after", "after_unknown", "before_sensitive", "after_sensitive"}
"""Keys below which the resource's own shape stands."""
OPTIONAL = {"action_reason"}
"""Optional by Terraform's documentation, though a recording may always have it."""
OURS = {"resource_change": {"giqplan"}}
"""What giqplan adds beside Terraform's keys, by kind of object."""

#: What a member of a list is, by the list's key. A drift is a change (Terraform's documentation: "the same form").
_MEMBER = {
    "resource_changes": "resource_change",
    "resource_drift": "resource_change",
    "checks": "check",
    "instances": "instance",
    "problems": "problem",
    "actions": "action",
    "replace_paths": "path",
    "path": "step",
}
#: What tells the variants of an object apart: an object must be one that was recorded with the same words.
_VARIANT = {
    "resource_change": lambda value: "/".join(value["change"]["actions"]),
    "check": lambda value: value["address"]["kind"],
    "instance": lambda value: value.get("status"),
}


@dataclass
class Shape:
    """What was seen of one kind of value: how often, types, words, and for objects each key."""

    seen: int = 0
    types: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    keys: dict[str, Shape] = field(default_factory=dict)
    member: Shape | None = None
    variants: dict[str, Shape] = field(default_factory=dict)


def learned() -> Shape:
    """The shape of all recordings."""
    root = Shape()
    for plan in RECORDED.values():
        _learn(root, {key: plan[key] for key in SHARED if key in plan}, "plan")
    changes, drifts = root.keys["resource_changes"], root.keys["resource_drift"]
    for plan in RECORDED.values():
        _learn(changes, plan.get("resource_drift", []), "resource_drift")
    root.keys["resource_drift"] = Shape(drifts.seen, changes.types, member=changes.member)
    return root


def _learn(shape: Shape, value: Any, kind: str) -> None:
    shape.seen += 1
    shape.types.add(type(value).__name__)
    if kind in VALUES:
        return
    if kind in _VARIANT:
        shape = shape.variants.setdefault(_VARIANT[kind](value), Shape())
        shape.seen += 1
    if isinstance(value, dict):
        for name, inner in value.items():
            _learn(shape.keys.setdefault(name, Shape()), inner, name)
    elif isinstance(value, list):
        shape.member = shape.member or Shape()
        for inner in value:
            _learn(shape.member, inner, _MEMBER[kind])
    elif isinstance(value, str) and kind not in NAMES:
        shape.words.add(value)


def faults(plan: Mapping[str, Any], shape: Shape) -> list[str]:
    """What of a plan Terraform would have printed otherwise. Keys of the top that Terraform has not are the printer's own."""
    shared = {key: plan[key] for key in SHARED if key in plan}
    found = [*_faults(shape, shared, "plan", "plan")]
    for key in ("resource_changes", "resource_drift"):
        for change in plan.get(key, []) if not found else ():
            found += [f"{key} {change['address']}: {fault}" for fault in _mark_faults(change["change"])]
    return found


def _faults(shape: Shape, value: Any, at: str, kind: str) -> Iterator[str]:
    if type(value).__name__ not in shape.types:
        yield f"{at}: {type(value).__name__}, terraform prints {sorted(shape.types)}"
        return
    if kind in VALUES:
        return
    if kind in _VARIANT:
        variant = _VARIANT[kind](value)
        if variant not in shape.variants:
            yield f"{at}: {kind} {variant!r}, terraform prints {sorted(shape.variants)}"
            return
        shape = shape.variants[variant]
    if isinstance(value, dict):
        yield from (f"{at}: key {name!r} that terraform never prints" for name in value.keys() - shape.keys.keys() - OURS.get(kind, set()))
        required = {name for name, inner in shape.keys.items() if inner.seen == shape.seen} - OPTIONAL
        yield from (f"{at}: key {name!r} that terraform always prints is missing" for name in required - value.keys())
        for name in value.keys() & shape.keys.keys():
            yield from _faults(shape.keys[name], value[name], f"{at}.{name}", name)
    elif isinstance(value, list):
        if value and shape.member is None:
            yield f"{at}: terraform prints no members"
        for inner in value:
            yield from _faults(shape.member or Shape(), inner, f"{at}[]", _MEMBER[kind])
    elif isinstance(value, str) and kind not in NAMES and value not in shape.words:
        yield f"{at}: {value!r}, terraform prints {sorted(shape.words)}"


def _mark_faults(change: Mapping[str, Any]) -> Iterator[str]:
    """Marks mirror the value that they are of: true for a marked leaf, lists item by item, and nothing at all where nothing is unknown."""
    unknown = change["after_unknown"]
    if "true" not in json.dumps(unknown) and unknown != {}:
        yield "after_unknown: an empty object where everything is known"
    for value, marks in (("after", "after_unknown"), ("before", "before_sensitive"), ("after", "after_sensitive")):
        if change[value] is None and change[marks] not in ({}, False):
            yield f"{marks}: marks of nothing"
        elif change[value] is not None:
            yield from (f"{marks}{at}: {why}" for at, why in _unlike(change[value], change[marks], unknown=marks == "after_unknown"))


def _unlike(value: Any, marks: Any, at: str = "", *, unknown: bool) -> Iterator[tuple[str, str]]:
    """Where marks have another form than their value. What is unknown stands in no object, and as null in a list."""
    if marks is True:
        if unknown and value is not None:
            yield at, "known and marked unknown"
    elif isinstance(marks, dict):
        if isinstance(value, dict):
            for key, inner in marks.items():
                if inner is False:
                    yield f"{at}.{key}", "false in an object: it is left out there"
                elif key not in value and inner is not True and inner not in ({}, []):
                    yield f"{at}.{key}", "marks of what is not there"
                elif unknown and inner is True and key in value:
                    yield f"{at}.{key}", "unknown and there"
                elif key in value:
                    yield from _unlike(value[key], inner, f"{at}.{key}", unknown=unknown)
        else:
            yield at, "marks of an object over something else"
    elif isinstance(marks, list):
        if not isinstance(value, list) or len(value) != len(marks):
            yield at, "marks of a list over something else"
        else:
            for index, (item, inner) in enumerate(zip(value, marks, strict=True)):
                yield from _unlike(item, inner, f"{at}[{index}]", unknown=unknown)
    elif marks is not False:
        yield at, f"{marks!r} is no mark"
