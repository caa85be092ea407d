"""A workload that reads a Secret which is not there: apply does everything else, waits before it, and goes on once it is there."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml
from engine_house import House, Notes, by_address, hugging_face

from giqplan.engine.walk import End
from giqplan.errors import Exit
from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Plan
from giqplan.sandbox.log import critical_path

DEPLOYMENT = Address("kubernetes_deployment", "inference/assistant")
HPA = Address("kubernetes_horizontal_pod_autoscaler", "inference/assistant")
SECRETS = "/api/v1/namespaces/inference/secrets"
COMMAND = "giqplan secret set hf-secret --from-env HF_TOKEN"


@pytest.fixture(scope="session")
def _waiting_once(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(tmp_path_factory.mktemp("waiting") / "house", *hugging_face())
    house.start()
    assert house.apply().exit is Exit.INCOMPLETE
    house.stop()
    return house


@pytest.fixture
def waiting(_waiting_once: House, tmp_path: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> House:
    """The example, applied as far as it goes without a token."""
    monkeypatch.setenv("HF_TOKEN", "hf_CanaryCanaryCanary")
    house = _waiting_once.copy_to(tmp_path / "house")
    house.start()
    request.addfinalizer(house.stop)
    return house


def token(house: House, data: Mapping[str, str]) -> None:
    """A Secret as kubectl makes it."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hf-secret"}, "stringData": dict(data)}
    house.kubernetes("POST", SECRETS, body)


def checks(plan: Plan) -> dict[str, Check]:
    return {check.code: check for check in plan.checks}


def test_everything_but_the_workload_is_done_and_the_remedy_is_named(house: Callable[..., House]) -> None:
    one = house(*hugging_face())
    proposal = one.plan()
    assert proposal.plan.exit(detailed=True) is Exit.CHANGES
    assert checks(proposal.plan)["GIQ1520"].status is CheckStatus.UNKNOWN
    applied = one.apply()
    undone = {address for address, end in applied.walked.ends.items() if end is not End.DONE}
    assert (applied.exit, undone) == (Exit.INCOMPLETE, {DEPLOYMENT, HPA})
    (error,) = applied.walked.errors.values()
    assert (error.code, COMMAND in error.remedy) == ("GIQ1707", True)
    assert one.kubernetes("GET", "/apis/apps/v1/namespaces/inference/deployments")["items"] == []


def test_the_next_plan_says_what_is_left_undone_and_exits_with_5(waiting: House) -> None:
    code, out, _ = waiting.cli("plan", "--detailed-exitcode")
    assert code == 5
    assert f"{DEPLOYMENT}: there is no Secret inference/hf-secret" in out
    assert "warn    GIQ1520" in out
    found = json.loads(waiting.cli("plan", "--format", "json")[1])
    assert (found["applyable"], found["complete"]) == (True, False)
    assert [entry["address"] for entry in found["deferred"]] == [str(DEPLOYMENT)]


def test_apply_on_the_command_line_waits_then_goes_on_and_the_plan_is_empty(waiting: House) -> None:
    code, out, err = waiting.cli("apply", "--auto-approve", "--quiet")
    assert code == 5
    assert "Apply: nothing done, 2 not done." in out
    assert "Incomplete GIQ1707" in err
    assert COMMAND in err
    assert waiting.secret_set("--from-env", "HF_TOKEN")[0] == 0
    assert waiting.cli("apply", "--auto-approve", "--quiet")[0] == 0
    proposal = waiting.plan()
    assert (by_address(proposal), proposal.plan.exit(detailed=True)) == ({}, Exit.DONE)
    assert checks(proposal.plan)["GIQ1520"].status is CheckStatus.PASS


def test_a_saved_plan_waits_too_and_is_not_stale_once_the_token_is_there(waiting: House) -> None:
    plan = str(waiting.folder / "plan.json")
    assert waiting.cli("plan", "--out", plan)[0] == 5
    words = ("apply", plan, "-f", str(waiting.file), "--sandbox", "--auto-approve", "--quiet")
    code, _, err = waiting.run(*words)
    assert (code, "GIQ1707" in err) == (5, True)
    assert waiting.secret_set("--from-env", "HF_TOKEN")[0] == 0
    assert waiting.run(*words)[0] == 0
    assert by_address(waiting.plan()) == {}


