"""Decoder architectures out of a Hugging Face config.json: parameters, KV cache of a token, precision of the checkpoint.

Parameters are those of the weight matrices; norms, biases, rotary tables and multi-token-prediction layers are left out: together below
0.1 % of the models known here. Field names and what a missing one means: transformers' configuration classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from giqplan.errors import Place, RecommendError
from giqplan.model.config_dtype import checkpoint_dtype
from giqplan.model.config_fields import Fields
from giqplan.units import digest

_LAYERS, _WIDTH, _HEADS, _VOCAB, _EXPERTS, _CONTEXT = 1000, 1 << 20, 4096, 1 << 24, 1 << 16, 1 << 30
"""The most that is believed; the largest published models stay far below."""

_CACHE_BYTES = 2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Architecture:
    """A decoder, in the terms of the catalog's models; None = it has no such thing. ``kv_bytes_per_token``: at 16 bit, every layer that
    caches; ``.._beyond_window``: of the layers that see the whole context. ``params_active``: touched for one token."""

    name: str
    attention: str
    layers: int
    hidden: int
    intermediate: int | None
    heads: int
    kv_heads: int
    head_dim: int | None
    vocab: int
    tied_embeddings: bool
    max_context: int
    sliding_window: int | None
    full_attention_layers: int | None
    experts: int | None
    experts_per_token: int | None
    shared_experts: int | None
    first_dense_layers: int | None
    moe_intermediate: int | None
    kv_lora_rank: int | None
    qk_rope_head_dim: int | None
    params: int
    params_active: int
    kv_bytes_per_token: int
    kv_bytes_per_token_beyond_window: int
    checkpoint_dtype: str

    @property
    def digest(self) -> str:
        """Of all of it: files that differ in nothing that counts have one digest."""
        return digest(asdict(self))

    @property
    def embeddings(self) -> int:
        """Parameters of the embedding tables, which quantisation leaves at 16 bit."""
        return (1 if self.tied_embeddings else 2) * self.vocab * self.hidden


@dataclass(frozen=True, slots=True)
class _Family:
    """``window``: which layers have one: ``all``, ``flagged`` (where use_sliding_window says so), ``every`` (all but each nth), ``chunk``.
    ``gated``: the MLP has three matrices, else two. ``tied``, ``defaults``: what a missing field means."""

    mixer: str = "grouped"
    window: str = ""
    full_every: int = 2
    gated: bool = True
    tied: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)


_PLAIN, _MLA, _LINEAR = _Family(), _Family("mla"), _Family("linear")
_WINDOWED, _FLAGGED, _CHUNKED = _Family(window="all"), _Family(window="flagged"), _Family(window="chunk")
_GEMMA3 = _Family(
    window="every",
    full_every=6,
    tied=True,
    defaults={
        "vocab_size": 262_208,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "max_position_embeddings": 131_072,
        "sliding_window": 4096,
    },
)
_KNOWN: Mapping[str, _Family] = {
    "DeepseekV2ForCausalLM": _MLA,
    "DeepseekV32ForCausalLM": _MLA,
    "DeepseekV3ForCausalLM": _MLA,
    "Gemma2ForCausalLM": _Family(window="every", tied=True),
    "Gemma3ForCausalLM": _GEMMA3,
    "Gemma3ForConditionalGeneration": _GEMMA3,
    "GemmaForCausalLM": _Family(tied=True),
    "Glm4ForCausalLM": _PLAIN,
    "Glm4MoeForCausalLM": _PLAIN,
    "Glm4MoeLiteForCausalLM": _MLA,
    "GlmForCausalLM": _PLAIN,
    "GlmMoeDsaForCausalLM": _MLA,
    "GptOssForCausalLM": _Family(window="every"),
    "GraniteForCausalLM": _PLAIN,
    "KimiK25ForConditionalGeneration": _MLA,
    "Llama4ForCausalLM": _CHUNKED,
    "Llama4ForConditionalGeneration": _CHUNKED,
    "LlamaForCausalLM": _PLAIN,
    "MiMoForCausalLM": _PLAIN,
    "MiniMaxM2ForCausalLM": _PLAIN,
    "Mistral3ForConditionalGeneration": _WINDOWED,
    "MistralForCausalLM": _WINDOWED,
    "MixtralForCausalLM": _WINDOWED,
    "NemotronHForCausalLM": _Family("mamba", gated=False),
    "Phi3ForCausalLM": _WINDOWED,
    "Qwen2ForCausalLM": _FLAGGED,
    "Qwen2MoeForCausalLM": _FLAGGED,
    "Qwen3ForCausalLM": _FLAGGED,
    "Qwen3MoeForCausalLM": _FLAGGED,
    "Qwen3NextForCausalLM": _LINEAR,
    "Qwen3VLForConditionalGeneration": _PLAIN,
    "Qwen3VLMoeForConditionalGeneration": _PLAIN,
    "Qwen3_5ForCausalLM": _LINEAR,
    "Qwen3_5ForConditionalGeneration": _LINEAR,
    "Qwen3_5MoeForCausalLM": _LINEAR,
    "Qwen3_5MoeForConditionalGeneration": _LINEAR,
}
_BLOCKS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}


def known_architectures() -> tuple[str, ...]:
    """The names that ``architecture_of`` understands, in order."""
    return tuple(_KNOWN)


def architecture_of(config: Mapping[str, Any], file: str) -> Architecture:
    """What ``config``, read from ``file``, describes. Raises RecommendError: GIQ1303 for an architecture that is not known, GIQ1304 for a
    field that is missing or absurd."""
    top = Fields(file, config)
    name = _name(top)
    family = _KNOWN[name]
    fields = top.inner("text_config", family.defaults)
    return _Reader(name, family, top, fields).architecture()


def _name(top: Fields) -> str:
    names = top.words("architectures")
    if not names:
        raise top.wrong("architectures", "is missing")
    name = names[0]
    if not isinstance(name, str):
        raise top.wrong("architectures", "names no class")
    if name not in _KNOWN:
        remedy = f"decoders that are known: {', '.join(_KNOWN)}"
        raise RecommendError("GIQ1303", f"{name[:80]!r} is no architecture that is known", remedy, Place(top.file))
    return name


class _Reader:
    """One pass over the fields of one model: what is common first, then what its layers are."""

    def __init__(self, name: str, family: _Family, top: Fields, fields: Fields) -> None:
        self.name, self.family, self.top, self.fields = name, family, top, fields
        self.layers = fields.count("num_hidden_layers", most=_LAYERS)
        self.hidden = fields.count("hidden_size", most=_WIDTH)
        self.heads = fields.count("num_attention_heads", most=_HEADS)
        self.kv_heads = fields.optional("num_key_value_heads", most=_HEADS) or self.heads
        self.vocab = fields.count("vocab_size", most=_VOCAB)
        if self.heads % self.kv_heads:
            raise fields.wrong("num_key_value_heads", f"is {self.kv_heads}: it does not divide the {self.heads} heads")
        self.mla = family.mixer == "mla" or (family.mixer == "grouped" and fields.get("kv_lora_rank") is not None)
        self.blocks = self._blocks()
        self.experts = fields.optional("num_experts", "num_local_experts", "n_routed_experts", most=_EXPERTS, least=0) or None

    def architecture(self) -> Architecture:
        fields = self.fields
        mla = self.mla
        window, full = self._window()
        each = _CACHE_BYTES * (self._latent() if mla else 2 * self.kv_heads * self.head_dim)
        caching = self._attention_layers()
        beyond = caching if window is None else full
        experts = self._moe_layers() if self.experts else 0
        routed = self._expert_params() * experts if experts else 0
        attention = self.layers * self._mla_params() if mla else self._mixers()
        tied = self.top.flag("tie_word_embeddings", fields.flag("tie_word_embeddings", self.family.tied))
        params = (
            attention + self._mlp_params() + routed * (self.experts or 0) + (1 if tied else 2) * self.vocab * self.hidden + self._vision()
        )
        return Architecture(
            name=self.name,
            attention=self._attention(),
            layers=self.layers,
            hidden=self.hidden,
            intermediate=fields.optional(*self._dense_names, most=_WIDTH),
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_dim=None if mla else self.head_dim,
            vocab=self.vocab,
            tied_embeddings=tied,
            max_context=fields.count("max_position_embeddings", "max_sequence_length", most=_CONTEXT),
            sliding_window=window,
            full_attention_layers=full if window is not None or caching < self.layers else None,
            experts=self.experts,
            experts_per_token=self._per_token() if self.experts else None,
            shared_experts=self._shared() // self._moe_width() if self.experts else None,
            first_dense_layers=fields.optional("first_k_dense_replace", most=self.layers, least=0) if self.experts else None,
            moe_intermediate=self._moe_width() if self.experts else None,
            kv_lora_rank=fields.count("kv_lora_rank", most=_WIDTH) if mla else None,
            qk_rope_head_dim=fields.count("qk_rope_head_dim", most=_WIDTH) if mla else None,
            params=params,
            params_active=params - routed * (self.experts - self._per_token()) if self.experts else params,
            kv_bytes_per_token=caching * each,
            kv_bytes_per_token_beyond_window=beyond * each,
            checkpoint_dtype=checkpoint_dtype(self.top, fields),
        )

    @property
    def head_dim(self) -> int:
        stated = self.fields.optional("head_dim", "attention_head_dim", most=_WIDTH)
        if stated is None and self.hidden % self.heads:
            raise self.fields.wrong(
                "hidden_size", f"is {self.hidden}: it does not divide by the {self.heads} heads, and head_dim is missing"
            )
        return stated or self.hidden // self.heads

    # Which layer is what

    def _blocks(self) -> list[str]:
        """What each layer is: ``attention``, ``window``, ``linear``; of Mamba hybrids also ``mamba``, ``mlp``, ``moe``. [] = not said."""
        if self.family.mixer == "mamba":
            return self._pattern()
        told = {"full_attention": "attention", "sliding_attention": "window", "chunked_attention": "window", "linear_attention": "linear"}
        found = self.fields.words("layer_types")
        for one in found:
            if not isinstance(one, str) or one not in told:
                raise self.fields.wrong("layer_types", f"holds {str(one)[:40]!r}: one of {', '.join(told)} is wanted")
        return self._of_all_layers("layer_types", [told[one] for one in found])

    def _pattern(self) -> list[str]:
        text = self.fields.get("hybrid_override_pattern")
        listed = self.fields.words("layers_block_type")
        if not isinstance(text, str) and not listed:
            raise self.fields.wrong("hybrid_override_pattern", "is missing")
        name = "hybrid_override_pattern" if isinstance(text, str) else "layers_block_type"
        found = [_BLOCKS.get(one, "") for one in text] if isinstance(text, str) else list(listed)
        if not set(map(str, found)) <= set(_BLOCKS.values()):
            raise self.fields.wrong(name, f"holds a layer that is none of {', '.join(_BLOCKS.values())}")
        return self._of_all_layers(name, found)

    def _of_all_layers(self, name: str, found: list[T]) -> list[T]:
        if found and len(found) != self.layers:
            raise self.fields.wrong(name, f"is of {len(found)} layers, num_hidden_layers is {self.layers}")
        return found

    def _attention_layers(self) -> int:
        """Layers that cache keys and values."""
        if self.blocks:
            return self.blocks.count("attention") + self.blocks.count("window")
        if self.family.mixer == "linear":
            return self.layers // (self.fields.optional("full_attention_interval", most=self.layers) or 4)
        return self.layers

    def _window(self) -> tuple[int | None, int]:
        """The window, None = no layer has one; and how many layers see the whole context."""
        family, fields, caching = self.family, self.fields, self._attention_layers()
        if not family.window or (family.window == "flagged" and not fields.flag("use_sliding_window", False)):
            return None, caching
        name = "attention_chunk_size" if family.window == "chunk" else "sliding_window"
        size = fields.optional(name, most=_CONTEXT)
        if size is None or size >= fields.count("max_position_embeddings", most=_CONTEXT):
            return None, caching
        if self.blocks:
            return size, self.blocks.count("attention")
        if family.window == "every":
            return size, self.layers // (
                fields.optional("sliding_window_pattern", "_sliding_window_pattern", most=_LAYERS) or family.full_every
            )
        if family.window == "chunk":
            rotary = self._of_all_layers("no_rope_layers", list(fields.words("no_rope_layers")))
            return size, rotary.count(0) if rotary else self.layers // 4
        return size, fields.optional("max_window_layers", most=self.layers, least=0) or 0 if family.window == "flagged" else 0

    def _moe_layers(self) -> int:
        fields = self.fields
        if self.family.mixer == "mamba":
            return self.blocks.count("moe")
        if listed := fields.words("moe_layers"):
            return min(len(listed), self.layers)
        if step := fields.optional("interleave_moe_layer_step", most=self.layers):
            return self.layers // step
        dense = fields.optional("first_k_dense_replace", most=self.layers, least=0) or 0
        step = fields.optional("decoder_sparse_step", most=self.layers) or 1
        return max(self.layers // step - dense - len(fields.words("mlp_only_layers")), 0)

    # Parameters

    def _mixers(self) -> int:
        attention, gate = self._attention_layers(), 2 if self.family.mixer == "linear" else 1
        found = attention * self.hidden * self.head_dim * ((1 + gate) * self.heads + 2 * self.kv_heads)
        if self.family.mixer == "linear":
            return found + (self.layers - attention) * self._linear_params()
        return found + (self.blocks.count("mamba") * self._mamba_params() if self.family.mixer == "mamba" else 0)

    def _linear_params(self) -> int:
        keys, values = (self.fields.count(f"linear_num_{what}_heads", most=_HEADS) for what in ("key", "value"))
        key_dim, value_dim = (self.fields.count(f"linear_{what}_head_dim", most=_WIDTH) for what in ("key", "value"))
        return self.hidden * (2 * keys * key_dim + 3 * values * value_dim + 2 * values)

    def _mamba_params(self) -> int:
        fields = self.fields
        heads = fields.count("mamba_num_heads", most=_HEADS)
        inner = heads * fields.count("mamba_head_dim", most=_WIDTH)
        states = fields.count("n_groups", most=_HEADS) * fields.count("ssm_state_size", most=_WIDTH)
        return self.hidden * (3 * inner + 2 * states + heads)

    def _latent(self) -> int:
        """Numbers of the latent that MLA caches of a token and layer."""
        return self.fields.count("kv_lora_rank", most=_WIDTH) + self.fields.count("qk_rope_head_dim", most=_WIDTH)

    def _mla_params(self) -> int:
        fields, hidden, heads = self.fields, self.hidden, self.heads
        rank, rotary = fields.count("kv_lora_rank", most=_WIDTH), fields.count("qk_rope_head_dim", most=_WIDTH)
        plain, value = fields.count("qk_nope_head_dim", most=_WIDTH), fields.count("v_head_dim", most=_WIDTH)
        queries, low = heads * (plain + rotary), fields.optional("q_lora_rank", most=_WIDTH)
        found = hidden * queries if low is None else hidden * low + low * queries
        found += hidden * (rank + rotary) + rank * heads * (plain + value) + heads * value * hidden
        if indexers := fields.optional("index_n_heads", most=_HEADS):
            width = fields.count("index_head_dim", most=_WIDTH)
            found += (low or hidden) * indexers * width + hidden * (width + indexers)
        return found

    @property
    def _dense_names(self) -> tuple[str, ...]:
        return ("intermediate_size_mlp", "intermediate_size") if self.family.window == "chunk" else ("intermediate_size",)

    def _moe_width(self) -> int:
        return self.fields.count("moe_intermediate_size", "intermediate_size", most=_WIDTH)

    def _per_token(self) -> int:
        return self.fields.count("num_experts_per_tok", "experts_per_token", "num_experts_per_token", most=self.experts or 1)

    def _shared(self) -> int:
        """Width of the experts that every token passes."""
        if self.family.window == "chunk":
            return self._moe_width()
        width = self.fields.optional("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", most=_WIDTH, least=0)
        count = self.fields.optional("n_shared_experts", most=_EXPERTS, least=0)
        return (self._moe_width() if width is None else width) * ((0 if width is None else 1) if count is None else count)

    def _matrices(self) -> int:
        return 3 if self.family.gated else 2

    def _expert_params(self) -> int:
        within = self.fields.optional("moe_latent_size", most=_WIDTH) or self.hidden
        return self._matrices() * within * self._moe_width()

    def _mlp_params(self) -> int:
        """All MLPs but the routed experts: dense layers, shared experts, routers, and the way into a latent space of experts."""
        sparse = self._moe_layers() if self.experts else 0
        dense = self.blocks.count("mlp") if self.family.mixer == "mamba" else self.layers - sparse
        found = dense * self._matrices() * self.hidden * self.fields.count(*self._dense_names, most=_WIDTH) if dense else 0
        if sparse:
            latent = self.fields.optional("moe_latent_size", most=_WIDTH) or 0
            each = self._matrices() * self.hidden * self._shared() + self.hidden * (self.experts or 0) + 2 * self.hidden * latent
            found += sparse * each
        return found

    def _vision(self) -> int:
        """The transformer of a vision tower, where the file describes one in the usual words."""
        if not isinstance(self.top.get("vision_config"), dict):
            return 0
        tower = self.top.inner("vision_config")
        layers = tower.optional("num_hidden_layers", "depth", most=_LAYERS)
        hidden, wide = tower.optional("hidden_size", most=_WIDTH), tower.optional("intermediate_size", most=_WIDTH)
        return layers * hidden * (4 * hidden + 2 * wide) if layers and hidden and wide else 0

    def _attention(self) -> str:
        if self.mla:
            return "mla"
        if self.family.mixer != "grouped":
            return f"hybrid-{self.family.mixer}"
        return "mha" if self.kv_heads == self.heads else "mqa" if self.kv_heads == 1 else "gqa"
