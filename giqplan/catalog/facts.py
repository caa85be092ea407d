"""Sources, models, accelerators, machines, prices and use cases out of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from giqplan.catalog.tables import Row
from giqplan.catalog.values import Accelerator, Machine, Maximum, Model, Source, UseCase
from giqplan.model.modelled import Published
from giqplan.model.recommendation import Price, PricingModel

Cite = Callable[[Row, str], str]

MODEL_SOURCES = ("arch_source", "params_source", "dtype_source", "weights_source", "license_source", "gated_source")


_NO_SOURCE = Source("", "", "", "")


def source(row: Row) -> Source:
    return Source(row.text("id"), row.text("citation"), row.text("licence"), row.text("date"))


def named_source(row: Row, sources: Mapping[str, Source], column: str = "source") -> Source:
    """The source whose id stands in ``column``; all blank where none does. Raises CatalogError for an unknown id."""
    key = row.text(column)
    if key and key not in sources:
        raise row.error(f"{column}: {key} does not stand in sources.csv")
    return sources.get(key, _NO_SOURCE)


def words(text: str) -> str:
    """One spelling of a name: lower case, single spaces for any run of spaces, hyphens and underscores."""
    return " ".join(text.lower().replace("-", " ").replace("_", " ").split())


def model(row: Row, cite: Cite) -> Model:
    return Model(
        model_id=row.text("model_id"),
        giq=bool(row.yes("giq")),
        architecture_group=row.text("architecture_group"),
        architecture=row.text("architecture"),
        attention=row.text("attention"),
        params_b=row.number("params_b"),
        params_active_b=row.number("params_active_b"),
        layers=row.integer("layers"),
        hidden=row.integer("hidden"),
        intermediate=row.integer("intermediate"),
        heads=row.integer("heads"),
        kv_heads=row.integer("kv_heads"),
        head_dim=row.integer("head_dim"),
        vocab=row.integer("vocab"),
        tied_embeddings=row.yes("tied_embeddings"),
        max_context=row.integer("max_context"),
        sliding_window=row.integer("sliding_window"),
        full_attention_layers=row.integer("full_attention_layers"),
        experts=row.integer("experts"),
        experts_per_token=row.integer("experts_per_token"),
        shared_experts=row.integer("shared_experts"),
        first_dense_layers=row.integer("first_dense_layers"),
        moe_intermediate=row.integer("moe_intermediate"),
        kv_lora_rank=row.integer("kv_lora_rank"),
        qk_rope_head_dim=row.integer("qk_rope_head_dim"),
        kv_bytes_per_token=row.number("kv_bytes_per_token"),
        kv_bytes_per_token_beyond_window=row.number("kv_bytes_per_token_beyond_window"),
        checkpoint_dtype=row.text("checkpoint_dtype"),
        weights_gib_files=row.number("weights_gib_files"),
        weights_gib_bf16=row.number("weights_gib_bf16"),
        weights_gib_fp8=row.number("weights_gib_fp8"),
        weights_gib_4bit=row.number("weights_gib_4bit"),
        license=row.text("license"),
        gated=row.yes("gated"),
        sources=tuple(dict.fromkeys(c for column in MODEL_SOURCES if (c := cite(row, column)))),
    )


def accelerator(row: Row, cite: Cite) -> Accelerator:
    return Accelerator(
        name=row.text("gke_accelerator"),
        display_name=row.text("display_name"),
        kind=row.text("kind"),
        node_label=row.text("node_label"),
        resource_name=row.text("resource_name"),
        memory_gib=row.amount("memory_gib"),
        memory_bandwidth_gb_s=row.amount("memory_bandwidth_gb_s"),
        bf16_tflops=row.number("bf16_tflops"),
        fp8_tflops=row.number("fp8_tflops"),
        fp4_tflops=row.number("fp4_tflops"),
        int8_tops=row.number("int8_tops"),
        interconnect_gb_s=row.number("interconnect_gb_s"),
        tdp_w=row.number("tdp_w"),
        gke_min_version=row.text("gke_min_version"),
        quality=row.text("quality"),
        note=row.text("note"),
        source=cite(row, "source"),
    )


def machine(row: Row, cite: Cite) -> Machine:
    return Machine(
        machine_type=row.text("machine_type"),
        series=row.text("series"),
        kind=row.text("kind"),
        accelerator=row.text("gke_accelerator"),
        accelerator_count=row.amount("accelerator_count"),
        accelerator_memory_gib=row.amount("accelerator_memory_gib"),
        vcpu=row.count("vcpu"),
        memory_gb=row.amount("memory_gb"),
        cpu_arch=row.text("cpu_arch"),
        local_ssd_mode=row.text("local_ssd_mode"),
        local_ssd_count=row.integer("local_ssd_count"),
        local_ssd_gib=row.number("local_ssd_gib"),
        disk_types=tuple(t for t in row.text("disk_types").split(";") if t),
        boot_disk_needs_hyperdisk=row.yes("boot_disk_needs_hyperdisk"),
        topologies=row.text("topologies"),
        quality=row.text("quality"),
        note=row.text("note"),
        source=cite(row, "source"),
    )


def price(row: Row, cite: Cite) -> Price:
    text = row.text("usd_per_hour")
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise row.error(f"usd_per_hour: {text!r} is not a number") from None
    if not (amount.is_finite() and amount > 0):
        raise row.error(f"usd_per_hour: {text} is not a price")
    return Price(
        machine_type=row.text("machine_type"),
        region=row.text("region"),
        pricing_model=row.member("pricing_model", PricingModel),
        usd_per_hour=amount,
        as_of=row.text("as_of"),
        quality=row.text("quality"),
        source=cite(row, "source"),
    )


def published(row: Row, cite: Cite) -> Published:
    def money(column: str) -> Decimal | None:
        row.number(column)
        return Decimal(row.text(column)) if row.text(column) else None

    return Published(
        model_id=row.text("model_id"),
        model_server=row.text("model_server"),
        model_server_version=row.text("model_server_version"),
        accelerator=row.text("gke_accelerator"),
        machine_type=row.text("machine_type"),
        output_tokens_per_second=row.measured("output_tokens_per_second"),
        ntpot_ms=row.measured("ntpot_ms"),
        ttft_ms=row.measured("ttft_ms"),
        itl_ms=row.measured("itl_ms"),
        usd_per_million_input_tokens=money("usd_per_million_input_tokens"),
        usd_per_million_output_tokens=money("usd_per_million_output_tokens"),
        unstated=tuple(t for t in row.text("unstated").split(";") if t),
        note=row.text("note"),
        date=row.text("date"),
        source=cite(row, "source"),
    )


def maximum(row: Row, cite: Cite) -> Maximum:
    return Maximum(
        model_id=row.text("model_id"),
        accelerator=row.text("gke_accelerator"),
        accelerator_count=row.count("accelerator_count"),
        precision=row.text("precision"),
        parallelism=row.text("parallelism"),
        input_tokens=row.count("input_tokens"),
        output_tokens=row.count("output_tokens"),
        output_tokens_per_second=row.amount("output_tokens_per_second"),
        note=row.text("note"),
        source=cite(row, "source"),
    )


def use_case(row: Row, cite: Cite) -> UseCase:
    return UseCase(
        name=row.text("use_case"),
        slug=row.text("slug"),
        kind=row.text("kind"),
        api_token=row.text("api_token"),
        is_default=bool(row.yes("is_default")),
        input_tokens=row.count("input_mean"),
        output_tokens=row.count("output_mean"),
        note=row.text("note"),
        source=cite(row, "source"),
    )
