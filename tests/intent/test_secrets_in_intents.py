"""An intent holds no secret: values are refused by their form wherever they stand, variables by their names, and nothing is repeated."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from giqplan.cli.main import main
from giqplan.secret_values import blotted, looks_like, named_like_one

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "hugging-face" / "inference.yaml"
TOKEN = "hf_" + "Canary" * 5
VALUES = {
    "Hugging Face token": TOKEN,
    "Google access token": "ya29." + "Canary" * 5,
    "Google API key": "AIza" + "Canary" * 6,
    "API key": "sk-" + "Canary" * 5,
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nCanary\n-----END RSA PRIVATE KEY-----\n",
}


def run(tmp_path: Path, intent: dict[str, Any], *words: str) -> tuple[int, str]:
    file = tmp_path / "inference.yaml"
    file.write_text(yaml.safe_dump(intent, sort_keys=False), encoding="utf-8")
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = main([words[0], str(file), *words[1:]])
    return code, out.getvalue()


def example() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("what", VALUES)
def test_each_form_is_known(tmp_path: Path, what: str) -> None:
    intent = example()
    intent["spec"]["serving"]["env"] = {"SETTING": f"x={VALUES[what]}"}
    code, told = run(tmp_path, intent, "validate")
    assert (code, "GIQ1413" in told, what in told, "Canary" in told) == (1, True, True, False)
    assert "inference.yaml:" in told


@pytest.mark.parametrize(
    "spec",
    [
        {"serving": {"args": [f"--some-flag={TOKEN}"]}},
        {"serving": {"image": f"registry.example.com/{TOKEN}/vllm"}},
        {"storage": {"huggingFace": {"tokenSecret": TOKEN}}},
        {"storage": {"huggingFace": {"tokenSecret": {"name": TOKEN}}}},
        {"storage": {"huggingFace": {"tokenSecret": {"key": TOKEN}}}},
        {"storage": {"huggingFace": {"token": TOKEN}}},
        {"serving": {"env": {TOKEN: "x"}}},
        {TOKEN: "x"},
    ],
)
def test_wherever_a_token_stands_it_is_refused_with_its_place_and_not_repeated(tmp_path: Path, spec: dict[str, Any]) -> None:
    intent = example()
    intent["spec"] |= spec
    for words in (("validate",), ("plan", "--offline", "--debug"), ("explain", "--format", "json")):
        code, told = run(tmp_path, intent, *words)
        assert (code, "GIQ1413" in told, "Canary" in told) == (1, True, False), told


def test_a_token_in_an_overlay_is_found_too(tmp_path: Path) -> None:
    intent = example() | {"environments": {"prod": {"serving": {"env": {"A": TOKEN}}}}}
    code, told = run(tmp_path, intent, "plan", "--offline")
    assert (code, "GIQ1413" in told, "Canary" in told) == (1, True, False)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "HUGGINGFACE_HUB_TOKEN", "DB_PASSWORD"])
def test_a_variable_that_is_named_like_a_secret_is_refused_whatever_it_holds(tmp_path: Path, name: str) -> None:
    intent = example()
    intent["spec"]["serving"]["env"] = {name: "short"}
    code, told = run(tmp_path, intent, "plan", "--offline")
    assert (code, "GIQ1414" in told, name in told, "short" in told) == (1, True, True, False)


@pytest.mark.parametrize("flag", ["--api-key=short-canary", "--hf-token=short-canary", "--hf_token=short-canary"])
def test_a_flag_that_holds_a_secret_is_refused_without_its_value(tmp_path: Path, flag: str) -> None:
    intent = example()
    intent["spec"]["serving"]["args"] = [flag]
    code, told = run(tmp_path, intent, "plan", "--offline")
    assert (code, "GIQ1404" in told, "canary" in told) == (1, True, False)


def test_words_that_only_begin_alike_are_left_alone() -> None:
    words = ("hf_api_token", "hf-secret", "sk-learn", "task-0123456789abcdef01", "AIza", "--hf-overrides={}", "ya29", "shf_" + "a" * 30)
    assert [looks_like(word) for word in words] == [""] * len(words)
    assert not any(map(named_like_one, ("VLLM_MAX_TOKENS", "TOKENIZERS_PARALLELISM", "SECRETARY", "KEYS")))


def test_a_token_on_a_wrong_command_line_is_blotted_out(tmp_path: Path) -> None:
    code, told = run(tmp_path, example(), "plan", "--token", TOKEN, "--debug")
    assert (code, "GIQ0101" in told, "(secret)" in told, "Canary" in told) == (1, True, True, False)
    assert blotted(f"a {TOKEN} b") == "a (secret) b"
