"""A recognisable token goes through every command, in the environment and in the cluster, and comes out of none."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable

import pytest
from engine_house import House, hugging_face

CANARY = "hf_" + "TheCanarySings" * 2
FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode())
DEPLOYMENT = "/apis/apps/v1/namespaces/inference/deployments/quickstart"
STORE = ("sandbox.db", "sandbox.db-wal", "sandbox.db-shm")


def test_the_token_is_in_the_secret_and_nowhere_else(
    house: Callable[..., House], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", CANARY)
    one = house(*hugging_face())
    plan = str(one.folder / "plan.json")
    file = one.folder.parent / "token"
    file.write_text(f"{CANARY}\n", encoding="utf-8")
    said: list[str] = []

    def run(expected: int, *words: str, caller: str = "owner") -> None:
        code, out, err = one.run(*words, caller=caller)
        said.append(out + err)
        assert code == expected, (words, out, err)

    def about(expected: int, command: str, *words: str) -> None:
        run(expected, command, str(one.file), "--sandbox", "--debug", *words)

    def set_it(expected: int, *words: str, caller: str = "owner") -> None:
        run(expected, "secret", "set", *words, "-f", str(one.file), "--sandbox", "--debug", caller=caller)

    set_it(1, "--from-env", "HF_TOKEN")
    about(0, "plan", "--out", plan)
    about(5, "apply", "--auto-approve")
    set_it(1, "--from-file", str(file), caller="planner")
    set_it(0, "--from-file", str(file))
    set_it(0, "--from-env", "HF_TOKEN", "--format", "json")
    set_it(1, CANARY, "--from-env", "HF_TOKEN")
    about(0, "plan", "--full", "--format", "json", "--out", plan)
    run(0, "show", plan, "--full", "--debug")
    run(0, "apply", plan, "-f", str(one.file), "--sandbox", "--debug", "--auto-approve", "--format", "json")
    about(0, "show", "--format", "json")
    about(0, "plan", "--full")
    about(0, "drift")
    about(1, "plan", "--no-such-flag", CANARY)
    for words in (("log",), ("log", "--critical-path"), ("status",)):
        run(0, "sandbox", *words, "-f", str(one.file))
    assert "kube_object" in {table for table, row in _rows(one) if _sings(row)}, "the cluster's Secret holds it"
    assert _leaks(one) == []
    one.set("serving.env", {"SETTING": CANARY})
    about(1, "plan")
    about(1, "apply", "--auto-approve")
    one.set("serving.env", None)
    about(0, "destroy", "--auto-approve")
    assert _leaks(one) == []
    captured = capfd.readouterr()
    assert [text for text in (*said, captured.out, captured.err) if _sings(text)] == []


def test_a_token_that_somebody_wrote_into_an_object_is_not_repeated(applied: House, capfd: pytest.CaptureFixture[str]) -> None:
    held = applied.kubernetes("GET", DEPLOYMENT)
    container = held["spec"]["template"]["spec"]["containers"][0]
    ours = container["env"][0]["name"]
    env = [{"name": ours, "value": CANARY}, {"name": "HUGGING_FACE_HUB_TOKEN", "value": "aPlainWord"}]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": container["name"], "env": env}]}}}}
    applied.kubernetes("PATCH", DEPLOYMENT, patch, content="application/strategic-merge-patch+json")
    plan = applied.folder / "plan.json"
    said: list[str] = []
    for words in (
        ("plan", "--full", "-o", str(plan)),
        ("plan", "--format", "json"),
        ("drift",),
        ("drift", "--format", "json"),
        ("destroy",),
    ):
        said += applied.cli(*words)[1:]
    said += applied.run("apply", str(plan), "--sandbox", "--force-conflicts", "*")[1:]
    said += applied.run("show", str(plan), "--full")[1:]
    assert any("(secret)" in text for text in said)
    said += applied.run("apply", str(plan), "--sandbox")[1:]
    said += applied.cli("apply", "--auto-approve", "--force-conflicts", "kubernetes_deployment.inference/quickstart")[1:]
    assert applied.cli("plan", "--detailed-exitcode")[0] == 0
    captured = capfd.readouterr()
    assert [text for text in (*said, captured.out, captured.err) if _sings(text) or "aPlainWord" in text] == []
    files = [path for path in applied.folder.rglob("*") if path.is_file() and path.name not in STORE]
    assert [path for path in files if _sings(path.read_text(encoding="utf-8", errors="replace"))] == []


def _sings(text: str) -> bool:
    return any(form in text for form in FORMS)


def _leaks(one: House) -> list[str]:
    """Files with the canary, and rows of the sandbox's store with it that are no Secret's."""
    files = [path for path in one.folder.rglob("*") if path.is_file() and path.name not in STORE]
    found = [str(path) for path in files if _sings(path.read_text(encoding="utf-8", errors="replace"))]
    return found + [row for _, row in _rows(one) if _sings(row) and "'secrets'" not in row]


def _rows(one: House) -> list[tuple[str, str]]:
    """Every row of every table of the sandbox's store, as text."""
    db = sqlite3.connect(f"file:{one.sandbox / 'sandbox.db'}?mode=ro", uri=True)
    try:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [(table, str(tuple(row))) for table in tables for row in db.execute(f"SELECT * FROM {table}")]
    finally:
        db.close()
