"""The process: starts on demand, is alone, survives a kill, is reset, and tells who may what by files that only its owner reads."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from giqplan.errors import Place, SandboxError
from giqplan.sandbox import control


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "sandbox"
    control.stop(tmp_path / "sandbox")


def world(tmp_path: Path, text: str = "") -> Path:
    path = tmp_path / "world.yaml"
    path.write_text(text or "project: {id: test-project}\napis: [container.googleapis.com]\nclock: {speed: 0}\n", encoding="utf-8")
    return path


def wait_until_dead(folder: Path) -> None:
    while control.running(folder):
        pass


def test_a_sandbox_is_started_once_and_found_again(folder: Path) -> None:
    first = control.ensure(folder, project="mine-123")
    assert control.ensure(folder, project="mine-123") == first
    status = control.status(folder)
    assert status is not None and status["projects"] == ["mine-123"] and status["speed"] == 60
    assert first.world == f"sandbox-{status['instance_id']}" and first.ca_file is not None


def test_only_the_owner_reads_its_secrets(folder: Path) -> None:
    control.start(folder, speed=0)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("connection.json", "ca.key", "server.pem", "sandbox.db"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


def test_control_needs_its_token(folder: Path) -> None:
    import requests

    connection = control.ensure(folder, speed=0)
    assert connection.instance_url is not None
    with requests.Session() as session:
        session.trust_env, session.verify = False, connection.ca_file
        assert session.get(connection.instance_url).json() == {"instance_id": connection.world.removeprefix("sandbox-")}
        base = connection.endpoints["container"]
        assert session.post(f"{base}/sandbox/stop").status_code == 401
        assert session.get(f"{base}/sandbox/log", headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_stopped_sandbox_continues_with_the_same_world_on_the_same_port(tmp_path: Path, folder: Path) -> None:
    before = control.ensure(folder, world_file=world(tmp_path))
    then = control.advance(folder, 5000)
    assert control.stop(folder) and not control.stop(folder)
    assert control.status(folder) is None
    assert control.ensure(folder, world_file=world(tmp_path)) == before
    status = control.status(folder)
    assert status is not None and status["now"] >= then


def test_a_killed_sandbox_finishes_what_it_had_begun(sandbox: Any) -> None:
    """The operation of a cluster is due after the restart; the client's old connection and token are still good."""
    session = sandbox.session()
    parent = "/v1/projects/test-project/locations/us-central1"
    body = {"cluster": {"name": "killed", "autopilot": {"enabled": True}}}
    assert session.post(sandbox.url(f"{parent}/clusters"), json=body).status_code == 200
    sandbox.advance(100)
    os.kill(json.loads((sandbox.folder / "connection.json").read_text())["pid"], signal.SIGKILL)
    wait_until_dead(sandbox.folder)
    sandbox.start()
    assert session.get(sandbox.url(f"{parent}/clusters/killed")).json()["status"] == "PROVISIONING"
    sandbox.advance(100)
    cluster = session.get(sandbox.url(f"{parent}/clusters/killed")).json()
    assert cluster["status"] == "RUNNING"
    control.stop(sandbox.folder)
    sandbox.start()
    assert session.get(sandbox.url(f"{parent}/clusters/killed")).json()["endpoint"] == cluster["endpoint"], "its port is kept"


def test_time_never_runs_backwards(folder: Path) -> None:
    control.start(folder, speed=10000)
    before = control.status(folder)
    os.kill(json.loads((folder / "connection.json").read_text())["pid"], signal.SIGKILL)
    wait_until_dead(folder)
    control.start(folder)
    after = control.status(folder)
    assert before is not None and after is not None and after["now"] > before["now"]


