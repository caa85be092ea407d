"""``giqplan secret set``: one value into one key of one Secret, and nothing of it anywhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_house import House

TOKEN = "hf_CanaryCanaryCanaryCanary"
SECRETS = "/api/v1/namespaces/inference/secrets"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def held(house: House, name: str) -> dict[str, str]:
    """The decoded data of a Secret, as the cluster's administrator sees it."""
    data = house.kubernetes("GET", f"{SECRETS}/{name}").get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def made(house: House, name: str, **fields: Any) -> None:
    """A Secret that somebody else has made."""
    house.kubernetes("POST", SECRETS, {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, **fields}, manager="vault")


def test_a_value_is_created_then_unchanged_then_updated_and_never_printed(applied: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [applied.secret_set("hf-secret", "--from-env", "HF_TOKEN") for _ in range(2)]
    monkeypatch.setenv("HF_TOKEN", f"{TOKEN}2")
    told.append(applied.secret_set("hf-secret", "--from-env", "HF_TOKEN", "--debug"))
    assert [code for code, _, _ in told] == [0, 0, 0]
    assert [out.splitlines()[0].rpartition(": ")[2] for _, out, _ in told] == ["created", "unchanged", "updated"]
    assert held(applied, "hf-secret") == {"hf_api_token": f"{TOKEN}2"}
    assert TOKEN not in str(told)


def test_the_intent_says_name_and_key_where_the_command_does_not(applied: House) -> None:
    assert "GIQ0106" in applied.secret_set("--from-env", "HF_TOKEN")[2]
    applied.set("storage", {"huggingFace": {"tokenSecret": {"name": "models", "key": "token"}}})
    assert applied.secret_set("--from-env", "HF_TOKEN", "--quiet") == (0, "", "")
    code, out, _ = applied.secret_set("models", "--from-env", "HF_TOKEN", "--format", "json")
    found = json.loads(out)
    assert (code, found["key"], found["result"], found["notes"]) == (0, "token", "unchanged", [])
    assert held(applied, "models") == {"token": TOKEN}


def test_the_other_keys_of_a_secret_stay(applied: House) -> None:
    made(applied, "shared", stringData={"a": "1"})
    for key in ("b", "c"):
        assert applied.secret_set("shared", "--from-env", "HF_TOKEN", "--key", key)[0] == 0
    assert held(applied, "shared") == {"a": "1", "b": TOKEN, "c": TOKEN}


def test_a_line_break_at_the_end_of_a_file_is_left_out_and_said(applied: House) -> None:
    file = applied.folder / "token"
    file.write_text(f"{TOKEN}\r\n", encoding="utf-8")
    code, out, _ = applied.secret_set("hf-secret", "--from-file", str(file))
    assert (code, held(applied, "hf-secret")) == (0, {"hf_api_token": TOKEN})
    assert "the line break at the end of" in out


def test_a_key_of_another_manager_is_taken_over_only_when_told_to(applied: House) -> None:
    applied.kubernetes("PATCH", f"{SECRETS}/vaults", _applied("vaults"), manager="vault", content="application/apply-patch+yaml")
    code, _, err = applied.secret_set("vaults", "--from-env", "HF_TOKEN")
    assert code == 1
    assert "GIQ0108" in err
    assert "held by vault" in err
    assert held(applied, "vaults") == {"hf_api_token": "theirs"}
    assert applied.secret_set("vaults", "--from-env", "HF_TOKEN", "--force-conflicts")[0] == 0
    assert held(applied, "vaults") == {"hf_api_token": TOKEN}


def _applied(name: str) -> dict[str, Any]:
    data = {"hf_api_token": base64.b64encode(b"theirs").decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"immutable": True}, "immutable"),
        ({"type": "kubernetes.io/basic-auth", "stringData": {"username": "u"}}, "of type kubernetes.io/basic-auth"),
        ({"metadata": {"name": "odd", "finalizers": ["example.com/wait"]}}, "being deleted"),
    ],
)
def test_a_secret_that_cannot_take_a_token_is_left_alone(applied: House, fields: dict[str, Any], words: str) -> None:
    made(applied, "odd", **fields)
    if words == "being deleted":
        applied.kubernetes("DELETE", f"{SECRETS}/odd")
    code, _, err = applied.secret_set("odd", "--from-env", "HF_TOKEN")
    assert code == 1
    assert "GIQ0108" in err
    assert words in err
    assert "hf_api_token" not in held(applied, "odd")


def test_a_caller_without_the_right_is_told_which_one(applied: House) -> None:
    code, _, err = applied.secret_set("hf-secret", "--from-env", "HF_TOKEN", caller="planner")
    assert code == 1
    assert "GIQ1904" in err
    assert "container.secrets.create and container.secrets.update" in err


def test_a_caller_who_may_not_see_the_cluster_is_told_so(applied: House) -> None:
    code, _, err = applied.secret_set("hf-secret", "--from-env", "HF_TOKEN", caller="nobody")
    assert (code, "container.clusters.list" in err) == (1, True)


def test_without_cluster_or_namespace_there_is_no_place(applied: House, house: Callable[..., House]) -> None:
    told = [house().secret_set("hf-secret", "--from-env", "HF_TOKEN")]
    applied.set("target.namespace", "elsewhere")
    told.append(applied.secret_set("hf-secret", "--from-env", "HF_TOKEN"))
    for code, _, err in told:
        assert code == 1
        assert "GIQ0107" in err
        assert "giqplan apply" in err
    assert "elsewhere" in told[1][2]


def test_bad_values_and_names_are_refused_before_anything_is_asked(house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    one = house()
    monkeypatch.setenv("EMPTY", " \n")
    files = {"empty": b"\n", "binary": b"\x00\x01", "latin": b"caf\xe9", "large": b"a" * (2**20 + 1)}
    for name, content in files.items():
        (one.folder / name).write_bytes(content)
    bad = [("--from-env", "NO_SUCH"), ("--from-env", "EMPTY"), ("--from-file", "/no/such"), ("--from-file", str(one.folder))]
    bad += [("--from-file", str(one.folder / name)) for name in files]
    entries = one.requests(lambda: _all_refused(one, bad))
    assert [entry.path for entry in entries if entry.service == "kubernetes"] == []


def _all_refused(one: House, bad: list[tuple[str, str]]) -> None:
    for words in bad:
        code, _, err = one.secret_set("hf-secret", *words)
        assert (code, "GIQ0105" in err) == (1, True), (words, err)
    for name, key in (("Upper", "k"), ("a_b", "k"), ("inference.yaml", "k"), ("ok", "a/b"), ("ok", ".."), ("-a", "k"), ("a" * 254, "k")):
        code, _, err = one.run("secret", "set", "--from-env", "HF_TOKEN", f"--key={key}", "-f", str(one.file), "--sandbox", "--", name)
        assert (code, "GIQ0106" in err) == (1, True), (name, key, err)
    assert "GIQ0101" in one.secret_set("hf-secret")[2]
    assert "GIQ0101" in one.secret_set("hf-secret", "--from-env", "HF_TOKEN", "--from-file", "x")[2]


@pytest.mark.parametrize("place", [("x", "--from-env", TOKEN), (TOKEN, "--from-env", "X"), ("x", "--from-file", TOKEN)])
def test_a_token_in_place_of_a_name_is_not_repeated(tmp_path: Path, place: tuple[str, ...]) -> None:
    code, out, err = House(tmp_path).secret_set(*place)
    assert (code, "GIQ0105" in err, TOKEN in out + err) == (1, True, False)
