"""The lists of names, with gcloud's flags: what each flag changes, and what is said where a list would be empty."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_runs import Run

from giqplan.catalog.layer import NewCurve, add_curves, source_of

MODEL = "openai/gpt-oss-120b"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def found(run: Run, *words: str) -> list[dict[str, Any]]:
    ran = run(*words, "--format", "json")
    assert ran.code == 0, ran.err
    listed: list[dict[str, Any]] = json.loads(ran.out)
    return listed


def first_column(run: Run, *words: str) -> list[str]:
    return [line.split("  ")[0] for line in run(*words).out.splitlines()[1:]]


def test_models_are_those_with_profiles_or_all_that_are_known(run: Run) -> None:
    measured = [one["model"] for one in found(run, "models", "list")]
    assert MODEL in measured
    assert "google/gemma-2-27b-it" not in measured
    assert "google/gemma-2-27b-it" in [one["model"] for one in found(run, "models", "list", "--all")]
    assert first_column(run, "models", "list") == measured


def test_servers_of_a_model(run: Run) -> None:
    assert first_column(run, "model-servers", "list", "--model", MODEL) == ["trtllm", "vllm"]
    assert first_column(run, "model-servers", "list", "--model", "microsoft/Phi-4-mini-instruct") == ["vllm"]
    assert first_column(run, "model-servers", "list", "--model", MODEL.upper()) == ["trtllm", "vllm"]


def test_versions_of_a_server_newest_first(run: Run) -> None:
    versions = [
        one["modelServerVersion"] for one in found(run, "model-server-versions", "list", "--model", MODEL, "--model-server", "vllm")
    ]
    assert versions.index("0.18.0") < versions.index("0.15.1")
    other = [one["modelServerVersion"] for one in found(run, "model-server-versions", "list", "--model", MODEL, "--model-server", "trtllm")]
    assert set(versions) & set(other) <= {None}
    qwen = found(run, "model-server-versions", "list", "--model", "Qwen/Qwen3-32B", "--model-server", "vllm")
    assert qwen[-1]["modelServerVersion"] is None
    assert "N/A" in run("model-server-versions", "list", "--model", "Qwen/Qwen3-32B", "--model-server", "vllm").out


def test_use_cases_under_both_names(run: Run) -> None:
    ran = run("use-cases", "list")
    assert run("use-case", "list").out == ran.out
    assert ran.out.splitlines()[0].split()[:3] == ["USE_CASE", "AVERAGE_INPUT_LENGTH", "AVERAGE_OUTPUT_LENGTH"]
    assert {"useCase": "Chatbot", "averageInputLength": 128, "averageOutputLength": 128}.items() <= found(run, "use-cases", "list")[
        3
    ].items()


def test_use_cases_have_one_spelling_everywhere(run: Run) -> None:
    names = [one["useCase"] for one in found(run, "use-cases", "list")]
    assert "Text Generation" in names
    assert "Code Generation" not in names
    assert "Advanced Customer Support" in names


def test_serving_stacks_and_their_versions(run: Run) -> None:
    assert first_column(run, "serving-stacks", "list") == ["kubeai", "llm-d"]
    assert first_column(run, "serving-stacks", "list", "--model", "RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8") == ["kubeai"]
    assert first_column(run, "serving-stacks", "list", "--model", MODEL) == ["llm-d"]
    assert found(run, "serving-stacks", "list", "--model", MODEL, "--model-server", "trtllm") == []
    assert run("serving-stacks", "list", "--model-server", "sglang").out != run("serving-stacks", "list").out


def test_versions_of_a_serving_stack_are_unknown_where_no_source_names_one(run: Run) -> None:
    def profiles(*flags: str) -> list[tuple[str | None, int]]:
        listed = found(run, "serving-stack-versions", "list", "--serving-stack", "llm-d", *flags)
        return [(one["version"], one["giqplan"]["profiles"]) for one in listed]

    assert profiles() == [(None, 5)]
    assert profiles("--model", MODEL)[0][1] < 5
    assert profiles("--model-server", "sglang")[0][1] < 5
    assert profiles("--model", MODEL, "--model-server", "trtllm") == []


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("model-servers", "list", "--model", "openai/gpt-os-120b"), "GIQ1235", "did you mean openai/gpt-oss-120b"),
        (("model-servers", "list", "--model", "xyzzy"), "GIQ1235", "models list --all"),
        (("model-server-versions", "list", "--model", MODEL, "--model-server", "vlm"), "GIQ1235", "known: trtllm, vllm"),
        (("serving-stack-versions", "list", "--serving-stack", "llmd"), "GIQ1235", "known: kubeai, llm-d"),
        (("model-servers", "list"), "GIQ0101", "--model"),
        (("models", "list", "--limit", "0"), "GIQ0101", "'0' is no whole number above 0"),
        (("models", "list", "--page-size", "3", "--format", "json"), "GIQ0111", "--limit"),
        (("models", "list", "--page-size", "3", "--uri"), "GIQ0111", "--limit"),
        (("models", "list", "--format", "xml"), "GIQ0101", "csvprofile"),
        (("models", "list", "--filter", "profiles>"), "GIQ0109", "KEY OPERATOR VALUE"),
        (("models", "list", "--sort-by", "profils"), "GIQ0110", "did you mean profiles?"),
        (("models", "list", "-f", "nowhere.yaml"), "GIQ1010", "name the intent"),
        (("models",), "GIQ0101", "COMMAND"),
    ],
)
def test_a_wrong_name_or_flag_is_an_error_that_says_what_is_right(run: Run, words: tuple[str, ...], code: str, hint: str) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (1, "")
    assert code in ran.err
    assert hint in ran.err


def test_a_known_model_without_profiles_is_told_apart_from_a_wrong_name(run: Run) -> None:
    ran = run("model-servers", "list", "--model", "google/gemma-2-27b-it")
    assert ran.code == 4
    assert "GIQ1236" in ran.err
    assert "Qwen/Qwen3-32B" in ran.err


def test_filter_sort_and_limit(run: Run) -> None:
    every = found(run, "models", "list")
    many = found(run, "models", "list", "--filter", "profiles>60", "--sort-by", "~profiles")
    assert [one["giqplan"]["profiles"] for one in many] == sorted(
        (n for one in every if (n := one["giqplan"]["profiles"]) > 60), reverse=True
    )
    ran = run("models", "list", "--filter", "profiles>60", "--sort-by", "~profiles", "--limit", "2", "--format", "json")
    assert json.loads(ran.out) == many[:2]
    assert f"{len(many) - 2} more are left out by --limit" in ran.err
    ran = run("models", "list", "--filter", "profiles>6000")
    assert ran.code == 0
    assert "--filter leaves none" in ran.err


def test_uris(run: Run) -> None:
    assert run("models", "list", "--filter", f"model={MODEL}", "--uri").out == f"catalog:models/{MODEL}\n"
    assert json.loads(run("use-cases", "list", "--uri", "--limit", "1", "--format", "json").out) == [
        "catalog:use-cases/Advanced%20Customer%20Support"
    ]
    assert run("models", "list", "--uri", "--limit", "1", "--format", "csv").out.startswith("uri\ncatalog:models/")
    assert run("models", "list", "--uri", "--limit", "1", "--format", "markdown").out.startswith("| uri |\n| --- |\n| catalog:models/")
    assert len(yaml.safe_load(run("models", "list", "--uri", "--limit", "1", "--format", "yaml").out.removeprefix("---"))) > 0


def test_pages_repeat_the_head(run: Run) -> None:
    for format, head in (("table", "MODEL"), ("markdown", "| MODEL |")):
        whole, paged = (run("models", "list", "--format", format, *more).out for more in ((), ("--page-size", "5")))
        assert whole.count(f"{head} ") == 1
        assert paged.count(f"{head} ") == -(-len(found(run, "models", "list")) // 5)


def test_every_format_holds_the_same(run: Run) -> None:
    want = [one["model"] for one in found(run, "models", "list")]
    assert [row["model"] for row in csv.DictReader(io.StringIO(run("models", "list", "--format", "csv").out))] == want
    assert [one["model"] for one in yaml.safe_load_all(run("models", "list", "--format", "yaml").out)] == want
    assert [line.split(" | ")[0][2:] for line in run("models", "list", "--format", "markdown").out.splitlines()[2:]] == want
    assert run("models", "list", "--format", "csvprofile").out == run("models", "list", "--format", "csv").out
    assert run("models", "list", "--format", "profile").out == run("models", "list").out


def test_the_date_of_the_catalog_stands_beside_the_list_unless_quiet(run: Run) -> None:
    assert run("models", "list").err.startswith("catalog of 20")
    assert run("models", "list", "--quiet").err == ""


def add_own_curve(home: Path) -> None:
    """A curve of my/own in the user's layer beside the intent."""
    source = source_of("our own bench")
    cells = {
        "provenance": "user",
        "model_id": "my/own",
        "model_server": "vllm",
        "model_server_version": "0.18.0",
        "accelerator": "nvidia-l4",
        "accelerator_count": "1",
        "input_tokens": "1024",
        "output_tokens": "128",
        "statistic": "p50",
        "load_kind": "concurrency",
        "replicas": "1",
        "measured_at": "2026-05-01",
        "source": source.id,
    }
    points = [{"load": str(n), "qps": f"{n / 4}", "ntpot_ms": "31", "suspect": "", "queue_dominated": "no"} for n in (1, 2, 4)]
    add_curves(home / "giqplan-catalog", [NewCurve(cells, points)], [source], "2026-05-01")


