"""The HorizontalPodAutoscaler: design rule 8 in the two metrics that an HPA can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from giqplan.manifests import marks

if TYPE_CHECKING:
    from giqplan.intent.model import Intent
    from giqplan.model.recommendation import Recommendation

#: Google's advice for queue size on GPUs is to start with 3 to 5 waiting requests and go up.
QUEUE_TARGET = 5
#: Twice the replicas a minute at most, at least one: a minute holds four scrapes and four decisions, so each step is seen
#: before the next. No waiting before the first: the headroom of the target already paid for the start of a node.
_UP = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": (("Percent", 100, 60), ("Pods", 1, 60))}
#: A node with GPUs is slow to come back and may not come back at all: look at ten minutes, then go slowly.
_DOWN = {"stabilizationWindowSeconds": 600, "selectPolicy": "Max", "policies": (("Percent", 10, 120), ("Pods", 1, 120))}


def autoscaler(intent: Intent, recommendation: Recommendation, metrics: tuple[str, str], target: int) -> dict[str, Any]:
    """The HPA on requests running and waiting.

    The rule wants running + waiting <= target. An HPA takes the larger answer of its metrics, never their sum, so: running
    gets the target itself; waiting gets a small one, because requests wait only once the engine takes no more, and then the
    sum is past what it can serve, wherever the engine's own ceiling lies.
    """
    running, waiting = metrics
    sizing = recommendation.sizing
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": intent.metadata.name},
        "minReplicas": sizing.min_replicas,
        "maxReplicas": sizing.max_replicas,
        "metrics": [_pods_metric(running, target), _pods_metric(waiting, min(QUEUE_TARGET, target))],
        "behavior": {"scaleUp": _behavior(_UP), "scaleDown": _behavior(_DOWN)},
    }
    meta = marks.metadata(intent, recommendation)
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}


def _pods_metric(name: str, target: int) -> dict[str, Any]:
    """A gauge of managed Prometheus as the Stackdriver adapter names it: ``prometheus.googleapis.com|<name>|gauge``."""
    metric = {"name": f"prometheus.googleapis.com|{name}|gauge"}
    return {"type": "Pods", "pods": {"metric": metric, "target": {"type": "AverageValue", "averageValue": str(target)}}}


def _behavior(rule: dict[str, Any]) -> dict[str, Any]:
    policies = [{"type": kind, "value": value, "periodSeconds": seconds} for kind, value, seconds in rule["policies"]]
    return {**rule, "policies": policies}
