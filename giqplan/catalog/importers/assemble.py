"""Measurements become curves: one a run, profile and shape, a point each load level, in the words of curves.csv and points.csv.

NTPOT, TTFT and rates are the report's own figures; ITL is (NTPOT x tokens - TTFT) / (tokens - 1), because tools count stream events,
which are not tokens (docs/import.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import log
from pathlib import PurePath

from giqplan.catalog.importers.profiles import Given, check_given, disagree, lengths, profiles
from giqplan.catalog.importers.values import Claim, Latency, Measurement, broken
from giqplan.catalog.layer import NewCurve, source_of
from giqplan.catalog.levels import mostly_waits
from giqplan.catalog.schema import TABLES
from giqplan.catalog.store import Catalog
from giqplan.catalog.values import Source
from giqplan.errors import CatalogError
from giqplan.model.recommendation import Statistic

OWN_ITL_DIFFERS = Decimal("0.1")
"""A report's own ITL or TPOT that is so far from the derived one is told."""
FAILED_IS_SUSPECT = 0.05
"""Beyond this share of failed requests the latencies of those that came through say little. Ours."""
_ONE_SHAPE = log(1.2)
_DIGITS = Decimal("1e-9")
_DERIVED = "itl = (ntpot x tokens - ttft) / (tokens - 1)"


@dataclass(frozen=True)
class Level:
    """A measurement with what it is of."""

    measured: Measurement
    profile: Mapping[str, str]
    input_tokens: float
    output_tokens: float

    @property
    def order(self) -> tuple[float, float, bool, Decimal]:
        one = self.measured
        return (self.input_tokens, self.output_tokens, one.load is None, one.load or one.qps or Decimal(0))


@dataclass(frozen=True)
class Assembled:
    """``date``: the newest of the measurements, "" = none says when it was made. ``warnings``: what the user should know."""

    curves: tuple[NewCurve, ...]
    sources: tuple[Source, ...]
    date: str
    warnings: tuple[str, ...]


def assemble(measurements: Iterable[Measurement], given: Given, catalog: Catalog, digests: Mapping[str, str]) -> Assembled:
    """``digests``: file -> SHA-256 of it, in hex. Raises CatalogError GIQ1217 to GIQ1224; nothing is guessed."""
    check_given(given)
    measured, warnings = _answered(distinct(measurements))
    cells = profiles(measured, given, catalog)
    levels = [Level(m, p, *lengths(m, given, catalog, p["use_case"])) for m, p in zip(measured, cells, strict=True)]
    unknown = {p["model_id"] for p in cells if catalog.model(p["model_id"]) is None}
    warnings += [f"{model} is in no layer's models.csv: until it is, no plan can use its curves" for model in sorted(unknown)]
    curves, sources, dates = [], {}, [""]
    for group in _groups(levels):
        curve, source, told = _curve(group, given, digests)
        curves.append(curve)
        sources[source.id] = source
        dates.append(source.date)
        warnings += told
    warnings += [f"{level.measured}: {text}" for level in levels for text in level.measured.warnings]
    return Assembled(tuple(curves), tuple(sources.values()), max(dates), tuple(dict.fromkeys(warnings)))


