"""A project folder with its intent, its world and its sandbox: plans and applies as the command line does, in one process."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from giqplan.cli.main import main
from giqplan.cli.places import FOLDER
from giqplan.cli.session import CALLER_VARIABLE, Session
from giqplan.cloud import Cloud
from giqplan.engine.apply import Applied
from giqplan.engine.destroy import plan_destroy
from giqplan.engine.drift_report import DriftReport, find_drift
from giqplan.engine.inputs import Inputs, Proposal
from giqplan.engine.planner import make_plan
from giqplan.engine.session import carry_out
from giqplan.intent import load_intent
from giqplan.kube.compare import path_text
from giqplan.model.address import Address
from giqplan.model.plan import Change, Options
from giqplan.sandbox import control
from giqplan.sandbox.log import Entry
from giqplan.state import LocalState, State

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
SPEED = 3000
"""Simulated seconds a second: a cluster is there after a tenth of a second."""
WRITES = ("PUT", "PATCH", "DELETE")


def quickstart() -> tuple[dict[str, Any], dict[str, Any]]:
    """The example's intent and world, without its environments (the engine knows none) and with money for one replica more."""
    intent = yaml.safe_load((QUICKSTART / "inference.yaml").read_text(encoding="utf-8"))
    del intent["environments"]
    intent["spec"]["cost"]["maxUsdPerHour"] = 400
    world = yaml.safe_load((QUICKSTART / "world.yaml").read_text(encoding="utf-8"))
    return intent, world


