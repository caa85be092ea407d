"""The JSON plan has Terraform's shapes: judged by what Terraform 1.11.4 itself printed (terraform/first.json)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from render_samples import PLANS, changed, first, unchanged

from giqplan.model.values import UNKNOWN
from giqplan.render.json import known, plan_json, unknown
from giqplan.units import canonical_json, digest

TERRAFORM = json.loads((Path(__file__).parent / "terraform" / "first.json").read_text())


def _by_action(plan: Mapping[str, Any]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    return {tuple(change["change"]["actions"]): change for change in plan["resource_changes"]}


def test_every_key_that_terraform_prints_is_there() -> None:
    assert set(TERRAFORM) - {"terraform_version"} <= set(plan_json(changed()))


@pytest.mark.parametrize("actions", [("create",), ("delete",), ("delete", "create")])
def test_a_change_has_terraforms_keys_and_kinds_of_values(actions: tuple[str, ...]) -> None:
    ours = {**_by_action(plan_json(first())), **_by_action(plan_json(changed()))}[actions]
    theirs = _by_action(TERRAFORM)[actions]
    assert set(theirs) <= set(ours)
    assert set(theirs["change"]) == set(ours["change"])
    assert ours.get("action_reason") == theirs.get("action_reason")
    for key, value in theirs["change"].items():
        assert type(ours["change"][key]) is type(value), key


def test_checks_have_terraforms_shape() -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items()}
        return [shape(inner) for inner in value] if isinstance(value, list) else type(value)

    theirs = {check["status"]: shape(check) for check in TERRAFORM["checks"]}
    ours = {check["status"]: shape(check) for check in plan_json(first())["checks"]}
    assert ours == {status: theirs[status] for status in ours}
    assert set(ours) == {"pass", "fail"}


def test_checks_of_one_name_are_instances_of_one_check() -> None:
    quota = next(check for check in plan_json(changed())["checks"] if check["address"]["name"] == "accelerator_quota")
    assert quota["status"] == "fail"
    assert [(i["address"]["to_display"], i["status"]) for i in quota["instances"]] == [
        ("check.accelerator_quota[0]", "fail"),
        ("check.accelerator_quota[1]", "pass"),
    ]


@pytest.mark.parametrize("name", PLANS)
def test_the_digest_is_that_of_all_the_rest(name: str) -> None:
    value = json.loads(canonical_json(plan_json(PLANS[name]())))
    said = value.pop("digest")
    assert said == digest(value)


def test_whether_it_can_be_applied() -> None:
    said = {
        name: (plan["applyable"], plan["complete"], plan["errored"]) for name, plan in ((n, plan_json(make())) for n, make in PLANS.items())
    }
    assert said["first"] == (True, True, False)
    assert said["changed"] == (False, False, False)
    assert said["unchanged"] == (False, True, False)
    assert said["missed-offline"] == (False, True, False)


def test_what_is_known_after_apply_is_left_out_and_marked() -> None:
    cluster, member, *_ = plan_json(first())["resource_changes"]
    assert cluster["change"]["after"] == {"name": "inference", "autopilot": {"enabled": True}}
    assert cluster["change"]["after_unknown"] == {"autopilot": {}, "endpoint": True}
    assert member["change"]["after"]["members"] == [None, "user:a@example.com"]
    assert member["change"]["after_unknown"] == {"members": [True, False]}


def test_money_is_text_and_nothing_is_a_date_of_today() -> None:
    cost = plan_json(unchanged())["cost"]
    assert cost["usd_per_hour"] == {"min": "4", "initial": "8", "max": "32"}
    assert "timestamp" not in plan_json(unchanged())


_leaf = st.integers() | st.text(max_size=2) | st.just(UNKNOWN)
_value = st.recursive(_leaf, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from("abc"), x, max_size=3), max_leaves=8)


@given(st.dictionaries(st.sampled_from("abc"), _value, max_size=3))
def test_every_leaf_is_either_known_or_marked(value: dict[str, Any]) -> None:
    def check(whole: Any, after: Any, mark: Any) -> None:
        if isinstance(whole, dict):
            for key, inner in whole.items():
                if inner is UNKNOWN:
                    assert key not in after
                    assert mark[key] is True
                else:
                    check(inner, after[key], mark.get(key, False))
        elif isinstance(whole, list):
            for index, inner in enumerate(whole):
                check(inner, after[index], mark[index])
        else:
            assert (after, mark) == ((None, True) if whole is UNKNOWN else (whole, False))

    check(value, known(value), unknown(value))
    canonical_json(known(value))
