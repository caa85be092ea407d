"""Whole manifests, as a reader sees them: golden/<case>.yaml. Review their diff.

Written anew with ``GIQPLAN_UPDATE_GOLDEN=1 pytest tests/manifests/test_manifest_golden.py``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from manifest_samples import A3_1G, A3_8G, BUCKET, G2_12, a_recommendation, an_intent, objects_of

from giqplan.manifests import Rollout, header, metrics_adapter_objects, to_yaml
from giqplan.model.recommendation import PricingModel

GOLDEN = Path(__file__).parent / "golden"
SMALL = a_recommendation("Qwen/Qwen3.5-4B", "0.12.0", "nvidia-l4", 1, "tp1", "", "g2-standard-12", hpa_target=12)
CASES = {
    "hugging-face-small": (
        an_intent({"model": {"id": "Qwen/Qwen3.5-4B"}}, labels={"team": "support"}),
        SMALL,
        {"weights_gib": 8.68, "gated": False, "machine": G2_12, "checkpoint_dtype": "bf16"},
    ),
    "hugging-face-large-gated": (
        an_intent({"model": {"id": "meta-llama/Llama-3.1-70B"}, "target": {"namespace": "team-a"}}),
        a_recommendation("meta-llama/Llama-3.1-70B", precision="fp8"),
        {"weights_gib": 67.66, "gated": True, "machine": A3_8G, "checkpoint_dtype": "bf16"},
    ),
    "bucket-streamer": (
        an_intent({"storage": BUCKET}),
        a_recommendation(),
        {"weights_gib": 121.54, "machine": A3_8G, "rollout": Rollout.SURGE},
    ),
    "bucket-fuse-old-server": (
        an_intent({"storage": {"bucket": {"uri": "gs://acme-models/qwen/4b"}}, "model": {"id": "Qwen/Qwen3.5-4B"}}),
        a_recommendation("Qwen/Qwen3.5-4B", "0.9.2", "nvidia-l4", 1, "tp1", "", "g2-standard-12", hpa_target=12),
        {"weights_gib": 8.68, "machine": G2_12, "checkpoint_dtype": "bf16"},
    ),
    "spot-in-zones": (
        an_intent(
            {"storage": BUCKET, "target": {"zones": ["us-central1-a", "us-central1-c"]}, "serving": {"args": ["--max-num-seqs=256"]}}
        ),
        a_recommendation(count=1, parallelism="tp1", machine="a3-highgpu-1g", pricing=PricingModel.SPOT),
        {"weights_gib": 62.0, "machine": A3_1G},
    ),
    "no-autoscaler": (
        an_intent({"storage": BUCKET, "model": {"maxModelLen": 16384}}),
        a_recommendation(hpa_target=None, replicas=(1, 2, 2)),
        {"weights_gib": 121.54, "machine": A3_8G},
    ),
}


def compare(path: Path, text: str) -> None:
    if os.environ.get("GIQPLAN_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.fixture(autouse=True)
def _any_version(monkeypatch):
    monkeypatch.setattr("giqplan.manifests.marks.__version__", "0.0.0")
    metrics_adapter_objects.cache_clear()  # they are made once a process, and carry the version
    yield
    metrics_adapter_objects.cache_clear()


@pytest.mark.parametrize("name", CASES)
def test_manifests_as_reviewed(name):
    intent, recommendation, facts = CASES[name]
    objects = objects_of(intent, recommendation, **facts)
    text = to_yaml(objects, header(intent, recommendation))
    compare(GOLDEN / f"{name}.yaml", text)
    assert list(yaml.safe_load_all(text)) == list(objects)


def test_the_adapter_as_reviewed():
    compare(GOLDEN / "metrics-adapter.yaml", to_yaml(metrics_adapter_objects()))


def test_the_header_names_what_is_known_and_claims_no_validation():
    intent, recommendation, _ = CASES["bucket-streamer"]
    lines = header(intent, recommendation)
    assert lines[0] == "# Generated on 2026-11-22 (date of the catalog) using:"
    assert all(line.startswith("# ") for line in lines)
    assert "# Model server vllm 0.18.0" in lines
    assert sum("not validated" in line for line in lines) == 2
