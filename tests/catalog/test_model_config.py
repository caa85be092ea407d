"""A config.json as a catalog model: checked against the catalog's own rows, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from model_configs import GPT_OSS_120B, LLAMA_8B, NEMOTRON_56B, config_of

from giqplan.catalog import Catalog, Model, open_catalog
from giqplan.catalog.model_config import model_of, read_model
from giqplan.errors import GiqplanError
from giqplan.model.architecture import architecture_of, known_architectures


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return open_catalog()


def written(folder: Path, value: object) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


def read(folder: Path, value: object) -> Model:
    return read_model(written(folder, value), "me/mine")


def error_of(folder: Path, value: object) -> GiqplanError:
    with pytest.raises(GiqplanError) as caught:
        read(folder, value)
    return caught.value


def changed(config: Mapping[str, Any], **fields: object) -> dict[str, Any]:
    return {name: value for name, value in {**config, **fields}.items() if value is not None}


# Against the catalog

NOMINAL = {"Qwen3VL", "Qwen3VLMoe", "Qwen3_5", "Qwen3_5Moe"}
"""Families whose rows hold the number of the model's name (2B of a Qwen3-VL whose decoder has 1.72 billion): no figure to check against."""

MISTRAL_V01 = ("mistralai/Mistral-7B-Instruct-v0.1", "mistralai/Mistral-7B-v0.1")
"""The catalog has the smaller of two contexts, which is the window: no token lies beyond it."""


def complete(catalog: Catalog) -> list[Model]:
    models = [model for name in catalog.model_ids() if (model := catalog.model(name))]
    full = [m for m in models if m.layers and m.hidden and m.heads and m.vocab and m.max_context and m.attention != "hybrid-mamba"]
    return [m for m in full if m.architecture in known_architectures()]


def test_parameters_follow_from_the_fields_within_three_percent(catalog: Catalog) -> None:
    far = []
    for model in complete(catalog):
        if model.architecture.split("For")[0] in NOMINAL:
            continue
        found = model_of(architecture_of(config_of(model), "config.json"), model.model_id, "config.json")
        for field in ("params_b", "params_active_b", "weights_gib_bf16", "weights_gib_fp8", "weights_gib_4bit"):
            ours, theirs = getattr(found, field), getattr(model, field)
            if theirs is not None and abs(ours / theirs - 1) > 0.03:
                far.append((model.model_id, field, theirs, ours))
    assert far == []
    assert len(complete(catalog)) > 170


def test_the_cache_of_a_token_follows_exactly(catalog: Catalog) -> None:
    wrong = []
    for model in complete(catalog):
        found = model_of(architecture_of(config_of(model), "config.json"), model.model_id, "config.json")
        for field in ("kv_bytes_per_token", "kv_bytes_per_token_beyond_window", "full_attention_layers", "sliding_window", "attention"):
            ours, theirs = getattr(found, field), getattr(model, field)
            if theirs is not None and ours != theirs and not (field == "sliding_window" and model.model_id in MISTRAL_V01):
                wrong.append((model.model_id, field, theirs, ours))
    assert wrong == []


def test_what_the_fields_say_stands_in_the_model(catalog: Catalog) -> None:
    fields = ("layers", "hidden", "intermediate", "heads", "kv_heads", "head_dim", "vocab", "tied_embeddings", "max_context")
    fields += ("experts", "experts_per_token", "shared_experts", "first_dense_layers", "moe_intermediate", "kv_lora_rank")
    for model in complete(catalog):
        found = model_of(architecture_of(config_of(model), "config.json"), model.model_id, "config.json")
        for field in fields:
            if getattr(model, field) is not None:
                assert getattr(found, field) == getattr(model, field), (model.model_id, field)


# One of a kind


def test_a_dense_model(tmp_path: Path) -> None:
    found = read(tmp_path, LLAMA_8B)
    assert (found.params_b, found.params_active_b) == (8.03, 8.03)
    assert (found.weights_gib_bf16, found.weights_gib_fp8, found.weights_gib_4bit) == (14.96, 8.46, 5.61)
    assert found.kv_bytes_per_token == found.kv_bytes_per_token_beyond_window == 131_072
    assert (found.head_dim, found.checkpoint_dtype, found.gated) == (128, "bf16", None)
    assert found.sources == (f"{tmp_path / 'config.json'}: computed from its fields",)


