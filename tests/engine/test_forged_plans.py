"""A forged plan with its digest made anew, anywhere in it: refused, or what was forged is only told and never done (design rule 2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_house import House
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.engine.inputs import Proposal
from giqplan.engine.saved import must_be_current, must_be_of, must_be_same
from giqplan.errors import GiqplanError
from giqplan.render.json import plan_json
from giqplan.render.plan_file import read_plan
from giqplan.units import canonical_json, digest

#: What tells about a plan and decides nothing of it: apply prints the plan of now, not the forged one, and asks for its own rights.
ONLY_TOLD = {
    "giqplan_checks.*.evidence.*.*",
    "giqplan_checks.*.evidence",
    "giqplan_checks.*.intent",
    "giqplan_checks.*.summary",
    "giqplan_checks.*.remedy",
    "intents.*.notes",
    "intents.*.notes.*",
    "notes",
    "notes.*",
    "resource_changes.*.giqplan.notes",
    "resource_changes.*.giqplan.notes.*",
    "resource_changes.*.giqplan.waits",
}


class Honest:
    """A plan as it follows from intent, catalog and world, and every place of its file; the class keeps hypothesis from printing it."""

    def __init__(self, proposal: Proposal, folder: Path) -> None:
        self.now, self.file = proposal, folder / "forged.json"
        self.text = canonical_json(plan_json(proposal.plan))
        self.places = [place for place in _leaves(json.loads(self.text)) if place != ("digest",)]

    def forge(self, place: tuple[Any, ...], other: Any) -> None:
        body = json.loads(self.text)
        inner = body
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = _another(inner[place[-1]]) if other is None else other
        del body["digest"]
        self.file.write_text(canonical_json({**body, "digest": digest(body)}), encoding="utf-8")

    def accept(self) -> None:
        """What apply asks before its first action. Raises GiqplanError."""
        plan, _ = read_plan(self.file)
        must_be_of(plan, self.now.plan.world, self.now.plan.environment)
        must_be_current(plan, self.now.plan)
        must_be_same(plan, self.now)


def _leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inner or not value:
        yield at
    for key, item in inner if value else ():
        yield from _leaves(item, (*at, key))


def _another(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    return {"x": 1} if isinstance(value, dict | None) else ["x"]


@pytest.fixture(scope="module", params=["nothing is there", "an update"])
def honest(request: pytest.FixtureRequest, _applied_once: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Honest]:
    folder = tmp_path_factory.mktemp("forged") / "house"
    house = House(folder) if request.param == "nothing is there" else _applied_once.copy_to(folder)
    house.start()
    house.set("autoscaling.maxReplicas", 4)
    yield Honest(house.plan(), folder)
    house.stop()


@settings(max_examples=120, deadline=None)
@given(number=st.integers(0, 10**6), other=st.sampled_from([None, None, None, "", 0, [], {}, "inference", True]))
def test_a_plan_forged_anywhere_is_refused_or_only_tells(honest: Honest, number: int, other: Any) -> None:
    place = honest.places[number % len(honest.places)]
    honest.forge(place, other)
    if json.loads(honest.file.read_text(encoding="utf-8")) == json.loads(honest.text):
        return
    try:
        honest.accept()
    except GiqplanError as error:
        assert error.code in ("GIQ1605", "GIQ1606", "GIQ1608", "GIQ1609", "GIQ1610")
        assert error.detail and error.remedy
    else:
        assert ".".join("*" if isinstance(step, int) else step for step in place) in ONLY_TOLD


def test_the_honest_plan_is_accepted(honest: Honest) -> None:
    honest.file.write_text(honest.text, encoding="utf-8")
    honest.accept()
