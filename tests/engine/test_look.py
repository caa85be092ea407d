"""Looking at what was sent: many objects of one kind by one list, and what the list does not show by name."""

from __future__ import annotations

from typing import Any

from engine_house import House

from giqplan.engine.observe import observe
from giqplan.engine.settle import Waiting, look
from giqplan.model.address import Address
from giqplan.model.resource import Presence

MANY = 12
PATH = "/api/v1/namespaces/inference/configmaps"


def waiting(number: int) -> Waiting:
    return Waiting(Address("kubernetes_config_map", f"inference/thing-{number:02}"), {})


def put(house: House, number: int, labels: dict[str, str]) -> None:
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"thing-{number:02}", "labels": labels}}
    house.kubernetes("POST", PATH, body)


def test_many_objects_are_looked_at_by_one_list_and_none_is_missed(applied: House) -> None:
    """One of them has lost the label that we list by, one is not there."""
    for number in range(MANY - 1):
        put(applied, number, {"app.kubernetes.io/managed-by": "giqplan"} if number else {})
    inputs = applied.inputs()
    assert inputs.port is not None
    observe(inputs.port, inputs.world_name, inputs.scope)  # tells the port where the cluster answers
    items = [waiting(number) for number in range(MANY)]
    found: dict[Address, Any] = {}

    def all_of_them() -> None:
        assert inputs.port is not None
        found.update(look(inputs.port, items, inputs.scope))

    asked = [entry.path for entry in applied.requests(all_of_them) if entry.service == "kubernetes"]
    assert sorted(asked) == ["/api/v1/configmaps", f"{PATH}/thing-00", f"{PATH}/thing-{MANY - 1:02}"]
    present = [address.name for address, live in found.items() if live.presence is Presence.PRESENT]
    assert present == [f"inference/thing-{number:02}" for number in range(MANY - 1)]
    assert {live.body["kind"] for live in found.values() if live.body} == {"ConfigMap"}
