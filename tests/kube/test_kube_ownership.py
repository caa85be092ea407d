"""Ownership: set laws, and what server-side apply does with it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.kube import fieldset, schema
from giqplan.kube.predict import predict_apply
from giqplan.kube.refusal import Refusal
from giqplan.kube.ssa import Applied, server_side_apply
from giqplan.kube.update import needs_new_generation, track_update

DEPLOYMENT = schema.builtin("apps/v1", "Deployment")
LABELS = {"app": "m"}
T0, T1 = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def deployment(env: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    body = {"name": "c", "image": "img:1", "env": [{"name": k, "value": v} for k, v in (env or {}).items()]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "m", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [body]}},
            **spec,
        },
    }


def apply(live: Any, body: dict[str, Any], manager: str = "giqplan", force: bool = False, now: str = T0) -> Applied:
    return server_side_apply(live, body, manager=manager, schema=DEPLOYMENT, force=force, now=now)


def owners(obj: Any) -> dict[str, Any]:
    return {e["manager"]: e["fieldsV1"] for e in obj["metadata"]["managedFields"]}


def test_applying_the_same_twice_changes_nothing() -> None:
    first = apply(None, deployment({"A": "1"}, replicas=2))
    again = apply(first.object, deployment({"A": "1"}, replicas=2), now=T1)
    assert (first.changed, again.changed) == (True, False)
    assert again.object is first.object


def test_a_dropped_field_goes_or_falls_back_to_its_default() -> None:
    live = apply(None, deployment({"A": "1", "B": "2"}, replicas=3)).object
    after = apply(live, deployment({"A": "1"})).object
    assert after["spec"]["replicas"] == 1
    assert [e["name"] for e in after["spec"]["template"]["spec"]["containers"][0]["env"]] == ["A"]
    assert after["metadata"]["name"] == "m"


def test_another_value_is_a_conflict_and_force_takes_the_field() -> None:
    live = apply(None, deployment(replicas=2)).object
    other = apply(live, deployment(replicas=5), manager="other")
    assert [(c.manager, c.path) for c in other.conflicts] == [("giqplan", ".spec.replicas")]
    assert other.object is live
    taken = apply(live, deployment(replicas=5), manager="other", force=True).object
    assert taken["spec"]["replicas"] == 5
    assert "f:replicas" not in owners(taken)["giqplan"]["f:spec"]


def test_replicas_are_handed_over_without_ever_changing() -> None:
    live = apply(None, deployment(replicas=4)).object
    shared = apply(live, {**deployment(), "spec": {"replicas": 4}}, manager="giqplan-initial").object
    after = apply(shared, deployment()).object
    assert after["spec"]["replicas"] == 4
    assert owners(after)["giqplan-initial"] == {"f:spec": {"f:replicas": {}}}


def test_scaling_takes_the_replicas_from_their_owner() -> None:
    live = apply(None, deployment(replicas=1)).object
    scaled = {**live, "spec": {**live["spec"], "replicas": 4}}
    held = track_update(live, scaled, manager="kube-controller-manager", now=T1, schema=DEPLOYMENT, subresource="scale")
    conflict = apply(held, deployment(replicas=1)).conflicts[0]
    assert (conflict.manager, conflict.subresource) == ("kube-controller-manager", "scale")
    assert apply(held, deployment()).object["spec"]["replicas"] == 4


def test_nobody_owns_replicas_so_scaling_leaves_no_owner() -> None:
    live = apply(None, deployment()).object
    held = track_update(
        live, {**live, "spec": {**live["spec"], "replicas": 4}}, manager="hpa", now=T1, schema=DEPLOYMENT, subresource="scale"
    )
    assert list(owners(held)) == ["giqplan"]


def test_kubectl_takes_over_what_its_client_side_apply_set() -> None:
    body = deployment(replicas=2)
    note = "kubectl.kubernetes.io/last-applied-configuration"
    text = '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"m"},"spec":{"replicas":2}}'
    posted = predict_apply(None, body, "x", DEPLOYMENT).object
    posted = {**posted, "metadata": {"name": "m", "namespace": "default", "annotations": {note: text}}}
    live = track_update(None, posted, manager="kubectl-client-side-apply", now=T0, schema=DEPLOYMENT)
    assert apply(live, {**body, "spec": {"replicas": 3}}, manager="giqplan").conflicts
    done = apply(live, {**body, "spec": {"replicas": 3}}, manager="kubectl")
    assert not done.conflicts
    assert '"replicas":3' in done.object["metadata"]["annotations"][note]


def test_what_the_schema_lacks_is_refused_in_the_servers_words() -> None:
    with pytest.raises(Refusal, match=r"\.spec\.prts: field not declared in schema") as caught:
        apply(None, deployment(prts=1))
    assert (caught.value.status, caught.value.reason) == (500, "")


def test_status_alone_is_no_new_generation() -> None:
    live = predict_apply(None, deployment(), "giqplan", DEPLOYMENT).object
    assert not needs_new_generation(live, {**live, "status": {"replicas": 1}})
    assert needs_new_generation(live, {**live, "spec": {**live["spec"], "replicas": 7}})


def test_at_most_ten_updaters_are_kept() -> None:
    held: Any = track_update(None, predict_apply(None, deployment(), "x", DEPLOYMENT).object, manager="m0", now=T0, schema=DEPLOYMENT)
    for number in range(1, 12):
        meta = {**held["metadata"], "labels": {**held["metadata"].get("labels", {}), f"l{number}": "1"}}
        held = track_update(held, {**held, "metadata": meta}, manager=f"m{number}", now=f"2026-01-01T00:{number:02}:00Z", schema=DEPLOYMENT)
    updaters = [e["manager"] for e in held["metadata"]["managedFields"] if e["operation"] == "Update"]
    assert len(updaters) == 10
    assert "ancient-changes" in updaters


elements = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
paths = st.lists(st.lists(elements, min_size=1, max_size=3).map(tuple), max_size=6)


def build(found: list[tuple[str, ...]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for path in found:
        fieldset.insert(out, path)
    return out


@settings(max_examples=100)
@given(paths, paths)
def test_field_sets_are_sets_of_paths(a: list[tuple[str, ...]], b: list[tuple[str, ...]]) -> None:
    x, y = build(a), build(b)
    assert set(fieldset.members(x)) == set(a)
    assert set(fieldset.members(fieldset.union(x, y))) == set(a) | set(b)
    assert set(fieldset.members(fieldset.intersection(x, y))) == set(a) & set(b)
    assert set(fieldset.members(fieldset.difference(x, y))) == set(a) - set(b)
    below = {p for p in a if not any(p[: len(q)] == q for q in b)}
    assert set(fieldset.members(fieldset.without(x, y))) == below
    assert all(fieldset.has(x, p) for p in a)


envs = st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["1", "2"]), max_size=3)


@settings(max_examples=60, deadline=None)
@given(envs, envs, st.booleans())
def test_the_last_intent_is_what_is_held(first: dict[str, str], second: dict[str, str], with_replicas: bool) -> None:
    live = apply(None, deployment(first, replicas=3)).object
    body = deployment(second, **({"replicas": 2} if with_replicas else {}))
    after = apply(live, body).object
    held = after["spec"]["template"]["spec"]["containers"][0].get("env", [])
    assert {e["name"]: e["value"] for e in held} == second
    assert not apply(after, body).changed
    assert after["spec"]["replicas"] == (2 if with_replicas else 1)
