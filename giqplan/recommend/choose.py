"""The choice among all curves of a model (design 4.1, "Objective"): one is chosen, every other one says why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from giqplan.catalog import Catalog
from giqplan.errors import CatalogError, RecommendError
from giqplan.intent.choices import Prefer
from giqplan.intent.model import Intent
from giqplan.model.recommendation import Provenance, Reason, Recommendation, Rejection, SloMiss
from giqplan.recommend.candidate import Candidate, Judged, hardware, judge, miss_of
from giqplan.recommend.estimator.curves import told
from giqplan.recommend.modelled import Proposals, continues, proposals, why_none
from giqplan.recommend.question import Question, ask
from giqplan.units import usd_text

_TRUST = {provenance: rank for rank, provenance in enumerate(Provenance)}

_REMEDIES = {
    Reason.OTHER_SERVER: "serving.server",
    Reason.OTHER_STACK: "serving.stack",
    Reason.OTHER_VERSION: "serving.version",
    Reason.VERSION_UNKNOWN: "serving.version",
    Reason.OTHER_ACCELERATOR: "accelerator.types",
    Reason.OTHER_COUNT: "accelerator.count",
    Reason.PROVENANCE_NOT_ALLOWED: "evidence.allow",
    Reason.LENGTHS_TOO_FAR: "workload (nearer lengths)",
    Reason.STATISTIC_MISMATCH: "slo.percentile (public curves answer p50)",
    Reason.LATENCY_NOT_MEASURED: "slo (another latency)",
    Reason.SLO_BELOW_RANGE: "slo (a larger target)",
    Reason.DOES_NOT_FIT: "accelerator (larger or more), or a smaller model.maxModelLen",
    Reason.NOT_OFFERED_HERE: "target.location",
    Reason.NOT_SOLD_THIS_WAY: "cost.pricingModel",
    Reason.PRICE_UNKNOWN: "target.location or cost.pricingModel",
    Reason.PRICE_SUSPECT: "target.location or cost.pricingModel",
    Reason.TOO_EXPENSIVE_PER_TOKEN: "cost.maxUsdPerMillionOutputTokens",
    Reason.TOO_EXPENSIVE_PER_HOUR: "cost.maxUsdPerHour or autoscaling.maxReplicas",
}
"""What in the intent to change so that curves rejected for this reason come into play; the other reasons lie in the data."""


def recommend(intent: Intent, catalog: Catalog, applied_curve_key: str | None = None) -> Recommendation:
    """The profile that meets ``intent`` best, with its operating point, sizing and cost, and all other curves with their reasons.

    ``applied_curve_key``: the curve of the choice that is applied; while it still is a candidate it stays, and a better one is only
    mentioned. When latency targets alone stand in the way, the nearest miss is returned with ``miss`` set.

    Raises:
        RecommendError: there is no curve of the model, and none can be modelled (GIQ1301), or none can be used (GIQ1302).
        CatalogError: the model (GIQ1320), the use case or an accelerator is unknown.
    """
    curves = catalog.curves_for(intent.spec.model.id)
    question = ask(intent, catalog, curves)
    if not curves and question.model is None:
        raise _nobody_knows(intent, catalog)
    judged = [judge(curve, question) for curve in curves]
    objective = Objective(question)
    modelled = _modelled(question, judged, applied_curve_key, objective)
    judged += [judge(one.curve, question, one) for one in modelled.curves]
    judged += [Judged(None, rejection) for rejection in modelled.rejections]
    candidates = sorted((j.candidate for j in judged if j.candidate and not j.rejection), key=objective.key)
    if not candidates:
        return _nearest_miss(question, judged, objective, modelled)
    best = candidates[0]
    chosen = next((c for c in candidates if continues(c.curve, applied_curve_key, question)), best)
    notes = () if chosen is best else (_better(best, chosen, objective),)
    lost = (objective.lost(c, chosen) for c in candidates if c is not chosen)
    rejected = (*(j.rejection for j in judged if j.rejection), *lost)
    return _recommendation(question, chosen, rejected, objective, notes)


def _modelled(question: Question, judged: Sequence[Judged], applied: str | None, objective: Objective) -> Proposals:
    """None beside an applied choice that is measured and stands: it stays whatever the estimator says."""
    possible = [j.candidate for j in judged if j.candidate and not j.rejection]
    if any(continues(candidate.curve, applied, question) for candidate in possible):
        return Proposals()
    sure = [candidate.cost.usd_per_hour.initial for candidate in possible if not candidate.downgraded and not candidate.too_small]
    to_beat = min(sure) if sure and objective.is_hourly else None
    return proposals(question, [j.candidate.curve for j in judged if j.candidate], to_beat)


class Objective:
    """What candidates are compared by: the smaller, the better."""

    def __init__(self, question: Question) -> None:
        prefer = question.intent.spec.accelerator.prefer
        self._first_target = next(iter(question.targets), "ntpot")
        self.is_hourly = prefer is Prefer.COST and question.demand.mean is not None
        self._value: Callable[[Candidate], Decimal | float]
        if prefer is Prefer.LATENCY:
            self.words = f"the lowest {self._first_target.upper()} at the operating point"
            self._value, self._text, self.worse = self._latency, self._latency_text, Reason.SLOWER
        elif prefer is Prefer.THROUGHPUT:
            self.words = "the most output tokens per second of one replica"
            self._value, self._text, self.worse = self._throughput, self._throughput_text, Reason.SLOWER
        elif self.is_hourly:
            self.words = "the lowest cost per hour at the initial replicas"
            self._value, self._text, self.worse = self._per_hour, self._per_hour_text, Reason.DEARER
        else:
            self.words = "the lowest cost per million output tokens at the operating point"
            self._value, self._text, self.worse = self._per_token, self._per_token_text, Reason.DEARER

    def key(self, candidate: Candidate) -> tuple[bool, bool, Decimal | float, int, int, str]:
        """First trust, then enough capacity, then the value, then provenance, then of modelled ones the smaller replica, then the key of
        the curve.

        What cannot carry the traffic with all its replicas would look cheap only because the maximum cuts it off. Replicas of one
        accelerator, two and four on one machine are equally dear by the hour: the smaller ones grow in smaller steps.
        """
        size = candidate.profile.accelerator_count if candidate.estimated is not None else 0
        trust = _TRUST[candidate.curve.provenance]
        return candidate.downgraded, candidate.too_small, self._value(candidate), trust, size, candidate.curve.key

    def lost(self, candidate: Candidate, chosen: Candidate) -> Rejection:
        """Why ``candidate`` is not the choice, although it could be."""
        numbers = f"{self._text(candidate)}, chosen {self._text(chosen)}"
        if candidate.downgraded != chosen.downgraded:
            doubts = "; ".join(candidate.doubts) or "better founded, but the applied choice stays"
            return candidate.reject(Reason.LESS_TRUSTED, f"{doubts}: {numbers}")
        if candidate.too_small and not chosen.too_small:
            most = candidate.operating.qps * candidate.sizing.max_replicas
            limit = f"{candidate.sizing.max_replicas} replicas carry {most:.1f} requests/s, wanted {candidate.highest_qps:g}"
            return candidate.reject(Reason.SLOWER, limit)
        if self._value(candidate) > self._value(chosen):
            return candidate.reject(self.worse, f"needs {hardware(candidate)}: {numbers}")
        if self._value(candidate) < self._value(chosen):
            return candidate.reject(Reason.LESS_TRUSTED, f"better, but the applied choice stays: {numbers}")
        if candidate.curve.provenance is not chosen.curve.provenance:
            ranks = f"{candidate.curve.provenance.value}, chosen {chosen.curve.provenance.value}"
            return candidate.reject(Reason.LESS_TRUSTED, f"as good ({self._text(candidate)}), but {ranks}")
        larger = candidate.profile.accelerator_count - chosen.profile.accelerator_count
        decides = "the smaller replica is chosen" if candidate.estimated is not None and larger > 0 else "the order of keys decides"
        return candidate.reject(Reason.LESS_TRUSTED, f"as good ({self._text(candidate)}) and as trusted: {decides}")

    def text(self, candidate: Candidate) -> str:
        return self._text(candidate)

    def _per_hour(self, candidate: Candidate) -> Decimal:
        return candidate.cost.usd_per_hour.initial

    def _per_hour_text(self, candidate: Candidate) -> str:
        return f"{usd_text(self._per_hour(candidate))}/h"

    def _per_token(self, candidate: Candidate) -> Decimal:
        return candidate.cost.usd_per_million_output_tokens

    def _per_token_text(self, candidate: Candidate) -> str:
        return f"{usd_text(self._per_token(candidate), 3)} per million output tokens"

    def _latency(self, candidate: Candidate) -> float:
        point = candidate.operating
        value = {"ntpot": point.ntpot_ms, "ttft": point.ttft_ms, "itl": point.itl_ms}[self._first_target]
        assert value is not None, "a curve without a latency that is asked for is no candidate"
        return value

    def _latency_text(self, candidate: Candidate) -> str:
        return f"{self._first_target.upper()} {self._latency(candidate):.4g} ms"

    def _throughput(self, candidate: Candidate) -> float:
        return -candidate.operating.output_tokens_per_second

    def _throughput_text(self, candidate: Candidate) -> str:
        return f"{candidate.operating.output_tokens_per_second:,.0f} output tokens/s"


def _better(best: Candidate, chosen: Candidate, objective: Objective) -> str:
    return (
        f"the applied choice stays until the intent changes; {best.profile} (curve {best.curve.key}) would now be chosen: "
        f"{objective.text(best)}, applied {objective.text(chosen)}"
    )


def _nearest_miss(question: Question, judged: Sequence[Judged], objective: Objective, modelled: Proposals) -> Recommendation:
    """The curve that misses the targets by the smallest factor; raises GIQ1301 or GIQ1302 unless targets are what stands in the way."""
    rejections = [j.rejection for j in judged if j.rejection]
    late = (j.candidate for j in judged if j.candidate and j.rejection and j.rejection.reason is Reason.SLO_BELOW_RANGE)
    slow = sorted(late, key=objective.key)
    if not slow or any(r.reason in (Reason.TOO_EXPENSIVE_PER_HOUR, Reason.TOO_EXPENSIVE_PER_TOKEN) for r in rejections):
        raise _nothing_usable(question, rejections, modelled)
    nearest = min(slow, key=lambda c: (c.downgraded, miss_of(c, question)[0], *objective.key(c)))
    factor, metric, best_ms = miss_of(nearest, question)
    miss = SloMiss(metric, question.targets[metric], best_ms, tuple(r for c in slow for r in c.ranges))
    rejected = tuple(r for r in rejections if r.curve_key != nearest.curve.key)
    reaches = f"{metric.upper()} {best_ms:.4g} ms at its lowest load, {factor:.2f} times the target"
    note = f"no profile meets the SLO; this one comes nearest: {reaches}"
    return _recommendation(question, nearest, rejected, objective, (note,), miss)


def _nobody_knows(intent: Intent, catalog: Catalog) -> CatalogError:
    name = intent.spec.model.id
    near = catalog.closest_models(name)
    hint = f"did you mean {' or '.join(near)}? Else" if near else "check the name, or"
    return CatalogError("GIQ1320", f"{name} is no model that the catalog knows", f"{hint} name its config.json: model.configFile")


def _no_curve(question: Question, modelled: Proposals) -> RecommendError:
    """The error of a model that nobody measured, and that cannot be modelled either."""
    name, catalog = question.intent.spec.model.id, question.catalog
    why, remedy = why_none(modelled, question)
    close = ", ".join(one for one in catalog.closest_models(name) if catalog.curves_for(one))
    measured = f"choose a model that has curves{f', such as {close}' if close else ''}, or measure this one"
    detail = f"the catalog holds no curve of {name}, and none can be modelled: {why}"
    return RecommendError("GIQ1301", detail, "; ".join(text for text in (remedy, measured) if text))


_UNMADE = {Reason.DOES_NOT_FIT, Reason.NOT_MODELLED}


def _nothing_usable(question: Question, rejections: list[Rejection], modelled: Proposals) -> RecommendError:
    if {rejection.reason for rejection in rejections} <= _UNMADE:
        return _no_curve(question, modelled)
    counts = Counter(r.reason for r in rejections)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0].value))
    reasons = ", ".join(f"{reason.value} {count}" for reason, count in ordered)
    example = {r.reason: r for r in sorted(rejections, key=lambda r: r.curve_key, reverse=True)}
    lines = "".join(f"\n  {reason.value} ({count}): e.g. {example[reason].profile}: {example[reason].detail}" for reason, count in ordered)
    changes = list(dict.fromkeys(_REMEDIES[reason] for reason, _ in ordered if reason in _REMEDIES))
    nearest = question.nearest
    if Reason.LENGTHS_TOO_FAR in counts and nearest is not None:
        changes.append(f"the nearest lengths measured are {nearest.input_tokens}/{nearest.output_tokens} tokens ({nearest.profile})")
    modelled_too = sum(r.modelled for r in rejections)
    of_them = f", {modelled_too} of them modelled," if modelled_too else ""
    return RecommendError(
        "GIQ1302",
        f"none of the {len(rejections)} curves of {question.intent.spec.model.id}{of_them} can be used for {question.shape} "
        f"in {question.market.location}: {reasons}{lines}",
        f"change in the intent: {'; '.join(changes)}" if changes else "no change of the intent helps: measure the model",
    )


def _recommendation(
    question: Question,
    chosen: Candidate,
    rejected: tuple[Rejection, ...],
    objective: Objective,
    notes: tuple[str, ...],
    miss: SloMiss | None = None,
) -> Recommendation:
    order = {reason: i for i, reason in enumerate(Reason)}
    evidence, cost = chosen.evidence, chosen.cost
    if chosen.estimated is not None and question.case is not None:
        evidence = replace(evidence, estimate=told(chosen.estimated, question.case, chosen.operating, cost.machine_type))
    return Recommendation(
        model_id=question.intent.spec.model.id,
        profile=chosen.profile,
        operating_point=chosen.operating,
        saturation_point=chosen.saturation,
        evidence=evidence,
        sizing=chosen.sizing,
        cost=cost,
        objective=objective.words,
        rejected=tuple(sorted(rejected, key=lambda r: (order[r.reason], r.usd_per_hour_initial or 0, r.curve_key))),
        catalog_digest=question.catalog.digest,
        catalog_date=question.catalog.date,
        weights_gib=question.weights_gib(chosen.profile.precision),
        miss=miss,
        notes=(*notes, *chosen.notes),
    )
