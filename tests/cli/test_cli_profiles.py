"""profiles, accelerators and benchmarks list: what every flag changes, and that none of gcloud's defects is here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_runs import Ran, Run

from giqplan.catalog import open_catalog
from giqplan.catalog.layer import NewCurve, add_curves, set_prices, source_of
from giqplan.render.profile_records import amount

MODEL = "openai/gpt-oss-120b"
HEADER = (
    "Instance Type,Accelerator Type,Model Name,Model Server Name,Model Server Version,Output Tokens/s,NTPOT (ms),TTFT (ms),ITL (ms),QPS,"
    "Cost/M Input Tokens,Cost/M Output Tokens,Use Case,Average Input Length,Average Output Length,Serving Stack,Serving Stack Version"
)
TABLE_HEAD = (
    "Instance Type,Accelerator,Cost/M Input Tokens,Cost/M Output Tokens,Output Tokens/s,NTPOT(ms),TTFT(ms),ITL(ms),Model Server,"
    "Model Server Version,Model,Use Case,Average Input Length,Average Output Length,Serving Stack,Serving Stack Version"
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def found(run: Run, *words: str) -> list[dict[str, Any]]:
    ran = run(*words, "--format", "json")
    assert ran.code == 0, ran.err
    listed: list[dict[str, Any]] = json.loads(ran.out)
    return listed


def profiles(run: Run, *flags: str) -> list[dict[str, Any]]:
    return found(run, "profiles", "list", *flags)


def curves(records: list[dict[str, Any]]) -> set[str]:
    return {record["giqplan"]["curve"] for record in records}


def stats(record: Mapping[str, Any]) -> dict[str, Any]:
    (one,) = record["performanceStats"]
    return dict(one)


# ---- formats


def test_the_header_of_the_csv_is_gclouds_byte_for_byte(run: Run) -> None:
    for words in (("profiles", "list"), ("benchmarks", "list", "--model-server", "vllm")):
        ran = run(*words, "--model", MODEL, "--format", "csvprofile")
        assert ran.out.split("\n")[0] == HEADER
        assert "\r" not in ran.out


def test_the_table_has_gclouds_columns_in_its_order_and_then_ours(run: Run) -> None:
    head = run("profiles", "list", "--model", MODEL, "--format", "markdown").out.split("\n")[0].strip("| ").split(" | ")
    assert head[:16] == TABLE_HEAD.split(",")
    assert {"Provenance", "Measured At", "Pricing Model", "Region", "Statistic"} <= set(head[16:])
    table = run("profiles", "list", "--model", MODEL).out
    assert table.split("\n")[0].split("  ")[0] == "Instance Type"
    assert table == run("profiles", "list", "--model", MODEL, "--format", "profile").out


def test_every_format_holds_the_same_profiles(run: Run) -> None:
    records = profiles(run, "--model", MODEL)
    assert list(yaml.safe_load_all(run("profiles", "list", "--model", MODEL, "--format", "yaml").out)) == records
    rows = list(csv.DictReader(io.StringIO(run("profiles", "list", "--model", MODEL, "--format", "csv").out)))
    assert [float(row["NTPOT (ms)"]) for row in rows] == [stats(record)["ntpotMilliseconds"] for record in records]
    assert len(run("profiles", "list", "--model", MODEL).out.splitlines()) == len(records) + 1


def test_the_json_is_googles_profile_with_ours_beside(run: Run) -> None:
    one = profiles(run, "--model", MODEL)[0]
    assert one["modelServerInfo"]["model"] == MODEL
    assert one["acceleratorType"] == "nvidia-h100-80gb"
    assert one["resourcesUsed"]["acceleratorCount"] >= 1
    assert {"useCase", "averageInputLength", "averageOutputLength"} == set(one["workloadSpec"])
    assert {"queriesPerSecond", "outputTokensPerSecond", "inputTokensPerSecond", "totalTokensPerSecond"} <= set(stats(one))
    assert one["giqplan"]["provenance"] == "measured"
    assert one["giqplan"]["source"]


def test_where_and_how_it_is_priced_is_always_printed(run: Run) -> None:
    ran = run("profiles", "list", "--model", MODEL)
    assert "costs: spot in us-east5 (A3: us-central1)" in ran.err
    ours = [record["giqplan"] for record in profiles(run, "--model", MODEL)]
    assert {(one["pricingModel"], one["region"]) for one in ours} == {("spot", "us-central1"), ("spot", "us-east5")}
    ran = run("profiles", "list", "--model", MODEL, "--pricing-model", "on-demand", "--region", "europe-west4", "--quiet")
    assert "on-demand" in ran.out
    assert "europe-west4" in ran.out
    assert ran.err == ""


def test_a_machine_that_is_not_offered_there_has_no_price_and_the_nearest_region_is_named(run: Run) -> None:
    ran = run("profiles", "list", "--accelerator-type", "nvidia-l4")
    assert ran.code == 0
    assert "N/A" in ran.out
    assert "no machine with nvidia-l4 is known to be offered in us-east5; us-east1 is the nearest region with a price of g2-" in ran.err
    one = profiles(run, "--accelerator-type", "nvidia-l4")[0]
    assert stats(profiles(run, "--accelerator-type", "nvidia-l4", "--region", "us-east1")[0])["cost"]
    assert stats(one)["cost"] == []
    assert one["giqplan"]["usdPerMillionOutputTokens"] is None


# ---- every flag of profiles list changes the answer

FLAGS = {
    "--model": (MODEL,),
    "--model-server": ("sglang",),
    "--model-server-version": ("all",),
    "--target-ntpot-milliseconds": ("12",),
    "--target-ttft-milliseconds": ("300",),
    "--target-itl-milliseconds": ("9",),
    "--target-cost-per-million-output-tokens": ("0.5",),
    "--target-cost-per-million-input-tokens": ("0.125",),
    "--pricing-model": ("on-demand",),
    "--region": ("europe-west4",),
    "--output-input-cost-ratio": ("2",),
    "--use-case": ("Text Summarization",),
    "--target-input-length": ("1100", "--target-output-length", "128"),
    "--target-output-length": ("140", "--target-input-length", "1024"),
    "--serving-stack": ("kubeai",),
    "--instance-type": ("a3-highgpu-8g",),
    "--accelerator-type": ("nvidia-h200-141gb",),
    "--accelerator-count": ("2",),
    "--limit": ("3",),
    "--filter": ("acceleratorCount=2",),
    "--sort-by": ("outputTokensPerSecond",),
}


@pytest.mark.parametrize("flag", FLAGS)
def test_each_flag_of_profiles_list_changes_the_answer(run: Run, flag: str) -> None:
    with_flag = run("profiles", "list", flag, *FLAGS[flag], "--format", "csv")
    assert with_flag.code == 0, with_flag.err
    assert len(with_flag.out.splitlines()) > 1
    assert with_flag.out != run("profiles", "list", "--format", "csv").out


@pytest.mark.parametrize(("name", "target"), [("ntpot", 12), ("ttft", 300), ("itl", 9)])
def test_a_target_alone_is_held_and_shows_the_load_that_holds_it(run: Run, name: str, target: float) -> None:
    records = profiles(run, f"--target-{name}-milliseconds", str(target))
    assert records
    assert all(stats(record)[f"{name}Milliseconds"] <= target * 1.00001 for record in records)
    free = {record["giqplan"]["curve"]: stats(record)["outputTokensPerSecond"] for record in profiles(run)}
    assert any(stats(record)["outputTokensPerSecond"] < free[record["giqplan"]["curve"]] for record in records)
    assert any(record["giqplan"]["bound"] == name for record in records)


def test_targets_together_are_all_held(run: Run) -> None:
    words = ("--target-ntpot-milliseconds", "20", "--target-ttft-milliseconds", "400", "--target-itl-milliseconds", "18")
    for record in profiles(run, *words):
        found = stats(record)
        assert found["ntpotMilliseconds"] <= 20.001
        assert found["ttftMilliseconds"] <= 400.01
        assert found["itlMilliseconds"] <= 18.001


def test_targets_of_cost_are_held(run: Run) -> None:
    records = profiles(run, "--target-cost-per-million-output-tokens", "0.5")
    assert all(Decimal(record["giqplan"]["usdPerMillionOutputTokens"]) <= Decimal("0.5") for record in records)
    both = profiles(run, "--target-cost-per-million-output-tokens", "0.5", "--target-cost-per-million-input-tokens", "0.1")
    assert curves(both) < curves(records)
    assert all(Decimal(record["giqplan"]["usdPerMillionInputTokens"]) <= Decimal("0.1") for record in both)


def test_the_cheapest_stands_first_and_what_has_no_price_last(run: Run) -> None:
    costs = [record["giqplan"]["usdPerMillionOutputTokens"] for record in profiles(run)]
    priced = [Decimal(cost) for cost in costs if cost is not None]
    assert priced == sorted(priced)
    assert costs[len(priced) :] == [None] * (len(costs) - len(priced))


def test_a_use_case_and_lengths_mean_match_only_and_nearest_widens(run: Run) -> None:
    matching = profiles(run, "--use-case", "Text Summarization")
    assert {record["workloadSpec"]["useCase"] for record in matching} == {"Text Summarization"}
    assert curves(matching) == curves(profiles(run, "--target-input-length", "1024", "--target-output-length", "128"))
    assert curves(matching) == curves(profiles(run, "--use-case", "text-summarization"))
    wide = profiles(run, "--use-case", "Text Summarization", "--nearest")
    assert curves(matching) < curves(wide)
    assert all(record["giqplan"]["distance"] <= 0.6932 for record in wide)
    assert "times those asked for" in run("profiles", "list", "--use-case", "Text Summarization", "--nearest").err


def test_versions_latest_all_or_one(run: Run) -> None:
    def versions(*flags: str) -> set[str | None]:
        return {one["modelServerInfo"]["modelServerVersion"] for one in profiles(run, "--model", MODEL, "--model-server", "vllm", *flags)}

    assert versions() == versions("--model-server-version", "latest") < versions("--model-server-version", "all")
    assert versions("--model-server-version", "0.15.1") == {"0.15.1"} == versions("--model-server-version", "v0.15.1")


def test_a_serving_stack_by_name_or_none(run: Run) -> None:
    words = ("--model-server-version", "all")
    every, plain = profiles(run, *words), profiles(run, *words, "--serving-stack", "none")
    kubeai = profiles(run, *words, "--serving-stack", "kubeai")
    assert {record["servingStack"]["name"] for record in kubeai} == {"kubeai"}
    assert {record["servingStack"]["name"] for record in plain} == {None}
    assert curves(kubeai) | curves(plain) <= curves(every)


def test_a_model_of_the_same_architecture_counts_and_is_named(run: Run) -> None:
    ran = run("profiles", "list", "--model", "Qwen/Qwen3-32B", "--model-server-version", "all")
    assert "of the same architecture, their profiles count too: nvidia/Qwen3-32B-NVFP4" in ran.err


def test_own_curves_are_chosen_by_provenance_and_layer(run: Run, tmp_path: Path) -> None:
    add_own(tmp_path, [(1, 1.0, 31), (2, 2.0, 33), (4, 3.0, 40)])
    own = profiles(run, "--provenance", "user")
    assert [(one["modelServerInfo"]["model"], one["giqplan"]["measuredAt"]) for one in own] == [("Qwen/Qwen3.5-4B", "2026-05-01")]
    assert curves(own).isdisjoint(curves(profiles(run, "--provenance", "measured,giq,modelled")))
    assert curves(own) <= curves(profiles(run))
    (tmp_path / "other").mkdir()
    assert run("profiles", "list", "--provenance", "user", "-f", "other").code == 4


def test_versions_of_a_serving_stack_are_told_apart(run: Run, tmp_path: Path) -> None:
    for version in ("0.3", "0.4"):
        add_own(tmp_path, [(1, 1.0, 31), (2, 2.0, 33), (4, 3.0, 40)], serving_stack=f"llm-d/{version}", parallelism=version)
    words = ("--model", "Qwen/Qwen3.5-4B", "--serving-stack", "llm-d")
    assert [one["servingStack"]["version"] for one in profiles(run, *words, "--serving-stack-version", "0.3")] == ["0.3"]
    assert {one["servingStack"]["version"] for one in profiles(run, *words)} == {"0.3", "0.4"}
    ran = run("profiles", "list", *words, "--serving-stack-version", "0.5")
    assert "known: 0.3, 0.4" in ran.err
    versions = [one["version"] for one in found(run, "serving-stack-versions", "list", "--serving-stack", "llm-d")]
    assert {"0.3", "0.4"} <= set(versions)


def add_own(home: Path, points: list[tuple[int, float, float]], **cells: str) -> None:
    """A curve in the user's layer beside the intent: (load, requests a second, NTPOT ms) at 1024/128 tokens."""
    source = source_of("our own bench")
    curve = {
        "provenance": "user",
        "model_id": "Qwen/Qwen3.5-4B",
        "model_server": "vllm",
        "model_server_version": "0.99.0",
        "accelerator": "nvidia-l4",
        "accelerator_count": "1",
        "machine_type": "g2-standard-4",
        "input_tokens": "1024",
        "output_tokens": "128",
        "statistic": "p50",
        "load_kind": "concurrency",
        "replicas": "1",
        "measured_at": "2026-05-01",
        "source": source.id,
        **cells,
    }
    suspect = cells.pop("suspect", "")
    curve.pop("suspect", None)
    rows = [
        {"load": str(load), "qps": str(qps), "ntpot_ms": str(ms), "suspect": suspect, "queue_dominated": "no"} for load, qps, ms in points
    ]
    add_curves(home / "giqplan-catalog", [NewCurve(curve, rows)], [source], "2026-05-01")


