"""The recommendation in a few lines: what was chosen, why, what it reaches and what it costs. ``explain`` tells the rest."""

from __future__ import annotations

from collections.abc import Iterator

from giqplan.model.plan import Part
from giqplan.model.recommendation import OperatingPoint, Provenance, Recommendation, UsdPerHour
from giqplan.render.modelled import modelled_line
from giqplan.units import usd_text

_PROVENANCE = {
    Provenance.USER: "your own benchmark",
    Provenance.GIQ: "GKE Inference Quickstart",
    Provenance.MEASURED: "a public measurement",
    Provenance.MODELLED: "a model, not a measurement",
}


def recommendation_lines(found: Recommendation) -> Iterator[tuple[str, str]]:
    """Label and text, in order."""
    cost, sizing, evidence = found.cost, found.sizing, found.evidence
    machine = f"{cost.machine_type}, {cost.pricing_model.value} in {cost.region}"
    miss = found.miss
    yield ("nearest" if miss else "profile", f"{found.model_id} by {found.profile}, {machine}")
    if miss:
        yield "missed", f"{miss.metric.upper()} {miss.target_ms:g} ms; the nearest profile reaches {miss.best_ms:.4g} ms at its lowest load"
    others = len(found.rejected)
    yield "why", f"{found.objective}; {others} other {'curve' if others == 1 else 'curves'} rejected (giqplan explain)"
    yield "reaches", _reaches(found.operating_point)
    replicas = f"{sizing.initial_replicas} {'replica' if sizing.initial_replicas == 1 else 'replicas'} at first"
    scaling = (
        f"{sizing.min_replicas} to {sizing.max_replicas}, one more above {sizing.hpa_target} requests each" if sizing.hpa_target else ""
    )
    yield "scale", ", ".join(part for part in (replicas, scaling) if part)
    yield "cost", _cost(found)
    near = ", lengths near, not equal" if evidence.near else ""
    date = f" of {evidence.measured_at}" if evidence.measured_at else ""
    tokens = f"{evidence.input_tokens}/{evidence.output_tokens} tokens"
    yield "evidence", f"{_PROVENANCE[evidence.provenance]}{date}, {tokens}, statistic: {evidence.statistic.value}{near} ({evidence.source})"
    if evidence.estimate is not None:
        yield "modelled", modelled_line(evidence.estimate)
    for note in found.notes:
        yield "note", note


def _reaches(point: OperatingPoint) -> str:
    measured = (("NTPOT", point.ntpot_ms), ("TTFT", point.ttft_ms), ("ITL", point.itl_ms))
    latencies = ", ".join(f"{name} {value:.4g} ms" for name, value in measured if value is not None)
    load = f"{point.qps:.3g} requests/s and {point.output_tokens_per_second:,.0f} output tokens/s a replica"
    bound = "at saturation" if point.is_saturation else f"bound by {point.bound.value.upper()}"
    return "; ".join(part for part in (latencies, load, bound) if part)


def _cost(found: Recommendation) -> str:
    cost = found.cost
    hourly = cost.usd_per_hour
    parts = [
        f"{usd_text(hourly.initial)}/h at first ({usd_text(hourly.min)} to {usd_text(hourly.max)})",
        f"{usd_text(cost.usd_per_million_output_tokens)} per million output tokens",
        f"price list of {cost.price.as_of}",
    ]
    excluded = f"not in it: {', '.join(cost.excluded)}" if cost.excluded else ""
    return "; ".join(part for part in (*parts, excluded) if part)


def part_line(part: Part) -> str:
    """One of several intents in a line: what was chosen for it, and at what cost."""
    found = part.recommendation
    if found is None:
        return ""
    missed = "no profile meets the SLO; nearest: " if found.miss else ""
    cost, sizing, modelled = found.cost.usd_per_hour, found.sizing, found.evidence.estimate
    estimate = f", modelled, class {modelled.grade.value}" if modelled is not None else ""
    replicas = f"{sizing.initial_replicas} of {sizing.min_replicas} to {sizing.max_replicas} replicas"
    return f"{missed}{found.model_id} by {found.profile}, {replicas}, {usd_text(cost.initial)}/h{estimate}"


def cost_clause(cost: UsdPerHour | None) -> str:
    """`` $88.49/h initial (min $88.49, max $265.47).``, or nothing without a recommendation."""
    if cost is None:
        return ""
    return f" {usd_text(cost.initial)}/h initial (min {usd_text(cost.min)}, max {usd_text(cost.max)})."
