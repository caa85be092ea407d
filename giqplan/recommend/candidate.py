"""One curve, judged: what it would be as a choice, and why it is none. The first hurdle that it does not clear is its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from giqplan.catalog import Curve
from giqplan.catalog.levels import MIN_LOADS, Level, ladder, levels, trustworthy, trustworthy_loads
from giqplan.catalog.placement import NoPlacement, Placement, place
from giqplan.model.estimate import Grade
from giqplan.model.profiles import MATCH, NEAR
from giqplan.model.recommendation import (
    Cost,
    Evidence,
    LatencyRange,
    OperatingPoint,
    Profile,
    Reason,
    Rejection,
    Sizing,
    Statistic,
)
from giqplan.recommend.cost import cost, machines
from giqplan.recommend.estimator.curves import Estimated
from giqplan.recommend.modelled import version_note
from giqplan.recommend.operating import find_points, reached
from giqplan.recommend.question import DEPLOYABLE_SERVERS, Question, evidence_notes, servable, server_fits, stack_fits
from giqplan.recommend.sizing import size
from giqplan.recommend.workload import distance
from giqplan.units import usd_text

_UNCHECKED = "modelled, class C: nothing like it was measured, or estimates of the like were more than 40 % off"
_ANSWERS_P50 = (Statistic.P50, Statistic.MEAN, Statistic.UNSAID)


@dataclass(frozen=True)
class Candidate:
    """A curve that clears every hurdle of trust and of the market: what it would be as the choice."""

    curve: Curve
    profile: Profile
    operating: OperatingPoint
    saturation: OperatingPoint
    evidence: Evidence
    sizing: Sizing
    cost: Cost
    notes: tuple[str, ...]
    ranges: tuple[LatencyRange, ...]
    highest_qps: float
    """Requests per second at the peak, else on average; 0 = no traffic is given."""
    estimated: Estimated | None = None
    """What the estimator said; None = a measured curve."""

    @property
    def too_small(self) -> bool:
        """Whether all replicas together carry less than the highest traffic."""
        return self.operating.qps * self.sizing.max_replicas < self.highest_qps

    @property
    def downgraded(self) -> bool:
        """Another shape, another model, a version that nobody states, or an estimate that is a guess: such a curve never beats one without
        these doubts."""
        return bool(self.doubts)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What makes the evidence less than the real thing, in words."""
        evidence = self.evidence
        near = f"measured at {evidence.input_tokens}/{evidence.output_tokens} tokens, distance {evidence.distance:.2f}: near, no match"
        other = f"measured with {self.curve.shared_from}"
        return tuple(
            text
            for text, holds in (
                (near, evidence.near),
                (other, self.curve.shared_from),
                (evidence.version_distance, evidence.version_distance),
                (_UNCHECKED, self.estimated is not None and self.estimated.grade is Grade.C),
            )
            if holds
        )

    def reject(self, reason: Reason, detail: str) -> Rejection:
        return Rejection(
            self.curve.key,
            self.curve.profile,
            reason,
            detail,
            self.cost.usd_per_hour.initial,
            self.cost.usd_per_million_output_tokens,
            self.estimated is not None,
        )


@dataclass(frozen=True)
class Judged:
    """``candidate`` is there once a curve came as far as its points and price; ``rejection`` unless it may be chosen."""

    candidate: Candidate | None
    rejection: Rejection | None


def judge(curve: Curve, question: Question, estimated: Estimated | None = None) -> Judged:
    """``curve`` against the whole intent, except the comparison with the other curves; ``estimated``: where it comes from, if from the
    estimator."""
    early = next(_hurdles(curve, question), None)
    if early is not None:
        return Judged(None, Rejection(curve.key, curve.profile, *early, modelled=estimated is not None))
    assert curve.input_tokens is not None and curve.output_tokens is not None
    rungs = ladder(curve, curve.output_tokens)
    placement = place(curve.profile, question.market)
    if isinstance(placement, NoPlacement):
        return Judged(None, Rejection(curve.key, curve.profile, placement.reason, placement.detail, modelled=estimated is not None))
    points = find_points(rungs, curve.input_tokens, question.targets, "measured" if estimated is None else "estimated")
    candidate = _candidate(curve, question, rungs.levels, placement, points.operating, points.saturation, estimated)
    if not points.within_slo:
        return Judged(candidate, candidate.reject(Reason.SLO_BELOW_RANGE, _slo_detail(candidate, question)))
    dear = _too_expensive(candidate, question)
    return Judged(candidate, dear)