# ---- flags that contradict each other, names that nobody knows


@pytest.mark.parametrize(
    ("flags", "code", "hint"),
    [
        (("--target-input-length", "128"), "GIQ0111", "give both"),
        (("--use-case", "Chatbot", "--target-input-length", "1", "--target-output-length", "1"), "GIQ0111", "one of them"),
        (("--nearest",), "GIQ0111", "--use-case"),
        (("--serving-stack-version", "0.3"), "GIQ0111", "add --serving-stack"),
        (("--model", "openai/gpt-os-120b"), "GIQ1235", "openai/gpt-oss-120b"),
        (("--model-server", "vlm"), "GIQ1235", "sglang"),
        (("--model", MODEL, "--model-server", "vllm", "--model-server-version", "0.1"), "GIQ1235", "0.18.0"),
        (("--serving-stack", "llmd"), "GIQ1235", "llm-d"),
        (("--region", "us-middle1"), "GIQ1235", "us-central1"),
        (("--use-case", "Code Generation"), "GIQ1203", "Text Generation"),
        (("--instance-type", "a3-highgpu-3g"), "GIQ1204", "a3-highgpu-2g"),
        (("--accelerator-type", "h100"), "GIQ1205", "nvidia-h100-80gb"),
        (("--provenance", "rumour"), "GIQ0101", "measured"),
        (("--pricing-model", "free"), "GIQ0101", "on-demand"),
        (("--target-ttft-milliseconds", "-3"), "GIQ0101", "above 0"),
        (("--target-cost-per-million-output-tokens", "cheap"), "GIQ0101", "above 0"),
    ],
)
def test_a_wrong_flag_is_an_error_that_says_what_is_right(run: Run, flags: tuple[str, ...], code: str, hint: str) -> None:
    ran = run("profiles", "list", *flags)
    assert (ran.code, ran.out) == (1, "")
    assert code in ran.err
    assert hint in ran.err


