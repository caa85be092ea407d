"""init, validate, schema, explain: what they print, write and return."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from cli_runs import Run

QUICKSTART = str(Path(__file__).parents[2] / "examples" / "quickstart" / "inference.yaml")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_init_writes_a_valid_intent_without_asking_where_there_is_no_terminal(run: Run, tmp_path: Path) -> None:
    assert (
        run("init", "--project", "my-team-1").out
        == "wrote inference.yaml; next: giqplan validate inference.yaml, giqplan explain inference.yaml\n"
    )
    assert "project: my-team-1" in (tmp_path / "inference.yaml").read_text()
    assert run("validate").out == "inference.yaml is valid (default)\n"


def test_init_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "inference.yaml").write_text("mine")
    (tmp_path / "link.yaml").symlink_to("nowhere.yaml")
    for name in ("inference.yaml", "link.yaml"):
        ran = run("init", name)
        assert ran.code == 1
        assert "GIQ0104" in ran.err
    assert (tmp_path / "inference.yaml").read_text() == "mine"
    assert not (tmp_path / "nowhere.yaml").exists()
    assert "GIQ0104" in run("init", "no/such/folder.yaml").err


def test_init_writes_nothing_that_is_not_valid(run: Run, tmp_path: Path) -> None:
    assert "GIQ1018" in run("init", "--name", "vllm").err
    assert list(tmp_path.iterdir()) == []


def test_init_asks_in_a_terminal_only_for_what_has_no_flag(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "europe-west4" if question.startswith("region") else ""

    monkeypatch.setattr("sys.stdin", _Terminal())
    monkeypatch.setattr("sys.stdout", _Terminal())
    monkeypatch.setattr("builtins.input", answer)
    assert run("init", "--name", "bot").code == 0
    assert len(asked) == 6
    assert not any(question.startswith("name") for question in asked)
    text = (tmp_path / "inference.yaml").read_text()
    assert "location: europe-west4" in text
    assert "project: my-project" in text


def test_the_end_of_input_ends_init_like_ctrl_c(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(question: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin", _Terminal())
    monkeypatch.setattr("sys.stdout", _Terminal())
    monkeypatch.setattr("builtins.input", ended)
    assert run("init").code == 130
    assert list(tmp_path.iterdir()) == []


def test_validate_checks_every_environment_or_the_one_asked_for(run: Run) -> None:
    assert run("validate", QUICKSTART).out == f"{QUICKSTART} is valid (default, staging, prod)\n"
    assert run("validate", "-f", QUICKSTART, "-e", "prod").out == f"{QUICKSTART} is valid (prod)\n"
    assert run("validate", QUICKSTART, "--quiet").out == ""
    found = json.loads(run("validate", QUICKSTART, "--format", "json").out)
    assert found["errors"] == []
    assert list(found["environments"]) == ["default", "prod", "staging"]


def test_validate_prints_every_mistake(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("apiVersion: giqplan.dev/v1alpha1\nkind: Inference\nmetadata: {name: X}\nspec: {}\n")
    ran = run("validate", "bad.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("Error GIQ") == 3
    assert [e["place"]["line"] for e in json.loads(run("validate", "bad.yaml", "--format", "json").err)["errors"]] == [3, 4, 4]


def test_validate_without_a_file_says_what_to_do(run: Run) -> None:
    assert "`giqplan init` writes one" in run("validate").err


def test_schema_prints_the_schema(run: Run) -> None:
    assert json.loads(run("schema").out)["title"] == "giqplan intent (inference.yaml)"


def test_explain_says_what_is_chosen(run: Run) -> None:
    ran = run("explain", QUICKSTART)
    assert ran.code == 0
    assert ran.out.startswith("Profile\n")
    found = json.loads(run("explain", QUICKSTART, "--format", "json").out)
    assert found["profile"]["accelerator"] == "nvidia-h100-80gb"
    assert isinstance(found["cost"]["usd_per_hour"]["initial"], str)


def test_explain_of_targets_that_nothing_reaches_exits_with_4(run: Run, tmp_path: Path) -> None:
    text = re.sub(r"ntpotMilliseconds: .*", "ntpotMilliseconds: 0.01", Path(QUICKSTART).read_text())
    (tmp_path / "inference.yaml").write_text(text)
    ran = run("explain")
    assert ran.code == 4
    assert "nearest miss" in ran.out
