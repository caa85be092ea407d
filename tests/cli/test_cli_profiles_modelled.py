"""profiles list where nothing was measured: estimates, marked as such, and never in place of a measurement that answers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Run

MODEL, UNMEASURED = "openai/gpt-oss-120b", "google/gemma-2-27b-it"
ON_L4 = ("--model", UNMEASURED, "--accelerator-type", "nvidia-l4")
"""Two replicas, of four and of eight: each takes a moment to estimate."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def profiles(run: Run, *flags: str) -> list[dict[str, Any]]:
    ran = run("profiles", "list", *flags, "--format", "json")
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = json.loads(ran.out)
    return found


def provenances(records: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(record["giqplan"]["provenance"] for record in records))


def test_a_model_that_nobody_measured_is_listed_by_estimates(run: Run) -> None:
    ran = run("profiles", "list", *ON_L4, "--use-case", "Text Summarization")
    assert ran.code == 0
    assert "modelled, as nothing measured answers: the catalog holds no profile of google/gemma-2-27b-it" in ran.err
    assert "modelled rows stand at the bad end of their 90 % interval" in ran.err
    head, *rows = ran.out.splitlines()
    assert head.split()[-1] == "Class"
    assert {row.split()[-1] for row in rows} <= {"A", "B", "C"}
    records = profiles(run, *ON_L4, "--use-case", "Text Summarization")
    assert provenances(records) == ["modelled"]
    assert {record["workloadSpec"]["averageInputLength"] for record in records} == {1024}
    one = records[0]["giqplan"]["estimate"]
    assert one["class"] in ("A", "B", "C")
    spread = one["ntpotMilliseconds"]
    assert spread["low"] <= spread["value"] <= spread["high"]
    assert records[0]["performanceStats"][0]["ntpotMilliseconds"] == pytest.approx(spread["high"], rel=0.02)


def test_lengths_that_nobody_asks_for_are_those_of_a_chatbot(run: Run) -> None:
    ran = run("profiles", "list", *ON_L4)
    assert "lengths: those of the use case Chatbot" in ran.err


def test_what_is_measured_and_answers_stands_alone(run: Run) -> None:
    records = profiles(run, "--model", MODEL)
    assert provenances(records) == ["measured"]
    assert not any("estimate" in record["giqplan"] for record in records)
    assert "Class" not in run("profiles", "list", "--model", MODEL).out.splitlines()[0]


def test_what_was_measured_elsewhere_only_is_estimated_and_the_reason_told(run: Run) -> None:
    ran = run("profiles", "list", "--model", MODEL, "--accelerator-type", "nvidia-l4")
    assert ran.code == 0
    assert "modelled, as nothing measured answers: no profile has all that is named together" in ran.err
    assert provenances(profiles(run, "--model", MODEL, "--accelerator-type", "nvidia-l4")) == ["modelled"]


def test_asked_for_by_provenance_they_stand_behind_the_measured(run: Run) -> None:
    lengths = ("--target-input-length", "1024", "--target-output-length", "1024")
    words = ("--model", MODEL, "--accelerator-type", "nvidia-h100-80gb", "--accelerator-count", "8", *lengths)
    both = profiles(run, *words, "--provenance", "measured,modelled")
    assert provenances(both) == ["measured", "modelled"]
    assert provenances(profiles(run, *words, "--provenance", "modelled")) == ["modelled"]
    assert provenances(profiles(run, *words, "--provenance", "measured")) == ["measured"]


def test_flags_narrow_them_as_they_narrow_the_measured(run: Run) -> None:
    words = (*ON_L4, "--provenance", "modelled", "--region", "us-central1")
    counts = {record["resourcesUsed"]["acceleratorCount"] for record in profiles(run, *words, "--accelerator-count", "8")}
    assert counts == {8}
    on_l4 = profiles(run, *words)
    assert {record["acceleratorType"] for record in on_l4} == {"nvidia-l4"}
    machine = on_l4[0]["instanceType"]
    assert {r["instanceType"] for r in profiles(run, *words, "--instance-type", machine)} == {machine}
    held = profiles(run, *words, "--target-ntpot-milliseconds", "100")
    assert all(record["performanceStats"][0]["ntpotMilliseconds"] <= 100.001 for record in held)
    assert {r["modelServerInfo"]["modelServerVersion"] for r in profiles(run, *words, "--model-server-version", "v0.11.2")} == {"0.11.2"}


def test_the_csv_keeps_gclouds_columns(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("profiles", "list", *ON_L4, "--format", "csv").out)))
    assert "Class" not in rows[0]
    assert {row["Model Name"] for row in rows} == {UNMEASURED}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((*ON_L4, "--target-ntpot-milliseconds", "0.01"), "nearest miss: NTPOT"),
        (("--model", UNMEASURED, "--provenance", "measured"), "the catalog holds no profile"),
        (("--model", UNMEASURED, "--serving-stack", "llm-d"), "the catalog holds no profile"),
        ((*ON_L4, "--accelerator-count", "1"), "none can be modelled"),
        (("--model", UNMEASURED, "--target-input-length", "90000", "--target-output-length", "9"), "none can be modelled"),
        (("--model", UNMEASURED, "--accelerator-type", "tpu-v6e-slice"), "none can be modelled: no accelerator of those named"),
    ],
)
def test_where_nothing_can_be_estimated_it_is_an_error_that_says_why(run: Run, flags: tuple[str, ...], told: str) -> None:
    ran = run("profiles", "list", *flags)
    assert ran.out == ""
    assert ran.code == 4
    assert told in ran.err


def test_without_a_model_there_is_nothing_to_model(run: Run) -> None:
    ran = run("profiles", "list", "--provenance", "modelled")
    assert (ran.code, "GIQ0111" in ran.err, "add --model" in ran.err) == (1, True, True)
    assert run("profiles", "list", "--provenance", "measured,modelled").code == 0
