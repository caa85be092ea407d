"""Profiles and their load points as JSON in the shape of Google's API (gkerecommender v1, Profile), ours beside under ``giqplan``; and
the columns of gcloud's tables over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from giqplan.catalog import Catalog, Curve, Point
from giqplan.catalog.inventory import split_stack
from giqplan.catalog.offers import region_for
from giqplan.catalog.token_cost import usd_per_million_output_tokens
from giqplan.model.estimate import Grade, Spread
from giqplan.model.profiles import MATCH, Offer, ProfileRow, length_distance
from giqplan.model.recommendation import PricingModel, Profile
from giqplan.model.values import JsonObject
from giqplan.render.lists import NONE, Column, Layout
from giqplan.units import usd


@dataclass(frozen=True)
class Priced:
    """How costs were asked for; ``region`` "" = gcloud's. What one output token costs is ``ratio`` times that of an input token."""

    pricing_model: PricingModel
    region: str
    ratio: Decimal


@dataclass(frozen=True)
class _Stats:
    """One load of one replica; None = unknown."""

    load: float | None
    qps: float | None
    output_per_second: float | None
    input_per_second: float | None
    ntpot_ms: float | None
    ttft_ms: float | None
    itl_ms: float | None


def profile_record(catalog: Catalog, row: ProfileRow, priced: Priced) -> JsonObject:
    """A profile at the load that meets the targets."""
    stats = _Stats(row.load, row.qps, row.output_tokens_per_second, row.input_tokens_per_second, row.ntpot_ms, row.ttft_ms, row.itl_ms)
    cost = (row.usd_per_million_output_tokens, row.usd_per_million_input_tokens)
    ours = {
        "curve": row.curve_key,
        "provenance": row.provenance.value,
        "statistic": row.statistic.value,
        "measuredAt": row.measured_at or None,
        "source": row.source,
        "variant": row.variant or None,
        "distance": None if row.distance is None else round(row.distance, 4),
        "loads": row.loads,
        "bound": row.bound.value,
        "interpolated": row.interpolated,
        "saturated": row.saturated.value,
        "doubts": [doubt.value for doubt in row.doubts],
    }
    return _record(catalog, row.profile, (row.input_tokens, row.output_tokens), stats, row.offer, cost, priced, ours)


def modelled_record(catalog: Catalog, row: ProfileRow, priced: Priced, grade: Grade, at: Mapping[str, Spread]) -> JsonObject:
    """A modelled profile, with its class and what was estimated at that load (Modelled)."""
    found = profile_record(catalog, row, priced)
    names = {"ntpot_ms": "ntpotMilliseconds", "ttft_ms": "ttftMilliseconds", "itl_ms": "itlMilliseconds"}
    names["output_tokens_per_second"] = "outputTokensPerSecond"
    spreads = {
        title: {"value": _round(at[name].value), "low": _round(at[name].low), "high": _round(at[name].high)}
        for name, title in names.items()
    }
    return {**found, "giqplan": {**found["giqplan"], "estimate": {"class": grade.value, **spreads}}}


def point_records(catalog: Catalog, curve: Curve, offer: Offer | None, priced: Priced) -> Iterable[JsonObject]:
    """Every load point of a curve as it was measured, of one replica."""
    for point in curve.points:
        stats = _measured(curve, point)
        ours = {
            "curve": curve.key,
            "provenance": curve.provenance.value,
            "statistic": curve.statistic.value,
            "measuredAt": curve.measured_at or None,
            "source": curve.source,
            "variant": curve.variant or None,
            "loadKind": curve.load_kind,
            "suspect": point.suspect or None,
            "queueDominated": point.queue_dominated,
        }
        lengths = (curve.input_tokens, curve.output_tokens)
        yield _record(catalog, curve.profile, lengths, stats, offer, _cost(stats, offer, priced), priced, ours)


def _measured(curve: Curve, point: Point) -> _Stats:
    input_rate = point.qps * curve.input_tokens if point.qps is not None and curve.input_tokens else None
    return _Stats(point.load, point.qps, point.output_tokens_per_second, input_rate, point.ntpot_ms, point.ttft_ms, point.itl_ms)


def _cost(stats: _Stats, offer: Offer | None, priced: Priced) -> tuple[Decimal | None, Decimal | None]:
    """US dollars per million output and input tokens."""
    price = offer.price if offer is not None else None
    if offer is None or price is None or stats.input_per_second is None or not stats.output_per_second:
        return None, None
    rates = stats.input_per_second, stats.output_per_second
    output = usd_per_million_output_tokens(price.usd_per_hour, offer.replicas_per_machine, *rates, priced.ratio)
    return usd(output), usd(output / priced.ratio)


