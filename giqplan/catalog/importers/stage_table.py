"""A table of inference-perf stages, one row a stage: the shape in which the recorded runs on H100 came (KubeCon 2025 demos).

Its latencies have their unit in their name. Columns that were derived afterwards (``itl_from_e2e``) are not read.
"""

from __future__ import annotations

from giqplan.catalog.importers.rows import Line, lines
from giqplan.catalog.importers.values import Claim, Latency, Measurement
from giqplan.errors import Place

COLUMNS = (
    "kind",
    "model",
    "model_server",
    "model_server_version",
    "variant",
    "settings",
    "gke_accelerator",
    "accelerator_count",
    "instance_type_inferred",
    "workload",
    "stage",
    "requested_qps",
    "achieved_request_rate",
    "requests_per_s",
    "input_tok_per_s",
    "output_tok_per_s",
    "success",
    "failures",
    "prompt_len_mean",
    "output_len_mean",
    "ttft_mean_ms",
    "ttft_p50_ms",
    "ttft_p90_ms",
    "ttft_p99_ms",
    "ntpot_mean_ms",
    "ntpot_p50_ms",
    "ntpot_p90_ms",
    "ntpot_p99_ms",
    "tpot_mean_ms",
    "tpot_p50_ms",
    "itl_mean_ms",
    "itl_p50_ms",
    "itl_p99_ms",
    "e2e_mean_s",
    "e2e_p50_s",
    "e2e_p99_s",
    "prom_queue_len_mean",
    "prom_kv_cache_usage_mean",
    "prom_prefix_hit_mean",
    "prom_preemptions",
    "source",
    "itl_from_e2e_mean_ms",
    "itl_from_e2e_p50_ms",
    "qa_note",
)
FORMAT = "inference-perf stage table"
_SAID = {
    "model_id": "model",
    "model_server": "model_server",
    "model_server_version": "model_server_version",
    "accelerator": "gke_accelerator",
    "accelerator_count": "accelerator_count",
    "machine_type": "instance_type_inferred",
}


def is_table(text: str) -> bool:
    return text.startswith("kind,model,model_server,")


def read(file: str, text: str) -> tuple[Measurement, ...]:
    """A measurement for each row. Raises CatalogError GIQ1217, GIQ1219 (columns)."""
    return tuple(_one(line, row) for row, line in enumerate(lines(file, text, COLUMNS), 1))


def _one(line: Line, row: int) -> Measurement:
    said = {name: Claim(line.text(column), f"row {row}, {column}") for name, column in _SAID.items() if line.text(column)}
    variant = line.text("variant").removeprefix(line.text("model_server")).removeprefix("+").replace("_", " ")
    if variant:
        said["variant"] = Claim(variant, f"row {row}, variant")
    notes = (line.text("settings"), line.text("workload"))
    return Measurement(
        format=FORMAT,
        place=Place(line.file, line.number),
        where=f"row {row}",
        run=line.text("variant"),
        load=line.number_in("requested_qps"),
        load_kind="rate",
        qps=line.number_in("requests_per_s"),
        output_tokens_per_second=line.number_in("output_tok_per_s"),
        ntpot=_latency(line, "ntpot", "p90", "p99"),
        ttft=_latency(line, "ttft", "p90", "p99"),
        itl=_latency(line, "itl", "p99"),
        tpot=_latency(line, "tpot"),
        input_tokens=line.number_in("prompt_len_mean"),
        output_tokens=line.number_in("output_len_mean"),
        succeeded=line.count("success"),
        failed=line.count("failures"),
        said=said,
        notes=tuple(note for note in notes if note),
    )


def _latency(line: Line, name: str, *higher: str) -> Latency:
    last = None
    for percentile in ("p50", *higher):
        value = line.number_in(f"{name}_{percentile}_ms")
        if last is not None and value is not None and value < last:
            line.fail(f"{name}_{percentile}_ms", f"out of order: {value} is below the percentile before it, {last}")
        last = value if value is not None else last
    return Latency(line.number_in(f"{name}_p50_ms"), line.number_in(f"{name}_mean_ms"))
