"""Every recorded report imports, and its NTPOT, TTFT and rates are the file's figures exactly, in our units."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from import_reports import REPORTS, given, imported, put, stage

from giqplan.catalog import open_catalog
from giqplan.catalog.importers.profiles import Given
from giqplan.catalog.layer import NewCurve, add_curves
from giqplan.catalog.levels import ladder
from giqplan.model.recommendation import Statistic

LATENCIES = ("ntpot_ms", "ttft_ms", "output_tokens_per_second", "qps")


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def points(curve: NewCurve) -> list[dict[str, Decimal]]:
    numbers = ("load", "qps", "output_tokens_per_second", "ttft_ms", "itl_ms", "ntpot_ms")
    return [{name: Decimal(point[name]) for name in numbers if point[name]} for point in curve.points]


def itl(ntpot: Decimal, ttft: Decimal, tokens: Decimal) -> float:
    return float((ntpot * tokens - ttft) / (tokens - 1))


@pytest.mark.parametrize(("statistic", "spelled"), [(None, "median"), (Statistic.P50, "median"), (Statistic.MEAN, "mean")])
def test_stages_of_inference_perf(statistic: Statistic | None, spelled: str) -> None:
    files = sorted((REPORTS / "run").glob("stage_*.json"))
    found = imported(*files, what=given(statistic=statistic))
    (curve,) = found.curves
    assert (curve.cells["statistic"], curve.cells["load_kind"]) == ("mean" if spelled == "mean" else "p50", "rate")
    assert (curve.cells["input_tokens"], curve.cells["output_tokens"]) == ("97", "20")
    for file, point in zip(files, points(curve), strict=True):
        report = exact(file.read_text(encoding="utf-8"))
        good = report["successes"]
        latency = {name: value[spelled] * 1000 for name, value in good["latency"].items()}
        assert point["load"] == report["load_summary"]["requested_rate"]
        assert point["ntpot_ms"] == latency["normalized_time_per_output_token"]
        assert point["ttft_ms"] == latency["time_to_first_token"]
        assert point["qps"] == good["throughput"]["requests_per_sec"]
        assert point["output_tokens_per_second"] == good["throughput"]["output_tokens_per_sec"]
        assert float(point["itl_ms"]) == pytest.approx(itl(point["ntpot_ms"], point["ttft_ms"], good["output_len"]["mean"]))


def test_stages_that_were_not_streamed_have_neither_ttft_nor_itl() -> None:
    found = imported(*sorted((REPORTS / "nonstreaming").glob("stage_*.json")))
    assert [(sorted(point), point["ntpot_ms"]) for point in points(found.curves[0])] == [
        (["load", "ntpot_ms", "output_tokens_per_second", "qps"], Decimal("5.740729303258387")),
        (["load", "ntpot_ms", "output_tokens_per_second", "qps"], Decimal("6.097523629908803")),
    ]
    assert any("does not stream" in warning for warning in found.warnings)


def test_a_stage_of_an_older_inference_perf(tmp_path: Path) -> None:
    def older(report: dict[str, Any]) -> None:
        del report["benchmark_time_seconds"]
        good = report["successes"]
        good["prompt_len"] = {k: v for k, v in good.pop("prompt_tokens").items() if k in ("mean", "min", "p10", "median", "p90", "max")}
        del good["output_tokens"]
        report["failures"]["prompt_len"] = report["failures"].pop("prompt_tokens")

    (curve,) = imported(stage(tmp_path, 0, older)).curves
    assert (curve.cells["input_tokens"], curve.cells["output_tokens"]) == ("94", "21")


def test_a_stage_of_fixed_concurrency(tmp_path: Path) -> None:
    (curve,) = imported(*(stage(tmp_path, n, put("load_summary/concurrency", 8 << n)) for n in range(2))).curves
    assert (curve.cells["load_kind"], [point["load"] for point in curve.points]) == ("concurrency", ["8", "16"])


@pytest.mark.parametrize("folder", ["run", "goodput", "nonstreaming"])
def test_the_benchmark_report_of_a_run_says_what_its_stage_files_say(folder: str) -> None:
    (ours,) = imported(*sorted((REPORTS / folder).glob("stage_*.json"))).curves
    (theirs,) = imported(*sorted((REPORTS / folder).glob("*.yaml"))[1:]).curves
    for column in (*LATENCIES, "itl_ms"):
        assert [point[column] for point in theirs.points] == [point[column] for point in ours.points]
    assert (theirs.cells["measured_at"], [point["load"] for point in theirs.points]) == ("2026-11-22", ["", ""])


def report_of_version(version: str, unit: str) -> dict[str, Any]:
    """The recorded report as another version has it."""
    text = (REPORTS / "run" / "inference-perf.partial.stage_1.yaml").read_text(encoding="utf-8")
    report = yaml.safe_load(text)
    found = report["results"]["request_performance"]["aggregate"]
    if unit == "ms":
        for stat in found["latency"].values():
            stat.update({name: value * 1000 for name, value in stat.items() if name != "units"}, units=stat["units"].replace("s", "ms", 1))
    engine = {"kind": "inference_engine", "tool": "vllm", "tool_version": "v0.11.0", "role": "replica", "replicas": 2}
    card = {"model": "NVIDIA-L4-24GB", "count": 2, "parallelism": {"tp": 2}}
    if version != "0.1":
        part = {"metadata": {}, "native": {}, "standardized": {**engine, "model": {"name": "mock/tiny"}, "accelerator": card}}
        load = {"metadata": {}, "native": {}, "standardized": {"rate_qps": 12}}
        return {**report, "version": version, "scenario": {"stack": [part], "load": load}}
    rates = found["throughput"]
    named = {"input_tokens_per_sec": "input_token_rate", "output_tokens_per_sec": "output_token_rate", "requests_per_sec": "request_rate"}
    found["throughput"] = {name: rates[rate]["mean"] for name, rate in named.items()}
    host = {"type": ["replica", "replica"], "accelerator": [card, card]}
    scenario = {"host": host, "platform": {"engine": [{"name": "vllm", "version": "v0.11.0"}] * 2}, "model": {"name": "mock/tiny"}}
    return {"version": "0.1", "scenario": scenario, "metrics": {**found, "time": {"duration": 6, "start": 1795344351.6}}}


@pytest.mark.parametrize("unit", ["s", "ms"])
@pytest.mark.parametrize("version", ["0.1", "0.2", "0.2.1"])
def test_benchmark_reports_of_each_version_in_either_unit(tmp_path: Path, version: str, unit: str) -> None:
    file = tmp_path / "report.yaml"
    file.write_text(yaml.safe_dump(report_of_version(version, unit)), encoding="utf-8")
    what = given({"model_id": "openai/gpt-oss-20b", "accelerator": "nvidia-l4"})
    (curve,) = imported(file, what=what).curves
    told = ("model_server", "model_server_version", "accelerator_count", "parallelism", "replicas", "measured_at")
    assert [curve.cells[column] for column in told] == ["vllm", "0.11.0", "2", "tp2", "2", "2026-11-22"]
    (point,) = curve.points
    assert point["load"] == ("" if version == "0.1" else "12")
    assert float(point["ntpot_ms"]) == pytest.approx(7.072604797619826)
    assert float(point["ttft_ms"]) == pytest.approx(36.41228149996323)


@pytest.mark.parametrize("name", ["rates.json", "rates.yaml", "rates.csv", "streams.json"])
def test_reports_of_guidellm(name: str) -> None:
    source = REPORTS / "guidellm" / name.replace("csv", "json").replace("yaml", "json")
    benchmarks = exact(source.read_text(encoding="utf-8"))["benchmarks"]
    (curve,) = imported(REPORTS / "guidellm" / name).curves
    assert curve.cells["load_kind"] == ("concurrency" if name == "streams.json" else "rate")
    for benchmark, point in zip(benchmarks, points(curve), strict=True):
        found = {name: value["successful"] for name, value in benchmark["metrics"].items()}
        asked = benchmark["config"]["strategy"]
        assert point["load"] == asked.get("rate", asked.get("streams"))
        assert point["ntpot_ms"] == found["time_per_output_token_ms"]["median"], "GuideLLM's TPOT is NTPOT"
        assert point["ttft_ms"] == found["time_to_first_token_ms"]["median"]
        assert point["qps"] == found["requests_per_second"]["mean"]
        assert point["output_tokens_per_second"] == found["output_tokens_per_second"]["mean"]
        assert float(point["itl_ms"]) == pytest.approx(itl(point["ntpot_ms"], point["ttft_ms"], found["output_token_count"]["mean"]))


def test_a_guidellm_report_that_was_not_streamed_has_no_first_token(tmp_path: Path) -> None:
    text = (REPORTS / "guidellm" / "rates.json").read_text(encoding="utf-8")
    file = tmp_path / "rates.json"
    file.write_text(text.replace('"stream": true', '"stream": false'), encoding="utf-8")
    assert [(p["ttft_ms"], p["itl_ms"]) for p in imported(file).curves[0].points] == [("", ""), ("", "")]


def test_a_sweep_of_guidellm_is_one_curve(tmp_path: Path) -> None:
    report = json.loads((REPORTS / "guidellm" / "rates.json").read_text(encoding="utf-8"))
    slow, fast = json.loads((REPORTS / "guidellm" / "rates.json").read_text(encoding="utf-8"))["benchmarks"]
    slow["config"]["strategy"], fast["config"]["strategy"] = {"type_": "synchronous"}, {"type_": "throughput"}
    slow["metrics"]["requests_per_second"]["successful"]["mean"] = 4.5
    fast["metrics"]["requests_per_second"]["successful"]["mean"] = 19.5
    file = tmp_path / "sweep.json"
    file.write_text(json.dumps({**report, "benchmarks": [slow, fast, *report["benchmarks"]]}), encoding="utf-8")
    (curve,) = imported(file).curves
    assert (curve.cells["load_kind"], sorted(point["load"] for point in curve.points)) == ("rate", ["", "", "15", "5"])


GCLOUD = (
    "Instance Type,Accelerator Type,Model Name,Model Server Name,Model Server Version,Output Tokens/s,NTPOT (ms),TTFT (ms),ITL (ms),QPS,"
    "Cost/M Input Tokens,Cost/M Output Tokens,Use Case,Average Input Length,Average Output Length,Serving Stack,Serving Stack Version\n"
)


def test_the_csv_of_gcloud_says_no_statistic(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.csv"
    head = "g2-standard-12,nvidia-l4,google/gemma-2-2b-it,vllm,v0.7.2"
    file.write_text(
        f"{GCLOUD}{head},256,19,31,18,2.0,0.009,0.036,Chatbot,128,128,N/A,N/A\n{head},512,22,40,21,4.0,N/A,N/A,Chatbot,128,128,N/A,N/A\n",
        encoding="utf-8",
    )
    (curve,) = imported(file, what=Given({"accelerator_count": "1"})).curves
    told = ("provenance", "statistic", "machine_type", "model_server_version", "input_tokens", "serving_stack", "load_kind")
    assert [curve.cells[column] for column in told] == ["user", "mean or median, unsaid", "g2-standard-12", "0.7.2", "128", "", "rate"]
    assert [(p["load"], p["ntpot_ms"], p["ttft_ms"], p["itl_ms"], p["output_tokens_per_second"]) for p in curve.points] == [
        ("2", "19", "31", "18", "256"),
        ("4", "22", "40", "21", "512"),
    ]
    (said,) = imported(file, what=Given({"accelerator_count": "1"}, statistic=Statistic.P50)).curves
    assert (said.cells["statistic"], "p50 as said at import" in said.cells["note"]) == ("p50", True)


def test_the_recorded_ladders_on_h100() -> None:
    """Their own ITL and TPOT count stream events, about two a token: ITL is derived."""
    file = REPORTS / "h100_stages.csv"
    found = imported(file, what=Given())
    with file.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    taken = [(curve, point) for curve in found.curves for point in curve.points]
    assert (len(found.curves), len(taken)) == (6, 42)
    for (_, point), row in zip(taken, rows, strict=True):
        assert Decimal(point["load"]) == Decimal(row["requested_qps"])
        for column, name in (("ntpot_ms", "ntpot_p50_ms"), ("ttft_ms", "ttft_p50_ms"), ("output_tokens_per_second", "output_tok_per_s")):
            assert Decimal(point[column]) == Decimal(row[name])
        derived = itl(Decimal(row["ntpot_p50_ms"]), Decimal(row["ttft_p50_ms"]), Decimal(row["output_len_mean"]))
        assert float(point["itl_ms"]) == pytest.approx(derived)
    assert sum("which is taken" in warning for warning in found.warnings) == 6


def test_the_recorded_ladder_saturates_between_92_and_122_requests_a_second(tmp_path: Path) -> None:
    found = imported(REPORTS / "h100_stages.csv", what=Given())
    add_curves(tmp_path / "giqplan-catalog", found.curves, found.sources, "2026-11-01")
    plain = next(c for c in open_catalog(tmp_path).curves() if c.provenance == "user" and not c.variant)
    climbed = ladder(plain, plain.output_tokens or 0)
    assert climbed.saturated == "yes"
    assert 92 <= climbed.levels[climbed.top].step <= 122
