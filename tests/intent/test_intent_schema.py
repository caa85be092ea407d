"""The JSON Schema for editors says what the models say; the starter is a valid intent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from intent_samples import SMALL

from giqplan.intent import load_intent
from giqplan.intent.init import starter
from giqplan.intent.schema import SCHEMA_FILE, json_schema, schema_text

ROOT = Path(__file__).parents[2]


def _complaints(text: str) -> list[str]:
    return [error.json_path for error in jsonschema.Draft202012Validator(json_schema()).iter_errors(yaml.safe_load(text))]


def test_the_file_is_current() -> None:
    assert (ROOT / "schemas" / SCHEMA_FILE).read_text() == schema_text(), "write it again: giqplan schema > schemas/inference.schema.json"


def test_it_is_a_schema_and_takes_every_example() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    examples = [path for path in (ROOT / "examples").rglob("*.yaml") if path.stem != "world"]
    assert len(examples) >= 5
    for path in examples:
        assert _complaints(path.read_text()) == [], path


def test_every_key_is_described() -> None:
    schema = json_schema()

    def undescribed(name: str, model: dict[str, Any]) -> list[str]:
        return [f"{name}.{key}" for key, value in model.get("properties", {}).items() if "description" not in value]

    missing = [key for name, model in schema["$defs"].items() if not name.endswith("Overlay") for key in undescribed(name, model)]
    assert missing == []


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ("  slos: {}\n", "$.spec"),
        ("  accelerator: {prefer: costs}\n", "$.spec.accelerator.prefer"),
        ("  accelerator: {count: 0}\n", "$.spec.accelerator.count"),
        ("  autoscaling: {headroom: 2}\n", "$.spec.autoscaling.headroom"),
        ("environments: {prod: {slo: {x: 1}}}\n", "$.environments.prod.slo"),
        ("environments: {prod: {autoscaling: {maxReplicas: 0}}}\n", "$.environments.prod.autoscaling.maxReplicas"),
    ],
)
def test_it_refuses_what_the_models_refuse(more: str, where: str) -> None:
    assert [path for path in _complaints(SMALL + more) if path.startswith(where)]


@pytest.mark.parametrize("more", ["  slo:\n", "environments: {prod: {slo: null, model: {revision: x}}}\n", "environments: {prod: }\n"])
def test_empty_keys_and_partial_overlays_are_fine(more: str) -> None:
    assert _complaints(SMALL + more) == []


def test_the_starter_is_valid_and_carries_what_was_asked() -> None:
    text = starter(name="no", project="my-proj-1", input_tokens="2048", location="europe-west4")
    loaded = load_intent(Path("i.yaml"), text=text)
    assert loaded.intent.metadata.name == "no"
    assert loaded.intent.spec.target.project == "my-proj-1"
    assert loaded.intent.spec.workload.input_tokens == 2048
    assert _complaints(text) == []


@pytest.mark.parametrize("model", ["x: y", "#", "", "a/b\nc: d"])
def test_answers_cannot_change_the_form_of_the_starter(model: str) -> None:
    assert yaml.safe_load(starter(model=model))["spec"]["model"] == {"id": model}


def test_the_starter_leads_to_a_plan() -> None:
    """A newcomer's first file must not end in "no curve": the default model and lengths are in the shipped catalog."""
    from giqplan.catalog import open_catalog
    from giqplan.recommend import recommend

    assert recommend(load_intent(Path("i.yaml"), text=starter()).intent, open_catalog()).miss is None
