"""Questions in, estimates out: an ``Estimator`` learns from the catalog's curves, ``table`` answers many points, ``curve`` a ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from giqplan.catalog import Catalog, Curve
from giqplan.catalog.levels import SATURATION_ELASTICITY
from giqplan.errors import RecommendError
from giqplan.model.estimate import METRICS, Estimate, EstimatedCurve, LoadKind, NoEstimate, Setup, Spread
from giqplan.recommend.estimator import loops
from giqplan.recommend.estimator.kin import kin
from giqplan.recommend.estimator.model import Fitted, fit
from giqplan.recommend.estimator.parameters import parameters
from giqplan.recommend.estimator.physics import cache_bytes, places
from giqplan.recommend.estimator.replicas import Floats, Ints, Replicas, describe
from giqplan.recommend.estimator.surfaces import Surfaces, surfaces
from giqplan.recommend.estimator.training import measured, setup_of
from giqplan.recommend.estimator.trust import Judgement, checked_as, distance, judge

LADDER = tuple(sorted({float(round(2 ** (step / 2))) for step in range(23)}))
"""Requests in flight of a curve that nobody gave loads for: 1 to 2,048 by half octaves, in whole requests."""

OVERLOADED = "the replica serves at most {:.4g} requests/s of this shape: at this rate the queue grows without end"


@dataclass(frozen=True, slots=True)
class Table:
    """One row a question. ``metrics``: name (of ``METRICS``) -> value, low and high (3 x rows), NaN where there is no answer.
    ``grade``: A, B, C or "". ``reason``: index into ``reasons``; of an answer what it rests on, else why there is none."""

    metrics: Mapping[str, Floats]
    concurrency: Floats
    grade: NDArray[np.str_]
    reason: Ints
    reasons: tuple[str, ...]


class Estimator:
    """Raises RecommendError (GIQ1328) where the catalog holds no calibration."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        content = catalog.calibration
        if content is None:
            raise RecommendError(
                "GIQ1328", "the catalog holds no estimator.json", "install giqplan again, or run scripts/calibrate_estimator.py"
            )
        self.parameters = parameters(content)
        self._surfaces: dict[tuple[Setup, ...], Surfaces] = {}

    @cached_property
    def fitted(self) -> Fitted:
        """Learned once, when first asked."""
        return fit(self.parameters, self.catalog, measured(self.catalog, self.catalog.curves()))

    def table(
        self, setups: Sequence[Setup], which: Ints, input_tokens: Floats, output_tokens: Floats, is_rate: NDArray[np.bool_], load: Floats
    ) -> Table:
        """Answers to any number of questions; ``which`` indexes ``setups``. A question that has none says why."""
        replicas, where, refused = describe(setups, self.catalog, self.catalog.model)
        known = self._known(replicas)
        reasons = [one.words for one in known.judged]
        at = np.full(len(which), -1, dtype=np.int64)
        reason = np.full(len(which), -1, dtype=np.int64)
        for index, no in refused.items():
            reasons.append(f"{no.reason}; {no.remedy}")
            reason[which == index] = len(reasons) - 1
        at = where[which]
        longest = np.array([float(one.max_context or np.inf) for one in replicas.models] or [0.0])
        bad = _unanswerable(input_tokens, output_tokens, load, np.where(at >= 0, longest[np.maximum(at, 0)], np.inf))
        for text, mask in bad.items():
            mask = mask & (reason < 0)
            if mask.any():
                reasons.append(text)
                reason[mask] = len(reasons) - 1
        rows = np.flatnonzero(reason < 0)
        metrics = {name: np.full((3, len(which)), np.nan) for name in METRICS}
        concurrency, grade = np.full(len(which), np.nan), np.full(len(which), "", dtype="<U1")
        if len(rows):
            answers = loops.answer(known, at[rows], input_tokens[rows], output_tokens[rows], is_rate[rows], load[rows])
            overloaded = answers.overloaded
            for name in METRICS:
                metrics[name][:, rows[~overloaded]] = answers.metrics[name][:, ~overloaded]
            concurrency[rows[~overloaded]] = answers.concurrency[~overloaded]
            reason[rows] = at[rows]
            grade[rows] = np.array([one.grade.value for one in known.judged])[at[rows]]
            for row, most in zip(rows[overloaded], answers.most_qps[overloaded], strict=True):
                reasons.append(OVERLOADED.format(most))
                reason[row], grade[row] = len(reasons) - 1, ""
        return Table(metrics, concurrency, grade, reason, tuple(reasons))

    def curve(
        self,
        setup: Setup,
        input_tokens: int,
        output_tokens: int,
        load_kind: LoadKind = LoadKind.CONCURRENCY,
        loads: Sequence[float] | None = None,
    ) -> EstimatedCurve | NoEstimate:
        """One replica at one shape over ``loads`` (None: a ladder from one request in flight to beyond saturation; of rates, the rates that
        those are served at)."""
        replicas, _, refused = describe((setup,), self.catalog, self.catalog.model)
        if refused:
            return refused[0]
        longest = replicas.models[0].max_context
        if input_tokens < 1 or output_tokens < 1 or (longest and input_tokens + output_tokens > longest):
            context = f"; the context of {setup.model_id} is {longest} tokens" if longest else ""
            reason = f"lengths {input_tokens}/{output_tokens} are not possible{context}"
            return NoEstimate("GIQ1329", reason, "ask for at least one token each, within the context")
        known = self._known(replicas)
        closed = load_kind is LoadKind.CONCURRENCY or loads is None
        asked = np.array(LADDER if loads is None else loads, dtype=np.float64)
        size = len(asked)
        lengths = np.full(size, float(input_tokens)), np.full(size, float(output_tokens))
        answers = loops.answer(known, np.zeros(size, dtype=np.int64), *lengths, np.full(size, not closed), asked)
        if answers.overloaded.all():
            return NoEstimate("GIQ1329", OVERLOADED.format(float(answers.most_qps[0])), "ask for a lower rate, or more accelerators")
        fits = float(places(replicas.facts, lengths[0][:1], lengths[1][:1])[0])
        cache = cache_bytes(replicas.facts, lengths[0][:1] + lengths[1][:1] / 2)[0] * 1.0
        room = float(replicas.facts.copies[0] * replicas.facts.free_bytes[0])
        found = [
            _estimate(
                answers,
                index,
                float(answers.qps[index]) if closed and load_kind is LoadKind.RATE else float(asked[index]),
                input_tokens,
                fits,
                cache / room,
            )
            for index in range(size)
            if not answers.overloaded[index]
        ]
        judged = known.judged[0]
        return EstimatedCurve(
            setup,
            input_tokens,
            output_tokens,
            load_kind,
            tuple(found),
            _saturation(found),
            fits,
            judged.grade,
            judged.words,
            self._notes(replicas),
        )

    def measured_like(self, setup: Setup) -> tuple[Curve, ...]:
        """The catalog's curves of exactly this replica (a version that is not said is any)."""
        asked = self.catalog.model(setup.model_id)
        found = self.catalog.curves_for(asked.model_id) if asked else ()
        return tuple(curve for curve in found if _same(setup_of(curve), setup))

    def _known(self, replicas: Replicas) -> loops.Known:
        key = replicas.setups
        shown = [{kind: values[i] for kind, values in replicas.kinds.items()} for i in range(len(key))]
        at = tuple(distance(self.fitted.measured, kinds) for kinds in shown)
        if key not in self._surfaces:
            self._surfaces = {key: surfaces(self.fitted, kin(replicas, self.catalog), [checked_as(one) for one in at])} if key else {}
        judged = tuple(judge(self.parameters.classes["checks"], far, kinds) for far, kinds in zip(at, shown, strict=True))
        return loops.Known(replicas, self._surfaces.get(key), at, judged, self.parameters.classes["widths"])

    def _notes(self, replicas: Replicas) -> tuple[str, ...]:
        kinds = {kind: values[0] for kind, values in replicas.kinds.items()}
        have = self.fitted.measured.replicas.kinds
        versions = sorted({v for v, s in zip(have["version"], have["server"], strict=True) if s == kinds["server"] and v})
        if kinds["version"] and kinds["version"] not in versions:
            return (f"{kinds['server']} {kinds['version']} is measured with no model; other versions stand for it",)
        return ()


