"""Estimates as curves: a replica at one pair of lengths, from one request in flight to beyond its saturation.

What stands in such a curve is the bad end of the 90 % interval, the high end of latencies and the low end of throughput: what is planned
with it holds its targets and carries its traffic unless the estimate is worse than its interval says (docs/modelled.md). The estimates
themselves stand beside it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from giqplan.catalog import Catalog, Curve, Model, Point
from giqplan.catalog.checkpoint import checkpoint_family, held_precision
from giqplan.catalog.levels import mostly_waits
from giqplan.model.estimate import METRICS, Grade, LoadKind, Setup, Spread
from giqplan.model.modelled import Modelled
from giqplan.model.recommendation import OperatingPoint, Profile, Provenance, Statistic
from giqplan.units import digest

if TYPE_CHECKING:
    from giqplan.recommend.estimator.door import Estimator, Table

Answer = dict[str, Any]

LOADS = tuple(sorted({float(int(step * 2**power)) for power in range(10) for step in (1.0, 1.5)} | {1024.0}))
"""Requests in flight at which a curve is estimated: 1, 2, 3, 4, 6 ... 768, 1024. Between two the choice interpolates, as everywhere."""

SOURCE = "giqplan's estimator, docs/estimator.md"
PREFIX = "m-"


@dataclass(frozen=True)
class Case:
    """One model at one pair of lengths. ``longest``: tokens of the longest request that the server is started for. ``catalog`` is the
    same object for as long as it is asked: estimates are kept by it."""

    catalog: Catalog
    model: Model
    input_tokens: int
    output_tokens: int
    longest: int

    @property
    def too_long(self) -> str:
        """That a request is longer than the model's context, in words; "" = it is not."""
        asked, context = self.input_tokens + self.output_tokens, self.model.max_context
        return f"a request of {asked:,} tokens is longer than the model's context of {context:,}" if context and asked > context else ""

    @property
    def data(self) -> str:
        """Digest of all data behind the numbers: the catalog's files, which hold the estimator's parameters, and the model's facts, which
        may be a config.json's."""
        return _data(self.catalog.digest, self.model)


@lru_cache(maxsize=64)
def _data(catalog_digest: str, model: Model) -> str:
    return digest([catalog_digest, asdict(model)])


@dataclass(frozen=True)
class Estimated:
    """A modelled curve with what its source says beyond it. ``basis``: what it rests on; ``spreads``: of each point of the curve the
    estimates in order of METRICS."""

    curve: Curve
    setup: Setup
    grade: Grade
    basis: str
    spreads: tuple[tuple[Spread, ...], ...]

    def at(self, load: float) -> dict[str, Spread]:
        """The estimates by metric, where the curve has ``load`` requests in a replica (its own rate times its own latency, as an operating
        point counts them): between two of its loads all goes along with it (catalog.levels.between)."""
        points, tokens = self.curve.points, self.curve.output_tokens or 0
        known = [*accumulate(((point.qps or 0.0) * (point.ntpot_ms or 0.0) * tokens / 1000 for point in points), max)]
        above = min(max(bisect_left(known, load), 1), len(known) - 1)
        low, high = known[above - 1], known[above]
        share = min(max((load - low) / (high - low), 0.0), 1.0) if high > low else 1.0
        pairs = zip(METRICS, self.spreads[above - 1], self.spreads[above], strict=True)
        return {name: _between(one, other, share) for name, one, other in pairs}


def _between(one: Spread, other: Spread, share: float) -> Spread:
    pairs = ((one.value, other.value), (one.low, other.low), (one.high, other.high))
    return Spread(*(_steady(a + (b - a) * share) for a, b in pairs))


def _steady(value: float) -> float:
    """Three digits: more than is known, and the same on every machine, where the last bits of sums are not. A saved
    plan must follow again from the same data elsewhere."""
    return float(f"{value:.3g}")


@dataclass(frozen=True, slots=True)
class Unestimated:
    """A setup without an answer, and why."""

    setup: Setup
    why: str


