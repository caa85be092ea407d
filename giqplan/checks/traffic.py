"""GIQ1506: the peak fits the highest replica count (design rule 8)."""

from __future__ import annotations

from giqplan.checks.base import Subject, answer
from giqplan.model.check import Check, CheckStatus

CODE = "GIQ1506"


def check(subject: Subject) -> tuple[Check, ...]:
    """Nothing without a peak, nor when no profile meets the SLO (GIQ1502 says that); fail with the replicas that it needs."""
    sizing, rate = subject.recommendation.sizing, subject.intent.spec.workload.requests_per_second
    if sizing.needed_at_peak is None or rate is None or rate.peak is None or subject.recommendation.miss is not None:
        return ()
    evidence: dict[str, object] = {
        "peak": f"{rate.peak:g} requests/s",
        "one replica": f"{subject.recommendation.operating_point.qps:.3g} requests/s at the operating point",
        "needed": sizing.needed_at_peak,
        "maxReplicas": sizing.max_replicas,
    }
    if sizing.needed_at_peak <= sizing.max_replicas:
        return (answer(CODE, CheckStatus.PASS, f"{sizing.needed_at_peak} of {sizing.max_replicas} replicas carry the peak", evidence),)
    remedy = f"set spec.autoscaling.maxReplicas to at least {sizing.needed_at_peak}, or loosen the SLO"
    summary = f"the peak needs {sizing.needed_at_peak} replicas, maxReplicas is {sizing.max_replicas}"
    return (answer(CODE, CheckStatus.FAIL, summary, evidence, remedy),)
