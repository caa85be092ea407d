"""What was measured of a setup that is estimated: shown beside the estimate as what it is, never mixed into it here."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log

from giqplan.catalog import Catalog, Curve, Model, Point
from giqplan.model.estimate import LoadKind, Setup
from giqplan.model.modelled import Published
from giqplan.model.profiles import MATCH, length_distance


@dataclass(frozen=True, slots=True)
class Measured:
    """One load of a curve. ``distance``: of its token lengths from those asked for."""

    curve: Curve
    point: Point
    distance: float


def curves_beside(catalog: Catalog, model: Model, setup: Setup, input_tokens: int, output_tokens: int) -> tuple[Measured, ...]:
    """Every load that was measured of the setup at these lengths, within 20 %, the nearest lengths first. A version that is not asked for
    is any; what a source leaves unsaid is no difference."""
    found = []
    for curve in catalog.curves_for(model.model_id):
        if curve.shared_from or not curve.input_tokens or not curve.output_tokens or not _same(curve, model, setup):
            continue
        distance = length_distance((input_tokens, output_tokens), (curve.input_tokens, curve.output_tokens))
        if distance <= MATCH:
            found += [Measured(curve, point, distance) for point in curve.points]
    return tuple(sorted(found, key=lambda one: (one.distance, one.curve.key)))


def at_load(measured: tuple[Measured, ...], kind: LoadKind, load: float) -> tuple[Measured, ...]:
    """Of each curve the point nearest to the load, within 20 %."""
    best: dict[str, tuple[float, Measured]] = {}
    for one in measured:
        if not one.point.load or one.curve.load_kind != kind:
            continue
        far = abs(log(load / one.point.load))
        if far <= MATCH and far < best.get(one.curve.key, (inf, one))[0]:
            best[one.curve.key] = far, one
    return tuple(one for _, one in best.values())


def published_beside(catalog: Catalog, setup: Setup) -> tuple[Published, ...]:
    """Rows that somebody printed of the model, server and hardware, of which neither load nor lengths are known."""
    found = catalog.published(setup.model_id, setup.accelerator)
    return tuple(
        row
        for row in found
        if row.model_server == setup.model_server
        and (machine := catalog.find_machine(row.machine_type)) is not None
        and machine.accelerator_count == setup.accelerator_count
    )


def _same(curve: Curve, model: Model, setup: Setup) -> bool:
    profile = curve.profile

    def alike(said: str, asked: str) -> bool:
        return not said or not asked or said == asked

    return (
        (profile.model_server, profile.accelerator, profile.accelerator_count)
        == (setup.model_server, setup.accelerator, setup.accelerator_count)
        and alike(profile.model_server_version, setup.model_server_version)
        and (profile.precision or model.checkpoint_dtype) == (setup.precision or model.checkpoint_dtype)
        and alike(profile.parallelism, setup.parallelism or f"tp{setup.accelerator_count}")
        and not profile.serving_stack
        and not curve.variant
    )
