"""What the command line prints as JSON is read by the reader that terraform's own output taught (tests/render/terraform_reader.py)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine_house import House

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "render"))
from terraform_reader import faults, learned

TERRAFORM = learned()
HPA = "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart"


def read(house: House, command: str, *flags: str, caller: str = "owner") -> dict[str, Any]:
    """The plan that a command prints, read without a fault."""
    _, out, _ = house.cli(command, "--format", "json", *flags, caller=caller)
    plan: dict[str, Any] = json.loads(out)
    assert faults(plan, TERRAFORM) == []
    return plan


def actions(plan: dict[str, Any], key: str = "resource_changes") -> set[str]:
    return {"/".join(change["change"]["actions"]) for change in plan[key]}


def test_plans_of_a_world_that_holds_nothing(house: Callable[..., House]) -> None:
    one = house()
    for caller in ("owner", "planner", "nobody"):
        assert "create" in actions(read(one, "plan", caller=caller))
    narrowed = read(one, "plan", "--target", "kubernetes_service.*")
    assert (narrowed["complete"], len(narrowed["resource_changes"]) > 1) == (False, True)
    assert len(narrowed["left_out"]) > 1, "as in Terraform, what is left out and not there is no change"


def test_plans_of_a_world_that_others_change_too(applied: House) -> None:
    assert actions(read(applied, "plan")) == {"no-op"}
    applied.kubernetes("DELETE", "/api/v1/namespaces/inference/services/quickstart")
    applied.kubernetes("PATCH", HPA, {"spec": {"maxReplicas": 7}})
    drifted = read(applied, "plan")
    assert actions(drifted, "resource_drift") == {"delete", "update"}
    assert actions(drifted) >= {"create", "update", "no-op"}
    del applied.intent["spec"]["slo"]  # no autoscaler is wanted any more
    applied.write()
    assert "delete" in actions(read(applied, "plan"))
    applied.kubernetes("DELETE", HPA)
    assert "forget" in actions(read(applied, "plan")), "it is gone already"
    assert actions(read(applied, "destroy")) == {"delete", "forget"}
    assert actions(read(applied, "destroy", caller="nobody")) >= {"no-op"}, "what cannot be looked at is left"
    applied.set("target.namespace", "other")
    assert actions(read(applied, "plan")) >= {"create", "delete"}
