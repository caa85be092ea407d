"""Estimates of replicas over the whole lattice: logarithms of ITL and TTFT, and how certain they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from giqplan.recommend.estimator.ceiling import least_request
from giqplan.recommend.estimator.kin import Kin
from giqplan.recommend.estimator.lattice import (
    INPUT_NODES,
    LOAD_NODES,
    OUTPUT_NODES,
    SHAPE,
    monotone_itl,
    monotone_ttft,
    never_serving_less,
)
from giqplan.recommend.estimator.model import METRICS, Fitted, asked, coefficients, take
from giqplan.recommend.estimator.physics import fastest, places, predict
from giqplan.recommend.estimator.replicas import Facts, Floats, Replicas
from giqplan.recommend.estimator.transfer import Questions

_SPARSE = (np.array([1, 3, 5, 7, 8, 10]), np.array([1, 3, 5, 7]), np.array([0, 2, 4, 6, 8, 10]))
"""Nodes of input, output and load where the standard deviation is computed: it changes slowly."""


_LEAST_VARIANCE = 1e-6
_NODES = (INPUT_NODES, OUTPUT_NODES, LOAD_NODES)
Points = tuple[Floats, Floats, Floats]


@dataclass(frozen=True, slots=True)
class Surfaces:
    """Of requests that have a place: metric (``itl``, ``ttft``) -> replica x input x output x load. ``spread``: logarithm of the standard
    deviation that the transfer states; ``scatter``: of the errors near by. ``bounded``: replicas of which a maximum is stated; ``least``:
    logarithm of the milliseconds that their requests take at least."""

    logs: Mapping[str, Floats]
    spread: Mapping[str, Floats]
    scatter: Mapping[str, Floats]
    bounded: NDArray[np.bool_]
    least: Floats


def surfaces(fitted: Fitted, family: Kin, distances: Sequence[str], but: NDArray[np.bool_] | None = None) -> Surfaces:
    """Of the replicas that ``family`` asks for: monotone, never faster than the hardware, and never slower on a chip that has more of
    everything. ``distances``: of each replica asked for; ``but``: measured points that are not to be asked."""
    count, replicas = family.asked, family.replicas
    shape = (len(replicas.setups), *SHAPE)
    logs, spread, scatter = ({metric: np.empty(shape) for metric in METRICS} for _ in range(3))
    by_all = coefficients(fitted.parameters.coefficients, replicas.kinds["server"])
    scattered = {(metric, at): fitted.scatter(metric, at) for metric in METRICS for at in set(distances)}
    for index in range(len(replicas.setups)):
        at = distances[min(index, count - 1)]  # of kin only the spread is asked
        one = _One(fitted, replicas, by_all, index)
        for metric in METRICS:
            sparse = one.few.asked(metric)
            nearest = fitted.transfers[metric].nearest(sparse, but)
            logs[metric][index] = one.estimate(metric)
            spread[metric][index] = _spread_out(np.log(np.maximum(nearest.variance(sparse), _LEAST_VARIANCE)) / 2)
            scatter[metric][index] = _spread_out(nearest.around(sparse, scattered[metric, at]))
    for metric, smooth in (("itl", monotone_itl), ("ttft", monotone_ttft)):
        logs[metric] = np.stack([smooth(one) for one in _in_order(logs[metric], spread[metric], family)[:count]])
    for index in range(count):
        logs["ttft"][index] = never_serving_less(logs["ttft"][index], logs["itl"][index])
    kept = {metric: spread[metric][:count] for metric in METRICS}, {metric: scatter[metric][:count] for metric in METRICS}
    return Surfaces(logs, *kept, *_bounds(fitted, family, by_all))


def _bounds(fitted: Fitted, family: Kin, by_all: Mapping[str, Floats]) -> tuple[NDArray[np.bool_], Floats]:
    """Which of the replicas asked for have a stated maximum, and what their requests take at least. What a larger chip serves at most, its
    kin does not exceed."""
    replicas, size = family.replicas, len(family.replicas.setups)
    bounded, least = np.zeros(size, dtype=np.bool_), np.full((size, *SHAPE), -np.inf)
    for index in range(size):
        kinds = {kind: values[index] for kind, values in replicas.kinds.items()}
        if rows := fitted.maxima.of(kinds, replicas.setups[index].accelerator_count):
            one = np.array([index])
            bounded[index], least[index] = True, least_request(rows, replicas.facts.take(one), take(by_all, one))
    for smaller, larger in family.pairs * 2:
        if bounded[larger]:
            bounded[smaller], least[smaller] = True, np.maximum(least[smaller], least[larger])
    asked_for = bounded[: family.asked]
    return asked_for, np.where(asked_for[:, None, None, None], least[: family.asked], 0.0)


def _in_order(logs: Floats, spread: Floats, family: Kin) -> Floats:
    """Where a larger chip would be slower than its kin, the less certain of the two is what the other says; twice, since a chip may have
    several kin."""
    found = logs.copy()
    for smaller, larger in family.pairs * 2:
        one, other = found[smaller].copy(), found[larger].copy()
        wrong, surer = other > one, spread[smaller] <= spread[larger]
        found[larger] = np.where(wrong & surer, one, other)
        found[smaller] = np.where(wrong & ~surer, other, one)
    return found


class _One:
    """One replica before it is made monotone."""

    def __init__(self, fitted: Fitted, replicas: Replicas, by_all: Mapping[str, Floats], index: int) -> None:
        facts, by = replicas.facts.take(np.array([index])), take(by_all, np.array([index]))
        kinds = {kind: (values[index],) for kind, values in replicas.kinds.items()}
        self._fitted, self._limits = fitted, dict(zip(METRICS, fastest(facts, *_ALL), strict=True))
        self.few, self.many = (_Nodes(fitted, facts, by, kinds, nodes) for nodes in (_FEW, _ALL))

    def estimate(self, metric: str) -> Floats:
        moved = self.many.predicted(metric) + self._fitted.transfers[metric].correction(self.many.asked(metric))
        found: Floats = np.maximum(moved, np.log(self._limits[metric])).reshape(SHAPE)
        return found


class _Nodes:
    """Physics of one replica at some nodes."""

    def __init__(self, fitted: Fitted, facts: Facts, by: dict[str, Floats], kinds: Mapping[str, tuple[str, ...]], nodes: Points) -> None:
        self._fitted, self._facts, self._by, self._kinds = fitted, facts, by, kinds
        self._times = predict(facts, by, *nodes)
        input_tokens, output_tokens, load = nodes
        self._points = (input_tokens, output_tokens, np.minimum(load, places(facts, input_tokens, output_tokens)))

    def predicted(self, metric: str) -> Floats:
        found: Floats = np.log(self._times.itl if metric == "itl" else self._times.ttft)
        return found

    def asked(self, metric: str) -> Questions:
        which = np.zeros(len(self._points[0]), dtype=np.int64)
        return asked(self._fitted.parameters, metric, self._facts, self._by, self._times, self._points, which, self._kinds)


def _grid(nodes: tuple[Floats, ...]) -> Points:
    first, second, third = (axis.ravel() for axis in np.meshgrid(*nodes, indexing="ij"))
    return first, second, third


_ALL = _grid(_NODES)
_FEW = _grid(tuple(nodes[index] for nodes, index in zip(_NODES, _SPARSE, strict=True)))


def _spread_out(sparse: Floats) -> Floats:
    """From the sparse nodes to all, linear in the logarithms, constant beyond them."""
    found = sparse.reshape(tuple(len(index) for index in _SPARSE))
    for axis, (nodes, index) in enumerate(zip(_NODES, _SPARSE, strict=True)):
        lines = np.moveaxis(found, axis, -1)
        flat = [np.interp(np.log(nodes), np.log(nodes[index]), line) for line in lines.reshape(-1, len(index))]
        found = np.moveaxis(np.reshape(flat, (*lines.shape[:-1], len(nodes))), -1, axis)
    return found
