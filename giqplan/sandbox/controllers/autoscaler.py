"""HorizontalPodAutoscaler: reads a custom metric only where a real one could be read, scales through the scale subresource.

Per-Pod metrics need the adapter's APIService, a running adapter behind it, an identity of it that may read Cloud Monitoring, and a
PodMonitoring that scrapes the Pods. Otherwise ScalingActive is False, as recorded on a real cluster. Rules of the algorithm (tolerance
10 %, stabilisation window 300 s downwards): Kubernetes documentation, Horizontal Pod Autoscaling.
"""

from __future__ import annotations

import math
from typing import Any

from giqplan.kube.quantity import canonical, parse
from giqplan.sandbox.controllers.context import MANAGER, Context, Json, condition
from giqplan.sandbox.controllers.deployments import is_ready
from giqplan.sandbox.controllers.services import behind, is_available
from giqplan.sandbox.kubernetes.bodies import Options
from giqplan.sandbox.kubernetes.selectors import selector_matches
from giqplan.sandbox.kubernetes.target import Target

CUSTOM_METRICS = "v1beta1.custom.metrics.k8s.io"
_TOLERANCE = 0.1
_DOWN_S = 300
_COMPONENT = "horizontal-pod-autoscaler"


class NoMetricError(Exception):
    """The metric cannot be read; the text is what the autoscaler says."""


def autoscaler(context: Context, namespace: str, name: str) -> None:
    """One look of an autoscaler at its target."""
    hpa = context.get("HorizontalPodAutoscaler", namespace, name)
    if hpa is None or hpa["metadata"].get("deletionTimestamp"):
        return
    reference = hpa["spec"]["scaleTargetRef"]
    target = context.get("Deployment", namespace, reference["name"]) if reference["kind"] == "Deployment" else None
    before = hpa.get("status") or {}
    if target is None:
        text = f'the HPA controller was unable to get the target\'s current scale: deployments/scale.apps "{reference["name"]}" not found'
        rows = [condition(before.get("conditions"), "AbleToScale", "False", "FailedGetScale", text, context.now)]
        context.set_status("HorizontalPodAutoscaler", hpa, {**before, "conditions": rows})
        return
    replicas = int(target["spec"].get("replicas", 1))
    if replicas == 0:
        text = "scaling is disabled since the replica count of the target is zero"
        _write(context, hpa, replicas, replicas, [], _active(context, before, "False", "ScalingDisabled", text))
        return
    try:
        wanted, current = _proposal(context, hpa, target, replicas)
    except NoMetricError as e:
        _write(context, hpa, replicas, 0, [], _active(context, before, "False", *_failure(hpa, str(e))))
        context.event("HorizontalPodAutoscaler", hpa, "Warning", _failure(hpa, str(e))[0], str(e), _COMPONENT)
        return
    allowed, limits = _within(context, hpa, replicas, wanted)
    metric = _metric_words(hpa)
    text = f"the HPA was able to successfully calculate a replica count from {metric}"
    rows = _active(context, before, "True", "ValidMetricFound", text)
    rows.append(condition(before.get("conditions"), "ScalingLimited", *limits, context.now))
    if allowed != replicas:
        _scale(context, hpa, target, allowed)
    _write(context, hpa, replicas, allowed, current, rows, scaled=allowed != replicas)


def _failure(hpa: Json, text: str) -> tuple[str, str]:
    kind = hpa["spec"]["metrics"][0]["type"] if hpa["spec"].get("metrics") else "Resource"
    return f"FailedGet{kind}Metric", f"the HPA was unable to compute the replica count: {text}"


def _metric_words(hpa: Json) -> str:
    metric = (hpa["spec"].get("metrics") or [{"type": "Resource"}])[0]
    if metric["type"] == "Pods":
        return f"pods metric {metric['pods']['metric']['name']}"
    return f"{metric['type'].lower()} metric"


def _active(context: Context, before: Json, status: str, reason: str, text: str) -> list[Json]:
    old = before.get("conditions")
    able = ("True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")
    return [condition(old, "AbleToScale", *able, context.now), condition(old, "ScalingActive", status, reason, text, context.now)]


def _write(context: Context, hpa: Json, replicas: int, desired: int, current: list[Json], rows: list[Json], scaled: bool = False) -> None:
    before = hpa.get("status") or {}
    status: Json = {"currentReplicas": replicas, "desiredReplicas": desired, "currentMetrics": current or None, "conditions": rows}
    if "lastScaleTime" in before:
        status["lastScaleTime"] = before["lastScaleTime"]
    if scaled:
        status["lastScaleTime"] = context.now
    if not current:
        status.pop("currentMetrics")
    context.set_status("HorizontalPodAutoscaler", hpa, {k: v for k, v in status.items() if v is not None})


def _proposal(context: Context, hpa: Json, target: Json, replicas: int) -> tuple[int, list[Json]]:
    """The largest number that a metric asks for, and the metrics' current values."""
    numbers, current = [], []
    for metric in hpa["spec"].get("metrics") or ():
        if metric["type"] != "Pods":
            raise NoMetricError(_unreadable(metric))
        name = metric["pods"]["metric"]["name"]
        pods = _pods(context, target)
        _check_path(context, target, name, pods)
        ready = [p for p in pods if is_ready(p)]
        load = context.noted(f"load/{hpa['metadata']['namespace']}/{target['metadata']['name']}") or {"in_flight": 0}
        average = load["in_flight"] / len(ready)
        goal = float(parse(metric["pods"]["target"]["averageValue"]))
        ratio = average / goal
        numbers.append(replicas if abs(ratio - 1) <= _TOLERANCE else math.ceil(ratio * len(ready)))
        shown = canonical(f"{round(average * 1000)}m")
        current.append({"type": "Pods", "pods": {"metric": {"name": name}, "current": {"averageValue": shown}}})
    if not numbers:
        raise NoMetricError("no metrics are given")
    return max(numbers), current


