"""docs/gcloud.md: every flag of gcloud's list commands stands there, every test it names is there, and its commands print what it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_console import difference, run, steps

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "gcloud.md").read_text(encoding="utf-8")
TESTS = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "cli").glob("test_*.py")}

NAMES = ("--model", "--model-server")
STACK = ("--serving-stack", "--serving-stack-version")
GCLOUD = {
    "models list": (),
    "model-servers list": ("--model",),
    "model-server-versions list": NAMES,
    "use-case list": (),
    "serving-stacks list": NAMES,
    "serving-stack-versions list": ("--serving-stack", *NAMES),
    "accelerators list": (*NAMES, "--model-server-version", "--max-ntpot-milliseconds"),
    "list": (
        *NAMES,
        "--model-server-version",
        "--target-ntpot-milliseconds",
        "--target-ttft-milliseconds",
        "--target-itl-milliseconds",
        "--target-cost-per-million-output-tokens",
        "--target-cost-per-million-input-tokens",
        "--pricing-model",
        "--use-case",
        "--target-input-length",
        "--target-output-length",
        *STACK,
    ),
    "benchmarks list": (*NAMES, "--model-server-version", "--instance-type", "--pricing-model", "--use-case", *STACK),
    "all lists": ("--format", "--filter", "--limit", "--page-size", "--sort-by", "--uri", "--quiet"),
}
"""gcloud's list commands and their flags: SDK 578.0.0, of accelerators list 528.0.0."""


def rows() -> Iterator[list[str]]:
    """The cells of each line of the page's tables whose last cell names a test."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" |")]
        if line.startswith("| ") and cells[-1].startswith("`test_"):
            yield cells


@pytest.mark.parametrize("command", GCLOUD)
def test_every_flag_of_gcloud_has_a_line_and_works_here(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from giqplan.cli.main import main

    found = [cells for cells in rows() if cells[0].replace("`", "").split(" (")[0] == command]
    assert found
    flags = {flag for cells in found for flag in re.findall(r"--[a-z-]+", cells[1])}
    assert flags == set(GCLOUD[command])
    words = {"list": "profiles list", "all lists": "models list"}.get(command, command).split()
    assert main([*words, "--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"{flag} " in told or f"{flag}\n" in told for flag in flags)


def test_every_test_that_the_page_names_is_there() -> None:
    named = [cells[-1].strip("`") for cells in rows()]
    assert len(named) > 50
    for name in named:
        function, _, case = name.partition("[")
        files = [text for text in TESTS.values() if f"def {function}(" in text]
        assert len(files) == 1, name
        assert not case or f'"{case.rstrip("]")}"' in files[0], name


def test_its_commands_print_what_it_shows(tmp_path: Path) -> None:
    found = steps(PAGE)
    printed = run([step.command for step in found], tmp_path)
    wrong = [f"$ {step.command}\n{told}" for step, text in zip(found, printed, strict=True) if (told := difference(step.shown, text))]
    assert not wrong, "\n\n".join(wrong)