def distinct(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Each measurement once: two files of one run may hold the same (inference-perf writes every stage in two formats). Of two, the
    one that says its load stays."""
    found: dict[tuple[object, ...], Measurement] = {}
    for one in measurements:
        key = (one.qps, one.output_tokens_per_second, one.ntpot, one.ttft, one.input_tokens, one.output_tokens, _variant(one))
        if key not in found or (found[key].load is None and one.load is not None):
            found[key] = one
    return list(found.values())


def _variant(one: Measurement) -> tuple[str, ...]:
    """What tells rows of a table apart: those of two profiles may have equal numbers."""
    told = one.said if one.itl_is_given else {name: claim for name, claim in one.said.items() if name == "variant"}
    return tuple(claim.text for _, claim in sorted(told.items()))


def _answered(measurements: Sequence[Measurement]) -> tuple[list[Measurement], list[str]]:
    """Without the loads at which no request succeeded, and a warning for each of those."""
    dead = [one for one in measurements if one.succeeded == 0]
    if len(dead) == len(measurements):
        raise CatalogError("GIQ1223", "no request succeeded at any load", "Import reports of a run that was answered.")
    told = [f"{one}: left out, no request succeeded ({one.failed or 0} failed)" for one in dead]
    return [one for one in measurements if one.succeeded != 0], told


def _groups(levels: Iterable[Level]) -> list[list[Level]]:
    """The levels of each curve, in order of load."""
    runs: dict[tuple[object, ...], list[Level]] = {}
    for level in levels:
        runs.setdefault((_family(level.measured), level.measured.run, tuple(sorted(level.profile.items()))), []).append(level)
    found: list[list[Level]] = []
    for run in runs.values():
        _one_version(run)
        shapes: list[list[Level]] = []
        for level in sorted(run, key=lambda level: level.order):
            home = next((shape for shape in shapes if all(_same_shape(level, other) for other in shape)), None)
            if home is None:
                shapes.append([level])
            else:
                home.append(level)
        found += shapes
    return [sorted(group, key=lambda level: level.order[2:]) for group in found]


def _family(measured: Measurement) -> str:
    """The format without its version."""
    return measured.format.rstrip("0123456789.")


def _one_version(run: Sequence[Level]) -> None:
    first = run[0].measured
    other = next((level.measured for level in run if level.measured.format != first.format), None)
    if other is not None:
        detail = f"the files of one run have several versions: {first.format} in {first.place}, {other.format} here"
        raise CatalogError("GIQ1218", detail, "Import the files of one version at a time.", other.place)


def _same_shape(one: Level, other: Level) -> bool:
    return max(abs(log(one.input_tokens / other.input_tokens)), abs(log(one.output_tokens / other.output_tokens))) <= _ONE_SHAPE


def _curve(group: Sequence[Level], given: Given, digests: Mapping[str, str]) -> tuple[NewCurve, Source, list[str]]:
    measured = [level.measured for level in group]
    kind = "concurrency" if all(m.load_kind == "concurrency" for m in measured) else "rate"
    statistic, asserted = _statistic(measured, given)
    points, told = zip(*(_point(level, statistic, kind) for level in group), strict=True)
    _one_point_a_load(measured, kind)
    measured_at, source = _measured_at(measured, given), _source(measured, digests)
    source = Source(source.id, source.citation, source.licence, measured_at)
    derived = _DERIVED if any(point["itl_ms"] for point in points) and not any(m.itl_is_given for m in measured) else ""
    use_case = group[0].profile["use_case"]
    own = [given.note, asserted, f"use case {use_case}" if use_case else "", f"derived: {derived}" if derived else ""]
    notes = own + [note for m in measured for note in m.notes]
    cells = {column: group[0].profile.get(column, "") for column in TABLES["curves"].columns} | {
        "input_tokens": str(max(1, round(sum(level.input_tokens for level in group) / len(group)))),
        "output_tokens": str(max(1, round(sum(level.output_tokens for level in group) / len(group)))),
        "statistic": statistic.value,
        "load_kind": kind,
        "measured_at": measured_at,
        "source": source.id,
        "note": "; ".join(dict.fromkeys(note for note in notes if note)),
    }
    return NewCurve(cells, points), source, _warnings(group, points, [t for one in told for t in one])


def _statistic(measured: Sequence[Measurement], given: Given) -> tuple[Statistic, str]:
    """The median where every latency has it, else the mean, else what is unsaid; or what the command line wants, which says it where
    the reports do not. Second: a note on that."""

    def lack(field: str) -> tuple[Measurement, str] | None:
        for one in measured:
            for name, latency in (("NTPOT", one.ntpot), ("TTFT", one.ttft), ("ITL", one.itl if one.itl_is_given else Latency())):
                if latency and getattr(latency, field) is None:
                    return one, name
        return None

    if given.statistic is None:
        for field, statistic in (("p50", Statistic.P50), ("mean", Statistic.MEAN), ("unsaid", Statistic.UNSAID)):
            if lack(field) is None:
                return statistic, ""
    elif lack(given.statistic.value) is None:
        return given.statistic, ""
    elif lack("unsaid") is None:
        return given.statistic, f"the report does not say its statistic; {given.statistic.value} as said at import"
    wanted = given.statistic.value if given.statistic else "mean"
    one, name = lack(wanted) or (measured[0], "latency")
    remedy = "Let the tool report medians or means of every latency, or give --statistic for the one that it has."
    raise CatalogError("GIQ1220", f"the report has no {wanted} of {name}", remedy, one.place)


def _value(latency: Latency, statistic: Statistic) -> Decimal | None:
    named = {Statistic.P50: latency.p50, Statistic.MEAN: latency.mean}.get(statistic)
    return named if named is not None else latency.unsaid


def _point(level: Level, statistic: Statistic, kind: str) -> tuple[dict[str, str], list[str]]:
    """The cells of a point, and what is told of it."""
    one, tokens = level.measured, Decimal(str(level.output_tokens))
    ntpot, ttft = _value(one.ntpot, statistic), _value(one.ttft, statistic)
    _must_be_positive(one, ntpot, ttft)
    given_itl = _value(one.itl, statistic)
    itl = given_itl or derived_itl(ntpot, ttft, tokens) if one.itl_is_given else derived_itl(ntpot, ttft, tokens)
    told = []
    if itl is None and ntpot is None and (itl := _value(one.tpot, statistic)) is not None:
        told.append("the report has no NTPOT: ITL is its time per output token")
    if ntpot is None and (ttft is None or itl is None):
        raise broken(one.place.file, f"{one.where or 'the report'}: neither NTPOT nor TTFT and ITL", one.place.line)
    request = None if ntpot is None else ntpot * tokens
    waits = ttft is not None and mostly_waits(float(ttft), None if request is None else float(request))
    counts = _counts(one)
    cells = {
        "load": text(one.load if one.load_kind == kind else None),
        "qps": text(one.qps),
        "output_tokens_per_second": text(one.output_tokens_per_second),
        "ttft_ms": text(ttft),
        "itl_ms": text(itl),
        "ntpot_ms": text(ntpot),
        "queue": "",
        "kv_cache": "",
        "suspect": counts if _failed_share(one) > FAILED_IS_SUSPECT else "",
        "queue_dominated": "yes" if waits else "no",
        "note": counts,
    }
    return cells, told


def _must_be_positive(one: Measurement, ntpot: Decimal | None, ttft: Decimal | None) -> None:
    named = {"NTPOT": ntpot, "TTFT": ttft, "requests a second": one.qps, "output tokens a second": one.output_tokens_per_second}
    for name, value in named.items():
        if value is not None and value <= 0:
            more = ": most requests had no output" if name == "NTPOT" else ""
            raise broken(one.place.file, f"{one.where or 'the report'}: {name} is {value}{more}", one.place.line)
    if one.qps is None and one.output_tokens_per_second is None:
        raise broken(one.place.file, f"{one.where or 'the report'}: neither requests nor output tokens a second", one.place.line)


def derived_itl(ntpot: Decimal | None, ttft: Decimal | None, tokens: Decimal) -> Decimal | None:
    """Milliseconds between output tokens; None = it cannot be known (no TTFT, a single token) or would not be positive."""
    if ntpot is None or ttft is None or tokens <= 1:
        return None
    found = ((ntpot * tokens - ttft) / (tokens - 1)).quantize(_DIGITS)
    return found if found > 0 else None


def _failed_share(one: Measurement) -> float:
    return (one.failed or 0) / ((one.failed or 0) + one.succeeded) if one.succeeded else 0.0


def _counts(one: Measurement) -> str:
    """``3 of 120 requests failed``; "" = none did."""
    told = [f"{count} {word}" for count, word in ((one.failed, "failed"), (one.incomplete, "were cut off")) if count]
    total = (one.succeeded or 0) + (one.failed or 0) + (one.incomplete or 0)
    return f"of {total} requests {', '.join(told)}" if told else ""


def text(value: Decimal | None) -> str:
    """A number as a table has it: every digit, no exponent, no trailing zeros."""
    return "" if value is None else f"{value.normalize():f}"


def _one_point_a_load(measured: Sequence[Measurement], kind: str) -> None:
    seen: dict[Decimal, Measurement] = {}
    for one in measured:
        if one.load is None or one.load_kind != kind:
            continue
        if one.load in seen:
            detail = f"load {text(one.load)} stands in {seen[one.load]} too, with other numbers"
            raise CatalogError("GIQ1222", detail, "Leave one out, or import the two runs one at a time.", one.place)
        seen[one.load] = one


def _measured_at(measured: Sequence[Measurement], given: Given) -> str:
    for one in measured:
        own = given.measured_at
        if own and one.measured_at and not (one.measured_at.startswith(own) or own.startswith(one.measured_at)):
            raise disagree(one, Claim(one.measured_at, one.where or "the report"), "--measured-at", own)
    return max([given.measured_at, *(one.measured_at for one in measured)], key=len if given.measured_at else None)


def _source(measured: Sequence[Measurement], digests: Mapping[str, str]) -> Source:
    """Names and digests of the files, which tell them again wherever they lie."""
    files = sorted({(PurePath(one.place.file).name, digests[one.place.file]) for one in measured})
    whose = "imported" if measured[0].itl_is_given else "own benchmark"
    named = ", ".join(f"{name} sha256:{digest[:16]}" for name, digest in files)
    return source_of(f"{whose}, {measured[0].format}: {named}")


def _warnings(group: Sequence[Level], points: Sequence[Mapping[str, str]], told: Iterable[str]) -> list[str]:
    first = group[0]
    name = f"{first.measured.place} and on" if len(group) > 1 else str(first.measured.place)
    found = [f"{name}: {one}" for one in dict.fromkeys(told)]
    pairs = list(zip(group, points, strict=True))
    found += [
        f"{level.measured}: {point['note']}{'; suspect: never chosen' * bool(point['suspect'])}" for level, point in pairs if point["note"]
    ]
    off = [(level.measured, Decimal(point["itl_ms"]), own) for level, point in pairs for own in _off(level, point)]
    if off:
        one, itl, (what, value) = max(off, key=lambda each: abs(each[2][1] / each[1] - 1))
        count = len({id(each[0]) for each in off})
        found.append(
            f"{name}: at {count} of {len(group)} loads the report's own ITL or TPOT is more than 10 % off (NTPOT x tokens - TTFT) / "
            f"(tokens - 1), which is taken: it may count stream events. Furthest: {what} {value:.4g} ms for {itl:.4g} ms in {one}"
        )
    if not any(point["ttft_ms"] for point in points):
        found.append(f"{name}: no TTFT and no ITL, as of a run that does not stream: it answers for NTPOT alone")
    return found


def _off(level: Level, point: Mapping[str, str]) -> list[tuple[str, Decimal]]:
    """The report's own ITL and TPOT where they are far from the point's."""
    one = level.measured
    if not point["itl_ms"] or one.itl_is_given or not point["ntpot_ms"]:
        return []
    itl, medians = Decimal(point["itl_ms"]), text(one.ntpot.p50) == point["ntpot_ms"]
    own = [(name, latency.p50 if medians else latency.mean) for name, latency in (("ITL", one.itl), ("TPOT", one.tpot))]
    return [(name, value) for name, value in own if value is not None and abs(value / itl - 1) > OWN_ITL_DIFFERS]


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
