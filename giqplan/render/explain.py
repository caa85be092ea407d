"""A recommendation as plain text for people: what was chosen and why, where each number comes from, and why nothing else was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from textwrap import wrap

from giqplan.model.recommendation import OperatingPoint, Provenance, Reason, Recommendation, Rejection
from giqplan.render.modelled import modelled_rows
from giqplan.units import usd_text

_PROVENANCE = {
    Provenance.USER: "your own benchmark",
    Provenance.GIQ: "GKE Inference Quickstart",
    Provenance.MEASURED: "public measurement",
    Provenance.MODELLED: "an estimate, nobody measured it",
}
_LABEL = 18
_INDENT = 2


def explain_text(recommendation: Recommendation, *, width: int = 100, layers: Iterable[str] = ()) -> str:
    """``recommendation`` in sections of at most ``width`` columns (single words may be longer); ends with a newline. ``layers``: those of
    the catalog, where it has several."""
    modelled = recommendation.evidence.estimate
    sections = (
        ("Profile", _profile(recommendation)),
        ("Where the numbers come from", _evidence(recommendation, layers)),
        *((("The estimate", modelled_rows(modelled)),) if modelled is not None else ()),
        ("Latency and throughput of one replica", _points(recommendation)),
        ("Replicas", _sizing(recommendation)),
        ("Cost", _cost(recommendation)),
    )
    lines: list[str] = []
    for title, rows in sections:
        lines += [title, *_rows(rows, width), ""]
    lines += _rejected(recommendation.rejected, width)
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _rows(rows: Iterable[tuple[str, str]], width: int) -> Iterator[str]:
    """Label and text in two columns; a text without a label continues the column."""
    for label, text in rows:
        start = " " * _INDENT + label.ljust(_LABEL)
        nested = " " * (len(text) - len(text.lstrip()))
        yield from wrap(
            text.strip(),
            max(width, 40),
            initial_indent=start + nested,
            subsequent_indent=" " * len(start) + nested + ("  " if not label else ""),
            break_long_words=False,
            break_on_hyphens=False,
        ) or [start]


def _profile(recommendation: Recommendation) -> Iterator[tuple[str, str]]:
    profile, miss = recommendation.profile, recommendation.miss
    yield "model", recommendation.model_id + (f", weights {recommendation.weights_gib:.0f} GiB" if recommendation.weights_gib else "")
    yield ("nearest miss" if miss else "chosen"), str(profile)
    yield "because", f"{recommendation.objective}, among {len(recommendation.rejected) + 1} curves"
    if miss:
        yield "target missed", f"{miss.metric.upper()} {miss.target_ms:g} ms; at best {miss.best_ms:.4g} ms, at its lowest load"
        for reach in miss.reachable:
            yield "in reach", f"{reach.metric.upper()} {reach.min_ms:.4g} to {reach.max_ms:.4g} ms with {reach.profile}"
    for note in recommendation.notes:
        yield "note", note


def _evidence(recommendation: Recommendation, layers: Iterable[str]) -> Iterator[tuple[str, str]]:
    evidence = recommendation.evidence
    yield "curve", f"{evidence.curve_key}, {evidence.loads} loads at {evidence.input_tokens}/{evidence.output_tokens} tokens"
    date = "" if evidence.estimate else f", {evidence.measured_at or 'date unknown'}"
    yield "provenance", f"{evidence.provenance.value}: {_PROVENANCE[evidence.provenance]}{date}"
    yield "statistic", evidence.statistic.value
    kind = "near" if evidence.near else "a match"
    yield (
        "distance",
        f"{evidence.distance:.2f} in token lengths ({kind})" + (f"; {evidence.version_distance}" if evidence.version_distance else ""),
    )
    yield "source", evidence.source
    yield "catalog", f"{recommendation.catalog_date}, {recommendation.catalog_digest}"
    for layer in layers:
        yield "", layer


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.2f}"


def _points(recommendation: Recommendation) -> Iterator[tuple[str, str]]:
    operating, saturation = recommendation.operating_point, recommendation.saturation_point
    yield "", f"{'operating point':>16}{'saturation point':>18}"

    def row(label: str, of: Iterable[float | None]) -> tuple[str, str]:
        first, second = of
        return label, f"{_number(first):>16}{_number(second):>18}"

    both: tuple[OperatingPoint, OperatingPoint] = (operating, saturation)
    rows = (
        row("requests/s", (p.qps for p in both)),
        row("load", (p.load for p in both)),
        row("output tokens/s", (p.output_tokens_per_second for p in both)),
        row("input tokens/s", (p.input_tokens_per_second for p in both)),
        row("NTPOT ms", (p.ntpot_ms for p in both)),
        row("TTFT ms", (p.ttft_ms for p in both)),
        row("ITL ms", (p.itl_ms for p in both)),
    )
    yield from rows
    what = "the saturation point" if operating.is_saturation else f"the {operating.bound.value.upper()} target"
    yield "set by", what
    for note in dict.fromkeys((*operating.notes, *saturation.notes)):
        yield "note", note


def _sizing(recommendation: Recommendation) -> Iterator[tuple[str, str]]:
    sizing = recommendation.sizing
    yield "replicas", f"{sizing.min_replicas} to {sizing.max_replicas}, {sizing.initial_replicas} to begin with"
    target = "none" if sizing.hpa_target is None else f"target {sizing.hpa_target} requests (running and waiting) per replica"
    yield "autoscaler", f"{target}; {sizing.hpa_reason}"
    yield "headroom", f"{sizing.headroom:.3f}, {'computed' if sizing.headroom_is_auto else 'as given'}"
    if sizing.needed_at_peak is not None:
        short = (
            "" if sizing.needed_at_peak <= sizing.max_replicas else f", {sizing.needed_at_peak - sizing.max_replicas} more than the maximum"
        )
        yield "at the peak", f"{sizing.needed_at_peak}{short}"
    for i, step in enumerate(sizing.steps):
        yield ("how" if i == 0 else ""), step


def _cost(recommendation: Recommendation) -> Iterator[tuple[str, str]]:
    cost, price = recommendation.cost, recommendation.cost.price
    hourly = cost.usd_per_hour
    yield "per hour", f"{usd_text(hourly.initial)} to begin with, {usd_text(hourly.min)} at least, {usd_text(hourly.max)} at most"
    tokens = f"{usd_text(cost.usd_per_million_output_tokens, 3)} output, {usd_text(cost.usd_per_million_input_tokens, 3)} input"
    weighed = f"an output token counts {cost.output_input_cost_ratio} times an input token"
    yield "million tokens", f"{tokens} ({weighed}), at the operating point"
    packed = f", {cost.replicas_per_machine} replicas each" if cost.replicas_per_machine > 1 else ""
    yield "machine", f"{cost.machine_type} in {cost.region}, {cost.pricing_model.value}{packed}"
    yield "price", f"${price.usd_per_hour}/h as of {price.as_of} ({price.quality}): {price.source}"
    for note in cost.notes:
        yield "note", note
    for i, item in enumerate(cost.excluded):
        yield ("not included" if i == 0 else ""), item


def _rejected(rejected: tuple[Rejection, ...], width: int) -> Iterator[str]:
    """Rejected curves by reason, in the order of the recommendation; curves of one profile and detail are one row."""
    if not rejected:
        yield "No other curve of the model is in the catalog."
        return
    yield f"Not chosen: {len(rejected)} curves"
    for reason, group in groupby(rejected, key=lambda r: r.reason):
        members = list(group)
        yield f"{' ' * _INDENT}{_words(reason)} ({len(members)})"
        same: dict[tuple[str, str], list[Rejection]] = {}
        for rejection in members:
            modelled = " modelled" if rejection.modelled else ""
            same.setdefault((f"{rejection.profile}{modelled}", rejection.detail), []).append(rejection)
        for (profile, detail), curves in same.items():
            times = f" [{len(curves)} curves]" if len(curves) > 1 else ""
            yield from wrap(
                f"{profile}{times}: {detail}",
                max(width, 40),
                initial_indent=" " * 2 * _INDENT,
                subsequent_indent=" " * 3 * _INDENT,
                break_long_words=False,
                break_on_hyphens=False,
            )


def _words(reason: Reason) -> str:
    return reason.value.replace("-", " ")
