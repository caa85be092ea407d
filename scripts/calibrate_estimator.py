"""Calibrate the estimator on the catalog's measured curves: python scripts/calibrate_estimator.py [--search MINUTES] [--check]

Fits the coefficients of giqplan/recommend/estimator/physics.py (few, with priors, robustly), then searches the kernel's amplitudes and
lengths for the least cross-validated error, starting from what catalog/estimator.json holds (``--search 0``: keeps them), then measures
errors on points left out and writes catalog/estimator.json. ``--check`` only prints the error table. docs/estimator.md explains all of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from estimator_checks import check, check_curves, errors, groups_of, shares, spreads, summary, widths

from giqplan.catalog import open_catalog
from giqplan.recommend.estimator import kernel as kernels
from giqplan.recommend.estimator import physics
from giqplan.recommend.estimator.kernel import COARSE, FINE, LINEAR, Kernel
from giqplan.recommend.estimator.model import METRICS, fit, physics_of, residuals
from giqplan.recommend.estimator.parameters import Parameters, parameters
from giqplan.recommend.estimator.replicas import SERVERS, Floats, Ints
from giqplan.recommend.estimator.training import Measured, measured
from giqplan.recommend.estimator.transfer import Questions, covariance, learn, questions
from giqplan.recommend.estimator.trust import Distance
from giqplan.units import digest

TARGET = Path(__file__).parent.parent / "catalog" / "estimator.json"

BASE_SPREAD, SERVER_SPREAD = 0.7, 0.1
"""Priors, as standard deviations of a logarithm: of a coefficient about physics.COMPONENTS, and of a server's about that."""

SCATTER = {"itl": 0.12, "ttft": 0.3}
TAIL = 4.0
"""Measurements scatter about physics by a Student t of so many degrees of freedom."""

LOSS_SCALE = {"itl": {"curve": 0.03, "combination": 0.1}, "ttft": {"curve": 0.1, "combination": 0.2}}
LOSS_WEIGHT = {"curve": 1.0, "combination": 1.5}

SERVER_NAMES = tuple(sorted(set(SERVERS.values())))


def fit_coefficients(data: Measured, mask: np.ndarray, start: Floats | None = None, steps: int = 14) -> Floats:
    """Logarithms over the priors (1 + servers, components): Gauss-Newton on the posterior, reweighted for the tails."""
    names, shape = tuple(physics.COMPONENTS), (1 + len(SERVER_NAMES), len(physics.COMPONENTS))
    found = np.zeros(shape) if start is None else start.copy()
    spread = np.vstack([np.full(shape[1], BASE_SPREAD), np.full((shape[0] - 1, shape[1]), SERVER_SPREAD)]).ravel()
    server = np.array([SERVER_NAMES.index(SERVERS[name]) for name in data.replicas.kinds["server"]])[data.which]
    scatter = np.repeat([SCATTER["itl"], SCATTER["ttft"]], mask.sum())
    for _ in range(steps):
        at, slope = _predicted(data, found, server, names), []
        for column in range(shape[1]):
            moved = found.copy()
            moved[0, column] += 1e-4
            slope.append((_predicted(data, moved, server, names) - at) / 1e-4)
        jacobian = np.stack(slope, axis=-1)[:, mask]
        seen = np.log(np.stack([data.itl_ms, data.ttft_ms]))[:, mask]
        left = (seen - at[:, mask]).ravel() / scatter
        wide = np.zeros((2, int(mask.sum()), *shape))
        wide[:, :, 0] = jacobian
        wide[:, np.arange(int(mask.sum())), 1 + server[mask]] = jacobian
        design = wide.reshape(len(left), -1) / scatter[:, None]
        weight = (TAIL + 1) / (TAIL + left**2)
        matrix = design.T @ (design * weight[:, None]) + np.diag(1 / spread**2)
        step = np.linalg.solve(matrix + 1e-2 * np.diag(np.diag(matrix)), design.T @ (weight * left) - found.ravel() / spread**2)
        found = found + np.clip(step, -0.5, 0.5).reshape(shape)
    return found


def _predicted(data: Measured, logs: Floats, server: Ints, names: tuple[str, ...]) -> Floats:
    values = np.array([physics.COMPONENTS[name] for name in names]) * np.exp(logs[0] + logs[1:])
    by = {name: values[server, index] for index, name in enumerate(names)}
    times = physics.predict(data.replicas.facts.take(data.which), by, data.input_tokens, data.output_tokens, data.load)
    return np.log(np.stack([times.itl, times.ttft]))