def _record(
    catalog: Catalog,
    profile: Profile,
    lengths: tuple[int | None, int | None],
    stats: _Stats,
    offer: Offer | None,
    cost: tuple[Decimal | None, Decimal | None],
    priced: Priced,
    ours: JsonObject,
) -> JsonObject:
    model = catalog.model(profile.model_id)
    stack, stack_version = split_stack(profile.serving_stack)
    price = offer.price if offer is not None else None
    rates = (stats.input_per_second, stats.output_per_second)
    return {
        "instanceType": (offer.machine_type if offer is not None else "") or profile.machine_type or None,
        "acceleratorType": profile.accelerator,
        "resourcesUsed": {"acceleratorCount": profile.accelerator_count},
        "modelServerInfo": {
            "model": profile.model_id,
            "modelServer": profile.model_server,
            "modelServerVersion": profile.model_server_version or None,
        },
        "servingStack": {"name": stack or None, "version": stack_version or None},
        "workloadSpec": {
            "useCase": _use_case(catalog, ours["curve"], *lengths),
            "averageInputLength": lengths[0],
            "averageOutputLength": lengths[1],
        },
        "performanceStats": [
            {
                "queriesPerSecond": _round(stats.qps),
                "outputTokensPerSecond": _round(stats.output_per_second),
                "inputTokensPerSecond": _round(stats.input_per_second),
                "totalTokensPerSecond": _round(None if None in rates else sum(rate for rate in rates if rate is not None)),
                "ntpotMilliseconds": _round(stats.ntpot_ms),
                "ttftMilliseconds": _round(stats.ttft_ms),
                "itlMilliseconds": _round(stats.itl_ms),
                "cost": _amounts(cost, priced),
            }
        ],
        "giqplan": {
            **ours,
            "load": _round(stats.load),
            "precision": profile.precision or (model.checkpoint_dtype if model else "") or None,
            "parallelism": profile.parallelism or None,
            "usdPerMillionOutputTokens": None if cost[0] is None else str(cost[0]),
            "usdPerMillionInputTokens": None if cost[1] is None else str(cost[1]),
            "outputInputCostRatio": str(priced.ratio),
            "pricingModel": priced.pricing_model.value,
            "region": price.region if price is not None else priced.region or region_for(catalog, profile.accelerator),
            "usdPerHour": str(price.usd_per_hour) if price is not None else None,
            "priceAsOf": price.as_of if price is not None else None,
            "replicasPerMachine": offer.replicas_per_machine if offer is not None and price is not None else None,
            "priceNote": (offer.why if offer is not None else "") or None,
        },
    }


def _use_case(catalog: Catalog, curve: str, input_tokens: int | None, output_tokens: int | None) -> str | None:
    """The use case that Google's API says the curve is of; else the one whose lengths the curve's match, the nearest of several."""
    if told := catalog.told_use_case(curve):
        return told
    if not input_tokens or not output_tokens:
        return None
    near = [
        (far, use.name)
        for use in catalog.use_cases()
        if use.kind == "use-case"
        and (far := length_distance((use.input_tokens, use.output_tokens), (input_tokens, output_tokens))) <= MATCH
    ]
    return min(near)[1] if near else None


def _round(value: float | None) -> float | None:
    """Six digits: more than was measured."""
    return None if value is None else float(f"{value:.6g}")


def _amounts(cost: tuple[Decimal | None, Decimal | None], priced: Priced) -> list[JsonObject]:
    output, given = cost
    if output is None or given is None:
        return []
    return [
        {
            "costPerMillionOutputTokens": amount(output),
            "costPerMillionInputTokens": amount(given),
            "outputInputCostRatio": float(priced.ratio),
            "pricingModel": priced.pricing_model.value,
        }
    ]


def amount(value: Decimal) -> JsonObject:
    """The API's Amount: whole dollars as text (int64 in JSON) and billionths, both always there."""
    units = int(value)
    return {"units": str(units), "nanos": int((value - units) * 10**9)}


def _milliseconds(value: Any) -> str:
    number = float(value)
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _rate(value: Any) -> str:
    return f"{float(value):.0f}" if float(value) >= 100 else f"{float(value):.3g}"


_STATS = "performanceStats[0]."
_OUTPUT_COST, _INPUT_COST = "giqplan.usdPerMillionOutputTokens", "giqplan.usdPerMillionInputTokens"

_OURS = (
    Column("Count", "resourcesUsed.acceleratorCount", right=True),
    Column("Precision", "giqplan.precision"),
    Column("Pricing Model", "giqplan.pricingModel"),
    Column("Region", "giqplan.region"),
    Column("Provenance", "giqplan.provenance"),
    Column("Statistic", "giqplan.statistic"),
    Column("Measured At", "giqplan.measuredAt"),
)

