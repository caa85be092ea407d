"""Estimates of replicas over the whole lattice: logarithms of ITL and TTFT, and how certain they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from giqplan.recommend.estimator.lattice import INPUT_NODES, LOAD_NODES, OUTPUT_NODES, SHAPE, monotone_itl, monotone_ttft
from giqplan.recommend.estimator.model import METRICS, Fitted, asked, coefficients, take
from giqplan.recommend.estimator.physics import fastest, predict
from giqplan.recommend.estimator.replicas import Floats, Replicas

_SPARSE = (np.arange(1, 14, 2), np.array([1, 3, 5, 6, 7, 9]), np.arange(0, 13, 2))
"""Nodes of input, output and load where the standard deviation is computed: it changes slowly."""


@dataclass(frozen=True, slots=True)
class Surfaces:
    """Metric (``itl``, ``ttft``) -> replica x input x output x load. ``spread``: standard deviation of the logarithm, on the same nodes."""

    logs: Mapping[str, Floats]
    spread: Mapping[str, Floats]


def surfaces(fitted: Fitted, replicas: Replicas, *, spread: bool = True) -> Surfaces:
    """Monotone, and never faster than the hardware. Without ``spread`` nothing is said of certainty."""
    count = len(replicas.setups)
    logs = {metric: np.empty((count, *SHAPE)) for metric in METRICS}
    certainty = {metric: np.empty((count, *SHAPE)) for metric in METRICS if spread}
    by_all = coefficients(fitted.parameters.coefficients, replicas.kinds["server"])
    grid = _grid((INPUT_NODES, OUTPUT_NODES, LOAD_NODES))
    sparse = _grid(tuple(nodes[index] for nodes, index in zip((INPUT_NODES, OUTPUT_NODES, LOAD_NODES), _SPARSE, strict=True)))
    for index in range(count):
        one = np.array([index])
        facts, by = replicas.facts.take(one), take(by_all, one)
        kinds = {kind: (values[index],) for kind, values in replicas.kinds.items()}
        times, few = predict(facts, by, *grid), predict(facts, by, *sparse)
        limits = dict(zip(METRICS, fastest(facts, *grid), strict=True))
        for metric, value, smooth in (("itl", times.itl, monotone_itl), ("ttft", times.ttft, monotone_ttft)):
            transfer = fitted.transfers[metric]
            where = np.zeros(len(grid[0]), dtype=np.int64)
            moved = np.log(value) + transfer.correction(asked(fitted.parameters, metric, facts, by, times, grid, where, kinds))
            logs[metric][index] = smooth(np.maximum(moved, np.log(limits[metric])).reshape(SHAPE))
            if spread:
                question = asked(fitted.parameters, metric, facts, by, few, sparse, where[: len(sparse[0])], kinds)
                certainty[metric][index] = _spread_out(np.sqrt(transfer.variance(question)))
    return Surfaces(logs, certainty)


def _grid(nodes: tuple[Floats, ...]) -> tuple[Floats, Floats, Floats]:
    first, second, third = (axis.ravel() for axis in np.meshgrid(*nodes, indexing="ij"))
    return first, second, third


def _spread_out(sparse: Floats) -> Floats:
    """From the sparse nodes to all, linear in the logarithms, constant beyond them."""
    found = sparse.reshape(tuple(len(index) for index in _SPARSE))
    for axis, (nodes, index) in enumerate(zip((INPUT_NODES, OUTPUT_NODES, LOAD_NODES), _SPARSE, strict=True)):
        lines = np.moveaxis(found, axis, -1)
        flat = [np.interp(np.log(nodes), np.log(nodes[index]), line) for line in lines.reshape(-1, len(index))]
        found = np.moveaxis(np.reshape(flat, (*lines.shape[:-1], len(nodes))), -1, axis)
    return found
