"""The chart of Google's page: latency against throughput of each curve, its ideal zone, saturation point and zone of growing latency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from giqplan.catalog.levels import Ladder, Level, every_level, highest_within, ladder
from giqplan.catalog.values import Curve
from giqplan.model.profiles import Saturated
from giqplan.render.charts.chart import (
    LENGTHS_DIFFER,
    Axis,
    Chart,
    Entry,
    Limit,
    Mark,
    Path,
    Tone,
    lengths_differ,
    letter,
    span_text,
    within_sight,
)
from giqplan.render.charts.scale import number

UNITS = {"ntpot": "ms per output token", "ttft": "ms", "itl": "ms"}
NAMES = {"ntpot": "NTPOT, request latency / output tokens", "ttft": "TTFT, time to first token", "itl": "ITL, time between output tokens"}


@dataclass(frozen=True)
class Traced:
    """A curve with its levels: ``ladder`` as it is planned by, ``every`` as measured, those dominated by waiting included."""

    curve: Curve
    ladder: Ladder
    every: tuple[Level, ...]

    @property
    def beyond(self) -> tuple[Level, ...]:
        """The levels behind the saturation point."""
        if self.ladder.saturated is not Saturated.YES:
            return ()
        knee = self.ladder.measured[self.ladder.top]
        return tuple(level for level in self.every if level.step > knee.step)

    @property
    def shown(self) -> tuple[Level, ...]:
        """The levels of ``every`` that are drawn: behind a curve that does not saturate, those dominated by waiting are not."""
        if self.ladder.saturated is Saturated.YES:
            return self.every
        return tuple(level for level in self.every if not level.queued)


def latency_chart(
    model: str, curves: Iterable[Curve], metric: str, targets: Mapping[str, float], most: int, origin: str, log: bool = False
) -> Chart | None:
    """``model``: who was asked for; curves of others of its architecture name theirs. ``metric``: ntpot, ttft or itl, the y axis.
    ``targets``: metric -> ms; a line for that of ``metric``, and what the ideal zone keeps to. Of the curves that can be drawn the ``most``
    with the highest throughput are. None = none can be drawn."""
    given = list(curves)
    traced = [found for curve in given if (found := _traced(curve, metric))]
    traced.sort(key=lambda t: (-t.ladder.usable[-1].output_tokens_per_second, t.curve.key))
    drawn = traced[:most]
    if not drawn:
        return None
    chart = Chart(
        title=f"{model}: {metric.upper()} against throughput",
        about=_about(drawn, metric),
        x=Axis("throughput of one replica (output tokens/s)"),
        y=Axis(f"{metric.upper()} ({UNITS[metric]}{', logarithmic' if log else ''})", log),
        paths=tuple(path for t in drawn for path in _paths(t, metric, targets)),
        marks=tuple(mark for i, t in enumerate(drawn) for mark in _marks(t, i, metric, targets)),
        limits=tuple(Limit("y", ms, f"target {name.upper()} {number(ms)} ms") for name, ms in targets.items() if name == metric),
        key=(),
        entries=tuple(_entry(t, i, targets, t.curve.profile.model_id != model) for i, t in enumerate(drawn)),
        notes=tuple(_notes(given, traced, drawn, metric)),
        origin=origin,
    )
    return within_sight(_with_key(chart, targets))


def _about(drawn: Sequence[Traced], metric: str) -> tuple[str, str]:
    provenances, statistics = {t.curve.provenance.value for t in drawn}, {t.curve.statistic.value for t in drawn}
    origin = (f"provenance: {', '.join(sorted(provenances))}", f"latencies: {', '.join(sorted(statistics))}")
    dates = f"measured: {span_text([t.curve.measured_at for t in drawn])}"
    return f"{NAMES[metric]}, against the output tokens per second of one replica", "; ".join((*origin, dates))


def _traced(curve: Curve, metric: str) -> Traced | None:
    """None where the curve has no lengths or no trustworthy level, or a level that lacks the metric."""
    if not curve.output_tokens:
        return None
    rungs = ladder(curve, curve.output_tokens)
    found = Traced(curve, rungs, every_level(curve, curve.output_tokens))
    known = rungs.levels and all(level.metric(metric) is not None for level in (*rungs.levels, *found.shown))
    return found if known else None


def _point(level: Level, metric: str) -> tuple[float, float]:
    value = level.metric(metric)
    assert value is not None, "a curve without the metric is not drawn"
    return level.output_tokens_per_second, value


def _paths(traced: Traced, metric: str, targets: Mapping[str, float]) -> Iterable[Path]:
    """Up to the saturation point the fitted curve, parted where it begins to miss a target; behind it through the measured levels."""
    usable = traced.ladder.usable
    held = highest_within(usable, targets) if targets else usable[-1]
    ideal = [level for level in usable if held is not None and level.load < held.load]
    late = [level for level in usable if held is None or level.load > held.load]
    if held is not None:
        ideal, late = [*ideal, held], [held, *late]
    for levels, tone in ((ideal, Tone.IDEAL), (late, Tone.LATE), ([usable[-1], *traced.beyond], Tone.GROWING)):
        if len(levels) > 1:
            yield Path(tuple(_point(level, metric) for level in levels), tone)


def _marks(traced: Traced, index: int, metric: str, targets: Mapping[str, float]) -> Iterable[Mark]:
    name, usable = letter(index), traced.ladder.usable
    saturated = traced.ladder.saturated is Saturated.YES
    behind = {level.step for level in traced.beyond}
    about = f"{name}: {traced.curve.profile}"
    ends = {traced.ladder.measured[traced.ladder.top].step}
    for level in traced.shown:
        if level.step in ends:
            continue
        holds = all((value := level.metric(m)) is not None and value <= ms for m, ms in targets.items())
        tone = Tone.GROWING if level.step in behind else Tone.IDEAL if holds else Tone.LATE
        sign = name.lower() if name.isalpha() else name
        yield Mark(*_point(level, metric), tone, index, sign, (about, "measured", *_numbers(level)))
    top = usable[-1]
    told = "saturation point" if saturated else f"highest load; saturated: {traced.ladder.saturated.value}"
    top_holds = highest_within((top,), targets) is not None if targets else True
    tone = Tone.SATURATION if saturated else Tone.IDEAL if top_holds else Tone.LATE
    yield Mark(*_point(top, metric), tone, index, name, (about, told, *_numbers(top)), name)
    held = highest_within(usable, targets) if targets else None
    if held is not None and held is not top:
        yield Mark(*_point(held, metric), Tone.HELD, index, "*", (about, "highest load within the targets", *_numbers(held)))


def _numbers(level: Level) -> Iterable[str]:
    yield f"{number(level.output_tokens_per_second)} output tokens/s, {level.qps:.4g} requests/s, {level.load:.3g} requests in the replica"
    known = ((name.upper(), value) for name in UNITS if (value := level.metric(name)) is not None)
    yield ", ".join(f"{name} {number(value)} ms" for name, value in known)


def _entry(traced: Traced, index: int, targets: Mapping[str, float], others: bool) -> Entry:
    curve, top = traced.curve, traced.ladder.usable[-1]
    parts = [str(curve.profile), curve.profile.serving_stack, f"with {curve.variant}" if curve.variant else ""]
    parts.append(f"measured with {curve.profile.model_id}" if others else "")
    lengths = f"{curve.input_tokens or 'unknown'}/{curve.output_tokens} tokens"
    origin = f"{curve.provenance.value} {curve.measured_at or 'at an unknown date'}, {curve.statistic.value}"
    rate = f"{number(top.output_tokens_per_second)} tokens/s"
    saturated = {
        Saturated.YES: f"saturates at {rate}",
        Saturated.NO: f"does not saturate up to {rate}",
        Saturated.UNKNOWN: f"up to {rate}, saturation unknown",
    }[traced.ladder.saturated]
    about = [lengths, origin, saturated]
    if targets:
        held = highest_within(traced.ladder.usable, targets)
        about.append(
            "misses the targets at every load"
            if held is None
            else f"up to {number(held.output_tokens_per_second)} tokens/s within the targets"
        )
    return Entry(letter(index), ", ".join(part for part in parts if part), "; ".join((*about, f"curve {curve.key}")), index)


def _notes(given: Sequence[Curve], traced: Sequence[Traced], drawn: Sequence[Traced], metric: str) -> Iterable[str]:
    if lengths_differ((t.curve.input_tokens, t.curve.output_tokens) for t in drawn):
        yield LENGTHS_DIFFER
    if more := len(traced) - len(drawn):
        yield f"not drawn: {more} more with less throughput (--limit)"
    if lacking := len(given) - len(traced):
        yield f"not drawn: {lacking} without {metric.upper()} at every load, without token lengths, or without a trustworthy point"
    if suspect := sum(bool(point.suspect) for t in drawn for point in t.curve.points):
        yield f"not drawn: {suspect} points that are marked suspect"
    if hidden := sum(len(t.every) - len(t.shown) for t in drawn):
        yield f"not drawn: {hidden} points at which requests mostly wait, of curves without a saturation point"


def _with_key(chart: Chart, targets: Mapping[str, float]) -> Chart:
    """The chart with a key of those tones that it has."""
    from dataclasses import replace

    words = {
        Tone.IDEAL: f"ideal zone: up to saturation{', within the targets' if targets else ''}",
        Tone.SATURATION: "saturation point",
        Tone.GROWING: "latency grows, throughput hardly",
        Tone.LATE: "before saturation, a target is missed",
        Tone.HELD: "highest load within the targets",
    }
    used = {path.tone for path in chart.paths} | {mark.tone for mark in chart.marks}
    return replace(chart, key=tuple((tone, told) for tone, told in words.items() if tone in used))
