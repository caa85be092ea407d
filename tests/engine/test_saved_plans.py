"""What was reviewed is what happens: a saved plan is carried out as it is, or it is refused and nothing is written (design rule 2)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_house import House, writes

from giqplan.errors import PlanError
from giqplan.render.json import plan_json
from giqplan.render.plan_file import read_plan
from giqplan.sandbox import control
from giqplan.units import canonical_json, digest

SERVICE = "/api/v1/namespaces/inference/services/quickstart"
DEPLOYMENT = "/apis/apps/v1/namespaces/inference/deployments/quickstart"
PROJECT = "/v3/projects/my-project"


def save(house: House, *flags: str, expect: int = 0) -> Path:
    """The plan of one more replica at most, saved beside the intent."""
    house.set("autoscaling.maxReplicas", 4)
    file = house.folder / "plan.json"
    code, _, err = house.cli("plan", "-o", str(file), *flags)
    assert code == expect, err
    return file


def apply(house: House, file: Path, *flags: str, caller: str = "owner") -> tuple[int, str, str, list[str]]:
    """Exit code, both outputs and what was written."""
    told: list[tuple[int, str, str]] = []
    requests = house.requests(lambda: told.append(house.run("apply", str(file), "--sandbox", "--no-color", *flags, caller=caller)))
    return *told[0], writes(requests)


def forge(file: Path, change: Callable[[dict[str, Any]], object], *, redo_digest: bool) -> None:
    body = json.loads(file.read_text())
    change(body)
    if redo_digest:
        del body["digest"]
        body["digest"] = digest(body)
    file.write_text(canonical_json(body) + "\n")


def test_a_saved_plan_is_carried_out_without_asking_and_leaves_nothing_to_do(applied: House) -> None:
    code, out, err, written = apply(applied, save(applied))
    assert (code, len(written)) == (0, 1), err
    assert "1 updated" in out
    assert applied.cli("plan", "--detailed-exitcode")[0] == 0


def test_a_first_plan_is_carried_out_from_its_file(house: Callable[..., House]) -> None:
    one = house()
    assert apply(one, save(one))[0] == 0
    assert one.cli("plan", "--detailed-exitcode")[0] == 0


def test_what_is_read_back_is_what_was_saved(applied: House) -> None:
    file = save(applied)
    plan, told = read_plan(file)
    assert plan_json(plan) == json.loads(file.read_text())
    assert plan_json(plan)["digest"] == told


def test_show_prints_a_saved_plan_as_plan_did(applied: House) -> None:
    file = applied.folder / "plan.json"
    applied.set("autoscaling.maxReplicas", 4)
    _, planned, _ = applied.cli("plan", "-o", str(file))
    code, shown, _ = applied.run("show", str(file), "--no-color")
    assert code == 0
    assert planned.startswith(shown.rpartition("sha256:")[0].rstrip())
    _, as_json, _ = applied.run("show", str(file), "--format", "json")
    assert json.loads(as_json) == json.loads(file.read_text())


def test_a_second_apply_of_the_same_plan_is_stale(applied: House) -> None:
    file = save(applied)
    assert apply(applied, file)[0] == 0
    code, _, err, written = apply(applied, file)
    assert (code, written) == (3, [])
    assert "GIQ1609" in err
    assert "state has moved on" in err


def test_a_foreign_change_of_a_pinned_field_is_named(applied: House) -> None:
    file = save(applied)
    applied.kubernetes("PATCH", SERVICE, {"spec": {"ports": [{"name": "http", "port": 8001, "targetPort": "http"}]}})
    code, _, err, written = apply(applied, file)
    assert (code, written) == (3, [])
    assert "kubernetes_service.inference/quickstart: spec.ports" in err


def test_something_deleted_in_between_is_named(applied: House) -> None:
    file = save(applied)
    applied.kubernetes("DELETE", SERVICE)
    code, _, err, written = apply(applied, file)
    assert (code, written) == (3, [])
    assert "kubernetes_service.inference/quickstart: it was there and is gone" in err


def test_controllers_an_autoscaler_and_foreign_members_make_no_plan_stale(applied: House) -> None:
    file = save(applied)
    applied.advance(600)
    applied.kubernetes("PATCH", f"{DEPLOYMENT}/scale", {"spec": {"replicas": 3}}, manager="kube-controller-manager")
    applied.kubernetes("PATCH", SERVICE, {"metadata": {"annotations": {"others.example/note": "mine"}}})
    project = f"/v1/projects/{applied.intent['spec']['target']['project']}"
    policy = applied.resource_manager("POST", f"{project}:getIamPolicy", {})
    policy["bindings"].append({"role": "roles/viewer", "members": ["user:someone@example.com"]})
    applied.resource_manager("POST", f"{project}:setIamPolicy", {"policy": policy})
    code, out, err, _ = apply(applied, file)
    assert code == 0, err
    assert "1 updated" in out


def test_a_changed_intent_makes_the_plan_stale(applied: House) -> None:
    file = save(applied)
    applied.set("autoscaling.maxReplicas", 2)
    code, _, err, written = apply(applied, file)
    assert (code, written) == (3, [])
    assert "intent quickstart was changed" in err


@pytest.mark.parametrize(("redo_digest", "code"), [(False, "GIQ1607"), (True, "GIQ1610")], ids=["digest as it was", "digest made anew"])
@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["resource_changes"][-2]["change"].__setitem__("actions", ["delete"]),
        lambda body: body["cost"]["usd_per_hour"].__setitem__("max", "0.10"),
        lambda body: body["recommendation"]["cost"]["usd_per_hour"].__setitem__("max", "0.10"),
        lambda body: next(c for c in body["resource_changes"] if c["type"].endswith("autoscaler"))["giqplan"]["changed"].clear(),
        lambda body: body["giqplan_checks"][0].__setitem__("status", "warn"),
        lambda body: body.__setitem__("complete", False),
    ],
    ids=["an action", "the cost", "the recommended cost", "what is shown to change", "a check", "a derived field"],
)
def test_a_forged_plan_is_refused(applied: House, change: Callable[[dict[str, Any]], object], redo_digest: bool, code: str) -> None:
    file = save(applied)
    forge(file, change, redo_digest=redo_digest)
    exit_code, _, err, written = apply(applied, file)
    assert (exit_code, written) == (1, [])
    assert code in err or (redo_digest and "GIQ1606" in err)  # what plans derive from the rest cannot be altered alone
    assert str(file) in err or "GIQ1610" in err


def test_the_digest_vouches_where_there_is_neither_terminal_nor_intent(applied: House) -> None:
    file = save(applied)
    told = json.loads(file.read_text())["digest"]
    elsewhere = applied.folder / "kept.yaml"
    applied.file.rename(elsewhere)
    assert "GIQ1614" in apply(applied, file)[2]
    assert "GIQ1614" in apply(applied, file, "--digest", "sha256:" + 64 * "0")[2]
    code, out, err, written = apply(applied, file, "--digest", told)
    assert (code, len(written)) == (0, 1), err
    assert "1 updated" in out
    elsewhere.rename(applied.file)
    assert applied.cli("plan", "--detailed-exitcode")[0] == 0


def test_a_first_plan_can_be_carried_out_by_its_digest_alone(house: Callable[..., House]) -> None:
    one = house()
    file = save(one)
    told = json.loads(file.read_text())["digest"]
    elsewhere = one.folder / "kept.yaml"
    one.file.rename(elsewhere)
    code, _, err, _ = apply(one, file, "--digest", told)
    assert code == 0, err
    elsewhere.rename(one.file)
    assert one.cli("plan", "--detailed-exitcode")[0] == 0


def test_by_its_digest_alone_a_stale_plan_is_refused_too(applied: House) -> None:
    file = save(applied)
    told = json.loads(file.read_text())["digest"]
    applied.file.unlink()
    applied.kubernetes("PATCH", SERVICE, {"spec": {"ports": [{"name": "http", "port": 8001, "targetPort": "http"}]}})
    code, _, err, written = apply(applied, file, "--digest", told)
    assert (code, written) == (3, [])
    assert "kubernetes_service.inference/quickstart: spec.ports" in err


def test_a_plan_of_another_world_or_environment_is_refused(applied: House) -> None:
    file = save(applied)
    code, _, err = applied.run("apply", str(file), "--no-color")
    assert (code, "GIQ1608" in err, "add --sandbox" in err) == (1, True, True)
    code, _, err, written = apply(applied, file, "-e", "prod")
    assert (code, "GIQ1608" in err, written) == (1, True, [])
    control.reset(applied.sandbox, world_file=applied.world_file)
    code, _, err, written = apply(applied, file)
    assert (code, "GIQ1608" in err, written) == (1, True, [])


@pytest.mark.parametrize("flag", ["--target", "--exclude", "--force-conflicts"])
def test_what_was_decided_when_a_plan_was_made_is_not_decided_again(applied: House, flag: str) -> None:
    code, _, err, written = apply(applied, save(applied), flag, "*")
    assert (code, "GIQ0101" in err, written) == (1, True, [])


def test_the_environment_of_a_forged_plan_names_no_folder_elsewhere(house: Callable[..., House]) -> None:
    one = house()
    file = save(one)
    forge(file, lambda body: body.__setitem__("environment", "../../../elsewhere"), redo_digest=True)
    one.file.unlink()
    told = json.loads(file.read_text())["digest"]
    code, _, err, written = apply(one, file, "--digest", told, "-e", "../../../elsewhere")
    assert (code, "GIQ1606" in err, written) == (1, True, [])
    assert not (one.folder.parent / "elsewhere").exists()
    assert not (one.folder / "elsewhere").exists()


def test_a_readers_plan_is_carried_out_by_who_may(applied: House) -> None:
    applied.set("autoscaling.maxReplicas", 4)
    file = applied.folder / "plan.json"
    code, _, _ = applied.cli("plan", "-o", str(file), caller="planner")
    assert code == 0
    code, out, err, _ = apply(applied, file)
    assert code == 0, err
    assert "1 updated" in out


def test_a_readers_plan_is_carried_out_by_its_digest_alone_too(applied: House) -> None:
    applied.set("autoscaling.maxReplicas", 4)
    file = applied.folder / "plan.json"
    applied.cli("plan", "-o", str(file), caller="planner")
    told = json.loads(file.read_text())["digest"]
    applied.file.unlink()
    code, _, err, written = apply(applied, file, "--digest", told, caller="planner")
    assert (code, written) == (4, []), err
    code, out, err, _ = apply(applied, file, "--digest", told)
    assert code == 0, err
    assert "1 updated" in out


def test_a_reader_cannot_carry_out_what_it_planned(applied: House) -> None:
    applied.set("autoscaling.maxReplicas", 4)
    file = applied.folder / "plan.json"
    applied.cli("plan", "-o", str(file), caller="planner")
    code, _, _, written = apply(applied, file, caller="planner")
    assert (code, written) == (4, [])


def test_a_blocked_plan_is_saved_and_refused(applied: House) -> None:
    applied.set("autoscaling.maxReplicas", 9)
    applied.set("cost.maxUsdPerHour", 900)
    file = applied.folder / "plan.json"
    assert applied.cli("plan", "-o", str(file))[0] == 4
    assert json.loads(file.read_text())["applyable"] is False
    code, _, _, written = apply(applied, file)
    assert (code, written) == (4, [])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"applyable":true,', "GIQ1605"),
        (b'{"applyable":true,"format_version":"1.2"}', "GIQ1605"),
        (b'{"applyable":' + 100_000 * b"[" + 100_000 * b"]" + b"}", "GIQ1605"),
        (b'{"applyable":true,"format_version":"9.0","resource_changes":[]}', "GIQ1606"),
        (b'{"applyable":true,"format_version":"1.2","resource_changes":[]}', "GIQ1607"),
    ],
    ids=["cut off", "no changes", "endlessly nested", "a later format", "no digest"],
)
def test_what_is_no_plan_of_ours_is_refused_with_its_place(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(PlanError) as found:
        read_plan(file)
    assert (found.value.code, found.value.place is not None, bool(found.value.remedy)) == (code, True, True)


def test_a_plan_with_fields_that_nobody_knows_is_not_taken(applied: House) -> None:
    file = save(applied)
    forge(file, lambda body: body.__setitem__("extra", 1), redo_digest=True)
    with pytest.raises(PlanError) as found:
        read_plan(file)
    assert found.value.code == "GIQ1606"


def test_targets_bring_what_they_need_and_name_what_is_left_out(house: Callable[..., House]) -> None:
    one = house()
    file = one.folder / "plan.json"
    code, out, _ = one.cli("plan", "--target", "kubernetes_deployment.*", "-o", str(file))
    assert code == 5
    acting = {c["address"] for c in json.loads(file.read_text())["resource_changes"] if c["change"]["actions"] != ["no-op"]}
    assert "kubernetes_deployment.inference/quickstart" in acting
    assert "google_container_cluster.us-central1/inference" in acting
    assert "kubernetes_service.inference/quickstart" not in acting
    assert "left out by --target" in out
    code, _, err, _ = apply(one, file)
    assert code == 5, err
    assert set(map(str, one.state.resources)) >= acting
    assert one.cli("apply", "--auto-approve")[0] == 0
    assert one.cli("plan", "--detailed-exitcode")[0] == 0


def test_what_is_excluded_takes_along_what_waits_for_it(house: Callable[..., House]) -> None:
    code, out, _ = house().cli("plan", "--exclude", "kubernetes_namespace.inference", "--summary")
    assert code == 5
    said = " ".join(out.split())
    assert "kubernetes_namespace.inference: left out by --exclude" in said
    assert "left out: it waits for what --exclude leaves out" in said
    assert "Workload" not in out


def test_a_glob_that_names_nothing_is_an_error(applied: House) -> None:
    code, _, err = applied.cli("plan", "--target", "kubernetes_deploymnt.*")
    assert (code, "GIQ1613" in err) == (1, True)
    file = shutil.copy(save(applied), applied.folder / "other.json")
    assert apply(applied, Path(file), "--target", "*")[0] == 1


def test_what_only_one_of_two_callers_may_see_makes_no_plan_stale(applied: House) -> None:
    """The reviewer may not read the quota; who applies may."""
    policy = applied.google("POST", f"{PROJECT}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
    policy["bindings"] = [binding for binding in policy["bindings"] if binding["role"] != "roles/cloudquotas.viewer"]
    applied.google("POST", f"{PROJECT}:setIamPolicy", {"policy": policy})
    applied.set("autoscaling.maxReplicas", 4)
    file = applied.folder / "plan.json"
    assert "unknown GIQ1501" in applied.cli("plan", "-o", str(file), caller="planner")[1]
    code, _, err, _ = apply(applied, file)
    assert code == 0, err
