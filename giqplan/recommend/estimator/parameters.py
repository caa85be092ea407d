"""What calibration found (scripts/calibrate_estimator.py), read from catalog/estimator.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from giqplan.recommend.estimator.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Parameters:
    """``measured``: digest of the points that calibration saw; ``weights``: metric -> theirs, in order. ``coefficients``: server ->
    component of ``physics`` -> value. ``trust``: metric -> curve -> load -> how far that point counts, where not as any.
    ``scatter``: metric -> distance -> curve -> of each of its points, the error of a logarithm where just that was left out. ``classes``:
    what cross-validation showed (``trust.py``).
    """

    date: str
    measured: str
    coefficients: Mapping[str, Mapping[str, float]]
    kernels: Mapping[str, Kernel]
    trust: Mapping[str, Mapping[str, Mapping[str, float]]]
    weights: Mapping[str, Sequence[float]]
    scatter: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]
    classes: Mapping[str, Any]


def parameters(value: Mapping[str, Any]) -> Parameters:
    """Out of the file's content."""
    return Parameters(
        value["date"],
        value["measured"],
        value["coefficients"],
        kernels_of(value["kernels"]),
        value["trust"],
        value["weights"],
        value["scatter"],
        value["classes"],
    )


def kernels_of(value: Mapping[str, Any]) -> dict[str, Kernel]:
    """Metric -> kernel."""
    return {metric: Kernel(metric, one["amplitudes"], one["lengths"], one["centre"], one["noise"]) for metric, one in value.items()}
