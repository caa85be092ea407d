"""The errors that catalog/estimator.json states are as small as promised, and true: a part of them is found again from the measurements."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from giqplan.catalog import open_catalog
from giqplan.recommend.estimator.door import Estimator
from giqplan.recommend.estimator.model import METRICS, Fitted, fit
from giqplan.recommend.estimator.parameters import Parameters, parameters

EVERY = 12
"""One curve of so many is left out again."""


def script(name: str) -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def stated() -> Parameters:
    content = open_catalog().calibration
    assert content is not None
    return parameters(content)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return Estimator(open_catalog()).fitted


@pytest.mark.parametrize(
    ("distance", "metric", "most"),
    [
        ("curve", "itl", 0.05),
        ("curve", "ttft", 0.10),
        ("curve", "output_tokens_per_second", 0.05),
        ("combination", "itl", 0.10),
        ("combination", "ttft", 0.20),
        ("combination", "output_tokens_per_second", 0.10),
    ],
)
def test_cross_validated_errors_are_as_small_as_promised(stated: Parameters, distance: str, metric: str, most: float) -> None:
    figures = stated.classes["errors"][distance]
    assert figures[f"{metric}_error"] <= most
    assert 0.85 <= figures[f"{metric}_covered"] <= 0.95


def test_calibration_saw_just_the_curves_of_the_catalog(stated: Parameters, fitted: Fitted) -> None:
    assert stated.measured == fitted.measured.digest


def test_the_weights_are_those_that_measurements_and_kernel_give(stated: Parameters, fitted: Fitted) -> None:
    again = fit(replace(stated, measured=""), fitted.catalog, fitted.measured)
    for metric in METRICS:
        held, found = fitted.transfers[metric].weights, again.transfers[metric].weights
        assert np.abs(found - held).max() <= 1e-4 * np.abs(held).max()


@pytest.mark.parametrize("metric", METRICS)
def test_the_median_error_is_that_of_the_points(stated: Parameters, fitted: Fitted, metric: str) -> None:
    """Of every point the file holds the logarithm's error, enlarged by a hundredth, with two digits."""
    for distance, figures in stated.classes["errors"].items():
        errors = np.concatenate([*stated.scatter[metric][distance].values()]) - 0.01
        assert len(errors) == len(fitted.measured.which)
        assert np.median(errors) == pytest.approx(figures[f"{metric}_error"], rel=0.1, abs=0.002)


def test_what_is_left_out_is_missed_by_as_much_as_the_file_says(stated: Parameters, fitted: Fitted) -> None:
    checks, data = script("estimator_checks"), fitted.measured
    curves = np.unique(data.curve)[::EVERY]
    found = checks.errors(data, checks.check_curves(data, fitted, curves))
    rows = np.isin(data.curve, curves)
    for metric in METRICS:
        said = np.concatenate([stated.scatter[metric]["curve"][data.curves[number].key] for number in curves]) - 0.01
        again = np.abs(found[metric][rows])
        assert np.mean(np.abs(again - said) <= 0.01 + 0.1 * said) > 0.9
        assert np.median(again) == pytest.approx(np.median(said), abs=0.005)
    throughput = np.abs(np.expm1(found["request"][rows]))
    assert np.median(throughput) == pytest.approx(stated.classes["errors"]["curve"]["output_tokens_per_second_error"], abs=0.015)
