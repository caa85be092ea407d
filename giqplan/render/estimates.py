"""Estimates as records (JSON, YAML), as lines of a table, and as CSV in the columns of ``estimate --points``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from giqplan.catalog import Model
from giqplan.model.estimate import Estimate, EstimatedCurve, LoadKind, Spread
from giqplan.model.modelled import Published
from giqplan.model.recommendation import Provenance
from giqplan.model.values import JsonObject
from giqplan.recommend.estimator.beside import Measured
from giqplan.render.lists import Column, Layout
from giqplan.render.modelled import CLASSES

_LOADS = {LoadKind.CONCURRENCY: "in flight", LoadKind.RATE: "requests/s"}
_METRICS = {
    "ttftMilliseconds": ("TTFT", "ms", "ttft_ms"),
    "itlMilliseconds": ("ITL", "ms", "itl_ms"),
    "ntpotMilliseconds": ("NTPOT", "ms", "ntpot_ms"),
    "outputTokensPerSecond": ("Output Tokens/s", "", "output_tok_per_s"),
}
"""Key -> title, unit, column of the CSV."""


def records(
    model: Model,
    curve: EstimatedCurve,
    top: Estimate | None,
    measured: Sequence[Sequence[Measured]],
    published: Iterable[Published],
) -> list[JsonObject]:
    """A record a load; ``top``: the saturation point, None = beyond the loads looked at; ``measured``: of each load what lies beside."""
    printed = [_published(row) for row in published]
    saturation = None if top is None else {"load": _four(top.load), "outputTokensPerSecond": _four(top.output_tokens_per_second.value)}
    return [
        {
            **_setup(model, curve),
            **_estimate(one),
            "maxConcurrency": _four(curve.max_concurrency),
            "saturation": saturation,
            "isSaturation": top is not None and one.load == top.load,
            "provenance": Provenance.MODELLED.value,
            "class": curve.grade.value,
            "classMeans": CLASSES[curve.grade],
            "basis": curve.basis,
            "notes": list(curve.notes),
            "measured": [_measured(beside) for beside in found],
            "published": printed,
        }
        for one, found in zip(curve.loads, measured, strict=True)
    ]


def _setup(model: Model, curve: EstimatedCurve) -> JsonObject:
    setup = curve.setup
    return {
        "model": setup.model_id,
        "modelServer": setup.model_server,
        "modelServerVersion": setup.model_server_version or None,
        "acceleratorType": setup.accelerator,
        "acceleratorCount": setup.accelerator_count,
        "precision": setup.precision or model.checkpoint_dtype or None,
        "parallelism": setup.parallelism or f"tp{setup.accelerator_count}",
        "inputLength": curve.input_tokens,
        "outputLength": curve.output_tokens,
        "loadKind": curve.load_kind.value,
    }


def _estimate(one: Estimate) -> JsonObject:
    return {
        "load": _four(one.load),
        "ttftMilliseconds": _spread(one.ttft_ms),
        "itlMilliseconds": _spread(one.itl_ms),
        "ntpotMilliseconds": _spread(one.ntpot_ms),
        "outputTokensPerSecond": _spread(one.output_tokens_per_second),
        "inputTokensPerSecond": _four(one.input_tokens_per_second),
        "queriesPerSecond": _four(one.qps),
        "concurrency": _four(one.concurrency),
        "requestsWaiting": _four(one.queue),
        "kvCacheUse": _four(one.kv_cache),
    }


def _measured(beside: Measured) -> JsonObject:
    curve, point = beside.curve, beside.point
    return {
        "curve": curve.key,
        "provenance": curve.provenance.value,
        "modelServerVersion": curve.profile.model_server_version or None,
        "inputLength": curve.input_tokens,
        "outputLength": curve.output_tokens,
        "loadKind": curve.load_kind,
        "load": point.load,
        "ttftMilliseconds": point.ttft_ms,
        "itlMilliseconds": point.itl_ms,
        "ntpotMilliseconds": point.ntpot_ms,
        "outputTokensPerSecond": point.output_tokens_per_second,
        "statistic": curve.statistic.value,
        "suspect": point.suspect or None,
        "measuredAt": curve.measured_at or None,
        "source": curve.source,
    }


def _published(row: Published) -> JsonObject:
    return {
        "modelServerVersion": row.model_server_version or None,
        "instanceType": row.machine_type,
        "ttftMilliseconds": row.ttft_ms,
        "itlMilliseconds": row.itl_ms,
        "ntpotMilliseconds": row.ntpot_ms,
        "outputTokensPerSecond": row.output_tokens_per_second,
        "unstated": list(row.unstated),
        "note": row.note or None,
        "source": row.source,
    }


def _spread(spread: Spread) -> JsonObject:
    return {"value": _four(spread.value), "low": _four(spread.low), "high": _four(spread.high)}


def _four(value: float) -> float | None:
    """Four digits: more than an estimate knows. What is not known is no number."""
    found = float(f"{value:.4g}")
    return None if found != found else found


@dataclass(frozen=True)
class _Told(Column):
    """A column that says several values of a record in words."""

    tell: Callable[[JsonObject], str] = str

    def cell(self, record: JsonObject) -> str:
        return self.tell(record) or self.missing


def _plain(value: Any) -> str:
    """A number as a person writes it."""
    number = float(value)
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}" if abs(number) >= 1e-3 or not number else f"{number:.2g}"


def _three(value: Any) -> str:
    return _plain(float(f"{float(value):.3g}"))


def _load(record: JsonObject) -> str:
    return f"{_plain(record['load'])} {_LOADS[LoadKind(record['loadKind'])]}"


def _interval(key: str) -> Callable[[JsonObject], str]:
    return lambda record: "" if record[key]["value"] is None else f"{_three(record[key]['low'])} to {_three(record[key]['high'])}"


def _with_interval(key: str, unit: str) -> Callable[[JsonObject], str]:
    interval = _interval(key)
    end = f" {unit}" if unit else ""

    def told(record: JsonObject) -> str:
        value = record[key]["value"]
        if value is None or record[key]["low"] == record[key]["high"]:  # the throughput of a rate that is served is what is asked for
            return "" if value is None else f"{_three(value)}{end}"
        return f"{_three(value)}{end} (90 %: {interval(record)}{end})"

    return told


def _server(record: JsonObject) -> str:
    return f"{record['modelServer']} {record['modelServerVersion'] or '(version unsaid)'}"


def _hardware(record: JsonObject) -> str:
    shape = " ".join(part for part in (record["parallelism"], record["precision"]) if part)
    return f"{record['acceleratorCount']} x {record['acceleratorType']} ({shape})"


def _saturation(record: JsonObject) -> str:
    top = record["saturation"]
    if top is None:
        return "beyond the loads looked at"
    return f"{_plain(top['load'])} {_LOADS[LoadKind(record['loadKind'])]}: {_three(top['outputTokensPerSecond'])} output tokens/s"


def _share(value: Any) -> str:
    return f"{100 * float(value):.0f} %"


def _figures(one: JsonObject) -> str:
    """The latencies and the throughput that somebody else states."""
    known = [(one[key], title, unit) for key, (title, unit, _) in _METRICS.items() if one[key] is not None]
    return ", ".join(f"{title} {_plain(value)} {unit}" if unit else f"{_plain(value)} {title.lower()}" for value, title, unit in known)


def measured_text(one: JsonObject) -> str:
    """A measured load in one line."""
    at = f"{_load(one)}, {one['inputLength']}/{one['outputLength']} tokens, version {one['modelServerVersion'] or 'unknown'}"
    origin = [one["statistic"], one["measuredAt"] or "undated", f"curve {one['curve']}", *(["suspect"] if one["suspect"] else [])]
    return f"{_figures(one)} at {at} ({', '.join(origin)})"


def published_text(one: JsonObject) -> str:
    """A row that a page prints, in one line."""
    return f"{_figures(one)} on {one['instanceType']}; unstated: {', '.join(one['unstated'])} ({one['source']})"


def _all_measured(record: JsonObject) -> str:
    return "; ".join(map(measured_text, record["measured"])) or "nothing of this setup, shape and load"


def _first_measured(record: JsonObject) -> str:
    return _figures(record["measured"][0]) if record["measured"] else ""


def _all_published(record: JsonObject) -> str:
    return "; ".join(map(published_text, record["published"]))


def _class(record: JsonObject) -> str:
    return f"{record['class']}: {record['classMeans']}"


_CSV = (
    Column("model", "model", missing=""),
    Column("model_server", "modelServer", missing=""),
    Column("model_server_version", "modelServerVersion", missing=""),
    Column("gke_accelerator", "acceleratorType", missing=""),
    Column("accelerator_count", "acceleratorCount", missing=""),
    Column("precision", "precision", missing=""),
    Column("parallelism", "parallelism", missing=""),
    Column("isl", "inputLength", missing=""),
    Column("osl", "outputLength", missing=""),
    Column("load_kind", "loadKind", missing=""),
    Column("load", "load", missing=""),
    *(
        Column(f"{name}{end}", f"{key}.{part}", missing="")
        for key, (_, _, name) in _METRICS.items()
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high"))
    ),
    Column("class", "class", missing=""),
    Column("input_tok_per_s", "inputTokensPerSecond", missing=""),
    Column("qps", "queriesPerSecond", missing=""),
    Column("concurrency", "concurrency", missing=""),
    Column("queue", "requestsWaiting", missing=""),
    Column("kv_cache", "kvCacheUse", missing=""),
    Column("saturation_load", "saturation.load", missing=""),
    Column("basis", "basis", missing=""),
)

ONE = Layout(
    "estimates",
    "model",
    (
        Column("Model", "model"),
        _Told("Model Server", "modelServer", tell=_server),
        _Told("Accelerators", "acceleratorType", tell=_hardware),
        _Told("Tokens", "inputLength", tell=lambda record: f"{record['inputLength']:,} in, {record['outputLength']:,} out"),
        _Told("Load", "load", tell=_load),
        *(_Told(title, key, tell=_with_interval(key, unit)) for key, (title, unit, _) in _METRICS.items()),
        Column("Input Tokens/s", "inputTokensPerSecond", _three),
        Column("Requests/s", "queriesPerSecond", _three),
        Column("In Flight", "concurrency", _three),
        Column("Waiting", "requestsWaiting", _three),
        Column("KV Cache in Use", "kvCacheUse", _share),
        Column("Places", "maxConcurrency", lambda value: f"for {_plain(int(value)) if value >= 10 else _three(value)} requests at once"),
        _Told("Saturation Point", "saturation", tell=_saturation),
        _Told("Class", "class", tell=_class),
        Column("Rests on", "basis"),
        Column("Notes", "notes", missing="none"),
        _Told("Measured", "measured", tell=_all_measured),
        _Told("Published", "published", missing="nothing", tell=_all_published),
    ),
    _CSV,
    upright=True,
)
"""One load, upright."""

CURVE = Layout(
    "estimates",
    "model",
    (
        _Told("Load", "load", tell=_load, right=True),
        Column("Requests/s", "queriesPerSecond", _three, right=True),
        *(
            column
            for key, (title, unit, _) in _METRICS.items()
            for column in (
                Column(f"{title}{f'({unit})' if unit else ''}", f"{key}.value", _three, right=True),
                _Told("90 %", key, tell=_interval(key), right=True),
            )
        ),
        Column("Input Tokens/s", "inputTokensPerSecond", _three, right=True),
        Column("Waiting", "requestsWaiting", _three, right=True),
        Column("KV Cache", "kvCacheUse", _share, right=True),
        Column("Class", "class"),
        _Told("Saturation", "isSaturation", tell=lambda record: "saturation point" if record["isSaturation"] else "", missing=""),
        _Told("Measured", "measured", tell=_first_measured, missing=""),
    ),
    _CSV,
)
"""The loads of a curve, a line each."""


def curve_notes(found: Sequence[JsonObject]) -> Iterable[str]:
    """What holds for a whole curve."""
    first = found[0]
    yield f"{first['model']} on {_server(first)}, {_hardware(first)}, {first['inputLength']} tokens in, {first['outputLength']} out"
    yield f"saturation point: {_saturation(first)}"
    yield f"class {_class(first)}"
    yield f"rests on: {first['basis']}"
    yield from first["notes"]
    yield from (f"published: {published_text(one)}" for one in first["published"])