GPT_OSS_120B: dict[str, Any] = {
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
"""The quickstart's model as its config.json describes it."""


class Notes:
    """A reporter that remembers; ``on_began`` may interfere at a chosen moment."""

    def __init__(
        self, on_began: Callable[[Address, str], None] | None = None, on_waits: Callable[[Address, str], None] | None = None
    ) -> None:
        self.lines: list[tuple[str, str]] = []
        self._on_began, self._on_waits = on_began, on_waits

    def began(self, address: Address, summary: str) -> None:
        self.lines.append(("began", f"{address}: {summary}"))
        if self._on_began is not None:
            self._on_began(address, summary)

    def waits(self, address: Address, reason: str) -> None:
        self.lines.append(("waits", f"{address}: {reason}"))
        if self._on_waits is not None:
            self._on_waits(address, reason)

    def ended(self, address: Address, summary: str, seconds: float) -> None:
        self.lines.append(("ended", f"{address}: {summary}"))

    def failed(self, address: Address, reason: str) -> None:
        self.lines.append(("failed", f"{address}: {reason}"))


class House:
    """``intent`` and ``world`` are plain values, written into the folder; ``set`` edits one leaf of the intent's spec."""

    def __init__(
        self, folder: Path, intent: dict[str, Any] | None = None, world: dict[str, Any] | None = None, speed: float = SPEED
    ) -> None:
        default_intent, default_world = quickstart()
        self.folder, self.speed = folder, speed
        self.intent = copy.deepcopy(default_intent if intent is None else intent)
        self.world = copy.deepcopy(default_world if world is None else world)
        folder.mkdir(parents=True, exist_ok=True)
        self.world_file.write_text(yaml.safe_dump(self.world), encoding="utf-8")
        self.write()

    @property
    def file(self) -> Path:
        return self.folder / "inference.yaml"

    @property
    def world_file(self) -> Path:
        return self.folder / "world.yaml"

    @property
    def sandbox(self) -> Path:
        return self.folder / FOLDER / "sandbox"

    def write(self) -> None:
        self.file.write_text(yaml.safe_dump(self.intent, sort_keys=False), encoding="utf-8")

    def set(self, path: str, value: Any) -> None:
        """Edit one value of the intent's spec, ``None`` removes it."""
        *parents, last = path.split(".")
        inner = self.intent["spec"]
        for part in parents:
            inner = inner.setdefault(part, {})
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
        self.write()

    # -- the sandbox

    def start(self) -> None:
        control.start(self.sandbox, world_file=self.world_file, speed=self.speed)

    def stop(self) -> None:
        if self.sandbox.exists():
            control.stop(self.sandbox)

    def restart(self) -> None:
        self.stop()
        self.start()

    def advance(self, seconds: float) -> None:
        control.advance(self.sandbox, seconds)

    def copy_to(self, folder: Path) -> House:
        """The same world and state in another folder. The sandbox must not run."""
        shutil.copytree(self.folder, folder)
        return House(folder, self.intent, self.world, self.speed)

    def requests(self, work: Callable[[], Any]) -> list[Entry]:
        """The requests that ``work`` made."""
        control.clear_log(self.sandbox)
        work()
        return control.log(self.sandbox)

    # -- giqplan

    def session(self, caller: str = "owner") -> Session:
        loaded = load_intent(self.file, None)
        connection = control.ensure(self.sandbox, world_file=self.world_file, caller=caller, speed=self.speed)
        store = LocalState(self.folder / FOLDER / connection.world / loaded.environment)
        return Session({self.file.name: loaded}, connection, Cloud(connection), store)

    def inputs(self, caller: str = "owner") -> Inputs:
        return self.session(caller).inputs()

    def plan(self, caller: str = "owner", force: tuple[str, ...] = ()) -> Proposal:
        return make_plan(replace(self.inputs(caller), options=Options(force_conflicts=force)))

    def drift(self, caller: str = "owner") -> DriftReport:
        session = self.session(caller)
        return find_drift(session.inputs(), {pending.address: pending.verb for pending in session.store.pending()})

    def plan_destroy(self, caller: str = "owner") -> Proposal:
        return plan_destroy(self.inputs(caller))

    def apply(
        self, caller: str = "owner", reporter: Notes | None = None, stop: threading.Event | None = None, force: tuple[str, ...] = ()
    ) -> Applied:
        return self._run("apply", lambda inputs: make_plan(replace(inputs, options=Options(force_conflicts=force))), caller, reporter, stop)

    def destroy(self, caller: str = "owner", reporter: Notes | None = None, stop: threading.Event | None = None) -> Applied:
        return self._run("destroy", plan_destroy, caller, reporter, stop)

    def _run(
        self,
        command: str,
        propose: Callable[[Inputs], Proposal],
        caller: str,
        reporter: Notes | None,
        stop: threading.Event | None,
    ) -> Applied:
        session = self.session(caller)
        assert session.cloud is not None
        with session.store.lock(command):
            inputs = session.inputs()
            proposal = propose(inputs)
            return carry_out(proposal, inputs.state, session.cloud, session.store, reporter or Notes(), stop or threading.Event())

    def cli(self, *words: str, caller: str = "owner") -> tuple[int, str, str]:
        """Exit code, standard output and standard error of one command about this intent, against this sandbox."""
        return self.run(words[0], str(self.file), "--sandbox", "--no-color", *words[1:], caller=caller)

    def secret_set(self, *words: str, caller: str = "owner") -> tuple[int, str, str]:
        """The same of ``giqplan secret set``."""
        return self.run("secret", "set", *words, "-f", str(self.file), "--sandbox", caller=caller)

    def run(self, *words: str, caller: str = "owner") -> tuple[int, str, str]:
        """The same of a whole command line."""
        out, err, earlier = io.StringIO(), io.StringIO(), os.environ.get(CALLER_VARIABLE)
        os.environ[CALLER_VARIABLE] = caller
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(list(words))
        finally:
            del os.environ[CALLER_VARIABLE]
            if earlier is not None:
                os.environ[CALLER_VARIABLE] = earlier
        return code, out.getvalue(), err.getvalue()

    @property
    def store(self) -> LocalState:
        return self.session().store

    @property
    def state(self) -> State:
        found = self.store.load()
        assert found is not None
        return found

    def folder_state(self) -> State:
        """The state of the folder, where the house's own intent is not in it."""
        (path,) = (self.folder / FOLDER).glob("sandbox-*/default")
        found = LocalState(path).load()
        assert found is not None
        return found

    def forget_state(self) -> None:
        shutil.rmtree(self.store.path.parent)

    # -- the world, seen and changed by others

    def kubernetes(self, method: str, path: str, body: Any = None, *, manager: str = "kubectl-edit", content: str = "") -> Any:
        """One request of the cluster's administrator, as kubectl makes them."""
        import requests

        config = control.kubeconfig(self.sandbox)
        server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
        default = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": content or default}
        query = {"fieldManager": manager} if method in ("POST", "PUT", "PATCH") else {}
        with requests.Session() as http:
            http.verify, http.trust_env = str(self.sandbox / "ca.pem"), False
            answer = http.request(method, server + path, params=query, headers=headers, data=None if body is None else json.dumps(body))
            assert answer.status_code < 300 or (method == "PUT" and answer.status_code == 409), answer.text
            return answer.json()

    def edit(self, path: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Read, change and put back, as kubectl edit does; read again when a controller wrote in between, as its user would."""
        for _ in range(20):
            body = self.kubernetes("GET", path)
            change(body)
            if self.kubernetes("PUT", path, body).get("reason") != "Conflict":
                return
        raise AssertionError(f"{path} was written by others at each of 20 tries")

    def resource_manager(self, method: str, path: str, body: Any = None) -> Any:
        """One request of the owner to Resource Manager."""
        return self.google(method, path, body, service="cloudresourcemanager")

    def google(self, method: str, path: str, body: Any = None, *, caller: str = "owner", service: str = "container") -> Any:
        """One request of a caller to one of Google's APIs."""
        import requests

        connection = control.connection(self.sandbox, caller)
        told = dict(connection.credentials or {})
        base = connection.endpoints[service]
        with requests.Session() as http:
            http.verify, http.trust_env = str(self.sandbox / "ca.pem"), False
            form = {key: told[key] for key in ("client_id", "client_secret", "refresh_token")} | {"grant_type": "refresh_token"}
            token = http.post(told["token_uri"], data=form).json()["access_token"]
            answer = http.request(method, base + path, json=body, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code < 300, answer.text
            return answer.json()

    def cluster(self) -> dict[str, Any]:
        """The cluster's body as GKE answers it."""
        target = self.intent["spec"]["target"]
        path = f"/v1/projects/{target['project']}/locations/{target['location']}/clusters/{target['cluster']['name']}"
        found: dict[str, Any] = self.google("GET", path)
        return found


def writes(entries: list[Entry]) -> list[str]:
    """What of a log changes a world: dry-runs, tokens and Google's reads by POST do not."""
    found = []
    for entry in entries:
        asks = entry.path.endswith((":getIamPolicy", "/token", ":testIamPermissions", "accessreviews")) or entry.service in (
            "oauth2",
            "sandbox",
        )
        if (entry.method in WRITES or entry.method == "POST") and not asks and "dryRun=All" not in entry.query:
            found.append(f"{entry.method} {entry.path}?{entry.query} -> {entry.status}")
    return found


def by_address(proposal: Proposal) -> Mapping[str, Change]:
    """The acting changes of a plan by their printed address."""
    return {str(change.address): change for change in proposal.plan.acting}


def leaf_paths(change: Change) -> list[str]:
    return [path_text(leaf.path) for leaf in change.leaves]


def hugging_face() -> tuple[dict[str, Any], dict[str, Any]]:
    """Intent and world of the example that loads a gated model from Hugging Face."""
    folder = QUICKSTART.parent / "hugging-face"
    intent, world = (yaml.safe_load((folder / name).read_text(encoding="utf-8")) for name in ("inference.yaml", "world.yaml"))
    return intent, world
