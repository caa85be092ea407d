"""The equations of one replica: monotone in what makes a request longer, and in what makes hardware faster; never above its limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.catalog import Catalog, open_catalog
from giqplan.model.estimate import Setup
from giqplan.recommend.estimator.physics import COMPONENTS, Times, fastest, places, predict
from giqplan.recommend.estimator.replicas import Facts, describe

SETUPS = [
    Setup("meta-llama/Llama-3.1-70B", "vllm", "", "nvidia-h100-80gb", 4, "fp8", "tp4"),
    Setup("meta-llama/Llama-3.1-8B-Instruct", "vllm", "", "nvidia-l4", 1, "fp8"),
    Setup("openai/gpt-oss-120b", "vllm", "", "nvidia-h200-141gb", 2),
    Setup("deepseek-ai/DeepSeek-R1", "sglang", "", "nvidia-b200", 8, "fp4", "tp1dp8"),
    Setup("google/gemma-2-27b-it", "trtllm", "", "nvidia-a100-80gb", 2),
    Setup("meta-llama/Llama-3.3-70B-Instruct", "vllm-tpu", "", "tpu-v6e-slice", 8),
]
LENGTH, LOAD = st.integers(16, 20_000), st.integers(1, 2000)
FEW = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return open_catalog()


@pytest.fixture(scope="module")
def facts(catalog: Catalog) -> Facts:
    replicas, _, refused = describe(SETUPS, catalog, catalog.model)
    assert not refused
    return replicas.facts


def times(facts: Facts, input_tokens: float, output_tokens: float, load: float) -> Times:
    one = np.ones(len(SETUPS))
    return predict(facts, COMPONENTS, input_tokens * one, output_tokens * one, load * one)


@FEW
@given(LENGTH, LENGTH, LOAD)
def test_a_longer_prompt_is_never_answered_sooner(facts: Facts, input_tokens: int, output_tokens: int, load: int) -> None:
    few = float(np.minimum(load, places(facts, 2.0 * input_tokens * np.ones(len(SETUPS)), output_tokens * np.ones(len(SETUPS)))).min())
    short, long = times(facts, input_tokens, output_tokens, few), times(facts, 2 * input_tokens, output_tokens, few)
    assert (long.ttft >= short.ttft).all()
    assert (long.itl >= short.itl).all()


@FEW
@given(LENGTH, LENGTH, LOAD)
def test_more_load_is_never_faster(facts: Facts, input_tokens: int, output_tokens: int, load: int) -> None:
    light, heavy = times(facts, input_tokens, output_tokens, load), times(facts, input_tokens, output_tokens, 2 * load)
    assert (heavy.itl >= light.itl * (1 - 1e-9)).all()
    assert (heavy.ttft >= light.ttft * (1 - 1e-9)).all()


@FEW
@given(LENGTH, LENGTH, LOAD)
@pytest.mark.parametrize("what", ["bandwidth", "flops", "link"])
def test_faster_hardware_is_never_slower(facts: Facts, what: str, input_tokens: int, output_tokens: int, load: int) -> None:
    faster = replace(facts, **{what: 2 * getattr(facts, what)})
    slow, fast = times(facts, input_tokens, output_tokens, load), times(faster, input_tokens, output_tokens, load)
    assert (fast.itl <= slow.itl * (1 + 1e-9)).all()
    assert (fast.ttft <= slow.ttft * (1 + 1e-9)).all()


@FEW
@given(LENGTH, LENGTH, LOAD)
def test_the_hardware_s_limit_is_below_every_server(facts: Facts, input_tokens: int, output_tokens: int, load: int) -> None:
    one = np.ones(len(SETUPS))
    itl, ttft = fastest(facts, input_tokens * one, output_tokens * one, load * one)
    found = times(facts, input_tokens, output_tokens, load)
    assert (itl <= found.itl).all()
    assert (ttft <= found.ttft).all()


def test_one_token_reads_every_weight_of_a_dense_model_once(facts: Facts, catalog: Catalog) -> None:
    model, chip = catalog.model("meta-llama/Llama-3.1-70B"), catalog.accelerator("nvidia-h100-80gb")
    assert model is not None and model.params_active_b and model.vocab and model.hidden and chip is not None
    gigabytes = model.params_active_b - model.vocab * model.hidden / 1e9  # the embedding is looked up, not multiplied
    itl, _ = fastest(facts, *(np.ones(len(SETUPS)) for _ in range(3)))
    assert itl[0] == pytest.approx(gigabytes / 4 / chip.memory_bandwidth_gb_s * 1000, rel=0.001)


def test_more_places_where_less_of_the_memory_is_weights(facts: Facts, catalog: Catalog) -> None:
    two = [replace(SETUPS[0], precision=precision, accelerator_count=8, parallelism="tp8") for precision in ("bf16", "fp8")]
    replicas, _, _ = describe(two, catalog, catalog.model)
    bf16, fp8 = places(replicas.facts, 8192 * np.ones(2), 1024 * np.ones(2))
    assert 1 < bf16 < fp8
