"""catalog import at the command line: what was measured is what plans decide by, and a refusal leaves the layer as it was."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from cli_runs import Run

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "tests" / "catalog" / "reports"
WHAT = [
    "--model",
    "openai/gpt-oss-120b",
    "--served-model-name",
    "mock/tiny",
    "--model-server",
    "vllm",
    "--model-server-version",
    "v0.19.0",
    "--accelerator",
    "nvidia-h100-80gb",
    "--count",
    "8",
    "--machine-type",
    "a3-highgpu-8g",
    "--parallelism",
    "tp8",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The quickstart, the current folder, with the ladder of a benchmark run at 1024 input and 1024 output tokens in ``run``."""
    shutil.copytree(ROOT / "examples" / "quickstart", tmp_path / "work", ignore=shutil.ignore_patterns(".giqplan"))
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "work" / "run").mkdir()
    for number, (rate, ntpot) in enumerate(((1, 2.0), (8, 2.4), (16, 3.2), (24, 4.8))):
        ladder(tmp_path / "work" / "run", number, rate, ntpot)
    return tmp_path / "work"


def ladder(run: Path, number: int, rate: int, ntpot_ms: float) -> None:
    report = json.loads((REPORTS / "run" / "stage_0_lifecycle_metrics.json").read_text(encoding="utf-8"))
    good = report["successes"]
    report["load_summary"] |= {"requested_rate": rate, "achieved_rate": rate}
    good["throughput"] |= {"requests_per_sec": rate, "output_tokens_per_sec": rate * 1024}
    good["prompt_tokens"], good["output_len"] = {"mean": 1024}, {"mean": 1024}
    for name, ms in (("normalized_time_per_output_token", ntpot_ms), ("time_per_output_token", ntpot_ms), ("time_to_first_token", 40)):
        good["latency"][name] = {"median": ms / 1000, "mean": ms / 1000}
    good["latency"]["inter_token_latency"] = None
    (run / f"stage_{number}_lifecycle_metrics.json").write_text(json.dumps(report), encoding="utf-8")


def stages(folder: Path) -> list[str]:
    return [str(file.relative_to(folder)) for file in sorted((folder / "run").glob("stage_*"))]


def layer(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted((folder / "giqplan-catalog").rglob("*")) if file.is_file()}


def test_a_plan_is_made_by_what_was_imported(run: Run, folder: Path) -> None:
    before = json.loads(run("explain", "--format", "json").out)
    assert before["evidence"]["provenance"] == "measured"
    done = run("catalog", "import", *stages(folder), *WHAT, "--measured-at", "2026-11-20")
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 curve added in giqplan-catalog.")
    after = json.loads(run("explain", "--format", "json").out)
    assert (after["evidence"]["provenance"], after["evidence"]["measured_at"], after["evidence"]["loads"]) == ("user", "2026-11-20", 4)
    assert after["evidence"]["source"].startswith("own benchmark, inference-perf lifecycle metrics: stage_0")
    assert after["catalog_digest"] != before["catalog_digest"]
    planned = run("plan", "--sandbox", "--format", "json")
    assert json.loads(planned.out)["recommendation"]["evidence"]["curve_key"] == after["evidence"]["curve_key"]
    run("sandbox", "stop")


def test_the_same_files_again_are_nothing_new(run: Run, folder: Path) -> None:
    run("catalog", "import", *stages(folder), *WHAT)
    first = layer(folder)
    again = run("catalog", "import", *reversed(stages(folder)), *stages(folder), *WHAT)
    assert (again.code, again.out.splitlines()[-1], layer(folder)) == (0, "Nothing new: giqplan-catalog holds all of it.", first)
    noted = run("catalog", "import", *stages(folder), *WHAT, "--note", "cold start")
    assert noted.out.splitlines()[-1] == "1 curve revised in giqplan-catalog."


def test_a_dry_run_writes_nothing(run: Run, folder: Path) -> None:
    done = run("catalog", "import", *stages(folder), *WHAT, "--dry-run", "--format", "json")
    told = json.loads(done.out)
    assert (told["dry_run"], told["changed"], len(told["curves"]), (folder / "giqplan-catalog").exists()) == (True, True, 1, False)
    (curve,) = told["curves"]
    assert (curve["new"], curve["provenance"], [point["load"] for point in curve["points"]]) == (True, "user", ["1", "8", "16", "24"])


def test_one_bad_file_of_many_and_nothing_is_imported(run: Run, folder: Path) -> None:
    run("catalog", "import", stages(folder)[0], *WHAT)
    first = layer(folder)
    (folder / "cut.json").write_bytes((folder / stages(folder)[1]).read_bytes()[:900])
    (folder / "empty.json").touch()
    done = run("catalog", "import", *stages(folder), "cut.json", "empty.json", *WHAT, "--format", "json")
    errors = json.loads(done.err)["errors"]
    assert (done.code, [(e["code"], e["place"]["file"]) for e in errors]) == (1, [("GIQ1217", "cut.json"), ("GIQ1216", "empty.json")])
    assert errors[0]["place"]["line"] == 1
    assert layer(folder) == first


def test_files_that_are_not_there_or_too_large(run: Run, folder: Path) -> None:
    with (folder / "large.json").open("wb") as handle:
        os.truncate(handle.fileno(), 2**30)
    done = run("catalog", "import", "large.json", "missing.json", "run", *WHAT)
    assert done.code == 1
    told = done.err.split("\n\n")
    assert [
        ("GIQ1215" in one, word in one) for one, word in zip(told, ("larger than 256 MiB", "No such file", "Is a directory"), strict=True)
    ] == [(True, True)] * 3
    assert not (folder / "giqplan-catalog").exists()


@pytest.mark.parametrize(
    "flags", [("--input-length", "5"), ("--use-case", "Chatbot", "--input-length", "5", "--output-length", "5"), ("--count", "two")]
)
def test_flags_that_do_not_go_together(run: Run, folder: Path, flags: tuple[str, ...]) -> None:
    done = run(
        "catalog", "import", *stages(folder), *(word for word in WHAT if "--count" not in flags or word not in ("--count", "8")), *flags
    )
    assert (done.code, "GIQ0101" in done.err) == (1, True)


def test_a_layer_that_cannot_be_read_stays_as_it_is(run: Run, folder: Path) -> None:
    run("catalog", "import", stages(folder)[0], *WHAT)
    points = folder / "giqplan-catalog" / "points.csv"
    points.write_text(points.read_text(encoding="utf-8").replace(",1,", ",one,", 1), encoding="utf-8")
    broken = layer(folder)
    done = run("catalog", "import", *stages(folder), *WHAT)
    assert (done.code, "GIQ1202" in done.err, layer(folder)) == (1, True, broken)
