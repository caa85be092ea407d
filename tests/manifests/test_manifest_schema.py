"""Everything that is written is accepted by the Kubernetes OpenAPI, whatever the intent and the recommendation."""

from __future__ import annotations

import json
import re

import jsonschema
import kubernetes_validate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifest_samples import A3_8G, BUCKET, HUGGING_FACE, a_recommendation, an_intent, build_objects, container_of, objects_of, of_kind

from giqplan.manifests import Rollout, metrics_adapter_objects
from giqplan.model.recommendation import PricingModel

#: The part of the PodMonitoring CRD that is used (GoogleCloudPlatform/prometheus-engine, Apache-2.0): unknown fields are errors.
POD_MONITORING = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "monitoring.googleapis.com/v1"},
        "kind": {"const": "PodMonitoring"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["selector", "endpoints"],
            "properties": {
                "selector": {"type": "object"},
                "endpoints": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["port", "interval"],
                        "properties": {
                            "port": {"type": ["string", "integer"]},
                            "path": {"type": "string"},
                            "interval": {"pattern": r"^\d+s$"},
                        },
                    },
                },
                "targetLabels": {
                    "type": "object",
                    "properties": {"metadata": {"type": "array", "items": {"enum": ["pod", "container", "node"]}}},
                },
            },
        },
    },
}
LABEL_VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")
LABEL_KEY = re.compile(r"^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")


def check(body):
    """Schema of the newest Kubernetes that the validator knows, strict; label rules, which no schema holds."""
    json.dumps(body, allow_nan=False)
    if body["kind"] == "PodMonitoring":
        jsonschema.validate(body, POD_MONITORING)
    else:
        kubernetes_validate.validate(body, "1.33", strict=True)
    meta = body["metadata"]
    assert len(meta["name"]) <= 253
    for key, value in meta.get("labels", {}).items():
        assert LABEL_KEY.match(key), key
        assert LABEL_VALUE.match(value), value
    for key in meta.get("annotations", {}):
        assert LABEL_KEY.match(key), key


def test_the_validator_can_say_no():
    broken = json.loads(json.dumps(of_kind(objects_of(), "Deployment")))
    broken["spec"]["prts"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        check(broken)


@pytest.mark.parametrize("body", metrics_adapter_objects(), ids=lambda body: f"{body['kind']}-{body['metadata']['name']}")
def test_the_adapter_is_valid(body):
    check(body)


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True).filter(lambda name: name != "vllm")
MODELS = st.from_regex(r"[A-Za-z0-9_.-]{1,20}/[A-Za-z0-9_.-]{1,80}", fullmatch=True)


@st.composite
def subjects(draw):
    bucket = draw(st.booleans())
    version = draw(st.sampled_from(["0.6.6", "0.8.5", "0.9.2", "0.11.0", "0.11.1", "0.15.1", "0.18.0", "0.33.0"]))
    parallelism, count = draw(st.sampled_from([("tp8", 8), ("tp4", 4), ("tp1", 1), ("tp2", 2), ("", 8)]))
    spec = {
        "storage": BUCKET if bucket else HUGGING_FACE,
        "model": {"maxModelLen": draw(st.none() | st.integers(2048, 1_000_000))},
        "serving": {
            "env": draw(st.dictionaries(st.from_regex(r"MY_[A-Z]{1,8}", fullmatch=True), st.text(max_size=8), max_size=2)),
            "imagePullSecrets": draw(st.lists(st.sampled_from(["registry", "other"]), unique=True)),
        },
        "target": {
            "namespace": draw(st.sampled_from(["default", "team-a"])),
            "zones": draw(st.lists(st.sampled_from(["us-central1-a", "us-central1-c"]), unique=True)),
        },
    }
    labels = draw(st.dictionaries(st.sampled_from(["team", "example.com/cost"]), st.sampled_from(["", "a", "A.b-9"])))
    recommendation = a_recommendation(
        model=draw(MODELS),
        version=version,
        count=count,
        parallelism=parallelism,
        precision="",
        pricing=draw(st.sampled_from(list(PricingModel))),
        hpa_target=draw(st.none() | st.integers(1, 4000)),
    )
    facts = {"weights_gib": draw(st.floats(0.5, 150)), "gated": draw(st.sampled_from([True, False, None])), "machine": A3_8G}
    return an_intent(spec, name=draw(NAMES), labels=labels), recommendation, {**facts, "rollout": draw(st.sampled_from(list(Rollout)))}


@settings(max_examples=60, deadline=None)
@given(subjects())
def test_every_object_of_every_intent_is_valid(subject):
    intent, recommendation, facts = subject
    objects = build_objects(intent, recommendation, **facts)
    for body in objects:
        check(body)
    pod_labels = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert of_kind(objects, "Deployment")["spec"]["selector"]["matchLabels"].items() <= pod_labels.items()
    assert all(LABEL_VALUE.match(value) for value in pod_labels.values())
    mounted = {mount["name"] for mount in container_of(objects)["volumeMounts"]}
    volumes = [volume["name"] for volume in of_kind(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]]
    assert len(set(volumes)) == len(volumes)
    assert mounted <= set(volumes)
    assert len({entry["name"] for entry in container_of(objects)["env"]}) == len(container_of(objects)["env"])
    assert build_objects(intent, recommendation, **facts) == objects
