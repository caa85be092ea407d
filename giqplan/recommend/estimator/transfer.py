"""What measurements say about where physics is wrong: the residuals of the nearest ones, weighed by likeness and shrunk by distance.

Kriging, in other words: a residual's weight in a correction follows from its covariance with the question and with the other measurements,
so that ten points of one curve do not outvote one of another, and far from all of them the correction goes to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from giqplan.recommend.estimator import kernel as kernels
from giqplan.recommend.estimator.kernel import COARSE, FINE, Kernel, Kinds
from giqplan.recommend.estimator.replicas import Floats, Ints

NEAREST = 400
"""Measured points that say how certain a replica's corrections are: those farther off hardly change that."""

_LINEAR_UNIT = 0.1
"""So that the amplitude of slopes is of the size of the others; what it multiplies is a convention."""

_TAIL = 4.0
"""Degrees of freedom of the Student t that measurements scatter by: single runs that went wrong count little."""

NO_TRUST = 1e-4
_LEAST_TRUST, _MOST_TRUST = 0.05, 1.3


@dataclass(frozen=True, slots=True)
class Questions:
    """Points in a kernel's terms. ``which``: their replica; ``kinds``: of every replica; the features are scaled."""

    global_axes: Floats
    coarse_axes: Floats
    fine_axes: Floats
    slopes: Floats
    which: Ints
    kinds: Kinds

    def take(self, index: Ints) -> Questions:
        axes = (self.global_axes[index], self.coarse_axes[index], self.fine_axes[index], self.slopes[index])
        return Questions(*axes, self.which[index], self.kinds)


def questions(kernel: Kernel, found: Mapping[str, Floats], which: Ints, kinds: Mapping[str, tuple[str, ...]]) -> Questions:
    whole, coarse, fine = (kernels.scaled(kernel, group, found) for group in ("global", "coarse", "fine"))
    return Questions(whole, coarse, fine, kernels.slopes(kernel, found), which, Kinds(kinds))


def covariance(kernel: Kernel, ours: Questions, theirs: Questions) -> Floats:
    """Of every pair of points (ours x theirs)."""
    total = fading(kernel, ours, theirs)
    total += (_LINEAR_UNIT * kernel.amplitudes["linear"] ** 2) * (ours.slopes @ theirs.slopes.T)
    return total


def fading(kernel: Kernel, ours: Questions, theirs: Questions) -> Floats:
    """The part that goes to nothing with distance."""
    total = kernels.fading(ours.global_axes, theirs.global_axes)
    total *= kernel.amplitudes["global"] ** 2
    for alike, some, mine, other in _likenesses(kernel, ours, theirs):
        near = kernels.fading(mine, other)
        near *= alike
        total[:, some] += near
    return total


def _likenesses(kernel: Kernel, ours: Questions, theirs: Questions) -> Iterator[tuple[Floats, Ints, Floats, Floats]]:
    """Of coarse and fine: variances that points have in common (of one replica's questions: one row), with which of ``theirs``, and the
    axes that they fade along."""
    for kinds, mine, other in ((COARSE, ours.coarse_axes, theirs.coarse_axes), (FINE, ours.fine_axes, theirs.fine_axes)):
        alike = kernels.shared(kernel, kinds, ours.kinds, theirs.kinds)
        some = np.flatnonzero(alike.max(axis=0)[theirs.which] > 0)
        yield (alike[0, theirs.which[some]] if len(alike) == 1 else alike[np.ix_(ours.which, theirs.which[some])]), some, mine, other[some]


def own_variance(kernel: Kernel, ours: Questions) -> Floats:
    """Of each point before any measurement."""
    together = sum(kernel.amplitude(kinds) ** 2 for kinds in (*COARSE, *FINE)) + kernel.amplitudes["global"] ** 2
    sloped = _LINEAR_UNIT * kernel.amplitudes["linear"] ** 2 * (ours.slopes**2).sum(axis=1)
    found: Floats = together + sloped
    return found


