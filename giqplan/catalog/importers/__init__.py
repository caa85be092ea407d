"""Benchmark reports of other tools as measurements: ``read`` finds out the format; one module a format, pure functions of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from giqplan.catalog.importers import benchmark_report, gcloud_csv, guidellm_csv, guidellm_json, inference_perf, stage_table
from giqplan.catalog.importers.document import Node, no_report, parse_tree, text_of
from giqplan.catalog.importers.values import Measurement

__all__ = ["Measurement", "read"]

_OF_INFERENCE_PERF = {
    "successes": "a part of an inference-perf report without its load_summary",
    "load": "inference-perf's configuration; it is read by itself where it stands as config.yaml beside stage files",
    "global": "inference-perf's validation.json",
}
_TABLES = (gcloud_csv, guidellm_csv, stage_table)


def read(file: str, data: bytes, beside: Mapping[str, bytes] | None = None) -> tuple[Measurement, ...]:
    """All measurements of a report. ``beside``: files of the same folder that say more (config.yaml). Raises CatalogError GIQ1216 to
    GIQ1221 that names file and field."""
    text = text_of(file, data)
    if PurePath(file).suffix.lower() == ".csv" or _table(text):
        return _rows(file, text)
    root = Node(file, parse_tree(file, text))
    if inference_perf.is_lifecycle(root):
        return inference_perf.read(file, root, (beside or {}).get(inference_perf.CONFIG))
    if guidellm_json.is_guidellm(root):
        return guidellm_json.read(file, root)
    if benchmark_report.is_report(root):
        return benchmark_report.read(file, root)
    raise no_report(file, _what(root))


def _table(text: str) -> bool:
    return gcloud_csv.is_gcloud(text) or guidellm_csv.is_guidellm(text) or stage_table.is_table(text)


def _rows(file: str, text: str) -> tuple[Measurement, ...]:
    if gcloud_csv.is_gcloud(text):
        return gcloud_csv.read(file, text)
    if guidellm_csv.is_guidellm(text):
        return guidellm_csv.read(file, text)
    if stage_table.is_table(text):
        return stage_table.read(file, text)
    header = text.lstrip().splitlines()[0]
    raise no_report(file, f"no table that is known: its first line is {header[:120]!r}")


def _what(root: Node) -> str:
    if isinstance(root.value, list):
        per_request = any(isinstance(one, dict) and "info" in one for one in root.value[:1])
        return "inference-perf's single requests; import the stage_N files" if per_request else "a list, no report"
    if isinstance(root.value, dict):
        told = next((text for key, text in _OF_INFERENCE_PERF.items() if key in root.value), "")
        return f"this is {told}" if told else f"none of the known reports: it has {', '.join(map(str, list(root.value)[:8])) or 'nothing'}"
    return "neither JSON nor YAML of a report, nor a table"
