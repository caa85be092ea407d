"""What pydantic found wrong, in our words and at its line: one IntentError a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from giqplan.errors import IntentError, Place
from giqplan.intent.document import KeyPath
from giqplan.intent.model import Intent

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "decimal_type": "a number",
    "is_instance_of": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "model_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_too_short": "text that is not empty",
    "string_too_long": "shorter text",
    "too_short": "at least one item",
}
_BOUNDS = {"greater_than": ("gt", "more than"), "greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}


def faults(errors: Sequence[ErrorDetails], place: Callable[[KeyPath], Place], texts: Mapping[Place, str]) -> Iterator[IntentError]:
    """An IntentError (GIQ1016-1018) for each place that pydantic complains about. ``texts``: scalars as they stand in the file, by place,
    where they are written otherwise than their value reads."""
    located = sorted(((_path(error), error) for error in errors), key=lambda pair: tuple(map(str, pair[0])))
    for path, group in groupby(located, key=lambda pair: pair[0]):
        yield _fault(path, [error for _, error in group], place(path), texts)


def _path(error: ErrorDetails) -> KeyPath:
    """Where the fault is. pydantic also names the branches of unions in its paths: what no model has is cut off."""
    path: list[str | int] = []
    for part in error["loc"]:
        if isinstance(part, int) or (part != "[key]" and _has_keys(tuple(path))):
            path.append(part)
    at = error.get("ctx", {}).get("at") if error["type"] == "rule" else None
    return (*path, at) if at else tuple(path)


def _has_keys(path: KeyPath) -> bool:
    """Whether a mapping may stand at ``path``: a model, or a mapping with free keys."""
    info = _field(path)
    return fields_at(path) is not None or info is None or "dict[" in str(info.annotation)


def _fault(path: KeyPath, errors: Sequence[ErrorDetails], place: Place, texts: Mapping[Place, str]) -> IntentError:
    first, shown = errors[0], dotted(path)
    kind, given = first["type"], first.get("input")
    if kind == "extra_forbidden":
        return unknown_key(path, place)
    if kind == "missing":
        return IntentError("GIQ1017", f"{shown} is missing", f"add {path[-1]}: {description(path)}", place)
    if kind == "rule":
        return IntentError("GIQ1018", f"{shown}: {first['msg']}", description(path) or "change one of them", place)
    text = texts.get(place, _brief(given))
    options = options_at(path)
    if options and isinstance(given, str) and len(errors) == 1:
        near = close_matches(given.lower(), options)
        hint = f"did you mean {near[0]}? " if near else ""
        return IntentError("GIQ1018", f"{shown}: {text} is not one of the known values", f"{hint}one of: {', '.join(options)}", place)
    wanted = " or ".join(dict.fromkeys(filter(None, (_wanted(error) for error in errors))))
    return IntentError("GIQ1018", f"{shown}: {text} is not {wanted}", _remedy(path, first, text), place)


def _wanted(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{words} {context[key]}"
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    if kind == "string_pattern_mismatch":
        return "of the right form"
    if kind == "value_error":
        return str(context["error"])
    return _WANTED.get(kind, error["msg"][:1].lower() + error["msg"][1:])


def _remedy(path: KeyPath, error: ErrorDetails, text: str) -> str:
    given, told = error.get("input"), description(path)
    if error["type"] == "string_type" and isinstance(given, int | float):
        return f'put it in quotes: "{text}"'
    if isinstance(given, str) and error["type"] in ("int_type", "float_type", "is_instance_of", "decimal_type"):
        try:
            number = float(given)
        except ValueError:
            return told or "write a number"
        return f"YAML reads it as text: write {number:g} without quotes, in plain digits"
    if error["type"] == "string_pattern_mismatch":
        return f"{told} It has to match {error['ctx']['pattern']}" if told else f"it has to match {error['ctx']['pattern']}"
    return told or "see `giqplan schema`"


def _brief(value: Any) -> str:
    text = "nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def close_matches(word: str, known: Iterable[str]) -> list[str]:
    """The known word that is nearest to ``word``, if any is near."""
    import difflib  # costs 6 ms, and only mistakes need it

    return difflib.get_close_matches(word, list(known), 1, 0.7)


def dotted(path: KeyPath) -> str:
    """The path as one reads it: ``spec.accelerator.types[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def unknown_key(path: KeyPath, place: Place) -> IntentError:
    """GIQ1016 with the key that was meant, where one is near, or stands in another section."""
    key, known = str(path[-1]), sorted(fields_at(path[:-1]) or ())
    by_lower = {name.lower(): name for name in known}
    elsewhere = _elsewhere(Intent, key.lower(), "")
    near = close_matches(key.lower().replace("_", ""), by_lower)
    if near:
        hint = f"did you mean {by_lower[near[0]]}?"
    elif elsewhere:
        hint = f"did you mean {elsewhere}?"
    else:
        hint = f"known here: {', '.join(known)}"
    return IntentError("GIQ1016", f"unknown key {dotted(path)}", hint, place)


def _elsewhere(model: type[BaseModel], key: str, at: str) -> str:
    """The full path of a key that exists in another section, or nothing."""
    for alias, info in fields_of(model).items():
        inner = _model_of(info.annotation)
        deeper = _elsewhere(inner, key, f"{at}{alias}.") if inner is not None else ""
        if alias.lower() == key or deeper:
            return deeper or f"{at}{alias}"
    return ""


def fields_of(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The fields of a model by their YAML keys."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def fields_at(path: KeyPath) -> Mapping[str, FieldInfo] | None:
    """The fields that a mapping at ``path`` may have; None where any key may stand (labels, env, what is no model)."""
    model: type[BaseModel] | None = Intent
    for part in path:
        if isinstance(part, int):
            continue
        info = fields_of(model).get(str(part)) if model is not None else None
        model = _model_of(info.annotation) if info is not None else None
    return fields_of(model) if model is not None else None


def _field(path: KeyPath) -> FieldInfo | None:
    names = tuple(part for part in path if not isinstance(part, int))
    fields = fields_at(names[:-1]) if names else None
    return fields.get(str(names[-1])) if fields else None


def description(path: KeyPath) -> str:
    """What the field at ``path`` means, "" for what has no field."""
    info = _field(path)
    return info.description or "" if info is not None else ""


def options_at(path: KeyPath) -> list[str]:
    """The values of the closed enum at ``path``, [] where it is none."""
    info = _field(path)
    return [member.value for member in _enum_of(info.annotation)] if info is not None else []


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_model_of, getattr(annotation, "__args__", ())) if m is not None), None)


def _enum_of(annotation: Any) -> Any:
    from enum import StrEnum

    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return annotation
    return next((found for found in map(_enum_of, getattr(annotation, "__args__", ())) if found), ())
