"""Cross-validation of the estimator through all of it: coefficients, transfer, lattice, interpolation. Used by calibrate_estimator.py.

For each distance of giqplan/recommend/estimator/trust.py just that is left out, and what was left out is estimated from the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from giqplan.recommend.estimator.kernel import Kernel
from giqplan.recommend.estimator.lattice import between
from giqplan.recommend.estimator.model import METRICS, Fitted, asked, physics_of, residuals
from giqplan.recommend.estimator.parameters import Parameters
from giqplan.recommend.estimator.replicas import Floats, Ints
from giqplan.recommend.estimator.surfaces import surfaces
from giqplan.recommend.estimator.training import Measured
from giqplan.recommend.estimator.transfer import learn
from giqplan.recommend.estimator.trust import Distance

COVERAGE = 0.9
KNOTS = 6


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


def check(
    data: Measured, groups: Ints, coefficients_without: Callable[[Ints], Any], kernels: dict[str, Kernel], given: Parameters
) -> Checks:
    """Leave each group out and estimate it from the rest. ``coefficients_without(rows)``: fitted on those rows alone."""
    found = Checks(*(np.full(len(data.which), np.nan) for _ in METRICS), {metric: np.full(len(data.which), np.nan) for metric in METRICS})
    for group in np.unique(groups):
        inside, outside = np.flatnonzero(groups == group), np.flatnonzero(groups != group)
        rest = rows_of(data, outside)
        parameters = replace(given, coefficients=coefficients_without(outside), kernels=kernels)
        _answer(_learned(parameters, rest), rows_of(data, inside), inside, found)
    return found


def check_curves(data: Measured, fitted: Fitted) -> Checks:
    """Leave each curve out. Coefficients stay (one of 500 curves hardly moves twenty numbers); the weights of the other measurements are
    what they would be without it, in closed form."""
    found = Checks(*(np.full(len(data.which), np.nan) for _ in METRICS), {metric: np.full(len(data.which), np.nan) for metric in METRICS})
    inverses = {metric: fitted.transfers[metric].root.astype(np.float64).T @ fitted.transfers[metric].root for metric in METRICS}
    for curve in np.unique(data.curve):
        inside = np.flatnonzero(data.curve == curve)
        transfers = {}
        for metric, transfer in fitted.transfers.items():
            inverse = inverses[metric]
            block = np.linalg.inv(inverse[np.ix_(inside, inside)])
            weights = transfer.weights - inverse[:, inside] @ (block @ transfer.weights[inside])
            weights[inside] = 0
            transfers[metric] = replace(transfer, weights=weights)
            noise = transfer.kernel.noise**2 / fitted.trust[metric][inside]
            found.spread[metric][inside] = np.sqrt(np.maximum(np.diag(block) - noise, 1e-8))
        _answer(replace(fitted, transfers=transfers), rows_of(data, inside), inside, found, spread=False)
    return found


def _learned(parameters: Parameters, data: Measured) -> Fitted:
    facts, by, times = physics_of(parameters, data)
    wrong, points = residuals(data, times), (data.input_tokens, data.output_tokens, data.load)
    transfers, trust = {}, {}
    for metric in METRICS:
        known = asked(parameters, metric, facts, by, times, points, data.which, data.replicas.kinds)
        transfers[metric], trust[metric] = learn(parameters.kernels[metric], known, wrong[metric])
    return Fitted(parameters, data, transfers, trust)


def _answer(fitted: Fitted, part: Measured, rows: Ints, found: Checks, *, spread: bool = True) -> None:
    whole = surfaces(fitted, part.replicas, spread=spread)
    points = (part.which, part.input_tokens, part.output_tokens, part.load)
    found.itl[rows] = np.exp(between(whole.logs["itl"], *points))
    found.ttft[rows] = np.exp(between(whole.logs["ttft"], *points))
    if spread:
        for metric in METRICS:
            found.spread[metric][rows] = between(whole.spread[metric], *points)


def errors(data: Measured, checks: Checks) -> dict[str, Floats]:
    """Natural logarithms of measured over estimated: ITL, TTFT, the whole request."""
    said = checks.ttft + checks.itl * (data.output_tokens - 1)
    seen = data.ttft_ms + data.itl_ms * (data.output_tokens - 1)
    return {"itl": np.log(data.itl_ms / checks.itl), "ttft": np.log(data.ttft_ms / checks.ttft), "request": np.log(seen / said)}


def spreads(data: Measured, checks: Checks) -> dict[str, Floats]:
    decode = checks.itl * (data.output_tokens - 1)
    request = checks.ttft + decode
    both = np.hypot(checks.spread["ttft"] * checks.ttft / request, checks.spread["itl"] * decode / request)
    return {**checks.spread, "request": both}


def widths(wrong: dict[str, Floats], spread: dict[str, Floats]) -> dict[str, Any]:
    """Half of the interval by stated standard deviation: the quantile of the errors in bins of equal size, made rising."""
    found = {}
    for metric, values in wrong.items():
        order = np.argsort(spread[metric], kind="stable")
        bins = np.array_split(order, min(KNOTS, max(1, len(order) // 60)))
        at = np.array([np.exp(np.mean(np.log(np.maximum(spread[metric][b], 1e-6)))) for b in bins])
        size = np.array([np.quantile(np.abs(values[b]), COVERAGE) for b in bins])
        above, below = np.maximum.accumulate(size), np.minimum.accumulate(size[::-1])[::-1]
        found[metric] = {"spread": _rounded(at), "half_width": _rounded((above + below) / 2)}
    return found


def _rounded(values: Floats) -> list[float]:
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


def summary(data: Measured, checks: Checks, table: dict[str, Any]) -> dict[str, float]:
    """Median absolute percentage errors, coverage and median width of the intervals."""
    wrong, stated = errors(data, checks), spreads(data, checks)
    found: dict[str, float] = {}
    for metric, name in (("itl", "itl"), ("ttft", "ttft"), ("request", "output_tokens_per_second")):
        half = np.interp(np.log(np.maximum(stated[metric], 1e-6)), np.log(table[metric]["spread"]), table[metric]["half_width"])
        sign = 1 if metric == "request" else -1  # throughput is the inverse of the request's time
        found[f"{name}_error"] = round(float(np.median(np.abs(np.expm1(sign * wrong[metric])))), 4)
        found[f"{name}_covered"] = round(float((np.abs(wrong[metric]) <= half).mean()), 4)
        found[f"{name}_width"] = round(float(np.median(2 * np.sinh(half))), 4)
    return found