def key_of(setup: Setup, case: Case) -> str:
    """``m-``, 12 hex digits for the replica and lengths, and 8 for the data behind the numbers."""
    names = [getattr(setup, name) for name in Setup.__dataclass_fields__]
    replica = digest([*names, case.input_tokens, case.output_tokens]).removeprefix("sha256:")[:12]
    return f"{PREFIX}{replica}-{case.data.removeprefix('sha256:')[:8]}"


def setup_of(profile: Profile, case: Case) -> Setup:
    """The replica of a measured profile, in the words of modelled ones: "" for the checkpoint's own precision, and never no parallelism."""
    held = held_precision(case.model.model_id, case.model.checkpoint_dtype)
    named = profile.precision
    return Setup(
        model_id=case.model.model_id,
        model_server=profile.model_server,
        model_server_version=profile.model_server_version,
        accelerator=profile.accelerator,
        accelerator_count=profile.accelerator_count,
        precision="" if named and (checkpoint_family(named) or named) == held else named,
        parallelism=profile.parallelism or f"tp{profile.accelerator_count}",
    )


def profile_of(setup: Setup) -> Profile:
    """The profile of a modelled replica; no machine was measured."""
    return Profile(
        model_id=setup.model_id,
        model_server=setup.model_server,
        model_server_version=setup.model_server_version,
        accelerator=setup.accelerator,
        accelerator_count=setup.accelerator_count,
        machine_type="",
        precision=setup.precision,
        parallelism=setup.parallelism,
    )


def estimated(case: Case, setups: Sequence[Setup]) -> tuple[Estimated | Unestimated, ...]:
    """The curve of every setup, all estimated in one go, and kept: learning from all measurements takes longer than all the rest of a
    plan."""
    return _estimated(case, tuple(setups)) if setups else ()


@lru_cache(maxsize=8)
def _estimated(case: Case, setups: tuple[Setup, ...]) -> tuple[Estimated | Unestimated, ...]:
    kept, group = case.catalog.kept, _short([case.catalog.digest, _program()])
    key = _short([asdict(case.model), case.input_tokens, case.output_tokens, [asdict(setup) for setup in setups]])
    try:
        return tuple(_curve(case, setup, answer) for setup, answer in zip(setups, kept.get(group, key), strict=True))
    except (TypeError, ValueError, KeyError):  # nothing is kept, or nothing that can be read
        answers = _answers(case, setups)
        kept.put(group, key, answers)
        return tuple(_curve(case, setup, answer) for setup, answer in zip(setups, answers, strict=True))


def _short(value: object) -> str:
    return digest(value).removeprefix("sha256:")[:16]


@lru_cache(maxsize=1)
def _program() -> str:
    """Digest of the estimator itself: what another one said is not kept."""
    return digest([path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))])


@lru_cache(maxsize=2)
def _estimator(catalog: Catalog) -> Estimator:
    """The estimator of a catalog, made once."""
    from giqplan.recommend.estimator.door import Estimator

    return Estimator(catalog)


def _answers(case: Case, setups: tuple[Setup, ...]) -> list[Answer]:
    """Of every setup at each of LOADS, as JSON."""
    import numpy as np

    which = np.repeat(np.arange(len(setups)), len(LOADS))
    full = np.ones(len(which))
    loads = np.tile(np.array(LOADS), len(setups))
    lengths = full * case.input_tokens, full * case.output_tokens
    table = _estimator(case.catalog).table(setups, which, *lengths, np.zeros(len(which), np.bool_), loads)
    return [_answer(table, slice(i * len(LOADS), (i + 1) * len(LOADS))) for i in range(len(setups))]


def _answer(table: Table, rows: slice) -> Answer:
    """``why`` there is none; or ``grade``, ``basis``, and of each load ``spreads`` (value, low and high of each of METRICS)."""
    grades, reasons = table.grade[rows].tolist(), table.reason[rows].tolist()
    answered = [i for i, grade in enumerate(grades) if grade and table.metrics["ntpot_ms"][2, rows][i] > 0]
    if not answered:
        return {"why": table.reasons[reasons[0]]}
    columns = [[table.metrics[name][:, rows].T.tolist()[i] for i in answered] for name in METRICS]
    for column, name in zip(columns, METRICS, strict=True):
        if name.endswith("_ms"):  # more load makes no request faster: what may be so slow at one load may be at every higher one
            for low, high in pairwise(column):
                high[2] = max(low[2], high[2])
    return {
        "grade": max(grades[i] for i in answered),
        "basis": table.reasons[reasons[answered[0]]],
        "spreads": {str(int(LOADS[i])): [[_steady(v) for v in column[at]] for column in columns] for at, i in enumerate(answered)},
    }


