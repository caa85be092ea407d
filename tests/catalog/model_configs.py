"""config.json files as the catalog's rows imply them, with what a row does not hold filled in by architecture."""

from __future__ import annotations

from typing import Any

from giqplan.catalog import Model

LLAMA_8B: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 131072,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 128256,
}
GPT_OSS_120B: dict[str, Any] = {
    "architectures": ["GptOssForCausalLM"],
    "head_dim": 64,
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "layer_types": ["sliding_attention", "full_attention"] * 18,
    "max_position_embeddings": 131072,
    "num_attention_heads": 64,
    "num_experts_per_tok": 4,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "num_local_experts": 128,
    "quantization_config": {"quant_method": "mxfp4"},
    "sliding_window": 128,
    "vocab_size": 201088,
}
NEMOTRON_56B: dict[str, Any] = {
    "architectures": ["NemotronHForCausalLM"],
    "head_dim": 128,
    "hidden_size": 8192,
    "hybrid_override_pattern": "M-" * 54 + "*" * 10,
    "intermediate_size": 32768,
    "mamba_head_dim": 64,
    "mamba_num_heads": 256,
    "max_position_embeddings": 8192,
    "n_groups": 8,
    "num_attention_heads": 64,
    "num_hidden_layers": 118,
    "num_key_value_heads": 8,
    "ssm_state_size": 256,
    "vocab_size": 131072,
}

_PLAIN = {
    "num_hidden_layers": "layers",
    "hidden_size": "hidden",
    "intermediate_size": "intermediate",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
    "head_dim": "head_dim",
    "vocab_size": "vocab",
    "tie_word_embeddings": "tied_embeddings",
    "max_position_embeddings": "max_context",
    "sliding_window": "sliding_window",
    "num_experts": "experts",
    "num_experts_per_tok": "experts_per_token",
    "first_k_dense_replace": "first_dense_layers",
    "moe_intermediate_size": "moe_intermediate",
    "n_shared_experts": "shared_experts",
    "kv_lora_rank": "kv_lora_rank",
    "qk_rope_head_dim": "qk_rope_head_dim",
}
_LINEAR_VALUE_HEADS = {2048: 32, 2560: 32, 3072: 64, 4096: 64, 5120: 48}


def config_of(model: Model) -> dict[str, Any]:
    """The config.json that the model's row implies."""
    found = {name: getattr(model, field) for name, field in _PLAIN.items()}
    found |= {"architectures": [model.architecture], **_of_attention(model), **_of_family(model)}
    return {name: value for name, value in found.items() if value is not None}


def _of_attention(model: Model) -> dict[str, Any]:
    if model.attention == "hybrid-linear":
        return {
            "linear_key_head_dim": 128,
            "linear_num_key_heads": 16,
            "linear_num_value_heads": _LINEAR_VALUE_HEADS[model.hidden or 0],
            "linear_value_head_dim": 128,
            "shared_expert_intermediate_size": model.moe_intermediate,
        }
    if model.architecture == "GlmMoeDsaForCausalLM":
        return {
            "index_head_dim": 128,
            "index_n_heads": 32,
            "kv_lora_rank": 512,
            "q_lora_rank": 2048,
            "qk_nope_head_dim": 192,
            "v_head_dim": 256,
        }
    if model.attention == "mla":
        low = None if model.architecture == "DeepseekV2ForCausalLM" else 1536
        return {"q_lora_rank": low, "qk_nope_head_dim": 128, "v_head_dim": 128}
    return {}


def _of_family(model: Model) -> dict[str, Any]:
    if model.architecture == "Llama4ForConditionalGeneration":
        return {
            "attention_chunk_size": model.sliding_window,
            "interleave_moe_layer_step": 2 if model.experts == 128 else 1,
            "intermediate_size": model.moe_intermediate,
            "intermediate_size_mlp": model.intermediate,
            "moe_intermediate_size": None,
            "n_shared_experts": None,
        }
    if model.architecture == "Gemma3ForConditionalGeneration":
        return {"vision_config": {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27}}
    return {}
