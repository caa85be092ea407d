"""GIQ1502: the SLO lies within what the chosen profile has been measured to reach."""

from __future__ import annotations

from giqplan.checks.base import Subject, answer
from giqplan.model.check import Check, CheckStatus

CODE = "GIQ1502"


def check(subject: Subject) -> tuple[Check, ...]:
    """Fail with the nearest miss and the reachable range; pass with the latencies at the operating point."""
    recommendation, slo = subject.recommendation, subject.intent.spec.slo
    targets = {"ntpot": slo.ntpot_milliseconds, "ttft": slo.ttft_milliseconds, "itl": slo.itl_milliseconds}
    wanted = {name: float(value) for name, value in targets.items() if value is not None}
    point = recommendation.operating_point
    reached = {"ntpot": point.ntpot_ms, "ttft": point.ttft_ms, "itl": point.itl_ms}
    evidence: dict[str, object] = {}
    miss = recommendation.miss
    if miss is None:
        for name, target in wanted.items():
            evidence[f"{name} {slo.percentile.value}"] = f"{_ms(reached[name])} ms of {_ms(target)} ms"
        summary = "the latency targets hold at the operating point" if wanted else "no latency target is given"
        return (answer(CODE, CheckStatus.PASS, summary, evidence),)
    for reachable in miss.reachable:
        evidence[f"reachable {reachable.metric}"] = f"{_ms(reachable.min_ms)} to {_ms(reachable.max_ms)} ms ({reachable.profile})"
    evidence["nearest miss"] = f"{miss.metric} {_ms(miss.best_ms)} ms, {miss.best_ms / miss.target_ms:.2f} x the target"
    summary = f"no profile reaches {miss.metric} {_ms(miss.target_ms)} ms; the nearest reaches {_ms(miss.best_ms)} ms"
    remedy = (
        f"set spec.slo.{miss.metric}Milliseconds to at least {miss.best_ms:.0f}, or allow other accelerators or counts "
        "(spec.accelerator); `giqplan explain` lists every candidate"
    )
    return (answer(CODE, CheckStatus.FAIL, summary, evidence, remedy),)


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}" if value < 1000 else f"{value:,.0f}"
