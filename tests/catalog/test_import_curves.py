"""Which measurements become one curve, and what is said of a point."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from import_reports import GIVEN, REPORTS, given, imported, put, stage

from giqplan.catalog import open_catalog
from giqplan.catalog.importers.profiles import Given
from giqplan.catalog.layer import add_curves
from giqplan.catalog.verify import verify
from giqplan.errors import GiqplanError


def loads(*files: Path, what: Given | None = None) -> list[list[str]]:
    return [[point["load"] for point in curve.points] for curve in imported(*files, what=what).curves]


def test_the_files_of_one_run_are_one_curve_in_order_of_load(tmp_path: Path) -> None:
    files = [stage(tmp_path, n) for n in (2, 0, 10, 1)]
    assert loads(*files) == [["4", "8", "12", "44"]]


def test_runs_in_folders_of_their_own_are_curves_of_their_own() -> None:
    assert loads(*sorted(REPORTS.glob("*/stage_*.json"))) == [["4", "12"]] * 3


def test_a_stage_that_stands_in_two_formats_is_taken_once_with_its_load() -> None:
    for files in (sorted((REPORTS / "run").glob("*stage_*")), sorted((REPORTS / "run").glob("*stage_*"), reverse=True)):
        assert loads(*files) == [["4", "12"]]
    assert loads(*sorted((REPORTS / "guidellm").glob("rates.*"))) == [["5", "15"]]


def test_runs_of_different_lengths_are_several_curves(tmp_path: Path) -> None:
    files = [stage(tmp_path, n, put("successes/prompt_tokens", {"mean": 94 if n < 2 else 940})) for n in range(4)]
    found = imported(*files)
    assert [(curve.cells["input_tokens"], len(curve.points)) for curve in found.curves] == [("94", 2), ("940", 2)]


def test_two_measurements_of_one_load_are_no_curve(tmp_path: Path) -> None:
    one = stage(tmp_path, 0)
    other = tmp_path / "stage_7_lifecycle_metrics.json"
    report = json.loads(one.read_text(encoding="utf-8"))
    put("successes/throughput/requests_per_sec", 3.5)(report)
    other.write_text(json.dumps(report), encoding="utf-8")
    with pytest.raises(GiqplanError) as caught:
        imported(one, other)
    assert (caught.value.code, str(one) in caught.value.detail, str(caught.value.place)) == ("GIQ1222", True, str(other))


def test_two_versions_in_one_run_are_refused(tmp_path: Path) -> None:
    for n, version in enumerate(("0.2", "0.2.1")):
        report = yaml.safe_load((REPORTS / "run" / f"inference-perf.partial.stage_{n}.yaml").read_text(encoding="utf-8"))
        (tmp_path / f"{n}.yaml").write_text(yaml.safe_dump({**report, "version": version}), encoding="utf-8")
    with pytest.raises(GiqplanError) as caught:
        imported(tmp_path / "0.yaml", tmp_path / "1.yaml")
    assert (caught.value.code, "several versions" in caught.value.detail) == ("GIQ1218", True)


def test_failures_are_counted_and_many_of_them_make_a_point_suspect(tmp_path: Path) -> None:
    files = [stage(tmp_path, n, put("failures/count", failed)) for n, failed in enumerate((0, 1, 4))]
    report = json.loads(files[1].read_text(encoding="utf-8"))
    put("successes/count", 99)(report)
    files[1].write_text(json.dumps(report), encoding="utf-8")
    found = imported(*files)
    assert [(p["note"], p["suspect"]) for p in found.curves[0].points] == [
        ("", ""),
        ("of 100 requests 1 failed", ""),
        ("of 20 requests 4 failed", "of 20 requests 4 failed"),
    ]
    assert sum("failed" in warning for warning in found.warnings) == 2


def test_a_load_at_which_nothing_came_through_is_left_out_and_told(tmp_path: Path) -> None:
    def dead(report: dict[str, Any]) -> None:
        put("successes/count", 0)(report)
        put("failures/count", 16)(report)
        put("successes/latency", {})(report)

    files = [stage(tmp_path, 0), stage(tmp_path, 1, dead)]
    found = imported(*files)
    assert [point["load"] for point in found.curves[0].points] == ["4"]
    assert f"{files[1]}: left out, no request succeeded (16 failed)" in found.warnings
    with pytest.raises(GiqplanError) as caught:
        imported(files[1])
    assert caught.value.code == "GIQ1223"


def test_a_point_that_mostly_waited_is_marked(tmp_path: Path) -> None:
    def waits(report: dict[str, Any]) -> None:
        put("successes/latency/time_to_first_token", {"median": 3.2, "mean": 3.2})(report)
        put("successes/latency/normalized_time_per_output_token", {"median": 0.4, "mean": 0.4})(report)

    found = imported(stage(tmp_path, 0), stage(tmp_path, 1, waits))
    assert [point["queue_dominated"] for point in found.curves[0].points] == ["no", "yes"]


def test_an_itl_of_stream_events_is_told_and_a_close_one_is_not(tmp_path: Path) -> None:
    assert not any("off (NTPOT" in warning for warning in imported(stage(tmp_path / "a", 0)).warnings)
    halved = {"median": 0.0026, "mean": 0.0026}
    found = imported(stage(tmp_path / "b", 0, put("successes/latency/time_per_output_token", halved)))
    (told,) = (warning for warning in found.warnings if "off (NTPOT" in warning)
    assert "at 1 of 1 loads" in told and "TPOT 2.600 ms for 5.501 ms" in told


def test_a_load_generator_that_lags_and_tokens_counted_twice_are_told(tmp_path: Path) -> None:
    lags = stage(tmp_path, 0, put("load_summary/achieved_rate", 2.0))
    assert any("sent 2 of 4 requests a second" in warning for warning in imported(lags).warnings)
    counts = stage(tmp_path, 0, put("successes/token_count_mismatches", 3))
    assert any("counted different tokens in 3 requests" in warning for warning in imported(counts).warnings)


def test_output_tokens_as_the_run_counted_them(tmp_path: Path) -> None:
    file = stage(tmp_path, 0, put("successes/output_tokens", {"mean": 41.5}))
    shutil.copy(REPORTS / "run" / "config.yaml", tmp_path)
    assert imported(file).curves[0].cells["output_tokens"] == "21"
    config = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    (tmp_path / "config.yaml").write_text(
        config.replace("use_server_output_tokens: false", "use_server_output_tokens: true"), encoding="utf-8"
    )
    assert imported(file).curves[0].cells["output_tokens"] == "42"


def test_a_report_without_ntpot_answers_by_ttft_and_time_per_output_token(tmp_path: Path) -> None:
    found = imported(stage(tmp_path, 0, put("successes/latency/normalized_time_per_output_token", None)))
    (point,) = found.curves[0].points
    assert (point["ntpot_ms"], point["itl_ms"]) == ("", "5.185689547623778")
    assert any("ITL is its time per output token" in warning for warning in found.warnings)


def test_one_output_token_has_no_gap(tmp_path: Path) -> None:
    found = imported(stage(tmp_path, 0, put("successes/output_len", {"mean": 1.0})))
    assert found.curves[0].points[0]["itl_ms"] == ""


def test_the_source_names_the_files_wherever_they_lie(tmp_path: Path) -> None:
    copied = tmp_path / "elsewhere"
    shutil.copytree(REPORTS / "run", copied)
    here, there = (imported(*sorted(folder.glob("stage_*.json"))) for folder in (REPORTS / "run", copied))
    assert here.sources == there.sources
    assert here.sources[0].citation.startswith("own benchmark, inference-perf lifecycle metrics: stage_0_lifecycle_metrics.json sha256:")


def test_what_is_imported_twice_is_there_once_and_the_layer_agrees_with_itself(tmp_path: Path) -> None:
    files = sorted(REPORTS.glob("**/stage_*.json"))
    layer = tmp_path / "giqplan-catalog"
    for _ in range(2):
        found = imported(*files, what=given({**GIVEN, "accelerator_count": "2"}))
        changes = add_curves(layer, found.curves, found.sources, found.date or "2026-01-01")
    assert changes == ()
    own = [curve for curve in open_catalog(tmp_path).curves() if curve.provenance == "user"]
    assert (len(own), {curve.profile.parallelism for curve in own}) == (3, {""})
    assert not [problem for problem in verify(open_catalog(tmp_path)) if any(curve.key in problem for curve in own)]
