"""What a sync makes of Google's answers: the synced layer, and what is new, changed or gone in it."""

from __future__ import annotations

import json

import pytest
from sync_house import BENCHMARKS, CURVES, MODEL, NEW, OTHER, SyncHouse, curve

from giqplan.catalog import open_catalog
from giqplan.model.recommendation import PricingModel, Provenance, Statistic
from giqplan.sandbox import control


def test_every_profile_becomes_a_curve_with_googles_numbers(house: SyncHouse) -> None:
    told = house.synced()
    assert (told["models"], len(told["curves"]["new"]), told["points"]) == ([OTHER, NEW, MODEL], 5, 35)
    catalog = open_catalog(house.folder)
    (found,) = [c for c in catalog.curves() if c.provenance is Provenance.GIQ and c.input_tokens == 1024 and c.profile.model_id == MODEL]
    assert (found.profile.machine_type, found.profile.accelerator_count, found.profile.model_server_version) == (
        "a3-highgpu-8g",
        8,
        "0.18.0",
    )
    assert (found.statistic, found.load_kind, found.measured_at) == (Statistic.UNSAID, "rate", "")
    measured = CURVES[0]["points"]
    assert [p.qps for p in found.points] == [float(p["qps"]) for p in measured]
    assert [p.ntpot_ms for p in found.points] == [round(float(p["ntpot_ms"])) for p in measured], "the API has whole milliseconds"
    assert [p.ttft_ms for p in found.points] == [float(p["ttft_ms"]) for p in measured]
    assert "gkerecommender.googleapis.com" in found.source and "stand-in" in found.source


def test_what_older_clients_lack_is_kept(house: SyncHouse) -> None:
    house.synced()
    curves = {row["key"]: row for row in house.rows("curves")}
    assert {row["serving_stack"] for row in curves.values()} == {"", "llm-d/0.3"}
    facts = {row["curve"]: row for row in house.rows("giq_profiles")}
    chat = next(key for key, row in curves.items() if row["input_tokens"] == "128")
    assert facts[chat]["use_case"] == "Chatbot" and facts[chat]["hidden_layers"] == "36"
    points = [row for row in house.rows("giq_points") if row["curve"] == chat]
    assert [float(row["input_tokens_per_second"]) for row in points] == [64, 128, 256, 384, 512, 576, 608]
    assert all(float(row["total_tokens_per_second"]) == 2 * float(row["input_tokens_per_second"]) for row in points)


def test_costs_of_every_pricing_model_stand_apart_from_prices_of_machines(house: SyncHouse) -> None:
    house.synced()
    names = [f"usd_per_million_output_tokens_{how.value.replace('-', '_')}" for how in PricingModel]
    first = house.rows("giq_points")[0]
    costs = [float(first[name]) for name in names]
    assert len(set(costs)) == 4 and min(costs) > 0
    on_demand = names[0].replace("output", "input")
    assert float(first[on_demand]) == pytest.approx(costs[0] / 4)
    assert not (house.layer / "prices.csv").exists()


def test_a_model_that_nobody_else_knows_is_described_by_what_the_api_says(house: SyncHouse) -> None:
    told = house.synced()
    assert told["unknown_models"] == [NEW]
    model = open_catalog(house.folder).model(NEW)
    assert model is not None and (model.params_b, model.layers, model.kv_heads, model.weights_gib_bf16) == (7.5, 32, 8, None)
    assert [row["model_id"] for row in house.rows("models")] == [NEW], "what is known already is not told again"


def test_a_model_that_the_api_calls_by_another_name_is_the_catalogs(house: SyncHouse) -> None:
    alias, name = "deepseek-ai/DeepSeek-R1-671B", "deepseek-ai/DeepSeek-R1"
    house.google_knows(curve(alias, accelerator="nvidia-h200-141gb", machine_type="a3-ultragpu-8g"), curve())
    told = house.synced("--model", alias)
    assert (told["models"], told["unknown_models"], told["other_models"]) == ([alias], [], [])
    (row,) = house.rows("curves")
    assert row["model_id"] == name and alias in row["note"]
    assert any(c.provenance is Provenance.GIQ for c in open_catalog(house.folder).curves_for(name))
    assert house.synced("--model", MODEL)["other_models"] == [name]
    assert house.synced("--model", alias)["curves"]["unchanged"] == 2


