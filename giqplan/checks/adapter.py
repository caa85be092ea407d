"""GIQ1510: an autoscaler has a metrics adapter to read from (design rule 8)."""

from __future__ import annotations

from giqplan.checks.base import Subject, answer
from giqplan.intent.choices import MetricsAdapter
from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.resource import Presence
from giqplan.resources import REGISTRY

CODE = "GIQ1510"
API_SERVICE = Address("kubernetes_api_service", "v1beta1.custom.metrics.k8s.io")
"""What an autoscaler asks for Pods metrics; whoever serves it is the adapter."""


def check(subject: Subject) -> tuple[Check, ...]:
    """Only where the intent leaves the adapter to others: with ``auto`` the plan installs one when none is there."""
    if subject.intent.spec.observability.metrics_adapter is not MetricsAdapter.NONE or subject.recommendation.sizing.hpa_target is None:
        return ()
    live = REGISTRY.of(API_SERVICE).live(API_SERVICE, {}, subject.world)
    evidence: dict[str, object] = {"api": API_SERVICE.name}
    if live.presence is Presence.PRESENT:
        return (answer(CODE, CheckStatus.PASS, "a metrics adapter serves the cluster", evidence),)
    if live.presence is Presence.UNKNOWN:
        evidence["why"] = "offline" if subject.world.offline else live.why
        return (answer(CODE, CheckStatus.UNKNOWN, "whether a metrics adapter is there could not be seen", evidence),)
    remedy = "set spec.observability.metricsAdapter: auto, or install an adapter first"
    return (answer(CODE, CheckStatus.FAIL, "the autoscaler has no metrics adapter: it could never scale", evidence, remedy),)
