"""Codes provoked from outside: through the command line where a command can meet them, else at the door that raises them."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from giqplan.catalog import open_catalog
from giqplan.checks import changes as change_checks
from giqplan.cli.main import main
from giqplan.cloud.answers import failure
from giqplan.engine.apply import Executor
from giqplan.engine.destroy import plan_destroy
from giqplan.engine.inputs import Inputs, Proposal
from giqplan.engine.planner import make_plan
from giqplan.engine.session import carry_out, check_applyable
from giqplan.engine.settle import Pace
from giqplan.errors import GiqplanError
from giqplan.intent import load_intent
from giqplan.model.address import Address
from giqplan.model.calls import Action, ActionResult, ClusterRef, Outcome, Read, Reading
from giqplan.model.plan import Change, Conflict, Part, Plan, Verb
from giqplan.model.resource import Resource, Stage
from giqplan.model.world import Scope, World
from giqplan.resources import address_of
from giqplan.sandbox import control
from giqplan.state import LocalState

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
GPT_OSS = {
    "architectures": ["GptOssForCausalLM"],
    "head_dim": 64,
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "max_position_embeddings": 131072,
    "num_attention_heads": 64,
    "num_experts_per_tok": 4,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "num_local_experts": 128,
    "quantization_config": {"quant_method": "mxfp4"},
    "sliding_window": 128,
    "vocab_size": 201088,
}
DEPLOYMENT = Address("kubernetes_deployment", "default/bot")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the quickstart, the current folder."""
    shutil.copytree(QUICKSTART, tmp_path / "work", ignore=shutil.ignore_patterns(".giqplan"))
    monkeypatch.chdir(tmp_path / "work")
    yield tmp_path / "work"
    control.stop(tmp_path / "work" / ".giqplan" / "sandbox")


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "inference.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def codes(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The codes of the errors that a command prints as JSON."""
    capsys.readouterr()
    main([*words, "--format", "json"])
    told = capsys.readouterr().err.strip().splitlines()
    found = (line[line.find('{"errors"') :] for line in told if '{"errors"' in line)
    return [error["code"] for line in found for error in json.loads(line)["errors"]]


def checks(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, str]]:
    """Exit code and the status of each check that ``plan`` prints."""
    capsys.readouterr()
    exit_code = main([*words, "--format", "json"])
    plan = json.loads(capsys.readouterr().out)
    return exit_code, {check["code"]: check["status"] for check in plan["giqplan_checks"]}


def offline_plan(folder: Path) -> Plan:
    return make_plan(offline(folder)).plan


def offline(folder: Path) -> Inputs:
    return Inputs({"inference.yaml": load_intent(folder / "inference.yaml", None)}, open_catalog(), "gcp", None, None)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [1", "GIQ1001"),
        ("", "GIQ1002"),
        ("a: 1\n---\nb: 2\n", "GIQ1005"),
        ("a: &x {b: 1}\nc: *x\n", "GIQ1007"),
        ("apiVersion: x\napiVersion: y\n", "GIQ1012"),
        ("- 1\n", "GIQ1011"),
        ("apiVersion: giqplan.dev/v1alpha1\nkind: Cluster\n", "GIQ1013"),
    ],
)
def test_a_file_that_is_no_intent(folder: Path, capsys: pytest.CaptureFixture[str], text: str, code: str) -> None:
    (folder / "inference.yaml").write_text(text, encoding="utf-8")
    assert code in codes(capsys, "validate")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("kind: Inference", "kind: Inference\nkind: Inference", "GIQ1008"),
        ("inputTokens: 1024", "inputTokens: 1_024", "GIQ1009"),
        ("  staging:", "  sandbox:", "GIQ1015"),
        ("    namespace:", "    namespac:", "GIQ1016"),
        ("    project: my-project\n", "", "GIQ1017"),
        ("count: 8", "count: 0", "GIQ1018"),
        ("    id: openai/gpt-oss-120b", "    id: openai/gpt-oss-120b\n    configFile: nowhere.json", "GIQ1019"),
    ],
)
def test_an_intent_with_one_mistake(folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, code: str) -> None:
    edit(folder, old, new)
    assert code in codes(capsys, "validate")


