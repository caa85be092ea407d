"""Closed and open loops: from ITL and TTFT at so many requests in flight to what a question asks for, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from giqplan.recommend.estimator.lattice import LOAD_NODES, between
from giqplan.recommend.estimator.replicas import Floats, Ints, Replicas
from giqplan.recommend.estimator.surfaces import Surfaces
from giqplan.recommend.estimator.trust import Distance, Judgement, half_width

_FULL = 0.98
"""Of the highest throughput: a higher rate has no steady state worth a number."""


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
        concurrency[rows], most[rows] = _in_flight(known.surfaces, at[rows], input_tokens[rows], output_tokens[rows], load[rows])
    overloaded = is_rate & (load > _FULL * most)
    points = (at, input_tokens, output_tokens, concurrency)
    itl, ttft = (np.exp(between(known.surfaces.logs[metric], *points)) for metric in ("itl", "ttft"))
    decode = itl * (output_tokens - 1)
    request = ttft + decode
    spread = {metric: between(known.surfaces.spread[metric], *points) for metric in ("itl", "ttft")}
    spread["request"] = np.hypot(spread["ttft"] * ttft / request, spread["itl"] * decode / request)
    width = {metric: _widths(known, at, metric, values) for metric, values in spread.items()}
    qps = np.where(is_rate, load, concurrency / request * 1000)
    served = np.where(is_rate, 0.0, width["request"])
    metrics = {
        "ttft_ms": _band(ttft, width["ttft"]),
        "itl_ms": _band(itl, width["itl"]),
        "ntpot_ms": _band(request / output_tokens, width["request"]),
        "output_tokens_per_second": _band(qps * output_tokens, served),
    }
    return Answers(metrics, concurrency, qps, overloaded, most)


def _band(value: Floats, width: Floats) -> Floats:
    return np.stack([value, value * np.exp(-width), value * np.exp(width)])


def _widths(known: Known, at: Ints, metric: str, spread: Floats) -> Floats:
    found = np.empty(len(at))
    for distance in set(known.distances):
        rows = np.isin(at, [index for index, one in enumerate(known.distances) if one is distance])
        found[rows] = half_width(known.widths, distance, metric, spread[rows])
    return found


def _in_flight(surfaces: Surfaces, at: Ints, input_tokens: Floats, output_tokens: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Requests in flight at which a closed loop serves ``rate`` (Little's law), and the most it serves."""
    served = np.empty((len(LOAD_NODES), len(at)))
    for index, load in enumerate(LOAD_NODES):
        points = (at, input_tokens, output_tokens, np.full(len(at), load))
        request = np.exp(between(surfaces.logs["ttft"], *points)) + np.exp(between(surfaces.logs["itl"], *points)) * (output_tokens - 1)
        served[index] = load / request * 1000
    served = np.maximum.accumulate(served, axis=0)
    below = np.clip((served < rate).sum(axis=0) - 1, 0, len(LOAD_NODES) - 2)
    columns = np.arange(len(at))
    low, high = served[below, columns], served[below + 1, columns]
    part = np.clip(np.log(rate / low) / np.log(np.maximum(high / low, 1 + 1e-9)), 0, 1)
    found = np.exp(np.log(LOAD_NODES[below]) + part * np.log(LOAD_NODES[below + 1] / LOAD_NODES[below]))
    return np.where(rate < served[0], np.minimum(rate / served[0], 1.0), found), served[-1]
