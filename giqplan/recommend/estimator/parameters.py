"""What calibration found (scripts/calibrate_estimator.py), read from catalog/estimator.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from giqplan.recommend.estimator.kernel import Kernel
from giqplan.units import digest


@dataclass(frozen=True, slots=True)
class Parameters:
    """``coefficients``: server -> component of ``physics`` -> value. ``trust``: metric -> (curve, load) -> how far a measured point counts.
    ``classes``: what cross-validation showed (``trust.py``). ``digest``: of all of it."""

    date: str
    coefficients: Mapping[str, Mapping[str, float]]
    kernels: Mapping[str, Kernel]
    classes: Mapping[str, Any]
    digest: str


def parameters(value: Mapping[str, Any]) -> Parameters:
    """Out of the file's content."""
    kernels = {
        metric: Kernel(metric, one["amplitudes"], one["lengths"], one["centre"], one["noise"]) for metric, one in value["kernels"].items()
    }
    return Parameters(value["date"], value["coefficients"], kernels, value["classes"], digest(value))