def test_two_starters_start_one(tmp_path: Path, folder: Path) -> None:
    found: list[str] = []
    path = world(tmp_path)
    threads = [threading.Thread(target=lambda: found.append(control.ensure(folder, world_file=path).world)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and len(set(found)) == 1


def test_a_sandbox_of_another_version_is_started_anew_on_the_same_world(tmp_path: Path, folder: Path) -> None:
    before = control.ensure(folder, world_file=world(tmp_path))
    told = json.loads((folder / "connection.json").read_text())
    (folder / "connection.json").write_text(json.dumps(told | {"version": "0.0.0"}))
    assert control.ensure(folder, world_file=world(tmp_path)).world == before.world
    assert json.loads((folder / "connection.json").read_text())["pid"] != told["pid"]


def test_another_speed_or_no_controllers_means_a_restart(folder: Path) -> None:
    control.start(folder, speed=0)
    assert not control.start(folder)
    assert control.start(folder, speed=10, controllers="off")
    status = control.status(folder)
    assert status is not None and (status["speed"], status["controllers"]) == (10, "off")


def test_a_sandbox_whose_folder_is_deleted_ends(folder: Path) -> None:
    control.start(folder, speed=0)
    port = json.loads((folder / "connection.json").read_text())["port"]
    shutil.rmtree(folder)
    with pytest.raises(OSError):
        while True:
            socket.create_connection(("127.0.0.1", port)).close()


def test_reset_begins_a_new_world(tmp_path: Path, folder: Path) -> None:
    before = control.ensure(folder, world_file=world(tmp_path))
    control.reset(folder, world_file=world(tmp_path, "project: {id: other-project}\n"))
    after = control.connection(folder)
    assert after.world != before.world and after.credentials != before.credentials
    status = control.status(folder)
    assert status is not None and status["projects"] == ["other-project"]


def test_a_wrong_world_is_told_and_costs_nothing(tmp_path: Path, folder: Path) -> None:
    wrong = world(tmp_path, "project: {id: test-project}\nnosuch: 1\n")
    with pytest.raises(SandboxError, match="unknown key 'nosuch'") as refused:
        control.ensure(folder, world_file=wrong)
    assert refused.value.place is not None and refused.value.place.line == 2
    before = control.ensure(folder, world_file=world(tmp_path))
    with pytest.raises(SandboxError, match="unknown key"):
        control.reset(folder, world_file=world(tmp_path, "project: {id: test-project}\nnosuch: 1\n"))
    assert control.connection(folder) == before


def test_an_unknown_caller_is_told_who_is_known(sandbox: Any) -> None:
    with pytest.raises(SandboxError, match="nobody, owner, planner") as refused:
        sandbox.connection("stranger")
    assert refused.value.code == "GIQ2005"


def test_what_needs_a_running_sandbox_says_so(folder: Path) -> None:
    with pytest.raises(SandboxError, match="no sandbox runs") as refused:
        control.advance(folder, 1)
    assert refused.value.code == "GIQ2001"


def test_a_sandbox_that_cannot_start_says_why(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "sandbox.db").write_text("this is no database, whatever its name says " * 50)
    with pytest.raises(SandboxError, match="not a database") as refused:
        control.start(folder)
    assert refused.value.code == "GIQ2002"


def test_a_kubeconfig_needs_a_cluster(folder: Path) -> None:
    control.start(folder, speed=0)
    with pytest.raises(SandboxError, match="no running cluster") as refused:
        control.kubeconfig(folder)
    assert refused.value.code == "GIQ2006"


def test_a_kubeconfig_names_each_cluster(sandbox: Any) -> None:
    config = control.kubeconfig(sandbox.folder, "killed")
    assert [c["name"] for c in config["clusters"]] == ["gke_test-project_us-central1_killed"]
    assert config["current-context"] == "gke_test-project_us-central1_killed"


def test_the_request_log_tells_who_asked_what(sandbox: Any) -> None:
    session = sandbox.session("planner")
    session.headers["x-giqplan-run"] = "run-1"
    session.get(sandbox.url("/v3/projects/test-project?alt=json"))
    session.get(sandbox.url("/v3/projects/nowhere"))
    token, found, refused = control.log(sandbox.folder)[-3:]
    assert (token.service, token.path, token.status) == ("oauth2", "/token", 200)
    assert (found.service, found.caller, found.query, found.status) == ("cloudresourcemanager", "planner", "alt=json", 200)
    assert refused.status == 403 and found.bytes > 0
    assert [e.path for e in control.log(sandbox.folder, "run-1")] == ["/v3/projects/test-project", "/v3/projects/nowhere"]
    assert len(control.longest_chain(sandbox.folder, "run-1")) == 2


def test_latency_is_added_to_every_request(sandbox: Any) -> None:
    session = sandbox.session()
    control.set_latency(sandbox.folder, 30)
    session.get(sandbox.url("/v3/projects/test-project"))
    control.set_latency(sandbox.folder, 0)
    assert control.log(sandbox.folder)[-1].milliseconds >= 30
    control.clear_log(sandbox.folder)
    assert control.log(sandbox.folder) == []


def test_a_broken_connection_file_is_named(folder: Path) -> None:
    control.start(folder, speed=0)
    path = folder / "connection.json"
    whole = path.read_bytes()
    path.write_text("{garbage", encoding="utf-8")
    try:
        with pytest.raises(SandboxError) as caught:
            control.connection(folder)
        assert (caught.value.code, caught.value.place) == ("GIQ2001", Place(str(path)))
    finally:
        path.write_bytes(whole)
        control.stop(folder)
