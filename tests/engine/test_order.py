"""The order in which changes stand in a plan."""

from __future__ import annotations

import pytest

from giqplan.engine.order import in_order
from giqplan.errors import PlanError
from giqplan.model.address import Address
from giqplan.model.plan import Change, Verb
from giqplan.model.resource import Stage


def change(name: str, stage: Stage, *needs: str, verb: Verb = Verb.CREATE) -> Change:
    return Change(Address("thing", name), verb, stage, depends_on=tuple(Address("thing", n) for n in needs))


def names(changes: tuple[Change, ...]) -> list[str]:
    return [c.address.name for c in changes]


def test_stages_come_in_order_whatever_the_input() -> None:
    given = [change("d", Stage.MONITORING), change("a", Stage.APIS), change("c", Stage.WORKLOAD), change("b", Stage.CLUSTER)]
    assert names(in_order(given)) == ["a", "b", "c", "d"] == names(in_order(reversed(given)))


def test_within_a_stage_dependencies_come_first_then_addresses() -> None:
    given = [change("a", Stage.IAM, "z"), change("z", Stage.IAM), change("b", Stage.IAM)]
    assert names(in_order(given)) == ["b", "z", "a"]


def test_removals_come_last_and_backwards() -> None:
    given = [
        change("cluster", Stage.CLUSTER, verb=Verb.DELETE),
        change("workload", Stage.WORKLOAD, "cluster", verb=Verb.DELETE),
        change("fresh", Stage.MONITORING),
    ]
    assert names(in_order(given)) == ["fresh", "workload", "cluster"]


def test_a_circle_is_a_defect_that_is_named() -> None:
    with pytest.raises(PlanError) as caught:
        in_order([change("a", Stage.IAM, "b"), change("b", Stage.IAM, "a")])
    assert caught.value.code == "GIQ1601"
    assert "thing.a -> thing.b -> thing.a" in caught.value.detail