def test_one_intent_of_a_folder_waits_and_the_other_goes_on(house: Callable[..., House]) -> None:
    intent, world = hugging_face()
    intent["spec"] |= {"autoscaling": {"maxReplicas": 2}, "workload": {"inputTokens": 200, "outputTokens": 64}}
    one, other = house(intent, world), copy.deepcopy(intent)
    other["metadata"]["name"] = "second"
    other["spec"]["storage"]["huggingFace"]["tokenSecret"]["name"] = "second-secret"
    (one.folder / "second.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
    words = ("apply", str(one.folder), "--sandbox", "--auto-approve", "--quiet")
    code, _, err = one.run(*words)
    assert (code, err.count("GIQ1707")) == (5, 2)
    token(one, {"hf_api_token": "x"})
    code, _, err = one.run(*words)
    assert (code, err.count("GIQ1707"), "second-secret" in err) == (5, 1, True)
    names = [item["metadata"]["name"] for item in one.kubernetes("GET", "/apis/apps/v1/namespaces/inference/deployments")["items"]]
    assert names == ["assistant"]


def test_a_token_that_is_set_while_the_rest_is_made_is_seen(house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_CanaryCanaryCanary")
    one = house(*hugging_face())

    def set_it(address: Address, summary: str) -> None:
        if address.type == "kubernetes_service_account" and address.name == "inference/assistant":
            assert one.secret_set("--from-env", "HF_TOKEN")[0] == 0

    assert one.apply(reporter=Notes(on_began=set_it)).exit is Exit.DONE
    assert by_address(one.plan()) == {}


@pytest.mark.parametrize("data", [{"other": "x"}, {"hf_api_token": ""}])
def test_a_secret_without_the_key_or_with_nothing_in_it_is_not_enough(waiting: House, data: dict[str, str]) -> None:
    token(waiting, data)
    proposal = waiting.plan()
    assert [d.reason for d in proposal.plan.deferred] == ["Secret inference/hf-secret holds nothing at data.hf_api_token"]
    assert waiting.apply().exit is Exit.INCOMPLETE
    assert waiting.secret_set("--from-env", "HF_TOKEN", "--force-conflicts")[0] == 0
    assert waiting.apply().exit is Exit.DONE


def test_a_caller_who_may_not_read_secrets_is_told_so_and_nothing_is_taken_for_missing(waiting: House) -> None:
    plan = waiting.plan("planner").plan
    assert (plan.deferred, checks(plan)["GIQ1520"].status) == ((), CheckStatus.UNKNOWN)
    assert "container.secrets.get" in checks(plan)["GIQ1520"].remedy


def test_a_token_that_goes_later_is_a_warning(waiting: House) -> None:
    token(waiting, {"hf_api_token": "x"})
    assert waiting.apply().exit is Exit.DONE
    waiting.kubernetes("DELETE", f"{SECRETS}/hf-secret")
    plan = waiting.plan().plan
    assert (plan.acting, plan.exit(detailed=True), checks(plan)["GIQ1520"].status) == ((), Exit.DONE, CheckStatus.WARN)


def test_an_open_model_needs_no_token(house: Callable[..., House]) -> None:
    intent, world = hugging_face()
    intent["spec"] |= {"model": {"id": "openai/gpt-oss-120b"}, "workload": {"inputTokens": 1024, "outputTokens": 1024}}
    intent["spec"] |= {"slo": {}, "cost": {}, "autoscaling": {"maxReplicas": 1}, "accelerator": {"types": ["nvidia-h100-80gb"], "count": 8}}
    quota = {"quota": "GPUS-PER-GPU-FAMILY-per-project-region", "dimensions": {"region": "us-central1", "gpu_family": "NVIDIA_H100"}}
    world["quotas"] = [{"quota": "GPUS-ALL-REGIONS-per-project", "limit": 16}, {**quota, "limit": 16}]
    one = house(intent, world)
    found = checks(one.plan().plan)
    assert (found["GIQ1520"].status, found["GIQ1521"].status) == (CheckStatus.PASS, CheckStatus.PASS)
    assert "open to everybody" in found["GIQ1520"].summary
    assert one.apply().exit is Exit.DONE


def test_looking_for_the_token_takes_one_request_and_no_longer_chain(waiting: House) -> None:
    token(waiting, {"hf_api_token": "x"})
    assert waiting.apply().exit is Exit.DONE
    waiting.run("sandbox", "log", "--latency-ms", "50", "-f", str(waiting.file))
    entries = waiting.requests(waiting.plan)
    assert len([entry for entry in entries if "/secrets" in entry.path]) == 1
    assert len(critical_path([entry for entry in entries if entry.service != "sandbox"])) <= 4


def test_a_gated_model_names_its_licence_page(waiting: House) -> None:
    found = checks(waiting.plan().plan)["GIQ1521"]
    assert found.status is CheckStatus.UNKNOWN
    assert dict(found.evidence)["licence"] == "https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct"


def test_no_value_of_a_secret_is_in_what_was_read(waiting: House) -> None:
    token(waiting, {"hf_api_token": "hf_CanaryCanaryCanary"})
    worlds = [waiting.plan().world, waiting.plan_destroy().world]
    told = repr([world.readings for world in worlds])
    assert "hf_api_token" in told
    assert "hf_CanaryCanaryCanary" not in told
    assert base64.b64encode(b"hf_CanaryCanaryCanary").decode() not in told


def test_destroy_takes_the_secret_with_the_namespace_when_secret_set_made_it(waiting: House) -> None:
    assert waiting.secret_set("--from-env", "HF_TOKEN")[0] == 0
    code, out, _ = waiting.cli("destroy", "--auto-approve", "--quiet")
    assert code == 0
    assert "with it goes what secret set has made: Secret hf-secret" in out
    names = [item["metadata"]["name"] for item in waiting.kubernetes("GET", "/api/v1/namespaces")["items"]]
    assert "inference" not in names


def test_destroy_keeps_a_namespace_that_holds_a_secret_of_others(waiting: House) -> None:
    token(waiting, {"hf_api_token": "x"})
    code, out, _ = waiting.cli("destroy", "--auto-approve", "--quiet")
    assert (code, "it holds secrets inference/hf-secret" in out) == (5, True)
    assert waiting.kubernetes("GET", f"{SECRETS}/hf-secret")["metadata"]["name"] == "hf-secret"
