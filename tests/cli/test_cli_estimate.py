"""estimate, one question: every number with its interval and class, what lies beside it, and what is said where there is no answer."""

from __future__ import annotations

import csv
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_runs import Ran

from giqplan.cli.main import main

SETUP = {
    "--model": "Qwen/Qwen3-32B",
    "--model-server": "vllm",
    "--accelerator": "nvidia-h100-80gb",
    "--count": "2",
    "--input-length": "1024",
    "--output-length": "1024",
    "--concurrency": "16",
}
LATENCIES = ("ttftMilliseconds", "itlMilliseconds", "ntpotMilliseconds")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def words(**changes: str | None) -> list[str]:
    """The question of SETUP; ``input_length="1"`` changes a flag, None leaves it out, "" gives it without a value."""
    flags = {**SETUP, **{f"--{name.replace('_', '-')}": value for name, value in changes.items()}}
    return ["estimate", *(word for flag, value in flags.items() if value is not None for word in ((flag, value) if value else (flag,)))]


@cache
def asked(*question: str) -> Ran:
    """What the command says to a question that nothing beside it changes: each question is asked once, since an answer takes a second."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main(list(question))
    return Ran(code, out.getvalue(), err.getvalue())


def found(**changes: str | None) -> list[dict[str, Any]]:
    ran = asked(*words(**changes), "--format", "json")
    assert ran.code == 0, ran.err
    records: list[dict[str, Any]] = json.loads(ran.out)
    return records


def one(**changes: str | None) -> dict[str, Any]:
    (record,) = found(**changes)
    return record


# ---- the answer


def test_every_number_has_its_interval_and_the_answer_its_class_and_what_it_rests_on() -> None:
    record = one()
    for key in (*LATENCIES, "outputTokensPerSecond"):
        assert 0 < record[key]["low"] <= record[key]["value"] <= record[key]["high"]
    assert record["class"] in "ABC"
    assert "%" in record["classMeans"]
    assert record["basis"]
    assert record["provenance"] == "modelled"
    assert 0 < record["kvCacheUse"] <= 1
    assert record["requestsWaiting"] == 0


def test_the_numbers_of_one_answer_agree_with_each_other() -> None:
    record = one()
    request = record["ttftMilliseconds"]["value"] + 1023 * record["itlMilliseconds"]["value"]
    assert record["ntpotMilliseconds"]["value"] == pytest.approx(request / 1024, rel=0.05)
    assert record["outputTokensPerSecond"]["value"] == pytest.approx(1024 * record["queriesPerSecond"], rel=0.05)
    assert record["inputTokensPerSecond"] == pytest.approx(1024 * record["queriesPerSecond"], rel=0.05)
    assert record["queriesPerSecond"] * request / 1000 == pytest.approx(record["concurrency"], rel=0.1)


def test_the_table_says_all_of_it_upright() -> None:
    ran = asked(*words())
    assert (ran.code, ran.err) == (0, "")
    lines = dict(line.split("  ", 1) for line in ran.out.splitlines())
    assert lines["Model"].strip() == "Qwen/Qwen3-32B"
    assert lines["Accelerators"].strip() == "2 x nvidia-h100-80gb (tp2 bf16)"
    assert lines["Tokens"].strip() == "1,024 in, 1,024 out"
    assert lines["Load"].strip() == "16 in flight"
    assert all("(90 %: " in lines[name] for name in ("TTFT", "ITL", "NTPOT", "Output Tokens/s"))
    assert lines["Class"].strip()[:3] in ("A: ", "B: ", "C: ")
    assert {"Saturation Point", "Rests on", "KV Cache in Use", "Places", "Waiting", "Measured"} <= set(lines)


def test_every_format_holds_the_same() -> None:
    record = one()
    assert list(yaml.safe_load_all(asked(*words(), "--format", "yaml").out)) == [record]
    (row,) = csv.DictReader(io.StringIO(asked(*words(), "--format", "csv").out))
    assert float(row["ttft_ms_high"]) == record["ttftMilliseconds"]["high"]
    assert (row["class"], row["basis"]) == (record["class"], record["basis"])
    assert asked(*words(), "--format", "markdown").out.startswith("| Model | ")


def test_names_are_read_as_people_write_them() -> None:
    plain = one(model_server_version="0.12.0")
    other = one(model="qwen/qwen3-32b", model_server="VLLM", model_server_version="v0.12.0", precision="BF16", parallelism="TP2")
    assert all(plain[key] == other[key] for key in (*LATENCIES, "class", "modelServerVersion", "parallelism", "precision"))


def test_a_use_case_stands_for_its_lengths() -> None:
    record = one(input_length=None, output_length=None, use_case="code-completion")
    assert (record["inputLength"], record["outputLength"]) == (512, 32)


def test_a_rate_is_an_open_loop() -> None:
    record = one(concurrency=None, qps="0.5")
    assert (record["loadKind"], record["load"]) == ("rate", 0.5)
    assert record["queriesPerSecond"] == pytest.approx(0.5, rel=0.01)
    assert record["saturation"]["load"] > 0.5


def test_the_saturation_point_of_a_rate_is_a_rate() -> None:
    rate, closed = one(concurrency=None, qps="0.5")["saturation"], one()["saturation"]
    assert rate["load"] * 1024 == pytest.approx(rate["outputTokensPerSecond"], rel=0.001)
    assert rate["outputTokensPerSecond"] == closed["outputTokensPerSecond"]
    assert closed["load"] > 10 * rate["load"]


def test_the_most_that_a_replica_serves_is_said_and_served() -> None:
    ran = asked(*words(concurrency=None, qps="1000"))
    assert ran.code == 4
    most = float(ran.err.partition("serves at most ")[2].split()[0])
    assert one(concurrency=None, qps=str(0.999 * most))["load"] == pytest.approx(most, rel=0.01)
    assert asked(*words(concurrency=None, qps=str(1.001 * most))).code == 4


def test_the_throughput_of_a_rate_is_what_is_asked_for_and_has_no_interval() -> None:
    lines = dict(line.split("  ", 1) for line in asked(*words(concurrency=None, qps="0.5")).out.splitlines())
    assert (lines["Load"].strip(), lines["Output Tokens/s"].strip()) == ("0.5 requests/s", "512")


def test_requests_that_find_no_place_wait() -> None:
    record = one(concurrency="3000")
    assert record["requestsWaiting"] == pytest.approx(3000 - record["maxConcurrency"], rel=0.001)
    assert record["ttftMilliseconds"]["high"] <= 1.001 * 1024 * record["ntpotMilliseconds"]["high"]


# ---- the curve


def test_the_curve_goes_beyond_its_saturation_point_which_is_marked() -> None:
    records = found(concurrency=None, curve="")
    loads = [record["load"] for record in records]
    assert loads == sorted(loads)
    assert loads[0] == 1
    (top,) = [record for record in records if record["isSaturation"]]
    assert top["load"] == top["saturation"]["load"] < loads[-1] <= 2 * top["load"]
    assert all(load == int(load) for load in loads)
    assert {record["class"] for record in records} <= {"A", "B", "C"}
    for before, after in pairwise(records):
        assert before["itlMilliseconds"]["value"] <= after["itlMilliseconds"]["value"]
    ran = asked(*words(concurrency=None, curve=""))
    assert ran.out.count("saturation point") == 1
    assert ran.out.splitlines()[0].split()[:2] == ["Load", "Requests/s"]
    assert "class " in ran.err and "rests on: " in ran.err and "saturation point: " in ran.err
    assert asked(*words(concurrency=None, curve=""), "--quiet").err == ""


def test_the_saturation_point_of_one_load_is_the_curves() -> None:
    assert one()["saturation"] == found(concurrency=None, curve="")[0]["saturation"]


# ---- beside it


def test_what_was_measured_of_the_same_stands_beside_as_what_it_is() -> None:
    record = one(model_server_version="0.12.0")
    measured = record["measured"][0]
    assert measured["provenance"] == "measured"
    assert (measured["inputLength"], measured["outputLength"], measured["load"]) == (1024, 1024, 16)
    assert measured["statistic"] and measured["source"]
    line = next(line for line in asked(*words(model_server_version="0.12.0")).out.splitlines() if line.startswith("Measured"))
    assert f"curve {measured['curve']}" in line
    assert "16 in flight, 1024/1024 tokens, version 0.12.0" in line


@pytest.mark.parametrize(
    "other", [{"input_length": "3000"}, {"concurrency": "300"}, {"model_server_version": "0.3.0"}, {"precision": "fp8"}]
)
def test_what_was_measured_of_something_else_does_not_stand_beside(other: dict[str, str]) -> None:
    assert one(**other)["measured"] == []


def test_what_a_page_prints_stands_beside_with_what_it_leaves_unsaid() -> None:
    changes: dict[str, str | None] = {"model": "openai/gpt-oss-20b", "count": "1"}
    (row,) = one(**changes)["published"]
    assert (row["outputTokensPerSecond"], row["ntpotMilliseconds"], row["ttftMilliseconds"]) == (13335, 67, 297)
    assert {"load", "token lengths"} <= set(row["unstated"])
    line = next(line for line in asked(*words(**changes)).out.splitlines() if line.startswith("Published"))
    assert "TTFT 297 ms, NTPOT 67 ms, 13,335 output tokens/s on a3-highgpu-1g; unstated: load, token lengths" in line
    assert "published: TTFT 297 ms" in asked(*words(**changes, concurrency=None, curve="")).err
    assert one(model="openai/gpt-oss-20b", count="2")["published"] == []


# ---- no answer


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"model": "Qwen/Qwen3-33B"}, "GIQ1235", "did you mean Qwen/Qwen3-32B"),
        ({"accelerator": "h100"}, "GIQ1205", "nvidia-h100-80gb"),
        ({"accelerator": "nvidia-a100"}, "GIQ1205", "did you mean nvidia-a100-80gb or nvidia-tesla-a100?"),
        ({"concurrency": "many"}, "GIQ0101", "remedy: `giqplan estimate --help` says what each flag takes\n"),
        ({"use_case": "none", "input_length": None, "output_length": None}, "GIQ1203", "none"),
        ({"model": None}, "GIQ0101", "missing: --model"),
        ({"output_length": None}, "GIQ0101", "missing: --output-length"),
        ({"concurrency": None}, "GIQ0101", "missing: --concurrency, --qps or --curve"),
        ({"qps": "1"}, "GIQ0101", "not allowed with argument"),
        ({"input_length": "0"}, "GIQ0101", "'0' is no whole number above 0"),
        ({"output_length": "-5"}, "GIQ0101", "'-5' is no whole number above 0"),
        ({"input_length": "1.5"}, "GIQ0101", "'1.5' is no whole number above 0"),
        ({"input_length": "9" * 30}, "GIQ0101", "is beyond 1,000,000,000"),
        ({"count": "99999999"}, "GIQ0101", "is beyond 65,536"),
        ({"concurrency": "nan"}, "GIQ0101", "'nan' is no number above 0"),
        ({"concurrency": "1e400"}, "GIQ0101", "is beyond 1,000,000,000"),
        ({"concurrency": None, "qps": "-1"}, "GIQ0101", "'-1' is no number above 0"),
        ({"use_case": "chatbot"}, "GIQ0111", "--use-case and lengths say the same thing twice"),
        ({"points": "in.csv"}, "GIQ0111", "--model: --points has its questions in the table"),
        ({"output": "out.csv"}, "GIQ0111", "--output: only the answers to --points are written to a file"),
    ],
)
def test_a_question_that_cannot_be_asked(changes: dict[str, str | None], code: str, told: str) -> None:
    ran = asked(*words(**changes))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"Error {code}: ")
    assert told in ran.err


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"accelerator": "nvidia-l4", "count": "1"}, "GiB"),
        ({"input_length": "400000"}, "40960"),
        ({"model_server": "apache"}, "apache"),
        ({"parallelism": "tp8"}, "tp8"),
        ({"precision": "fp1"}, "fp1"),
    ],
)
def test_what_cannot_run_is_said_with_a_remedy(changes: dict[str, str | None], told: str) -> None:
    ran = asked(*words(**changes))
    assert (ran.code, ran.out) == (4, "")
    assert told in ran.err
    assert "  remedy: " in ran.err


# ---- a model that the catalog does not know


CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 131072,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 128256,
}


def test_a_config_json_says_what_a_model_is_made_of() -> None:
    Path("config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    record = one(model="mine/Own-8B", count="1", config="config.json")
    assert (record["model"], record["precision"], record["measured"], record["published"]) == ("mine/Own-8B", "bf16", [], [])
    known = one(model="meta-llama/Llama-3.1-8B-Instruct", count="1")
    assert record["itlMilliseconds"]["value"] == pytest.approx(known["itlMilliseconds"]["value"], rel=0.3)


@pytest.mark.parametrize(
    ("model", "config", "code"),
    [
        ("mine/Own-8B", None, "GIQ1019"),
        ("mine/Own-8B", "{", "GIQ1019"),
        ("mine/Own-8B", json.dumps({**CONFIG, "architectures": ["Nonesuch"]}), "GIQ1303"),
        ("mine/Own-8B", json.dumps({**CONFIG, "hidden_size": -1}), "GIQ1304"),
        ("mine/Own-8B", json.dumps({**CONFIG, "torch_dtype": "float7"}), "GIQ1304"),
        ("Qwen/Qwen3-32B", json.dumps(CONFIG), "GIQ1307"),
    ],
)
def test_a_config_json_that_describes_nothing_or_another_model(model: str, config: str | None, code: str) -> None:
    if config is not None:
        Path("config.json").write_text(config, encoding="utf-8")
    ran = asked.__wrapped__(*words(model=model, config="config.json"))
    assert ran.out == ""
    assert ran.err.startswith(f"Error {code}: ")
