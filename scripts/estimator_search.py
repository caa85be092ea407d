"""The kernel's amplitudes and lengths by least cross-validated error. Used by calibrate_estimator.py."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from giqplan.recommend.estimator import kernel as kernels
from giqplan.recommend.estimator.kernel import COARSE, FINE, LINEAR, Kernel
from giqplan.recommend.estimator.replicas import Floats, Ints
from giqplan.recommend.estimator.transfer import Questions, covariance, find_trust, noisy, questions

LOSS_SCALE = {
    "itl": {"curve": 0.03, "combination": 0.07, "model": 0.15, "accelerator": 0.15},
    "ttft": {"curve": 0.1, "combination": 0.2, "model": 0.3, "accelerator": 0.3},
}
LOSS_WEIGHT = {"curve": 0.7, "combination": 2.5, "model": 0.6, "accelerator": 0.3}
"""An error counts by the logarithm of 1 + (error / scale)^2: what is wrong by far is wrong by far, however far."""

_LEAST = 0.005


class Problem:
    """One metric's errors in cross-validation, in closed form, as a function of the kernel.

    ``groups``: what is left out together, for each distance; ``values``: residuals over the coefficients of all points; ``without``: for
    each distance but ``curve``, each group's residuals over coefficients that were fitted without it.
    """

    def __init__(
        self,
        known: Mapping[str, Floats],
        which: Ints,
        kinds: Mapping[str, tuple[str, ...]],
        values: Floats,
        doubted: np.ndarray,
        groups: Mapping[str, Ints],
        without: Mapping[str, list[Floats]],
    ) -> None:
        self.features, self.which, self.kinds = known, which, kinds
        self.values, self.doubted, self.without = values, doubted, without
        self.members = {name: [np.flatnonzero(codes == one) for one in np.unique(codes)] for name, codes in groups.items()}
        self.trust = np.ones(len(values))

    def known(self, kernel: Kernel) -> Questions:
        return questions(kernel, self.features, self.which, self.kinds)

    def errors(self, kernel: Kernel) -> dict[str, Floats]:
        known = self.known(kernel)
        inverse = np.linalg.inv(noisy(covariance(kernel, known, known), kernel, self.trust))
        weighed = inverse @ self.values
        found = {}
        for name, members in self.members.items():
            wrong = np.empty(len(self.values))
            for number, inside in enumerate(members):
                own = weighed[inside] if name == "curve" else inverse[inside] @ self.without[name][number]
                wrong[inside] = np.linalg.solve(inverse[np.ix_(inside, inside)], own)
            wrong[self.doubted] = np.nan
            found[name] = wrong
        return found

    def loss(self, kernel: Kernel) -> float:
        try:
            wrong = self.errors(kernel)
        except np.linalg.LinAlgError:
            return 1e9
        scale = LOSS_SCALE[kernel.metric]
        return float(sum(LOSS_WEIGHT[name] * np.nanmean(np.log1p((one / scale[name]) ** 2)) for name, one in wrong.items()))

    def reweigh(self, kernel: Kernel) -> None:
        self.trust = find_trust(kernel, self.known(kernel), self.values, self.doubted)


def search(problem: Problem, kernel: Kernel, minutes: float) -> Kernel:
    """One number after the other, a step up or down, as long as it helps (the order is drawn once, so that a run can be repeated)."""
    names, at = _flat(kernel)
    floor = np.array([_floor(kernel.metric, name) for name in names])
    step, order, end = np.full(len(at), 0.4), np.random.default_rng(0), time.monotonic() + 60 * minutes
    problem.reweigh(kernel)
    best = problem.loss(kernel)
    while time.monotonic() < end and step.max() > 0.03:
        for index in order.permutation(len(at)):
            for sign in (1, -1):
                moved = at.copy()
                moved[index] = np.clip(moved[index] + sign * step[index], floor[index], 3.5)
                loss = problem.loss(_kernel(kernel, names, moved))
                if loss < best - 1e-5:
                    best, at, step[index] = loss, moved, min(step[index] * 1.6, 1.5)
                    break
            else:
                step[index] /= 2
            if time.monotonic() > end:
                break
        kernel = _kernel(kernel, names, at)
        problem.reweigh(kernel)
        best = problem.loss(kernel)
        print(f"{kernel.metric}: loss {best:.4f}, {medians(problem.errors(kernel))}", flush=True)
    return kernel


def medians(wrong: Mapping[str, Floats]) -> str:
    return ", ".join(f"{name} {float(np.nanmedian(np.abs(np.expm1(-one)))):.4f}" for name, one in wrong.items())


def _flat(kernel: Kernel) -> tuple[list[tuple[str, ...]], Floats]:
    names: list[tuple[str, ...]] = [("amplitudes", name) for name in kernel.amplitudes] + [("noise",)]
    values = [*kernel.amplitudes.values(), kernel.noise]
    for group, lengths in kernel.lengths.items():
        names += [("lengths", group, name) for name in lengths]
        values += lengths.values()
    return names, np.log(np.maximum(values, _LEAST))


def _kernel(kernel: Kernel, names: list[tuple[str, ...]], logs: Floats) -> Kernel:
    amplitudes: dict[str, float] = {}
    lengths: dict[str, dict[str, float]] = {group: {} for group in kernel.lengths}
    noise = kernel.noise
    for name, value in zip(names, np.exp(logs), strict=True):
        if name[0] == "amplitudes":
            amplitudes[name[1]] = float(value)
        elif name[0] == "noise":
            noise = float(value)
        else:
            lengths[name[1]][name[2]] = float(value)
    return Kernel(kernel.metric, amplitudes, lengths, kernel.centre, noise)


def _floor(metric: str, name: tuple[str, ...]) -> float:
    """Shares of time count as alike within a tenth at least, logarithms within a half: shorter lengths would learn by heart."""
    if name[0] != "lengths":
        return float(np.log(_LEAST))
    return float(np.log(0.1 if name[2] in kernels.PARTS[metric] else 0.5))


def first_kernel(metric: str, found: Mapping[str, Floats]) -> Kernel:
    """Where a search begins that has nothing to begin with."""
    amplitudes = {"global": 0.25, "linear": 0.05} | {"-".join(kinds): 0.08 for kinds in (*COARSE, *FINE)}
    blank = Kernel(metric, amplitudes, {}, {}, 0.05)
    lengths = {
        group: {name: 0.5 if name in kernels.PARTS[metric] else size for name in kernels.axes(blank, group)}
        for group, size in (("global", 2.0), ("coarse", 4.0), ("fine", 2.0))
    }
    centre = {name: round(float(found[name].mean()), 4) for name in LINEAR}
    return Kernel(metric, amplitudes, lengths, centre, 0.05)