def _curve(case: Case, setup: Setup, answer: Answer) -> Estimated | Unestimated:
    """Raises TypeError, ValueError or KeyError where ``answer`` is not what ``_answer`` writes."""
    if "why" in answer:
        return Unestimated(setup, str(answer["why"]))
    loads = sorted((float(load), load) for load in answer["spreads"])
    spreads = tuple(tuple(Spread(*map(float, spread)) for spread in answer["spreads"][name]) for _, name in loads)
    curve = Curve(
        key=key_of(setup, case),
        profile=profile_of(setup),
        provenance=Provenance.MODELLED,
        input_tokens=case.input_tokens,
        output_tokens=case.output_tokens,
        statistic=Statistic.P50,
        load_kind=LoadKind.CONCURRENCY.value,
        replicas=1,
        points=tuple(_point(load, case.output_tokens, of_load) for (load, _), of_load in zip(loads, spreads, strict=True)),
        measured_at="",
        source=SOURCE,
        licence="",
    )
    return Estimated(curve, setup, Grade(answer["grade"]), str(answer["basis"]), spreads)


def _point(load: float, output_tokens: int, spreads: tuple[Spread, ...]) -> Point:
    """The bad end. Requests come at most at the rate that latency allows (Little's law)."""
    ttft, itl, ntpot, rate = spreads
    request_ms = ntpot.high * output_tokens
    qps = min(rate.low / output_tokens, load / request_ms * 1000)
    return Point(
        load=load,
        qps=qps,
        output_tokens_per_second=qps * output_tokens,
        ttft_ms=ttft.high,
        itl_ms=itl.high,
        ntpot_ms=ntpot.high,
        queue_dominated=mostly_waits(ttft.high, request_ms),
    )


def told(one: Estimated, case: Case, point: OperatingPoint, machine_type: str) -> Modelled:
    """What stands beside a choice that rests on the curve, at its operating point. The bad end is the point itself: where the choice
    interpolated, it evened the curve out, and the two would differ in their last digits."""
    setup, at = one.setup, one.at(point.load)
    for name, bad in (("ttft_ms", point.ttft_ms), ("itl_ms", point.itl_ms), ("ntpot_ms", point.ntpot_ms)):
        if bad is not None:
            at[name] = replace(at[name], high=max(_steady(bad), at[name].value))
    rate = at["output_tokens_per_second"]
    at["output_tokens_per_second"] = replace(rate, low=min(_steady(point.output_tokens_per_second), rate.value))
    return Modelled(
        grade=one.grade,
        basis=one.basis,
        load=point.load,
        ttft_ms=at["ttft_ms"],
        itl_ms=at["itl_ms"],
        ntpot_ms=at["ntpot_ms"],
        output_tokens_per_second=at["output_tokens_per_second"],
        measure=measure_command(setup, case.input_tokens, case.output_tokens, machine_type),
        published=case.catalog.published(setup.model_id, setup.accelerator),
    )


def measure_command(setup: Setup, input_tokens: int, output_tokens: int, machine_type: str) -> str:
    """The command that takes inference-perf's reports of the replica into the catalog, where they stand in place of the estimate."""
    flags = {
        "--model": setup.model_id,
        "--model-server": setup.model_server,
        "--model-server-version": setup.model_server_version,
        "--accelerator": setup.accelerator,
        "--count": setup.accelerator_count,
        "--machine-type": machine_type,
        "--precision": setup.precision,
        "--parallelism": setup.parallelism,
        "--input-length": input_tokens,
        "--output-length": output_tokens,
    }
    given = " ".join(f"{flag} {value}" for flag, value in flags.items() if value != "")
    return f"giqplan catalog import stage_*_lifecycle_metrics.json {given}"
