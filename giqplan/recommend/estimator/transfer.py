"""What measurements say about where physics is wrong: the residuals of all measured points, weighed by likeness and shrunk by distance.

Kriging, in other words: a residual's weight in a correction follows from its covariance with the question and with the other measurements,
so that ten points of one curve do not outvote one of another, and far from all of them the correction goes to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from giqplan.recommend.estimator import kernel as kernels
from giqplan.recommend.estimator.kernel import COARSE, FINE, Kernel, Single
from giqplan.recommend.estimator.replicas import Floats, Ints

_LINEAR_UNIT = 0.1
"""So that the amplitude of slopes is of the size of the others; what it multiplies is a convention."""

_TAIL = 4.0
"""Degrees of freedom of the Student t that measurements scatter by: single runs that went wrong count little."""

_LEAST_TRUST, _MOST_TRUST = 0.05, 1.3


@dataclass(frozen=True, slots=True)
class Questions:
    """Points in a kernel's terms. ``which``: their replica; ``kinds``: of every replica; the features are scaled."""

    global_axes: Single
    coarse_axes: Single
    fine_axes: Single
    slopes: Single
    which: Ints
    kinds: Mapping[str, tuple[str, ...]]


def questions(kernel: Kernel, found: Mapping[str, Floats], which: Ints, kinds: Mapping[str, tuple[str, ...]]) -> Questions:
    whole, coarse, fine = (kernels.scaled(kernel, group, found) for group in ("global", "coarse", "fine"))
    return Questions(whole, coarse, fine, kernels.slopes(kernel, found), which, kinds)


def covariance(kernel: Kernel, ours: Questions, theirs: Questions) -> Single:
    """Of every pair of points (ours x theirs)."""
    coarse = kernels.shared(kernel, COARSE, ours.kinds, theirs.kinds)[np.ix_(ours.which, theirs.which)]
    fine = kernels.shared(kernel, FINE, ours.kinds, theirs.kinds)[np.ix_(ours.which, theirs.which)]
    total = np.float32(kernel.amplitudes["global"] ** 2) * kernels.fading(ours.global_axes, theirs.global_axes)
    total += np.float32(_LINEAR_UNIT * kernel.amplitudes["linear"] ** 2) * (ours.slopes @ theirs.slopes.T)
    coarse *= kernels.fading(ours.coarse_axes, theirs.coarse_axes)
    fine *= kernels.fading(ours.fine_axes, theirs.fine_axes)
    total += coarse
    total += fine
    return total


def own_variance(kernel: Kernel, ours: Questions) -> Floats:
    """Of each point before any measurement."""
    together = sum(kernel.amplitude(kinds) ** 2 for kinds in (*COARSE, *FINE)) + kernel.amplitudes["global"] ** 2
    sloped = _LINEAR_UNIT * kernel.amplitudes["linear"] ** 2 * (ours.slopes.astype(np.float64) ** 2).sum(axis=1)
    found: Floats = together + sloped
    return found


@dataclass(frozen=True, slots=True)
class Transfer:
    """Residuals of one metric, ready to be asked. ``weights``: of each measured point; ``root``: of the inverse covariance."""

    kernel: Kernel
    known: Questions
    weights: Floats
    root: Single

    def correction(self, ours: Questions) -> Floats:
        """Natural logarithm of what physics is to be multiplied by."""
        found: Floats = covariance(self.kernel, ours, self.known).astype(np.float64) @ self.weights
        return found

    def variance(self, ours: Questions) -> Floats:
        """Of the correction: small among like measurements, the whole of ``own_variance`` far from all."""
        reach = covariance(self.kernel, ours, self.known) @ self.root.T
        left: Floats = np.maximum(own_variance(self.kernel, ours) - (reach.astype(np.float64) ** 2).sum(axis=1), 0)
        return left


def learn(kernel: Kernel, known: Questions, residuals: Floats, trust: Floats | None = None, rounds: int = 3) -> tuple[Transfer, Floats]:
    """``trust``: of each point, 1 = as any (default: found here, in rounds). Returns the transfer and the trust that it rests on."""
    matrix = covariance(kernel, known, known).astype(np.float64)
    found = np.ones(len(residuals)) if trust is None else trust
    for _ in range(rounds if trust is None else 0):
        left = kernel.noise**2 / found * np.linalg.solve(_noisy(matrix, kernel, found), residuals)
        found = np.clip((_TAIL + 1) / (_TAIL + (left / kernel.noise) ** 2), _LEAST_TRUST, _MOST_TRUST)
    lower = np.linalg.cholesky(_noisy(matrix, kernel, found))
    root = np.linalg.inv(lower)
    return Transfer(kernel, known, root.T @ (root @ residuals), root.astype(np.float32)), found


def _noisy(matrix: Floats, kernel: Kernel, trust: Floats) -> Floats:
    noisy = matrix.copy()
    noisy[np.diag_indices_from(noisy)] += kernel.noise**2 / trust
    return noisy


def left_out(kernel: Kernel, known: Questions, residuals: Floats, trust: Floats, groups: Ints) -> tuple[Floats, Floats]:
    """For each point what the points of the other groups say about it, and the variance of that: cross-validation in closed form."""
    inverse = np.linalg.inv(_noisy(covariance(kernel, known, known).astype(np.float64), kernel, trust))
    weighed = inverse @ residuals
    said, variance = np.empty_like(residuals), np.empty_like(residuals)
    for group in np.unique(groups):
        inside = np.flatnonzero(groups == group)
        block = np.linalg.inv(inverse[np.ix_(inside, inside)])
        said[inside] = residuals[inside] - block @ weighed[inside]
        variance[inside] = np.diag(block)
    return said, variance
