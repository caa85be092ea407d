"""``plan DIR``: the intents of a folder are one plan, one apply, one state; what they share is there once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine_house import House, quickstart

from giqplan.errors import GiqplanError
from giqplan.intent.folder import load_folder


def folder(house: House, *names: str, nested: bool = False) -> Path:
    """A folder of intents beside the house's own, in the same cluster: one file each, or one folder each."""
    house.file.unlink()
    for name in names:
        intent = named(house.intent, name)
        path = house.folder / name / "inference.yaml" if nested else house.folder / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(intent, sort_keys=False))
    return house.folder


def named(intent: dict[str, Any], name: str) -> dict[str, Any]:
    found = copy.deepcopy(intent)
    found["metadata"]["name"] = name
    found["spec"]["autoscaling"] = {"minReplicas": 1, "maxReplicas": 1}
    found["spec"]["workload"]["requestsPerSecond"] = {"mean": 1, "peak": 2}
    return found


def run(house: House, command: str, *flags: str) -> tuple[int, str, str]:
    return house.run(command, str(house.folder), "--sandbox", "--no-color", *flags)


def in_json(house: House) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(house, "plan", "--format", "json")[1])
    return found


def acting(plan: dict[str, Any]) -> dict[str, list[str]]:
    return {c["address"]: c["change"]["actions"] for c in plan["resource_changes"] if c["change"]["actions"] != ["no-op"]}


@pytest.mark.parametrize("nested", [False, True], ids=["files", "folders"])
def test_a_folder_is_planned_applied_and_then_as_wanted(house: Callable[..., House], nested: bool) -> None:
    one = house()
    folder(one, "chat", "search", nested=nested)
    plan = in_json(one)
    shared = [c for c in plan["resource_changes"] if c["giqplan"]["intents"] == ["chat", "search"]]
    assert {c["type"] for c in shared} >= {"google_container_cluster", "kubernetes_namespace"}
    assert len({c["address"] for c in plan["resource_changes"]}) == len(plan["resource_changes"])

    code, _, err = run(one, "apply", "--auto-approve")
    assert code == 0, err
    assert run(one, "plan", "--detailed-exitcode")[0] == 0
    code, out, _ = run(one, "plan", "--summary")
    assert "chat and 1 more (environment" in out


