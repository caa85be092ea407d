"""What the checks ask costs no round trip more: the chain of dependent requests of a plan stays as long as it was."""

from __future__ import annotations

import pytest
from engine_house import House

from giqplan.sandbox import control
from giqplan.sandbox.log import critical_path

BUDGET = 4
"""Design section 7: token and state included; an empty plan has no dry-run."""

LATENCY_MS = 300
"""Far longer than a busy machine takes to open all connections of a round."""


@pytest.mark.parametrize("caller", ["owner", "planner"])
def test_an_empty_plan_stays_within_the_budget(applied: House, caller: str) -> None:
    control.set_latency(applied.sandbox, LATENCY_MS)
    log = applied.requests(lambda: applied.plan(caller))
    asked = {(entry.service, entry.path.rpartition(":")[2]) for entry in log}
    assert ("cloudresourcemanager", "testIamPermissions") in asked
    assert len(critical_path(log)) <= BUDGET


def test_what_a_folder_holds_is_asked_in_the_first_round(applied: House) -> None:
    control.set_latency(applied.sandbox, LATENCY_MS)
    log = applied.requests(applied.plan)
    first_of_the_cluster = min(entry.start for entry in log if entry.service == "kubernetes")
    objects = [entry for entry in log if entry.path.endswith("/o")]
    assert objects and all(entry.start < first_of_the_cluster for entry in objects)
