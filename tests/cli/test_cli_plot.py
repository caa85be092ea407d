"""benchmarks plot: formats and files, what each flag changes, and what is said where nothing can be drawn."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from cli_runs import Run

from giqplan.cli.main import main

MODEL = "openai/gpt-oss-120b"
LENGTHS = ("--target-input-length", "1024", "--target-output-length", "1024")
PLOT = ("benchmarks", "plot", "--model", MODEL, *LENGTHS)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("file", "start"),
    [("a.svg", b"<svg "), ("a.png", b"\x89PNG"), ("a.html", b"<!doctype html>"), ("a.HTM", b"<!doctype html>"), ("a.txt", MODEL.encode())],
)
def test_the_suffix_chooses_the_format(run: Run, file: str, start: bytes) -> None:
    ran = run(*PLOT, "-o", file)
    assert (ran.code, ran.out, ran.err) == (0, "", f"wrote {file}\n")
    first = Path(file).read_bytes()
    assert first.startswith(start)
    assert run(*PLOT, "-o", file, "--quiet").err == ""  # a chart of ours may be drawn again
    assert Path(file).read_bytes() == first


def test_a_file_and_a_pipe_hold_the_same(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for format in ("terminal", "svg", "png", "html"):
        assert main([*PLOT, "--format", format, "-o", "same", "--overwrite", "--quiet"]) == 0
        assert main([*PLOT, "--format", format]) == 0
        assert capfdbinary.readouterr().out == Path("same").read_bytes()


def test_what_is_no_chart_is_not_overwritten_without_a_word(run: Run) -> None:
    mine = Path("a.svg")
    mine.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    refused = run(*PLOT, "-o", "a.svg")
    assert refused.code == 1
    assert "GIQ0116" in refused.err
    assert "--overwrite" in refused.err
    assert mine.read_text(encoding="utf-8").endswith("/>")
    assert run(*PLOT, "-o", "a.svg", "--overwrite").code == 0
    Path("run.txt").write_text("# drawn by giqplan benchmarks plot\n", encoding="utf-8")
    assert "GIQ0116" in run(*PLOT, "-o", "run.txt").err


def test_a_file_keeps_its_rights_and_a_link_stays_one(run: Run) -> None:
    assert run(*PLOT, "-o", "real.svg").code == 0
    Path("real.svg").chmod(0o640)
    Path("link.svg").symlink_to("real.svg")
    assert run(*PLOT, "--log", "-o", "link.svg").code == 0
    assert Path("link.svg").is_symlink()
    assert Path("real.svg").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in Path().iterdir()) == ["link.svg", "real.svg"]


def test_what_cannot_be_written_says_so(run: Run) -> None:
    Path("folder.svg").mkdir()
    for file in ("nowhere/a.svg", "folder.svg"):
        ran = run(*PLOT, "-o", file)
        assert ran.code == 1
        assert "GIQ0117" in ran.err
        assert f"{file} cannot be written: " in ran.err
    assert run(*PLOT, "--format", "svg", "-o", "/dev/full").err.startswith("Error GIQ0117")
    assert run(*PLOT, "--format", "svg", "-o", "/dev/null").code == 0


def test_formats_that_do_not_fit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "contradicts the suffix" in run(*PLOT, "--format", "png", "-o", "a.svg").err
    assert "names no format" in run(*PLOT, "-o", "a.jpeg").err
    assert "GIQ0115" in run(*PLOT, "-o", "a").err

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    assert main([*PLOT, "--format", "png"]) == 1
    assert sys.stdout.getvalue() == ""  # type: ignore[attr-defined]


def test_names_that_are_not_known(run: Run) -> None:
    unknown = run("benchmarks", "plot", "--model", "openai/gpt-oss-120")
    assert unknown.code == 1
    assert "GIQ1235" in unknown.err
    assert "did you mean openai/gpt-oss-120b" in unknown.err
    assert "GIQ1236" in run("benchmarks", "plot", "--model", "google/gemma-2-27b-it").err


def test_nothing_to_draw(run: Run) -> None:
    far = run("benchmarks", "plot", "--model", MODEL, "--use-case", "Chatbot")
    assert (far.code, far.out) == (4, "")
    assert "the nearest lengths measured are 1024/1024" in far.err
    no_lengths = run("benchmarks", "plot", "--model", "Qwen/Qwen3.5-4B")
    assert (no_lengths.code, no_lengths.out) == (4, "")
    assert "none of the 1 curves has token lengths, a trustworthy load and NTPOT at each of them" in no_lengths.err
    no_price = run(*PLOT, "--pareto", "--region", "europe-west2")
    assert (no_price.code, no_price.out) == (4, "")
    assert "GIQ1245" in no_price.err
    assert "has both a price and NTPOT" in no_price.err
    late = run(*PLOT, "--pareto", "--target-ntpot-milliseconds", "0.001")
    assert late.code == 4
    assert "GIQ1237" in late.err


def test_flags_without_effect_are_refused(run: Run) -> None:
    for words in (("--region", "us-east5"), ("--pricing-model", "spot"), ("--target-cost-per-million-output-tokens", "1")):
        assert f"{words[0]}: without --pareto no cost is drawn" in run(*PLOT, *words).err
    assert "--pareto draws all candidates" in run(*PLOT, "--pareto", "--limit", "2").err
    assert "no file is written" in run(*PLOT, "--overwrite").err


@pytest.mark.parametrize(
    "words",
    [
        ("--latency", "ttft"),
        ("--latency", "itl"),
        ("--log",),
        ("--limit", "2"),
        ("--target-ntpot-milliseconds", "8"),
        ("--model-server", "trtllm"),
        ("--model-server-version", "all"),
        ("--accelerator-type", "nvidia-h100-80gb"),
        ("--accelerator-count", "8"),
        ("--instance-type", "a3-highgpu-8g"),
        ("--pareto",),
    ],
)
def test_each_flag_changes_the_chart(run: Run, words: tuple[str, ...]) -> None:
    plain, changed = run(*PLOT), run(*PLOT, *words)
    assert (plain.code, changed.code) == (0, 0), changed.err
    assert plain.out != changed.out


@pytest.mark.parametrize(
    "words",
    [
        ("--pricing-model", "on-demand"),
        ("--region", "us-east4"),
        ("--output-input-cost-ratio", "1"),
        ("--target-cost-per-million-output-tokens", "1"),
        ("--target-cost-per-million-input-tokens", "0.2"),
        ("--target-ntpot-milliseconds", "8"),
        ("--latency", "ttft"),
    ],
)
def test_each_flag_changes_the_chart_of_costs(run: Run, words: tuple[str, ...]) -> None:
    plain, changed = run(*PLOT, "--pareto"), run(*PLOT, "--pareto", *words)
    assert (plain.code, changed.code) == (0, 0), changed.err
    assert plain.out != changed.out


def test_costs_say_how_and_where_they_were_priced(run: Run) -> None:
    text = " ".join(run(*PLOT, "--pareto").out.split())
    assert "costs: spot in us-east5 (A3: us-central1), gcloud's regions" in text
    assert "priced in: us-central1" in text
    assert "cost (US dollars per million output tokens)" in text
    assert "no price, not drawn: " in text
