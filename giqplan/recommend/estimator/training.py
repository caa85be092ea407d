"""Measured points as the estimator learns from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from giqplan.catalog import Catalog, Curve
from giqplan.model.estimate import Setup
from giqplan.recommend.estimator.replicas import Floats, Ints, Replicas, describe
from giqplan.units import digest


@dataclass(frozen=True, slots=True)
class Measured:
    """One row a point. ``which``: its replica; ``curve``: index into ``curves``; ``load``: requests in flight, of one replica."""

    replicas: Replicas
    curves: tuple[Curve, ...]
    which: Ints
    curve: Ints
    input_tokens: Floats
    output_tokens: Floats
    load: Floats
    itl_ms: Floats
    ttft_ms: Floats

    @property
    def digest(self) -> str:
        """Which points these are, in their order."""
        return digest([[self.curves[number].key, f"{load:g}"] for number, load in zip(self.curve, self.load, strict=True)])


def setup_of(curve: Curve) -> Setup:
    """The replica that a curve was measured on."""
    profile = curve.profile
    return Setup(
        profile.model_id,
        profile.model_server,
        profile.model_server_version,
        profile.accelerator,
        profile.accelerator_count,
        profile.precision,
        profile.parallelism,
    )


def measured(catalog: Catalog, curves: Iterable[Curve]) -> Measured:
    """Every point that says both latencies at a known load and lengths; not those marked suspect, nor curves of settings that a plain
    deployment does not repeat. An open loop's load is its rate times its requests' duration (Little's law)."""
    taken = [c for c in curves if c.input_tokens and c.output_tokens and not c.variant and c.profile.model_id]
    setups = sorted({setup_of(curve) for curve in taken})
    replicas, where, _ = describe(setups, catalog, catalog.model)
    index = {setup: int(where[i]) for i, setup in enumerate(setups)}
    rows = [
        row for number, curve in enumerate(taken) if index[setup_of(curve)] >= 0 for row in _rows(number, index[setup_of(curve)], curve)
    ]
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 7).T
    return Measured(replicas, tuple(taken), columns[0].astype(np.int64), columns[1].astype(np.int64), *columns[2:])


def _rows(number: int, replica: int, curve: Curve) -> Iterable[tuple[float, ...]]:
    assert curve.input_tokens and curve.output_tokens, "curves of unknown lengths are left out"
    for point in curve.points:
        if point.suspect or not point.itl_ms or not point.ttft_ms:
            continue
        request_ms = point.ttft_ms + point.itl_ms * (curve.output_tokens - 1)
        load = point.load if curve.load_kind == "concurrency" else (point.qps or 0) * request_ms / 1000
        if load:
            yield replica, number, curve.input_tokens, curve.output_tokens, load, point.itl_ms, point.ttft_ms
