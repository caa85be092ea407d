"""Which replicas of a model are worth a question: counts, tensor-parallel sizes and precisions of a plain deployment."""

from __future__ import annotations

from functools import cache

import pytest

from giqplan.catalog import Catalog, Model, open_catalog
from giqplan.recommend.estimator.memory import Fit, NoFit
from giqplan.recommend.estimator.search import Option, Wanted, newest_version, options, precision_of, replica_counts


@cache
def catalog() -> Catalog:
    return open_catalog()


def model(name: str) -> Model:
    found = catalog().model(name)
    assert found is not None
    return found


def found(name: str, accelerator: str, **wanted: object) -> tuple[Option, ...]:
    chip = catalog().accelerator(accelerator)
    assert chip is not None
    return options(model(name), catalog(), chip, Wanted("vllm", "0.19.0", **wanted))  # type: ignore[arg-type]


def sizes(name: str, accelerator: str, **wanted: object) -> dict[int, bool]:
    return {one.setup.accelerator_count: isinstance(one.memory, Fit) for one in found(name, accelerator, **wanted)}


def test_a_replica_takes_what_a_machine_carries_or_a_power_of_two_below() -> None:
    assert replica_counts(catalog(), "nvidia-l4") == (1, 2, 4, 8)
    assert replica_counts(catalog(), "nvidia-tesla-a100") == (1, 2, 4, 8, 16)
    assert replica_counts(catalog(), "nvidia-b200") == (1, 2, 4, 8), "one machine of eight holds eight replicas of one"
    assert replica_counts(catalog(), "nvidia-rtx-pro-6000") == (1, 2, 4, 8), "a part of a GPU holds none"
    assert replica_counts(catalog(), "nvidia-none") == ()


def test_heads_that_cannot_be_split_leave_a_count_out() -> None:
    # 28 heads and 4 KV heads: over 1, 2 or 4 accelerators
    assert list(sizes("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "nvidia-tesla-a100")) == [1, 2, 4]


def test_a_count_that_is_asked_for_is_answered_if_only_by_why_it_is_not_possible() -> None:
    (one,) = found("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "nvidia-tesla-a100", count=8)
    assert isinstance(one.memory, NoFit)
    assert "28 heads" in one.memory.reason


def test_what_fits_on_few_fits_on_more_of_the_same() -> None:
    for name in ("google/gemma-2-27b-it", "openai/gpt-oss-120b", "deepseek-ai/DeepSeek-R1", "Qwen/Qwen3-32B"):
        for accelerator in ("nvidia-l4", "nvidia-h100-80gb", "nvidia-h200-141gb"):
            fits = list(sizes(name, accelerator).values())
            assert fits == sorted(fits), (name, accelerator, fits)


def test_the_page_s_examples_fit_where_the_page_puts_them() -> None:
    assert sizes("google/gemma-2-27b-it", "nvidia-l4") == {1: False, 2: False, 4: True, 8: True}
    assert sizes("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "nvidia-tesla-a100")[1]
    assert sizes("openai/gpt-oss-20b", "nvidia-h100-80gb")[1]


def test_the_server_must_hold_the_longest_request_it_is_started_for() -> None:
    name = "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"
    assert sizes(name, "nvidia-l4", tokens=4096)[1]
    assert not sizes(name, "nvidia-l4", tokens=131072)[1]


@pytest.mark.parametrize("name", ["openai/gpt-oss-120b", "google/gemma-2-27b-it"])
def test_a_plain_deployment_is_tensor_parallel_over_all_of_a_replica(name: str) -> None:
    for one in found(name, "nvidia-h100-80gb"):
        assert one.setup.parallelism == f"tp{one.setup.accelerator_count}"
        assert (one.setup.model_server, one.setup.model_server_version, one.setup.precision) == ("vllm", "0.19.0", "")


@pytest.mark.parametrize(
    ("name", "asked", "served"),
    [
        ("google/gemma-2-27b-it", "", ""),
        ("google/gemma-2-27b-it", "fp8", "fp8"),
        ("google/gemma-2-27b-it", "bitsandbytes", None),
        ("openai/gpt-oss-20b", "mxfp4", ""),
        ("openai/gpt-oss-20b", "fp8", None),
        ("openai/gpt-oss-20b", "gptq_marlin", None),
    ],
)
def test_weights_are_served_as_they_are_unless_the_user_asks_otherwise(name: str, asked: str, served: str | None) -> None:
    assert precision_of(model(name), asked, streamed=False) == served


def test_the_newest_version_is_the_model_s_own_on_the_accelerator_else_of_the_server() -> None:
    assert newest_version(catalog(), "vllm", model("openai/gpt-oss-120b"), "nvidia-h100-80gb") == "0.18.0"
    assert newest_version(catalog(), "vllm", model("google/gemma-2-27b-it"), "nvidia-l4") == newest_version(catalog(), "vllm") == "0.19.0"
    assert newest_version(catalog(), "none") == ""
