"""The JSON Schema of inference.yaml, generated from the models; schemas/inference.schema.json holds it for editors."""

from __future__ import annotations

import json
from typing import Any

from giqplan.intent.model import Intent, Spec

SCHEMA_FILE = "inference.schema.json"


def json_schema() -> dict[str, Any]:
    """Draft 2020-12. What the models read is described; rules between fields are checked by ``validate`` only.

    An empty key (``slo:``) is null and means the default, so every optional key takes null; an overlay is the same as ``spec`` with
    nothing required and every key deletable. Null is a second type, not a branch: editors then point at the fault itself.
    """
    schema = Intent.model_json_schema(by_alias=True, mode="validation")
    definitions: dict[str, Any] = schema["$defs"]
    models = {name: body for name, body in definitions.items() if "properties" in body}
    for body in (*models.values(), schema):
        body.pop("title", None)
        required = body.get("required", ())
        for key, value in body["properties"].items():
            body["properties"][key] = _property(value, definitions, optional=key not in required)
    overlays = {_overlay_name(name): _overlay(body, definitions) for name, body in models.items()}
    environments = schema["properties"]["environments"]
    (name_pattern,) = environments["patternProperties"]
    environments["patternProperties"] = {name_pattern: {"$ref": f"#/$defs/{_overlay_name(Spec.__name__)}"}}
    environments["additionalProperties"] = False
    title = "giqplan intent (inference.yaml)"
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://giqplan.dev/v1alpha1/inference.json", "title": title}
    return {**head, **schema, "$defs": dict(sorted({**models, **overlays, **_enums(definitions)}.items()))}


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _enums(definitions: dict[str, Any]) -> dict[str, Any]:
    """The enums that lists refer to."""
    return {name: {k: v for k, v in body.items() if k != "title"} for name, body in definitions.items() if "enum" in body}


def _name(value: dict[str, Any]) -> str:
    return str(value.get("$ref", "")).removeprefix("#/$defs/")


def _property(value: dict[str, Any], definitions: dict[str, Any], *, optional: bool) -> dict[str, Any]:
    """One key's schema without the title that only repeats it; null is allowed when the key may be left out."""
    told = {key: value[key] for key in ("description", "default") if value.get(key) is not None}
    shape = {key: inner for key, inner in value.items() if key not in ("title", "description", "default")}
    return {**told, **(_or_null(shape, definitions) if optional else shape)}


def _or_null(shape: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in shape:
        branches = [branch for branch in shape["anyOf"] if branch != {"type": "null"}]
        return _or_null(branches[0], definitions) if len(branches) == 1 else {"anyOf": [*branches, {"type": "null"}]}
    target = definitions.get(_name(shape))
    if target is not None and "enum" in target:
        return {"enum": [*target["enum"], None]}
    if target is not None:
        target["type"] = ["object", "null"]
        return shape
    return {**shape, "type": [shape["type"], "null"]} if isinstance(shape.get("type"), str) else shape


def _overlay_name(name: str) -> str:
    return f"{name}Overlay"


def _overlay(body: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A model once more with nothing required, no defaults, and every key deletable; references lead to overlays again."""
    properties = {}
    for key, value in body["properties"].items():
        shape = _property({k: v for k, v in value.items() if k != "default"}, definitions, optional=True)
        if _name(shape) in definitions:
            shape["$ref"] = f"#/$defs/{_overlay_name(_name(shape))}"
        properties[key] = shape
    return {"additionalProperties": False, "properties": properties, "type": ["object", "null"]}
