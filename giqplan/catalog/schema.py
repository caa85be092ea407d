"""The tables of a catalog: their columns in order, and which of them say that two rows are about the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from giqplan.catalog.curves import IDENTITY, MEASURED
from giqplan.model.recommendation import PricingModel

SCHEMA_VERSION = 1
ABOUT = "catalog.json"
ESTIMATOR = "estimator.json"
"""What calibration found; only the shipped layer holds it."""

QUALITY = ("verified", "single-source", "suspect")
GIQ_COSTS = tuple(
    f"usd_per_million_{tokens}_tokens_{how.value.replace('-', '_')}" for how in PricingModel for tokens in ("output", "input")
)
"""Columns of giq_points.csv: costs that the API prints at its own prices, region and ratio of 4. They are no prices of machines."""


@dataclass(frozen=True)
class Table:
    """``key``: a later layer's row replaces the rows with equal cells there. ``unique``: no two rows of one layer have the same key;
    points have their curve's, and are replaced together. ``shipped``: the embedded layer holds it."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    unique: bool = True
    shipped: bool = True


def _table(columns: str, *key: str) -> Table:
    return Table(tuple(columns.split()), key)


TABLES: Mapping[str, Table] = {
    "models": _table(
        "model_id giq architecture_group architecture attention params_b params_active_b layers hidden intermediate heads kv_heads "
        "head_dim vocab tied_embeddings max_context sliding_window full_attention_layers experts experts_per_token shared_experts "
        "first_dense_layers moe_intermediate kv_lora_rank qk_rope_head_dim kv_bytes_per_token kv_bytes_per_token_beyond_window "
        "checkpoint_dtype weights_gib_files weights_gib_bf16 weights_gib_fp8 weights_gib_4bit license gated arch_source params_source "
        "dtype_source weights_source license_source gated_source",
        "model_id",
    ),
    "model_aliases": _table("alias model_id kind note", "alias"),
    "accelerators": _table(
        "gke_accelerator display_name kind node_label resource_name memory_gib memory_bandwidth_gb_s bf16_tflops fp8_tflops fp4_tflops "
        "int8_tops interconnect_gb_s tdp_w gke_min_version quality note source gke_min_version_source",
        "gke_accelerator",
    ),
    "machines": _table(
        "machine_type series kind gke_accelerator accelerator_count accelerator_memory_gib total_accelerator_memory_gib vcpu memory_gb "
        "cpu_arch local_ssd_mode local_ssd_count local_ssd_gib disk_types boot_disk_needs_hyperdisk topologies quality note source "
        "disk_source",
        "machine_type",
    ),
    "prices": _table("machine_type region pricing_model usd_per_hour quality as_of note source", "machine_type", "region", "pricing_model"),
    "zones": _table("machine_type region zone quality note source", "machine_type", "region", "zone"),
    "use_cases": _table(
        "use_case slug kind api_token is_default input_mean input_min input_p50 input_p90 input_p99 input_max output_mean output_min "
        "output_p50 output_p90 output_p99 output_max note source",
        "use_case",
    ),
    "consumption_options": _table("machine option answer source", "machine", "option"),
    # Rows that a page prints without load or lengths: shown as what they are, never chosen by.
    "published": _table(
        "model_id model_server model_server_version gke_accelerator machine_type output_tokens_per_second ntpot_ms ttft_ms itl_ms "
        "usd_per_million_input_tokens usd_per_million_output_tokens unstated note date source",
        *("model_id", "model_server", "gke_accelerator", "machine_type", "source"),
    ),
    # The most that a page says a replica serves, whatever the load: an upper bound of estimates (docs/estimator.md), never a curve.
    "maxima": _table(
        "model_id gke_accelerator accelerator_count precision parallelism input_tokens output_tokens output_tokens_per_second note source",
        *("model_id", "gke_accelerator", "accelerator_count", "precision", "parallelism", "input_tokens", "output_tokens", "source"),
    ),
    "curves": Table(("key", *IDENTITY, "image", "source_curve", "source", "note"), ("key",)),
    "points": Table(("curve", *MEASURED, "suspect", "queue_dominated", "note"), ("curve",), unique=False),
    "sources": _table("id citation licence date", "id"),
    # What Google's GIQ API says of a curve and its points beyond the tables above, as it says it.
    "giq_profiles": Table(
        (
            *("curve", "use_case", "tpu_topology", "attention_heads", "head_dimensions", "hidden_layers", "kv_cache_size_per_token"),
            *("kv_heads", "max_context", "model_size_gb", "parameters_b"),
        ),
        ("curve",),
        shipped=False,
    ),
    "giq_points": Table(
        ("curve", "point", "qps", "input_tokens_per_second", "total_tokens_per_second", *GIQ_COSTS),
        ("curve", "point"),
        shipped=False,
    ),
}
