"""What is asked: the intent and the catalog, read once, in the terms in which curves are judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import inf

from giqplan.catalog import Catalog, Curve, Model
from giqplan.catalog.checkpoint import held_precision, served_as
from giqplan.catalog.levels import MIN_LOADS, trustworthy_loads
from giqplan.catalog.placement import Market
from giqplan.catalog.versions import newest
from giqplan.errors import CatalogError
from giqplan.intent.choices import Percentile, Server, Stack
from giqplan.intent.model import Intent
from giqplan.model.profiles import METRICS
from giqplan.model.recommendation import Evidence, PricingModel, Provenance, Statistic
from giqplan.recommend.estimator.curves import Case
from giqplan.recommend.estimator.search import newest_version, precision_of
from giqplan.recommend.sizing import Demand
from giqplan.recommend.start_time import StartTime, start_time
from giqplan.recommend.weights import weights_gib
from giqplan.recommend.workload import Shape, distance, wanted_shape

LATEST = "latest"


@dataclass(frozen=True)
class Question:
    """``targets``: metric -> milliseconds. ``versions``: accelerator -> the version that may be chosen on it, "" = none is known.
    ``nearest``: the curve of nearest shape, to be named where none is near enough. ``model``: its facts, None = unknown."""

    intent: Intent
    catalog: Catalog
    shape: Shape
    targets: dict[str, float]
    versions: dict[str, str]
    market: Market
    demand: Demand
    nearest: Curve | None
    model: Model | None = None

    @property
    def ratio(self) -> Decimal:
        return self.intent.spec.cost.output_input_cost_ratio

    @property
    def version_is_named(self) -> bool:
        return self.intent.spec.serving.version != LATEST

    @property
    def target_texts(self) -> tuple[str, ...]:
        return tuple(f"{name.upper()} {target:g} ms" for name, target in self.targets.items())

    def weights_gib(self, precision: str) -> float | None:
        """Size of the weights: the intent's word, else the catalog's for this precision; None = unknown."""
        given = self.intent.spec.model.weights_gib
        return given if given is not None else weights_gib(self.model, precision)

    def far(self, curve: Curve) -> float:
        """How far the lengths of ``curve`` lie from those asked for; infinite where they are unknown."""
        if curve.input_tokens is None or curve.output_tokens is None:
            return inf
        return distance(self.shape, curve.input_tokens, curve.output_tokens)

    def version_on(self, accelerator: str) -> str:
        """The version that a modelled replica runs: the one named; else the newest measured of the model on this accelerator, or of any
        model."""
        if self.version_is_named:
            return self.intent.spec.serving.version.removeprefix("v")
        return self.versions.get(accelerator) or newest_version(self.catalog, MODELLED_SERVER)

    @property
    def case(self) -> Case | None:
        """The model at the lengths asked for, as the estimator is asked; None = nothing is known of the model. The server is started for
        requests of ``maxModelLen`` tokens, else of the model's whole context."""
        if self.model is None:
            return None
        asked = self.shape.input_tokens + self.shape.output_tokens
        longest = max(self.intent.spec.model.max_model_len or self.model.max_context or asked, asked)
        return Case(self.catalog, self.model, self.shape.input_tokens, self.shape.output_tokens, longest)

    @property
    def plain_precision(self) -> str | None:
        """The precision that a plain deployment of the intent serves; None = one that is not modelled."""
        if self.model is None:
            return None
        return precision_of(self.model, quantization(self.intent), streamed=self.intent.spec.storage.bucket is not None)

    @property
    def not_modelled(self) -> str:
        """Why the intent leaves no room for a modelled curve; "" = it does."""
        spec, case = self.intent.spec, self.case
        if Provenance.MODELLED not in spec.evidence.allow:
            return "evidence.allow leaves out modelled curves"
        if spec.serving.server not in (Server.ANY, Server.VLLM) or spec.serving.stack is not Stack.NONE:
            return f"only plain {MODELLED_SERVER} is modelled"
        if spec.slo.percentile is not Percentile.P50:
            return f"the estimator answers for p50, not for {spec.slo.percentile.value}"
        if case is None:
            return "nothing is known of the model"
        if self.plain_precision is None or spec.model.dtype == "float32":
            return "the precision that serving.args or model.dtype ask for is not modelled"
        return case.too_long

    def start(self, precision: str) -> StartTime:
        return start_time(self.weights_gib(precision), self.intent.spec.storage.bucket is not None)


DEPLOYABLE_SERVERS = ("vllm",)
"""Servers that manifests/servers/ has a module for."""

MODELLED_SERVER = "vllm"
"""The server of modelled candidates: what can be deployed."""