def test_the_cost_is_that_of_all_intents(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    plan = in_json(one)
    assert [intent["cost"]["usd_per_hour"]["max"] for intent in plan["intents"]] == ["88.490000", "88.490000"]
    assert plan["cost"] == {"usd_per_hour": {"min": "176.980000", "initial": "176.980000", "max": "176.980000"}}


def test_the_quota_has_to_bear_all_of_them(house: Callable[..., House]) -> None:
    intent, world = quickstart()
    world["quotas"][1]["limit"] = 12
    one = house(intent, world)
    folder(one, "chat", "search")
    code, out, _ = run(one, "plan")
    assert code == 4
    assert "GIQ1501 accelerator quota: 4 nvidia-h100-80gb short at 2 replicas" in out


@pytest.mark.parametrize(("limit", "strategy"), [(24, "RollingUpdate"), (23, "Recreate")])
def test_a_surge_is_planned_only_beside_what_the_other_intents_ask_for(house: Callable[..., House], limit: int, strategy: str) -> None:
    intent, world = quickstart()
    world["quotas"][1]["limit"] = limit
    one = house(intent, world)
    folder(one, "chat", "search")
    deployments = [c for c in in_json(one)["resource_changes"] if c["type"] == "kubernetes_deployment"]
    ours = [c["change"]["after"]["spec"]["strategy"]["type"] for c in deployments if c["name"].startswith("inference/")]
    assert ours == [strategy, strategy]


def test_an_intent_that_left_the_folder_takes_its_own_objects_along_and_no_others(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    assert run(one, "apply", "--auto-approve")[0] == 0
    (one.folder / "search.yaml").unlink()
    found = acting(in_json(one))
    assert found["kubernetes_deployment.inference/search"] == ["delete"]
    assert not [address for address in found if address.endswith("/chat") or "cluster" in address or "namespace" in address]
    code, _, err = run(one, "apply", "--auto-approve")
    assert code == 0, err
    assert run(one, "plan", "--detailed-exitcode")[0] == 0
    assert set(one.folder_state().intents) == {"chat"}


def test_what_an_intent_left_behind_still_goes_after_a_run_that_left_it_out(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    assert run(one, "apply", "--auto-approve")[0] == 0
    (one.folder / "search.yaml").unlink()
    code, _, err = run(one, "apply", "--auto-approve", "--target", "kubernetes_service.inference/search")
    assert code == 5, err
    assert acting(in_json(one))["kubernetes_deployment.inference/search"] == ["delete"]


def test_what_was_shared_with_an_intent_that_is_gone_goes_with_the_last_one(house: Callable[..., House]) -> None:
    intent, world = quickstart()
    intent["spec"]["target"]["cluster"]["deletionPolicy"] = "delete"
    one = house(intent, world)
    folder(one, "chat", "search")
    assert run(one, "apply", "--auto-approve")[0] == 0
    (one.folder / "search.yaml").unlink()
    assert run(one, "apply", "--auto-approve")[0] == 0
    assert {entry.intents for entry in one.folder_state().resources.values()} == {("chat",)}
    code, out, err = run(one, "destroy", "--auto-approve")
    assert code == 0, out + err
    assert not one.folder_state().resources
    assert not one.folder_state().intents


def test_an_intent_of_which_something_is_left_is_not_forgotten(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    assert run(one, "apply", "--auto-approve")[0] == 0
    file = one.folder / "search.yaml"
    target = ("--target", "kubernetes_service.inference/search")
    assert one.run("destroy", str(file), "--sandbox", "--auto-approve", *target)[0] == 5
    assert set(one.folder_state().intents) == {"chat", "search"}
    file.write_text(yaml.safe_dump(named(one.intent, "renamed")))
    code, _, err = one.run("plan", str(file), "--sandbox")
    assert (code, "GIQ1807" in err) == (1, True)


def test_what_a_later_intent_came_to_share_stays_when_the_first_one_is_destroyed(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat")
    assert run(one, "apply", "--auto-approve")[0] == 0
    (one.folder / "search.yaml").write_text(yaml.safe_dump(named(one.intent, "search")))
    assert run(one, "apply", "--auto-approve")[0] == 0
    shared = {str(a) for a, entry in one.folder_state().resources.items() if entry.intents == ("chat", "search")}
    assert {"google_container_cluster.us-central1/inference", "kubernetes_namespace.inference"} <= shared
    code, _, err = one.run("destroy", str(one.folder / "chat.yaml"), "--sandbox", "--auto-approve")
    assert code == 0, err
    assert one.run("plan", str(one.folder / "search.yaml"), "--sandbox", "--detailed-exitcode")[0] == 0


def test_a_choice_that_the_targets_leave_out_is_not_recorded_as_applied(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    assert run(one, "apply", "--auto-approve", "--target", "kubernetes_deployment.inference/chat")[0] == 5
    intents = one.folder_state().intents
    assert "curve" in intents["chat"].choices
    assert not intents["search"].choices
    code, _, err = run(one, "apply", "--auto-approve")
    assert code == 0, err
    assert "curve" in one.folder_state().intents["search"].choices


def test_one_intent_of_the_folder_leaves_the_others_alone(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    assert run(one, "apply", "--auto-approve")[0] == 0
    file = one.folder / "chat.yaml"
    assert one.run("plan", str(file), "--sandbox", "--detailed-exitcode")[0] == 0
    code, _, err = one.run("destroy", str(file), "--sandbox", "--auto-approve", "--no-color")
    assert code == 0, err
    left = {str(address) for address in one.folder_state().resources}
    assert "kubernetes_deployment.inference/search" in left
    assert "kubernetes_deployment.inference/chat" not in left
    assert "kubernetes_namespace.inference" in left
    assert one.run("plan", str(one.folder / "search.yaml"), "--sandbox", "--detailed-exitcode")[0] == 0


def test_a_saved_plan_of_a_folder_is_carried_out(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    file = one.folder / "plan.json"
    assert run(one, "plan", "-o", str(file))[0] == 0
    code, _, err = one.run("apply", str(file), "--sandbox", "--no-color")
    assert code == 0, err
    assert run(one, "plan", "--detailed-exitcode")[0] == 0


def test_a_renamed_intent_is_not_taken_for_another(applied: House) -> None:
    applied.intent["metadata"]["name"] = "renamed"
    applied.write()
    code, _, err = applied.cli("plan")
    assert (code, "GIQ1807" in err) == (1, True)


def test_intents_of_two_clusters_or_of_one_name_are_not_one_plan(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    other = named(one.intent, "search")
    other["spec"]["target"]["cluster"]["name"] = "elsewhere"
    (one.folder / "search.yaml").write_text(yaml.safe_dump(other))
    assert "GIQ1611" in run(one, "plan")[2]
    (one.folder / "search.yaml").write_text(yaml.safe_dump(named(one.intent, "chat")))
    assert "GIQ1611" in run(one, "plan")[2]


def test_intents_that_want_different_things_of_the_cluster_are_told_apart(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    other = named(one.intent, "search")
    other["spec"]["target"]["cluster"]["releaseChannel"] = "rapid"
    (one.folder / "search.yaml").write_text(yaml.safe_dump(other))
    code, _, err = run(one, "plan")
    assert (code, "GIQ1612" in err, "releaseChannel.channel" in err) == (1, True, True)


def test_what_several_intents_turn_on_adds_up(house: Callable[..., House]) -> None:
    one = house()
    folder(one, "chat", "search")
    other = named(one.intent, "search")
    other["spec"]["observability"] = {"logging": ["SYSTEM", "API_SERVER"]}
    (one.folder / "search.yaml").write_text(yaml.safe_dump(other))
    logging = next(c for c in in_json(one)["resource_changes"] if c["type"] == "google_container_cluster_logging")
    assert logging["change"]["after"]["components"] == ["APISERVER", "SYSTEM_COMPONENTS", "WORKLOADS"]


def test_only_intents_are_read(tmp_path: Path) -> None:
    intent, world = quickstart()
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(intent))
    (tmp_path / "world.yaml").write_text(yaml.safe_dump(world))
    (tmp_path / "values.yml").write_text("replicas: 3\n")
    (tmp_path / "inference.lock.yaml").write_text("apiVersion: giqplan.dev/v1alpha1\nkind: Lock\n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "inference.yaml").write_text(json.dumps(named(intent, "b")))
    assert list(load_folder(tmp_path)) == ["a.yaml", "b/inference.yaml"]


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    intent, _ = quickstart()
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(intent | {"kind": "Inferenz"}))
    (tmp_path / "b.yaml").write_text("apiVersion: giqplan.dev/v1alpha1\nkind: [\n")
    with pytest.raises(GiqplanError) as found:
        load_folder(tmp_path)
    assert [(error.code, Path(error.place.file).name) for error in found.value.errors if error.place] == [
        ("GIQ1012", "a.yaml"),
        ("GIQ1001", "b.yaml"),
    ]


def test_a_folder_without_intents_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GiqplanError) as found:
        load_folder(tmp_path)
    assert found.value.code == "GIQ1020"