def test_a_text_model_inside_another(tmp_path: Path) -> None:
    """Gemma 3 writes down only what differs from the defaults of its class."""
    text = {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024}
    tower = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27}
    found = read(tmp_path, {"architectures": ["Gemma3ForConditionalGeneration"], "text_config": text, "vision_config": tower})
    assert found.params_b == pytest.approx(4.3, rel=0.01)
    assert (found.kv_bytes_per_token, found.kv_bytes_per_token_beyond_window) == (139_264, 20_480)
    assert (found.max_context, found.tied_embeddings) == (131_072, True)


def test_layers_that_the_file_lists_one_by_one(tmp_path: Path) -> None:
    found = read(tmp_path, GPT_OSS_120B)
    assert (found.full_attention_layers, found.sliding_window) == (18, 128)
    assert (found.params_b, found.params_active_b) == (116.789, 5.71)
    assert found.checkpoint_dtype == "mxfp4"


def test_a_window_as_long_as_the_context_is_none(tmp_path: Path) -> None:
    found = read(tmp_path, changed(LLAMA_8B, architectures=["Phi3ForCausalLM"], sliding_window=262_144))
    assert found.sliding_window is None
    assert found.kv_bytes_per_token_beyond_window == found.kv_bytes_per_token


def test_a_window_of_all_layers_bounds_the_cache(tmp_path: Path) -> None:
    found = read(tmp_path, changed(LLAMA_8B, architectures=["MistralForCausalLM"], sliding_window=4096))
    assert (found.full_attention_layers, found.kv_bytes_per_token_beyond_window) == (0, 0)


@pytest.mark.parametrize(("used", "window", "full"), [(False, None, None), (True, 4096, 28)])
def test_qwens_window_counts_where_it_is_used(tmp_path: Path, used: bool, window: int | None, full: int | None) -> None:
    qwen = changed(LLAMA_8B, architectures=["Qwen2ForCausalLM"], sliding_window=4096, use_sliding_window=used, max_window_layers=28)
    found = read(tmp_path, qwen)
    assert (found.sliding_window, found.full_attention_layers) == (window, full)


def test_llama_4_lists_its_layers_without_rotation(tmp_path: Path) -> None:
    listed = changed(LLAMA_8B, architectures=["Llama4ForCausalLM"], attention_chunk_size=8192, no_rope_layers=[1, 0] * 16)
    assert read(tmp_path, listed).full_attention_layers == 16


def test_llama_4_lists_its_sparse_layers(tmp_path: Path) -> None:
    scout = {"num_local_experts": 16, "num_experts_per_tok": 1, "intermediate_size_mlp": 16384, "intermediate_size": 8192}
    by_step = read(tmp_path, changed(LLAMA_8B, architectures=["Llama4ForCausalLM"], interleave_moe_layer_step=2, **scout))
    listed = read(tmp_path, changed(LLAMA_8B, architectures=["Llama4ForCausalLM"], moe_layers=list(range(1, 32, 2)), **scout))
    assert listed.params_b == by_step.params_b
    assert listed.shared_experts == 1


def test_the_outer_model_says_whether_embeddings_are_tied(tmp_path: Path) -> None:
    inner = changed(LLAMA_8B, tie_word_embeddings=True)
    for outer, tied in (({}, True), ({"tie_word_embeddings": False}, False)):
        nested = {"architectures": ["Mistral3ForConditionalGeneration"], "text_config": inner, **outer}
        assert read(tmp_path, nested).tied_embeddings is tied


def test_a_latent_in_a_mistral_makes_it_mla(tmp_path: Path) -> None:
    latent = {"kv_lora_rank": 256, "qk_rope_head_dim": 64, "qk_nope_head_dim": 64, "v_head_dim": 128, "q_lora_rank": 1024}
    found = read(tmp_path, changed(LLAMA_8B, architectures=["Mistral3ForConditionalGeneration"], num_key_value_heads=32, **latent))
    assert (found.attention, found.kv_bytes_per_token) == ("mla", 32 * 2 * (256 + 64))


def test_a_mamba_hybrid(tmp_path: Path) -> None:
    found = read(tmp_path, NEMOTRON_56B)
    assert found.params_b == pytest.approx(56, rel=0.02)
    assert (found.attention, found.full_attention_layers) == ("hybrid-mamba", 10)
    assert found.kv_bytes_per_token == 10 * 2 * 8 * 128 * 2


