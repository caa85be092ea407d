"""Semantic comparison: what counts as a difference, and how its path reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.kube import compare, schema
from giqplan.kube.compare import ABSENT, Difference, differences, path_text, project, remove_paths, value_at

sys.path.insert(0, str(Path(__file__).parent))
import replay

DEPLOYMENT = schema.builtin("apps/v1", "Deployment")
SERVICE = schema.builtin("v1", "Service")


def recorded() -> tuple[dict[str, Any], dict[str, Any]]:
    """A Deployment as sent and as a server held it."""
    step = json.loads((replay.RECORDINGS / "ssa-create-noop-change.json").read_text())["steps"][0]
    return step["request"]["body"], step["response"]["body"]


def container(**fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "inference-server", **fields}]}}}}


def one(before: Any, after: Any, of: schema.Schema = DEPLOYMENT) -> Difference:
    (found,) = differences(before, after, of)
    return found


def test_a_changed_quantity_is_one_leaf_with_a_path_for_people() -> None:
    found = one(container(resources={"limits": {"cpu": "4"}}), container(resources={"limits": {"cpu": "6"}}))
    assert path_text(found.path) == "spec.template.spec.containers[inference-server].resources.limits.cpu"
    assert (found.before, found.after) == ("4", "6")
    assert json.loads(json.dumps(found.path)) == list(found.path)


def test_equal_quantities_in_other_notation_do_not_differ() -> None:
    assert not differences(container(resources={"limits": {"cpu": "1000m"}}), container(resources={"limits": {"cpu": 1}}), DEPLOYMENT)


def test_keyed_lists_match_by_key_whatever_the_order() -> None:
    before = container(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    after = container(env=[{"name": "B", "value": "2"}, {"name": "A", "value": "1"}, {"name": "C", "value": "3"}])
    found = one(before, after)
    assert found.path[-1] == "[name=C]"
    assert found.before is ABSENT
    assert found.after == {"name": "C", "value": "3"}


def test_the_default_protocol_completes_the_key_of_a_port() -> None:
    before = {"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 1}]}}
    found = differences(before, {"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 2}]}}, SERVICE)
    assert [path_text(d.path) for d in found] == ["spec.ports[80/TCP].targetPort"]
    assert not differences(project(before, {"spec": {"ports": [{"port": 80}]}}, SERVICE), {"spec": {"ports": [{"port": 80}]}}, SERVICE)


def test_atomic_lists_differ_item_by_item_or_as_a_whole() -> None:
    assert one(container(args=["a", "b"]), container(args=["a", "c"])).path[-1] == 1
    whole = one(container(args=["a"]), container(args=["a", "c"]))
    assert (whole.path[-1], whole.before, whole.after) == ("args", ["a"], ["a", "c"])


def test_sets_have_no_order() -> None:
    meta = {"metadata": {"finalizers": ["a/x", "b/y"]}}
    assert not differences(meta, {"metadata": {"finalizers": ["b/y", "a/x"]}}, DEPLOYMENT)
    assert one(meta, {"metadata": {"finalizers": ["b/y"]}}).path[-1] == "[=a/x]"


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_what_a_server_drops_counts_as_absent(nothing: Any) -> None:
    field = "finalizers" if nothing == [] else "labels"
    assert not differences({"metadata": {}}, {"metadata": {field: nothing}}, DEPLOYMENT)


def test_an_empty_struct_is_not_absent() -> None:
    volume = {"spec": {"template": {"spec": {"volumes": [{"name": "v"}]}}}}
    with_source = {"spec": {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}}}
    assert one(volume, with_source).after == {}


def test_a_value_that_is_not_known_yet_differs_only_from_absence() -> None:
    unknown = object()
    assert not differences({"spec": {"replicas": 3}}, {"spec": {"replicas": unknown}}, DEPLOYMENT)
    assert one({"spec": {}}, {"spec": {"replicas": unknown}}).after is unknown


def test_projection_leaves_only_what_the_shape_names() -> None:
    sent, held = recorded()
    assert differences(project(held, sent, DEPLOYMENT), sent, DEPLOYMENT) == ()
    assert project(held, {"spec": {"replicas": 9}}, DEPLOYMENT) == {"spec": {"replicas": 1}}
    assert project({}, sent, DEPLOYMENT) == {}


def test_a_missing_item_is_missing_from_the_projection() -> None:
    shape = container(env=[{"name": "A"}, {"name": "B"}])
    assert project(container(env=[{"name": "B", "value": "x"}]), shape, DEPLOYMENT) == container(env=[{"name": "B"}])


def test_paths_read_and_remove_what_they_name() -> None:
    obj = container(args=["a", "b"], env=[{"name": "A", "value": "1"}])
    args = ("spec", "template", "spec", "containers", "[name=inference-server]", "args", 1)
    assert value_at(obj, args) == "b"
    assert value_at(obj, ("spec", "nope")) is ABSENT
    assert value_at(remove_paths(obj, [args]), args[:-1]) == ["a"]
    assert remove_paths({"metadata": {"labels": {"a": "1"}}, "kind": "X"}, [("metadata", "labels", "a")]) == {"kind": "X"}


names = st.sampled_from(["a", "b", "c"])
envs = st.lists(st.fixed_dictionaries({"name": names}, optional={"value": st.text(max_size=3)}), unique_by=lambda e: e["name"], max_size=3)
containers = st.fixed_dictionaries(
    {"name": names},
    optional={
        "env": envs,
        "args": st.lists(st.text(max_size=2), max_size=3),
        "image": st.text(max_size=3),
        "resources": st.fixed_dictionaries({"limits": st.dictionaries(names, st.sampled_from(["1", "1000m", "2", "1Gi"]))}),
    },
)
deployments = st.fixed_dictionaries(
    {"spec": st.fixed_dictionaries({"template": st.fixed_dictionaries({"spec": st.fixed_dictionaries(
        {"containers": st.lists(containers, unique_by=lambda c: c["name"], max_size=3)}, optional={"hostNetwork": st.booleans()}
    )})}, optional={"replicas": st.integers(0, 3)})}
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(deployments, deployments)
def test_laws_of_difference_and_projection(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert differences(a, a, DEPLOYMENT) == ()
    assert project(a, a, DEPLOYMENT) == a
    there, back = differences(a, b, DEPLOYMENT), differences(b, a, DEPLOYMENT)
    assert {(d.path, id(d.before) if d.before is ABSENT else json.dumps(d.before)) for d in there} == {
        (d.path, id(d.after) if d.after is ABSENT else json.dumps(d.after)) for d in back
    }
    for found in there:
        assert value_at(b, found.path) == found.after or found.after is ABSENT


def test_item_steps_show_their_keys() -> None:
    ports = DEPLOYMENT.field("spec").field("template").field("spec").field("containers").items.field("ports")  # type: ignore[union-attr]
    assert ports is not None
    assert compare.item_step({"containerPort": 80}, ports) == "[containerPort=80,protocol=TCP]"