def table_of(logs: Floats) -> dict[str, dict[str, float]]:
    values = np.array(list(physics.COMPONENTS.values())) * np.exp(logs[0] + logs[1:])
    return {
        name: {c: round(float(v), 6) for c, v in zip(physics.COMPONENTS, row, strict=True)}
        for name, row in zip(SERVER_NAMES, values, strict=True)
    }


class Problem:
    """One metric's residuals in closed-form cross-validation, as a function of the kernel."""

    def __init__(self, metric: str, found: dict[str, Floats], data: Measured, values: Floats, groups: dict[str, Ints]) -> None:
        self.metric, self.found, self.data, self.values, self.groups = metric, found, data, values, groups
        self.members = {name: [np.flatnonzero(codes == one) for one in np.unique(codes)] for name, codes in groups.items()}
        self.trust = np.ones(len(values))

    def known(self, kernel: Kernel) -> Questions:
        return questions(kernel, self.found, self.data.which, self.data.replicas.kinds)

    def errors(self, kernel: Kernel, only: np.ndarray | None = None) -> dict[str, Floats]:
        matrix = covariance(kernel, (known := self.known(kernel)), known).astype(np.float64)
        matrix[np.diag_indices_from(matrix)] += kernel.noise**2 / self.trust
        inverse = np.linalg.inv(matrix)
        weighed = inverse @ self.values
        found = {}
        for name, members in self.members.items():
            wrong = np.full(len(self.values), np.nan)
            for inside in members:
                if only is None or name == "curve" or only[inside[0]]:
                    wrong[inside] = np.linalg.solve(inverse[np.ix_(inside, inside)], weighed[inside])
            found[name] = wrong
        return found

    def loss(self, kernel: Kernel, only: np.ndarray | None = None) -> float:
        try:
            wrong = self.errors(kernel, only)
        except np.linalg.LinAlgError:
            return 1e9
        scale = LOSS_SCALE[self.metric]
        return float(sum(LOSS_WEIGHT[name] * np.nanmean(np.log1p((one / scale[name]) ** 2)) for name, one in wrong.items()))

    def reweigh(self, kernel: Kernel) -> None:
        self.trust = learn(kernel, self.known(kernel), self.values)[1]


def search(problem: Problem, kernel: Kernel, minutes: float, only: np.ndarray | None = None, say: Callable[[str], None] = print) -> Kernel:
    """One number after the other, a step up or down, as long as it helps (the order is drawn once, so that a run can be repeated)."""
    names, at = _flat(kernel)
    floor = np.array([_floor(kernel.metric, name) for name in names])
    step, order, end = np.full(len(at), 0.4), np.random.default_rng(0), time.monotonic() + 60 * minutes
    problem.reweigh(kernel)
    best = problem.loss(kernel, only)
    while minutes and time.monotonic() < end and step.max() > 0.03:
        for index in order.permutation(len(at)):
            for sign in (1, -1):
                moved = at.copy()
                moved[index] = np.clip(moved[index] + sign * step[index], floor[index], 3.5)
                loss = problem.loss(_kernel(kernel, names, moved), only)
                if loss < best - 1e-5:
                    best, at, step[index] = loss, moved, min(step[index] * 1.6, 1.5)
                    break
            else:
                step[index] /= 2
            if time.monotonic() > end:
                break
        kernel = _kernel(kernel, names, at)
        problem.reweigh(kernel)
        best = problem.loss(kernel, only)
        wrong = problem.errors(kernel, only)
        say(f"{kernel.metric}: loss {best:.4f}, " + ", ".join(f"{name} {_median(one):.3f}" for name, one in wrong.items()))
    return _kernel(kernel, names, np.log(np.round(np.exp(at), 4)))


def _flat(kernel: Kernel) -> tuple[list[tuple[str, ...]], Floats]:
    names: list[tuple[str, ...]] = [("amplitudes", name) for name in kernel.amplitudes] + [("noise",)]
    values = [*kernel.amplitudes.values(), kernel.noise]
    for group, lengths in kernel.lengths.items():
        names += [("lengths", group, name) for name in lengths]
        values += lengths.values()
    return names, np.log(np.array(values))


def _kernel(kernel: Kernel, names: list[tuple[str, ...]], logs: Floats) -> Kernel:
    amplitudes, lengths, noise = {}, {group: {} for group in kernel.lengths}, kernel.noise
    for name, value in zip(names, np.exp(logs), strict=True):
        if name[0] == "amplitudes":
            amplitudes[name[1]] = float(value)
        elif name[0] == "noise":
            noise = float(value)
        else:
            lengths[name[1]][name[2]] = float(value)
    return Kernel(kernel.metric, amplitudes, lengths, kernel.centre, noise)


