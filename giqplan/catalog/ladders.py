"""The rule of ``levels.py`` for all curves at once: numpy in, numpy out. Arrays are flat; ``starts`` says where each curve begins,
with one number more than there are curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from giqplan.catalog.levels import GROWTH_ELASTICITY, MIN_LOADS, SATURATION_ELASTICITY, monotone
from giqplan.model.profiles import Saturated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

SATURATED = tuple(Saturated)
RATES = ("qps", "output_tokens_per_second")
LATENCIES = ("ntpot_ms", "ttft_ms", "itl_ms")
LONG = 32
"""Ladders with more levels are made monotone one by one: all windows of so many are no work for columns, and such curves are rare."""


@dataclass(frozen=True)
class Points:
    """One entry a measured point, in order of curve; NaN = unknown. ``output_tokens``: of the point's curve, NaN = unknown."""

    starts: Ints
    output_tokens: Floats
    load: Floats
    qps: Floats
    output_tokens_per_second: Floats
    ttft_ms: Floats
    itl_ms: Floats
    ntpot_ms: Floats
    suspect: Flags
    queued: Flags


@dataclass(frozen=True)
class Ladders:
    """``levels``: the numbers of the fitted levels by name (RATES, LATENCIES). Per curve: ``top`` (levels.Ladder), ``saturated`` as an
    index into SATURATED, and for each latency whether every level has it. ``top`` is -1 and ``starts`` stands still without a level."""

    starts: Ints
    levels: dict[str, Floats]
    top: Ints
    saturated: Ints
    complete: dict[str, Flags]


@dataclass
class _Levels:
    curve: Ints
    values: dict[str, Floats]
    request_ms: Floats
    weight: Ints
    queued: Flags

    def only(self, chosen: Flags | Ints) -> _Levels:
        values = {name: column[chosen] for name, column in self.values.items()}
        return _Levels(self.curve[chosen], values, self.request_ms[chosen], self.weight[chosen], self.queued[chosen])

    @property
    def load(self) -> Floats:
        found: Floats = self.values["qps"] * self.request_ms / 1000
        return found


def ladders(points: Points) -> Ladders:
    """The ladder of every curve (levels.ladder)."""
    import numpy as np

    curves = len(points.starts) - 1
    every = _levels(points, curves)
    knee = _knees(every, curves)
    every_starts = _starts(every.curve, curves)
    measured = every.only(~every.queued)
    starts = _starts(measured.curve, curves)
    counts = np.diff(starts)
    usable_before = np.concatenate(([0], np.cumsum(~every.queued)))
    at = every_starts[:-1] + np.maximum(knee, 0)
    seen = (knee >= 0) & (counts > 0)
    seen[seen] = ~every.queued[at[seen]]
    top = np.where(seen, usable_before[at] - usable_before[every_starts[:-1]], counts - 1)
    saturated = np.where(seen, SATURATED.index(Saturated.YES), _growth(measured, starts))
    complete = {name: _complete(measured.values[name], starts) for name in LATENCIES}
    _smooth(measured, starts, top, complete)
    return Ladders(starts, measured.values, top, saturated, complete)


def _starts(curve: Ints, curves: int) -> Ints:
    import numpy as np

    found: Ints = np.concatenate(([0], np.cumsum(np.bincount(curve, minlength=curves)))).astype(np.int64)
    return found


def _levels(points: Points, curves: int) -> _Levels:
    """Every level, queue-dominated ones included, in order of curve and load; several at one load are one."""
    import numpy as np

    curve = np.repeat(np.arange(curves), np.diff(points.starts))
    out = points.output_tokens
    request = np.where(np.isnan(points.ntpot_ms), points.ttft_ms + points.itl_ms * (out - 1), points.ntpot_ms * out)
    qps = np.where(np.isnan(points.qps), points.output_tokens_per_second / out, points.qps)
    tokens = np.where(np.isnan(points.output_tokens_per_second), qps * out, points.output_tokens_per_second)
    without_step = np.bincount(curve[~points.suspect & np.isnan(points.load)], minlength=curves) > 0
    step = np.where(without_step[curve], qps * request / 1000, points.load)
    rows = np.flatnonzero(~points.suspect & (request > 0) & (qps > 0))
    rows = rows[np.lexsort((step[rows], curve[rows]))]
    found = _Levels(
        curve[rows],
        {
            "qps": qps[rows],
            "output_tokens_per_second": tokens[rows],
            "ntpot_ms": request[rows] / out[rows],
            "ttft_ms": points.ttft_ms[rows],
            "itl_ms": points.itl_ms[rows],
        },
        request[rows],
        np.ones(len(rows), np.int64),
        points.queued[rows],
    )
    return _merge(found, step[rows])


def _merge(found: _Levels, step: Floats) -> _Levels:
    """Levels at one load become one (levels._merged); they are few."""
    import numpy as np

    first = np.ones(len(step), bool)
    first[1:] = (step[1:] != step[:-1]) | (found.curve[1:] != found.curve[:-1])
    if first.all():
        return found
    begin = np.flatnonzero(first)
    end = np.append(begin[1:], len(step))
    for a, b in zip(begin[end - begin > 1], end[end - begin > 1], strict=True):
        same = np.arange(a, b)
        same = same[~found.queued[a:b]] if not found.queued[a:b].all() else same
        for column in (*found.values.values(), found.request_ms):
            column[a] = np.median(column[same])  # NaN where one of them is
        found.weight[a], found.queued[a] = len(same), found.queued[same[0]]
    return found.only(first)


