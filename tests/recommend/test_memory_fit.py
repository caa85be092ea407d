"""Memory: which replicas fit, how much KV cache they have, and what would fit where one does not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from giqplan.catalog import Catalog, Model, open_catalog
from giqplan.errors import RecommendError
from giqplan.recommend.estimator.memory import (
    Fit,
    NoFit,
    Parallelism,
    alternatives,
    fit,
    parallelism_of,
    tensor_parallel_sizes,
    with_remedy,
)

H100, B200, L4 = "nvidia-h100-80gb", "nvidia-b200", "nvidia-l4"
KIB = 1024


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return open_catalog()


def model_of(catalog: Catalog, name: str) -> Model:
    found = catalog.model(name)
    assert found is not None
    return found


def fitted(catalog: Catalog, name: str, accelerator: str, count: int, **how: object) -> Fit | NoFit:
    chip = catalog.accelerator(accelerator)
    assert chip is not None
    return fit(model_of(catalog, name), chip, count, **how)  # type: ignore[arg-type]


def fits(catalog: Catalog, name: str, accelerator: str, count: int, **how: object) -> Fit:
    found = fitted(catalog, name, accelerator, count, **how)
    assert isinstance(found, Fit), found
    return found


def refused(catalog: Catalog, name: str, accelerator: str, count: int, **how: object) -> NoFit:
    found = fitted(catalog, name, accelerator, count, **how)
    assert isinstance(found, NoFit), found
    return found


# What was measured fits


def test_every_measured_configuration_fits(catalog: Catalog) -> None:
    wrong = []
    for curve in catalog.curves():
        profile, model = curve.profile, catalog.model(curve.profile.model_id)
        chip = catalog.accelerator(profile.accelerator)
        if model is None or chip is None or curve.input_tokens is None:
            continue
        tokens = curve.input_tokens + curve.output_tokens if curve.output_tokens else curve.input_tokens
        found = fit(model, chip, profile.accelerator_count, profile.precision, profile.parallelism, profile.model_server, tokens)
        if isinstance(found, NoFit):
            wrong.append((str(profile), found.reason))
    assert wrong == []


# Parallelism


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("", 4, Parallelism(tp=4)),
        ("tp8", 8, Parallelism(tp=8)),
        ("tp2dp4", 8, Parallelism(tp=2, dp=4)),
        ("tp1dp8", 8, Parallelism(dp=8)),
        ("TP4PP2", 8, Parallelism(tp=4, pp=2)),
        ("TP1PP1", 1, Parallelism()),
        ("DEP4", 4, Parallelism(dp=4)),
        ("DEP2PP2", 4, Parallelism(dp=2, pp=2)),
        ("TEP8", 8, Parallelism(tp=8)),
        ("tp8ep8", 8, Parallelism(tp=8)),
    ],
)
def test_parallelism_is_read_as_sources_write_it(text: str, count: int, expected: Parallelism) -> None:
    assert parallelism_of(text, count) == expected


@pytest.mark.parametrize("text", ["8", "tp", "tp0", "tp-2", "tp8x", "xp8", "tp2tp4", "tp4dep2dp2", "tp 8", "tp99999"])
def test_a_parallelism_that_is_not_understood(text: str) -> None:
    found = parallelism_of(text, 8)
    assert isinstance(found, NoFit)
    assert found.code == "GIQ1306"
    assert repr(text) in found.reason


def test_a_parallelism_of_another_number_of_accelerators() -> None:
    found = parallelism_of("tp2dp2", 8)
    assert isinstance(found, NoFit)
    assert "takes 4 accelerators, 8 are asked for" in found.reason


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("meta-llama/Llama-3.1-70B", (1, 2, 4, 8, 16)),
        ("Qwen/Qwen2.5-0.5B", (1, 2)),  # 14 heads
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", (1, 2, 4)),  # 28 heads, 4 KV heads
        ("microsoft/phi-4", (1, 2)),  # 10 KV heads: 4 neither divides them nor is divided by them
        ("deepseek-ai/DeepSeek-R1", (1, 2, 4, 8, 16)),
    ],
)
def test_tensor_parallel_sizes_follow_the_heads(catalog: Catalog, name: str, sizes: tuple[int, ...]) -> None:
    assert tensor_parallel_sizes(model_of(catalog, name), 16) == sizes
    assert tensor_parallel_sizes(model_of(catalog, name), 0) == ()


def test_a_split_that_the_heads_do_not_allow(catalog: Catalog) -> None:
    found = refused(catalog, "microsoft/phi-4", H100, 4)
    assert found.code == "GIQ1306"
    assert "possible: 1, 2" in found.remedy


@pytest.mark.parametrize("count", [0, -1])
def test_no_accelerators_at_all(catalog: Catalog, count: int) -> None:
    assert refused(catalog, "openai/gpt-oss-20b", H100, count).code == "GIQ1306"


# Weights and what is left


def test_weights_are_split_over_the_accelerators(catalog: Catalog) -> None:
    one, four = (fits(catalog, "Qwen/Qwen3-32B", B200, count) for count in (1, 4))
    assert one.weights_gib == pytest.approx(61.02)
    assert four.weights_gib == pytest.approx(61.02 / 4)
    assert fits(catalog, "Qwen/Qwen3-32B", B200, 1, precision="fp8").weights_gib == pytest.approx(31.96)


def test_usable_weights_reserve_and_cache_add_up(catalog: Catalog) -> None:
    found = fits(catalog, "meta-llama/Llama-3.1-70B", H100, 4)
    assert found.usable_gib == pytest.approx(0.9 * 0.99 * 80)
    assert found.kv_gib == pytest.approx(found.usable_gib - found.weights_gib - found.reserve_gib)


def test_copies_of_attention_share_the_experts(catalog: Catalog) -> None:
    """DeepSeek-R1: about 16 of 671 billion parameters are not routed experts; each of 8 copies has them whole."""
    copies, split = (fits(catalog, "deepseek-ai/DeepSeek-R1", B200, 8, precision="fp8", parallelism=p) for p in ("dep8", "tep8"))
    assert split.weights_gib == pytest.approx(626.67 / 8)
    assert 10 < copies.weights_gib - split.weights_gib < 18


def test_copies_of_a_dense_model_are_whole(catalog: Catalog) -> None:
    found = fits(catalog, "Qwen/Qwen3-32B", B200, 4, parallelism="tp2dp2")
    assert found.weights_gib == pytest.approx(61.02 / 2)


def test_servers_count_their_share_of_memory_differently(catalog: Catalog) -> None:
    sglang, trtllm = (fits(catalog, "deepseek-ai/DeepSeek-R1", B200, 4, precision="fp8", model_server=s) for s in ("sglang", "trtllm"))
    vllm = refused(catalog, "deepseek-ai/DeepSeek-R1", B200, 4, precision="fp8", model_server="vllm")
    assert 0 < vllm.missing_gib < sglang.kv_gib < trtllm.kv_gib
    assert trtllm.kv_gib == pytest.approx(0.9 * (0.99 * 180 - trtllm.weights_gib - trtllm.reserve_gib))


# KV cache


def test_grouped_heads_are_split_until_each_accelerator_has_one(catalog: Catalog) -> None:
    two, eight = (fits(catalog, "meta-llama/Llama-3.1-70B", B200, count).kv_bytes(1) for count in (2, 8))
    assert (two, eight) == (320 * KIB / 2, 320 * KIB / 8)


def test_more_accelerators_than_heads_hold_the_cache_several_times(catalog: Catalog) -> None:
    four, eight = (fits(catalog, "Qwen/Qwen3-235B-A22B", B200, count).kv_bytes(1) for count in (4, 8))
    assert four == eight == 192_512 / 4


def test_the_latent_of_mla_stands_whole_on_each_accelerator(catalog: Catalog) -> None:
    assert fits(catalog, "deepseek-ai/DeepSeek-R1", B200, 8, precision="fp8").kv_bytes(1) == 70_272


def test_an_fp8_cache_is_half_as_large(catalog: Catalog) -> None:
    plain, half = (fits(catalog, "Qwen/Qwen3-32B", H100, 2, fp8_cache=cache) for cache in (False, True))
    assert half.kv_bytes(4096) == plain.kv_bytes(4096) / 2
    assert half.max_concurrency(1024, 1024) == pytest.approx(2 * plain.max_concurrency(1024, 1024))


def test_layers_with_a_window_hold_no_more_than_the_window(catalog: Catalog) -> None:
    found = fits(catalog, "openai/gpt-oss-20b", H100, 1)
    assert found.kv_bytes(128) == 128 * 49_152
    assert found.kv_bytes(8192) == 8192 * 24_576 + 128 * 24_576


def test_linear_attention_holds_a_state_whatever_the_length(catalog: Catalog) -> None:
    found = fits(catalog, "Qwen/Qwen3.5-4B", H100, 1)
    assert found.state_bytes == 24 * 2560 * 2 * 128 * 4
    assert found.kv_bytes(1000) == 1000 * 32_768 + found.state_bytes


def test_half_of_the_other_layers_of_a_mamba_hybrid_have_a_state(catalog: Catalog) -> None:
    found = fits(catalog, "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", H100, 1)
    assert found.state_bytes == (52 - 6) / 2 * 2688 * 2 * 128 * 4


def test_the_cache_decides_how_many_requests_fit(catalog: Catalog) -> None:
    found = fits(catalog, "Qwen/Qwen3-32B", H100, 2)
    assert found.max_concurrency(1024, 1024) == pytest.approx(found.kv_tokens / 2048)
    copies = fits(catalog, "Qwen/Qwen3-32B", H100, 4, parallelism="tp2dp2")
    assert copies.max_concurrency(1024, 1024) == pytest.approx(2 * found.max_concurrency(1024, 1024), rel=0.01)


# What does not fit


def test_what_does_not_fit_says_by_how_much_and_what_would(catalog: Catalog) -> None:
    no = refused(catalog, "google/gemma-2-27b-it", L4, 1)
    assert no.code == "GIQ1305"
    assert f"each lacks {no.missing_gib:.1f} GiB" in no.reason
    assert 30 < no.missing_gib < 34
    told = with_remedy(no, model_of(catalog, "google/gemma-2-27b-it"), catalog, "", "vllm", 1, L4)
    assert "4 x nvidia-l4," in told.remedy
    assert "1 x nvidia-h100-80gb" in told.remedy
    assert "2 x nvidia-l4 in fp8" in told.remedy
    assert "1 x nvidia-l4 in int4" in told.remedy
    with pytest.raises(RecommendError, match="GIQ1305"):
        raise told.error()


def test_only_what_does_not_fit_is_told_what_would(catalog: Catalog) -> None:
    no = refused(catalog, "microsoft/phi-4", H100, 4)
    assert with_remedy(no, model_of(catalog, "microsoft/phi-4"), catalog, "", "vllm", 1, H100) == no


def test_what_no_machine_holds(catalog: Catalog) -> None:
    giant = replace(model_of(catalog, "Qwen/Qwen3-32B"), weights_gib_bf16=1e6, weights_gib_fp8=1e6, weights_gib_4bit=1e6)
    chip = catalog.accelerator(B200)
    assert chip is not None
    no = fit(giant, chip, 8)
    assert isinstance(no, NoFit)
    assert with_remedy(no, giant, catalog, "", "vllm", 1, B200).remedy == "no machine of the catalog holds it"


def test_a_cache_too_small_for_one_request_does_not_fit(catalog: Catalog) -> None:
    assert isinstance(fitted(catalog, "Qwen/Qwen3-32B", H100, 1, tokens=2048), Fit)
    no = refused(catalog, "Qwen/Qwen3-32B", H100, 1, tokens=120_000)
    assert no.code == "GIQ1305"
    assert no.missing_gib > 20


def test_a_model_whose_sizes_are_unknown(catalog: Catalog) -> None:
    known = model_of(catalog, "Qwen/Qwen3-32B")
    chip = catalog.accelerator(H100)
    assert chip is not None
    weightless = replace(known, weights_gib_bf16=None, weights_gib_files=None)
    for lacking, what in ((replace(known, kv_bytes_per_token=None), "KV cache"), (weightless, "weights")):
        no = fit(lacking, chip, 2)
        assert isinstance(no, NoFit)
        assert no.code == "GIQ1304"
        assert what in no.reason


def test_alternatives_are_the_smallest_counts_of_each_accelerator(catalog: Catalog) -> None:
    found = {a.accelerator: a for a in alternatives(model_of(catalog, "meta-llama/Llama-3.1-70B"), catalog, tokens=2048)}
    assert found[H100].accelerator_count == 2
    assert found[H100].machine_type == "a3-highgpu-2g"
    assert found["nvidia-a100-80gb"].accelerator_count == 2
    assert found["nvidia-h200-141gb"].accelerator_count == 8  # sold in machines of 8 only
    assert L4 in found
    assert "tpu-v5-lite-podslice" not in found


def test_whatever_is_asked_for_there_is_one_answer_and_it_adds_up(catalog: Catalog) -> None:
    for name in catalog.model_ids():
        model = model_of(catalog, name)
        for chip in catalog.accelerators():
            rooms = []
            for count in (1, 2, 4, 8, 16):
                found = fit(model, chip, count, tokens=2048)
                if isinstance(found, NoFit):
                    assert found.code in ("GIQ1304", "GIQ1305", "GIQ1306") and found.reason and found.remedy
                    assert (found.missing_gib > 0) == (found.code == "GIQ1305")
                    continue
                assert found.kv_gib == pytest.approx(found.usable_gib - found.weights_gib - found.reserve_gib)
                assert found.max_concurrency(1024, 1024) >= found.max_concurrency(4096, 4096) > 0
                rooms.append(found.max_concurrency(1024, 1024))
            assert all(more > 0.99 * fewer for fewer, more in pairwise(rooms))  # buffers of a group may outweigh a model of a few GiB