def _floor(metric: str, name: tuple[str, ...]) -> float:
    """Shares of time count as alike within a quarter at least, logarithms within a half: shorter lengths would learn by heart."""
    if name[0] != "lengths":
        return np.log(0.005)
    return np.log(0.25) if name[2] in kernels.PARTS[metric] else np.log(0.5)


def _median(logs: Floats) -> float:
    return float(np.nanmedian(np.abs(np.expm1(-logs))))


def first_kernel(metric: str, found: dict[str, Floats]) -> Kernel:
    amplitudes = {"global": 0.25, "linear": 0.05} | {"-".join(kinds): 0.08 for kinds in (*COARSE, *FINE)}
    blank = Kernel(metric, amplitudes, {}, {}, 0.05)
    lengths = {
        group: {name: 0.5 if name in kernels.PARTS[metric] else size for name in kernels.axes(blank, group)}
        for group, size in (("global", 2.0), ("coarse", 4.0), ("fine", 2.0))
    }
    centre = {name: round(float(found[name].mean()), 4) for name in LINEAR}
    return Kernel(metric, amplitudes, lengths, centre, 0.05)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--search", type=float, default=0.0, metavar="MINUTES")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    catalog = open_catalog()
    data = measured(catalog, catalog.curves())
    every = groups_of(data)
    groups = {"curve": every[Distance.CURVE], "combination": every[Distance.COMBINATION]}
    print(f"{len(data.which)} points, {len(np.unique(groups['curve']))} curves, {len(np.unique(groups['combination']))} combinations")
    everything = np.ones(len(data.which), dtype=bool)
    logs = fit_coefficients(data, everything)
    held = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    start = parameters(held) if held else None
    given = Parameters("", table_of(logs), start.kernels if start else {}, {}, "")
    facts, by, times = _physics(given, data)
    found, points = residuals(data, times), (data.input_tokens, data.output_tokens, data.load)
    chosen = {}
    for metric in METRICS:
        features = kernels.features(metric, facts, by, times, *points)
        problem = Problem(metric, features, data, found[metric], groups)
        kernel = given.kernels.get(metric) or first_kernel(metric, features)
        chosen[metric] = search(problem, kernel, args.search / len(METRICS))
        wrong = problem.errors(chosen[metric])
        print(metric, {name: round(_median(one), 4) for name, one in wrong.items()})
    classes = checked(data, logs, Parameters("", given.coefficients, chosen, {}, ""))
    written: dict[str, Any] = {
        "date": catalog.date,
        "measured": digest(sorted(curve.key for curve in data.curves)),
        "coefficients": given.coefficients,
        "kernels": {metric: _plain(kernel) for metric, kernel in chosen.items()},
        "classes": classes,
    }
    if not args.check:
        TARGET.write_text(json.dumps(written, indent=1, sort_keys=True) + "\n")
    return 0


def checked(data: Measured, logs: Floats, given: Parameters) -> dict[str, Any]:
    """Errors, widths of intervals and shares of checks at each distance."""
    found: dict[str, Any] = {"errors": {}, "widths": {}, "checks": {}}
    fitted = fit(given, data)

    def without(rows: Ints) -> dict[str, dict[str, float]]:
        mask = np.zeros(len(data.which), dtype=bool)
        mask[rows] = True
        return table_of(fit_coefficients(data, mask, logs, 5))

    for distance, groups in groups_of(data).items():
        curves = distance is Distance.CURVE
        checks = check_curves(data, fitted) if curves else check(data, groups, without, dict(given.kernels), given)
        wrong = errors(data, checks)
        found["widths"][distance] = widths(wrong, spreads(data, checks))
        found["checks"][distance] = shares(data, wrong["request"])
        found["errors"][distance] = summary(data, checks, found["widths"][distance])
        print(distance, found["errors"][distance])
    return found


def _physics(given: Parameters, data: Measured) -> Any:
    return physics_of(given, data)


def _plain(kernel: Kernel) -> dict[str, Any]:
    return {
        "amplitudes": {name: round(value, 4) for name, value in kernel.amplitudes.items()},
        "lengths": {group: {name: round(value, 4) for name, value in one.items()} for group, one in kernel.lengths.items()},
        "centre": dict(kernel.centre),
        "noise": round(kernel.noise, 4),
    }


if __name__ == "__main__":
    sys.exit(main())
