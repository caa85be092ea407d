"""No estimate serves more than what is stated as the most of the same hardware (catalog/maxima.csv), and it keeps its laws."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from giqplan.catalog import Catalog, open_catalog
from giqplan.model.estimate import LoadKind, NoEstimate, Setup
from giqplan.recommend.estimator.ceiling import Maxima
from giqplan.recommend.estimator.door import Estimator, Table
from giqplan.recommend.estimator.lattice import INPUT_NODES, LOAD_NODES, OUTPUT_NODES

SERVERS = ("trtllm", "vllm", "sglang")
SLACK = 1e-9


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return open_catalog()


@pytest.fixture(scope="module")
def estimator(catalog: Catalog) -> Estimator:
    return Estimator(catalog)


@pytest.fixture(scope="module")
def unbounded(estimator: Estimator, catalog: Catalog) -> Estimator:
    """The same without any maximum."""
    found = Estimator(catalog)
    found.__dict__["fitted"] = replace(estimator.fitted, maxima=Maxima({}))
    return found


def ask(estimator: Estimator, setups: list[Setup], questions: np.ndarray) -> Table:
    """Rows of setup, input, output and requests in flight."""
    which, inputs, outputs, load = questions.T
    return estimator.table(setups, which.astype(int), inputs, outputs, np.zeros(len(questions), dtype=bool), load)


def stated(catalog: Catalog, server: str) -> list[Setup]:
    """Every replica of which a maximum is stated, run by ``server``."""
    return sorted({Setup(one.model_id, server, "", one.accelerator, one.accelerator_count, one.precision) for one in catalog.maxima()})


@pytest.mark.parametrize("server", SERVERS)
def test_no_server_serves_more_than_a_tenth_above_the_most_that_is_stated(estimator: Estimator, catalog: Catalog, server: str) -> None:
    """The most: over releases and splits. Shapes of 1,000 and 1,024 tokens are one."""
    most: dict[tuple[Setup, int, int], float] = defaultdict(float)
    for one in catalog.maxima():
        setup = Setup(one.model_id, server, "", one.accelerator, one.accelerator_count, one.precision)
        key = (setup, *(1024 if tokens == 1000 else tokens for tokens in (one.input_tokens, one.output_tokens)))
        most[key] = max(most[key], one.output_tokens_per_second)
    setups = stated(catalog, server)
    number = {setup: index for index, setup in enumerate(setups)}
    rows = np.array([(number[setup], *lengths, load) for setup, *lengths in most for load in LOAD_NODES * 1.0])
    served = ask(estimator, setups, rows).metrics["output_tokens_per_second"][0].reshape(len(most), -1)
    assert np.isfinite(served).all()
    assert (served.max(axis=1) / np.array([*most.values()])).max() < 1.1


def test_without_the_maxima_some_replicas_would_serve_twice_as_much(unbounded: Estimator) -> None:
    gb200 = Setup("Qwen/Qwen3-30B-A3B", "trtllm", "", "nvidia-gb200", 1, "fp4")
    rows = np.array([(0, 128, 128, load) for load in LOAD_NODES])
    assert ask(unbounded, [gb200], rows).metrics["output_tokens_per_second"][0].max() > 2 * 24107


def test_weights_that_this_hardware_multiplies_as_wider_numbers_are_bound_by_what_is_stated_of_those(estimator: Estimator) -> None:
    h200 = [Setup("openai/gpt-oss-120b", "vllm", "", "nvidia-h200-141gb", 1, precision) for precision in ("", "fp8")]
    rows = np.array([(which, 1024, 1024, load) for which in (0, 1) for load in LOAD_NODES])
    assert ask(estimator, h200, rows).metrics["output_tokens_per_second"][0].max() < 1.1 * 6868


def test_requests_beyond_the_maximum_wait(estimator: Estimator, unbounded: Estimator) -> None:
    h100 = Setup("meta-llama/Llama-4-Maverick-17B-128E-Instruct", "trtllm", "", "nvidia-h100-80gb", 8, "fp8")
    rows = np.array([(0, 1000, 1000, load) for load in LOAD_NODES])
    bound, free = ask(estimator, [h100], rows).metrics, ask(unbounded, [h100], rows).metrics
    assert bound["itl_ms"][0] == pytest.approx(free["itl_ms"][0])
    assert bound["ttft_ms"][0, 0] == pytest.approx(free["ttft_ms"][0, 0])
    assert bound["ttft_ms"][0, -4:] == pytest.approx(bound["ntpot_ms"][0, -4:] * 1000 - bound["itl_ms"][0, -4:] * 999)
    assert bound["output_tokens_per_second"][0, -4:] == pytest.approx(bound["output_tokens_per_second"][0, -1])


def test_a_rate_above_the_maximum_has_no_steady_state(estimator: Estimator, unbounded: Estimator) -> None:
    h100 = Setup("meta-llama/Llama-4-Maverick-17B-128E-Instruct", "trtllm", "", "nvidia-h100-80gb", 8, "fp8")
    rate = [1.1 * 9.677]
    assert isinstance(estimator.curve(h100, 1000, 1000, LoadKind.RATE, rate), NoEstimate)
    assert not isinstance(unbounded.curve(h100, 1000, 1000, LoadKind.RATE, rate), NoEstimate)


def test_a_replica_of_which_nothing_is_stated_is_left_as_it_is(estimator: Estimator, unbounded: Estimator) -> None:
    alone = [Setup("google/gemma-2-27b-it", "vllm", "", "nvidia-l4", 4), Setup("openai/gpt-oss-20b", "vllm", "", "nvidia-l4", 1)]
    rows = np.array([(which, 1024, 256, load) for which in (0, 1) for load in LOAD_NODES])
    for metric, values in ask(estimator, alone, rows).metrics.items():
        assert values == pytest.approx(ask(unbounded, alone, rows).metrics[metric], nan_ok=True)


@pytest.mark.parametrize("server", SERVERS[:2])
def test_more_load_and_longer_prompts_are_never_faster_and_more_load_never_serves_less(
    estimator: Estimator, catalog: Catalog, server: str
) -> None:
    setups = stated(catalog, server)
    random = np.random.default_rng(7)
    size = 4000
    which, load = random.integers(0, len(setups), size), np.exp(random.uniform(0, np.log(2048), size))
    inputs, outputs = random.choice(INPUT_NODES[1:9], size), random.choice(OUTPUT_NODES[1:7], size)
    base = np.stack([which, inputs, outputs, load], axis=1)
    found = ask(estimator, setups, base).metrics
    more = ask(estimator, setups, base * [1, 1, 1, 1.3]).metrics
    for metric in ("ttft_ms", "itl_ms", "ntpot_ms", "output_tokens_per_second"):
        assert np.nanmin(more[metric][0] / found[metric][0]) > 1 - (1e-3 if metric.endswith("second") else SLACK)
    longer = ask(estimator, setups, base * [1, 1.3, 1, 1]).metrics
    assert np.nanmin(longer["ntpot_ms"][0] / found["ntpot_ms"][0]) > 1 - SLACK
    assert np.nanmin(longer["itl_ms"][0] / found["itl_ms"][0]) > 0.95  # of requests that wait, fewer run at once


def test_what_bounds_a_replica_is_of_as_many_accelerators_else_of_each_and_of_its_precision_else_of_narrower_ones(
    estimator: Estimator,
) -> None:
    maxima = estimator.fitted.maxima
    (kind,) = [key for key in maxima.rows if key[0].startswith("Llama") and key[1:] == ("nvidia-h100-80gb", "fp8") and "/126/" in key[0]]
    asked = dict(zip(("model", "accelerator", "precision"), kind, strict=True))
    assert {row.accelerators for row in maxima.of(asked, 8)} == {8}
    assert maxima.of(asked, 16) == maxima.of(asked | {"precision": "bf16"}, 16) != ()
    assert maxima.of(asked | {"precision": "int4"}, 8) == ()
    shapes = [row.shape for row in maxima.of(asked, 8)]
    assert len(shapes) == len(set(shapes))
