"""The coefficients of giqplan/recommend/estimator/physics.py, fitted to measured points. Used by calibrate_estimator.py."""

from __future__ import annotations

import numpy as np

from giqplan.recommend.estimator import physics
from giqplan.recommend.estimator.model import in_doubt
from giqplan.recommend.estimator.replicas import SERVERS, Floats, Ints
from giqplan.recommend.estimator.training import Measured

BASE_SPREAD, SERVER_SPREAD = 0.7, 0.1
"""Priors, as standard deviations of a logarithm: of a coefficient about physics.COMPONENTS, and of a server's about that."""

SCATTER = (0.12, 0.3)
TAIL = 4.0
"""ITL and TTFT scatter about physics by a Student t of so many degrees of freedom."""

SERVER_NAMES = tuple(sorted(set(SERVERS.values())))
_NUDGE, _LONGEST_STEP, _DAMPING = 1e-4, 0.5, 1e-2


def fit_coefficients(data: Measured, rows: Ints, start: Floats | None = None, steps: int = 14) -> Floats:
    """Logarithms over the priors (1 + servers, components) from the points ``rows``: Gauss-Newton on the posterior, reweighted for the
    tails."""
    shape = (1 + len(SERVER_NAMES), len(physics.COMPONENTS))
    found = np.zeros(shape) if start is None else start.copy()
    spread = np.vstack([np.full(shape[1], BASE_SPREAD), np.full((shape[0] - 1, shape[1]), SERVER_SPREAD)]).ravel()
    server = np.array([SERVER_NAMES.index(SERVERS[name]) for name in data.replicas.kinds["server"]])[data.which]
    doubted = in_doubt(data, data.replicas.facts.take(data.which))
    counts = ~np.stack([doubted["itl"], doubted["ttft"]])[:, rows].ravel()
    seen, scatter = np.log(np.stack([data.itl_ms, data.ttft_ms]))[:, rows], np.repeat(SCATTER, len(rows))
    for _ in range(steps):
        at = _predicted(data, found, server)
        wide = np.zeros((2, len(rows), *shape))
        for column in range(shape[1]):
            moved = found.copy()
            moved[0, column] += _NUDGE
            slope = ((_predicted(data, moved, server) - at) / _NUDGE)[:, rows]
            wide[:, :, 0, column] = slope
            wide[:, np.arange(len(rows)), 1 + server[rows], column] = slope
        left = (seen - at[:, rows]).ravel() / scatter
        design = wide.reshape(len(left), -1) / scatter[:, None]
        weight = counts * (TAIL + 1) / (TAIL + left**2)
        matrix = design.T @ (design * weight[:, None]) + np.diag(1 / spread**2)
        towards = design.T @ (weight * left) - found.ravel() / spread**2
        step = np.linalg.solve(matrix + _DAMPING * np.diag(np.diag(matrix)), towards)
        found = found + np.clip(step, -_LONGEST_STEP, _LONGEST_STEP).reshape(shape)
    return found


def _predicted(data: Measured, logs: Floats, server: Ints) -> Floats:
    values = _values(logs)
    by = {name: values[server, index] for index, name in enumerate(physics.COMPONENTS)}
    times = physics.predict(data.replicas.facts.take(data.which), by, data.input_tokens, data.output_tokens, data.load)
    return np.log(np.stack([times.itl, times.ttft]))


def _values(logs: Floats) -> Floats:
    return np.array(list(physics.COMPONENTS.values())) * np.exp(logs[0] + logs[1:])


def table_of(logs: Floats) -> dict[str, dict[str, float]]:
    """Server -> component -> value."""
    return {
        name: {component: round(float(value), 6) for component, value in zip(physics.COMPONENTS, row, strict=True)}
        for name, row in zip(SERVER_NAMES, _values(logs), strict=True)
    }
