"""Which measurements are alike, and how much: the covariance of what physics leaves unexplained (a Gaussian process, docs/estimator.md).

Two replicas are alike as far as their parts of the time are alike (``global``), a little along sizes (``linear``), by what they share
(``coarse``: server, version, accelerator, model and pairs of them) and by being the same one (``fine``); each share fades with the distance
in lengths, load and accelerators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from giqplan.recommend.estimator.physics import Coefficients, Times
from giqplan.recommend.estimator.replicas import Facts, Floats

NEAR = ("input", "output", "load", "accelerators")
"""Logarithms: what every share of alikeness fades with."""

SIZES = ("active", "total", "bytes")
"""Logarithms of parameters and of bytes per weight."""

LINEAR = ("active", "total", "bytes", "load", "accelerators")

PARTS = {
    "itl": ("weights", "cache", "math", "reduce", "overhead", "prompts"),
    "ttft": ("prompts", "base", "own", "steps", "burst"),
}
"""Shares of the predicted time, by metric."""

COARSE: tuple[tuple[str, ...], ...] = (
    ("server",),
    ("server", "version"),
    ("accelerator",),
    ("model",),
    ("model", "accelerator"),
    ("precision", "server"),
    ("server", "accelerator"),
    ("family", "server"),
    ("generation", "precision"),
    ("family", "server", "version"),
    ("model", "server"),
    ("server", "version", "accelerator"),
    ("model", "server", "version"),
)
FINE: tuple[tuple[str, ...], ...] = (
    ("model", "server", "accelerator"),
    ("model", "server", "accelerator", "version", "precision", "parallelism"),
)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Of one metric. Amplitudes and ``noise`` are standard deviations of a natural logarithm; lengths are in units of their feature."""

    metric: str
    amplitudes: Mapping[str, float]
    lengths: Mapping[str, Mapping[str, float]]
    centre: Mapping[str, float]
    noise: float

    def amplitude(self, kinds: tuple[str, ...]) -> float:
        return self.amplitudes["-".join(kinds)]


def features(
    metric: str, facts: Facts, by: Coefficients, times: Times, input_tokens: Floats, output_tokens: Floats, load: Floats
) -> dict[str, Floats]:
    """Every feature of the questions, all of one shape."""
    shape = np.broadcast(times.itl, load).shape
    sizes = {
        "input": np.log(input_tokens),
        "output": np.log(output_tokens),
        "load": np.log(np.maximum(load, 0.5)),
        "accelerators": np.log(facts.accelerators),
        "active": np.log(facts.params_active),
        "total": np.log(facts.params),
        "bytes": np.log(facts.weight_bytes),
    }
    return {name: np.broadcast_to(value, shape) for name, value in (sizes | _parts(metric, by, times)).items()}


def _parts(metric: str, by: Coefficients, times: Times) -> dict[str, Floats]:
    if metric == "itl":
        parts = (times.weights_ms, times.cache_ms, times.math_ms, times.reduce_ms, times.overhead_ms)
        shares = {name: part / times.itl for name, part in zip(PARTS["itl"], parts, strict=False)}
        return {**shares, "prompts": times.crowd}
    whole = times.ttft
    return {
        "prompts": times.crowd,
        "base": by["first_base"] / whole,
        "own": by["first_own"] * times.own_ms / whole,
        "steps": by["first_steps"] * times.itl / whole,
        "burst": times.burst_ms / whole,
    }


def axes(kernel: Kernel, group: str) -> tuple[str, ...]:
    """The features that a group of shares fades with: ``global``, ``coarse`` or ``fine``."""
    return (*NEAR, *SIZES, *PARTS[kernel.metric]) if group == "global" else NEAR


def scaled(kernel: Kernel, group: str, found: Mapping[str, Floats]) -> Floats:
    """Features (questions x axes) in units of their lengths."""
    lengths = kernel.lengths[group]
    return np.stack([found[name].ravel() / lengths[name] for name in axes(kernel, group)], axis=1)


def slopes(kernel: Kernel, found: Mapping[str, Floats]) -> Floats:
    """The features that alikeness grows along without fading."""
    return np.stack([found[name].ravel() - kernel.centre[name] for name in LINEAR], axis=1)


def fading(a: Floats, b: Floats) -> Floats:
    """exp(-|a - b|^2 / 2) of every pair of rows, by one matrix product. In double precision: the squares are large where lengths are short,
    and what is printed must not depend on how the product was split among processors."""
    ours = np.column_stack([(a * a).sum(axis=1) / -2, np.ones(len(a)), a])
    theirs = np.column_stack([np.ones(len(b)), (b * b).sum(axis=1) / -2, b])
    found: Floats = ours @ theirs.T
    return np.exp(found, out=found)


class Kinds:
    """Kinds of replicas, as numbers once they are asked for. ``values``: kind -> its value for each replica."""

    def __init__(self, values: Mapping[str, tuple[str, ...]]) -> None:
        self.values = values
        self._coded: dict[tuple[str, ...], tuple[dict[tuple[str, ...], int], NDArray[np.int64]]] = {}

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def rows(self, combination: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [*zip(*(self.values[kind] for kind in combination), strict=True)]

    def coded(self, combination: tuple[str, ...]) -> tuple[dict[tuple[str, ...], int], NDArray[np.int64]]:
        """A number for each different value, and those of all replicas."""
        if combination not in self._coded:
            known: dict[tuple[str, ...], int] = {}
            codes = [known.setdefault(row, len(known)) for row in self.rows(combination)]
            self._coded[combination] = known, np.array(codes, dtype=np.int64)
        return self._coded[combination]


def shared(kernel: Kernel, combinations: tuple[tuple[str, ...], ...], ours: Kinds, theirs: Kinds) -> Floats:
    """Sum of the variances of all combinations of kinds that two replicas have in common (ours x theirs)."""
    total = np.zeros((len(ours), len(theirs)))
    for combination in combinations:
        if amplitude := kernel.amplitude(combination):
            known, codes = theirs.coded(combination)
            mine = np.array([known.get(row, -1) for row in ours.rows(combination)])
            total += amplitude**2 * (mine[:, None] == codes[None, :])
    return total
