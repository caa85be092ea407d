"""The door: help, version, mistakes, exit codes, and how little is imported for them."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_runs import Run

from giqplan import __version__
from giqplan.cli import main as door
from giqplan.cli.errors import print_error
from giqplan.cli.progress import LineReporter
from giqplan.errors import Exit, GiqplanError, Place, RefusedError, UsageError
from giqplan.model.address import Address

HEAVY = (
    "pydantic",
    "yaml",
    "numpy",
    "google",
    "kubernetes",
    "requests",
    "rich",
    "jsonschema",
    "deepdiff",
    "cryptography",
    "giqplan.engine",
)


def test_help_lists_every_command_in_one_line_each(run: Run) -> None:
    for words in (["--help"], ["-h"]):
        ran = run(*words)
        assert (ran.code, ran.err) == (0, "")
        assert all(f"  {name} " in ran.out and command.help in ran.out for name, command in door.COMMANDS.items())


@pytest.mark.parametrize("name", door.COMMANDS)
def test_every_command_that_is_listed_has_help_and_debug(run: Run, name: str) -> None:
    ran = run(name, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"usage: giqplan {name}")
    assert "--debug" in ran.out


def test_version(run: Run) -> None:
    assert run("--version").out == f"giqplan {__version__}\n"


@pytest.mark.parametrize(
    ("words", "detail", "remedy"),
    [
        ([], "no command is given", "giqplan --help lists the commands"),
        (["plam"], "there is no command 'plam'", "did you mean plan? giqplan --help lists the commands"),
        (["--verbose"], "unrecognized arguments: --verbose", "usage: giqplan COMMAND [FLAGS]"),
        (["validate", "--frmat", "json"], "unrecognized arguments: --frmat", None),
        (["validate", "a.yaml", "-f", "b.yaml"], "more than one intent: a.yaml and b.yaml", None),
        (["validate", "--format", "xml"], "argument --format: invalid choice: 'xml'", None),
    ],
)
def test_a_wrong_command_line_is_an_error_of_ours_with_exit_1(run: Run, words: list[str], detail: str, remedy: str | None) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error GIQ0101: wrong command line\n")
    assert f"  {detail}" in ran.err
    assert remedy is None or f"  remedy: {remedy}\n" in ran.err


def _running(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Exit]) -> None:
    """Put a command ``test`` into the table whose run is ``work``."""
    module = SimpleNamespace(configure=lambda parser: parser.add_argument("--format"), run=lambda args: work())
    monkeypatch.setitem(door.COMMANDS, "test", door.Command("test", "a test"))
    monkeypatch.setattr(door, "import_module", lambda name: module)


def _raising(error: BaseException) -> Callable[[], Exit]:
    def work() -> Exit:
        raise error

    return work


@pytest.mark.parametrize("code", list(Exit))
def test_the_exit_code_is_the_commands(run: Run, monkeypatch: pytest.MonkeyPatch, code: Exit) -> None:
    _running(monkeypatch, lambda: code)
    assert run("test").code == code


def test_an_error_has_one_layout(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _running(monkeypatch, _raising(RefusedError("GIQ1102", "spec.serving.stack is not acted on yet", "use none", Place("i.yaml", 3, 5))))
    ran = run("test")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "Error GIQ1102: serving stacks are not acted on yet\n  i.yaml:3:5\n  spec.serving.stack is not acted on yet\n  remedy: use none\n"
    )


def test_errors_as_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _running(monkeypatch, _raising(UsageError("GIQ0102", "no terminal", "")))
    expected = {"code": "GIQ0102", "summary": "there is nobody to ask", "detail": "no terminal", "remedy": "", "place": None}
    for flags in (["--format", "json"], ["--format=json"]):
        assert json.loads(run("test", *flags).err) == {"errors": [expected]}


def test_a_mistake_of_giqplan_is_one_calm_error_and_a_traceback_only_with_debug(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _running(monkeypatch, _raising(ZeroDivisionError("by zero")))
    ran = run("test")
    assert ran.code == 1
    assert ran.err.startswith("Error GIQ0199: internal error\n  ZeroDivisionError: by zero\n")
    assert "Traceback" not in ran.err
    assert "Traceback" in run("test", "--debug").err


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (SystemExit(143), 143), (SystemExit(), 0), (GiqplanError("GIQ0199", "x"), 1)],
)
def test_interruptions_have_their_codes(run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    _running(monkeypatch, _raising(error))
    ran = run("test")
    assert ran.code == code
    assert "Traceback" not in ran.err


def _process(*words: str, **more: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)  # type: ignore[call-overload, no-any-return]


def test_a_reader_that_closes_early_is_no_drama() -> None:
    process = _process("-m", "giqplan", "schema")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 1


def test_a_termination_signal_unwinds_and_ends_with_143() -> None:
    script = (
        "import giqplan.__main__ as m, os, signal\n"
        "def run(words):\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n        signal.pause()\n"
        "    finally:\n        print('unwound')\n"
        "m.run = run\nm.main()\n"
    )
    process = _process("-c", script)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (128 + signal.SIGTERM, "unwound\n", "")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["sandbox", "--help"], ["validat"]])
def test_the_door_imports_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys\nfrom giqplan.cli.main import main\n"
        f"main({words!r})\n"
        f"found = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not found, found\n"
    )
    process = _process("-c", script, env={**os.environ})
    _, err = process.communicate()
    assert process.returncode == 0, err


def test_abbreviated_flags_are_refused() -> None:
    parser = door.Parser(prog="x")
    parser.add_argument("--sandbox", action="store_true")
    with pytest.raises(UsageError):
        parser.parse_args(["--sand"], argparse.Namespace())


def test_a_full_output_is_an_error_of_its_own() -> None:
    with Path("/dev/full").open("w") as sink:
        ran = subprocess.run([sys.executable, "-m", "giqplan", "schema"], stdout=sink, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, "GIQ0104" in ran.stderr, "Traceback" in ran.stderr) == (1, True, False)


def test_a_closed_output_is_no_defect() -> None:
    ran = subprocess.run(["/bin/sh", "-c", f"{sys.executable} -m giqplan schema >&-"], stderr=subprocess.PIPE, text=True, check=False)
    assert "GIQ0199" not in ran.stderr and "Traceback" not in ran.stderr


@pytest.mark.parametrize(("group", "command"), [("sandbox", "start"), ("secret", "set"), ("state", "list")])
def test_a_group_without_a_command_names_its_commands(run: Run, group: str, command: str) -> None:
    ran = run(group)
    assert (ran.code, ran.out) == (1, "")
    assert f"commands: {command}" in ran.err


def test_nothing_in_an_error_or_in_progress_is_obeyed_by_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    place = Place("evil\x1b[2J.yaml", 1)
    print_error(GiqplanError("GIQ1001", "first\x1b]0;title\x07\nsecond\u202e", "mend\x1b[31m it", place))
    reporter = LineReporter()
    reporter.waits(Address("kubernetes_service", "inference/x"), "a webhook says \x1b[2J")
    reporter.failed(Address("kubernetes_service", "inference/x"), "a webhook says \x1b[2J")
    told = capsys.readouterr().err
    assert "evil\\x1b[2J.yaml:1" in told
    assert all(line.isprintable() for line in told.splitlines())