# ---- gcloud's defects


def refused(run: Run, *flags: str) -> Ran:
    ran = run("profiles", "list", *flags)
    assert ran.code == 4
    assert ran.out == ""
    assert "GIQ1237" in ran.err
    return ran


def test_itl_alone_is_not_dropped(run: Run) -> None:
    """gcloud sends targets only where NTPOT, TTFT or a cost is among them."""
    assert curves(profiles(run, "--target-itl-milliseconds", "9")) < curves(profiles(run))


def test_an_impossible_target_says_what_can_be_reached_and_the_nearest_miss(run: Run) -> None:
    """gcloud prints an empty list, exits with 0 and throws performanceRange and comments away."""
    err = refused(run, "--model", MODEL, "--target-ttft-milliseconds", "1").err
    assert "nearest miss: TTFT" in err
    assert "reachable: TTFT" in err
    least = float(err.split("reachable: TTFT ")[1].split(" to ")[0])
    assert profiles(run, "--model", MODEL, "--target-ttft-milliseconds", str(least + 1))


@pytest.mark.parametrize("metric", ["ntpot", "ttft", "itl"])
def test_a_target_just_reachable_by_the_range_told_gives_profiles(run: Run, metric: str) -> None:
    err = refused(run, f"--target-{metric}-milliseconds", "0.001").err
    least = float(err.split(f"reachable: {metric.upper()} ")[1].split(" to ")[0])
    assert profiles(run, f"--target-{metric}-milliseconds", str(least * 1.01))


