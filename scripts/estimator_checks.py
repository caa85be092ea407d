"""Cross-validation of the estimator through all of it: coefficients, transfer, lattice, interpolation. Used by calibrate_estimator.py.

For each distance of giqplan/recommend/estimator/trust.py just that is left out, and what was left out is estimated from the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from giqplan.catalog import Catalog
from giqplan.recommend.estimator.kin import kin
from giqplan.recommend.estimator.lattice import between
from giqplan.recommend.estimator.loops import closed_loop
from giqplan.recommend.estimator.model import METRICS, Fitted, fit
from giqplan.recommend.estimator.parameters import Parameters
from giqplan.recommend.estimator.replicas import Floats, Ints
from giqplan.recommend.estimator.surfaces import surfaces
from giqplan.recommend.estimator.training import Measured
from giqplan.recommend.estimator.transfer import around, covariance, fading, noisy
from giqplan.recommend.estimator.trust import Distance, Sides, request_sides, sides

COVERAGE = 0.9
KNOTS = 10
LEAST_ERROR = 0.005
"""Errors below this are all alike: half a per cent."""


@dataclass(frozen=True)
class Checks:
    """One row a measured point: what the rest said (``itl``, ``ttft`` in milliseconds), and the standard deviation that it stated."""

    itl: Floats
    ttft: Floats
    spread: dict[str, Floats]


def kinds_of(data: Measured, *names: str) -> Ints:
    """Each point's group by these kinds of its replica."""
    kinds = data.replicas.kinds
    values = [*zip(*(kinds[name] for name in names), strict=True)]
    codes = {value: index for index, value in enumerate(sorted(set(values)))}
    return np.array([codes[value] for value in values])[data.which]


def groups_of(data: Measured) -> dict[Distance, Ints]:
    return {
        Distance.CURVE: data.curve,
        Distance.COMBINATION: kinds_of(data, "model", "server", "accelerator"),
        Distance.MODEL: kinds_of(data, "model"),
        Distance.ACCELERATOR: kinds_of(data, "accelerator"),
    }


def rows_of(data: Measured, rows: Ints) -> Measured:
    """Some points of ``data``, with the replicas that they were measured on."""
    used, which = np.unique(data.which[rows], return_inverse=True)
    columns = {name: getattr(data, name)[rows] for name in ("curve", "input_tokens", "output_tokens", "load", "itl_ms", "ttft_ms")}
    return Measured(data.replicas.take(used), data.curves, which, **{name: columns[name] for name in columns})


def check(data: Measured, catalog: Catalog, distance: Distance, groups: Ints, without: Callable[[Ints], Any], given: Parameters) -> Checks:
    """Leave each group out and estimate it from the rest. ``without(rows)``: coefficients fitted on those rows alone."""
    found = Checks(*(np.full(len(data.which), np.nan) for _ in METRICS), {metric: np.full(len(data.which), np.nan) for metric in METRICS})
    for group in np.unique(groups):
        inside, outside = np.flatnonzero(groups == group), np.flatnonzero(groups != group)
        rest = rows_of(data, outside)
        parameters = replace(given, coefficients=without(outside))
        _answer(fit(parameters, catalog, rest), rows_of(data, inside), inside, found, distance)
    return found


def check_curves(data: Measured, fitted: Fitted, only: Ints | None = None) -> Checks:
    """Leave each curve out (``only``: each of these). Coefficients stay (one of 500 curves hardly moves them); the weights of the other
    points become what they would be without it, in closed form."""
    found = Checks(*(np.full(len(data.which), np.nan) for _ in METRICS), {metric: np.full(len(data.which), np.nan) for metric in METRICS})
    inverses = {
        metric: np.linalg.inv(noisy(covariance(transfer.kernel, transfer.known, transfer.known), transfer.kernel, transfer.trust))
        for metric, transfer in fitted.transfers.items()
    }
    for curve in np.unique(data.curve) if only is None else only:
        left_out = data.curve == curve
        rows, transfers = np.flatnonzero(left_out), {}
        for metric, transfer in fitted.transfers.items():
            inverse = inverses[metric]
            weights = transfer.weights - inverse[:, rows] @ np.linalg.solve(inverse[np.ix_(rows, rows)], transfer.weights[rows])
            weights[rows] = 0
            transfers[metric] = replace(transfer, weights=weights)
        _answer(replace(fitted, transfers=transfers), rows_of(data, rows), rows, found, Distance.CURVE, left_out)
    return found


def _answer(fitted: Fitted, part: Measured, rows: Ints, found: Checks, distance: Distance, but: np.ndarray | None = None) -> None:
    whole = surfaces(fitted, kin(part.replicas, fitted.catalog), [distance] * len(part.replicas.setups), but)
    points = (part.which, part.input_tokens, part.output_tokens, part.load)
    found.itl[rows], found.ttft[rows] = closed_loop(whole, part.replicas.facts, *points)
    for metric in METRICS:
        found.spread[metric][rows] = between(whole.spread[metric], *points)


def errors(data: Measured, checks: Checks) -> dict[str, Floats]:
    """Natural logarithms of measured over estimated: ITL, TTFT, the whole request."""
    said = checks.ttft + checks.itl * (data.output_tokens - 1)
    seen = data.ttft_ms + data.itl_ms * (data.output_tokens - 1)
    return {"itl": np.log(data.itl_ms / checks.itl), "ttft": np.log(data.ttft_ms / checks.ttft), "request": np.log(seen / said)}


