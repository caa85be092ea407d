"""Whole plans, as people and programs get them: each folder is a case, run through the command line.

A case holds ``inference.yaml``, ``world.yaml`` (none: offline), ``case.yaml`` (args; caller; ``applied: true`` when the intent is applied
before; ``example``: the file below examples/ that is its intent), and what is expected: ``plan.txt``, ``plan.json`` (where case.yaml wants
``only`` one key of it, a file named so) and, in case.yaml, the exit code. ``GIQPLAN_UPDATE_GOLDEN=1`` writes anew what is expected; read
the difference before you commit it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from giqplan.cli.main import main
from giqplan.sandbox import control

HERE = Path(__file__).resolve().parent
CASES = sorted(path.parent.name for path in HERE.glob("*/case.yaml"))
EXAMPLES = HERE.parents[1] / "examples"
UPDATE = os.environ.get("GIQPLAN_UPDATE_GOLDEN") == "1"
SPEED = 3000

#: What differs from run to run, and what stands for it: a sandbox's id, uids, the ids of clusters.
RANDOM = (
    (re.compile(r"sandbox-[0-9a-f]{12}"), "sandbox-ID"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r'(?<=")[0-9a-f]{64}(?=")'), "CLUSTER-ID"),
    (re.compile(r"[0-9a-f]{16}:\d+"), "LINEAGE:SERIAL"),
)


def steady(text: str) -> str:
    for pattern, name in RANDOM:
        text = pattern.sub(name, text)
    return text


def steady_json(text: str, only: str = "") -> str:
    """Laid out to be read and compared; without the digest, which covers the ids, and with the rejected curves only counted. ``only``: of
    the plan what stands under this key."""
    value: dict[str, Any] = json.loads(text)
    value["digest"] = "DIGEST"
    if value.get("recommendation"):
        value["recommendation"]["rejected"] = len(value["recommendation"]["rejected"])
    value = value[only] if only else value
    return steady(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)) + "\n"


def compare(path: Path, found: str) -> None:
    if UPDATE:
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_plan(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    case = yaml.safe_load((HERE / name / "case.yaml").read_text(encoding="utf-8"))
    folder = tmp_path / "house"
    folder.mkdir()
    for file in ("inference.yaml", "world.yaml"):
        if (HERE / name / file).exists():
            shutil.copy(HERE / name / file, folder)
    if "example" in case:
        shutil.copy(EXAMPLES / case["example"], folder / "inference.yaml")
    intent, sandbox = str(folder / "inference.yaml"), folder / ".giqplan" / "sandbox"
    if (folder / "world.yaml").exists():
        control.start(sandbox, world_file=folder / "world.yaml", speed=SPEED)
    try:
        if case.get("applied"):
            assert main(["apply", intent, "--sandbox", "--auto-approve", "--quiet"]) == 0
            for path, value in case.get("then", {}).items():
                edit(folder / "inference.yaml", path, value)
        capsys.readouterr()
        monkeypatch.setenv("GIQPLAN_SANDBOX_CALLER", case.get("caller", "owner"))
        command, *flags = case["args"]
        code = main([command, intent, "--no-color", *flags])
        text = capsys.readouterr().out
        assert main([command, intent, "--no-color", "--format", "json", *flags]) == code
        as_json = capsys.readouterr().out
    finally:
        if sandbox.exists():
            control.stop(sandbox)
    assert code == case["exit"]
    compare(HERE / name / "plan.txt", steady(text))
    only = case.get("only", "")
    compare(HERE / name / f"{only or 'plan'}.json", steady_json(as_json, only))


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("modelled/*.yaml") if path.stem != "world"))
def test_a_modelled_choice_is_explained(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["explain", str(EXAMPLES / "modelled" / f"{name}.yaml")]) == 0
    compare(HERE / "explained" / f"{name}.txt", capsys.readouterr().out)


def edit(file: Path, path: str, value: Any) -> None:
    intent = yaml.safe_load(file.read_text(encoding="utf-8"))
    *parents, last = path.split(".")
    inner = intent
    for part in parents:
        inner = inner[part]
    inner[last] = value
    file.write_text(yaml.safe_dump(intent, sort_keys=False), encoding="utf-8")


@pytest.mark.parametrize(
    "intent", [HERE / "offline" / "inference.yaml", EXAMPLES / "modelled" / "gemma-2-27b-it.yaml"], ids=lambda p: p.stem
)
@pytest.mark.parametrize("flags", [(), ("--format", "json")], ids=["text", "json"])
def test_an_offline_plan_is_the_same_bytes_everywhere(intent: Path, flags: tuple[str, ...], tmp_path: Path) -> None:
    """Whatever time zone, hash seed, language, width of the terminal and folder."""
    found = set()
    surroundings = (
        {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "1", "LC_ALL": "C", "COLUMNS": "40"},
        {"TZ": "America/Los_Angeles", "PYTHONHASHSEED": "12345", "LC_ALL": "C.UTF-8", "COLUMNS": "200"},
    )
    for number, surrounding in enumerate(surroundings):
        folder = tmp_path / f"folder-{number}" / ("deeper" * number)
        folder.mkdir(parents=True)
        shutil.copy(intent, folder / "inference.yaml")
        command = [sys.executable, "-m", "giqplan", "plan", "--offline", *flags]
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **surrounding, "PYTHONIOENCODING": "utf-8"}, capture_output=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_a_first_plan_in_the_sandbox_is_the_same_bytes_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same world, state and catalog: whatever the order in which parallel reads are answered."""
    for file in ("inference.yaml", "world.yaml"):
        shutil.copy(HERE / "first" / file, tmp_path)
    found = set()
    try:
        for _ in range(3):
            main(["plan", str(tmp_path / "inference.yaml"), "--sandbox", "--format", "json"])
            found.add(capsys.readouterr().out)
    finally:
        control.stop(tmp_path / ".giqplan" / "sandbox")
    assert len(found) == 1