def test_an_empty_list_has_the_form_asked_for_and_an_error_beside_it(run: Run) -> None:
    words = ("profiles", "list", "--target-ttft-milliseconds", "0.001")
    ran = run(*words, "--format", "json")
    assert (ran.code, json.loads(ran.out)) == (4, [])
    assert json.loads(ran.err)["errors"][0]["code"] == "GIQ1237"
    assert run(*words, "--format", "csv").out == HEADER + "\n"
    assert run(*words, "--uri").out == ""


def test_lengths_that_nobody_measured_name_the_nearest(run: Run) -> None:
    err = refused(run, "--model", MODEL, "--use-case", "Chatbot", "--provenance", "measured").err
    assert "the nearest lengths measured are 1024/1024" in err
    assert "--nearest" in err


def test_a_cost_that_is_too_low_names_the_cheapest(run: Run) -> None:
    err = refused(run, "--model", MODEL, "--target-cost-per-million-output-tokens", "0.0001").err
    cheapest = profiles(run, "--model", MODEL)[0]["giqplan"]
    assert f"the cheapest costs ${cheapest['usdPerMillionOutputTokens']}" in err
    assert cheapest["curve"] in err


def test_a_cost_without_any_price_says_so(run: Run) -> None:
    words = ("--accelerator-type", "nvidia-h200-141gb", "--model-server-version", "all", "--target-cost-per-million-output-tokens", "100")
    assert "no region has a price that can be trusted (spot)" in refused(run, *words).err


