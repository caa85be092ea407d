"""Residuals of like measurements move an estimate, the nearest most; far from all of them physics answers alone."""

from __future__ import annotations

import numpy as np
import pytest

from giqplan.catalog import open_catalog
from giqplan.recommend.estimator.kernel import Kernel
from giqplan.recommend.estimator.parameters import parameters
from giqplan.recommend.estimator.transfer import NO_TRUST, Questions, Transfer, find_trust, questions, weigh

KINDS = ("server", "version", "accelerator", "model", "family", "generation", "precision", "parallelism")


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    content = open_catalog().calibration
    assert content is not None
    return parameters(content).kernels["itl"]


def points(kernel: Kernel, inputs: list[float], which: list[int] | None = None, **kinds: tuple[str, ...]) -> Questions:
    """Points that differ in their input length, and as ``kinds`` says; all the rest is the same."""
    names = {name for lengths in kernel.lengths.values() for name in lengths} | set(kernel.centre)
    found = {name: np.full(len(inputs), kernel.centre.get(name, 0.2)) for name in names} | {"input": np.log(inputs)}
    replicas = len(next(iter(kinds.values()), ("",)))
    shared = {name: kinds.get(name, ("same",) * replicas) for name in KINDS}
    return questions(kernel, found, np.array(which or [0] * len(inputs)), shared)


def transfer(kernel: Kernel, known: Questions, residuals: list[float]) -> Transfer:
    trust = np.ones(len(residuals))
    return Transfer(kernel, known, trust, weigh(kernel, known, np.array(residuals), trust))


def test_at_a_measured_point_the_correction_is_nearly_its_residual(kernel: Kernel) -> None:
    known = points(kernel, [1000.0])
    found = transfer(kernel, known, [0.3])
    assert found.correction(known)[0] == pytest.approx(0.3, rel=0.05)
    assert np.sqrt(found.nearest(known).variance(known)[0]) < 2 * kernel.noise


def test_a_correction_shrinks_and_its_uncertainty_grows_with_distance(kernel: Kernel) -> None:
    known, asked = points(kernel, [1000.0]), points(kernel, [1000.0, 3000.0, 30000.0])
    found = transfer(kernel, known, [0.3])
    assert list(np.diff(found.correction(asked)) < 0) == [True, True]
    assert list(np.diff(found.nearest(asked).variance(asked)) > 0) == [True, True]


def test_a_replica_that_shares_nothing_is_moved_less_than_one_that_shares_its_server(kernel: Kernel) -> None:
    known = points(kernel, [1000.0], model=("other",), accelerator=("other",), server=("vllm",), version=("1",))
    near = points(kernel, [1000.0], server=("vllm",), version=("1",))
    far = points(kernel, [1000.0], server=("sglang",), version=("2",), family=("x",), precision=("x",), generation=("x",))
    moved = [transfer(kernel, known, [0.3]).correction(one)[0] for one in (near, far)]
    assert moved[0] > moved[1]


def test_ten_points_at_one_place_do_not_outvote_another(kernel: Kernel) -> None:
    known = points(kernel, [1000.0] * 10 + [4000.0])
    asked = points(kernel, [2000.0])
    found = transfer(kernel, known, [0.2] * 10 + [-0.2])
    assert abs(found.correction(asked)[0]) < 0.1


def test_the_order_of_measurements_does_not_matter(kernel: Kernel) -> None:
    inputs, left, asked = [500.0, 1000, 4000, 9000], [0.1, 0.2, -0.1, 0.05], points(kernel, [2500.0])
    one = transfer(kernel, points(kernel, inputs), left).correction(asked)
    other = transfer(kernel, points(kernel, inputs[::-1]), left[::-1]).correction(asked)
    assert one == pytest.approx(other)


def test_only_the_nearest_are_asked_and_none_that_is_left_out(kernel: Kernel) -> None:
    known, asked = points(kernel, [100.0, 1000, 1100, 60000]), points(kernel, [1000.0])
    held = transfer(kernel, known, [1.0, 0.1, 0.1, 1.0])
    assert list(held.nearest(asked, most=2).index) == [1, 2]
    assert list(held.nearest(asked, np.array([False, True, False, False]), most=2).index) == [0, 2]


def test_a_run_that_its_like_contradict_counts_little_and_a_doubted_one_for_nothing(kernel: Kernel) -> None:
    known, wrong = points(kernel, [1000.0] * 32), 10 * kernel.noise
    doubted = np.array([False] * 31 + [True])
    trust = find_trust(kernel, known, np.array([0.0] * 30 + [wrong, wrong]), doubted)
    assert trust[30] < 0.2 < 0.8 < trust[0]
    assert trust[31] == NO_TRUST
