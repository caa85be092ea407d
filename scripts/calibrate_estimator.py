"""Calibrate the estimator on the catalog's measured curves: python scripts/calibrate_estimator.py [--search MINUTES] [--check]

Fits the coefficients of giqplan/recommend/estimator/physics.py (few, with priors, robustly), searches the kernel's amplitudes and lengths
for the least cross-validated error, starting from what catalog/estimator.json holds (without ``--search``: keeps them), then estimates what
is left out and writes catalog/estimator.json. ``--check`` only prints the errors. docs/estimator.md explains all of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from estimator_checks import check, check_curves, errors, groups_of, near_by, scatters, shares, summary, widths
from estimator_coefficients import fit_coefficients, table_of
from estimator_search import Problem, first_kernel, medians, search

from giqplan.catalog import open_catalog
from giqplan.recommend.estimator import kernel as kernels
from giqplan.recommend.estimator.kernel import Kernel
from giqplan.recommend.estimator.model import METRICS, Fitted, fit, in_doubt, physics_of, residuals, running
from giqplan.recommend.estimator.parameters import Parameters, kernels_of
from giqplan.recommend.estimator.replicas import Floats, Ints
from giqplan.recommend.estimator.training import Measured, measured
from giqplan.recommend.estimator.trust import Distance

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "catalog" / "estimator.json"
PAGE = ROOT / "docs" / "estimator.md"
MARKS = ("<!-- errors: written by scripts/calibrate_estimator.py -->\n", "<!-- /errors -->")
LEAST_AMPLITUDE = 0.01
"""A share of likeness that moves estimates by less than a per cent is none."""

REFITS = 5
"""Steps of a fit that begins at the coefficients of all points."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--search", type=float, default=0.0, metavar="MINUTES")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    catalog = open_catalog()
    data = measured(catalog, catalog.curves())
    groups = groups_of(data)
    print(f"{len(data.which)} points, " + ", ".join(f"{len(np.unique(codes))} x {name}" for name, codes in groups.items()), flush=True)
    logs = fit_coefficients(data, np.arange(len(data.which)))
    held = kernels_of(_read()["kernels"])
    given = Parameters("", "", table_of(logs), held, {}, {}, {}, {})
    problems = _problems(data, logs, given, groups)
    found = {metric: held.get(metric) or first_kernel(metric, problems[metric].features) for metric in METRICS}
    if args.search:
        with ProcessPoolExecutor(len(METRICS)) as pool:
            jobs = {metric: pool.submit(search, problems[metric], found[metric], args.search) for metric in METRICS}
            found = {metric: job.result() for metric, job in jobs.items()}
    chosen = {metric: _rounded(kernel) for metric, kernel in found.items()}
    for metric, kernel in chosen.items():
        problems[metric].reweigh(kernel)
        print(f"{metric} before the lattice: {medians(problems[metric].errors(kernel))}", flush=True)
        if args.search and not args.check:
            _write({**_read(), "kernels": {name: _plain(one) for name, one in chosen.items()}})
    trust = {metric: _told(data, problems[metric].trust) for metric in METRICS}
    given = replace(given, kernels=chosen, trust=trust)
    fitted = fit(given, catalog, data)
    written: dict[str, Any] = {
        "date": catalog.date,
        "measured": data.digest,
        "coefficients": given.coefficients,
        "kernels": {metric: _plain(kernel) for metric, kernel in chosen.items()},
        "trust": trust,
        "weights": {metric: [float(f"{one:.6g}") for one in fitted.transfers[metric].weights] for metric in METRICS},
        **_checked(data, logs, given, fitted, groups),
    }
    if not args.check:
        _write(written)
        before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
        PAGE.write_text(before + MARKS[0] + errors_table(written) + MARKS[1] + rest.split(MARKS[1])[1], encoding="utf-8")
    return 0


