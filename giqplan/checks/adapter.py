"""GIQ1510: an autoscaler has a metrics adapter to read from, one that knows its metrics, and only one (design rule 8).

The autoscaler asks ``custom.metrics.k8s.io``, in whichever version the cluster prefers; who stands behind its APIServices is the adapter.
Its metrics are named as the Stackdriver adapter names those of managed Prometheus, and no other adapter knows them by these names.
"""

from __future__ import annotations

from giqplan.checks.base import Subject, answer
from giqplan.intent.choices import MetricsAdapter
from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.resource import Live, Presence
from giqplan.model.values import JsonObject
from giqplan.resources import REGISTRY

CODE = "GIQ1510"
API, VERSIONS = "custom.metrics.k8s.io", ("v1beta1", "v1beta2")
_WORD = "stackdriver"
"""Stands in the name of the one adapter's Service, in Google's manifests and in those of others."""
_KNOWN_OTHERS = ("prometheus-adapter", "keda", "datadog")
"""Words in the names of Services of adapters that read elsewhere."""


def check(subject: Subject) -> tuple[Check, ...]:
    """Nothing without an autoscaler."""
    if subject.recommendation.sizing.hpa_target is None:
        return ()
    served = {version: _live(version, subject) for version in VERSIONS}
    unseen = next((live for live in served.values() if live.presence is Presence.UNKNOWN), None)
    if unseen is not None:
        why = "offline" if subject.world.offline else unseen.why
        return (answer(CODE, CheckStatus.UNKNOWN, "whether a metrics adapter is there could not be seen", {"why": why}),)
    there = {f"{version}.{API}": live for version, live in served.items() if live.presence is Presence.PRESENT}
    if not there:
        return (_none(subject),)
    behind = {name: _service(live.body) for name, live in there.items()}
    if len(set(behind.values())) > 1:
        remedy = "keep one adapter: delete the other with its APIServices (kubectl get apiservices), if nobody's autoscaler reads it"
        return (answer(CODE, CheckStatus.FAIL, "two metrics adapters: an autoscaler reads only one of them", {**behind}, remedy),)
    return (_one(next(iter(behind.values())), there),)


def _live(version: str, subject: Subject) -> Live:
    address = Address("kubernetes_api_service", f"{version}.{API}")
    return REGISTRY.of(address).live(address, {}, subject.world)


def _none(subject: Subject) -> Check:
    if subject.intent.spec.observability.metrics_adapter is not MetricsAdapter.NONE:
        return answer(CODE, CheckStatus.PASS, "the plan installs Google's Stackdriver adapter", {})
    remedy = "set spec.observability.metricsAdapter: auto, or install an adapter first"
    return answer(CODE, CheckStatus.FAIL, "the autoscaler has no metrics adapter: it could never scale", {"api": API}, remedy)


def _service(body: JsonObject | None) -> str:
    service = (body or {}).get("spec", {}).get("service") or {}
    return "/".join(part for part in (service.get("namespace"), service.get("name")) if part) or "the API server itself"


def _one(service: str, there: dict[str, Live]) -> Check:
    """Whether the one adapter is the right one, and answers. Ours may still be starting: that is no prerequisite of ours."""
    evidence: dict[str, object] = dict.fromkeys(there, service)
    away = "take its APIServices away (kubectl delete apiservice) if nobody's autoscaler reads it: the plan then installs the right one"
    if any(word in service for word in _KNOWN_OTHERS):
        summary = f"{service} serves {API}: it does not know the metrics of managed Prometheus, so nothing would scale"
        return answer(CODE, CheckStatus.FAIL, summary, evidence, away)
    reasons = {reason for live in there.values() if not live.ours and (reason := _unavailable(live.body))}
    if reasons:
        summary = f"the metrics adapter behind {service} does not answer"
        evidence["reason"] = ", ".join(sorted(reasons))
        return answer(CODE, CheckStatus.FAIL, summary, evidence, f"mend it, or {away}")
    if _WORD not in service:
        summary = f"{service} serves {API}: whether it knows the metrics of managed Prometheus cannot be seen"
        return answer(CODE, CheckStatus.WARN, summary, evidence, f"see what it is; if it is not Google's Stackdriver adapter, {away}")
    return answer(CODE, CheckStatus.PASS, f"{service} is there", {})


def _unavailable(body: JsonObject | None) -> str:
    """Why the API server cannot reach what is behind an APIService; "" = it can, or has not said yet."""
    rows = (body or {}).get("status", {}).get("conditions") or ()
    return next((str(row.get("reason", "unknown")) for row in rows if row["type"] == "Available" and row["status"] == "False"), "")
