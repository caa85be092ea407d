"""giqplan sandbox, by its command group."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from giqplan.cli import sandbox as command
from giqplan.errors import Exit, SandboxError, UsageError
from giqplan.sandbox import control


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """``run("start", "--speed", "0")`` gives what is printed."""
    (tmp_path / "world.yaml").write_text("project: {id: test-project}\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    command.configure(parser)

    def one(*arguments: str) -> str:
        assert command.run(parser.parse_args([*arguments, "-f", str(tmp_path / "inference.yaml")])) is Exit.DONE
        return capsys.readouterr().out

    yield one
    control.stop(tmp_path / ".giqplan" / "sandbox")


def test_from_start_to_stop(run: Any, tmp_path: Path) -> None:
    assert run("status") == "not running\n"
    started = run("start", "--speed", "0", "--controllers", "off")
    assert started.startswith("started\n") and "test-project" in started and "stands still" in started
    assert run("start").startswith("already running\n")
    before = run("advance", "0").strip()
    assert run("advance", "3600") > before
    assert run("log") == "" and run("log", "--critical-path").startswith("0 requests")
    with pytest.raises(SandboxError, match="no running cluster"):
        run("kubeconfig")
    other = tmp_path / "other.yaml"
    other.write_text("project: {id: other-project}\nclock: {speed: 0}\n", encoding="utf-8")
    assert "other-project" in run("reset", "--world", str(other))
    assert "test-project" in run("reset"), "the world beside the intent is the default"
    assert run("stop") == "stopped\n" and run("stop") == "was not running\n"


@pytest.mark.parametrize("arguments", [("start", "--speed", "-1"), ("start", "--speed", "nan"), ("advance", "nan")])
def test_time_does_not_run_backwards(run: Any, arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        run(*arguments)