def _groups(starts: Ints, lengths: Ints) -> Iterator[tuple[Ints, NDArray[np.int64]]]:
    """The curves of one length together, and for each a row with the places of its levels; curves without any are left out."""
    import numpy as np

    for length in np.unique(lengths[lengths > 0]):
        same = np.flatnonzero(lengths == length)
        yield same, starts[same][:, None] + np.arange(length)


def _knees(every: _Levels, curves: int) -> Ints:
    """levels.saturation_index of every curve; -1 = none."""
    import numpy as np

    found = np.full(curves, -1, np.int64)
    starts = _starts(every.curve, curves)
    load, rate = np.log(every.load), np.log(every.values["output_tokens_per_second"])
    for same, places in _groups(starts, np.diff(starts)):
        loads, rates, times = load[places], rate[places], every.request_ms[places]
        for i in reversed(range(places.shape[1] - 1)):
            gains = rates[:, i + 1 :] - rates[:, i, None] < SATURATION_ELASTICITY * (loads[:, i + 1 :] - loads[:, i, None])
            stalls = (gains & (times[:, i + 1 :] > times[:, i, None])).all(axis=1)
            found[same[stalls]] = i
    return found


def _growth(measured: _Levels, starts: Ints) -> Ints:
    """levels._growth of every curve."""
    import numpy as np

    counts = np.diff(starts)
    last = np.flatnonzero(counts >= MIN_LOADS)
    high, low = starts[last + 1] - 1, starts[last + 1] - 2
    load, rate = measured.load, measured.values["output_tokens_per_second"]
    more, gain = np.log(load[high] / load[low]), np.log(rate[high] / rate[low])
    found = np.full(len(counts), SATURATED.index(Saturated.UNKNOWN), np.int64)
    found[last[(more > 0) & (gain >= GROWTH_ELASTICITY * more)]] = SATURATED.index(Saturated.NO)
    return found


def _complete(column: Floats, starts: Ints) -> Flags:
    import numpy as np

    missing = np.concatenate(([0], np.cumsum(np.isnan(column))))
    found: Flags = (np.diff(starts) > 0) & (missing[starts[1:]] == missing[starts[:-1]])
    return found


def _smooth(measured: _Levels, starts: Ints, top: Ints, complete: dict[str, Flags]) -> None:
    """Make latencies monotone, and rates up to ``top`` (levels.smoothed), in place."""
    import numpy as np

    for lengths, names in ((np.diff(starts), LATENCIES), (top + 1, RATES)):
        for same, places in _groups(starts, lengths):
            for name in names:
                whole = complete[name][same] if name in complete else np.ones(len(same), bool)
                column = measured.values[name]
                falls = whole & (np.diff(column[places], axis=1) < 0).any(axis=1)
                if falls.any():
                    column[places[falls]] = monotone_rows(column[places[falls]], measured.weight[places[falls]])


def monotone_rows(values: Floats, weights: Ints) -> Floats:
    """levels.monotone of every row."""
    import numpy as np

    count = values.shape[1]
    if count > LONG:
        return np.array([monotone(v, w) for v, w in zip(values.tolist(), weights.tolist(), strict=True)])
    found = np.full_like(values, -np.inf)
    for j in range(count):
        running = np.full(len(values), np.inf)
        for k in reversed(range(j, count)):
            running = np.minimum(running, _medians(values[:, j : k + 1], weights[:, j : k + 1]))
            found[:, k] = np.maximum(found[:, k], running)
    return found


def _medians(values: Floats, weights: Ints) -> Floats:
    """The weighted median of every row; where a half of the weight ends between two values, their mean."""
    import numpy as np

    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    reached = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    half = reached[:, -1:] / 2
    rows = np.arange(len(values))
    low, high = ordered[rows, (reached >= half).argmax(axis=1)], ordered[rows, (reached > half).argmax(axis=1)]
    found: Floats = (low + high) / 2
    return found


def highest_within(rungs: Ladders, curves: Ints, targets: Mapping[str, float]) -> tuple[Ints, Floats]:
    """For each of ``curves`` how many levels, from the lowest and at most up to ``top``, hold every target, and which share of the way to
    the next level still does (0 where there is none): levels.highest_within. Every target's latency must be ``complete``."""
    import numpy as np

    first, most = rungs.starts[curves], rungs.top[curves] + 1
    share = np.zeros(len(curves))
    columns = [(rungs.levels[f"{name}_ms"], target) for name, target in targets.items()]
    if not columns or not len(curves):
        return most, share
    holding = np.ones(len(columns[0][0]), bool)  # of every level: latencies never fall, so those of a curve that hold come first
    for column, target in columns:
        holding &= column <= target
    before = np.cumsum(holding, dtype=np.int32)
    held = before[rungs.starts[curves + 1] - 1] - before[first] + holding[first]
    inner = np.flatnonzero((held > 0) & (held < most))
    below = first[inner] + held[inner] - 1
    found = np.ones(len(inner))
    for column, target in columns:
        a, b = column[below], column[below + 1]
        np.minimum(found, np.divide(target - a, b - a, out=np.ones(len(inner)), where=b > target), out=found)
    share[inner] = found
    return np.minimum(held, most), share
