"""Closed and open loops: from ITL and TTFT at so many requests in flight to what a question asks for, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from giqplan.recommend.estimator.lattice import LOAD_NODES, Cells
from giqplan.recommend.estimator.physics import fastest, places
from giqplan.recommend.estimator.replicas import Facts, Floats, Ints, Replicas
from giqplan.recommend.estimator.surfaces import Surfaces
from giqplan.recommend.estimator.trust import Distance, Judgement, Sides, request_sides, sides

_FULL = 0.98
"""Of the highest throughput: a higher rate has no steady state worth a number."""

_HALVINGS = 2
"""Of an octave of load, when the load of a rate is looked for."""


@dataclass(frozen=True, slots=True)
class Known:
    """Replicas with their surfaces, distances and classes."""

    replicas: Replicas
    surfaces: Surfaces | None
    distances: tuple[Distance, ...]
    judged: tuple[Judgement, ...]
    widths: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answers:
    """One row a question. ``metrics``: value, low and high (3 x rows). ``overloaded``: an open loop's rate is above ``most_qps``."""

    metrics: Mapping[str, Floats]
    concurrency: Floats
    qps: Floats
    overloaded: NDArray[np.bool_]
    most_qps: Floats


def answer(known: Known, at: Ints, input_tokens: Floats, output_tokens: Floats, is_rate: NDArray[np.bool_], load: Floats) -> Answers:
    """``at``: replica of each question; lengths and loads are above 0."""
    assert known.surfaces is not None, "questions without a replica are no questions"
    concurrency, most = load.copy(), np.full(len(load), np.inf)
    rows = np.flatnonzero(is_rate)
    if len(rows):
        concurrency[rows], most[rows] = _in_flight(
            known.surfaces, known.replicas.facts, at[rows], input_tokens[rows], output_tokens[rows], load[rows]
        )
    most *= _FULL
    overloaded = is_rate & (load > most)
    points = (at, input_tokens, output_tokens, concurrency)
    cells = Cells(*points)
    itl, ttft = _with_waits(known.surfaces, known.replicas.facts, cells, points)
    decode = itl * (output_tokens - 1)
    request = ttft + decode
    width = _widths(known, cells, at, ttft / request, decode / request)
    qps = np.where(is_rate, load, concurrency / request * 1000)
    inverse = Sides(*(np.where(is_rate, 0.0, side) for side in (width["request"].above, width["request"].below)))
    metrics = {
        "ttft_ms": _band(ttft, width["ttft"]),
        "itl_ms": _band(itl, width["itl"]),
        "ntpot_ms": _band(request / output_tokens, width["request"]),
        "output_tokens_per_second": _band(qps * output_tokens, inverse),
    }
    metrics["ttft_ms"][2] = np.minimum(metrics["ttft_ms"][2], metrics["ntpot_ms"][2] * output_tokens)  # a part is no longer than the whole
    return Answers(metrics, concurrency, qps, overloaded, most)


def closed_loop(
    surfaces: Surfaces, facts: Facts, at: Ints, input_tokens: Floats, output_tokens: Floats, load: Floats
) -> tuple[Floats, Floats]:
    """ITL and TTFT of ``load`` requests in flight. Those that have no place wait for one: throughput stays what the places give, so a
    request takes load / places times as long, and TTFT takes up the difference."""
    return _with_waits(surfaces, facts, Cells(at, input_tokens, output_tokens, load), (at, input_tokens, output_tokens, load))


