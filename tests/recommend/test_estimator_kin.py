"""A chip that is another one with more of everything never serves the same replica slower."""

from __future__ import annotations

import numpy as np
import pytest

from giqplan.catalog import Catalog, open_catalog
from giqplan.model.estimate import Setup
from giqplan.recommend.estimator.door import Estimator
from giqplan.recommend.estimator.kin import kin
from giqplan.recommend.estimator.replicas import describe

LATENCIES = ("itl_ms", "ttft_ms")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return open_catalog()


def setup(model: str, server: str, accelerator: str, count: int, precision: str = "") -> Setup:
    return Setup(model, server, "", accelerator, count, precision)


@pytest.mark.parametrize(
    "model", ["meta-llama/Llama-3.1-70B", "meta-llama/Llama-3.1-8B-Instruct", "google/gemma-2-27b-it", "openai/gpt-oss-120b"]
)
@pytest.mark.parametrize("server", ["vllm", "sglang", "trtllm"])
def test_more_bandwidth_is_never_slower(catalog: Catalog, model: str, server: str) -> None:
    """H200 is H100 with more memory that is read faster, A100 80GB is A100 40GB with more; whatever was measured on each."""
    estimator = Estimator(catalog)
    for chips in (("nvidia-h100-80gb", "nvidia-h200-141gb"), ("nvidia-tesla-a100", "nvidia-a100-80gb")):
        setups = [setup(model, server, chip, 8) for chip in chips]
        points = [(i, n, out, load) for i in (0, 1) for n in (200, 1024, 4096) for out in (128, 1024) for load in (1, 16, 300)]
        which, inputs, outputs, loads = (np.array(column) for column in zip(*points, strict=True))
        table = estimator.table(setups, which, inputs.astype(float), outputs.astype(float), loads < 0, loads.astype(float))
        in_place = loads.reshape(2, -1)[0] <= 16  # a larger chip has more places, hence runs more at once, when requests wait for one
        for metric, those in (("itl_ms", in_place), ("ttft_ms", in_place), ("ntpot_ms", loads.reshape(2, -1)[0] > 0)):
            smaller, larger = table.metrics[metric][0].reshape(2, -1)
            assert (larger <= smaller * (1 + 1e-9))[those].all(), (chips, metric)


def test_kin_have_the_same_kind_of_arithmetic_and_everything_at_least_as_good(catalog: Catalog) -> None:
    def larger_than(accelerator: str) -> set[str]:
        replicas, _, _ = describe([setup("meta-llama/Llama-3.1-8B-Instruct", "vllm", accelerator, 1)], catalog, catalog.model)
        family = kin(replicas, catalog)
        names = [one.accelerator for one in family.replicas.setups]
        return {names[larger] for smaller, larger in family.pairs if names[smaller] == accelerator}

    assert larger_than("nvidia-h100-80gb") == {"nvidia-h200-141gb"}
    assert larger_than("nvidia-tesla-a100") == {"nvidia-a100-80gb"}
    assert "nvidia-gb200" in larger_than("nvidia-b200")
    assert not larger_than("nvidia-l4")


def test_kin_that_the_model_does_not_fit_on_are_left_out(catalog: Catalog) -> None:
    replicas, _, _ = describe([setup("meta-llama/Llama-3.1-70B", "vllm", "nvidia-a100-80gb", 2)], catalog, catalog.model)
    assert kin(replicas, catalog).replicas.setups == replicas.setups


def test_an_answer_does_not_depend_on_what_else_is_asked(catalog: Catalog) -> None:
    two = [setup("Qwen/Qwen3-32B", "vllm", chip, 2) for chip in ("nvidia-h100-80gb", "nvidia-h200-141gb")]
    one, none = np.array([1024.0]), np.array([False])
    alone = [Estimator(catalog).table([each], np.array([0]), one, one, none, one * 0 + 16) for each in two]
    together = Estimator(catalog).table(two, np.array([0, 1]), *(np.repeat(column, 2) for column in (one, one, none, one * 0 + 16)))
    for metric in LATENCIES:
        assert list(together.metrics[metric][0]) == [each.metrics[metric][0, 0] for each in alone]
