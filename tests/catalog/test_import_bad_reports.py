"""A report that is cut off, impossible or of another format is refused with file and field; nothing of it is taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from import_reports import REPORTS, imported, put, stage

from giqplan.catalog.importers import read
from giqplan.errors import GiqplanError

STAGE = (REPORTS / "run" / "stage_0_lifecycle_metrics.json").read_text(encoding="utf-8")
PARTIAL = (REPORTS / "run" / "inference-perf.partial.stage_0.yaml").read_text(encoding="utf-8")
STREAMS = (REPORTS / "guidellm" / "streams.json").read_text(encoding="utf-8")
RATES = (REPORTS / "guidellm" / "rates.csv").read_text(encoding="utf-8")
TABLE = (REPORTS / "h100_stages.csv").read_text(encoding="utf-8")
LATENCY = "successes/latency"


def refused(name: str, data: bytes | str) -> tuple[str, str, str]:
    """(code, place, detail) of the refusal."""
    with pytest.raises(GiqplanError) as caught:
        read(name, data.encode() if isinstance(data, str) else data)
    return caught.value.code, str(caught.value.place), caught.value.detail


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"\x1f\x8b\x08\x00binary", "no text: byte 2 is not UTF-8"),
        (b'{"a": "\x00"}', "is NUL"),
        (b"[1, 2]", "a list, no report"),
        (b"[]", "a list, no report"),
        (b"{}", "it has nothing"),
        (b"null", "neither JSON nor YAML of a report"),
        (b"just words", "neither JSON nor YAML of a report"),
        (b"load:\n  type: constant\n", "inference-perf's configuration"),
        (b'[{"info": {}, "start_time": 1}]', "inference-perf's single requests"),
    ],
)
def test_what_is_no_report(data: bytes, told: str) -> None:
    code, place, detail = refused("x.json", data)
    assert (code, place) == ("GIQ1216", "x.json")
    assert told in detail


def test_a_summary_mixes_stages() -> None:
    code, _, detail = refused("summary.json", (REPORTS / "run" / "summary_lifecycle_metrics.json").read_bytes())
    assert (code, "mixes all stages" in detail) == ("GIQ1216", True)


@pytest.mark.parametrize("text", [STAGE, STREAMS])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_json_that_is_cut_off_names_the_line(text: str, share: float) -> None:
    cut = text[: int(len(text) * share)]
    code, place, detail = refused("cut.json", cut)
    assert (code, detail.startswith("not JSON: ")) == ("GIQ1217", True)
    assert cut.count("\n") <= int(place.split(":")[1]) <= cut.count("\n") + 1


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_yaml_that_is_cut_off_lacks_a_field_or_is_no_yaml(share: float) -> None:
    code, place, detail = refused("cut.yaml", PARTIAL[: int(len(PARTIAL) * share)])
    assert code in ("GIQ1217", "GIQ1216")
    assert place.startswith("cut.yaml") and detail


def test_broken_yaml_names_line_and_column() -> None:
    code, place, _ = refused("x.yaml", "version: 0.2.1\nresults: [1, 2\nrun: {\n")
    assert (code, place.split(":")[0]) == ("GIQ1217", "x.yaml") and ":" in place


def test_nesting_without_end_is_refused() -> None:
    assert refused("deep.json", "[" * 100_000)[0] == "GIQ1217"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            put(f"{LATENCY}/time_to_first_token/median", float("nan")),
            "successes.latency.time_to_first_token.median: NaN is not a finite number",
        ),
        (put(f"{LATENCY}/time_to_first_token/p99", float("inf")), "successes.latency.time_to_first_token.p99: Infinity is not a finite"),
        (put(f"{LATENCY}/request_latency", None), ""),
        (put(f"{LATENCY}/normalized_time_per_output_token/p99", -0.5), "normalized_time_per_output_token.p99: -0.5 is negative"),
        (put(f"{LATENCY}/normalized_time_per_output_token/median", "7 ms"), "median: a text stands where a number is wanted"),
        (put(f"{LATENCY}/normalized_time_per_output_token/median", True), "true or false stands where a number is wanted"),
        (put(f"{LATENCY}/normalized_time_per_output_token/median", 1e30), "is no measurement"),
        (put(f"{LATENCY}/time_to_first_token/p25", 0.9), "successes.latency.time_to_first_token: out of order: p25 is 0.9, median is"),
        (put(f"{LATENCY}/time_to_first_token/mean", 7.0), "out of order: the mean is 7.0"),
        (put(f"{LATENCY}/time_to_first_token", [1]), "no distribution"),
        (put("successes/throughput", ...), "successes.throughput: is missing"),
        (put("successes/throughput/requests_per_sec", None), "successes.throughput.requests_per_sec: is null"),
        (put("successes/throughput/output_tokens_per_sec", 0.0), "output tokens a second is 0.0"),
        (put("successes/count", 15.5), "successes.count: 15.5 is not a whole number"),
        (put("successes/latency", 3), "successes.latency: a number stands where an object is wanted"),
        (put("failures", ...), "failures: is missing"),
        (put(LATENCY, {}), "neither NTPOT nor TTFT and ITL"),
    ],
)
def test_a_value_that_cannot_be_is_named_by_its_path(change: Callable[[dict[str, Any]], object], told: str, tmp_path: Path) -> None:
    file = stage(tmp_path, 0, change)
    if not told:  # nothing is taken from the latency of requests
        assert imported(file).curves
        return
    with pytest.raises(GiqplanError) as caught:
        imported(file)
    assert (caught.value.code, str(caught.value.place)) == ("GIQ1217", str(file))
    assert told in caught.value.detail


def test_a_negative_schedule_delay_is_what_a_clean_run_has(tmp_path: Path) -> None:
    assert imported(stage(tmp_path, 0, put("load_summary/schedule_delay/min", -0.5))).curves


def test_an_ntpot_of_zero_is_of_requests_without_output(tmp_path: Path) -> None:
    low = stage(tmp_path / "a", 0, put(f"{LATENCY}/normalized_time_per_output_token/min", 0.0))
    assert any("requests without output count as NTPOT 0" in warning for warning in imported(low).warnings)
    with pytest.raises(GiqplanError, match="most requests had no output"):
        imported(stage(tmp_path / "b", 0, put(f"{LATENCY}/normalized_time_per_output_token", {"mean": 0.0, "median": 0.0})))


def report(**cells: object) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(PARTIAL)
    return {**found, **cells}


@pytest.mark.parametrize(
    ("found", "code", "told"),
    [
        (report(version="0.3"), "GIQ1218", "Benchmark Report 0.3 is not known"),
        (report(version="0.1"), "GIQ1218", "a report of version 0.1 has metrics, this one has results"),
        ({"version": "0.2", "metrics": {}}, "GIQ1218", "a report of version 0.2 has results, this one has metrics"),
        ({"version": "0.2.1", "results": {}}, "GIQ1217", "results.request_performance: is missing"),
        (report(run={"uid": "x", "time": {"start": "yesterday"}}), "GIQ1217", "run.time.start: 'yesterday' is no ISO 8601 time"),
    ],
)
def test_versions_of_the_benchmark_report(found: dict[str, Any], code: str, told: str) -> None:
    got, place, detail = refused("r.yaml", yaml.safe_dump(found))
    assert (got, place, told in detail) == (code, "r.yaml", True), detail


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("units: s/token", "units: s", "latency.normalized_time_per_output_token.units: 's' is not one of s/token, ms/token"),
        ("units: queries/s", "units: tokens/s", "throughput.request_rate.units: 'tokens/s' is not one of queries/s"),
        ("      units: s\n", "      unit: s\n", "time_to_first_token.units: is missing"),
        ("p50: ", "p50: .nan # ", "is not a finite number"),
        ("failures: 0", "failures: 17", "17 failures and 0 incomplete of 16 requests"),
        ("total: 16", "total: many", "requests.total: a text stands where a number is wanted"),
    ],
)
def test_units_and_numbers_of_the_benchmark_report(old: str, new: str, told: str) -> None:
    assert old in PARTIAL
    code, _, detail = refused("r.yaml", PARTIAL.replace(old, new, 1))
    assert (code, told in detail) == ("GIQ1217", True), detail


def test_split_servers_are_no_profile() -> None:
    host = {"type": ["prefill", "decode"], "accelerator": []}
    metrics = {"requests": {"total": 1}, "latency": {}, "throughput": {}}
    found = {"version": "0.1", "scenario": {"model": {"name": "a/b"}, "load": {}, "host": host}, "metrics": metrics}
    code, _, detail = refused("r.yaml", yaml.safe_dump(found))
    assert (code, "scenario.host.type[0]: prefill servers" in detail) == ("GIQ1221", True)


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        ('"version": 2', '"version": 1', "GIQ1218", "metadata.version is 1"),
        ('"version": 2,', "", "GIQ1218", "metadata.version is missing"),
        ("generative_benchmark", "embedding_benchmark", "GIQ1217", "benchmarks[0].type_: 'embedding_benchmark' is no generative benchmark"),
        ('"median": 37', '"median": -37', "GIQ1217", "benchmarks[0].metrics.time_to_first_token_ms.successful.median: -37"),
        ('"p001": ', '"p001": 9999, "p000": ', "GIQ1217", "out of order: p001 is 9999"),
        ('"benchmarks": [', '"benchmarks": 5, "x": [', "GIQ1217", "benchmarks: a number stands where a list is wanted"),
    ],
)
def test_guidellm_json(old: str, new: str, code: str, told: str) -> None:
    assert old in STREAMS
    got, _, detail = refused("g.json", STREAMS.replace(old, new))
    assert (got, told in detail) == (code, True), detail


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "told"),
    [
        ("Request Counts", "Counts", "GIQ1219", 1, "column Request Counts/Successful/, Request Counts/Incomplete/"),
        (",8.158359402104427,", ",eight,", "GIQ1217", 4, "Time per Output Token/Successful ms/Mean: 'eight' is not a number"),
        (",8.158359402104427,", ",-8,", "GIQ1217", 4, "-8 is negative"),
        (",8.158359402104427,", ",NaN,", "GIQ1217", 4, "NaN is no measurement"),
        ('""version"":2', '""version"":1', "GIQ1218", 4, "version is 1"),
        ('"[6.607341766357422, ', '"[66.07341766357422, ', "GIQ1217", 4, "percentiles fall"),
        ("generative_benchmark", "other", "GIQ1217", 4, "'other' is no generative benchmark"),
    ],
)
def test_guidellm_csv(old: str, new: str, code: str, line: int, told: str) -> None:
    assert old in RATES
    got, place, detail = refused("g.csv", RATES.replace(old, new) if "Counts" in old else RATES.replace(old, new, 1))
    assert (got, place, told in detail) == (code, f"g.csv:{line}", True), detail


def test_a_guidellm_csv_that_is_cut_off() -> None:
    assert refused("g.csv", RATES[: len(RATES) // 8])[0] == "GIQ1217"
    assert refused("g.csv", RATES[:-3000])[0] == "GIQ1217"


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "told"),
    [
        ("ttft_p50_ms", "ttft_median_ms", "GIQ1219", 1, "column ttft_p50_ms is missing; unknown column ttft_median_ms"),
        ("stage,requested_qps", "requested_qps,stage", "GIQ1219", 1, "stand in another order"),
        (",31.0269,", ",,31.0269,", "GIQ1217", 2, "the row has 45 cells, 44 are wanted"),
        (",31.0269,", ",x,", "GIQ1217", 2, "ttft_p50_ms: 'x' is not a number"),
        (",31.0269,", ",-1,", "GIQ1217", 2, "ttft_p50_ms: -1 is negative"),
        (",31.0269,", ",inf,", "GIQ1217", 2, "ttft_p50_ms: inf is no measurement"),
        (",35.4064,", ",3.5,", "GIQ1217", 2, "ttft_p90_ms: out of order: 3.5 is below the percentile before it"),
        (",60,0,", ",60.5,0,", "GIQ1217", 2, "success: 60.5 is not a whole number"),
    ],
)
def test_a_table_of_stages(old: str, new: str, code: str, line: int, told: str) -> None:
    assert old in TABLE
    got, place, detail = refused("t.csv", TABLE.replace(old, new, 1))
    assert (got, place, told in detail) == (code, f"t.csv:{line}", True), detail


def test_tables_of_other_columns_and_tables_that_end_in_a_row() -> None:
    assert refused("t.csv", "a,b\n1,2\n")[::2] == ("GIQ1216", "no table that is known: its first line is 'a,b'")
    code, _, detail = refused("t.csv", "Instance Type,Accelerator,Cost\nx,y,z\n")
    assert (code, "column Accelerator Type, Model Name" in detail) == ("GIQ1219", True)
    code, place, _ = refused("t.csv", TABLE[: TABLE.index("\n", 3000) + 300])
    assert code == "GIQ1217" and int(place.split(":")[1]) > 2


def test_a_quote_that_never_ends() -> None:
    assert refused("t.csv", TABLE + '"')[::2] == ("GIQ1217", "no CSV: unexpected end of data")


def test_an_integer_of_ten_thousand_digits() -> None:
    text = json.dumps(json.loads(STAGE)).replace('"count": 16', f'"count": {"9" * 10_000}', 1)
    assert refused("x.json", text)[0] == "GIQ1217"