def test_names_that_never_meet_are_said_not_to(run: Run) -> None:
    words = ("--model", MODEL, "--accelerator-type", "nvidia-l4", "--provenance", "measured")
    assert "--model-server-version all" in refused(run, *words).err
    assert refused(run, *words, "--model-server-version", "all").err.endswith("all that is named together\n  remedy: leave a name out\n")


def test_all_pages_are_read(run: Run) -> None:
    """gcloud ignores nextPageToken: what lies behind the first page is never seen."""
    listed = profiles(run, "--model-server-version", "all")
    err = run("profiles", "list", "--model-server-version", "all").err
    left_out = next(line for line in err.splitlines() if line.startswith("not listed:"))
    counts = [int(word) for word in left_out.replace(",", "").split() if word.isdigit()]
    assert len(listed) + sum(counts) == len(open_catalog().curves())


def test_a_curve_without_a_usable_point_is_no_crash(run: Run, tmp_path: Path) -> None:
    """gcloud takes performanceStats[0] of a profile whatever it holds."""
    add_own(tmp_path, [(1, 1.0, 31), (2, 2.0, 33)], suspect="clock was wrong")
    err = refused(run, "--provenance", "user").err
    assert "1 (no trustworthy point)" in err
    points = found(run, "benchmarks", "list", "--model", "Qwen/Qwen3.5-4B", "--model-server", "vllm", "--provenance", "user")
    assert [one["giqplan"]["suspect"] for one in points] == ["clock was wrong"] * 2


def test_a_whole_dollar_is_a_cost_like_any_other(run: Run, tmp_path: Path) -> None:
    """gcloud fails on an Amount without nanos: 2.7648 $/h over 128 + 1024/4 tokens a second is 2 $ a million."""
    assert amount(Decimal(2)) == {"units": "2", "nanos": 0}
    assert amount(Decimal("0.0349205")) == {"units": "0", "nanos": 34920500}
    add_own(tmp_path, [(1, 0.5, 31), (2, 0.8, 33), (4, 1.0, 60)])
    source = source_of("our contract")
    row = {"machine_type": "g2-standard-4", "region": "us-central1", "pricing_model": "on-demand", "usd_per_hour": "2.7648"}
    cells = {**row, "quality": "single-source", "as_of": "2026-05-01", "source": source.id}
    set_prices(tmp_path / "giqplan-catalog", [cells], [source], "2026-05-01")
    words = ("--provenance", "user", "--pricing-model", "on-demand", "--region", "us-central1")
    (one,) = profiles(run, *words)
    assert stats(one)["cost"][0]["costPerMillionOutputTokens"] == {"units": "2", "nanos": 0}
    assert stats(one)["cost"][0]["costPerMillionInputTokens"] == {"units": "0", "nanos": 500000000}
    assert "2.000000" in run("profiles", "list", *words).out


def test_costs_have_more_than_three_decimals(run: Run) -> None:
    """gcloud prints 0.009 for all from 0.0086 to 0.0094."""
    for row in csv.DictReader(io.StringIO(run("profiles", "list", "--model", MODEL, "--format", "csv").out)):
        cost = row["Cost/M Output Tokens"]
        assert cost == "N/A" or len(cost.partition(".")[2]) == 6


def test_help_says_what_each_latency_is(run: Run) -> None:
    """gcloud's help of --target-ttft-milliseconds describes NTPOT."""
    text = " ".join(run("profiles", "list", "--help").out.split())
    assert "TTFT, time to first token" in text
    assert "NTPOT, request latency / output tokens" in text


# ---- accelerators list


