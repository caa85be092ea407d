"""Syncs that go wrong: services that fail for a while, runs that are cut off, pages that cannot be used."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sync_house import BENCHMARKS, MODEL, OTHER, PROJECT, SyncHouse

from giqplan.catalog import open_catalog
from giqplan.cli.progress import LineReporter
from giqplan.cloud import Cloud, Patience
from giqplan.errors import CloudError
from giqplan.sandbox import control
from giqplan.sandbox.log import Entry
from giqplan.sync import sync


def answered(entries: list[Entry]) -> int:
    """Answers of the run that asked last; what was sent to one that was killed may be answered after its end."""
    return sum(entry.status == 200 and entry.run == entries[-1].run for entry in entries)


# -- services that fail for a while


def test_429_and_5xx_are_asked_again_after_the_time_that_is_told(house: SyncHouse) -> None:
    house.fault(path=BENCHMARKS, status=429, retry_after_s=1, times=2)
    house.fault(path="/v1/modelServers:fetch", status=503, times=1)
    house.fault(path="/v1/models:fetch", cut=True, times=1)
    started = time.monotonic()
    assert len(house.synced()["curves"]["new"]) == 5
    assert time.monotonic() - started >= 1
    assert sorted({entry.status for entry in house.log()}) == [0, 200, 429, 503]


def test_a_service_that_stays_away_ends_the_sync_and_keeps_what_there_is(house: SyncHouse) -> None:
    house.fault(path=BENCHMARKS, status=503)
    cloud = Cloud(control.connection(house.sandbox), quota_project=PROJECT, patience=Patience(attempts=2, longest_pause_s=0.1))
    with pytest.raises(CloudError, match="GIQ1908") as caught:
        sync(cloud, house.folder, world_name="sandbox", project=PROJECT, models=(), progress=LineReporter(True), now=datetime.now(UTC))
    assert "the same command goes on from there" in caught.value.remedy
    assert len((house.partial / "answers.jsonl").read_text(encoding="utf-8").splitlines()) > 10


def test_a_token_that_expires_on_the_way_is_renewed(house: SyncHouse) -> None:
    house.fault(path=BENCHMARKS, status=401, times=3)
    assert len(house.synced()["curves"]["new"]) == 5


def test_lists_are_read_to_their_last_page(house: SyncHouse) -> None:
    first = {"models": [OTHER], "nextPageToken": "QDE="}  # the sandbox goes on from its second model
    house.fault(path="/v1/models:fetch", answer=json.dumps(first), times=1)
    assert MODEL in house.synced()["models"]


# -- cut off and resumed


def test_a_sync_that_fails_half_way_goes_on_with_what_is_missing(house: SyncHouse) -> None:
    house.fault(path="*modelServerVersions:fetch*Qwen*", status=400)
    error = house.refused()
    assert error["code"] == "GIQ1905" and "the same command goes on from there" in error["remedy"]
    assert house.layer.exists() is False and house.partial.exists()
    before = {(entry.path, entry.query) for entry in house.log() if entry.status == 200 and entry.method == "GET"}
    house.clear()
    told = house.synced()
    assert told["resumed"] >= 4 and len(told["curves"]["new"]) == 5
    assert not before & {(entry.path, entry.query) for entry in house.log()}, "nothing was asked twice"
    assert not house.partial.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_sync_that_is_killed_goes_on_with_what_is_missing(house: SyncHouse, number: int) -> None:
    control.set_latency(house.sandbox, 40)
    words = [sys.executable, "-m", "giqplan", "catalog", "sync", str(house.file), "--sandbox"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = house.partial / "answers.jsonl"
    limit = time.monotonic() + 20
    while time.monotonic() < limit and not (journal.exists() and len(journal.read_bytes().splitlines()) > 25):
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == (-number if number == signal.SIGKILL else 130)
    assert not house.layer.exists()
    kept = len(journal.read_bytes().splitlines()) - 1
    control.set_latency(house.sandbox, 0)
    control.clear_log(house.sandbox)
    told = house.synced()
    assert kept - 1 <= told["resumed"] <= kept and told["requests"] == answered(house.log())
    assert len(told["curves"]["new"]) == 5


def test_a_torn_last_line_is_asked_for_again_and_a_foreign_journal_is_not_used(house: SyncHouse) -> None:
    house.fault(path=BENCHMARKS, status=400)
    house.refused()
    house.clear()
    journal = house.partial / "answers.jsonl"
    whole = journal.read_text(encoding="utf-8")
    journal.write_text(whole[:-20], encoding="utf-8")
    assert house.synced()["resumed"] == len(whole.splitlines()) - 2
    house.partial.mkdir()
    for other in (
        whole.replace('"project":"my-project"', '"project":"other-project"', 1),
        whole.replace('"begun":"2', '"begun":"1', 1),
        "[]",
    ):
        house.partial.mkdir(exist_ok=True)
        journal.write_text(other, encoding="utf-8")
        assert house.synced()["resumed"] == 0


def test_two_syncs_at_a_time_are_refused(house: SyncHouse) -> None:
    house.partial.mkdir()
    lock = os.open(house.partial, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert house.refused()["code"] == "GIQ1227"
    finally:
        os.close(lock)


def test_what_cannot_be_kept_is_told(house: SyncHouse) -> None:
    house.partial.write_text("in the way", encoding="utf-8")
    assert house.refused()["code"] == "GIQ1228"


# -- pages that cannot be used

Spoil = Callable[[dict[str, Any]], None]


def _stats(name: str, value: Any) -> Spoil:
    def spoil(profile: dict[str, Any]) -> None:
        if value is None:
            del profile["performanceStats"][2][name]
        else:
            profile["performanceStats"][2][name] = value

    return spoil


def _without(*names: str) -> Spoil:
    def spoil(profile: dict[str, Any]) -> None:
        for name in names:
            del profile[name]

    return spoil


def _with(name: str, value: Any) -> Spoil:
    return lambda profile: profile.update({name: value})


def _cost(**value: Any) -> Spoil:
    return lambda profile: profile["performanceStats"][0]["cost"][0].update(value)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_stats("queriesPerSecond", float("nan")), "performanceStats[2].queriesPerSecond: nan is no finite number"),
        (_stats("queriesPerSecond", "NaN"), "performanceStats[2].queriesPerSecond: a number is wanted, not 'NaN'"),
        (_stats("outputTokensPerSecond", -5), "performanceStats[2].outputTokensPerSecond: -5 is negative"),
        (_stats("ntpotMilliseconds", None), "performanceStats[2].ntpotMilliseconds: missing, or zero"),
        (_stats("ttftMilliseconds", float("inf")), "performanceStats[2].ttftMilliseconds: inf is no finite number"),
        (_stats("itlMilliseconds", [1]), "performanceStats[2].itlMilliseconds: a number is wanted, not [1]"),
        (_stats("cost", {}), "performanceStats[2].cost: a list is wanted, not {}"),
        (_cost(pricingModel="free"), "performanceStats[0].cost[0].pricingModel: 'free' is none of"),
        (_cost(costPerMillionOutputTokens={"units": "-1"}), "cost[0].costPerMillionOutputTokens: -1 units"),
        (_cost(costPerMillionOutputTokens={"units": "1.5"}), "cost[0].costPerMillionOutputTokens.units: a whole number is wanted"),
        (_without("performanceStats", "workloadSpec", "modelInfo"), "performanceStats: missing"),
        (_without("modelServerInfo"), "profile[1]: modelServerInfo: missing"),
        (_without("resourcesUsed"), "resourcesUsed: missing"),
        (_with("resourcesUsed", {"acceleratorCount": 1.5}), "resourcesUsed.acceleratorCount: 1.5 is no whole number"),
        (_with("instanceType", 7), "instanceType: text is wanted, not 7"),
        (_with("acceleratorType", "nvidia\nh100"), "acceleratorType: 'nvidia\\nh100' has spaces around it or control characters"),
        (_with("workloadSpec", "Chatbot"), "workloadSpec: an object is wanted, not 'Chatbot'"),
        (_with("modelServerInfo", {"model": OTHER, "modelServer": "vllm", "modelServerVersion": "0.18.0"}), "was not asked for"),
    ],
)
def test_a_page_that_cannot_be_used_names_request_profile_and_field(synced_house: SyncHouse, spoil: Spoil, told: str) -> None:
    house = synced_house
    page = house.answer()
    assert len(page["profile"]) == 2
    spoil(page["profile"][1])
    house.fault(path=BENCHMARKS, answer=json.dumps(page), times=1)
    error = house.refused("--model", MODEL)
    assert error["code"] == "GIQ1225" and told in error["detail"]
    assert 'benchmarkingData:fetch {"modelServerInfo":{"model":"openai/gpt-oss-120b"' in error["detail"] and "profile[1]" in error["detail"]
    assert house.synced("--model", MODEL)["curves"]["unchanged"] == 5, "the spoilt page was not kept"


@pytest.mark.parametrize(
    ("path", "answer", "code"),
    [
        ("/v1/models:fetch", "{}", "GIQ1230"),
        ("/v1/models:fetch", '{"models": [3]}', "GIQ1225"),
        ("/v1/models:fetch", "<html>proxy</html>", "GIQ1905"),
        ("/v1/models:fetch", '{"models": ["acme', "GIQ1905"),
        ("/v1/useCases:fetch", '{"workloadSpecs": [{"useCase": "Chatbot", "averageInputLength": -3}]}', "GIQ1225"),
        ("/v1/servingStacks:fetch", '{"servingStacks": ["llm-d"]}', "GIQ1225"),
    ],
)
def test_lists_that_cannot_be_used_leave_the_layer_as_it_was(house: SyncHouse, path: str, answer: str, code: str) -> None:
    house.fault(path=path, answer=answer)
    assert house.refused()["code"] == code
    assert not house.layer.exists()


def test_an_accelerator_that_no_layer_describes_is_named_and_can_be_described(house: SyncHouse) -> None:
    page = house.answer()
    page["profile"] = [copy.deepcopy(page["profile"][0])]
    page["profile"][0]["acceleratorType"] = "nvidia-r300"
    house.fault(path=BENCHMARKS, answer=json.dumps(page))
    error = house.refused("--model", MODEL)
    assert error["code"] == "GIQ1229" and "profile[0] (openai/gpt-oss-120b vllm 0.18.0): acceleratorType: nvidia-r300" in error["detail"]
    own = house.folder / "giqplan-catalog"
    own.mkdir()
    (own / "catalog.json").write_text('{"schema_version": 1, "name": "user", "date": "2026-11-01"}', encoding="utf-8")
    shipped = (Path(__file__).resolve().parents[2] / "catalog" / "accelerators.csv").read_text(encoding="utf-8").splitlines()
    row = next(line for line in shipped if line.startswith("nvidia-h100-80gb,"))
    (own / "accelerators.csv").write_text(f"{shipped[0]}\n{row.replace('nvidia-h100-80gb', 'nvidia-r300', 1)}\n", encoding="utf-8")
    assert len(house.synced("--model", MODEL)["curves"]["new"]) >= 1


def test_a_broken_layer_is_replaced_whole_and_never_in_part(house: SyncHouse) -> None:
    house.synced()
    (house.layer / "points.csv").write_text("curve,load\nc-1\n", encoding="utf-8")
    error = house.refused("--model", MODEL)
    assert error["code"] == "GIQ1202" and f"Delete {house.layer}" in error["remedy"]
    code, out, err = house.sync()
    assert code == 0 and "cannot be read and is replaced" in err and "5 new" in out
    assert len(open_catalog(house.folder).curves()) == len(open_catalog().curves()) + 5


# -- who may ask


def test_an_api_that_is_off_is_turned_on_by_the_command_that_is_named(house: SyncHouse) -> None:
    house.edit("    project: my-project\n", "    project: off-project\n")
    error = house.refused()
    assert error["code"] == "GIQ1904" and "has not been used in project 481516234202" in error["detail"]
    assert "gcloud services enable gkerecommender.googleapis.com --project off-project" in error["remedy"]


def test_the_quota_project_pays_where_one_is_named(house: SyncHouse) -> None:
    house.edit("    project: my-project\n", "    project: off-project\n    quotaProject: my-project\n")
    assert len(house.synced()["curves"]["new"]) == 5


def test_the_permission_that_is_missing_is_named(house: SyncHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIQPLAN_SANDBOX_CALLER", "reader")
    error = house.refused()
    assert error["code"] == "GIQ1904" and "serviceusage.services.use" in error["remedy"]


def test_without_credentials_nothing_is_asked(house: SyncHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("HOME", str(house.folder))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(house.folder / "gcloud"))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    code, out, err = house.run("catalog", "sync", str(house.file), "--quiet")
    assert (code, out) == (1, "") and "GIQ1901" in err and "gcloud auth application-default login" in err


def test_a_model_that_the_api_does_not_know_is_told_with_those_it_knows(house: SyncHouse) -> None:
    error = house.refused("--model", "acme/none")
    assert error["code"] == "GIQ1226" and MODEL in error["remedy"]
