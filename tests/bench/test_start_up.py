"""What a command must not import: start-up time is most of what it takes (budgets: `make bench`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from giqplan.sandbox import control

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart" / "inference.yaml"
RUN = "import json, sys; from giqplan.cli.main import main; code = main(sys.argv[1:]); print(json.dumps([code, *sys.modules]))"
CLIENTS = {"google.auth", "google.cloud", "kubernetes", "requests", "urllib3"}
LIBRARIES = {"numpy", "jsonschema", "deepdiff", "rich", "cryptography", "sqlite3"}


def imported(*words: str, **variables: str) -> tuple[int, set[str]]:
    """Exit code, and the modules that a process holds after that command."""
    environment = {name: value for name, value in os.environ.items() if name != "PYDANTIC_DISABLE_PLUGINS"} | variables
    done = subprocess.run((sys.executable, "-c", RUN, *words), capture_output=True, text=True, env=environment, check=True)
    code, *modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (("--help",), CLIENTS | LIBRARIES | {"pydantic", "yaml"}),
        (("--version",), CLIENTS | LIBRARIES | {"pydantic", "yaml"}),
        (("validate", str(QUICKSTART)), CLIENTS | LIBRARIES | {"importlib.metadata", "difflib", "giqplan.catalog"}),
        (("plan", "--offline", str(QUICKSTART)), CLIENTS | LIBRARIES | {"importlib.metadata", "difflib", "giqplan.sandbox"}),
        (("explain", str(QUICKSTART)), CLIENTS | LIBRARIES | {"importlib.metadata", "difflib", "giqplan.sandbox"}),
        (("models", "list"), CLIENTS | LIBRARIES | {"importlib.metadata", "difflib", "pydantic", "giqplan.engine"}),
        (("catalog", "verify"), CLIENTS | LIBRARIES | {"importlib.metadata", "difflib", "pydantic", "giqplan.engine"}),
    ],
)
def test_a_command_imports_nothing_heavy(words: tuple[str, ...], heavy: set[str]) -> None:
    code, modules = imported(*words)
    assert code == 0
    assert not heavy & modules


def test_a_plan_of_a_world_reads_it_without_the_client_libraries(tmp_path: Path) -> None:
    """They cost most of what a plan may take, and only writing needs them (docs/adr/0002-reads-over-rest.md)."""
    for name in ("inference.yaml", "world.yaml"):
        shutil.copy(QUICKSTART.parent / name, tmp_path)
    try:
        code, modules = imported("plan", "--sandbox", str(tmp_path / "inference.yaml"))
    finally:
        control.stop(tmp_path / ".giqplan" / "sandbox")
    assert code == 0
    assert "google.auth" in modules
    heavy = {"google.cloud", "google.api_core", "google.protobuf", "kubernetes"} | LIBRARIES - {"cryptography", "sqlite3"}
    assert not heavy & modules
    assert not modules & {"giqplan.engine.apply", "giqplan.sandbox.process", "giqplan.sandbox.kubernetes"}


def test_who_asks_for_plugins_of_pydantic_gets_its_loader() -> None:
    code, modules = imported("validate", str(QUICKSTART), PYDANTIC_DISABLE_PLUGINS="")
    assert code == 0
    assert "importlib.metadata" in modules
