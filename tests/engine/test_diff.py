"""The table of cases: wanted, sent, held and live -> one change. On real kinds, with values small enough to read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.engine.diff import adjustments_between, compare_unwanted, compare_wanted
from giqplan.engine.drift import Recorded
from giqplan.model.address import Address
from giqplan.model.plan import ABSENT_LEAF, Cause, Change, Confidence, Verb
from giqplan.model.resource import Live, Presence, Resource, Stage
from giqplan.model.values import UNKNOWN
from giqplan.resources import REGISTRY

ADDRESS = Address("kubernetes_deployment", "ns/app")
KIND = REGISTRY.of(ADDRESS)
ABSENT = Live(Presence.ABSENT)


def deployment(cpu: str = "8", args: tuple[str, ...] = ("--a",), version: str = "1", **more: Any) -> dict[str, Any]:
    container = {"name": "inference-server", "image": "i:1", "args": list(args), "resources": {"requests": {"cpu": cpu}}, **more}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "ns", "annotations": {"giqplan.dev/version": version}},
        "spec": {"selector": {"matchLabels": {"i": "app"}}, "template": {"spec": {"containers": [container]}}},
    }


def served(body: dict[str, Any], ours: bool = True) -> Live:
    """What a server makes of it: a uid, a status, defaults."""
    meta = {**body["metadata"], "uid": "u1", "resourceVersion": "7", "labels": {"app.kubernetes.io/managed-by": "giqplan"} if ours else {}}
    spec = {**body["spec"], "progressDeadlineSeconds": 600, "replicas": 3}
    return Live(Presence.PRESENT, {**body, "metadata": meta, "spec": spec, "status": {"replicas": 3}}, "u1", ours)


def wanted(body: dict[str, Any]) -> Resource:
    return Resource(ADDRESS, Stage.WORKLOAD, body)


def recorded(applied: dict[str, Any], observed: dict[str, Any] | None = None, created: bool = True) -> Recorded:
    return Recorded(applied, observed if observed is not None else applied, "u1", created, Stage.WORKLOAD)


def paths(change: Change) -> dict[str, tuple[Any, Any, Cause]]:
    return {".".join(map(str, leaf.path)): (leaf.before, leaf.after, leaf.cause) for leaf in change.leaves}


def test_what_is_not_there_is_created() -> None:
    verdict = compare_wanted(KIND, wanted(deployment()), None, ABSENT)
    assert (verdict.change.verb, verdict.change.cause, verdict.drift) == (Verb.CREATE, Cause.NOT_THERE, None)


def test_what_vanished_is_created_again_and_reported_as_drift() -> None:
    verdict = compare_wanted(KIND, wanted(deployment()), recorded(deployment()), ABSENT)
    assert (verdict.change.verb, verdict.change.cause) == (Verb.CREATE, Cause.GONE)
    assert verdict.drift is not None and verdict.drift.verb is Verb.DELETE


def test_unchanged_is_a_no_op_whatever_the_server_filled_in() -> None:
    verdict = compare_wanted(KIND, wanted(deployment()), recorded(deployment()), served(deployment()))
    assert (verdict.change.verb, verdict.change.leaves, verdict.drift) == (Verb.NOOP, (), None)
    assert verdict.change.confidence is Confidence.VERIFIED


def test_one_edit_gives_exactly_its_leaf() -> None:
    verdict = compare_wanted(KIND, wanted(deployment(cpu="9")), recorded(deployment()), served(deployment()))
    (found,) = paths(verdict.change).values()
    assert found == ("8", "9", Cause.INTENT)
    assert verdict.drift is None


def test_the_same_quantity_in_other_words_is_no_change() -> None:
    verdict = compare_wanted(KIND, wanted(deployment(cpu="8000m")), recorded(deployment()), served(deployment()))
    assert verdict.change.verb is Verb.NOOP


def test_a_removed_argument_list_item_is_a_change_of_that_list() -> None:
    verdict = compare_wanted(KIND, wanted(deployment(args=())), recorded(deployment(args=("--a",))), served(deployment()))
    assert verdict.change.verb is Verb.UPDATE
    assert next(iter(paths(verdict.change).values()))[2] is Cause.INTENT


def test_a_foreign_change_is_drift_and_is_put_back() -> None:
    verdict = compare_wanted(KIND, wanted(deployment()), recorded(deployment()), served(deployment(cpu="2")))
    assert list(paths(verdict.change).values()) == [("2", "8", Cause.DRIFT)]
    assert verdict.change.cause is Cause.DRIFT
    assert verdict.drift is not None and [leaf.after for leaf in verdict.drift.leaves] == ["2"]


def test_a_leaf_changed_by_both_goes_from_what_is_there_to_what_is_wanted() -> None:
    verdict = compare_wanted(KIND, wanted(deployment(cpu="9")), recorded(deployment()), served(deployment(cpu="2")))
    assert list(paths(verdict.change).values()) == [("2", "9", Cause.INTENT)]


def test_changed_by_hand_to_what_the_intent_now_says_is_nothing_to_do() -> None:
    verdict = compare_wanted(KIND, wanted(deployment(cpu="9")), recorded(deployment()), served(deployment(cpu="9")))
    assert verdict.change.verb is Verb.NOOP


def test_what_the_platform_adjusted_is_neither_change_nor_drift() -> None:
    held = deployment(cpu="8250m")
    verdict = compare_wanted(KIND, wanted(deployment()), recorded(deployment(), held), served(held))
    assert (verdict.change.verb, verdict.drift) == (Verb.NOOP, None)
    (adjustment,) = verdict.change.adjustments
    assert (adjustment.sent, adjustment.held) == ("8", "8250m")
    assert "autopilot" in adjustment.source


def test_drift_on_an_adjusted_leaf_goes_back_to_what_the_platform_held() -> None:
    held = deployment(cpu="8250m")
    verdict = compare_wanted(KIND, wanted(deployment()), recorded(deployment(), held), served(deployment(cpu="1")))
    assert list(paths(verdict.change).values()) == [("1", "8250m", Cause.DRIFT)]


def test_annotations_that_only_inform_are_never_a_reason() -> None:
    verdict = compare_wanted(KIND, wanted(deployment(version="2")), recorded(deployment()), served(deployment()))
    assert verdict.change.verb is Verb.NOOP


def test_but_they_are_written_along_with_another_change() -> None:
    verdict = compare_wanted(KIND, wanted(deployment(cpu="9", version="2")), recorded(deployment()), served(deployment()))
    causes = {cause for _, _, cause in paths(verdict.change).values()}
    assert causes == {Cause.INTENT, Cause.WITH_ANOTHER}


def test_a_changed_selector_needs_a_replacement() -> None:
    other = deployment()
    other["spec"] = {**other["spec"], "selector": {"matchLabels": {"i": "other"}}}
    verdict = compare_wanted(KIND, wanted(other), recorded(deployment()), served(deployment()))
    assert verdict.change.verb is Verb.REPLACE
    assert verdict.change.replace_paths == (("spec", "selector", "matchLabels", "i"),)


@pytest.mark.parametrize(("ours", "note"), [(True, "carries giqplan's marks"), (False, "made by others")])
def test_found_without_a_record_is_taken_over_as_it_is(ours: bool, note: str) -> None:
    verdict = compare_wanted(KIND, wanted(deployment()), None, served(deployment(), ours))
    assert (verdict.change.verb, verdict.change.cause) == (Verb.NOOP, Cause.ADOPT)
    assert note in verdict.change.notes[0]


def test_found_with_other_values_is_updated_only_where_it_differs() -> None:
    verdict = compare_wanted(KIND, wanted(deployment(cpu="9")), None, served(deployment()))
    assert verdict.change.verb is Verb.UPDATE
    assert list(paths(verdict.change).values()) == [("8", "9", Cause.ADOPT)]


def test_unseen_without_a_record_would_be_created() -> None:
    verdict = compare_wanted(KIND, wanted(deployment()), None, Live(Presence.UNKNOWN, why="not read"))
    assert (verdict.change.verb, verdict.change.confidence) == (Verb.CREATE, Confidence.PREDICTED)
    assert verdict.change.notes == ("not compared: not read",)


def test_unseen_with_a_record_shows_what_the_intent_changed() -> None:
    unseen = Live(Presence.UNKNOWN)
    same = compare_wanted(KIND, wanted(deployment()), recorded(deployment()), unseen)
    changed = compare_wanted(KIND, wanted(deployment(cpu="9")), recorded(deployment()), unseen)
    assert same.change.verb is Verb.NOOP
    assert list(paths(changed.change).values()) == [("8", "9", Cause.INTENT)]


@pytest.mark.parametrize(
    ("created", "live", "verb"),
    [(True, served(deployment()), Verb.DELETE), (False, served(deployment()), Verb.FORGET), (True, ABSENT, Verb.FORGET)],
)
def test_unwanted_is_deleted_only_where_we_made_it(created: bool, live: Live, verb: Verb) -> None:
    change = compare_unwanted(KIND, ADDRESS, recorded(deployment(), created=created), live, Cause.NOT_WANTED)
    assert (change.verb, change.cause) == (verb, Cause.NOT_WANTED)


def test_apis_are_never_turned_off() -> None:
    address = Address("google_project_service", "container.googleapis.com")
    body = {"service": "container.googleapis.com", "state": "ENABLED"}
    entry = Recorded(body, body, "x", True, Stage.APIS)
    change = compare_unwanted(REGISTRY.of(address), address, entry, Live(Presence.PRESENT, body, "x"), Cause.DESTROY)
    assert change.verb is Verb.FORGET


def test_an_unknown_member_is_no_change_when_the_record_knows_it() -> None:
    address = Address("google_storage_bucket_iam_member", "b/r/ns/sa")
    known = {"bucket": "b", "role": "r", "member": "principal://x"}
    resource = Resource(address, Stage.IAM, {**known, "member": UNKNOWN})
    live = Live(Presence.UNKNOWN, why="the project's number is not known yet")
    verdict = compare_wanted(REGISTRY.of(address), resource, Recorded(known, known, "i", True, Stage.IAM), live)
    assert verdict.change.verb is Verb.NOOP


def test_a_leaf_that_is_gone_is_absent_after() -> None:
    before, after = deployment(env=[{"name": "A", "value": "1"}]), deployment()
    verdict = compare_wanted(KIND, wanted(after), recorded(before), served(before))
    assert [leaf.after for leaf in verdict.change.leaves] == [ABSENT_LEAF]


def test_adjustments_need_to_know_what_was_held() -> None:
    assert adjustments_between(KIND, ADDRESS, deployment(), None) == ()


_args = st.lists(st.sampled_from(["--a", "--b=1", "--c"]), max_size=3).map(tuple)
_bodies = st.builds(deployment, cpu=st.sampled_from(["1", "2", "8", "500m"]), args=_args, version=st.sampled_from(["1", "2"]))


@settings(max_examples=60, deadline=None)
@given(_bodies)
def test_law_the_same_thing_twice_is_nothing_to_do(body: dict[str, Any]) -> None:
    assert compare_wanted(KIND, wanted(body), recorded(body), served(body)).change.verb is Verb.NOOP
    assert compare_wanted(KIND, wanted(body), None, served(body)).change.verb is Verb.NOOP


@settings(max_examples=60, deadline=None)
@given(_bodies, _bodies, _bodies)
def test_law_after_the_update_nothing_is_left(applied: dict[str, Any], live: dict[str, Any], desired: dict[str, Any]) -> None:
    compare_wanted(KIND, wanted(desired), recorded(applied), served(live))
    after = compare_wanted(KIND, wanted(desired), recorded(desired), served(desired))
    assert (after.change.verb, after.drift) == (Verb.NOOP, None)
