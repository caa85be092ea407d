"""Laws of plans: what was applied is not planned again, nothing differs from itself, a part of a plan stands alone."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from engine_house import House
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from giqplan.engine.diff import compare_wanted
from giqplan.engine.drift import Recorded
from giqplan.engine.narrow import narrowed
from giqplan.engine.walk import needs_of
from giqplan.errors import EXIT_PRECEDENCE, Exit, worst
from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Change, Deferred, Options, Part, Plan, Verb
from giqplan.model.resource import Live, Presence, Resource, Stage
from giqplan.model.values import leaves
from giqplan.resources import REGISTRY

# -- apply, then plan: nothing

#: Leaves of the quickstart, and what they may become without anything else being changed.
EDITS: dict[str, st.SearchStrategy[Any]] = {
    "autoscaling.maxReplicas": st.integers(2, 4),
    "autoscaling.minReplicas": st.integers(1, 2),
    "autoscaling.headroom": st.sampled_from(["auto", 0.1, 0.3]),
    "workload.requestsPerSecond": st.builds(lambda mean, more: {"mean": mean, "peak": mean + more}, st.integers(1, 4), st.integers(0, 4)),
    "slo": st.sampled_from([{}, {"ntpotMilliseconds": 6}, {"ntpotMilliseconds": 5, "ttftMilliseconds": 300}]),
    "serving.args": st.lists(st.sampled_from(["--max-num-seqs=64", "--enable-prefix-caching", "--seed=7"]), unique=True, max_size=2),
    "serving.env": st.dictionaries(st.sampled_from(["VLLM_LOGGING_LEVEL", "A"]), st.sampled_from(["DEBUG", "", "grüß: 'x'"]), max_size=2),
    "serving.image": st.sampled_from([None, "registry.example.com/vllm:v0.18.0"]),
    "serving.imagePullSecrets": st.sampled_from([[], ["pull"]]),
    "observability.logging": st.sampled_from([["SYSTEM"], ["SYSTEM", "WORKLOAD"]]),
    "observability.monitoring": st.sampled_from([["SYSTEM", "POD"], ["SYSTEM", "DEPLOYMENT", "HPA", "POD", "DCGM"]]),
    "observability.autoMonitoring": st.booleans(),
    "observability.metricsAdapter": st.sampled_from(["auto", "stackdriver"]),
    "target.cluster.releaseChannel": st.sampled_from(["regular", "stable"]),
    "target.namespace": st.sampled_from(["inference", "elsewhere"]),
}


@pytest.fixture(scope="module")
def lived(_applied_once: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One world for all examples of a law: what one applied, the next one finds."""
    house = _applied_once.copy_to(tmp_path_factory.mktemp("lived") / "house")
    house.start()
    yield house
    house.stop()


def apply_intent(house: House) -> tuple[int, str]:
    code, out, err = house.cli("apply", "--auto-approve")
    return code, out + err


def apply_saved(house: House) -> tuple[int, str]:
    file = house.folder / "plan.json"
    house.cli("plan", "-o", str(file))
    code, out, err = house.run("apply", str(file), "--sandbox")
    return code, out + err


def apply_by_digest(house: House) -> tuple[int, str]:
    file, kept = house.folder / "plan.json", house.folder / "kept"
    house.cli("plan", "-o", str(file))
    told = json.loads(file.read_text(encoding="utf-8"))["digest"]
    house.file.rename(kept)
    try:
        code, out, err = house.run("apply", str(file), "--sandbox", "--digest", told)
    finally:
        kept.rename(house.file)
    return code, out + err


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries({}, optional=EDITS).filter(lambda edits: 1 <= len(edits) <= 4),
    st.sampled_from([apply_intent, apply_saved, apply_by_digest]),
)
def test_what_was_applied_is_not_planned_again(lived: House, edits: dict[str, Any], apply: Any) -> None:
    before = copy.deepcopy(lived.intent)
    for path, value in edits.items():
        lived.set(path, value)
    code, out, err = lived.cli("plan", "--format", "json")
    if code != Exit.DONE:  # blocked, or the edits do not go together: the next example starts from where this one did
        assert code in (Exit.ERROR, Exit.BLOCKED), err
        assert "GIQ0199" not in err
        lived.intent = before
        lived.write()
        return
    assert lived.cli("plan", "--format", "json")[1] == out, "the same inputs, the same plan"
    if json.loads(out)["applyable"]:
        ended, said = apply(lived)
        assert ended == Exit.DONE, said
    code, out, err = lived.cli("plan", "--detailed-exitcode")
    assert code == Exit.DONE, out + err


# -- nothing differs from itself


class Wanted:
    """The resources of the quickstart; the class keeps hypothesis from printing them all."""

    def __init__(self, house: House) -> None:
        self.resources = list(house.plan().resources.values())


@pytest.fixture(scope="module")
def wanted(lived: House) -> Wanted:
    return Wanted(lived)


def altered(body: Any, number: int, text: str | None) -> None:
    """Make another leaf out of the one that has this number: a text, or another value of its type; None takes it away."""
    paths = [path for path, _ in leaves(body) if len(path) > 2]
    if not paths:
        return
    *way, last = paths[number % len(paths)]
    inner = body
    for step in way:
        inner = inner[step]
    old = inner[last]
    if text is None and isinstance(inner, dict):
        del inner[last]
    elif isinstance(old, str) and text is not None:
        inner[last] = text
    elif isinstance(old, bool):
        inner[last] = not old
    elif isinstance(old, int):
        inner[last] = old + number


ALTERED = st.lists(st.tuples(st.integers(0, 200), st.none() | st.text(max_size=5)), max_size=3)