def test_accelerators_have_gclouds_columns_and_their_best_throughput(run: Run) -> None:
    head = run("accelerators", "list", "--model", MODEL).out.split("\n")[0].split()
    assert head[:7] == [
        "ACCELERATOR_TYPE",
        "MODEL_NAME",
        "MODEL_SERVER_NAME",
        "MODEL_SERVER_VERSION",
        "ACCELERATOR_COUNT",
        "OUTPUT_TOKENS_PER_SECOND",
        "NTPOT_MILLISECONDS",
    ]
    best: dict[tuple[str, int, str], float] = {}
    for record in profiles(run, "--model", MODEL):
        key = (record["acceleratorType"], record["resourcesUsed"]["acceleratorCount"], record["modelServerInfo"]["modelServer"])
        best[key] = max(best.get(key, 0.0), stats(record)["outputTokensPerSecond"])
    listed = found(run, "accelerators", "list", "--model", MODEL)
    assert sorted(stats(record)["outputTokensPerSecond"] for record in listed) == sorted(best.values())


@pytest.mark.parametrize("flag", ["--model-server vllm", "--model-server-version all", "--max-ntpot-milliseconds 8"])
def test_each_flag_of_accelerators_list_changes_the_answer(run: Run, flag: str) -> None:
    base = ("accelerators", "list", "--model", MODEL)
    ran = run(*base, *flag.split())
    assert ran.code == 0
    assert ran.out != run(*base).out
    assert ran.out != run("accelerators", "list", "--model", "Qwen/Qwen3-32B", *flag.split()).out


def test_an_impossible_ntpot_of_accelerators_is_explained(run: Run) -> None:
    ran = run("accelerators", "list", "--model", MODEL, "--max-ntpot-milliseconds", "0.01")
    assert ran.code == 4
    assert "nearest miss: NTPOT" in ran.err


# ---- benchmarks list

BENCHMARKS = ("benchmarks", "list", "--model", MODEL, "--model-server", "vllm")


def test_benchmarks_are_the_points_as_measured(run: Run) -> None:
    key = "c-353af7474682"
    curve = open_catalog().curve(key)
    assert curve is not None
    listed = [record for record in found(run, *BENCHMARKS) if record["giqplan"]["curve"] == key]
    assert [stats(record)["ntpotMilliseconds"] for record in listed] == [point.ntpot_ms for point in curve.points]
    assert [stats(record)["ttftMilliseconds"] for record in listed] == pytest.approx([point.ttft_ms for point in curve.points], rel=1e-5)
    assert [record["giqplan"]["load"] for record in listed] == [point.load for point in curve.points]


def test_benchmarks_are_csv_unless_asked_otherwise(run: Run) -> None:
    assert run(*BENCHMARKS).out == run(*BENCHMARKS, "--format", "csvprofile").out == run(*BENCHMARKS, "--format", "csv").out
    assert run(*BENCHMARKS, "--format", "table").out.startswith("Instance Type ")


@pytest.mark.parametrize(
    "flag",
    [
        "--model-server-version 0.15.1",
        "--instance-type a3-highgpu-8g",
        "--pricing-model on-demand",
        "--region europe-west4",
        "--output-input-cost-ratio 1",
        "--serving-stack llm-d",
        "--serving-stack none",
        "--target-input-length 1024 --target-output-length 1024",
        "--accelerator-type nvidia-b200",
        "--accelerator-count 2",
        "--limit 3",
        "--filter queriesPerSecond>10",
        "--sort-by ~ttftMilliseconds",
    ],
)
def test_each_flag_of_benchmarks_list_changes_the_answer(run: Run, flag: str) -> None:
    ran = run(*BENCHMARKS, *flag.split())
    assert ran.code == 0, ran.err
    assert len(ran.out.splitlines()) > 1
    assert ran.out != run(*BENCHMARKS).out


def test_a_use_case_of_benchmarks_list_changes_the_answer(run: Run) -> None:
    words = ("benchmarks", "list", "--model", "Qwen/Qwen3-32B", "--model-server", "vllm")
    listed = found(run, *words, "--use-case", "Text Summarization")
    assert listed
    assert {record["workloadSpec"]["useCase"] for record in listed} == {"Text Summarization"}
    assert curves(listed) < curves(found(run, *words))
    ran = run(*words, "--use-case", "Deep Research")
    assert ran.code == 4
    assert "the nearest lengths measured" in ran.err


def test_suspect_points_are_counted_beside_the_list(run: Run) -> None:
    assert "points are suspect or dominated by waiting in the queue" in run(*BENCHMARKS).err