def _unreadable(metric: Json) -> str:
    if metric["type"] in ("Resource", "ContainerResource"):
        return "unable to get metrics for resource cpu: no metrics returned from resource metrics API"
    return f"unable to get metric of type {metric['type']}: no external metrics API"


def _pods(context: Context, target: Json) -> list[Json]:
    selector = target["spec"]["selector"]
    return [
        p
        for p in context.all("Pod", target["metadata"]["namespace"], selector.get("matchLabels"))
        if selector_matches(selector, p["metadata"].get("labels")) and not p["metadata"].get("deletionTimestamp")
    ]


def _check_path(context: Context, target: Json, metric: str, pods: list[Json]) -> None:
    """Raise unless the metric gets from the Pods to the autoscaler."""
    service = context.get("APIService", "", CUSTOM_METRICS)
    asked = f"unable to get metric {metric}: "
    if service is None:
        raise NoMetricError(
            asked + "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
        )
    if not is_available(service):
        raise NoMetricError(asked + "unable to fetch metrics from custom metrics API: the server is currently unable to handle the request")
    account = _adapter_account(context, service)
    if account is None or not context.api.hooks.may_read_metrics(*account):
        text = "unable to fetch metrics from custom metrics API: googleapi: Error 403: Permission monitoring.timeSeries.list denied"
        raise NoMetricError(asked + text + " (or the resource may not exist)., forbidden")
    if not any(is_ready(p) for p in pods) or not _scraped(context, target):
        raise NoMetricError(asked + "no metrics returned from custom metrics API")


def _adapter_account(context: Context, service: Json) -> tuple[str, str] | None:
    """(namespace, service account) of the Deployment behind the APIService; None when none is Available."""
    namespace, name = behind(service)
    behind_it = context.get("Service", namespace, name) or {}
    selector = (behind_it.get("spec") or {}).get("selector") or {}
    for found in context.all("Deployment", namespace):
        labels = (found["spec"]["template"].get("metadata") or {}).get("labels") or {}
        rows = (found.get("status") or {}).get("conditions") or ()
        if all(labels.get(k) == v for k, v in selector.items()) and any(c["type"] == "Available" and c["status"] == "True" for c in rows):
            return namespace, found["spec"]["template"]["spec"].get("serviceAccountName") or "default"
    return None


def _scraped(context: Context, target: Json) -> bool:
    """Whether a PodMonitoring scrapes the target's Pods on a port that a container has (a number may be undeclared)."""
    template = target["spec"]["template"]
    labels = (template.get("metadata") or {}).get("labels") or {}
    names = {p.get("name") for c in template["spec"]["containers"] for p in c.get("ports") or ()}
    for monitoring in context.all("PodMonitoring", target["metadata"]["namespace"]):
        spec = monitoring["spec"]
        if selector_matches(spec.get("selector"), labels) and any(
            isinstance(e["port"], int) or str(e["port"]).isdigit() or e["port"] in names for e in spec["endpoints"]
        ):
            return True
    return False


def _within(context: Context, hpa: Json, replicas: int, wanted: int) -> tuple[int, tuple[str, str, str]]:
    """The number after limits and the window for scaling down, and the words of ScalingLimited."""
    spec = hpa["spec"]
    low, high = spec.get("minReplicas", 1), spec["maxReplicas"]
    stable = _stabilised(context, hpa, replicas, min(max(wanted, low), high))
    if wanted > high:
        return stable, ("True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
    if wanted < low:
        return stable, ("True", "TooFewReplicas", "the desired replica count is less than the minimum replica count")
    return stable, ("False", "DesiredWithinRange", "the desired count is within the acceptable range")


def _stabilised(context: Context, hpa: Json, replicas: int, wanted: int) -> int:
    """Upwards at once. Downwards only after a whole window of lower proposals, and then to the largest of them.

    A real autoscaler looks every 15 s and takes the maximum of the window; nothing happens between two looks here, so that the window
    begins when the proposal first falls below the current number.
    """
    meta = hpa["metadata"]
    key = f"window/{meta['uid']}"
    pending = context.noted(key)
    if wanted >= replicas:
        if pending is not None:
            context.note(key, None)
        return wanted
    down: dict[str, Any] = (hpa["spec"].get("behavior") or {}).get("scaleDown") or {}
    window = down.get("stabilizationWindowSeconds", _DOWN_S)
    now = context.api.clock.now()
    if pending is None:
        pending = {"since": now, "largest": wanted}
        context.enqueue("hpa", meta["namespace"], meta["name"], window)
    pending["largest"] = max(pending["largest"], wanted)
    if now + 1e-6 < pending["since"] + window:
        context.note(key, pending)
        return replicas
    context.note(key, None)
    return int(pending["largest"])


def _scale(context: Context, hpa: Json, target: Json, replicas: int) -> None:
    meta = target["metadata"]
    resource = context.resource("Deployment")
    where = Target(resource, meta["namespace"], meta["name"], "scale")
    context.api.writer.write_scale(where, lambda scale: {**scale, "spec": {"replicas": replicas}}, Options(MANAGER))
    way = "above" if replicas > target["spec"].get("replicas", 1) else "below"
    text = f"New size: {replicas}; reason: {_metric_words(hpa)} {way} target"
    if way == "below":
        text = f"New size: {replicas}; reason: All metrics below target"
    context.event("HorizontalPodAutoscaler", hpa, "Normal", "SuccessfulRescale", text, _COMPONENT)
