"""Autopilot's admission: what it changes in a template, what it refuses, and that it does so once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from giqplan.sandbox import admission
from giqplan.sandbox.kubernetes.status import ApiStatusError

TABLE = json.loads((Path(admission.__file__).parent / "data" / "autopilot_admission.json").read_text())
PATH = "/apis/apps/v1/namespaces/default/deployments/d"


def deployment(resources: dict[str, Any] | None = None, selector: dict[str, str] | None = None) -> dict[str, Any]:
    container = {"name": "c", "image": "x:1", **({"resources": resources} if resources else {})}
    spec: dict[str, Any] = {"containers": [container], **({"nodeSelector": selector} if selector else {})}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": spec}
    metadata = {"name": "d", "namespace": "default"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
    }


def gpu(number: int, kind: str = "nvidia-h100-80gb", **more: str) -> dict[str, Any]:
    text = str(number)
    return deployment({"limits": {"nvidia.com/gpu": text}, "requests": {"nvidia.com/gpu": text, **more}}, {admission.TYPE_SELECTOR: kind})


def resources_of(obj: dict[str, Any]) -> dict[str, Any]:
    return dict(obj["spec"]["template"]["spec"]["containers"][0]["resources"])


def test_a_container_that_asks_for_nothing_gets_the_defaults_as_limits_too() -> None:
    admitted = admission.admit("apps", "deployments", deployment(), None)
    wanted = {"cpu": "500m", "memory": "2Gi", "ephemeral-storage": "1Gi"}
    assert resources_of(admitted) == {"requests": wanted, "limits": wanted}


def test_the_annotation_says_what_was_sent_and_what_was_made_of_it() -> None:
    admitted = admission.admit("apps", "deployments", deployment(), None)
    note = json.loads(admitted["metadata"]["annotations"]["autopilot.gke.io/resource-adjustment"])
    assert note["input"] == {"containers": [{"name": "c"}]}
    assert note["output"]["containers"][0]["requests"]["cpu"] == "500m"
    assert note["modified"] is True


def test_too_small_requests_are_raised_and_the_ratio_is_kept() -> None:
    small = admission.admit("apps", "deployments", deployment({"requests": {"cpu": "1m", "memory": "1Mi"}}), None)
    assert resources_of(small)["requests"] == {"cpu": "50m", "memory": "52Mi", "ephemeral-storage": "1Gi"}
    lean = admission.admit("apps", "deployments", deployment({"requests": {"cpu": "4", "memory": "1Gi"}}), None)
    assert resources_of(lean)["requests"]["memory"] == "4096Mi"
    fat = admission.admit("apps", "deployments", deployment({"requests": {"cpu": "1", "memory": "13Gi"}}), None)
    assert resources_of(fat)["requests"]["cpu"] == "2"


def test_a_gpu_pod_keeps_its_requests_and_may_burst() -> None:
    admitted = admission.admit("apps", "deployments", gpu(8, cpu="10", memory="100Gi"), None)
    assert resources_of(admitted)["requests"] == {"nvidia.com/gpu": "8", "cpu": "10", "memory": "100Gi", "ephemeral-storage": "1Gi"}
    assert "cpu" not in resources_of(admitted)["limits"]
    keys = [t["key"] for t in admitted["spec"]["template"]["spec"]["tolerations"]]
    assert keys == ["kubernetes.io/arch", "nvidia.com/gpu"]


def test_security_is_tightened() -> None:
    spec = admission.admit("apps", "deployments", deployment(), None)["spec"]["template"]["spec"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["containers"][0]["securityContext"]["capabilities"]["drop"] == ["NET_RAW"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (deployment({"limits": {"nvidia.com/gpu": "1"}}), "is required for Pods that request"),
        (deployment(None, {admission.TYPE_SELECTOR: "nvidia-l4"}), "is required for Pods with the node selector"),
        (gpu(3), "is not offered"),
        (gpu(1, "nvidia-b200"), "is not offered"),
        (gpu(1, "nvidia-gtx"), "is not supported"),
        (gpu(8, cpu="300"), "Max cpu request is 208"),
        (deployment({"requests": {"cpu": "31"}}), "Max cpu request is 30"),
    ],
)
def test_what_autopilot_cannot_run_is_refused(sent: dict[str, Any], words: str) -> None:
    with pytest.raises(ApiStatusError, match="GKE Warden rejected") as refused:
        admission.admit("apps", "deployments", sent, None)
    assert words in str(refused.value.body)


def test_admitting_twice_changes_nothing() -> None:
    once = admission.admit("apps", "deployments", deployment(), None)
    again = copy.deepcopy(once)
    del again["metadata"]["annotations"]
    assert admission.admit("apps", "deployments", again, once) == once


def test_applying_again_is_no_write(cluster: Callable[..., Any]) -> None:
    world = cluster(autopilot=True)
    sent = gpu(8, cpu="10", memory="100Gi")
    first = world.apply(PATH, sent)
    assert (first.status, first.body["metadata"]["generation"]) == (201, 1)
    again = world.apply(PATH, sent)
    assert again.body["metadata"]["resourceVersion"] == first.body["metadata"]["resourceVersion"]


def test_a_changed_request_is_adjusted_anew(cluster: Callable[..., Any]) -> None:
    world = cluster(autopilot=True)
    world.apply(PATH, deployment({"requests": {"cpu": "1m"}}))
    changed = world.apply(PATH, deployment({"requests": {"cpu": "2"}})).body
    note = json.loads(changed["metadata"]["annotations"]["autopilot.gke.io/resource-adjustment"])
    assert note["input"]["containers"][0]["requests"]["cpu"] == "2"


def test_every_row_of_the_table_has_a_source_and_the_document_lists_the_assumed() -> None:
    document = (Path(admission.__file__).parents[2] / "docs" / "sandbox-autopilot.md").read_text()
    for row in TABLE["rows"]:
        assert row["source"], row["id"]
        assert "assumed" not in row["source"] or f"`{row['id']}`" in document, row["id"]
