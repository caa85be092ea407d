"""Curves and their points out of curves.csv and points.csv; what a curve's key is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from giqplan.catalog.tables import Row
from giqplan.catalog.values import Curve, Point, Source
from giqplan.model.recommendation import Profile, Provenance, Statistic
from giqplan.units import canonical_json

IDENTITY = (
    "provenance",
    "model_id",
    "model_server",
    "model_server_version",
    "accelerator",
    "accelerator_count",
    "machine_type",
    "precision",
    "parallelism",
    "serving_stack",
    "variant",
    "input_tokens",
    "output_tokens",
    "statistic",
    "load_kind",
    "replicas",
    "measured_at",
)
"""Columns of curves.csv that say which curve it is."""

MEASURED = ("load", "qps", "output_tokens_per_second", "ttft_ms", "itl_ms", "ntpot_ms", "queue", "kv_cache")
"""Columns of points.csv that were measured. Judgements (suspect, queue-dominated, notes) may be revised: the curve stays the same."""

LOAD_KINDS = ("concurrency", "rate")


def curve_key(curve: Mapping[str, str], points: Iterable[Mapping[str, str]]) -> str:
    """``c-`` and 12 hex digits of the SHA-256 of the curve's cells and its points' cells, whatever the order of points."""
    content = {
        "curve": {column: curve[column] for column in IDENTITY},
        "points": sorted([point[column] for column in MEASURED] for point in points),
    }
    return "c-" + hashlib.sha256(canonical_json(content).encode()).hexdigest()[:12]


def _each(value: float | None, replicas: int) -> float | None:
    return None if value is None else value / replicas


def point(row: Row, replicas: int) -> Point:
    """One point; totals over a fleet become one replica's share (load, rates and queue; latencies and KV share are no totals)."""
    return Point(
        load=_each(row.measured("load"), replicas),
        qps=_each(row.measured("qps"), replicas),
        output_tokens_per_second=_each(row.measured("output_tokens_per_second"), replicas),
        ttft_ms=row.measured("ttft_ms"),
        itl_ms=row.measured("itl_ms"),
        ntpot_ms=row.measured("ntpot_ms"),
        queue=_each(row.number("queue"), replicas),
        kv_cache=row.number("kv_cache"),
        suspect=row.text("suspect"),
        queue_dominated=bool(row.yes("queue_dominated")),
        note=row.text("note"),
    )


def _order(found: Point) -> tuple[bool, float, float]:
    return (found.load is None, found.load or 0.0, found.ntpot_ms or 0.0)


def curve(row: Row, points: Iterable[Row], source: Source) -> Curve:
    """One curve with its points in order of load. Raises CatalogError where a cell is not what it should be."""
    replicas = row.count("replicas")
    if row.text("load_kind") not in LOAD_KINDS:
        raise row.error(f"load_kind: {row.text('load_kind')!r} is not one of {', '.join(LOAD_KINDS)}")
    notes = (row.text("note"), f"totals of {replicas} replicas, divided by {replicas}" if replicas > 1 else "")
    return Curve(
        key=row.text("key"),
        profile=Profile(
            model_id=row.text("model_id"),
            model_server=row.text("model_server"),
            model_server_version=row.text("model_server_version"),
            accelerator=row.text("accelerator"),
            accelerator_count=row.count("accelerator_count"),
            machine_type=row.text("machine_type"),
            precision=row.text("precision"),
            parallelism=row.text("parallelism"),
            serving_stack=row.text("serving_stack"),
        ),
        provenance=row.member("provenance", Provenance),
        input_tokens=row.count("input_tokens") if row.text("input_tokens") else None,
        output_tokens=row.count("output_tokens") if row.text("output_tokens") else None,
        statistic=row.member("statistic", Statistic),
        load_kind=row.text("load_kind"),
        replicas=1,
        points=tuple(sorted((point(p, replicas) for p in points), key=_order)),
        measured_at=row.text("measured_at"),
        source=source.citation,
        licence=source.licence,
        measured_replicas=replicas,
        variant=row.text("variant"),
        image=row.text("image"),
        source_curve=row.text("source_curve"),
        notes=tuple(note for note in notes if note),
    )


def shared(found: Curve, measured_dtype: str, asked_dtype: str) -> Curve:
    """``found`` as a curve of a sibling's. A precision that was left to the checkpoint is named where the two checkpoints differ."""
    profile = found.profile
    if not profile.precision and measured_dtype != asked_dtype:
        profile = replace(profile, precision=measured_dtype)
    return replace(found, profile=profile, shared_from=found.profile.model_id)
