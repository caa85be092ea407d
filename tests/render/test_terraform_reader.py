"""A reader that has learned Terraform's plan JSON from recordings of terraform itself reads ours, and finds nothing odd."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from render_samples import PLANS, changed
from terraform_reader import RECORDED, SHARED, faults, learned

from giqplan.render.json import plan_json

TERRAFORM = learned()
GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.mark.parametrize("name", RECORDED)
def test_the_reader_takes_what_terraform_printed(name: str) -> None:
    assert faults(RECORDED[name], TERRAFORM) == []


def test_the_recordings_show_every_action_and_status() -> None:
    assert set(TERRAFORM.keys["resource_changes"].member.variants) == {
        "no-op", "create", "update", "delete", "delete/create", "create/delete", "forget", "read",
    }  # fmt: skip
    assert TERRAFORM.keys["checks"].member.variants["check"].keys["status"].words == {"pass", "fail", "unknown", "error"}
    assert set(TERRAFORM.keys) == set(SHARED)


@pytest.mark.parametrize("name", PLANS)
def test_the_reader_takes_our_plans(name: str) -> None:
    assert faults(plan_json(PLANS[name]()), TERRAFORM) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda plan: plan["resource_changes"][0].pop("provider_name"),
        lambda plan: plan["resource_changes"][0].__setitem__("module", "m"),
        lambda plan: plan["resource_changes"][0]["change"].__setitem__("actions", ["delete", "update"]),
        lambda plan: plan["resource_changes"][0]["change"].__setitem__("after_unknown", {"spec": {}}),
        lambda plan: plan["resource_changes"][0]["change"].__setitem__("after_unknown", {"spec": True}),
        lambda plan: plan["resource_changes"][0]["change"].__setitem__("before_sensitive", {"nowhere": {"deep": True}}),
        lambda plan: plan["resource_changes"][0].__setitem__("action_reason", "because"),
        lambda plan: plan["checks"][0].__setitem__("status", "warn"),
        lambda plan: plan["checks"][0]["instances"][0].pop("problems", plan["checks"][0]["instances"][0].pop("status")),
        lambda plan: plan.__setitem__("errored", "false"),
        lambda plan: plan.__setitem__("format_version", "2.0"),
        lambda plan: plan["resource_drift"][0]["change"].pop("after_unknown"),
    ],
)
def test_the_reader_is_strict(spoil: Callable[[dict[str, Any]], object]) -> None:
    plan = copy.deepcopy(plan_json(changed()))
    spoil(plan)
    assert faults(plan, TERRAFORM) != []


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/plan.json")), ids=lambda path: path.parent.name)
def test_the_reader_takes_plans_of_the_command_line(path: Path) -> None:
    assert faults(json.loads(path.read_text(encoding="utf-8")), TERRAFORM) == []
