"""Estimates at fixed lengths and loads, made monotone there; everything between is interpolated, which keeps them so.

More load, and a longer prompt, never make a request faster; more load never makes a replica serve less; a longer answer never ends earlier.
Measurements scatter, hence so do corrections by them. Where they say that latency falls with load or input, the slower ones are what is not
believed: short runs whose first requests waited for the server to warm up, and runs that went wrong. Cross-validation agrees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from giqplan.recommend.estimator.replicas import Floats

INPUT_NODES = 2.0 ** np.arange(5, 17)
OUTPUT_NODES = 2.0 ** np.array([0, 5, 7, 8, 9, 10, 11, 13])
LOAD_NODES = 2.0 ** np.arange(0, 13)
SHAPE = (len(INPUT_NODES), len(OUTPUT_NODES), len(LOAD_NODES))

_INPUT, _OUTPUT, _LOAD = -3, -2, -1
_HALVINGS = 24


def rising(surface: Floats, axis: int) -> Floats:
    """The mean of the least non-decreasing surface above and the greatest one below."""
    return (np.maximum.accumulate(surface, axis=axis) + least(surface, axis)) / 2


def least(surface: Floats, axis: int) -> Floats:
    """The greatest non-decreasing surface below."""
    return np.flip(np.minimum.accumulate(np.flip(surface, axis), axis=axis), axis)


def _no_steeper(surface: Floats, nodes: Floats, axis: int) -> Floats:
    """Grows with its nodes' logarithm at most one to one."""
    shape = [1, 1, 1]
    shape[axis] = -1
    slope = np.log(nodes).reshape(shape)
    return slope - rising(slope - surface, axis)


def monotone_itl(logs: Floats) -> Floats:
    """ITL's logarithm (... x input x output x load): rising with load and input; a longer answer takes longer as a whole; twice the load at
    most doubles it."""
    shape = (1, -1, 1)
    whole = np.log(OUTPUT_NODES).reshape(shape)
    found = least(least(logs, _LOAD), _INPUT)
    found = rising(found + whole, _OUTPUT) - whole
    return _no_steeper(found, LOAD_NODES, _LOAD)


def monotone_ttft(logs: Floats) -> Floats:
    """TTFT's logarithm: rising with load and input."""
    return least(least(logs, _LOAD), _INPUT)


def never_serving_less(ttft_logs: Floats, itl_logs: Floats) -> Floats:
    """TTFT's logarithm, held where it would grow so fast that more load serves less: at the upper end of each step of load the request as
    a whole grows one to one with load at most (and so anywhere in the step, since it is convex there)."""
    found = ttft_logs.copy()
    for upper in range(1, len(LOAD_NODES)):
        step = np.log(LOAD_NODES[upper] / LOAD_NODES[upper - 1])
        decode = np.exp(itl_logs[..., upper]) * (OUTPUT_NODES - 1)
        slack = decode * (1 - (itl_logs[..., upper] - itl_logs[..., upper - 1]) / step)
        below, above = found[..., upper - 1] + step, np.maximum(found[..., upper], found[..., upper - 1] + step)
        for _ in range(_HALVINGS):
            middle = (below + above) / 2
            fits = np.exp(middle) * ((middle - found[..., upper - 1]) / step - 1) <= slack
            below, above = np.where(fits, middle, below), np.where(fits, above, middle)
        found[..., upper] = np.minimum(found[..., upper], below)
    return found


def _cell(nodes: Floats, values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Index of the node below, and how far on to the next (beyond the last node it goes on; before the first it stays)."""
    where = np.log(np.maximum(values, nodes[0]))
    logs = np.log(nodes)
    index = np.clip(np.searchsorted(logs, where, side="right") - 1, 0, len(nodes) - 2)
    return index, (where - logs[index]) / (logs[index + 1] - logs[index])


def between(surfaces: Floats, which: NDArray[np.int64], input_tokens: Floats, output_tokens: Floats, load: Floats) -> Floats:
    """Values of ``surfaces`` (replica x input x output x load) at the points, linear in the logarithms along each axis."""
    places = [_cell(nodes, values) for nodes, values in ((INPUT_NODES, input_tokens), (OUTPUT_NODES, output_tokens), (LOAD_NODES, load))]
    total = np.zeros(len(which))
    for corner in range(8):
        index, weight = [], np.ones(len(which))
        for axis, (cell, part) in enumerate(places):
            upper = corner >> axis & 1
            index.append(cell + upper)
            weight = weight * (part if upper else 1 - part)
        total += weight * surfaces[which, index[0], index[1], index[2]]
    return total
