"""JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.kube import schema
from giqplan.kube.patch import json_patch, merge_patch, strategic_merge_patch
from giqplan.kube.refusal import Refusal

DEPLOYMENT = schema.builtin("apps/v1", "Deployment")


def pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def names(obj: dict[str, Any], field: str = "containers") -> list[str]:
    return [c["name"] for c in obj["spec"]["template"]["spec"][field]]


def test_json_patch_leaves_the_document_alone() -> None:
    document = {"a": {"b": [1, 2]}}
    assert json_patch(document, [{"op": "add", "path": "/a/b/-", "value": 3}, {"op": "remove", "path": "/a/b/0"}]) == {"a": {"b": [2, 3]}}
    assert document == {"a": {"b": [1, 2]}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": True},
        {"op": "remove", "path": "/b"},
        {"op": "replace", "path": "/b/c", "value": 1},
        {"op": "add", "path": "/l/9", "value": 1},
        {"op": "frob", "path": "/a"},
        {"op": "add", "path": "/a"},
        {"op": "replace", "path": "", "value": 3},
    ],
)
def test_an_operation_that_does_not_apply_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        json_patch({"a": 1, "l": []}, [operation])
    assert caught.value.status == 422


def test_merge_patch_deletes_by_null_and_replaces_lists() -> None:
    assert merge_patch({"a": {"b": 1, "c": [1]}}, {"a": {"b": None, "c": [2]}, "d": {"e": None}}) == {"a": {"c": [2]}, "d": {}}


def test_strategic_merge_merges_containers_by_name_with_new_ones_first() -> None:
    live = pod(containers=[{"name": "a", "image": "1"}, {"name": "b", "image": "1"}])
    patched = strategic_merge_patch(live, pod(containers=[{"name": "b", "image": "2"}, {"name": "n", "image": "1"}]), DEPLOYMENT)
    assert names(patched) == ["a", "b", "n"]
    assert patched["spec"]["template"]["spec"]["containers"][1]["image"] == "2"


def test_set_element_order_decides_the_order() -> None:
    live = pod(containers=[{"name": "a"}, {"name": "b"}])
    order = {"containers": [{"name": "b"}, {"name": "a"}]}
    patch = pod(**{"$setElementOrder/containers": order["containers"], "containers": [{"name": "a", "image": "2"}]})
    assert names(strategic_merge_patch(live, patch, DEPLOYMENT)) == ["b", "a"]


def test_directives_delete_and_replace() -> None:
    live = pod(containers=[{"name": "a"}, {"name": "b"}])
    assert names(strategic_merge_patch(live, pod(containers=[{"name": "a", "$patch": "delete"}]), DEPLOYMENT)) == ["b"]
    assert names(strategic_merge_patch(live, pod(containers=[{"$patch": "replace"}, {"name": "z"}]), DEPLOYMENT)) == ["z"]
    meta = {"metadata": {"finalizers": ["x/a", "x/b"]}}
    gone = strategic_merge_patch(meta, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/a"]}}, DEPLOYMENT)
    assert gone["metadata"]["finalizers"] == ["x/b"]


def test_retain_keys_drops_the_other_members_of_a_union() -> None:
    live = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic_merge_patch(live, patch, DEPLOYMENT)["spec"]["strategy"] == {"type": "Recreate"}


def test_atomic_lists_are_replaced_and_finalizers_are_joined() -> None:
    assert strategic_merge_patch(pod(tolerations=[{"key": "a"}]), pod(tolerations=[{"key": "b"}]), DEPLOYMENT) == pod(
        tolerations=[{"key": "b"}]
    )
    joined = strategic_merge_patch({"metadata": {"finalizers": ["x/a"]}}, {"metadata": {"finalizers": ["x/b"]}}, DEPLOYMENT)
    assert sorted(joined["metadata"]["finalizers"]) == ["x/a", "x/b"]


def test_an_item_without_its_merge_key_is_refused() -> None:
    with pytest.raises(Refusal, match="merge key"):
        strategic_merge_patch(pod(containers=[{"name": "a"}]), pod(containers=[{"image": "x"}]), DEPLOYMENT)


documents = st.recursive(
    st.integers(0, 2) | st.text("ab", max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from("abc"), documents, max_size=3)


def merge_diff(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The merge patch that leads from one document to another."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        held = before.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            patch[key] = merge_diff(held, value)
        elif held != value or key not in before:
            patch[key] = value
    return patch


@settings(max_examples=80)
@given(objects, objects)
def test_patches_lead_from_any_document_to_any_other(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert merge_patch(a, merge_diff(a, b)) == b
    operations = [{"op": "remove", "path": f"/{k}"} for k in a] + [{"op": "add", "path": f"/{k}", "value": v} for k, v in b.items()]
    assert json_patch(a, operations) == b
    assert merge_patch(a, {}) == a