def _hurdles(curve: Curve, question: Question) -> Iterator[tuple[Reason, str]]:
    """Every reason, in this order, for which the curve cannot be used whatever the market says."""
    yield from _identity_hurdles(curve, question)
    yield from _version_hurdles(curve, question)
    if curve.input_tokens is None or curve.output_tokens is None:
        yield Reason.LENGTHS_UNKNOWN, "its source states no token lengths"
    else:
        yield from _evidence_hurdles(curve, question, curve.input_tokens, curve.output_tokens)


def _identity_hurdles(curve: Curve, question: Question) -> Iterator[tuple[Reason, str]]:
    profile, spec = curve.profile, question.intent.spec
    if not server_fits(curve, question.intent):
        yield Reason.OTHER_SERVER, f"{profile.model_server}, wanted {spec.serving.server.value}"
    if not stack_fits(curve, question.intent):
        yield Reason.OTHER_STACK, f"{profile.serving_stack or 'no stack'}, wanted {spec.serving.stack.value}"
    if profile.model_server not in DEPLOYABLE_SERVERS:
        yield Reason.UNSUPPORTED_HERE, f"giqplan does not deploy {profile.model_server} yet, only {', '.join(DEPLOYABLE_SERVERS)}"
    elif not servable(curve, question):
        yield (
            Reason.UNSUPPORTED_HERE,
            f"measured in {profile.precision}, which vLLM cannot make of the model's checkpoint without your word",
        )
    if "any" not in spec.accelerator.types and profile.accelerator not in spec.accelerator.types:
        yield Reason.OTHER_ACCELERATOR, f"{profile.accelerator}, wanted {' or '.join(spec.accelerator.types)}"
    if profile.accelerator.startswith("tpu"):
        yield Reason.UNSUPPORTED_HERE, f"giqplan does not deploy on TPUs yet: {profile.accelerator}"
    if spec.accelerator.count is not None and profile.accelerator_count != spec.accelerator.count:
        yield Reason.OTHER_COUNT, f"{profile.accelerator_count} accelerators a replica, wanted {spec.accelerator.count}"
    if curve.variant:
        yield Reason.UNSUPPORTED_HERE, f"measured with {curve.variant}, which a plain deployment does not repeat"
    if curve.provenance not in spec.evidence.allow:
        yield Reason.PROVENANCE_NOT_ALLOWED, f"{curve.provenance.value}, allowed {', '.join(p.value for p in spec.evidence.allow)}"


def _version_hurdles(curve: Curve, question: Question) -> Iterator[tuple[Reason, str]]:
    version, wanted = curve.profile.model_server_version, question.versions.get(curve.profile.accelerator, "")
    if not version and not question.version_is_named:
        yield Reason.VERSION_UNKNOWN, "its source names no server version; name one in serving.version to consider it"
    if version and wanted and version != wanted:
        newest = "" if question.version_is_named else ", the newest measured on this accelerator"
        yield Reason.OTHER_VERSION, f"{version}, wanted {wanted}{newest}"


def _evidence_hurdles(curve: Curve, question: Question, input_tokens: int, output_tokens: int) -> Iterator[tuple[Reason, str]]:
    far = distance(question.shape, input_tokens, output_tokens)
    if far > NEAR:
        yield Reason.LENGTHS_TOO_FAR, _far_detail(curve, question, far)
    good = trustworthy_loads(curve)
    if good == 0:
        yield Reason.ALL_POINTS_SUSPECT, f"all {len(curve.points)} points are suspect or dominated by waiting in the queue"
    if good < MIN_LOADS:
        yield Reason.TOO_FEW_LOADS, f"{good} trustworthy loads of {len(curve.points)}, {MIN_LOADS} are needed"
    percentile = question.intent.spec.slo.percentile.value
    if curve.statistic.value != percentile and not (percentile == "p50" and curve.statistic in _ANSWERS_P50):
        yield Reason.STATISTIC_MISMATCH, f"holds {curve.statistic.value}, wanted {percentile}"
    usable = levels(curve, output_tokens)
    for name in question.targets:
        having = sum(level.metric(name) is not None for level in usable)
        if having < len(usable) or having < MIN_LOADS:
            yield Reason.LATENCY_NOT_MEASURED, f"{name.upper()} is known at {having} of {good} loads"
    if len(usable) < MIN_LOADS:
        yield Reason.LATENCY_NOT_MEASURED, f"latency and rate are known at {len(usable)} of {good} loads, {MIN_LOADS} are needed"


def _far_detail(curve: Curve, question: Question, far: float) -> str:
    detail = f"measured at {curve.input_tokens}/{curve.output_tokens} tokens, wanted {question.shape}: distance {far:.2f}, at most 0.69"
    nearest = question.nearest
    if nearest is None or nearest.key == curve.key:
        return f"{detail}; it is the nearest; other lengths would have to be measured"
    return f"{detail}; nearest is {nearest.key} at {nearest.input_tokens}/{nearest.output_tokens}; other lengths would have to be measured"