def test_nemotron_names_the_width_of_a_head_otherwise(tmp_path: Path) -> None:
    assert read(tmp_path, changed(NEMOTRON_56B, head_dim=None, attention_head_dim=96)).head_dim == 96


def test_a_mamba_hybrid_with_experts_in_a_list_of_blocks(tmp_path: Path) -> None:
    nano = changed(
        NEMOTRON_56B,
        hidden_size=2688,
        num_attention_heads=32,
        num_key_value_heads=2,
        hybrid_override_pattern=None,
        layers_block_type=["mamba", "moe"] * 23 + ["attention"] * 6,
        num_hidden_layers=52,
        mamba_num_heads=64,
        ssm_state_size=128,
        n_routed_experts=128,
        num_experts_per_tok=6,
        n_shared_experts=1,
        moe_intermediate_size=1856,
        moe_shared_expert_intermediate_size=3712,
    )
    found = read(tmp_path, nano)
    assert found.params_b == pytest.approx(31.6, rel=0.01)
    assert found.kv_bytes_per_token == 6144


def test_no_experts_are_as_good_as_none(tmp_path: Path) -> None:
    found = read(tmp_path, changed(LLAMA_8B, num_experts=0, num_experts_per_tok=0))
    assert (found.experts, found.params_b) == (None, 8.03)


def test_some_layers_of_a_mixture_are_dense(tmp_path: Path) -> None:
    moe = changed(LLAMA_8B, architectures=["Qwen3MoeForCausalLM"], num_experts=8, num_experts_per_tok=2, moe_intermediate_size=1024)
    all_sparse, some_dense, every_second = (
        read(tmp_path, changed(moe, **more)).params_b or 0 for more in ({}, {"mlp_only_layers": [0, 1]}, {"decoder_sparse_step": 2})
    )
    assert some_dense - all_sparse == pytest.approx(2 * (3 * 4096 * (14336 - 8 * 1024) - 4096 * 8) / 1e9, abs=0.002)
    assert every_second > some_dense


_MIXED = {"a": {"quant_algo": "FP8"}, "b": {"quant_algo": "NVFP4"}, "c": {"quant_algo": "NVFP4"}}


@pytest.mark.parametrize(
    ("how", "dtype"),
    [
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        ({"quant_method": "awq", "bits": 4}, "awq-int4"),
        ({"quant_method": "gptq", "bits": 8}, "gptq-int8"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "FP8_PB_WO"}, "fp8"),
        ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": _MIXED}, "nvfp4"),
        ({"quant_method": "auto-round", "bits": 4}, "int4"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "int4"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8"),
        ({"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"}, "nvfp4"),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}}}, "fp8"),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}}}, "int4"),
    ],
)
def test_the_precision_of_a_quantised_checkpoint(tmp_path: Path, how: dict[str, Any], dtype: str) -> None:
    assert read(tmp_path, changed(LLAMA_8B, quantization_config=how)).checkpoint_dtype == dtype
    inside = {"architectures": ["KimiK25ForConditionalGeneration"], "text_config": changed(LLAMA_8B, quantization_config=how)}
    inside["text_config"] |= {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128}
    assert read(tmp_path, inside).checkpoint_dtype == dtype


@pytest.mark.parametrize(
    ("fields", "dtype"),
    [({"torch_dtype": "float16"}, "fp16"), ({"torch_dtype": None, "dtype": "bfloat16"}, "bf16"), ({"torch_dtype": None}, "")],
)
def test_the_precision_of_a_plain_checkpoint(tmp_path: Path, fields: dict[str, Any], dtype: str) -> None:
    assert read(tmp_path, changed(LLAMA_8B, **fields)).checkpoint_dtype == dtype


# What is refused


@pytest.mark.parametrize(
    "name", ["BertModel", "MambaForCausalLM", "T5ForConditionalGeneration", "LlamaForSequenceClassification", "x" * 500]
)
def test_an_architecture_that_is_not_known(tmp_path: Path, name: str) -> None:
    error = error_of(tmp_path, changed(LLAMA_8B, architectures=[name]))
    assert error.code == "GIQ1303"
    assert name[:80] in error.detail and len(error.detail) < 200
    assert "LlamaForCausalLM" in error.remedy
    assert str(error.place) == str(tmp_path / "config.json")