def scatters(data: Measured, wrong: dict[str, Floats]) -> dict[str, dict[str, list[float]]]:
    """Metric -> curve -> size of the error of each of its points, in order."""
    found: dict[str, dict[str, list[float]]] = {metric: {} for metric in METRICS}
    for metric in METRICS:
        for number, error in zip(data.curve, wrong[metric], strict=True):
            found[metric].setdefault(data.curves[number].key, []).append(float(f"{abs(error) + 2 * LEAST_ERROR:.2g}"))
    return found


def near_by(data: Measured, fitted: Fitted, metric: str, groups: Ints, errors_of: dict[str, list[float]]) -> Floats:
    """Logarithm of the errors near each point, those of its own group left out."""
    transfer = fitted.transfers[metric]
    alike = fading(transfer.kernel, transfer.known, transfer.known)
    alike[groups[:, None] == groups[None, :]] = 0
    return around(alike, np.log([one for errors in errors_of.values() for one in errors]))


def widths(data: Measured, distance: Distance, checks: Checks, wrong: dict[str, Floats], scatter: dict[str, Floats]) -> dict[str, Any]:
    """How the interval follows from the stated standard deviation and the errors near by: a line through the errors' logarithms,
    then the quantile of the errors in bins of equal size along it, made rising."""
    found: dict[str, Any] = {}
    at = {distance: found}
    for metric in METRICS:
        design = np.stack([np.ones(len(data.which)), checks.spread[metric], scatter[metric]], axis=1)
        line = np.linalg.lstsq(design, np.log(np.abs(wrong[metric]) + LEAST_ERROR), rcond=None)[0]
        by_spread, by_scatter = (float(f"{max(value, 0.05):.3g}") for value in line[1:])
        certainty = by_spread * checks.spread[metric] + by_scatter * scatter[metric]
        found[metric] = {"by_spread": by_spread, "by_scatter": by_scatter, **_quantiles(certainty, wrong[metric])}
    parts = _parts(data, checks, {metric: sides(at, distance, metric, checks.spread[metric], scatter[metric]) for metric in METRICS})
    found["request"] = _quantiles(np.log(parts), wrong["request"])
    return found


def _parts(data: Measured, checks: Checks, reach: dict[str, Sides]) -> Floats:
    decode = checks.itl * (data.output_tokens - 1)
    request = checks.ttft + decode
    return np.hypot(reach["ttft"].mean * checks.ttft / request, reach["itl"].mean * decode / request)


def _quantiles(certainty: Floats, wrong: Floats) -> dict[str, list[float]]:
    """The errors' quantiles on both sides, in bins of equal size along ``certainty``, made rising."""
    bins = np.array_split(np.argsort(certainty, kind="stable"), KNOTS)
    found = {"certainty": _rounded([certainty[b].mean() for b in bins])}
    for side, sign in (("below", -1), ("above", 1)):
        size = np.array([max(np.quantile(sign * wrong[b], (1 + COVERAGE) / 2), LEAST_ERROR) for b in bins])
        above, below = np.maximum.accumulate(size), np.minimum.accumulate(size[::-1])[::-1]
        found[side] = _rounded((above + below) / 2)
    return found


def _rounded(values: Any) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def shares(data: Measured, request: Floats) -> dict[str, Any]:
    """Key of like checks -> how many there are, and what share of whole requests was within 20 and 40 %."""
    kinds, found = data.replicas.kinds, {}
    for names in (("server", "accelerator", "family"), ("server", "accelerator"), ("server", "family"), ("server",)):
        keys = np.array(["/".join(parts) for parts in zip(*(kinds[name] for name in names), strict=True)])[data.which]
        for key in np.unique(keys):
            off = np.abs(np.expm1(-request[keys == key]))
            found[str(key)] = {"checks": len(off)} | {f"within_{limit:g}": round(float((off <= limit).mean()), 4) for limit in (0.2, 0.4)}
    return found


def summary(data: Measured, distance: Distance, checks: Checks, table: dict[str, Any], scatter: dict[str, Floats]) -> dict[str, float]:
    """Median absolute percentage errors, coverage and median width of the intervals."""
    wrong, at = errors(data, checks), {distance: table}
    reach = {metric: sides(at, distance, metric, checks.spread[metric], scatter[metric]) for metric in METRICS}
    parts = _parts(data, checks, reach)
    reach["request"] = request_sides(at, distance, parts, np.zeros_like(parts))
    found: dict[str, float] = {}
    for metric, name in (("itl", "itl"), ("ttft", "ttft"), ("request", "output_tokens_per_second")):
        sign = 1 if metric == "request" else -1  # throughput is the inverse of the request's time
        covered = (wrong[metric] >= -reach[metric].below) & (wrong[metric] <= reach[metric].above)
        found[f"{name}_error"] = round(float(np.median(np.abs(np.expm1(sign * wrong[metric])))), 4)
        found[f"{name}_covered"] = round(float(covered.mean()), 4)
        found[f"{name}_width"] = round(float(np.median(np.exp(reach[metric].above) - np.exp(-reach[metric].below))), 4)
    return found
