"""``giqplan state``: what is remembered, shown and put right by hand, without touching the world."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from engine_house import House, by_address, writes

from giqplan.model.address import Address
from giqplan.model.plan import Cause, Verb

SERVICE = "kubernetes_service.inference/quickstart"


def state(house: House, *words: str) -> tuple[int, str, str]:
    return house.run("state", *words, "-f", str(house.file), "--sandbox")


def test_list_names_everything_one_a_line(applied: House) -> None:
    code, out, err = state(applied, "list")
    assert (code, err, out.split()) == (0, "", sorted(out.split()))
    assert set(out.split()) == {str(address) for address in applied.state.resources}
    told = json.loads(state(applied, "list", "--format", "json")[1])
    assert [entry["address"] for entry in told] == [str(address) for address in sorted(applied.state.resources)]
    assert {"address": SERVICE, "type": "kubernetes_service", "name": "inference/quickstart"} in told


def test_show_tells_one_resource_or_all(applied: House) -> None:
    code, out, err = state(applied, "show", SERVICE)
    assert (code, err) == (0, "")
    assert f"address: {SERVICE}" in out and "created: true" in out
    entry = applied.state.resources[Address.parse(SERVICE)]
    assert json.loads(state(applied, "show", SERVICE, "--format", "json")[1]) == entry.to_json()
    whole = json.loads(state(applied, "show", "--format", "json")[1])
    assert (whole["lineage"], len(whole["resources"])) == (applied.state.lineage, len(applied.state.resources))


def test_rm_forgets_and_leaves_the_world_alone(applied: House) -> None:
    before = applied.state
    log = applied.requests(lambda: state(applied, "rm", SERVICE, "--auto-approve"))
    assert writes(log) == []
    after = applied.state
    assert set(before.resources) - set(after.resources) == {Address.parse(SERVICE)}
    assert (after.lineage, after.serial) == (before.lineage, before.serial + 1)
    backup = json.loads((applied.store.folder / "state.json.backup").read_text(encoding="utf-8"))
    assert backup["serial"] == before.serial
    assert by_address(applied.plan()) == {}
    found = next(change for change in applied.plan().plan.changes if str(change.address) == SERVICE)
    assert (found.verb, found.cause) == (Verb.NOOP, Cause.ADOPT), "it is recognised by its marks"


def test_rm_asks_and_without_a_terminal_it_does_nothing(applied: House) -> None:
    code, _, err = state(applied, "rm", SERVICE)
    assert (code, "GIQ0102" in err) == (1, True)
    assert Address.parse(SERVICE) in applied.state.resources


def test_mv_changes_the_name_of_an_entry_and_what_points_to_it(applied: House) -> None:
    account, other = "kubernetes_service_account.inference/quickstart", "kubernetes_service_account.inference/other"
    code, out, err = state(applied, "mv", account, other)
    assert (code, err, f"{account} stands as {other} now" in out) == (0, "", True)
    after = applied.state.resources
    assert (Address.parse(account) in after, Address.parse(other) in after) == (False, True)
    deployment = after[Address.parse("kubernetes_deployment.inference/quickstart")]
    assert Address.parse(other) in deployment.depends_on
    assert state(applied, "mv", other, account)[0] == 0
    assert by_address(applied.plan()) == {}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("show", "kubernetes_service.inference/quikstart"), "GIQ1811", f"did you mean {SERVICE}?"),
        (("rm", "kubernetes_service.nobody/x", "--auto-approve"), "GIQ1811", "giqplan state list"),
        (("mv", SERVICE, "kubernetes_deployment.inference/other"), "GIQ1812", "cannot become a kubernetes_deployment"),
        (("mv", SERVICE, "kubernetes_service.custom-metrics/custom-metrics-stackdriver-adapter"), "GIQ1812", "state rm"),
        (("mv", SERVICE, "nonsense"), "GIQ1812", "type.name"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_changes(applied: House, words: tuple[str, ...], code: str, told: str) -> None:
    before = applied.state
    exit_code, _, err = state(applied, *words)
    assert (exit_code, code in err, told in err) == (1, True, True)
    assert applied.state == before


def test_without_a_state_there_is_nothing_to_show(applied: House) -> None:
    applied.forget_state()
    for words in (("list",), ("show",), ("rm", SERVICE, "--auto-approve"), ("mv", SERVICE, SERVICE)):
        code, _, err = state(applied, *words)
        assert (code, "GIQ1810" in err) == (1, True)


def test_while_a_run_has_not_ended_state_is_not_edited(applied: House) -> None:
    store = applied.store
    store.load()
    store.journal.begin(Address.parse(SERVICE), "update", f"update {SERVICE}")
    store.journal.close()
    for words in (("rm", SERVICE, "--auto-approve"), ("mv", SERVICE, "kubernetes_service.inference/other")):
        code, _, err = state(applied, *words)
        assert (code, "GIQ1809" in err, f"update {SERVICE}" in err) == (1, True, True)
    assert "GIQ1809" in applied.run("import", SERVICE, "-f", str(applied.file), "--sandbox")[2]
    assert state(applied, "list")[0] == 0, "looking is allowed"


def test_a_lock_of_a_living_run_is_never_broken(applied: House) -> None:
    with applied.store.lock("apply"):
        code, _, err = state(applied, "unlock")
        assert (code, "GIQ1806" in err, "apply by" in err) == (1, True, True)
        assert "GIQ1806" in state(applied, "rm", SERVICE, "--auto-approve")[2]


def test_the_lock_of_a_run_that_died_is_cleared_and_its_holder_named(applied: House) -> None:
    program = (
        "import os, sys; from pathlib import Path; from giqplan.state import LocalState\n"
        "lock = LocalState(Path(sys.argv[1])).lock('apply'); lock.__enter__(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", program, str(applied.store.folder)], check=False)
    code, out, _ = state(applied, "unlock")
    assert (code, out.startswith("Cleared the lock of apply by")) == (0, True)
    assert state(applied, "unlock")[1] == "Nobody holds the lock.\n"
    assert Path(applied.store.folder / "lock").read_text(encoding="utf-8") == ""