def test_a_context_shorter_than_the_workload(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, "    id: openai/gpt-oss-120b", "    id: openai/gpt-oss-120b\n    configFile: config.json")
    for context, found in ((2000, ["GIQ1019"]), (2048, [])):
        config = {**GPT_OSS, "max_position_embeddings": context}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        assert sorted(set(codes(capsys, "validate"))) == found


@pytest.mark.parametrize(
    ("fields", "command", "code"),
    [
        ({"architectures": ["BertModel"]}, ("validate",), "GIQ1303"),
        ({"num_hidden_layers": -1}, ("validate",), "GIQ1304"),
        ({"num_hidden_layers": 37}, ("plan", "--offline"), "GIQ1307"),
    ],
)
def test_a_config_json_that_is_not_understood_or_of_another_model(
    folder: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, object], command: tuple[str, ...], code: str
) -> None:
    edit(folder, "    id: openai/gpt-oss-120b", "    id: openai/gpt-oss-120b\n    configFile: config.json")
    (folder / "config.json").write_text(json.dumps({**GPT_OSS, **fields}), encoding="utf-8")
    assert set(codes(capsys, *command)) == {code}


def test_files_and_environments_that_are_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert codes(capsys, "plan", "--offline", "nowhere.yaml") == ["GIQ1010"]
    assert codes(capsys, "plan", "--offline", "-e", "nowhere") == ["GIQ1014"]


def test_a_broken_state_stops_every_command_that_needs_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = folder / ".giqplan" / "gcp" / "default" / "state.json"
    state.parent.mkdir(parents=True)
    for text, code in (("", "GIQ1801"), ("{", "GIQ1802"), ('{"format_version": 99}', "GIQ1803")):
        state.write_text(text, encoding="utf-8")
        assert codes(capsys, "plan", "--offline") == [code]


def test_an_answer_other_than_yes_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    assert codes(capsys, "apply", "--sandbox") == ["GIQ0103"]
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert codes(capsys, "apply", "--sandbox") == ["GIQ0102"]
    assert not list((folder / ".giqplan").glob("sandbox-*/default/state.json"))


def test_a_peak_beyond_the_highest_replica_count_blocks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checks(capsys, "plan", "--offline")[1]["GIQ1506"] == "pass"
    edit(folder, "peak: 8", "peak: 100")
    exit_code, found = checks(capsys, "plan", "--offline")
    assert (exit_code, found["GIQ1506"]) == (4, "fail")


def test_an_offline_plan_is_never_carried_out(folder: Path) -> None:
    with pytest.raises(GiqplanError, match="GIQ1603"):
        check_applyable(offline_plan(folder))
    with pytest.raises(GiqplanError, match="GIQ1602"):
        plan_destroy(offline(folder))


def test_a_blocked_plan_is_never_carried_out(folder: Path) -> None:
    edit(folder, "peak: 8", "peak: 100")
    inputs = offline(folder)
    proposal = make_plan(inputs)
    proposal = replace(proposal, plan=replace(proposal.plan, offline=False))
    nothing: Any = None
    with pytest.raises(GiqplanError, match=r"GIQ1604.*GIQ1506"):
        carry_out(proposal, None, nothing, nothing, nothing, threading.Event())


def test_a_replacement_and_a_conflict_are_failing_checks() -> None:
    replaced = Change(DEPLOYMENT, Verb.REPLACE, Stage.WORKLOAD, replace_paths=(("spec", "selector"),))
    held = Change(DEPLOYMENT, Verb.UPDATE, Stage.WORKLOAD, conflicts=(Conflict(".spec.replicas", "kubectl-edit", 3, 2),))
    found = change_checks.check((replaced, held))
    assert [(check.code, str(check.status)) for check in found] == [("GIQ1504", "fail"), ("GIQ1505", "fail")]
    assert ("fields", "spec.selector") in found[0].evidence
    assert (".spec.replicas", "held by kubectl-edit: 3, wanted 2") in found[1].evidence
    assert change_checks.check((Change(DEPLOYMENT, Verb.UPDATE, Stage.WORKLOAD),)) == ()