@settings(max_examples=150, deadline=None)
@given(number=st.integers(0, 60), alterations=ALTERED)
def test_nothing_differs_from_itself_whatever_it_holds(wanted: Wanted, number: int, alterations: list[tuple[int, str | None]]) -> None:
    resource = wanted.resources[number % len(wanted.resources)]
    body: Any = json.loads(json.dumps(resource.desired, default=str))
    for alteration in alterations:
        altered(body, *alteration)
    kind = REGISTRY.of(resource.address)
    assert tuple(kind.differences(body, copy.deepcopy(body), resource.address)) == ()
    assert kind.project(kind.project(body, body, resource.address), body, resource.address) == kind.project(body, body, resource.address)
    if kind.provider != "kubernetes":  # a setting of the cluster is read out of the whole cluster
        return
    held = {**body, "metadata": {**body["metadata"], "uid": "u"}}
    recorded = Recorded(body, held, "u", True, resource.stage, resource.depends_on, resource.intents)
    wants = Resource(resource.address, resource.stage, body, resource.depends_on, intents=resource.intents)
    verdict = compare_wanted(kind, wants, recorded, Live(Presence.PRESENT, held, "u", ours=True))
    assert (verdict.change.verb, verdict.drift) == (Verb.NOOP, None)


# -- a part of a plan


@st.composite
def graphs(draw: st.DrawFn) -> list[Change]:
    """Changes that depend on earlier ones, each with some verb."""
    found: list[Change] = []
    for number in range(draw(st.integers(1, 9))):
        earlier = [change.address for change in found]
        depends_on = tuple(draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3))) if earlier else ()
        verb = draw(st.sampled_from([Verb.CREATE, Verb.UPDATE, Verb.REPLACE, Verb.DELETE, Verb.FORGET, Verb.NOOP]))
        body = {"x": 1}
        before, after = None if verb is Verb.CREATE else body, None if verb in (Verb.DELETE, Verb.FORGET) else body
        found.append(Change(Address("thing", f"n{number}"), verb, Stage.WORKLOAD, before=before, after=after, depends_on=depends_on))
    return found


GLOBS = st.lists(st.integers(0, 8).map(lambda number: f"thing.n{number}"), max_size=3)


@settings(max_examples=300)
@given(graphs(), GLOBS, GLOBS)
def test_what_is_done_never_waits_for_what_is_left_out(changes: list[Change], target: list[str], exclude: list[str]) -> None:
    listed = {str(change.address) for change in changes}
    target, exclude = [[glob for glob in globs if glob in listed] for globs in (target, exclude)]
    found = narrowed(changes, Options(tuple(target), tuple(exclude)))
    assert sorted(change.address for change in found) == sorted(change.address for change in changes)
    original = {change.address: change for change in changes}
    needs = needs_of([change for change in changes if change.acts])
    left = {change.address for change in found if change.left}
    for change in found:
        if change.acts:
            assert change == original[change.address], "what is done is done as it was planned"
            assert not needs[change.address] & left
            assert str(change.address) not in exclude
        elif original[change.address].acts:
            assert change.left, "what is left out is named"
            assert change.after == change.before
    if target and not exclude:
        assert {glob for glob in target if original[Address.parse(glob)].acts} <= {str(change.address) for change in found if change.acts}
    if not target and not exclude:
        assert list(found) == changes
    again = narrowed(found, Options(tuple(target), tuple(exclude)))
    assert {change.address for change in again if change.acts} == {change.address for change in found if change.acts}


@given(graphs(), st.integers(0, 8))
def test_to_exclude_is_to_target_all_that_needs_none_of_it(changes: list[Change], number: int) -> None:
    acting = [change for change in changes if change.acts]
    one = f"thing.n{number}"
    if one not in {str(change.address) for change in acting}:
        return
    kept = {str(change.address) for change in narrowed(changes, Options(exclude=(one,))) if change.acts}
    assert one not in kept
    if kept:
        assert {str(c.address) for c in narrowed(changes, Options(target=tuple(sorted(kept)))) if c.acts} == kept


# -- exit codes


@given(st.lists(st.sampled_from(list(Exit))))
def test_of_several_exit_codes_the_highest_wins(codes: list[Exit]) -> None:
    found = worst(codes)
    assert found == (min(codes, key=EXIT_PRECEDENCE.index) if codes else Exit.DONE)
    assert all(worst((found, code)) is found for code in codes)
    assert worst(reversed(codes)) is found


def test_the_order_is_that_of_the_contract() -> None:
    assert [int(code) for code in EXIT_PRECEDENCE] == [130, 143, 3, 4, 1, 5, 2, 0]
    assert set(EXIT_PRECEDENCE) == set(Exit)


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_a_plan_ends_with_the_highest_of_what_is_true(blocked: bool, deferred: bool, acting: bool, detailed: bool) -> None:
    address = Address("thing", "a")
    plan = Plan(
        "gcp",
        "default",
        (Part("bot", "inference.yaml", ""),),
        "p",
        "c",
        (Change(address, Verb.CREATE if acting else Verb.NOOP, Stage.WORKLOAD),),
        checks=(Check("GIQ1501", "quota", CheckStatus.FAIL if blocked else CheckStatus.WARN, "x"),),
        deferred=(Deferred(address, "no"),) if deferred else (),
    )
    true = [(blocked, Exit.BLOCKED), (deferred, Exit.INCOMPLETE), (acting and detailed, Exit.CHANGES)]
    assert plan.exit(detailed) is worst(code for holds, code in true if holds)
    assert plan.applyable is (acting and not blocked)