@pytest.mark.parametrize("field", [name for name in LLAMA_8B if name not in ("num_key_value_heads", "tie_word_embeddings", "torch_dtype")])
def test_a_field_that_is_missing(tmp_path: Path, field: str) -> None:
    error = error_of(tmp_path, changed(LLAMA_8B, **{field: None}))
    assert (error.code, error.detail) == ("GIQ1304", f"{field} is missing")
    assert str(error.place) == str(tmp_path / "config.json")


@pytest.mark.parametrize("value", [0, -1, 10**9 * 10**9, 1.5, 4096.0, "4096", True, [1], {"a": 1}])
@pytest.mark.parametrize("field", ["num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size", "max_position_embeddings"])
def test_a_field_that_is_absurd(tmp_path: Path, field: str, value: object) -> None:
    error = error_of(tmp_path, changed(LLAMA_8B, **{field: value}))
    assert error.code == "GIQ1304"
    assert error.detail.startswith(f"{field} is {json.dumps(value)}: a whole number from 1 to ")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused_where_it_counts(tmp_path: Path, number: str) -> None:
    text = json.dumps({**LLAMA_8B, "hidden_size": 0}).replace('"hidden_size": 0', f'"hidden_size": {number}')
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(GiqplanError) as caught:
        read_model(tmp_path / "config.json", "me/mine")
    assert caught.value.code == "GIQ1304"
    assert caught.value.detail.startswith("hidden_size is ")
    harmless = json.dumps(NEMOTRON_56B)[:-1] + f', "time_step_limit": [0.0, {number}]}}'
    (tmp_path / "config.json").write_text(harmless, encoding="utf-8")
    assert read_model(tmp_path / "config.json", "me/mine").layers == 118


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"num_key_value_heads": 5}, "num_key_value_heads is 5: it does not divide the 32 heads"),
        ({"num_attention_heads": 24, "hidden_size": 4097}, "hidden_size is 4097: it does not divide by the 24 heads"),
        ({"architectures": "LlamaForCausalLM"}, "architectures is"),
        ({"architectures": []}, "architectures is missing"),
        ({"architectures": [7]}, "architectures names no class"),
        ({"tie_word_embeddings": "no"}, "tie_word_embeddings is"),
        ({"layer_types": ["full_attention"]}, "layer_types is of 1 layers, num_hidden_layers is 32"),
        ({"layer_types": ["full_attention"] * 31 + ["conv"]}, "layer_types holds 'conv'"),
        ({"num_experts": 8, "num_experts_per_tok": 9}, "num_experts_per_tok is 9"),
        ({"num_experts": 8}, "num_experts_per_tok is missing"),
        ({"quantization_config": []}, "quantization_config is no object"),
        ({"quantization_config": {"quant_method": "aqlm"}}, "quantization_config.quant_method is 'aqlm'"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 3}}, "quantization_config.bits is 3"),
        ({"quantization_config": {"quant_method": "modelopt"}}, "quantization_config.quant_algo is 'None'"),
        (
            {"quantization_config": {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}},
            "quantization_config.quant_algo is 'MIXED",
        ),
        ({"quantization_config": {"quant_method": "compressed-tensors"}}, "quantization_config.config_groups says nothing"),
    ],
)
def test_fields_that_contradict_each_other_or_mean_nothing(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    error = error_of(tmp_path, {**LLAMA_8B, **fields})
    assert error.code == "GIQ1304"
    assert error.detail.startswith(said)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"hybrid_override_pattern": None}, "hybrid_override_pattern is missing"),
        ({"hybrid_override_pattern": "X" * 118}, "hybrid_override_pattern holds a layer"),
        ({"hybrid_override_pattern": "M"}, "hybrid_override_pattern is of 1 layers"),
        ({"ssm_state_size": None}, "ssm_state_size is missing"),
    ],
)
def test_a_pattern_of_layers_that_cannot_be(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    error = error_of(tmp_path, changed(NEMOTRON_56B, **fields))
    assert error.code == "GIQ1304"
    assert error.detail.startswith(said)


def test_a_field_inside_is_named_with_its_place(tmp_path: Path) -> None:
    error = error_of(tmp_path, {"architectures": ["Llama4ForConditionalGeneration"], "text_config": changed(LLAMA_8B, hidden_size=-8)})
    assert error.detail.startswith("text_config.hidden_size is -8")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe\x00",
        b'{"hidden_size": ' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b" " * (1 << 20) + b"{}",
    ],
)
def test_what_is_no_config_json(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(content)
    with pytest.raises(GiqplanError) as caught:
        read_model(file, "me/mine")
    assert caught.value.code == "GIQ1019"
    assert len(caught.value.detail) < 400


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for file in (tmp_path / "nowhere.json", tmp_path, Path("a\0b")):
        with pytest.raises(GiqplanError) as caught:
            read_model(file, "me/mine")
        assert caught.value.code == "GIQ1019"


# Beside what the catalog knows


def test_the_file_wins_and_the_catalog_adds_what_no_file_says(catalog: Catalog, tmp_path: Path) -> None:
    known = catalog.model("openai/gpt-oss-120b")
    assert known is not None
    found = read_model(written(tmp_path, changed(GPT_OSS_120B, max_position_embeddings=8192)), "gpt-oss-120b", known)
    assert (found.model_id, found.architecture_group, found.gated) == (known.model_id, known.architecture_group, known.gated)
    assert found.max_context == 8192


def test_a_file_of_another_model_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(GiqplanError) as caught:
        read_model(written(tmp_path, LLAMA_8B), "openai/gpt-oss-120b", catalog.model("openai/gpt-oss-120b"))
    assert caught.value.code == "GIQ1307"
    assert "layers 32, the catalog has 36" in caught.value.detail


def test_a_catalog_with_one_more_model(catalog: Catalog, tmp_path: Path) -> None:
    mine = read(tmp_path, LLAMA_8B)
    more = catalog.with_model(mine, "Mine")
    assert more.model("ME/MINE") is more.model("mine") is mine
    assert catalog.model("me/mine") is None
    assert more.curves_for("me/mine") == ()
    assert more.curves_for("openai/gpt-oss-120b") == catalog.curves_for("openai/gpt-oss-120b")
    assert more.digest == catalog.digest


def test_the_digest_is_of_what_counts(tmp_path: Path) -> None:
    one, same, other = (
        architecture_of(config, "config.json").digest
        for config in (LLAMA_8B, changed(LLAMA_8B, transformers_version="4.57"), changed(LLAMA_8B, num_hidden_layers=33))
    )
    assert one == same != other


ODD = (None, 0, -1, 1, 7, 10**30, 1.5, True, "x", "", [], [0], ["x"], [{}], {}, {"a": 1}, {"a": {}}, {"num_hidden_layers": []})


@pytest.mark.parametrize("sample", [LLAMA_8B, GPT_OSS_120B, NEMOTRON_56B], ids=["llama", "gpt-oss", "nemotron"])
def test_whatever_stands_in_a_field_is_a_model_or_an_error_of_ours(tmp_path: Path, sample: dict[str, Any]) -> None:
    names = {name for config in (LLAMA_8B, GPT_OSS_120B, NEMOTRON_56B) for name in config} - {"architectures"}
    names |= {"text_config", "vision_config", "no_rope_layers", "moe_layers", "mlp_only_layers", "sliding_window_pattern", "kv_lora_rank"}
    names |= {"layers_block_type", "moe_latent_size", "n_shared_experts", "use_sliding_window", "dtype", "architectures"}
    quantised = ({"quant_method": method, key: odd} for odd in ODD for method, key in QUANTISED)
    for name, value in [*((name, odd) for name in sorted(names) for odd in ODD), *(("quantization_config", how) for how in quantised)]:
        try:
            found = model_of(architecture_of({**sample, name: value}, "config.json"), "me/mine", "config.json")
        except GiqplanError as error:
            assert error.code in ("GIQ1303", "GIQ1304"), (name, value)
        else:
            assert (found.params_b or 0) >= (found.params_active_b or 0) > 0, (name, value)


QUANTISED = (
    ("compressed-tensors", "config_groups"),
    ("compressed-tensors", "format"),
    ("modelopt", "quant_algo"),
    ("modelopt", "quantized_layers"),
    ("gptq", "bits"),
    ("bitsandbytes", "load_in_4bit"),
    ("fp8", "modules_to_not_convert"),
)