def _same(measured_on: Setup, asked: Setup) -> bool:
    return (
        measured_on.model_server == asked.model_server
        and measured_on.accelerator == asked.accelerator
        and measured_on.accelerator_count == asked.accelerator_count
        and (not asked.model_server_version or measured_on.model_server_version == asked.model_server_version.removeprefix("v"))
        and (not asked.precision or measured_on.precision == asked.precision)
        and (not asked.parallelism or measured_on.parallelism == asked.parallelism)
    )


def _unanswerable(input_tokens: Floats, output_tokens: Floats, load: Floats, longest: Floats) -> dict[str, NDArray[np.bool_]]:
    """Reason -> which questions have no answer for it."""
    with np.errstate(invalid="ignore"):
        return {
            "lengths must be at least one token": ~((input_tokens >= 1) & (output_tokens >= 1) & np.isfinite(input_tokens + output_tokens)),
            "the load must be a number above 0": ~((load > 0) & np.isfinite(load)),
            "input and output together are longer than the model's context": input_tokens + output_tokens > longest,
        }


def _estimate(answers: loops.Answers, index: int, load: float, input_tokens: int, fits: float, share: float) -> Estimate:
    def spread(name: str) -> Spread:
        value, low, high = (float(number) for number in answers.metrics[name][:, index])
        return Spread(value, low, high)

    qps, concurrency = float(answers.qps[index]), float(answers.concurrency[index])
    running = min(concurrency, fits)
    return Estimate(
        load=load,
        concurrency=concurrency,
        qps=qps,
        ttft_ms=spread("ttft_ms"),
        itl_ms=spread("itl_ms"),
        ntpot_ms=spread("ntpot_ms"),
        output_tokens_per_second=spread("output_tokens_per_second"),
        input_tokens_per_second=qps * input_tokens,
        queue=max(concurrency - fits, 0.0),
        kv_cache=min(running * share, 1.0),
    )


def _saturation(found: Sequence[Estimate]) -> int | None:
    """The first load behind which more load brings hardly more throughput (catalog.levels)."""
    for index, (one, more) in enumerate(pairwise(found)):
        growth = np.log(more.qps / one.qps) / np.log(more.concurrency / one.concurrency)
        if growth < SATURATION_ELASTICITY:
            return index
    return None


__all__ = ["Estimator", "Judgement", "Table"]