def test_a_layer_beside_the_intent_counts(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "project"
    home.mkdir()
    (home / "inference.yaml").write_text("", encoding="utf-8")
    add_own_curve(home)
    assert "my/own" not in first_column(run, "models", "list")
    for beside in (home, home / "inference.yaml"):
        assert "my/own" in first_column(run, "models", "list", "-f", str(beside))
    assert run("model-servers", "list", "--model", "my/own", "-f", str(home)).code == 0


@pytest.mark.parametrize(
    "flag",
    [
        "--project=p",
        "--account=a",
        "--billing-project=p",
        "--impersonate-service-account=s",
        "--access-token-file=f",
        "--configuration=c",
        "--flags-file=f",
        "--flatten=k",
        "--log-http",
        "--trace-token=t",
        "--user-output-enabled",
        "--verbosity=debug",
    ],
)
def test_flags_of_gcloud_that_mean_nothing_here_are_refused(run: Run, flag: str) -> None:
    ran = run("models", "list", flag)
    assert (ran.code, ran.out) == (1, "")
    assert flag in ran.err


def test_manifests_create_is_no_command_yet(run: Run) -> None:
    assert "there is no command 'manifests'" in run("manifests", "create").err


def test_a_list_of_names_loads_nothing_heavy(tmp_path: Path) -> None:
    """numpy, pydantic and YAML cost more than the whole list; models list has 0.3 s."""
    heavy = {"numpy", "pydantic", "yaml", "rich", "kubernetes", "google", "jsonschema"}
    listed = "import sys; from giqplan.cli.main import main; main(['models', 'list'])"
    code = f"{listed}; print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run((sys.executable, "-c", code), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
