"""GIQ1510: the autoscaler's metrics adapter is there, alone, the right one, and answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from check_world import found, status
from engine_house import House, quickstart

from giqplan.errors import Exit
from giqplan.model.check import Check, CheckStatus

CODE, GROUP = "GIQ1510", "custom.metrics.k8s.io"
Make = Callable[..., House]


def api_service(version: str, name: str, namespace: str = "monitoring") -> dict[str, Any]:
    service = {"name": name, "namespace": namespace}
    spec = {"group": GROUP, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100, "service": service}
    meta = {"name": f"{version}.{GROUP}"}
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": meta,
        "spec": {**spec, "insecureSkipTLSVerify": True},
    }


def running(name: str) -> list[dict[str, Any]]:
    """A namespace with a Service whose Pods run."""
    meta, labels = {"name": name, "namespace": "monitoring"}, {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "adapter", "image": "example.com/adapter:1"}]}}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"selector": {"matchLabels": labels}, "template": pod}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": [{"port": 443}]}},
    ]


def cluster_with(*objects: dict[str, Any]) -> dict[str, Any]:
    """The quickstart's world with a running cluster that holds what others made."""
    _, world = quickstart()
    world["apis"] += ["container.googleapis.com", "compute.googleapis.com"]
    world["clusters"] = [{"name": "inference", "location": "us-central1", "kubernetes": list(objects)}]
    return world


def one(house: House) -> Check:
    (check,) = found(house, CODE)
    return check


def take_away(house: House, version: str) -> None:
    house.kubernetes("DELETE", f"/apis/apiregistration.k8s.io/v1/apiservices/{version}.{GROUP}")


def test_where_none_is_there_the_plan_installs_one(house: Make) -> None:
    place = house(world=cluster_with())
    assert (one(place).status, one(place).summary) == (
        CheckStatus.PASS,
        "the plan installs Google's Stackdriver adapter",
    )
    place.set("observability.metricsAdapter", "none")
    assert one(place).status is CheckStatus.FAIL
    assert "metricsAdapter: auto" in one(place).remedy


def test_ours_is_the_one_once_it_is_applied(applied: House) -> None:
    assert one(applied).summary == "custom-metrics/custom-metrics-stackdriver-adapter is there"
    applied.set("observability.metricsAdapter", "none")
    assert one(applied).status is CheckStatus.PASS


def test_an_adapter_that_reads_elsewhere_fails_until_it_gives_the_api_up(house: Make) -> None:
    place = house(world=cluster_with(*running("prometheus-adapter"), api_service("v1beta1", "prometheus-adapter")))
    check = one(place)
    assert check.status is CheckStatus.FAIL
    assert check.summary.startswith("monitoring/prometheus-adapter serves custom.metrics.k8s.io: it does not know the metrics")
    assert place.cli("apply", "--auto-approve")[0] == Exit.BLOCKED
    take_away(place, "v1beta1")
    assert one(place).status is CheckStatus.PASS
    assert place.apply().exit is Exit.DONE


def test_two_adapters_fail_until_one_goes(house: Make) -> None:
    theirs = api_service("v1beta1", "custom-metrics-stackdriver-adapter", "theirs")
    place = house(world=cluster_with(*running("other"), api_service("v1beta2", "other"), theirs))
    check = one(place)
    assert (check.status, dict(check.evidence)) == (
        CheckStatus.FAIL,
        {f"v1beta1.{GROUP}": "theirs/custom-metrics-stackdriver-adapter", f"v1beta2.{GROUP}": "monitoring/other"},
    )
    take_away(place, "v1beta1")
    take_away(place, "v1beta2")
    assert one(place).status is CheckStatus.PASS


def test_an_adapter_that_does_not_answer_fails_until_it_is_mended(house: Make) -> None:
    place = house(world=cluster_with(api_service("v1beta1", "stackdriver-adapter")))
    place.advance(60)
    check = one(place)
    assert (check.status, dict(check.evidence)["reason"]) == (CheckStatus.FAIL, "ServiceNotFound")
    for body in running("stackdriver-adapter"):
        plural = f"{body['kind'].lower()}s"
        parent = f"/namespaces/{body['metadata']['namespace']}" if "namespace" in body["metadata"] else ""
        root = "/api/v1" if body["apiVersion"] == "v1" else f"/apis/{body['apiVersion']}"
        place.kubernetes("POST", f"{root}{parent}/{plural}", body)
    place.advance(600)
    assert (one(place).status, one(place).summary) == (
        CheckStatus.PASS,
        "monitoring/stackdriver-adapter is there",
    )


def test_an_adapter_that_nobody_knows_is_warned_of(house: Make) -> None:
    place = house(world=cluster_with(*running("theirs"), api_service("v1beta1", "theirs")))
    place.advance(600)
    assert one(place).status is CheckStatus.WARN
    take_away(place, "v1beta1")
    assert one(place).status is CheckStatus.PASS


def test_without_an_autoscaler_nothing_is_said(house: Make) -> None:
    place = house()
    del place.intent["spec"]["slo"]
    place.write()
    assert status(place, CODE) == []