@dataclass(frozen=True, slots=True)
class Nearest:
    """Some measured points, to say how certain a correction is. ``index``: theirs; ``root``: of the inverse of their covariance."""

    kernel: Kernel
    index: Ints
    known: Questions
    root: Floats

    def variance(self, ours: Questions) -> Floats:
        """Of the correction: small among like measurements, the whole of ``own_variance`` far from all."""
        reach = covariance(self.kernel, ours, self.known) @ self.root.T
        left: Floats = np.maximum(own_variance(self.kernel, ours) - (reach**2).sum(axis=1), 0)
        return left

    def around(self, ours: Questions, values: Floats) -> Floats:
        """Mean of ``values``, one of every measured point, over the points near each question."""
        return around(fading(self.kernel, ours, self.known), values[self.index])


def around(alike: Floats, values: Floats) -> Floats:
    """Mean of ``values`` by likeness (questions x points), the nearest foremost."""
    near = alike**2
    found: Floats = near @ values / np.maximum(near.sum(axis=1), 1e-30)
    return found


@dataclass(frozen=True, slots=True)
class Transfer:
    """The measured residuals of one metric. ``trust``: how far each point counts, 1 = as any; ``weights``: what it adds to a correction for
    each unit of its covariance with the question."""

    kernel: Kernel
    known: Questions
    trust: Floats
    weights: Floats

    def correction(self, ours: Questions) -> Floats:
        """Natural logarithm of what physics is to be multiplied by."""
        kernel, known = self.kernel, self.known
        found = kernel.amplitudes["global"] ** 2 * (kernels.fading(ours.global_axes, known.global_axes) @ self.weights)
        found += _LINEAR_UNIT * kernel.amplitudes["linear"] ** 2 * (ours.slopes @ (known.slopes.T @ self.weights))
        for alike, some, mine, other in _likenesses(kernel, ours, known):
            near = kernels.fading(mine, other)
            found += near @ (alike * self.weights[some]) if alike.ndim == 1 else (near * alike) @ self.weights[some]
        return found

    def nearest(self, ours: Questions, but: NDArray[np.bool_] | None = None, most: int = NEAREST) -> Nearest:
        """The points that count most for any of ``ours``, none of those that ``but`` marks."""
        near = fading(self.kernel, ours, self.known).max(axis=0) * np.minimum(self.trust, 1)
        if but is not None:
            near[but] = -1
        order = np.argsort(-near, kind="stable")[:most]
        index = np.sort(order[near[order] >= 0])
        known = self.known.take(index)
        root = np.linalg.inv(np.linalg.cholesky(noisy(covariance(self.kernel, known, known), self.kernel, self.trust[index])))
        return Nearest(self.kernel, index, known, root)


def weigh(kernel: Kernel, known: Questions, residuals: Floats, trust: Floats) -> Floats:
    """The weights of measured points with these residuals."""
    found: Floats = np.linalg.solve(noisy(covariance(kernel, known, known), kernel, trust), residuals)
    return found


def noisy(matrix: Floats, kernel: Kernel, trust: Floats) -> Floats:
    """With the scatter of each measured point."""
    found = matrix
    found[np.diag_indices_from(found)] += kernel.noise**2 / trust
    return found


def find_trust(kernel: Kernel, known: Questions, residuals: Floats, doubted: NDArray[np.bool_], rounds: int = 3) -> Floats:
    """How far each point counts: what the others make unlikely counts little. ``doubted``: points that count for nothing."""
    matrix = covariance(kernel, known, known)
    found = np.where(doubted, NO_TRUST, 1.0)
    for _ in range(rounds):
        left = kernel.noise**2 / found * np.linalg.solve(noisy(matrix, kernel, found), residuals)
        found = np.clip((_TAIL + 1) / (_TAIL + (left / kernel.noise) ** 2), _LEAST_TRUST, _MOST_TRUST)
        found[doubted] = NO_TRUST
    return found