def errors_table(content: Mapping[str, Any]) -> str:
    """The part of docs/estimator.md on errors."""
    names = ("itl", "ttft", "output_tokens_per_second")
    lines = [
        "Median absolute error, share of measurements inside the 90 % interval, and its median width (high less low, over the value),",
        f"on data of {content['date']}:",
        "",
        "| left out | ITL | TTFT | output tokens/s |",
        "|---|---|---|---|",
    ]
    for distance in ("curve", "combination", "model", "accelerator"):
        found = content["classes"]["errors"][distance]
        cells = (
            f"{found[f'{name}_error']:.1%}, {found[f'{name}_covered']:.0%} inside, width {found[f'{name}_width']:.0%}" for name in names
        )
        lines.append(f"| {distance} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _read() -> dict[str, Any]:
    return dict(json.loads(TARGET.read_text())) if TARGET.exists() else {"kernels": {}}


def _write(content: dict[str, Any]) -> None:
    TARGET.write_text(json.dumps(content, indent=None, sort_keys=True) + "\n")


def _problems(data: Measured, logs: Floats, given: Parameters, groups: dict[Distance, Ints]) -> dict[str, Problem]:
    facts, by, times = physics_of(given, data)
    found, doubted = residuals(data, times), in_doubt(data, facts)
    points = (data.input_tokens, data.output_tokens, running(data, facts))
    without: dict[str, dict[str, list[Floats]]] = {metric: {} for metric in METRICS}
    for distance, codes in groups.items():
        if distance is Distance.CURVE:
            continue
        for metric in METRICS:
            without[metric][distance] = []
        for group in np.unique(codes):
            refitted = replace(given, coefficients=table_of(fit_coefficients(data, np.flatnonzero(codes != group), logs, REFITS)))
            left = residuals(data, physics_of(refitted, data)[2])
            for metric in METRICS:
                without[metric][distance].append(left[metric])
    return {
        metric: Problem(
            kernels.features(metric, facts, by, times, *points),
            data.which,
            data.replicas.kinds,
            found[metric],
            doubted[metric],
            groups,
            without[metric],
        )
        for metric in METRICS
    }


def _checked(data: Measured, logs: Floats, given: Parameters, fitted: Fitted, every: dict[Distance, Ints]) -> dict[str, Any]:
    """Errors near by, widths of intervals, shares of checks and errors, at each distance."""
    classes: dict[str, Any] = {"errors": {}, "widths": {}, "checks": {}}
    scattered: dict[str, Any] = {metric: {} for metric in METRICS}

    def without(rows: Ints) -> dict[str, dict[str, float]]:
        return table_of(fit_coefficients(data, rows, logs, REFITS))

    for distance, groups in every.items():
        checks = check_curves(data, fitted) if distance is Distance.CURVE else check(data, fitted.catalog, distance, groups, without, given)
        wrong = errors(data, checks)
        told = scatters(data, wrong)
        near = {metric: near_by(data, fitted, metric, groups, told[metric]) for metric in METRICS}
        table = widths(data, distance, checks, wrong, near)
        for metric in METRICS:
            scattered[metric][distance] = told[metric]
        classes["widths"][distance] = table
        classes["checks"][distance] = shares(data, wrong["request"])
        classes["errors"][distance] = summary(data, distance, checks, table, near)
        print(distance, classes["errors"][distance], flush=True)
    return {"classes": classes, "scatter": scattered}


def _told(data: Measured, trust: Floats) -> dict[str, dict[str, float]]:
    """Curve -> load -> trust, where it is less than three quarters of any other's."""
    found: dict[str, dict[str, float]] = {}
    for number, load, one in zip(data.curve, data.load, trust, strict=True):
        found.setdefault(data.curves[number].key, {})[f"{load:g}"] = max(round(float(one), 2), 0.01)
    return {key: {load: one for load, one in points.items() if one < 0.75} for key, points in found.items() if min(points.values()) < 0.75}


def _rounded(kernel: Kernel) -> Kernel:
    plain = _plain(kernel)
    return Kernel(kernel.metric, plain["amplitudes"], plain["lengths"], plain["centre"], plain["noise"])


def _plain(kernel: Kernel) -> dict[str, Any]:
    return {
        "amplitudes": {name: round(value, 4) if value >= LEAST_AMPLITUDE else 0.0 for name, value in kernel.amplitudes.items()},
        "lengths": {group: {name: round(value, 4) for name, value in one.items()} for group, one in kernel.lengths.items()},
        "centre": dict(kernel.centre),
        "noise": round(kernel.noise, 4),
    }


if __name__ == "__main__":
    sys.exit(main())
