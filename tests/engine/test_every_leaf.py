"""What the tool accepts, it acts on: changing any leaf of the intent changes the plan, or raises its own error. None is silent."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine_house import GPT_OSS_120B
from pydantic import BaseModel

from giqplan.catalog import open_catalog
from giqplan.engine.inputs import Inputs
from giqplan.engine.planner import make_plan
from giqplan.errors import GiqplanError, RefusedError
from giqplan.intent import load_intent
from giqplan.intent.model import Spec
from giqplan.render.json import plan_json

BASE = yaml.safe_load("""
apiVersion: giqplan.dev/v1alpha1
kind: Inference
metadata: {name: leaf, labels: {team: a}}
spec:
  model: {id: openai/gpt-oss-120b}
  workload: {inputTokens: 1024, outputTokens: 1024, requestsPerSecond: {mean: 3, peak: 8}}
  slo: {ntpotMilliseconds: 8}
  cost: {maxUsdPerHour: 1000}
  accelerator: {types: [nvidia-h100-80gb], count: 8}
  storage: {bucket: {uri: "gs://models/gpt-oss-120b"}}
  autoscaling: {minReplicas: 1, maxReplicas: 3}
  target: {project: my-project, location: us-central1, namespace: inference, cluster: {create: true}}
""")

#: Another value for each leaf of spec. A leaf that is missing here fails the test: someone added a field without saying what it does.
OTHER: dict[str, Any] = {
    "model.id": "MiniMaxAI/MiniMax-M2.5",
    "model.revision": "main",
    "model.weightsGiB": 100,
    "model.dtype": "bfloat16",
    "model.maxModelLen": 16384,
    "model.configFile": "config.json",
    "workload.useCase": "Chatbot",
    "workload.inputTokens": 8192,
    "workload.outputTokens": 1100,
    "workload.requestsPerSecond.mean": 2,
    "workload.requestsPerSecond.peak": 7,
    "slo.ntpotMilliseconds": 5,
    "slo.ttftMilliseconds": 60,
    "slo.itlMilliseconds": 5,
    "slo.percentile": "p99",
    "cost.pricingModel": "spot",
    "cost.outputInputCostRatio": 2,
    "cost.maxUsdPerMillionOutputTokens": 0.01,
    "cost.maxUsdPerHour": 1,
    "serving.server": "sglang",
    "serving.version": "0.17.0",
    "serving.stack": "llm-d",
    "serving.image": "example.com/vllm:v0.18.0",
    "serving.args": ["--max-num-seqs=64"],
    "serving.env": {"VLLM_LOGGING_LEVEL": "DEBUG"},
    "serving.imagePullSecrets": ["pull"],
    "accelerator.types": ["nvidia-b200"],
    "accelerator.prefer": "latency",
    "accelerator.count": 4,
    "accelerator.reservation": "mine",
    "accelerator.fallback": [{"types": ["nvidia-b200"]}],
    "evidence.allow": ["user"],
    "storage.huggingFace.tokenSecret.name": "other",
    "storage.huggingFace.tokenSecret.key": "other",
    "storage.bucket.uri": "gs://models/other",
    "storage.bucket.transfer": True,
    "storage.bucket.xlaCacheUri": "gs://cache/x",
    "autoscaling.minReplicas": 2,
    "autoscaling.maxReplicas": 4,
    "autoscaling.headroom": 0.5,
    "target.project": "other-project",
    "target.quotaProject": "other-project",
    "target.location": "us-east4",
    "target.zones": ["us-central1-a"],
    "target.namespace": "other",
    "target.cluster.name": "other",
    "target.cluster.mode": "standard",
    "target.cluster.create": False,
    "target.cluster.deletionPolicy": "delete",
    "target.cluster.network": "vpc",
    "target.cluster.subnetwork": "subnet",
    "target.cluster.privateNodes": True,
    "target.cluster.releaseChannel": "rapid",
    "observability.logging": ["SYSTEM"],
    "observability.monitoring": ["SYSTEM", "POD"],
    "observability.managedPrometheus": False,
    "observability.autoMonitoring": False,
    "observability.metricsAdapter": "none",
    "observability.dashboard": True,
    "lifecycle.preventDestroy": True,
    "lifecycle.ignore": ["spec.replicas"],
    "lifecycle.moved": [{"from": "a", "to": "b"}],
    "patches": [{"target": "Deployment"}],
    "state.backend": "gs://bucket/prefix",
}

REFUSED = {
    "serving.server",
    "serving.stack",
    "accelerator.reservation",
    "accelerator.fallback",
    "storage.bucket.transfer",
    "storage.bucket.xlaCacheUri",
    "target.cluster.mode",
    "target.cluster.network",
    "target.cluster.subnetwork",
    "target.cluster.privateNodes",
    "observability.dashboard",
    "lifecycle.preventDestroy",
    "lifecycle.ignore",
    "lifecycle.moved",
    "patches",
    "state.backend",
}


def leaves(model: type[BaseModel], at: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        path = f"{at}.{info.alias or name}".lstrip(".")
        inner = next((t for t in (info.annotation, *getattr(info.annotation, "__args__", ())) if _is_model(t)), None)
        if inner is None:
            yield path
        else:
            yield from leaves(inner, path)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def outcome(value: dict[str, Any], folder: Path) -> str:
    """The plan without the digests of its inputs, or the error, as text."""
    file = folder / "inference.yaml"
    file.write_text(json.dumps(value), encoding="utf-8")
    try:
        plan = make_plan(Inputs({file.name: load_intent(file)}, open_catalog(), "gcp", None, None)).plan
    except GiqplanError as error:
        return f"{error.code}: {error.detail}"
    found = plan_json(plan)
    return json.dumps({key: found[key] for key in sorted(found) if key not in ("digest", "inputs")}, sort_keys=True, default=str)


def changed(path: str, other: Any) -> dict[str, Any]:
    value: dict[str, Any] = copy.deepcopy(BASE)
    if path.startswith("storage.huggingFace"):
        value["spec"]["storage"] = {}
    if path == "workload.useCase":
        value["spec"]["workload"] = {"requestsPerSecond": {"mean": 3, "peak": 8}}
    if path == "observability.managedPrometheus":
        value["spec"]["observability"] = {"autoMonitoring": False}
    *parents, last = path.split(".")
    inner = value["spec"]
    for part in parents:
        inner = inner.setdefault(part, {})
    inner[last] = other
    return value


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return outcome(copy.deepcopy(BASE), tmp_path_factory.mktemp("base"))


def test_every_leaf_has_another_value_here() -> None:
    assert set(leaves(Spec)) == set(OTHER)


@pytest.mark.parametrize("path", sorted(OTHER))
def test_another_value_changes_the_plan_or_is_refused(path: str, base: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(GPT_OSS_120B), encoding="utf-8")
    if path.startswith("storage.huggingFace"):
        base = outcome(changed(path, "hf-secret" if path.endswith("name") else "hf_api_token"), tmp_path)
    if path == "observability.managedPrometheus":
        base = outcome(changed("observability.autoMonitoring", False), tmp_path)
    found = outcome(changed(path, OTHER[path]), tmp_path)
    assert found != base
    assert found.startswith("GIQ11") == (path in REFUSED), found[:200]


@pytest.mark.parametrize("pricing", ["flex-start", "reservation"])
def test_ways_of_buying_that_are_not_acted_on_are_refused(pricing: str, tmp_path: Path) -> None:
    file = tmp_path / "inference.yaml"
    file.write_text(json.dumps(changed("cost.pricingModel", pricing)), encoding="utf-8")
    with pytest.raises(GiqplanError) as caught:
        load_intent(file)
    assert all(isinstance(error, RefusedError) for error in caught.value.errors)


def test_labels_stand_on_the_objects(base: str, tmp_path: Path) -> None:
    value = copy.deepcopy(BASE)
    value["metadata"]["labels"] = {"team": "b"}
    assert outcome(value, tmp_path) != base
