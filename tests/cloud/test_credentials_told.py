"""Credentials that cannot be used: said which and what to do, and nothing of them is ever printed, also not with --debug or by a proxy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from giqplan.cli.main import main
from giqplan.sandbox import control
from giqplan.sandbox.faults import Fault

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
CANARY = "Canary0123456789"
KEY = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"
USER = {"type": "authorized_user", "client_id": "c", "client_secret": CANARY, "refresh_token": f"1//{CANARY}"}
SERVICE = {"type": "service_account", "client_email": "a@b.example", "token_uri": "https://127.0.0.1:9/token", "private_key": KEY}

FILES: dict[str, tuple[str | None, str, str]] = {
    "none of that name": (None, "GIQ1901", "key.v1.json was not found"),
    "cut off": (json.dumps(SERVICE)[:-20], "GIQ1901", "key.v1.json is not a valid json file"),
    "of an unknown type": (json.dumps({"type": "alien", "secret": CANARY}), "GIQ1901", "Type is alien"),
    "with a broken key": (json.dumps(SERVICE), "GIQ1901", "Failed to load service account credentials"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main([*words, "--debug"])
    captured = capsys.readouterr()
    assert CANARY not in captured.out + captured.err
    return code, captured.err


@pytest.mark.parametrize("what", FILES)
def test_a_credentials_file_that_cannot_be_used_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    text, code, words = FILES[what]
    file = folder / "key.v1.json"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    ended, err = told(capsys, "plan")
    assert (ended, f"Error {code}" in err) == (1, True)
    assert words in err
    assert "GOOGLE_APPLICATION_CREDENTIALS" in err.partition("remedy:")[2], "logging in would change nothing while the variable is set"


def test_a_proxy_that_does_not_answer_is_no_reason_to_print_its_password(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "user.json").write_text(json.dumps(USER))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "user.json"))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://user:{CANARY}@127.0.0.1:9")
    ended, err = told(capsys, "plan")
    assert (ended, "Error GIQ1903" in err) == (1, True)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(service="oauth2", status=400), "GIQ1902"),
        (Fault(service="oauth2", status=401), "GIQ1902"),
        (Fault(service="oauth2", status=503), "GIQ1908"),
        (Fault(service="oauth2", cut=True), "GIQ1903"),
        (Fault(service="container", status=401), "GIQ1902"),
        (Fault(service="container", status=500), "GIQ1908"),
        (Fault(service="storage", status=403), ""),
        (Fault(service="container", cut=True), "GIQ1903"),
    ],
    ids=str,
)
def test_whatever_a_service_answers_no_credential_is_printed(
    world: Callable[[Fault], Any], capsys: pytest.CaptureFixture[str], fault: Fault, code: str
) -> None:
    secrets = world(fault)
    ended = main(["plan", "--sandbox", "--debug"])
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert [secret for secret in secrets if secret in said] == []
    assert "Bearer" not in said
    assert (ended == 1, f"Error {code}" in captured.err) == (bool(code), bool(code)), captured.err


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("faults") / "work"
    shutil.copytree(EXAMPLE, folder)
    sandbox = folder / ".giqplan" / "sandbox"
    control.start(sandbox, world_file=folder / "world.yaml")
    yield folder
    control.stop(sandbox)


@pytest.fixture
def world(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A sandbox in which one thing goes wrong; what must not be printed of it."""
    sandbox = shared / ".giqplan" / "sandbox"
    monkeypatch.chdir(shared)

    def order(fault: Fault) -> list[str]:
        control.add_fault(sandbox, fault)
        held = dict(control.connection(sandbox, "owner").credentials or {})
        return [held["client_secret"], held["refresh_token"]]

    yield order
    control.clear_faults(sandbox)
