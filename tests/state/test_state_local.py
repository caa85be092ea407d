"""State is never lost, never taken for a new project, and never written over somebody else's."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from giqplan.errors import Place, StateError
from giqplan.model.address import Address
from giqplan.state import IntentRecord, LocalState, ResourceState, State

DEPLOYMENT = Address("kubernetes_deployment", "default/bot")
SERVICE = Address("kubernetes_service", "default/bot")
INTENTS = {"bot": IntentRecord("inference.yaml", {"rollout": "surge"})}


def resource(address: Address = DEPLOYMENT, **changes: object) -> ResourceState:
    entry = ResourceState(address, {"spec": {"replicas": 1}}, {"spec": {"replicas": 1}}, "uid-1", True, (Address("cluster", "c"),))
    return replace(entry, **changes)  # type: ignore[arg-type]


def state(**changes: object) -> State:
    first = State("aa", 0, "gcp", "prod", "my-project", "projects/p/locations/l/clusters/c", "uid", INTENTS, {})
    return replace(first, **changes)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".giqplan" / "gcp" / "prod"


@pytest.fixture
def store(folder: Path) -> LocalState:
    return LocalState(folder)


def code_of(found: pytest.ExceptionInfo[StateError]) -> str:
    return found.value.code


def test_where_nothing_was_ever_written_there_is_no_state(store: LocalState) -> None:
    assert store.load() is None
    assert store.pending() == ()


def test_what_is_committed_is_loaded_again(store: LocalState, folder: Path) -> None:
    store.commit(state(resources={DEPLOYMENT: resource()}))
    assert LocalState(folder).load() == state(resources={DEPLOYMENT: resource()})


def test_a_run_may_commit_its_first_state_and_its_result(store: LocalState) -> None:
    """The engine commits before the first action and after the last one, both with the serial that it began with."""
    store.commit(state())
    written = store.commit(state(resources={DEPLOYMENT: resource()}))
    assert written.serial == 1
    assert store.load() == written


def test_a_second_writer_loses(store: LocalState, folder: Path) -> None:
    store.commit(state())
    mine, theirs = store.load(), LocalState(folder).load()
    assert mine is not None and theirs is not None
    LocalState(folder).commit(theirs)
    with pytest.raises(StateError, match="serial 1") as found:
        store.commit(mine)
    assert code_of(found) == "GIQ1805"
    with pytest.raises(StateError) as found:
        store.commit(replace(mine, lineage="bb"))
    assert code_of(found) == "GIQ1805"


def test_the_state_before_is_kept_as_backup(store: LocalState, folder: Path) -> None:
    store.commit(state())
    before = (folder / "state.json").read_bytes()
    store.commit(state(resources={DEPLOYMENT: resource()}))
    assert (folder / "state.json.backup").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "GIQ1801"),
        ("  \n", "GIQ1801"),
        ('{"format_version": 1, "resou', "GIQ1802"),
        ("[]", "GIQ1802"),
        ("{}", "GIQ1802"),
        ('{"format_version": 99}', "GIQ1803"),
        ('{"format_version": 1}', "GIQ1802"),
    ],
)
def test_a_broken_state_is_an_error_and_no_new_project(store: LocalState, folder: Path, content: str, code: str) -> None:
    store.commit(state())
    (folder / "state.json").write_text(content)
    with pytest.raises(StateError) as found:
        store.load()
    assert code_of(found) == code
    assert found.value.remedy
    assert found.value.place == Place(str(folder / "state.json"))


@pytest.mark.parametrize(
    "change", [{"serial": "1"}, {"serial": True}, {"lineage": 3}, {"resources": [{"address": "x.y"}]}, {"intents": 4}, {"resources": 1}]
)
def test_a_field_of_the_wrong_type_is_an_error(store: LocalState, folder: Path, change: dict[str, object]) -> None:
    store.commit(state())
    path = folder / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(StateError) as found:
        store.load()
    assert code_of(found) == "GIQ1802"


@pytest.mark.parametrize("change", [{"created": "no"}, {"applied": []}, {"observed": 1}, {"address": "nodot"}, {"identity": 5}])
def test_a_resource_of_the_wrong_shape_is_an_error(store: LocalState, folder: Path, change: dict[str, object]) -> None:
    path = folder / "state.json"
    store.commit(state(resources={DEPLOYMENT: resource()}))
    body = json.loads(path.read_text())
    body["resources"][0] |= change
    path.write_text(json.dumps(body))
    with pytest.raises(StateError) as found:
        store.load()
    assert code_of(found) == "GIQ1802"


@pytest.mark.parametrize("left", ["state.json.backup", "journal.jsonl"])
def test_a_state_that_is_gone_is_an_error_while_its_companions_are_there(store: LocalState, folder: Path, left: str) -> None:
    store.commit(state())
    (folder / "state.json").rename(folder / left)
    with pytest.raises(StateError) as found:
        store.load()
    assert code_of(found) == "GIQ1804"


def test_a_state_broken_during_the_run_is_not_written_over(store: LocalState, folder: Path) -> None:
    store.commit(state())
    (folder / "state.json").write_text("{")
    with pytest.raises(StateError) as found:
        store.commit(state())
    assert code_of(found) == "GIQ1802"
    assert (folder / "state.json").read_text() == "{"


def must_match(target: list[str], file: str = "inference.yaml") -> None:
    world, environment, project, name = target
    state().must_match(world, environment, project, {name: file}, place=Place("state.json"))


def test_another_intent_may_join_the_state_of_its_folder() -> None:
    must_match(["gcp", "prod", "my-project", "other"], "other.yaml")


def test_a_state_of_format_1_is_carried_over(store: LocalState, folder: Path) -> None:
    store.commit(state(resources={DEPLOYMENT: resource()}))
    path = folder / "state.json"
    body = json.loads(path.read_text())
    del body["intents"], body["resources"][0]["intents"]
    path.write_text(json.dumps(body | {"format_version": 1, "intent_name": "bot", "choices": {"rollout": "surge"}}))
    assert LocalState(folder).load() == state(resources={DEPLOYMENT: resource(intents=("bot",))})


@pytest.mark.parametrize("index", range(4))
def test_the_state_of_something_else_is_refused(index: int) -> None:
    target = ["gcp", "prod", "my-project", "bot"]
    must_match(target)
    target[index] = "other"
    with pytest.raises(StateError, match="other") as found:
        must_match(target)
    assert code_of(found) == "GIQ1807"


def test_files_are_private_and_kept_out_of_version_control(store: LocalState, folder: Path) -> None:
    root = folder.parent.parent
    root.mkdir(mode=0o700)
    (root / "sandbox").mkdir()  # whoever makes .giqplan first, the state still says that it is not to be committed
    with store.lock("apply"):
        store.commit(state())
        store.journal.begin(DEPLOYMENT, "create", "")
    store.commit(state())
    assert (root / ".gitignore").read_text() == "*\n"
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_a_second_run_is_told_who_holds_the_lock(store: LocalState, folder: Path) -> None:
    with store.lock("apply") as crashed:
        assert crashed == ""
        with pytest.raises(StateError, match=r"apply by .*process \d+, since") as found, LocalState(folder).lock("destroy"):
            pass
    assert code_of(found) == "GIQ1806"


def test_a_lock_is_given_back_also_after_an_error(store: LocalState, folder: Path) -> None:
    with pytest.raises(RuntimeError), store.lock("apply"):
        raise RuntimeError
    with LocalState(folder).lock("destroy") as crashed:
        assert crashed == ""


def test_the_lock_of_a_killed_run_is_taken_over_with_a_note(store: LocalState, folder: Path) -> None:
    code = """
import os, sys, pathlib
from giqplan.state import LocalState
with LocalState(pathlib.Path(sys.argv[1])).lock('apply'):
    os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
    with store.lock("plan") as crashed:
        assert crashed.startswith("apply by ")


def test_a_state_that_cannot_be_read_or_is_nested_without_end_is_an_error(store: LocalState, folder: Path) -> None:
    store.commit(state())
    (folder / "state.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(StateError) as nested:
        store.load()
    assert code_of(nested) == "GIQ1802"
    (folder / "state.json").unlink()
    (folder / "state.json").mkdir()
    with pytest.raises(StateError) as unreadable:
        store.load()
    assert code_of(unreadable) == "GIQ1802"