def _with_waits(surfaces: Surfaces, facts: Facts, cells: Cells, points: tuple[Ints, Floats, Floats, Floats]) -> tuple[Floats, Floats]:
    at, input_tokens, output_tokens, load = points
    itl, ttft = _in_place(surfaces, facts, cells, points)
    fits = places(facts, input_tokens, output_tokens, at)
    rows = np.flatnonzero(load > fits)
    if len(rows):
        full = (at[rows], input_tokens[rows], output_tokens[rows], fits[rows])
        decode = output_tokens[rows] - 1
        full_itl, full_ttft = _in_place(surfaces, facts, Cells(*full), full)
        ttft[rows] = (full_ttft + full_itl * decode) * load[rows] / fits[rows] - itl[rows] * decode
    rows = np.flatnonzero(surfaces.bounded[at])
    if len(rows):  # more than serve the stated maximum wait as well
        least = np.exp(cells.of(surfaces.least)[rows])
        ttft[rows] = np.maximum(ttft[rows], least - itl[rows] * (output_tokens[rows] - 1))
    return itl, ttft


def _in_place(surfaces: Surfaces, facts: Facts, cells: Cells, points: tuple[Ints, Floats, Floats, Floats]) -> tuple[Floats, Floats]:
    """ITL and TTFT of requests that all have a place. What lies between the nodes of a surface may be faster there than the hardware, and
    is not here."""
    at, input_tokens, output_tokens, load = points
    limits = fastest(facts, input_tokens, output_tokens, load, at)
    itl, ttft = (np.maximum(np.exp(cells.of(surfaces.logs[metric])), limit) for metric, limit in zip(("itl", "ttft"), limits, strict=True))
    return itl, ttft


def _band(value: Floats, reach: Sides) -> Floats:
    return np.stack([value, value * np.exp(-reach.below), value * np.exp(reach.above)])


def _widths(known: Known, cells: Cells, at: Ints, ttft_share: Floats, itl_share: Floats) -> Mapping[str, Sides]:
    """Of ITL, TTFT and the whole request."""
    assert known.surfaces is not None, "questions without a replica are no questions"
    size = len(ttft_share)
    found = {metric: Sides(np.empty(size), np.empty(size)) for metric in ("itl", "ttft", "request")}
    stated = {
        metric: [cells.of(surface[metric]) for surface in (known.surfaces.spread, known.surfaces.scatter)] for metric in ("itl", "ttft")
    }
    for distance in set(known.distances):
        rows = np.flatnonzero(np.isin(at, [index for index, one in enumerate(known.distances) if one is distance]))
        parts = {metric: sides(known.widths, distance, metric, *(one[rows] for one in values)) for metric, values in stated.items()}
        shares = (parts["ttft"].mean * ttft_share[rows], parts["itl"].mean * itl_share[rows])
        for metric, one in {**parts, "request": request_sides(known.widths, distance, *shares)}.items():
            found[metric].below[rows], found[metric].above[rows] = one.below, one.above
    return found


def _in_flight(
    surfaces: Surfaces, facts: Facts, at: Ints, input_tokens: Floats, output_tokens: Floats, rate: Floats
) -> tuple[Floats, Floats]:
    """Requests in flight at which a closed loop serves ``rate`` (Little's law), and the most it serves."""

    def serves(load: Floats) -> Floats:
        itl, ttft = closed_loop(surfaces, facts, at, input_tokens, output_tokens, load)
        found: Floats = load / (ttft + itl * (output_tokens - 1)) * 1000
        return found

    served = np.maximum.accumulate([serves(np.full(len(at), load)) for load in LOAD_NODES], axis=0)
    below = np.clip((served < rate).sum(axis=0) - 1, 0, len(LOAD_NODES) - 2)
    columns = np.arange(len(at))
    low, high = LOAD_NODES[below], LOAD_NODES[below + 1]
    slow, fast = served[below, columns], served[below + 1, columns]
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        reached = serves(middle)
        enough = reached >= rate
        low, slow = np.where(enough, low, middle), np.where(enough, slow, np.maximum(reached, slow))
        high, fast = np.where(enough, middle, high), np.where(enough, np.minimum(reached, fast), fast)
    part = np.clip(np.log(rate / slow) / np.log(np.maximum(fast / slow, 1 + 1e-9)), 0, 1)
    found = low * (high / low) ** part
    return np.where(rate < served[0], np.minimum(rate / served[0], 1.0), found), served[-1]
