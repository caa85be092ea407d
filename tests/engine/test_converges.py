"""Whatever happens in between (edits, killed runs, others who delete things, controllers), one apply leads to a plan without changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from engine_house import House, by_address
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_recovery import pending

from giqplan.errors import Exit
from giqplan.state import Journal

EDITS = st.sampled_from(
    [
        ("autoscaling.maxReplicas", 4),
        ("autoscaling.maxReplicas", 3),
        ("autoscaling.minReplicas", 2),
        ("serving.args", ["--max-num-seqs=64"]),
        ("serving.args", []),
        ("observability.monitoring", ["SYSTEM", "DEPLOYMENT", "HPA", "POD", "DCGM", "STORAGE"]),
    ]
)
DELETED = st.sampled_from(
    [
        "/api/v1/namespaces/inference/services/quickstart",
        "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart",
        "/apis/apps/v1/namespaces/inference/deployments/quickstart",
        "/api/v1/namespaces/inference/serviceaccounts/quickstart",
    ]
)
STEPS = st.one_of(
    st.tuples(st.just("edit"), EDITS),
    st.tuples(st.just("kill"), st.integers(1, 8)),
    st.tuples(st.just("delete"), DELETED),
    st.tuples(st.just("advance"), st.sampled_from([30, 600])),
    st.tuples(st.just("apply"), st.none()),
)


class Killed(BaseException):
    """As a process that ends without cleaning up."""


@contextmanager
def killed_at(record: int) -> Iterator[None]:
    """From this record of the journal on nothing is written any more: what runs then is lost, as in a process that was killed."""
    append, count = Journal._append, 0

    def mortal(self: Journal, entry: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        if count >= record:
            raise Killed
        append(self, entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "_append", mortal)
        yield


def carry_out(house: House, step: tuple[str, Any]) -> None:
    match step:
        case ("edit", (path, value)):
            house.set(path, value)
        case ("kill", record):
            with killed_at(record):
                try:
                    house.apply()
                except Killed:
                    return
        case ("delete", path):
            with suppress(AssertionError):  # it is gone already
                house.kubernetes("DELETE", path)
        case ("advance", seconds):
            house.advance(seconds)
        case _:
            house.apply()


@pytest.mark.slow
@settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=3, max_size=5))
def test_one_apply_leads_to_a_plan_without_changes(applied: House, steps: list[tuple[str, Any]]) -> None:
    for step in steps:
        carry_out(applied, step)
    assert applied.apply().exit is Exit.DONE, steps
    proposal = applied.plan()
    assert (by_address(proposal), proposal.plan.drift, pending(applied)) == ({}, (), []), steps
