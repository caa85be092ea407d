"""A plan that was written is read back as the same value, whatever it holds; and one that was altered by hand is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render_samples import PLANS, recommendation

from giqplan.errors import PlanError
from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import (
    ABSENT_LEAF,
    Adjustment,
    Cause,
    Change,
    Confidence,
    Conflict,
    Deferred,
    Drift,
    Leaf,
    Options,
    Part,
    Pin,
    Plan,
    Taking,
    Verb,
)
from giqplan.model.resource import Stage
from giqplan.model.values import UNKNOWN
from giqplan.render.json import plan_json
from giqplan.render.plan_file import read_plan
from giqplan.units import canonical_json, digest

TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
SCALAR = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
KEYS = st.sampled_from(["a", "b_unknown", "before", "before_unknown", "x.y/z"])


def values(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)


def objects(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(KEYS, values(leaf), max_size=3)


KNOWN, PLANNED = objects(SCALAR), objects(SCALAR | st.just(UNKNOWN))
HELD = values(SCALAR) | st.just(ABSENT_LEAF)
PATHS = st.lists(TEXT | st.integers(0, 9), min_size=1, max_size=3).map(tuple)
ADDRESSES = st.builds(Address, st.sampled_from(["kubernetes_service", "google_project_service"]), TEXT.filter(bool))
LEAVES = st.builds(Leaf, PATHS, HELD, HELD | values(SCALAR | st.just(UNKNOWN)), st.sampled_from(Cause))
TEXTS = st.lists(TEXT, max_size=2).map(tuple)


def several(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=2).map(tuple)


CHANGES = st.builds(
    Change,
    address=ADDRESSES,
    verb=st.sampled_from(Verb),
    stage=st.sampled_from(Stage),
    before=st.none() | KNOWN,
    after=st.none() | PLANNED,
    leaves=several(LEAVES),
    cause=st.sampled_from(Cause),
    why=TEXT,
    depends_on=several(ADDRESSES),
    confidence=st.sampled_from(Confidence),
    adjustments=several(st.builds(Adjustment, PATHS, HELD, HELD, TEXT, st.booleans())),
    conflicts=several(st.builds(Conflict, TEXT, TEXT, values(SCALAR), values(SCALAR), st.none() | st.sampled_from(Taking))),
    replace_paths=several(PATHS),
    identity=TEXT,
    notes=TEXTS,
    left=TEXT,
    waits=TEXT,
    owner=TEXT,
    foreign=st.booleans(),
    adopts=st.booleans(),
    desired=st.none() | PLANNED,
    once=st.none() | KNOWN,
    intents=TEXTS,
)
CHECKS = st.builds(Check, TEXT, TEXT, st.sampled_from(CheckStatus), TEXT, several(st.tuples(TEXT, TEXT)), TEXT, TEXT)
PARTS = st.builds(Part, TEXT, TEXT, TEXT, st.sampled_from([None, recommendation()]), st.dictionaries(TEXT, TEXT, max_size=2), TEXTS)
PLANNED_ALL = st.builds(
    Plan,
    world=TEXT,
    environment=st.from_regex(r"[a-z][-a-z0-9]{0,5}", fullmatch=True),
    parts=st.lists(PARTS, min_size=1, max_size=2).map(tuple),
    project=TEXT,
    cluster=TEXT,
    changes=several(CHANGES).map(lambda changes: tuple(sorted(changes, key=lambda change: change.nothing))),
    drift=several(st.builds(Drift, ADDRESSES, st.sampled_from(Verb), several(LEAVES), st.none() | KNOWN, st.none() | KNOWN)),
    checks=several(CHECKS),
    deferred=several(st.builds(Deferred, ADDRESSES, TEXT)),
    pins=several(st.builds(Pin, ADDRESSES, TEXT, TEXT)),
    inputs=st.dictionaries(TEXT, TEXT, max_size=2),
    notes=TEXTS,
    destroy=st.booleans(),
    offline=st.booleans(),
    options=st.builds(Options, TEXTS, TEXTS, TEXTS),
)


def read_back(plan: Plan, folder: Path) -> Plan:
    file = folder / "plan.json"
    file.write_text(canonical_json(plan_json(plan)) + "\n", encoding="utf-8")
    found, told = read_plan(file)
    assert canonical_json(plan_json(found)) + "\n" == file.read_text(encoding="utf-8")
    assert told == plan_json(plan)["digest"]
    return found


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_read_back_as_the_same_value(tmp_path: Path, name: str) -> None:
    assert same(read_back(PLANS[name](), tmp_path), PLANS[name]())


@settings(max_examples=60, deadline=None)
@given(plan=PLANNED_ALL)
def test_any_plan_is_read_back_as_the_same_value(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> None:
    assert same(read_back(plan, tmp_path_factory.getbasetemp()), plan)


def same(one: Plan, other: Plan) -> bool:
    """Equal but for what is not saved: whether something that is there has settled."""
    return _settled(one) == _settled(other)


def _settled(plan: Plan) -> Plan:
    return replace(plan, changes=tuple(replace(change, unsettled="") for change in plan.changes))


# -- forged


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a JSON value, containers too."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([at] if at else []), *(place for key, item in inner for place in places(item, (*at, key)))]


CHANGED = json.loads(canonical_json(plan_json(PLANS["changed"]())))
PLACES = [place for place in places(CHANGED) if place != ("digest",)]
FORGED = st.sampled_from([None, True, False, 0, -1, 1.5, "", "forged", [], {}, ["x"], {"x": 1}, 10**400])


@settings(max_examples=400, deadline=None)
@given(place=st.sampled_from(PLACES), other=FORGED, how=st.sampled_from(["replace", "remove", "add"]))
def test_a_plan_altered_anywhere_is_refused_or_read_as_what_it_says(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], other: Any, how: str
) -> None:
    body = json.loads(json.dumps(CHANGED))
    inner = body
    for step in place[:-1]:
        inner = inner[step]
    if how == "replace":
        inner[place[-1]] = other
    elif how == "remove":
        del inner[place[-1]]
    elif isinstance(inner[place[-1]], dict):
        inner[place[-1]]["forged"] = other
    elif isinstance(inner[place[-1]], list):
        inner[place[-1]].append(other)
    file = tmp_path_factory.getbasetemp() / "forged.json"
    file.write_text(canonical_json(body), encoding="utf-8")
    if body != CHANGED:
        with pytest.raises(PlanError) as found:
            read_plan(file)
        assert found.value.code in ("GIQ1605", "GIQ1606", "GIQ1607")
    del body["digest"]
    file.write_text(canonical_json({**body, "digest": digest(body)}), encoding="utf-8")
    try:
        plan, told = read_plan(file)
    except PlanError as error:
        assert (error.code in ("GIQ1605", "GIQ1606"), bool(error.remedy), error.place is not None) == (True, True, True)
    else:
        assert plan_json(plan) == {**body, "digest": told}, "nothing of the file is passed over"
