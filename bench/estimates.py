"""A million questions to the estimator: the whole command from CSV to CSV, and the estimator alone.

python bench/estimates.py
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from measure import Process, Row, run, table

from giqplan.catalog import open_catalog
from giqplan.recommend.estimator.door import Estimator
from giqplan.recommend.estimator.questions import COLUMNS, MODELS, Questions

POINTS = 1_000_000
BUDGET_SECONDS = 15
BUDGET_MIB = 1536
BATCH = 1 << 16
GIQPLAN = str(Path(sys.executable).parent / "giqplan")
HEADER = (MODELS[-1], *COLUMNS)


def questions(points: int) -> Iterator[Sequence[object]]:
    """Drawn setups of the catalog's curves at drawn lengths and loads, in the order of ``HEADER``. The seed is fixed."""
    draw = np.random.default_rng(1)
    setups = [
        (p.model_id, p.model_server, p.model_server_version, p.accelerator, p.accelerator_count, p.precision, p.parallelism)
        for p in (curve.profile for curve in open_catalog().bare_curves())
    ]
    chosen = draw.integers(0, len(setups), points).tolist()
    given, wanted = (np.rint(2.0 ** draw.uniform(low, high, points)).astype(int).tolist() for low, high in ((6, 13), (5, 11)))
    rate = (draw.random(points) < 0.2).tolist()
    load = np.round(2.0 ** draw.uniform(0, 8, points), 2).tolist()
    for setup, isl, osl, is_rate, n in zip(chosen, given, wanted, rate, load, strict=True):
        yield (*setups[setup], "rate" if is_rate else "concurrency", isl, osl, round(n / 16, 3) if is_rate else n)


def write(path: Path, points: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEADER)
        rows.writerows(questions(points))


def command(points: int) -> Process:
    with tempfile.TemporaryDirectory(prefix="giqplan-bench-estimates-") as name:
        folder = Path(name)
        write(folder / "in.csv", points)
        return run((GIQPLAN, "estimate", "--points", "in.csv", "--output", "out.csv"), folder)


def alone(points: int) -> float:
    """Seconds inside the estimator, the first question of each setup included."""
    catalog, rows = open_catalog(), questions(points)
    asked, estimator, spent = Questions(catalog, HEADER), Estimator(catalog), 0.0
    while some := [list(map(str, row)) for row in islice(rows, BATCH)]:
        batch = asked.batch(some)
        start = time.perf_counter()
        asked.answers(estimator, batch)
        spent += time.perf_counter() - start
    return spent


def rows(points: int = POINTS) -> Iterator[Row]:
    """What `make bench` prints."""
    process, inside = command(points), alone(points)
    yield Row(f"estimate --points, {points:,} points, CSV to CSV", [process.seconds], "s", BUDGET_SECONDS)
    yield Row("its peak memory, of a table", [process.peak_mib], "MiB", BUDGET_MIB)
    yield Row("estimate: points per second, whole command", [points / process.seconds], "points/s", None)
    yield Row("estimate: points per second, the estimator alone", [points / inside], "points/s", None)


if __name__ == "__main__":
    print(table(list(rows())))
