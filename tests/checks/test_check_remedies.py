"""Checks that older modules provoke: here each is provoked, its remedy carried out, and seen to pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from check_world import found, status
from engine_house import House, quickstart

from giqplan.errors import Exit
from giqplan.model.check import Check, CheckStatus
from giqplan.sandbox import control

FAIL, PASS = CheckStatus.FAIL, CheckStatus.PASS
Make = Callable[..., House]


def one(house: House, code: str) -> Check:
    (check,) = found(house, code)
    return check


def quotas(limit: int) -> dict[str, Any]:
    """The quickstart's world with so many H100 in the region."""
    _, world = quickstart()
    world["quotas"][1]["limit"] = limit
    return world


def test_quota_too_small_for_the_highest_count_until_that_is_lowered(house: Make) -> None:
    place = house(world=quotas(16))
    check = one(place, "GIQ1501")
    assert (check.status, dict(check.evidence)["shortfall"]) == (FAIL, "8")
    assert "lower spec.autoscaling.maxReplicas" in check.remedy
    del place.intent["spec"]["workload"]["requestsPerSecond"]
    place.set("autoscaling.maxReplicas", 2)
    assert one(place, "GIQ1501").status is PASS


def test_quota_too_small_until_more_is_granted(house: Make) -> None:
    place = house(world=quotas(16))
    assert one(place, "GIQ1501").status is FAIL
    place.stop()
    bigger = house(world=quotas(24))
    assert one(bigger, "GIQ1501").status is PASS


def test_the_answer_on_quota_does_not_change_while_autoscalers_of_others_scale(applied: House) -> None:
    applied.intent["metadata"]["name"] = "second"
    applied.write()
    applied.forget_state()
    before = one(applied, "GIQ1501")
    assert dict(before.evidence)["used"].startswith("24 by other giqplan workloads of this cluster at most")
    scale = "/apis/apps/v1/namespaces/inference/deployments/quickstart/scale"
    applied.kubernetes("PATCH", scale, {"spec": {"replicas": 1}}, manager="kube-controller-manager")
    assert one(applied, "GIQ1501") == before


def test_an_slo_out_of_reach_until_it_is_loosened_as_told(house: Make) -> None:
    place = house()
    place.set("slo.ntpotMilliseconds", 1)
    check = one(place, "GIQ1502")
    assert check.status is FAIL
    least = float(check.remedy.partition("at least ")[2].partition(",")[0])
    place.set("slo.ntpotMilliseconds", least)
    assert one(place, "GIQ1502").status is PASS


def test_a_cluster_that_is_not_there_until_it_may_be_made(house: Make) -> None:
    place = house()
    place.set("target.cluster.create", False)
    assert one(place, "GIQ1503").status is FAIL
    place.set("target.cluster.create", True)
    assert one(place, "GIQ1503").status is PASS
    assert place.apply().exit is Exit.DONE
    assert (one(place, "GIQ1503").summary, one(place, "GIQ1503").evidence) == ("cluster us-central1/inference is there", ())


def test_a_peak_beyond_the_highest_count_until_that_is_raised_as_told(house: Make) -> None:
    place = house()
    place.set("workload.requestsPerSecond", {"mean": 3, "peak": 12})
    check = one(place, "GIQ1506")
    assert check.status is FAIL
    place.set("autoscaling.maxReplicas", int(dict(check.evidence)["needed"]))
    assert one(place, "GIQ1506").status is PASS


def with_cluster(*objects: dict[str, Any]) -> dict[str, Any]:
    _, world = quickstart()
    world["apis"] += ["container.googleapis.com", "compute.googleapis.com"]
    world["clusters"] = [{"name": "inference", "location": "us-central1", "kubernetes": list(objects)}]
    return world


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "inference"}}


def theirs(kind: str, name: str = "quickstart", **meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "inference", **meta}}


@pytest.mark.parametrize("remedy", ["another name", "delete it"])
def test_a_name_taken_by_others_until_one_of_the_two_goes(house: Make, remedy: str) -> None:
    place = house(world=with_cluster(NAMESPACE, theirs("ConfigMap")))
    check = one(place, "GIQ1507")
    assert (check.status, check.summary) == (FAIL, "kubernetes_config_map.inference/quickstart belongs to others")
    if remedy == "another name":
        place.intent["metadata"]["name"] = "other"
        place.write()
    else:
        place.kubernetes("DELETE", "/api/v1/namespaces/inference/configmaps/quickstart")
    assert status(place, "GIQ1507") == []
    assert place.apply().exit is Exit.DONE


OURS = {"app.kubernetes.io/managed-by": "giqplan"}
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1", "controller": True}


@pytest.mark.parametrize(
    "meta",
    [{"labels": {**OURS, "applyset.k8s.io/part-of": "applyset-theirs-v1"}}, {"labels": OURS, "ownerReferences": [OWNER]}],
    ids=["of another ApplySet", "made by a controller"],
)
def test_our_label_alone_makes_nothing_ours(house: Make, meta: dict[str, Any]) -> None:
    place = house(world=with_cluster(NAMESPACE, theirs("ServiceAccount", **meta)))
    assert one(place, "GIQ1507").summary == "kubernetes_service_account.inference/quickstart belongs to others"
    place.intent["metadata"]["name"] = "other"
    place.write()
    assert status(place, "GIQ1507") == []


def test_objects_of_another_environment_until_each_has_its_own_namespace(applied: House) -> None:
    applied.intent["environments"] = {"staging": {}}
    applied.write()
    code, out, _ = applied.cli("plan", "-e", "staging")
    assert (code, "fail    GIQ1511" in out) == (Exit.BLOCKED, True)
    applied.intent["environments"] = {"staging": {"target": {"namespace": "staging"}, "autoscaling": {"maxReplicas": 1}}}
    del applied.intent["spec"]["workload"]["requestsPerSecond"]
    applied.write()
    code, out, _ = applied.cli("plan", "-e", "staging")
    assert "GIQ1511" not in out


def test_a_replacement_until_the_object_is_gone(applied: House) -> None:
    path = "/apis/apps/v1/namespaces/inference/deployments/quickstart"
    body = applied.kubernetes("GET", path)
    applied.kubernetes("DELETE", path)
    control.advance(applied.sandbox, 120)
    labels = {"app": "other", **body["spec"]["template"]["metadata"]["labels"]}
    spec = {**body["spec"], "selector": {"matchLabels": {"app": "other"}}}
    spec["template"] = {**spec["template"], "metadata": {"labels": labels}}
    meta = {"name": "quickstart", "namespace": "inference", "labels": body["metadata"]["labels"]}
    applied.kubernetes("POST", path.rpartition("/")[0], {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    check = one(applied, "GIQ1504")
    assert (check.status, dict(check.evidence)["fields"]) == (FAIL, "spec.selector.matchLabels.app.kubernetes.io/instance")
    applied.kubernetes("DELETE", path)
    control.advance(applied.sandbox, 120)
    assert status(applied, "GIQ1504") == []
