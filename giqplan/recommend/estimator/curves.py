"""Estimates as curves: a replica at one pair of lengths, from one request in flight to beyond its saturation.

What stands in such a curve is the bad end of the 90 % interval, the high end of latencies and the low end of throughput: what is planned
with it holds its targets and carries its traffic unless the estimate is worse than its interval says (docs/modelled.md). The estimates
themselves stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from giqplan.catalog import Catalog, Curve, Model, Point
from giqplan.catalog.checkpoint import checkpoint_family, held_precision
from giqplan.catalog.levels import mostly_waits
from giqplan.model.estimate import METRICS, Grade, LoadKind, Setup, Spread
from giqplan.model.modelled import Modelled
from giqplan.model.recommendation import Profile, Provenance, Statistic
from giqplan.units import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from giqplan.recommend.estimator.door import Estimator, Table

    Floats = NDArray[np.floating]

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
    """A modelled curve with what its source says beyond it. ``basis``: what it rests on; ``metrics``: rows value, low and high, a column
    for each of LOADS."""

    curve: Curve
    setup: Setup
    grade: Grade
    basis: str
    metrics: Mapping[str, Floats]

    def at(self, load: float) -> dict[str, Spread]:
        """The estimates by metric, where the curve holds ``load`` requests in the replica; between two loads in proportion."""
        import numpy as np

        loads = [(p.qps or 0.0) * (p.ntpot_ms or 0.0) * (self.curve.output_tokens or 0) / 1000 for p in self.curve.points]
        known = ~np.isnan(self.metrics["ntpot_ms"][2])
        return {name: Spread(*(_steady(np.interp(load, loads, row[known])) for row in self.metrics[name])) for name in METRICS}


def _steady(value: float) -> float:
    """Three digits: more than is known, and the same on every machine, where the last bits of sums in single precision are not. A saved
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


@lru_cache(maxsize=2)
def _estimator(catalog: Catalog) -> Estimator:
    """The estimator of a catalog, made once."""
    from giqplan.recommend.estimator.door import Estimator

    return Estimator(catalog)


@lru_cache(maxsize=8)
def _table(case: Case, setups: tuple[Setup, ...]) -> Table:
    """Every setup at each of LOADS, in that order; the intents of a folder often ask the same."""
    import numpy as np

    which = np.repeat(np.arange(len(setups)), len(LOADS))
    full = np.ones(len(which))
    loads = np.tile(np.array(LOADS), len(setups))
    no_rate = np.zeros(len(which), np.bool_)
    return _estimator(case.catalog).table(setups, which, full * case.input_tokens, full * case.output_tokens, no_rate, loads)


def estimated(case: Case, setups: Sequence[Setup]) -> tuple[Estimated | Unestimated, ...]:
    """The curve of every setup, all estimated in one go."""
    if not setups:
        return ()
    table = _table(case, tuple(setups))
    return tuple(_of_table(table, i, setup, case) for i, setup in enumerate(setups))


def _of_table(table: Table, index: int, setup: Setup, case: Case) -> Estimated | Unestimated:
    rows = slice(index * len(LOADS), (index + 1) * len(LOADS))
    metrics = {name: table.metrics[name][:, rows] for name in METRICS}
    points = tuple(_points(metrics, case.output_tokens))
    if not points:
        return Unestimated(setup, table.reasons[int(table.reason[rows][0])])
    curve = Curve(
        key=key_of(setup, case),
        profile=profile_of(setup),
        provenance=Provenance.MODELLED,
        input_tokens=case.input_tokens,
        output_tokens=case.output_tokens,
        statistic=Statistic.P50,
        load_kind=LoadKind.CONCURRENCY.value,
        replicas=1,
        points=points,
        measured_at="",
        source=SOURCE,
        licence="",
    )
    worst = max(str(grade) for grade in table.grade[rows] if grade)
    answered = next(int(reason) for reason, grade in zip(table.reason[rows], table.grade[rows], strict=True) if grade)
    return Estimated(curve, setup, Grade(worst), table.reasons[answered], metrics)


def _points(metrics: Mapping[str, Floats], output_tokens: int) -> Iterator[Point]:
    """The bad end at each load that has an answer. Requests come at most at the rate that latency allows (Little's law)."""
    rates = map(_steady, metrics["output_tokens_per_second"][1].tolist())
    ttft, itl, ntpot = (map(_steady, metrics[name][2].tolist()) for name in ("ttft_ms", "itl_ms", "ntpot_ms"))
    for load, first_ms, between_ms, token_ms, rate in zip(LOADS, ttft, itl, ntpot, rates, strict=True):
        if token_ms != token_ms:
            continue
        request_ms = token_ms * output_tokens
        qps = min(rate / output_tokens, load / request_ms * 1000)
        yield Point(
            load=load,
            qps=qps,
            output_tokens_per_second=qps * output_tokens,
            ttft_ms=first_ms,
            itl_ms=between_ms,
            ntpot_ms=token_ms,
            queue_dominated=mostly_waits(first_ms, request_ms),
        )


def told(one: Estimated, case: Case, load: float, machine_type: str) -> Modelled:
    """What stands beside a choice that rests on the curve, where it holds ``load`` requests."""
    setup, at = one.setup, one.at(load)
    return Modelled(
        grade=one.grade,
        basis=one.basis,
        load=load,
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
