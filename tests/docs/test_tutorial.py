"""Every command that the README and the tutorial show is run, and prints what they show."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_console import ESTIMATES, Forms, Step, difference, run, steps

ROOT = Path(__file__).resolve().parents[2]
SPEED = 3000
"""Simulated seconds a second, so that nobody waits for clusters."""


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """What of a clone the pages use: the examples, with a faster clock."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns(".giqplan"))
    for example in (tmp_path / "examples").iterdir():
        with (example / "world.yaml").open("a", encoding="utf-8") as world:
            world.write(f"\nclock: {{speed: {SPEED}}}\n")
    yield tmp_path
    for sandbox in tmp_path.rglob(".giqplan"):
        subprocess.run((sys.executable, "-m", "giqplan", "sandbox", "stop"), cwd=sandbox.parent, check=True, capture_output=True)


def parts(page: Path, folder: Path, forms: Forms = ()) -> tuple[list[Step], str]:
    """The page's steps, and every difference between what it shows and what its commands print."""
    found = steps(page.read_text(encoding="utf-8"))
    printed = run([step.command for step in found], folder)
    assert len(printed) == len(found), f"{page.name}: the shell ended early"
    wrong = [
        f"$ {step.command}\n{told}\n{text[-3000:]}"
        for step, text in zip(found, printed, strict=True)
        if (told := difference(step.shown, text, forms))
    ]
    return found, "\n\n".join(wrong)


@pytest.mark.slow
def test_the_tour_of_the_readme_prints_what_it_shows(clone: Path) -> None:
    found, wrong = parts(ROOT / "README.md", clone / "examples" / "quickstart")
    assert len(found) >= 5
    assert not wrong, wrong


@pytest.mark.slow
def test_the_tutorial_prints_what_it_shows(clone: Path) -> None:
    found, wrong = parts(ROOT / "docs" / "tutorial.md", clone)
    used = {step.command.split()[1] for step in found if step.command.startswith("giqplan ")}
    assert used >= {"validate", "explain", "plan", "apply", "destroy", "sandbox"}
    assert not wrong, wrong


@pytest.mark.slow
def test_the_page_on_hugging_face_prints_what_it_shows(clone: Path) -> None:
    found, wrong = parts(ROOT / "docs" / "hugging-face.md", clone)
    assert any("secret set" in step.command for step in found)
    assert not wrong, wrong


@pytest.mark.slow
def test_the_page_on_plans_prints_what_it_shows(clone: Path) -> None:
    found, wrong = parts(ROOT / "docs" / "plans.md", clone)
    assert any("show plan.json" in step.command for step in found)
    assert not wrong, wrong


@pytest.mark.slow
def test_the_page_on_googles_data_prints_what_it_shows(clone: Path) -> None:
    found, wrong = parts(ROOT / "docs" / "sync.md", clone)
    assert sum("catalog sync" in step.command for step in found) >= 3
    assert not wrong, wrong


@pytest.mark.slow
def test_the_page_on_ownership_prints_what_it_shows(clone: Path) -> None:
    found, wrong = parts(ROOT / "docs" / "ownership.md", clone)
    used = {step.command.split()[1] for step in found if step.command.startswith("giqplan ")}
    assert used >= {"drift", "import", "state", "destroy"}
    assert not wrong, wrong


def test_the_page_on_the_catalog_prints_what_it_shows(clone: Path) -> None:
    found, wrong = parts(ROOT / "docs" / "catalog.md", clone)
    assert sum("giqplan catalog" in step.command for step in found) >= 8
    assert not wrong, wrong


def test_the_page_on_own_benchmarks_prints_what_it_shows(clone: Path) -> None:
    shutil.copytree(ROOT / "tests" / "catalog" / "reports", clone / "tests" / "catalog" / "reports")
    found, wrong = parts(ROOT / "docs" / "import.md", clone)
    assert sum("giqplan catalog import" in step.command for step in found) >= 5
    assert not wrong, wrong


@pytest.mark.slow
def test_the_page_on_estimates_prints_what_it_shows(clone: Path) -> None:
    found, wrong = parts(ROOT / "docs" / "estimating.md", clone, ESTIMATES)
    assert sum("giqplan estimate" in step.command for step in found) >= 4
    assert not wrong, wrong


def test_the_page_on_charts_prints_what_it_shows(clone: Path) -> None:
    found, wrong = parts(ROOT / "docs" / "charts.md", clone)
    assert sum("giqplan benchmarks plot" in step.command for step in found) == 2
    assert not wrong, wrong


@pytest.mark.parametrize(("index", "name"), [(0, "latency.svg"), (1, "pareto.svg")])
def test_the_pictures_on_the_page_are_what_its_commands_draw(clone: Path, index: int, name: str) -> None:
    command = steps((ROOT / "docs" / "charts.md").read_text(encoding="utf-8"))[index].command.replace(" --log", "")
    (told,) = run([f"{command} -o {name}"], clone)
    assert told == f"wrote {name}\n"
    drawn, shown = ((folder / name).read_text(encoding="utf-8") for folder in (clone, ROOT / "docs" / "charts"))
    origin = re.compile(r"drawn by giqplan [^<]*")
    assert origin.sub("", drawn) == origin.sub("", shown), f"draw it anew: {command} -o docs/charts/{name}"