def test_use_cases_that_are_new_or_have_other_lengths_are_kept(house: SyncHouse) -> None:
    told = [("Chatbot", 128, 128), ("advanced costumer support", 8912, 256), ("Sonnets", 40, 140)]
    specs = [{"useCase": name, "averageInputLength": inputs, "averageOutputLength": outputs} for name, inputs, outputs in told]
    house.fault(path="/v1/useCases:fetch", answer=json.dumps({"workloadSpecs": specs}))
    house.fault(path=BENCHMARKS, answer="{}")
    house.synced()
    assert [(row["use_case"], row["input_mean"]) for row in house.rows("use_cases")] == [
        ("Advanced Customer Support", "8912"),
        ("Sonnets", "40"),
    ]
    catalog = open_catalog(house.folder)
    assert catalog.use_case("advanced costumer support").input_tokens == 8912 and catalog.use_case("chatbot").is_default
    assert catalog.use_case("sonnets").output_tokens == 140


def test_lengths_that_are_missing_are_those_of_the_named_use_case_or_unknown(house: SyncHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("giqplan.sync.fetch.PARALLEL", 1)  # one question after the other: which of them meets the first fault is known
    page = house.answer()
    page["profile"] = page["profile"][:1]
    for workload, lengths, use_case in (({"useCase": "chatbot"}, ("128", "128"), "chatbot"), (None, ("", ""), "")):
        page["profile"][0]["workloadSpec"] = workload
        house.fault(path=BENCHMARKS, answer=json.dumps(page), times=1)  # the question without a use case comes first
        house.fault(path=BENCHMARKS, answer="{}")
        house.synced("--model", MODEL)
        (row,) = house.rows("curves")
        assert (row["input_tokens"], row["output_tokens"]) == lengths
        assert house.rows("giq_profiles")[0]["use_case"] == use_case
        house.clear()


def test_a_load_level_that_only_waits_is_marked(house: SyncHouse) -> None:
    page = house.answer()
    stats = page["profile"][0]["performanceStats"]
    stats[-1] |= {"ttftMilliseconds": 9000, "ntpotMilliseconds": 25}
    page["profile"] = page["profile"][:1]
    house.fault(path=BENCHMARKS, answer=json.dumps(page))
    house.synced("--model", MODEL)
    assert [row["queue_dominated"] for row in house.rows("points")] == ["no"] * (len(stats) - 1) + ["yes"]


def test_the_same_answers_again_change_no_byte(house: SyncHouse) -> None:
    house.synced()
    before, digest = house.bytes(), open_catalog(house.folder).digest
    again = house.synced()
    assert (again["curves"]["new"], again["curves"]["unchanged"]) == ([], 5)
    assert house.bytes() == before and open_catalog(house.folder).digest == digest
    assert not house.partial.exists()
    assert "nothing differs" in house.sync()[1]


def test_new_changed_and_gone_curves_are_told(house: SyncHouse) -> None:
    house.synced()
    house.google_knows(curve(), curve(lengths=(128, 128), step_ms=7.0), curve(OTHER, model_server_version="0.19.0"))
    code, out, _ = house.sync()
    assert code == 0 and "Curves: 1 new, 1 changed, 3 gone, 1 as before." in out
    assert f"  + {OTHER} vllm 0.19.0 on 8 x nvidia-h100-80gb, a3-highgpu-8g, 1024/1024 tokens" in out
    assert f"  ~ {MODEL} vllm 0.18.0 on 8 x nvidia-h100-80gb, a3-highgpu-8g, 128/128 tokens" in out
    assert f"  - {OTHER} vllm 0.18.0 with llm-d/0.3 on 2 x nvidia-h100-80gb" in out
    assert len(house.rows("curves")) == 3 and {row["curve"] for row in house.rows("points")} == {row["key"] for row in house.rows("curves")}


def test_one_model_is_synced_beside_the_others(house: SyncHouse) -> None:
    first = house.synced("--model", OTHER)
    assert first["models"] == [OTHER] and len(first["curves"]["new"]) == 2
    second = house.synced("--model", MODEL, "--model", NEW)
    assert second["other_models"] == [OTHER] and (len(second["curves"]["new"]), second["curves"]["unchanged"]) == (3, 2)
    assert len(house.rows("curves")) == 5 and len(house.rows("models")) == 1
    house.google_knows(curve())
    assert house.synced("--model", MODEL)["other_models"] == [OTHER, NEW]
    whole = house.synced()
    assert (len(whole["curves"]["gone"]), whole["other_models"], len(house.rows("curves"))) == (3, [], 1)


def test_what_one_world_told_never_stands_beside_what_another_tells(house: SyncHouse) -> None:
    house.synced()
    control.reset(house.sandbox, world_file=house.folder / "world.yaml")
    told = house.synced("--model", MODEL)
    assert told["other_models"] == [] and {row["model_id"] for row in house.rows("curves")} == {MODEL}
    assert len(house.rows("sources")) == 1 and house.rows("models") == []


def test_explain_and_plan_decide_by_the_synced_layer_and_say_so(house: SyncHouse) -> None:
    house.edit("    ntpotMilliseconds: 5\n", "    ntpotMilliseconds: 20\n")
    house.edit("  storage:\n", "  evidence: {allow: [giq]}\n  storage:\n")
    assert house.run("explain", str(house.file))[0] != 0, "nothing of Google's is shipped"
    house.synced()
    code, out, err = house.run("explain", str(house.file))
    assert code == 0, err
    words = " ".join(out.split())
    assert "giq: GKE Inference Quickstart" in words and "synced 2" in words and "a stand-in" in words
    told = json.loads(house.run("plan", str(house.file), "--offline", "--format", "json")[1])
    assert told["recommendation"]["evidence"]["provenance"] == "giq"


def test_what_a_sandbox_told_does_not_decide_about_google_cloud(house: SyncHouse) -> None:
    house.synced()
    code, _, err = house.run("plan", str(house.file))
    assert (code, "GIQ1231" in err) == (1, True), err
    assert house.run("plan", str(house.file), "--sandbox")[0] != 1


def test_lists_name_the_use_case_that_google_names_whatever_the_lengths(house: SyncHouse) -> None:
    house.synced()
    asked = ("profiles", "list", "-f", str(house.file), "--model", MODEL, "--provenance", "giq", "--format", "json")
    told = {p["giqplan"]["curve"]: p["workloadSpec"]["useCase"] for p in json.loads(house.run(*asked)[1])}
    assert "Chatbot" in told.values()
    file = house.folder / ".giqplan" / "catalog" / "giq_profiles.csv"
    file.write_text(file.read_text().replace("Chatbot", "deep research"))
    again = {p["giqplan"]["curve"]: p["workloadSpec"]["useCase"] for p in json.loads(house.run(*asked)[1])}
    assert again == {curve: "Deep Research" if use == "Chatbot" else use for curve, use in told.items()}


def test_what_was_synced_contradicts_nothing(house: SyncHouse) -> None:
    house.synced()
    code, out, err = house.run("catalog", "verify", "-f", str(house.file))
    assert code == 0, out + err


def test_progress_goes_to_standard_error_and_quiet_keeps_it_away(house: SyncHouse) -> None:
    _, _, err = house.sync()
    assert "3 models, 7 use cases" in err and f"{MODEL} vllm 0.18.0, Chatbot: 1 profile, 7 load levels" in err
    code, out, err = house.sync("--quiet")
    assert (code, out, err) == (0, "", "")
