"""Estimates at fixed lengths and loads, made monotone there; everything between is interpolated, which keeps them so.

More load, and a longer prompt, never make a request faster; more load never makes a replica serve less; a longer answer never ends earlier.
Measurements scatter, hence so do corrections by them. Where they say that latency falls with load or input, the slower ones are what is not
believed: short runs whose first requests waited for the server to warm up, and runs that went wrong. Cross-validation agrees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from giqplan.recommend.estimator.replicas import Floats

INPUT_NODES = 2.0 ** np.array([*range(5, 18), 20])
OUTPUT_NODES = 2.0 ** np.array([0, 5, 7, 8, 9, 10, 11, 13, 15])
LOAD_NODES = 2.0 ** np.arange(0, 13)
SHAPE = (len(INPUT_NODES), len(OUTPUT_NODES), len(LOAD_NODES))

_INPUT, _OUTPUT, _LOAD = -3, -2, -1
_STEPS = 6
_CHECKED = (0.0, 0.5, 1.0)
"""Parts of a step of output."""


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
    """TTFT's logarithm, held where more load would serve less, or a longer answer would end earlier: at the upper end of each step of load
    the request as a whole grows one to one with load at most (and so anywhere in the step, since it is convex there), and at the ends of
    each step of output it does not fall. Held values are lowered, and rise with load and input as ``ttft_logs`` do."""
    found = ttft_logs.copy()
    for output in reversed(range(len(OUTPUT_NODES))):
        line, itl = found[:, output], itl_logs[:, output]
        if output + 1 < len(OUTPUT_NODES):
            line = np.minimum(line, _ending_later(found[:, output + 1], itl, itl_logs[:, output + 1], *OUTPUT_NODES[output : output + 2]))
            line = least(least(line, -1), 0)
        for upper in range(1, len(LOAD_NODES)):
            step = np.log(LOAD_NODES[upper] / LOAD_NODES[upper - 1])
            decode = np.exp(itl[:, upper]) * (OUTPUT_NODES[output] - 1)
            slack = decode * np.maximum(1 - (itl[:, upper] - itl[:, upper - 1]) / step, 0)
            as_steep = line[:, upper - 1] + step
            line[:, upper] = least(np.minimum(line[:, upper], as_steep + _beyond(slack * step * np.exp(-as_steep))), 0)
        found[:, output] = line
    return found


def _ending_later(longer: Floats, itl: Floats, itl_longer: Floats, output: float, more: float) -> Floats:
    """The highest TTFT at ``output`` tokens with which no longer answer, up to one of ``more`` tokens with TTFT ``longer``, ends earlier
    (all of them logarithms)."""
    step = np.log(more / output)
    slope = (itl_longer - itl) / step
    found = np.full_like(longer, np.inf)
    for part in _CHECKED:
        tokens, left = output * np.exp(part * step), 1 - part
        grows = np.exp(itl + slope * part * step) * (tokens + slope * (tokens - 1))
        room = np.maximum(grows, 0) * step * np.exp(-longer)
        found = np.minimum(found, _beyond(room * left) / left if left else room)
    return longer + found


def _beyond(room: Floats) -> Floats:
    """How far above a logarithm a value may lie: x with x e^x = ``room`` (Lambert's W, by Newton's steps from above)."""
    found: Floats = np.log1p(room)
    for _ in range(_STEPS):
        power = np.exp(found)
        found = found - (found * power - room) / (power * (found + 1))
    return found


def _cell(nodes: Floats, values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Index of the node below, and how far on to the next (before the first node and beyond the last it stays)."""
    where = np.log(np.clip(values, nodes[0], nodes[-1]))
    logs = np.log(nodes)
    index = np.clip(np.searchsorted(logs, where, side="right") - 1, 0, len(nodes) - 2)
    return index, (where - logs[index]) / (logs[index + 1] - logs[index])


class Cells:
    """Where points lie between the nodes, to be asked of any number of surfaces."""

    def __init__(self, which: NDArray[np.int64], input_tokens: Floats, output_tokens: Floats, load: Floats) -> None:
        places = [
            _cell(nodes, values) for nodes, values in ((INPUT_NODES, input_tokens), (OUTPUT_NODES, output_tokens), (LOAD_NODES, load))
        ]
        (self._input, _), (self._output, _), (self._load, _) = places
        self._which = which
        parts = [(1 - part, part) for _, part in places]
        self._weights = [(a, b, c, parts[0][a] * parts[1][b] * parts[2][c]) for a in (0, 1) for b in (0, 1) for c in (0, 1)]

    def of(self, surface: Floats) -> Floats:
        """Values of ``surface`` (replica x input x output x load) at the points, linear in the logarithms along each axis."""
        flat = surface.reshape(-1)
        _, inputs, outputs, loads = surface.shape
        first = ((self._which * inputs + self._input) * outputs + self._output) * loads + self._load
        total = np.zeros(len(first))
        for a, b, c, weight in self._weights:
            total += weight * flat[first + ((a * outputs + b) * loads + c)]
        return total


def between(surface: Floats, which: NDArray[np.int64], input_tokens: Floats, output_tokens: Floats, load: Floats) -> Floats:
    """Values of one surface at the points (``Cells``)."""
    return Cells(which, input_tokens, output_tokens, load).of(surface)