def quantization(intent: Intent) -> str:
    """What ``serving.args`` ask for with --quantization; "" = nothing."""
    args = [part for arg in intent.spec.serving.args for part in arg.split("=", 1)]
    return next((value for flag, value in pairwise(args) if flag in ("--quantization", "-q")), "")


def servable(curve: Curve, question: Question) -> bool:
    """Whether the server can serve the model in the precision that was measured; the user's own --quantization decides itself."""
    spec, profile = question.intent.spec, curve.profile
    if quantization(question.intent):
        return True
    held = held_precision(spec.model.id, question.model.checkpoint_dtype if question.model is not None else "")
    return served_as(profile.precision, held, streamed=spec.storage.bucket is not None)


def server_fits(curve: Curve, intent: Intent) -> bool:
    server = intent.spec.serving.server
    return server is Server.ANY or curve.profile.model_server == server.value


def stack_fits(curve: Curve, intent: Intent) -> bool:
    stack = intent.spec.serving.stack
    return curve.profile.serving_stack == ("" if stack is Stack.NONE else stack.value)


def _may_set_latest(curve: Curve, intent: Intent) -> bool:
    """Whether a curve counts when the newest measured version is looked for: one that could be chosen for some workload."""
    return (
        server_fits(curve, intent)
        and curve.profile.model_server in DEPLOYABLE_SERVERS
        and stack_fits(curve, intent)
        and curve.provenance in intent.spec.evidence.allow
        and curve.input_tokens is not None
        and curve.output_tokens is not None
        and not curve.variant
        and trustworthy_loads(curve) >= MIN_LOADS
    )


def _versions(curves: Iterable[Curve], intent: Intent) -> dict[str, str]:
    named = intent.spec.serving.version
    found: dict[str, set[str]] = {}
    for curve in curves:
        versions = found.setdefault(curve.profile.accelerator, set())
        if _may_set_latest(curve, intent):
            versions.add(curve.profile.model_server_version)
    return {accelerator: named.removeprefix("v") if named != LATEST else newest(v) for accelerator, v in found.items()}


def _check_accelerators(types: Iterable[str], catalog: Catalog) -> None:
    for name in types:
        if name != "any" and catalog.accelerator(name) is None:
            hint = catalog.accelerator_hint(name)
            raise CatalogError("GIQ1205", f"{name} is no accelerator label of GKE that the catalog knows", hint)


def ask(intent: Intent, catalog: Catalog, curves: tuple[Curve, ...]) -> Question:
    """Raises CatalogError for a use case (GIQ1203) or an accelerator (GIQ1205) that is unknown."""
    spec = intent.spec
    _check_accelerators(spec.accelerator.types, catalog)
    slo = {"ntpot": spec.slo.ntpot_milliseconds, "ttft": spec.slo.ttft_milliseconds, "itl": spec.slo.itl_milliseconds}
    rate = spec.workload.requests_per_second
    shape = wanted_shape(intent, catalog)
    shaped = [
        (distance(shape, c.input_tokens, c.output_tokens), c.key, c)
        for c in curves
        if server_fits(c, intent) and c.input_tokens and c.output_tokens
    ]
    return Question(
        intent=intent,
        catalog=catalog,
        shape=shape,
        targets={name: target for name in METRICS if (target := slo[name]) is not None},
        versions=_versions(curves, intent),
        market=Market(catalog, spec.target.location, spec.target.zones, PricingModel(spec.cost.pricing_model.value)),
        demand=Demand(
            mean=rate.mean if rate else None,
            peak=rate.peak if rate else None,
            min_replicas=spec.autoscaling.min_replicas,
            max_replicas=spec.autoscaling.max_replicas,
            headroom=None if spec.autoscaling.headroom == "auto" else spec.autoscaling.headroom,
        ),
        nearest=min(shaped)[2] if shaped else None,
        model=catalog.model(spec.model.id),
    )


def evidence_notes(evidence: Evidence, percentile: str, shape: Shape) -> tuple[str, ...]:
    """What a reader must know about the evidence: an unsaid statistic, other lengths, another version."""
    notes = []
    if evidence.statistic is Statistic.MEAN:
        notes.append(f"the curve holds means; they answer for {percentile}")
    if evidence.statistic is Statistic.UNSAID:
        notes.append(f"the source does not say whether its latencies are means or medians; they answer for {percentile}")
    if evidence.near:
        notes.append(
            f"measured at {evidence.input_tokens}/{evidence.output_tokens} tokens, wanted {shape}: near (distance {evidence.distance:.2f}, "
            "a match is within 0.18); rates are those of the measured lengths"
        )
    if evidence.version_distance:
        notes.append(evidence.version_distance)
    return tuple(notes)