_TABLE = (
    Column("Instance Type", "instanceType"),
    Column("Accelerator", "acceleratorType"),
    Column("Cost/M Input Tokens", _INPUT_COST, right=True),
    Column("Cost/M Output Tokens", _OUTPUT_COST, right=True),
    Column("Output Tokens/s", f"{_STATS}outputTokensPerSecond", _rate, right=True),
    Column("NTPOT(ms)", f"{_STATS}ntpotMilliseconds", _milliseconds, right=True),
    Column("TTFT(ms)", f"{_STATS}ttftMilliseconds", _milliseconds, right=True),
    Column("ITL(ms)", f"{_STATS}itlMilliseconds", _milliseconds, right=True),
    Column("Model Server", "modelServerInfo.modelServer"),
    Column("Model Server Version", "modelServerInfo.modelServerVersion"),
    Column("Model", "modelServerInfo.model"),
    Column("Use Case", "workloadSpec.useCase"),
    Column("Average Input Length", "workloadSpec.averageInputLength", right=True),
    Column("Average Output Length", "workloadSpec.averageOutputLength", right=True),
    Column("Serving Stack", "servingStack.name"),
    Column("Serving Stack Version", "servingStack.version"),
    *_OURS,
)
"""gcloud's columns (SDK 578.0.0, profiles list) in its order, then ours."""

_CSV = (
    Column("Instance Type", "instanceType", missing=""),
    Column("Accelerator Type", "acceleratorType", missing=""),
    Column("Model Name", "modelServerInfo.model", missing=""),
    Column("Model Server Name", "modelServerInfo.modelServer", missing=""),
    Column("Model Server Version", "modelServerInfo.modelServerVersion", missing=""),
    Column("Output Tokens/s", f"{_STATS}outputTokensPerSecond", missing=""),
    Column("NTPOT (ms)", f"{_STATS}ntpotMilliseconds", missing=""),
    Column("TTFT (ms)", f"{_STATS}ttftMilliseconds", missing=""),
    Column("ITL (ms)", f"{_STATS}itlMilliseconds", missing=""),
    Column("QPS", f"{_STATS}queriesPerSecond", missing=""),
    Column("Cost/M Input Tokens", _INPUT_COST, missing=NONE),
    Column("Cost/M Output Tokens", _OUTPUT_COST, missing=NONE),
    Column("Use Case", "workloadSpec.useCase", missing=""),
    Column("Average Input Length", "workloadSpec.averageInputLength", missing=""),
    Column("Average Output Length", "workloadSpec.averageOutputLength", missing=""),
    Column("Serving Stack", "servingStack.name", missing=""),
    Column("Serving Stack Version", "servingStack.version", missing=""),
)
"""gcloud's csvprofile and nothing else: whoever reads it by place must not be surprised."""

_CURVE = Column("Profile", "giqplan.curve")

PROFILES = Layout(
    "profiles",
    "giqplan.curve",
    (*_TABLE, Column("Distance", "giqplan.distance"), Column("Doubts", "giqplan.doubts", missing="none"), _CURVE),
    _CSV,
)
MODELLED_PROFILES = replace(PROFILES, table=(*PROFILES.table, Column("Class", "giqplan.estimate.class", missing="")))
"""With the class of estimates, where some are listed; the CSV keeps gcloud's columns."""

_POINT = (
    Column("QPS", f"{_STATS}queriesPerSecond", _rate, right=True),
    Column("Load", "giqplan.load", _rate, right=True),
    Column("Suspect", "giqplan.suspect", missing="no"),
)
BENCHMARKS = Layout("benchmarks", "giqplan.curve", (*_TABLE, *_POINT, _CURVE), _CSV)
_ACCELERATORS = (
    ("ACCELERATOR_TYPE", "acceleratorType"),
    ("MODEL_NAME", "modelServerInfo.model"),
    ("MODEL_SERVER_NAME", "modelServerInfo.modelServer"),
    ("MODEL_SERVER_VERSION", "modelServerInfo.modelServerVersion"),
    ("ACCELERATOR_COUNT", "resourcesUsed.acceleratorCount"),
    ("OUTPUT_TOKENS_PER_SECOND", f"{_STATS}outputTokensPerSecond"),
    ("NTPOT_MILLISECONDS", f"{_STATS}ntpotMilliseconds"),
    ("AVERAGE_INPUT_LENGTH", "workloadSpec.averageInputLength"),
    ("AVERAGE_OUTPUT_LENGTH", "workloadSpec.averageOutputLength"),
    ("PROVENANCE", "giqplan.provenance"),
    ("STATISTIC", "giqplan.statistic"),
    ("MEASURED_AT", "giqplan.measuredAt"),
)
ACCELERATORS = Layout(
    "accelerators",
    "acceleratorType",
    tuple(Column(title, key) for title, key in _ACCELERATORS),
    tuple(Column(key.rpartition(".")[2], key, missing="") for _, key in _ACCELERATORS),
)
"""gcloud's columns (SDK 528.0.0, alpha accelerators list), then ours."""
