"""Cost against latency of all candidates, and the Pareto front: those that no other one beats in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from giqplan.model.profiles import ProfileAnswers, ProfileRow
from giqplan.model.recommendation import Bound
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
from giqplan.render.charts.latency import NAMES, UNITS
from giqplan.render.charts.scale import number
from giqplan.units import usd_text


@dataclass(frozen=True)
class _Candidate:
    row: ProfileRow
    latency_ms: float
    usd: float

    @property
    def doubted(self) -> bool:
        return bool(self.row.doubts)


def pareto_chart(
    model: str, answers: ProfileAnswers, metric: str, targets: Mapping[str, float], priced: str, origin: str, log: bool = False
) -> Chart | None:
    """``model``: who was asked for. ``answers``: every candidate at its highest load within the targets. ``priced``: pricing model, region
    and ratio in words. None = no candidate has both a price and the metric."""
    drawn = [found for row in answers.rows if (found := _candidate(row, metric))]
    if not drawn:
        return None
    front = pareto_front([c for c in drawn if not c.doubted])
    chart = Chart(
        title=f"{model}: cost against {metric.upper()}",
        about=_about(drawn, metric, priced, bool(targets)),
        x=Axis(f"{metric.upper()} ({UNITS[metric]}{', logarithmic' if log else ''})", log),
        y=Axis(f"cost (US dollars per million output tokens{', logarithmic' if log else ''})", log),
        paths=_stairs(front),
        marks=tuple(_marks(drawn, front)),
        limits=tuple(Limit("x", ms, f"target {name.upper()} {number(ms)} ms") for name, ms in targets.items() if name == metric),
        key=tuple(_key(drawn, front)),
        entries=tuple(_entry(c, i, model) for i, c in enumerate(front)),
        notes=tuple(_notes(answers, drawn, metric)),
        origin=origin,
    )
    return within_sight(chart)


def _about(drawn: Sequence[_Candidate], metric: str, priced: str, has_targets: bool) -> tuple[str, str, str]:
    rows = [c.row for c in drawn]
    prices = [row.offer.price for row in rows if row.offer is not None and row.offer.price is not None]
    load = "highest load within the targets" if has_targets else "saturation point, or the highest load measured before it"
    origin = (
        f"provenance: {', '.join(sorted({row.provenance.value for row in rows}))}",
        f"latencies: {', '.join(sorted({row.statistic.value for row in rows}))}",
        f"measured: {span_text([row.measured_at for row in rows])}",
        f"prices of: {span_text([price.as_of for price in prices])}",
    )
    where = ", ".join(sorted({price.region for price in prices}))
    return f"each candidate at its {load}; {NAMES[metric]}", f"{priced}; priced in: {where}", "; ".join(origin)


def pareto_front(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """Those that no other one beats: at no more latency no cheaper one, at no more cost no faster one. In order of latency."""
    front: list[_Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.latency_ms, c.usd, c.row.curve_key)):
        if not front or candidate.usd < front[-1].usd or (candidate.usd, candidate.latency_ms) == (front[-1].usd, front[-1].latency_ms):
            front.append(candidate)
    return front


def _candidate(row: ProfileRow, metric: str) -> _Candidate | None:
    latency = {"ntpot": row.ntpot_ms, "ttft": row.ttft_ms, "itl": row.itl_ms}[metric]
    cost = row.usd_per_million_output_tokens
    return None if latency is None or cost is None else _Candidate(row, latency, float(cost))


def _stairs(front: Sequence[_Candidate]) -> tuple[Path, ...]:
    """The border of what can be had: at a latency the cheapest so far."""
    points: list[tuple[float, float]] = []
    for candidate in front:
        if points:
            points.append((candidate.latency_ms, points[-1][1]))
        points.append((candidate.latency_ms, candidate.usd))
    return (Path(tuple(points), Tone.IDEAL),) if len(points) > 1 else ()


def _marks(drawn: Sequence[_Candidate], front: Sequence[_Candidate]) -> Iterable[Mark]:
    names = {c.row.curve_key: letter(i) for i, c in enumerate(front)}
    for c in drawn:
        name = names.get(c.row.curve_key, "")
        tone = Tone.FRONT if name else Tone.DOUBTED if c.doubted else Tone.BEATEN
        sign = name or ("x" if c.doubted else "o")
        shape = 0 if not c.doubted else 3
        yield Mark(c.latency_ms, c.usd, tone, shape, sign, tuple(_tip(c, name)), name)


def _tip(candidate: _Candidate, name: str) -> Iterable[str]:
    row = candidate.row
    yield f"{name}: {row.profile}" if name else str(row.profile)
    yield f"{_usd(row)} per million output tokens{_machine(row)}"
    known = (("NTPOT", row.ntpot_ms), ("TTFT", row.ttft_ms), ("ITL", row.itl_ms))
    yield ", ".join(f"{metric} {number(value)} ms" for metric, value in known if value is not None)
    yield f"{number(row.output_tokens_per_second)} output tokens/s of one replica, {_bound(row)}"
    yield f"{_lengths(row)}; {_measured(row)}"
    if row.doubts:
        yield f"plan would not choose it: {', '.join(reason.value for reason in row.doubts)}"


def _lengths(row: ProfileRow) -> str:
    return f"{row.input_tokens or 'unknown'}/{row.output_tokens} tokens"


def _measured(row: ProfileRow) -> str:
    return f"{row.provenance.value} {row.measured_at or 'at an unknown date'}, {row.statistic.value}"


def _usd(row: ProfileRow) -> str:
    return usd_text(row.usd_per_million_output_tokens, 3) if row.usd_per_million_output_tokens is not None else "unknown"


def _machine(row: ProfileRow) -> str:
    if row.offer is None or row.offer.price is None:
        return ""
    price = row.offer.price
    return f", {price.machine_type} in {price.region} at {usd_text(price.usd_per_hour)}/h {price.pricing_model.value}"


def _bound(row: ProfileRow) -> str:
    return "its saturation point or highest load" if row.bound is Bound.SATURATION else f"bound by {row.bound.value.upper()}"


def _entry(candidate: _Candidate, index: int, model: str) -> Entry:
    row = candidate.row
    variant = f", with {row.variant}" if row.variant else ""
    variant += f", measured with {row.profile.model_id}" if row.profile.model_id != model else ""
    about = f"{_usd(row)} per million output tokens{_machine(row)}; {number(candidate.latency_ms)} ms"
    return Entry(letter(index), f"{row.profile}{variant}", f"{about}; {_lengths(row)}; {_measured(row)}; curve {row.curve_key}")


def _key(drawn: Sequence[_Candidate], front: Sequence[_Candidate]) -> Iterable[tuple[Tone, str]]:
    if front:
        yield Tone.FRONT, "Pareto front: nothing is both cheaper and faster"
    if any(not c.doubted for c in drawn if c not in front):
        yield Tone.BEATEN, "beaten by one of the front"
    if any(c.doubted for c in drawn):
        yield Tone.DOUBTED, "plan would not choose it: not in the front"


def _notes(answers: ProfileAnswers, drawn: Sequence[_Candidate], metric: str) -> Iterable[str]:
    if lengths_differ((c.row.input_tokens, c.row.output_tokens) for c in drawn):
        yield LENGTHS_DIFFER
    doubts = Counter(reason.value for c in drawn for reason in c.row.doubts)
    if doubts:
        told = ", ".join(f"{why} {count}" for why, count in sorted(doubts.items()))
        yield f"plan would not choose {sum(c.doubted for c in drawn)}: {told}"
    if answers.rejected:
        yield f"not drawn: {', '.join(f'{reason.value} {count}' for reason, count in answers.rejected.items())}"
    yield from _without_price(answers.rows)
    priced = [row for row in answers.rows if row.usd_per_million_output_tokens is not None]
    if lacking := len(priced) - len(drawn):
        yield f"not drawn: {lacking} without {metric.upper()}"


def _without_price(rows: Sequence[ProfileRow]) -> Iterable[str]:
    """Each reason for having no price, with the hardware that it holds for."""
    whys: dict[str, Counter[str]] = {}
    for row in rows:
        if row.usd_per_million_output_tokens is None:
            why = row.offer.why if row.offer is not None and row.offer.why else "its token lengths or its machine are unknown"
            whys.setdefault(why, Counter())[f"{row.profile.accelerator_count} x {row.profile.accelerator}"] += 1
    for why, hardware in sorted(whys.items()):
        told = ", ".join(f"{name} ({count})" for name, count in sorted(hardware.items()))
        yield f"no price, not drawn: {told}: {why}"
