"""A catalog model out of a Hugging Face config.json, for models that the catalog lacks."""

from __future__ import annotations

from pathlib import Path

from giqplan.catalog.values import Model
from giqplan.errors import IntentError, Place, RecommendError
from giqplan.model.architecture import Architecture, architecture_of
from giqplan.model.config_fields import MAX_BYTES, parse_config

_GIB = 2**30
_BYTES = {"bf16": 2.0, "fp8": 1.0, "4bit": 0.5625}
"""Per parameter; 4 bits and a scale of 8 for each 16. Embeddings are kept at 2 bytes (as catalog/models.csv counts)."""

_SAME = ("layers", "hidden", "heads", "kv_heads", "vocab", "experts", "kv_lora_rank")
"""What makes two models one architecture, so that one's measurements hold for the other."""


def read_model(path: Path, model_id: str, known: Model | None = None) -> Model:
    """The model that the file describes, under the name ``model_id``; ``known``: what the catalog has under this name.

    Raises:
        IntentError: GIQ1019, the file cannot be read as a config.json.
        RecommendError: GIQ1303, GIQ1304, GIQ1307.
    """
    try:
        with path.open("rb") as file:
            config = parse_config(file.read(MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise IntentError("GIQ1019", reason, "name a Hugging Face config.json", Place(str(path))) from None
    return model_of(architecture_of(config, str(path)), model_id, str(path), known)


def model_of(found: Architecture, model_id: str, file: str, known: Model | None = None) -> Model:
    """``found``, read from ``file``, as a model. What a config.json does not say (licence, gating, siblings that share curves) stays what
    the catalog says of ``known``; raises RecommendError (GIQ1307) where the file describes another model than that one."""
    if known is not None:
        _must_agree(found, known, file)
    sizes = {precision: _weights_gib(found, each) for precision, each in _BYTES.items()}
    return Model(
        model_id=model_id if known is None else known.model_id,
        giq=known is not None and known.giq,
        architecture_group="" if known is None else known.architecture_group,
        architecture=found.name,
        attention=found.attention,
        params_b=round(found.params / 1e9, 3),
        params_active_b=round(found.params_active / 1e9, 3),
        layers=found.layers,
        hidden=found.hidden,
        intermediate=found.intermediate,
        heads=found.heads,
        kv_heads=found.kv_heads,
        head_dim=found.head_dim,
        vocab=found.vocab,
        tied_embeddings=found.tied_embeddings,
        max_context=found.max_context,
        sliding_window=found.sliding_window,
        full_attention_layers=found.full_attention_layers,
        experts=found.experts,
        experts_per_token=found.experts_per_token,
        shared_experts=found.shared_experts,
        first_dense_layers=found.first_dense_layers,
        moe_intermediate=found.moe_intermediate,
        kv_lora_rank=found.kv_lora_rank,
        qk_rope_head_dim=found.qk_rope_head_dim,
        kv_bytes_per_token=float(found.kv_bytes_per_token),
        kv_bytes_per_token_beyond_window=float(found.kv_bytes_per_token_beyond_window),
        checkpoint_dtype=found.checkpoint_dtype,
        weights_gib_files=None,
        weights_gib_bf16=sizes["bf16"],
        weights_gib_fp8=sizes["fp8"],
        weights_gib_4bit=sizes["4bit"],
        license="" if known is None else known.license,
        gated=None if known is None else known.gated,
        sources=(f"{file}: computed from its fields",),
    )


def _weights_gib(found: Architecture, each: float) -> float:
    return round(((found.params - found.embeddings) * each + found.embeddings * _BYTES["bf16"]) / _GIB, 2)


def _must_agree(found: Architecture, known: Model, file: str) -> None:
    shapes = ((name, getattr(found, name), getattr(known, name)) for name in _SAME)
    differ = [f"{name} {theirs}, the catalog has {ours}" for name, theirs, ours in shapes if None not in (theirs, ours) and theirs != ours]
    if differ:
        detail = f"{file} is not of {known.model_id}: {'; '.join(differ)}"
        raise RecommendError("GIQ1307", detail, "name the model's own config.json, or give this model a model.id of its own")
