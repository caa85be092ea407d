"""Validation of custom resources against the schema of their definition (k8s.io/apiextensions-apiserver/pkg/apiserver/validation).

CEL rules (``x-kubernetes-validations``) are not evaluated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from giqplan.kube import field_errors as say
from giqplan.kube.refusal import Cause
from giqplan.kube.schema import Schema
from giqplan.kube.values import MAPS, JsonObject

_BLOCKING = ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid")
_UNCHECKED = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"
_DURATION = re.compile(r"[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w))+)")


def custom_errors(obj: JsonObject, schema: Schema) -> list[Cause]:
    """What is wrong with ``obj``. When rules in CEL could not be judged because of it, the server's remark on that comes last."""
    found = list(_object(obj, schema, ""))
    if any(c.reason in _BLOCKING for c in found) and _has_rules(schema):
        found.append(say.invalid_go("<nil>", '"null"', _UNCHECKED))
    return found


@lru_cache(maxsize=256)
def _has_rules(schema: Schema) -> bool:
    return "x-kubernetes-validations" in json.dumps({k: v for k, v in schema.raw.items() if k != "$ref"}, default=str)


def _object(value: Mapping[str, Any], schema: Schema, at: str) -> Iterator[Cause]:
    for key in schema.required:
        if key not in value:
            yield say.required(f"{at}.{key}" if at else key)
    count = len(value)
    if "maxProperties" in schema.raw and count > schema.raw["maxProperties"]:
        yield Cause("FieldValueTooMany", f"Too many: {count}: must have at most {schema.raw['maxProperties']} items", at)
    if count < schema.raw.get("minProperties", 0):
        yield say.invalid_go(at, str(count), f"{at} in body should have at least {schema.raw['minProperties']} properties")
    for key in sorted(value):
        child = schema.field(key)
        if child is not None and not (not at and key == "metadata"):
            yield from _value(value[key], child, f"{at}.{key}" if at else key)


def _value(value: Any, schema: Schema, at: str) -> Iterator[Cause]:
    if value is None and schema.nullable:
        return
    wrong = _wrong_type(value, schema)
    if wrong:
        yield say.invalid_go(at, f'"{wrong}"', f'{at} in body must be of type {schema.type}: "{wrong}"', "FieldValueTypeInvalid")
        return
    if schema.enum and value not in schema.enum:
        yield say.unsupported(at, value, schema.enum)
    if isinstance(value, MAPS):
        yield from _object(value, schema, at)
    elif isinstance(value, list):
        yield from _list(value, schema, at)
    elif isinstance(value, str):
        yield from _text(value, schema.raw, at)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema.raw, at)


def _list(value: list[Any], schema: Schema, at: str) -> Iterator[Cause]:
    raw, count = schema.raw, len(value)
    if "maxItems" in raw and count > raw["maxItems"]:
        yield Cause("FieldValueTooMany", f"Too many: {count}: must have at most {raw['maxItems']} items", at)
    if count < raw.get("minItems", 0):
        yield say.invalid_go(at, str(count), f"{at} in body should have at least {raw['minItems']} items")
    for index, item in enumerate(value):
        yield from _value(item, schema.items, f"{at}[{index}]")


def _text(value: str, raw: JsonObject, at: str) -> Iterator[Cause]:
    if "maxLength" in raw and len(value) > raw["maxLength"]:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {raw['maxLength']} bytes", at)
    if len(value) < raw.get("minLength", 0):
        yield say.invalid(at, value, f"{at} in body should be at least {raw['minLength']} chars long")
    if "pattern" in raw and not re.search(raw["pattern"], value):
        yield say.invalid(at, value, f"{at} in body should match '{raw['pattern']}'")
    if raw.get("format") == "duration" and not _DURATION.fullmatch(value):
        yield say.invalid_go(at, f'"{value}"', f'{at} in body must be of type duration: "{value}"', "FieldValueTypeInvalid")


def _number(value: int | float, raw: JsonObject, at: str) -> Iterator[Cause]:
    if "minimum" in raw and value < raw["minimum"]:
        yield say.invalid(at, value, f"{at} in body should be greater than or equal to {raw['minimum']}")
    if "maximum" in raw and value > raw["maximum"]:
        yield say.invalid(at, value, f"{at} in body should be less than or equal to {raw['maximum']}")


def _wrong_type(value: Any, schema: Schema) -> str:
    """The JSON type of ``value`` when the schema wants another one."""
    if schema.int_or_string:
        return "" if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)) else _type(value)
    if not schema.type or schema.type == _type(value):
        return ""
    return "" if schema.type == "number" and _type(value) == "integer" else _type(value)


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, MAPS):
        return "object"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    return "number" if isinstance(value, float) else "string" if isinstance(value, str) else "array"
