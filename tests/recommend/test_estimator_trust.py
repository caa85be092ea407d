"""Classes and intervals: by the errors of like checks, at a like distance from what is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from giqplan.catalog import open_catalog
from giqplan.model.estimate import EstimatedCurve, Grade, Setup
from giqplan.recommend.estimator.door import Estimator
from giqplan.recommend.estimator.trust import LEAST_CHECKS, Distance, judge, request_sides, sides

KINDS = {"server": "vllm", "accelerator": "nvidia-l4", "family": "dense"}
MANY, FEW = LEAST_CHECKS, LEAST_CHECKS - 1


def checks(**by_key: tuple[int, float, float]) -> dict[str, dict[str, dict[str, float]]]:
    names = {"narrow": "vllm/nvidia-l4/dense", "wide": "vllm/nvidia-l4", "widest": "vllm"}
    found = {names[key]: {"checks": n, "within_0.2": a, "within_0.4": b} for key, (n, a, b) in by_key.items()}
    return {distance.value: found for distance in Distance}


@pytest.mark.parametrize(
    ("shares", "grade"), [((0.8, 0.9), Grade.A), ((0.79, 0.8), Grade.B), ((0.79, 0.79), Grade.C), ((0.0, 1.0), Grade.B)]
)
def test_a_class_is_the_share_of_like_checks_within_its_error(shares: tuple[float, float], grade: Grade) -> None:
    assert judge(checks(narrow=(MANY, *shares)), Distance.CURVE, KINDS).grade is grade


def test_too_few_like_checks_prove_nothing_and_wider_ones_are_asked() -> None:
    found = judge(checks(narrow=(FEW, 1, 1), wide=(MANY, 0.5, 0.9)), Distance.CURVE, KINDS)
    assert (found.grade, f"{MANY} like checks (vllm/nvidia-l4)" in found.words) == (Grade.B, True)
    assert judge(checks(narrow=(FEW, 1, 1), wide=(FEW, 1, 1)), Distance.CURVE, KINDS).grade is Grade.C


def test_where_neither_model_nor_accelerator_is_measured_nothing_checks_the_answer() -> None:
    assert judge(checks(narrow=(MANY, 1, 1)), Distance.BOTH, KINDS).grade is Grade.C


def test_an_interval_widens_with_what_the_transfer_and_the_errors_near_by_say() -> None:
    ends = {"below": [0.05, 0.4], "above": [0.05, 0.8]}
    table = {"by_spread": 1.0, "by_scatter": 0.5, "certainty": [-5.0, -1.0], **ends}
    widths = {Distance.MODEL: {"itl": table, "request": {"certainty": [-5.0, 0.0], **ends}}}
    found = sides(widths, Distance.MODEL, "itl", np.array([-4.0, -2, -2]), np.array([-2.0, -2, -1]))
    assert list(np.diff(found.below) > 0) == list(np.diff(found.above) > 0) == [True, True]
    both = sides(widths, Distance.BOTH, "itl", np.array([-2.0]), np.array([-1.0]))
    assert both.above[0] == pytest.approx(1.5 * found.above[2])
    whole = request_sides(widths, Distance.MODEL, np.array([0.1, 0.1]), np.array([0.0, 0.1]))
    assert whole.above[0] < whole.above[1]


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator(open_catalog())


KNOWN = Setup("meta-llama/Llama-3.1-70B", "vllm", "", "nvidia-b200", 4, "fp8", "tp4")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "measured together"),
        ({"accelerator": "nvidia-h200-141gb"}, "not with this server"),
        ({"model_id": "google/gemma-2-27b-it", "precision": ""}, "its model is measured nowhere"),
        ({"accelerator": "nvidia-tesla-a100", "accelerator_count": 8, "parallelism": ""}, "its accelerator is measured with no model"),
        (
            {"model_id": "google/gemma-2-27b-it", "accelerator": "nvidia-tesla-a100", "precision": "", "parallelism": ""},
            "neither its model nor its accelerator",
        ),
    ],
)
def test_an_estimate_says_how_far_it_is_from_what_is_measured(estimator: Estimator, changes: dict[str, object], said: str) -> None:
    found = estimator.curve(replace(KNOWN, **changes), 1024, 1024)
    assert isinstance(found, EstimatedCurve)
    assert said in found.basis


def test_a_fine_tune_of_the_same_architecture_is_as_measured_as_its_sibling(estimator: Estimator) -> None:
    one = estimator.curve(KNOWN, 1024, 1024, loads=[16])
    other = estimator.curve(replace(KNOWN, model_id="meta-llama/Llama-3.3-70B-Instruct"), 1024, 1024, loads=[16])
    assert isinstance(one, EstimatedCurve)
    assert isinstance(other, EstimatedCurve)
    assert one.loads == other.loads


def test_a_version_that_nobody_measured_is_said(estimator: Estimator) -> None:
    found = estimator.curve(replace(KNOWN, model_server_version="9.9.9"), 1024, 1024)
    assert isinstance(found, EstimatedCurve)
    assert "9.9.9 is measured with no model" in found.notes[0]
