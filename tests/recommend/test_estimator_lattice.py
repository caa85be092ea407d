"""Surfaces over the lattice keep what physics demands, whatever the measurements said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from giqplan.recommend.estimator import lattice
from giqplan.recommend.estimator.lattice import INPUT_NODES, LOAD_NODES, OUTPUT_NODES, SHAPE

ANY = arrays.arrays(np.float64, SHAPE, elements=st.floats(-3, 8))
FEW = settings(max_examples=25, deadline=None)
SLACK = 1e-9


@FEW
@given(ANY)
def test_itl_rises_with_load_and_input_and_at_most_doubles_with_it(logs: np.ndarray) -> None:
    found = lattice.monotone_itl(logs)
    assert np.diff(found, axis=0).min() >= -SLACK
    assert np.diff(found, axis=2).min() >= -SLACK
    assert (np.diff(found, axis=2) - np.diff(np.log(LOAD_NODES))).max() <= SLACK


@FEW
@given(ANY)
def test_a_longer_answer_takes_longer(logs: np.ndarray) -> None:
    whole = lattice.monotone_itl(logs) + np.log(OUTPUT_NODES).reshape(1, -1, 1)
    assert np.diff(whole, axis=1).min() >= -SLACK


@FEW
@given(ANY)
def test_ttft_rises_with_load_and_input(logs: np.ndarray) -> None:
    found = lattice.monotone_ttft(logs)
    assert np.diff(found, axis=0).min() >= -SLACK
    assert np.diff(found, axis=2).min() >= -SLACK


@FEW
@given(ANY, ANY)
def test_more_load_never_serves_less(itl: np.ndarray, ttft: np.ndarray) -> None:
    itl = lattice.monotone_itl(itl)
    ttft = lattice.never_serving_less(lattice.monotone_ttft(ttft), itl)
    assert np.diff(ttft, axis=2).min() >= -1e-6
    assert np.diff(ttft, axis=0).min() >= -1e-6
    surfaces = {"itl": itl[None], "ttft": ttft[None]}
    load = np.exp(np.linspace(0, np.log(LOAD_NODES[-1]), 400))
    for input_tokens, output_tokens in (
        (INPUT_NODES[3], OUTPUT_NODES[4]),
        (INPUT_NODES[9], OUTPUT_NODES[0]),
        (INPUT_NODES[5], OUTPUT_NODES[7]),
    ):
        at = (np.zeros(400, dtype=int), np.full(400, input_tokens), np.full(400, output_tokens), load)
        request = np.exp(lattice.between(surfaces["ttft"], *at)) + np.exp(lattice.between(surfaces["itl"], *at)) * (output_tokens - 1)
        assert np.diff(load / request).min() >= -1e-6 * (load / request).max()


@FEW
@given(ANY, ANY)
def test_a_longer_answer_never_ends_earlier(itl: np.ndarray, ttft: np.ndarray) -> None:
    itl = lattice.monotone_itl(itl)
    ttft = lattice.never_serving_less(lattice.monotone_ttft(ttft), itl)
    request = np.exp(ttft) + np.exp(itl) * (OUTPUT_NODES.reshape(1, -1, 1) - 1)
    assert (np.diff(request, axis=1) >= -1e-6 * request[:, 1:]).all()


def test_beyond_the_nodes_the_last_one_holds() -> None:
    surface = np.random.default_rng(1).normal(size=(1, *SHAPE))
    ends = [np.array([nodes[0], nodes[-1]]) for nodes in (INPUT_NODES, OUTPUT_NODES, LOAD_NODES)]
    beyond = [end * [0.5, 3] for end in ends]
    which = np.zeros(2, dtype=int)
    assert lattice.between(surface, which, *beyond) == pytest.approx(lattice.between(surface, which, *ends))


@FEW
@given(ANY)
def test_what_is_monotone_stays_as_it_is(logs: np.ndarray) -> None:
    once = lattice.monotone_itl(logs)
    assert lattice.monotone_itl(once) == pytest.approx(once)


def test_a_first_load_that_is_slower_than_the_next_is_not_believed() -> None:
    logs = np.log(np.broadcast_to(np.array([550, 308, 225, 229, 364, *[400] * 8], dtype=float), SHAPE).copy())
    assert np.exp(lattice.monotone_ttft(logs)[0, 0, :5]) == pytest.approx([225, 225, 225, 229, 364])


def test_between_nodes_the_logarithms_are_linear() -> None:
    surface = np.log(INPUT_NODES)[:, None, None] + 2 * np.log(OUTPUT_NODES)[None, :, None] + 3 * np.log(LOAD_NODES)[None, None, :]
    inputs, outputs, loads = np.array([100.0, 5000]), np.array([3.0, 900]), np.array([1.7, 300])
    found = lattice.between(surface[None], np.zeros(2, dtype=int), inputs, outputs, loads)
    assert found == pytest.approx(np.log(inputs) + 2 * np.log(outputs) + 3 * np.log(loads))
