"""The JSON Schema of inference.yaml, generated from the models; schemas/inference.schema.json holds it for editors."""

from __future__ import annotations

import json
from typing import Any

from giqplan.intent.model import Intent, Spec

SCHEMA_FILE = "inference.schema.json"


def json_schema() -> dict[str, Any]:
    """Draft 2020-12. What the models read is described; rules between fields are checked by ``validate`` only.

    An empty key (``slo:``) is null and means the default, so every optional key takes null; an overlay is the same as ``spec`` with
    nothing required, because it is merged into it.
    """
    schema = Intent.model_json_schema(by_alias=True, mode="validation")
    definitions = schema["$defs"]
    for name in [name for name in definitions if "properties" in definitions[name]]:
        _tidy(definitions[name])
    _tidy(schema)
    definitions.update(_overlays(definitions))
    schema["properties"]["environments"]["additionalProperties"] = {"$ref": f"#/$defs/{_overlay_name(Spec.__name__)}"}
    title = "giqplan intent (inference.yaml)"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://giqplan.dev/v1alpha1/inference.json",
        **schema,
        "title": title,
    }


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(model: dict[str, Any]) -> None:
    """Drop the titles that only repeat a key, and let an optional key be empty."""
    model.pop("title", None)
    required = model.get("required", ())
    for key, value in model["properties"].items():
        value.pop("title", None)
        if key not in required:
            model["properties"][key] = _or_null(value)


def _or_null(value: dict[str, Any]) -> dict[str, Any]:
    branches = value.get("anyOf", ())
    if {"type": "null"} in branches:
        return value
    outside: dict[str, Any] = {key: value[key] for key in ("description", "default") if key in value}
    inside = {key: inner for key, inner in value.items() if key not in outside}
    inner = inside["anyOf"] if set(inside) == {"anyOf"} else [inside]
    return {**outside, "anyOf": [*inner, {"type": "null"}]}


def _overlay_name(name: str) -> str:
    return f"{name}Overlay"


def _overlays(definitions: dict[str, Any]) -> dict[str, Any]:
    """Every model once more with nothing required and every key deletable; references lead to overlays again."""
    models = {name for name, body in definitions.items() if "properties" in body}

    def relaxed(value: Any) -> Any:
        if isinstance(value, list):
            return [relaxed(item) for item in value]
        if not isinstance(value, dict):
            return value
        found = {key: relaxed(inner) for key, inner in value.items() if key not in ("required", "default")}
        name = str(value.get("$ref", "")).removeprefix("#/$defs/")
        return {**found, "$ref": f"#/$defs/{_overlay_name(name)}"} if name in models else found

    overlays = {}
    for name in models:
        body = relaxed(definitions[name])
        body["properties"] = {key: _or_null(value) for key, value in body["properties"].items()}
        overlays[_overlay_name(name)] = body
    return dict(sorted(overlays.items()))