@pytest.mark.parametrize(
    ("status", "body", "service", "code"),
    [
        (409, {"error": {"message": "it exists", "status": "ALREADY_EXISTS"}}, "container", "GIQ1906"),
        (400, {"error": {"message": "it runs", "details": [{"reason": "CLUSTER_ALREADY_HAS_OPERATION"}]}}, "container", "GIQ1907"),
        (429, {"error": {"message": "too many"}}, "serviceusage", "GIQ1907"),
    ],
)
def test_answers_of_a_service_that_have_a_code_of_their_own(status: int, body: Any, service: str, code: str) -> None:
    assert failure(status, body, service).code == code


def test_fields_held_by_another_manager_are_named() -> None:
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-edit" using apps/v1', "field": ".spec.replicas"}
    body = {"kind": "Status", "message": "Apply failed", "reason": "Conflict", "details": {"causes": [cause]}}
    error: Any = failure(409, body, "kubernetes")
    assert error.code == "GIQ1909"
    assert [(held.manager, held.path) for held in error.conflicts] == [("kubectl-edit", ".spec.replicas")]


class Server:
    """Answers every request with one object, whatever was sent."""

    def __init__(self, held: Mapping[str, Any]) -> None:
        self.held = held

    def read_many(self, reads: Sequence[Read]) -> Mapping[Read, Reading]:
        return dict.fromkeys(reads, Reading(Outcome.OK, self.held))

    def execute(self, action: Action) -> ActionResult:
        return ActionResult(self.held)

    def use_cluster(self, ref: ClusterRef, endpoint: str, ca_pem: str) -> None:
        raise AssertionError("no cluster is made here")


class Silent:
    """A reporter that says nothing."""

    def began(self, address: Address, summary: str) -> None: ...
    def waits(self, address: Address, reason: str) -> None: ...
    def ended(self, address: Address, summary: str, seconds: float) -> None: ...
    def failed(self, address: Address, reason: str) -> None: ...


def error_of_creating(folder: Path, desired: Mapping[str, Any], held: Mapping[str, Any]) -> GiqplanError:
    """The error with which creating one object ends when the server then holds ``held``."""
    address = address_of(desired)
    scope = Scope("my-project", ClusterRef("my-project", "us-central1", "inference"))
    plan = Plan(
        "gcp",
        "default",
        (Part("bot", "inference.yaml", ""),),
        "my-project",
        str(scope.cluster),
        (Change(address, Verb.CREATE, Stage.NAMESPACE),),
    )
    proposal = Proposal(plan, {address: Resource(address, Stage.NAMESPACE, desired)}, World("gcp", scope))
    executor = Executor(proposal, Server(held), LocalState(folder).journal, Silent(), threading.Event())
    return executor.run({}).walked.errors[address]


def test_a_value_that_the_server_altered_stops_the_apply(tmp_path: Path) -> None:
    sent = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "bot"}, "data": {"a": "1"}}
    held = {**sent, "metadata": {"name": "settings", "namespace": "bot", "uid": "u-1"}, "data": {"a": "2"}}
    error = error_of_creating(tmp_path, sent, held)
    assert error.code == "GIQ1701"
    assert "data.a: sent '1', held '2'" in error.detail


def test_a_namespace_that_never_settles_ends_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = itertools.count(step=3600)
    monkeypatch.setattr(Pace, "now", lambda self: next(hours))
    sent = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bot"}}
    held = {**sent, "metadata": {"name": "bot", "uid": "u-1", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    error = error_of_creating(tmp_path, sent, held)
    assert error.code == "GIQ1703"
    assert "being deleted" in error.detail
