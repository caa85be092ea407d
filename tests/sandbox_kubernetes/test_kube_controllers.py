"""The controllers on a clock that the test moves: what becomes Available, what does not and why, and what scales."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from giqplan.sandbox.kubernetes import Hooks
from giqplan.sandbox.store import Store

NS = "/apis/apps/v1/namespaces/default"
CORE = "/api/v1/namespaces/default"
HPA = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/vllm"


def deployment(name: str = "vllm", replicas: int | None = 1, gpus: int = 8, strategy: str = "RollingUpdate", **spec: Any) -> dict[str, Any]:
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    container = {
        "name": "inference-server",
        "image": "vllm/vllm-openai:v0.11.1",
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
        "resources": {"limits": limits, "requests": limits},
        **spec.pop("container", {}),
    }
    labels = {"app.kubernetes.io/instance": name}
    pod: dict[str, Any] = {"containers": [container], **spec}
    if gpus:
        pod["nodeSelector"] = {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}
    wanted: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "strategy": {"type": strategy},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if replicas is not None:
        wanted["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"}, "spec": wanted}


def condition(obj: dict[str, Any], kind: str) -> tuple[str, str]:
    found = {c["type"]: (c["status"], c["reason"]) for c in obj["status"].get("conditions") or ()}
    return found.get(kind, ("", ""))


def reasons(world: Any) -> set[str]:
    return {e["reason"] for e in world.json("GET", f"{CORE}/events")["items"]}


def events(world: Any, reason: str) -> list[str]:
    return [e["message"] for e in world.json("GET", f"{CORE}/events")["items"] if e["reason"] == reason]


def phases(world: Any) -> list[str]:
    return sorted(p["status"]["phase"] for p in world.json("GET", f"{CORE}/pods")["items"])


def started(cluster: Callable[..., Any], hooks: Hooks | None = None, **more: Any) -> Any:
    world = cluster(controllers=True, autopilot=True, hooks=hooks, **more)
    world.clock.advance(5)
    return world


def limit(number: int) -> Hooks:
    return Hooks(accelerator_limit=lambda accelerator, provisioning: number)


def test_a_deployment_becomes_available_step_by_step(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    world.apply(f"{NS}/deployments/vllm", deployment())
    world.clock.advance(10)
    assert phases(world) == ["Pending"]
    assert "TriggeredScaleUp" in reasons(world)
    world.clock.advance(600)
    found = world.json("GET", f"{NS}/deployments/vllm")
    assert condition(found, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(found, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert found["status"]["readyReplicas"] == 1
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert reasons(world) >= {"ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "Pulling", "Pulled", "Started"}
    assert world.api.controllers.accelerators_in_use() == {("nvidia-h100-80gb", "standard"): 8}


def test_controllers_alter_no_field_that_was_applied_and_come_to_rest(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    sent = deployment()
    world.apply(f"{NS}/deployments/vllm", sent)
    world.clock.advance(600)
    before = world.json("GET", f"{NS}/deployments/vllm")
    again = world.apply(f"{NS}/deployments/vllm", sent).body
    assert (again["metadata"]["resourceVersion"], again["metadata"]["generation"]) == (before["metadata"]["resourceVersion"], 1)
    world.clock.advance(1200)
    version = world.api.objects.last_rv
    world.clock.advance(600)
    assert world.api.objects.last_rv == version


def test_a_restart_in_the_middle_goes_on(cluster: Callable[..., Any], tmp_path: Any) -> None:
    path = tmp_path / "s.db"
    world = started(cluster, store=Store(path))
    world.apply(f"{NS}/deployments/vllm", deployment())
    world.clock.advance(100)
    world.store.close()
    again = cluster(store=Store(path), controllers=True, autopilot=True)
    again.clock.advance(600)
    assert condition(again.json("GET", f"{NS}/deployments/vllm"), "Available")[0] == "True"


def test_a_missing_secret_keeps_the_container_from_starting_until_it_comes(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    reference = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf-secret", "key": "token"}}}
    world.apply(f"{NS}/deployments/vllm", deployment(container={"env": [reference]}))
    world.clock.advance(900)
    pod = world.json("GET", f"{CORE}/pods")["items"][0]
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CreateContainerConfigError"
    found = world.json("GET", f"{NS}/deployments/vllm")
    assert condition(found, "Available")[0] == "False"
    assert condition(found, "Progressing") == ("False", "ProgressDeadlineExceeded")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hf-secret"}, "stringData": {"token": "x"}}
    world.ask("POST", f"{CORE}/secrets", secret)
    world.clock.advance(600)
    assert condition(world.json("GET", f"{NS}/deployments/vllm"), "Available")[0] == "True"


def test_a_missing_service_account_makes_no_pods(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    world.apply(f"{NS}/deployments/vllm", deployment(serviceAccountName="vllm"))
    world.clock.advance(60)
    assert phases(world) == []
    assert 'serviceaccount "vllm" not found' in events(world, "FailedCreate")[0]
    world.ask("POST", f"{CORE}/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "vllm"}})
    world.clock.advance(600)
    assert phases(world) == ["Running"]


def test_beyond_the_quota_a_pod_waits_and_says_so(cluster: Callable[..., Any]) -> None:
    world = started(cluster, limit(8))
    world.apply(f"{NS}/deployments/vllm", deployment(replicas=2))
    world.clock.advance(600)
    assert phases(world) == ["Pending", "Running"]
    assert "8 of 8 in use" in events(world, "FailedScaleUp")[0]


def test_a_rolling_update_on_a_full_quota_stalls(cluster: Callable[..., Any]) -> None:
    world = started(cluster, limit(8))
    world.apply(f"{NS}/deployments/vllm", deployment())
    world.clock.advance(600)
    changed = deployment(container={"image": "vllm/vllm-openai:v0.11.2"})
    world.apply(f"{NS}/deployments/vllm", changed)
    world.clock.advance(1200)
    found = world.json("GET", f"{NS}/deployments/vllm")
    assert phases(world) == ["Pending", "Running"]
    assert condition(found, "Progressing") == ("False", "ProgressDeadlineExceeded")
    assert condition(found, "Available")[0] == "True"


def test_recreate_on_a_full_quota_gets_through(cluster: Callable[..., Any]) -> None:
    world = started(cluster, limit(8))
    world.apply(f"{NS}/deployments/vllm", deployment(strategy="Recreate"))
    world.clock.advance(600)
    changed = deployment(strategy="Recreate", container={"image": "vllm/vllm-openai:v0.11.2"})
    world.apply(f"{NS}/deployments/vllm", changed)
    world.clock.advance(900)
    found = world.json("GET", f"{NS}/deployments/vllm")
    pods = world.json("GET", f"{CORE}/pods")["items"]
    assert [p["spec"]["containers"][0]["image"] for p in pods] == ["vllm/vllm-openai:v0.11.2"]
    assert condition(found, "Available")[0] == "True"
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


def test_endpoints_hold_the_ready_pods(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    selector = {"app.kubernetes.io/instance": "vllm"}
    spec = {"selector": selector, "ports": [{"port": 8000, "targetPort": "http"}]}
    world.apply(f"{CORE}/services/vllm", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "vllm"}, "spec": spec})
    world.apply(f"{NS}/deployments/vllm", deployment())
    world.clock.advance(600)
    subset = world.json("GET", f"{CORE}/endpoints/vllm")["subsets"][0]
    assert (len(subset["addresses"]), subset["ports"][0]["port"]) == (1, 8000)


def test_deleting_a_deployment_takes_its_pods_along(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    world.apply(f"{NS}/deployments/vllm", deployment())
    world.clock.advance(600)
    world.ask("DELETE", f"{NS}/deployments/vllm")
    world.clock.advance(60)
    assert phases(world) == []
    assert world.json("GET", f"{NS}/replicasets")["items"] == []
    assert world.api.controllers.accelerators_in_use() == {}


def test_a_foreground_deletion_waits_for_the_pods(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    world.apply(f"{NS}/deployments/vllm", deployment())
    world.clock.advance(600)
    answer = world.json("DELETE", f"{NS}/deployments/vllm", propagationPolicy="Foreground")
    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]
    world.clock.advance(120)
    assert phases(world) == []
    assert world.ask("GET", f"{NS}/deployments/vllm").status == 404


def test_a_namespace_is_furnished_and_emptied(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    world.ask("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    world.clock.advance(5)
    assert world.ask("GET", "/api/v1/namespaces/team/serviceaccounts/default").status == 200
    assert world.ask("GET", "/api/v1/namespaces/team/configmaps/kube-root-ca.crt").status == 200
    gone = world.json("DELETE", "/api/v1/namespaces/team")
    assert gone["status"]["phase"] == "Terminating"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    assert world.ask("POST", "/api/v1/namespaces/team/configmaps", body).status == 403
    world.clock.advance(60)
    assert world.ask("GET", "/api/v1/namespaces/team").status == 404


# --- autoscaling ---------------------------------------------------------------------------------------------------------------------


def hpa(low: int = 1, high: int = 4) -> dict[str, Any]:
    name = "prometheus.googleapis.com|vllm:num_requests_running|gauge"
    metric = {"type": "Pods", "pods": {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": "10"}}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "vllm"}
    spec = {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high, "metrics": [metric]}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "vllm"}, "spec": spec}


def with_autoscaling(world: Any, adapter: bool = True, monitoring: bool = True) -> None:
    world.apply(f"{NS}/deployments/vllm", deployment(replicas=None))
    world.apply(HPA, hpa())
    if monitoring:
        spec = {"selector": {"matchLabels": {"app.kubernetes.io/instance": "vllm"}}, "endpoints": [{"port": "http", "interval": "15s"}]}
        body = {"apiVersion": "monitoring.googleapis.com/v1", "kind": "PodMonitoring", "metadata": {"name": "vllm"}, "spec": spec}
        world.apply("/apis/monitoring.googleapis.com/v1/namespaces/default/podmonitorings/vllm", body)
    if adapter:
        one = deployment("adapter", gpus=0)
        world.apply(f"{NS}/deployments/adapter", one)
        spec = {"selector": {"app.kubernetes.io/instance": "adapter"}, "ports": [{"port": 443, "targetPort": 8000}]}
        world.apply(f"{CORE}/services/adapter", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "adapter"}, "spec": spec})
        name = "v1beta1.custom.metrics.k8s.io"
        service = {"name": "adapter", "namespace": "default"}
        spec = {
            "group": "custom.metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": service,
        }
        spec["insecureSkipTLSVerify"] = True
        body = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}, "spec": spec}
        world.apply(f"/apis/apiregistration.k8s.io/v1/apiservices/{name}", body)
    world.clock.advance(700)


def test_without_an_adapter_the_autoscaler_cannot_read(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    with_autoscaling(world, adapter=False)
    found = world.json("GET", HPA)
    assert condition(found, "ScalingActive") == ("False", "FailedGetPodsMetric")
    assert "no custom metrics API" in events(world, "FailedGetPodsMetric")[0]


def test_without_the_role_the_adapter_is_refused(cluster: Callable[..., Any]) -> None:
    world = started(cluster, Hooks(may_read_metrics=lambda namespace, account: False))
    with_autoscaling(world)
    assert condition(world.json("GET", HPA), "ScalingActive") == ("False", "FailedGetPodsMetric")


def test_without_a_pod_monitoring_there_is_no_metric(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    with_autoscaling(world, monitoring=False)
    assert condition(world.json("GET", HPA), "ScalingActive") == ("False", "FailedGetPodsMetric")


def test_load_scales_up_through_the_scale_subresource_and_down_later(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    with_autoscaling(world)
    assert condition(world.json("GET", HPA), "ScalingActive") == ("True", "ValidMetricFound")
    world.api.controllers.set_load("default", "vllm", 25)
    world.clock.advance(30)
    found = world.json("GET", f"{NS}/deployments/vllm")
    assert found["spec"]["replicas"] == 3
    world.clock.advance(600)
    assert world.json("GET", f"{NS}/deployments/vllm")["status"]["readyReplicas"] == 3
    sent = copy.deepcopy(deployment(replicas=None))
    assert world.apply(f"{NS}/deployments/vllm", sent).body["spec"]["replicas"] == 3
    world.api.controllers.set_load("default", "vllm", 5)
    world.clock.advance(60)
    assert world.json("GET", f"{NS}/deployments/vllm")["spec"]["replicas"] == 3
    world.clock.advance(900)
    assert world.json("GET", f"{NS}/deployments/vllm")["spec"]["replicas"] == 1


def test_an_api_service_is_available_once_its_service_has_an_address(cluster: Callable[..., Any]) -> None:
    world = started(cluster)
    with_autoscaling(world)
    found = world.json("GET", "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io")
    assert condition(found, "Available") == ("True", "Passed")
    world.ask("DELETE", f"{NS}/deployments/adapter")
    world.clock.advance(60)
    found = world.json("GET", "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io")
    assert condition(found, "Available") == ("False", "MissingEndpoints")
    assert condition(world.json("GET", HPA), "ScalingActive")[0] == "False"
