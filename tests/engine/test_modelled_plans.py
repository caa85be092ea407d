"""A plan that rests on a modelled curve: it says so, it is carried out as it was reviewed, and a measurement takes the estimate's place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_house import GPT_OSS_120B, House, hugging_face

REPORTED = ((1.0, 0.9), (8.0, 1.1), (16.0, 1.5), (32.0, 2.6))
"""Requests a second and seconds of a request, of a run that is made up for the test."""


@pytest.fixture
def modelled(house: Callable[..., House]) -> House:
    intent, world = hugging_face()
    intent["spec"]["model"]["id"] = "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"
    intent["spec"]["workload"]["requestsPerSecond"] = {"mean": 4, "peak": 8}
    intent["spec"]["slo"] = {"ntpotMilliseconds": 40}
    return house(intent, world)


def told(house: House) -> dict[str, Any]:
    code, out, err = house.cli("plan", "--format", "json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)["recommendation"]
    return found


def test_the_plan_says_that_it_is_modelled_and_how_to_measure_it(modelled: House) -> None:
    code, out, err = modelled.cli("plan")
    assert code == 0, err
    flat = " ".join(out.split())
    assert "modelled class " in flat
    assert "with 90 % intervals: NTPOT" in flat
    (command,) = (line.split(None, 1)[1] for line in out.splitlines() if line.strip().startswith("measure "))
    assert command.startswith("giqplan catalog import stage_*_lifecycle_metrics.json --model deepseek-ai/DeepSeek-R1-Distill-Qwen-7B ")
    recommendation = told(modelled)
    evidence, point = recommendation["evidence"], recommendation["operating_point"]
    for metric in ("ttft_ms", "itl_ms", "ntpot_ms"):
        assert evidence["estimate"][metric]["high"] == pytest.approx(point[metric], rel=0.005), "what the plan reaches is the bad end"
    assert evidence["estimate"]["measure"] == command
    assert evidence["estimate"]["grade"] in ("A", "B", "C")
    assert set(evidence["estimate"]["ntpot_ms"]) == {"value", "low", "high"}


def test_a_saved_modelled_plan_is_carried_out_as_it_was_reviewed(modelled: House) -> None:
    file = modelled.folder / "plan.json"
    assert modelled.cli("plan", "-o", str(file))[0] == 0
    code, out, err = modelled.run("apply", str(file), "--sandbox", "--no-color")
    assert code in (0, 5), (out, err)  # 5: the token of Hugging Face is not there
    assert modelled.run("show", str(file), "--no-color")[0] == 0
    before = told(modelled)
    modelled.set("autoscaling.minReplicas", 2)
    after = told(modelled)
    assert before["evidence"]["curve_key"] == after["evidence"]["curve_key"]


def test_other_data_since_the_plan_was_saved_is_noticed(modelled: House) -> None:
    file = modelled.folder / "plan.json"
    assert modelled.cli("plan", "-o", str(file))[0] == 0
    measure(modelled, told(modelled)["evidence"]["estimate"]["measure"])
    code, _, err = modelled.run("apply", str(file), "--sandbox", "--no-color")
    assert (code, "the catalog was changed" in " ".join(err.split())) == (3, True)


def measure(house: House, command: str) -> None:
    """Run the command that the plan names, on the reports of a run at the lengths that it asks for."""
    words = command.split()
    given, out = (int(words[words.index(flag) + 1]) for flag in ("--input-length", "--output-length"))
    folder = house.folder / "reports"
    folder.mkdir()
    for number, (rate, latency_s) in enumerate(REPORTED):
        report = folder / f"stage_{number}_lifecycle_metrics.json"
        report.write_text(json.dumps(stage(rate, latency_s, given, out)), encoding="utf-8")
    files = sorted(str(file) for file in folder.glob("stage_*"))
    code, text, err = house.run(*words[1:3], *files, *words[4:], "-f", str(house.file))
    assert code == 0, (text, err)


def stage(rate: float, latency_s: float, input_tokens: int, output_tokens: int) -> dict[str, Any]:
    """What inference-perf writes of one load, as far as it is read."""
    latency = {
        "request_latency": latency_s,
        "normalized_time_per_output_token": latency_s / output_tokens,
        "time_to_first_token": latency_s / 20,
    }
    return {
        "load_summary": {"count": 400, "requested_rate": rate, "achieved_rate": rate},
        "successes": {
            "count": 400,
            "latency": {name: {"median": value, "mean": value} for name, value in latency.items()},
            "throughput": {"requests_per_sec": rate, "output_tokens_per_sec": rate * output_tokens},
            "prompt_tokens": {"mean": float(input_tokens)},
            "output_len": {"mean": float(output_tokens)},
        },
        "failures": {"count": 0},
    }


def test_a_measurement_takes_the_place_of_the_estimate_and_the_applied_choice_goes_on(modelled: House) -> None:
    assert modelled.cli("apply", "--auto-approve", "--quiet")[0] in (0, 5)
    before = told(modelled)
    measure(modelled, before["evidence"]["estimate"]["measure"])
    after = told(modelled)
    assert (before["evidence"]["provenance"], after["evidence"]["provenance"]) == ("modelled", "user")
    assert after["profile"]["accelerator_count"] == before["profile"]["accelerator_count"]
    assert after["evidence"]["estimate"] is None
    assert not [r for r in after["rejected"] if r["modelled"]], "the measured choice is applied and stands: nothing is estimated"


def test_without_modelled_evidence_there_is_no_plan(modelled: House) -> None:
    modelled.set("evidence", {"allow": ["user", "giq", "measured"]})
    code, _, err = modelled.cli("plan")
    assert (code, "GIQ1301" in err, "evidence.allow leaves out modelled" in " ".join(err.split())) == (4, True, True)
    assert "remedy: add modelled to spec.evidence.allow; " in " ".join(err.split())


def test_a_model_that_only_a_config_json_describes_is_modelled_by_its_facts(modelled: House) -> None:
    (modelled.folder / "config.json").write_text(json.dumps(GPT_OSS_120B), encoding="utf-8")
    modelled.set("model", {"id": "me/mine", "configFile": "config.json"})
    found = told(modelled)
    assert (found["evidence"]["provenance"], found["model_id"]) == ("modelled", "me/mine")
    assert found["evidence"]["estimate"]["measure"].startswith("giqplan catalog import stage_*_lifecycle_metrics.json --model me/mine ")
    changed = {**GPT_OSS_120B, "num_hidden_layers": 24}
    (modelled.folder / "config.json").write_text(json.dumps(changed), encoding="utf-8")
    other = told(modelled)
    assert other["operating_point"] != found["operating_point"], "a third fewer layers"
    assert other["evidence"]["curve_key"].rpartition("-")[2] != found["evidence"]["curve_key"].rpartition("-")[2]
