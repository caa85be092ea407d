"""How source rows become curves."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

_ROW = {
    "kind": "measured",
    "curve_id": "x-1",
    "model_id": "a/b",
    "model_server": "vllm",
    "server_version": "0.9.0",
    "image": "",
    "gke_accelerator": "nvidia-l4",
    "accelerator_count": "1",
    "instance_type": "",
    "replicas": "8",
    "precision": "fp8",
    "parallelism": "tp1",
    "isl": "128",
    "osl": "128",
    "load_kind": "concurrency",
    "load": "4.0",
    "qps": "0.50",
    "measured_at": "2026",
    "output_tok_per_s": "64",
    "ttft_ms": "80",
    "itl_ms": "7.0",
    "ntpot_ms": "8",
    "stat": "p50",
    "derived": "",
    "source": "one/a.json",
    "suspect": "",
    "queue_dominated": "False",
    "qa_note": "",
}


@pytest.fixture(scope="module")
def build() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "build_catalog.py"
    spec = importlib.util.spec_from_file_location("build_catalog", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_order_of_source_rows_does_not_matter(build: ModuleType) -> None:
    rows = [_ROW, {**_ROW, "load": "8"}, {**_ROW, "curve_id": "x-2", "load": "16"}]
    assert build.build_curves(rows, build.Sources()) == build.build_curves(rows[::-1], build.Sources())


def test_one_source_id_with_two_profiles_is_two_curves(build: ModuleType) -> None:
    curves, points = build.build_curves([_ROW, {**_ROW, "precision": "bf16"}], build.Sources())
    assert len({c["key"] for c in curves}) == 2 and {c["source_curve"] for c in curves} == {"x-1"}
    assert {p["curve"] for p in points} == {c["key"] for c in curves}


def test_lengths_measured_at_each_load_are_one_curve(build: ModuleType) -> None:
    curves, points = build.build_curves([_ROW, {**_ROW, "load": "8", "osl": "129", "source": "one/b.json"}], build.Sources())
    assert len(curves) == 1 and len(points) == 2
    assert "lengths are means" in curves[0]["note"]


def test_the_same_curve_twice_is_refused(build: ModuleType) -> None:
    with pytest.raises(SystemExit, match="the same curve"):
        build.build_curves([_ROW, {**_ROW, "curve_id": "x-2"}], build.Sources())


def test_numbers_have_one_spelling(build: ModuleType) -> None:
    _, points = build.build_curves([_ROW], build.Sources())
    assert (points[0]["load"], points[0]["qps"], points[0]["kv_cache"]) == ("4", "0.5", "")


def test_citations_become_ids_with_licence_and_date(build: ModuleType) -> None:
    sources = build.Sources()
    key = sources.id("some/repo@abc (2026-01-02; Apache-2.0)")
    assert sources.id("") == ""
    assert sources.rows() == [
        {"id": key, "citation": "some/repo@abc (2026-01-02; Apache-2.0)", "licence": "Apache-2.0", "date": "2026-01-02"}
    ]


def test_machines_without_a_source_are_unknown(build: ModuleType) -> None:
    machines = [{"machine_type": "z9-1", "series": "z9"}, {"machine_type": "a2-highgpu-1g", "series": "a2"}]
    rows = [r for r in build.consumption(machines, build.Sources()) if r["machine"] == "z9-1"]
    assert {(r["answer"], r["source"]) for r in rows} == {("unknown", "")} and len(rows) == 5
