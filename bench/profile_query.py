"""Time and memory of a profile query over 1,000,000 synthetic points (budget: 50 ms warm, memory below 3 x the data).

python bench/profile_query.py
"""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc

import numpy as np

from giqplan.catalog.query import FIELDS, Columns, best_throughput

POINTS = 1_000_000
RUNS = 20
BUDGET_MS = 50
BUDGET_MEMORY = 3.0


def synthetic(count: int) -> Columns:
    """Ten points a curve, eight accelerators; numbers drawn with a fixed seed."""
    draw = np.random.default_rng(1)
    points = np.zeros(count, dtype=FIELDS)
    points["curve"] = np.arange(count) // 10
    points["accelerator"] = points["curve"] % 8
    points["trusted"] = draw.random(count) < 0.97
    points["load"] = 2.0 ** (np.arange(count) % 10)
    points["output_tokens_per_second"] = draw.lognormal(7, 1, count)
    points["ntpot_ms"] = draw.lognormal(3, 1, count)
    return Columns(points, tuple(f"c-{i:012x}" for i in range(-(-count // 10))), tuple(f"accelerator-{i}" for i in range(8)))


def measured() -> tuple[list[float], float]:
    """Milliseconds of each warm query, and the memory at the peak of one as a multiple of the data's."""
    table = synthetic(POINTS)
    best_throughput(table, 20.0, ("accelerator-1", "accelerator-2"))
    times = []
    for run in range(RUNS):
        start = time.perf_counter()
        best_throughput(table, 10.0 + run, ("accelerator-1", "accelerator-2"))
        times.append((time.perf_counter() - start) * 1000)
    tracemalloc.start()
    best_throughput(table, 20.0, ("accelerator-1", "accelerator-2"))
    extra = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return times, 1 + extra / table.points.nbytes


def main() -> int:
    times, share = measured()
    median = statistics.median(times)
    print(
        f"profile query, {POINTS:,} points: median {median:.1f} ms, worst {max(times):.1f} ms (budget {BUDGET_MS} ms); "
        f"memory {share:.2f} x the data (budget {BUDGET_MEMORY:g} x)"
    )
    return int(median > BUDGET_MS or share > BUDGET_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