def _candidate(
    curve: Curve,
    question: Question,
    usable: tuple[Level, ...],
    placement: Placement,
    operating: OperatingPoint,
    saturation: OperatingPoint,
    estimated: Estimated | None,
) -> Candidate:
    assert curve.input_tokens is not None and curve.output_tokens is not None
    far = distance(question.shape, curve.input_tokens, curve.output_tokens)
    version, wanted = curve.profile.model_server_version, question.versions.get(curve.profile.accelerator, "")
    evidence = Evidence(
        curve_key=curve.key,
        provenance=curve.provenance,
        statistic=curve.statistic,
        measured_at=curve.measured_at,
        source=curve.source,
        input_tokens=curve.input_tokens,
        output_tokens=curve.output_tokens,
        loads=len(usable),
        distance=far,
        near=far > MATCH,
        version_distance="" if version else f"the source names no server version; {wanted} is run because serving.version says so",
    )
    sizing = size(question.demand, operating, question.start(curve.profile.precision), question.target_texts)
    profile = replace(curve.profile, model_id=question.intent.spec.model.id, model_server_version=version or wanted)
    notes = list(evidence_notes(evidence, question.intent.spec.slo.percentile.value, question.shape))
    if curve.measured_replicas > 1:
        notes.append(f"measured as totals of {curve.measured_replicas} replicas, divided by them")
    if estimated is not None and (note := version_note(estimated.setup, question)):
        notes.append(note)
    if curve.shared_from:
        notes.append(f"measured with {curve.shared_from}, a model of the same architecture")
    left_out = sum(not trustworthy(p) for p in curve.points)
    if left_out:
        notes.append(f"{left_out} of {len(curve.points)} points left out: suspect or dominated by waiting in the queue")
    ranges = tuple(
        LatencyRange(name, low, high, curve.key, profile) for name, (low, high) in reached(usable).items() if name in question.targets
    )
    return Candidate(
        curve=curve,
        profile=profile,
        operating=operating,
        saturation=saturation,
        evidence=evidence,
        sizing=sizing,
        cost=cost(placement.price, placement.replicas_per_machine, operating, sizing, question.ratio),
        notes=(*notes, *placement.notes),
        ranges=ranges,
        highest_qps=question.demand.peak or question.demand.mean or 0.0,
        estimated=estimated,
    )


def hardware(candidate: Candidate) -> str:
    """What the initial replicas take: ``2 replicas = 16 accelerators on 2 x a3-highgpu-8g``."""
    count, replicas = candidate.profile.accelerator_count, candidate.sizing.initial_replicas
    whole = machines(replicas, candidate.cost.replicas_per_machine)
    plural = "replica" if replicas == 1 else "replicas"
    return f"{replicas} {plural} = {count * replicas} accelerators on {whole} x {candidate.cost.machine_type}"


def miss_of(candidate: Candidate, question: Question) -> tuple[float, str, float]:
    """(factor, metric, milliseconds): the target that the lowest load misses by most."""
    point = candidate.operating
    values = {"ntpot": point.ntpot_ms, "ttft": point.ttft_ms, "itl": point.itl_ms}
    return max(((values[name] or 0.0) / target, name, values[name] or 0.0) for name, target in question.targets.items())


def _slo_detail(candidate: Candidate, question: Question) -> str:
    factor, name, best = miss_of(candidate, question)
    return f"{name.upper()} {best:.4g} ms at its lowest load, wanted {question.targets[name]:g} ms: {factor:.2f} times"


def _too_expensive(candidate: Candidate, question: Question) -> Rejection | None:
    bounds, price = question.intent.spec.cost, candidate.cost
    per_token, per_hour = bounds.max_usd_per_million_output_tokens, bounds.max_usd_per_hour
    if per_token is not None and price.usd_per_million_output_tokens > per_token:
        return candidate.reject(
            Reason.TOO_EXPENSIVE_PER_TOKEN,
            f"{usd_text(price.usd_per_million_output_tokens, 3)} per million output tokens, at most {usd_text(per_token, 3)}",
        )
    if per_hour is not None and price.usd_per_hour.max > per_hour:
        return candidate.reject(
            Reason.TOO_EXPENSIVE_PER_HOUR,
            f"{usd_text(price.usd_per_hour.max)}/h at {candidate.sizing.max_replicas} replicas, at most {usd_text(per_hour)}/h",
        )
    return None
