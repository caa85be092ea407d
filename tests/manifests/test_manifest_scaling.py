"""Autoscaling (design rule 8), rollout, and the metrics adapter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest_samples import a_recommendation, objects_of, of_kind

from giqplan.manifests import PART_OF, Rollout, applyset_id, choose_rollout, metrics_adapter_identity, metrics_adapter_objects


def hpa(target=48, **more):
    return of_kind(objects_of(recommendation=a_recommendation(hpa_target=target, **more)), "HorizontalPodAutoscaler")["spec"]


def test_the_autoscaler_reads_running_and_waiting_requests_through_the_adapter():
    targets = {m["pods"]["metric"]["name"]: m["pods"]["target"] for m in hpa()["metrics"]}
    assert targets == {
        "prometheus.googleapis.com|vllm:num_requests_running|gauge": {"type": "AverageValue", "averageValue": "48"},
        "prometheus.googleapis.com|vllm:num_requests_waiting|gauge": {"type": "AverageValue", "averageValue": "5"},
    }


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(0, 4000))
def test_no_load_far_beyond_the_target_goes_unseen(target, ceiling, load):
    """Whatever the engine's own ceiling of running requests: load beyond target + 5 makes one of the two metrics ask for more."""
    metrics = hpa(target)["metrics"]
    most_running, most_waiting = (int(m["pods"]["target"]["averageValue"]) for m in metrics)
    running = min(load, ceiling)
    asks = running > most_running or load - running > most_waiting
    assert asks or load <= target + 5
    assert most_running == target >= most_waiting >= 1


def test_the_autoscaler_keeps_the_bounds_and_lets_go_slowly():
    spec = hpa(replicas=(2, 3, 9))
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 9)
    assert spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"] < spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"]


@pytest.mark.parametrize(
    ("limit", "rollout", "says"),
    [(72, Rollout.SURGE, "72"), (71, Rollout.RECREATE, "71"), (None, Rollout.RECREATE, "not known"), (-3, Rollout.RECREATE, "-3")],
)
def test_a_surge_needs_accelerators_for_one_replica_more(limit, rollout, says):
    chosen, reason = choose_rollout(8, 8, limit)
    assert chosen is rollout
    assert says in reason


def test_the_rollout_becomes_the_deployments_strategy():
    surge, recreate = (of_kind(objects_of(rollout=rollout), "Deployment")["spec"]["strategy"] for rollout in Rollout)
    assert surge == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert recreate == {"type": "Recreate"}


def test_the_adapter_has_every_object_of_googles_manifest():
    names = {(body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]) for body in metrics_adapter_objects()}
    adapter = "custom-metrics-stackdriver-adapter"
    assert names == {
        ("Namespace", "", "custom-metrics"),
        ("ConfigMap", "custom-metrics", "giqplan-metrics-adapter"),
        ("ServiceAccount", "custom-metrics", adapter),
        ("ClusterRoleBinding", "", "custom-metrics:system:auth-delegator"),
        ("RoleBinding", "kube-system", "custom-metrics-auth-reader"),
        ("ClusterRole", "", "custom-metrics-resource-reader"),
        ("ClusterRoleBinding", "", "custom-metrics-resource-reader"),
        ("Deployment", "custom-metrics", adapter),
        ("Service", "custom-metrics", adapter),
        ("APIService", "", "v1beta1.custom.metrics.k8s.io"),
        ("APIService", "", "v1beta2.custom.metrics.k8s.io"),
        ("APIService", "", "v1beta1.external.metrics.k8s.io"),
        ("ClusterRole", "", "external-metrics-reader"),
        ("ClusterRoleBinding", "", "external-metrics-reader"),
    }


def test_the_adapter_is_a_set_of_its_own():
    members = [body for body in metrics_adapter_objects() if body["kind"] not in ("Namespace", "ConfigMap")]
    assert {body["metadata"]["labels"][PART_OF] for body in members} == {applyset_id("giqplan-metrics-adapter", "custom-metrics")}
    parent = of_kind(metrics_adapter_objects(), "ConfigMap")
    assert parent["metadata"]["annotations"]["applyset.k8s.io/additional-namespaces"] == "kube-system"


def test_the_adapters_pods_run_as_the_identity_that_gets_the_right():
    deployment = of_kind(metrics_adapter_objects(), "Deployment")
    where, account = metrics_adapter_identity
    assert deployment["metadata"]["namespace"] == where
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == account
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
