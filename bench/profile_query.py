"""Questions over 1,000,000 performance points: a generated catalog is built as columns, loaded by memory map and asked, beside DuckDB
where it is installed (budget: 50 ms warm, memory below 3 x the data).

python bench/profile_query.py
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
import profile_query_duckdb
from measure import BenchError, Row, beside, run, table

from giqplan.catalog import Curve, Point
from giqplan.catalog.columns import Columns, build, load, save
from giqplan.catalog.query import ask
from giqplan.model.profiles import NEAR, Hardware, Offer, ProfileAnswers, ProfileQuery
from giqplan.model.recommendation import Price, PricingModel, Profile, Provenance, Statistic

POINTS = 1_000_000
LOADS = 10
RUNS = 20
BUDGET_MS = 50
BUDGET_MEMORY = 3.0
DIGEST = "sha256:generated"
ACCELERATORS = ("nvidia-l4", "nvidia-a100-80gb", "nvidia-h100-80gb", "nvidia-h200-141gb", "nvidia-b200", "tpu-v5e", "tpu-v6e", "nvidia-t4")
SERVERS = ("vllm", "sglang", "tgi", "jetstream")
LENGTHS = ((128, 128), (512, 32), (1024, 128), (1024, 1024), (8192, 256), (8192, 1024))
OFFERS = {
    Hardware(name, count, ""): Offer(
        f"{name}-{count}", Price(f"{name}-{count}", "r", PricingModel.SPOT, Decimal(count * (i + 1)), "2026-01-01", "verified", "generated")
    )
    for i, name in enumerate(ACCELERATORS)
    for count in (1, 2, 4, 8)
}


def curves(points: int) -> Iterator[Curve]:
    """Closed loops of 1 to 512 requests at servers of drawn speed and capacity, with 5 % noise; some loads are slow outliers, 3 % of the
    points are suspect. The seed is fixed."""
    draw = np.random.default_rng(1)
    count = points // LOADS
    concurrency = 2.0 ** np.arange(LOADS)
    noise = draw.lognormal(0, 0.05, (count, LOADS)) * np.where(draw.random((count, LOADS)) < 0.02, 2, 1)
    token_ms, capacity = draw.lognormal(2.3, 0.6, count), draw.lognormal(4, 1, count)
    suspect = draw.random((count, LOADS)) < 0.03
    kind = draw.integers(0, 1 << 30, count)
    for c in range(count):
        k = int(kind[c])
        given, wanted = LENGTHS[k % 6]
        ntpot = np.maximum(1, concurrency / capacity[c]) * token_ms[c] * noise[c]
        qps = concurrency / (ntpot * wanted / 1000)
        ttft = 20 + ntpot * 3
        yield Curve(
            key=f"c-{c:012x}",
            profile=Profile(
                f"owner/model-{k // 6 % 200}",
                SERVERS[k // 7 % 4],
                f"0.{k // 11 % 9}.0",
                ACCELERATORS[k // 13 % 8],
                1 << k // 17 % 4,
                "",
                ("bf16", "fp8")[k // 19 % 2],
                f"tp{1 << k // 17 % 4}",
            ),
            provenance=tuple(Provenance)[k // 23 % 4],
            input_tokens=given,
            output_tokens=wanted,
            statistic=Statistic.P50,
            load_kind="concurrency",
            replicas=1,
            points=tuple(
                Point(n, q, q * wanted, t, (o * wanted - t) / (wanted - 1), o, suspect="drawn" if s else "")
                for n, q, t, o, s in zip(concurrency.tolist(), qps.tolist(), ttft.tolist(), ntpot.tolist(), suspect[c], strict=True)
            ),
            measured_at="2026-01",
            source="generated",
            licence="",
        )


QUERIES: dict[str, ProfileQuery] = {
    "all curves within NTPOT, TTFT and ITL, by cost, first 20": ProfileQuery(ntpot_ms=30, ttft_ms=150, itl_ms=30, offers=OFFERS, limit=20),
    "all curves at their saturation points, by cost, first 20": ProfileQuery(offers=OFFERS, limit=20),
    "within NTPOT on two accelerators, near 1024/1024 tokens, at most $2 per million": ProfileQuery(
        accelerators=ACCELERATORS[:2],
        input_tokens=1024,
        output_tokens=1024,
        max_distance=NEAR,
        ntpot_ms=30,
        offers=OFFERS,
        max_usd_per_million_output_tokens=Decimal(2),
        limit=20,
    ),
    "one model on one server, within TTFT": ProfileQuery(
        models=("owner/model-7",), servers=("vllm",), ttft_ms=100, offers=OFFERS, limit=20
    ),
    "an impossible NTPOT: reachable range and nearest miss": ProfileQuery(ntpot_ms=0.001, offers=OFFERS, limit=20),
}


@dataclass
class Measured:
    """Milliseconds of loading, of the first query behind it, and of each warm one; bytes of the columns; what the process grew by at
    most, as a share of them. ``first``: the keys of each question's rows."""

    load_ms: float
    first_ms: float
    nbytes: int
    memory_share: float
    query_ms: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, list[str]] = field(default_factory=dict)


def resident() -> int:
    """Bytes of this process in memory at most so far, the mapped pages it has touched included."""
    status = Path("/proc/self/status")
    if status.exists():  # the other figure would begin with the parent's, out of which this process was made
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def ours(folder: Path) -> Measured:
    """In a process of its own, so that load and memory are those of a command."""
    ask(build(list(curves(2 * LOADS)), DIGEST), ProfileQuery())  # imports and first calls are not the data's
    before = resident()
    start = time.perf_counter()
    columns = loaded(folder)
    load_ms = (time.perf_counter() - start) * 1000
    measured = Measured(load_ms, timed(columns, next(iter(QUERIES.values()))), columns.nbytes, 0)
    for name, query in QUERIES.items():
        measured.first[name] = [row.curve_key for row in ask(columns, query).rows]
        measured.query_ms[name] = [timed(columns, query) for _ in range(RUNS)]
    measured.memory_share = (resident() - before) / columns.nbytes
    return measured


def loaded(folder: Path) -> Columns:
    found = load(folder, DIGEST)
    if found is None:
        raise BenchError(f"{folder} holds no columns")
    return found


def timed(columns: Columns, query: ProfileQuery) -> float:
    start = time.perf_counter()
    answers: ProfileAnswers = ask(columns, query)
    spent = (time.perf_counter() - start) * 1000
    assert answers.considered
    return spent


@dataclass(frozen=True)
class Result:
    """``peer_ms``: milliseconds of the same questions in DuckDB; None where it is not installed."""

    build_seconds: float
    ours: Measured
    peer_ms: dict[str, list[float]] | None


def measured(points: int = POINTS) -> Result:
    """Generate, build, save, then ask; the same of DuckDB. Raises BenchError where the two give other answers."""
    with tempfile.TemporaryDirectory(prefix="giqplan-bench-columns-") as name:
        folder = Path(name) / "columns"
        start = time.perf_counter()
        save(build(curves(points), DIGEST), folder)
        seconds = time.perf_counter() - start
        mine = Measured(**json.loads(run((sys.executable, __file__, "--ask", str(folder)), Path(name)).stdout))
        if importlib.util.find_spec("duckdb") is None:
            return Result(seconds, mine, None)
        peer = profile_query_duckdb.asked(loaded(folder), QUERIES, RUNS)
    for name, keys in mine.first.items():
        if peer.first[name] != keys:
            raise BenchError(f"DuckDB answers {name!r} with {peer.first[name]}, giqplan with {keys}")
    return Result(seconds, mine, peer.query_ms)


def rows(found: Result) -> Iterator[Row]:
    """What `make bench` prints."""
    mine = found.ours
    yield Row(f"{POINTS:,} points: load by memory map", [mine.load_ms], "ms", None, note=f"{mine.nbytes / 2**20:.0f} MiB of columns")
    yield Row("first query behind it", [mine.first_ms], "ms", None, note="pages of the files come from the system's cache")
    yield Row(f"{POINTS:,} points: generate, build and save, once a catalog", [found.build_seconds], "s", None)
    for name, times in mine.query_ms.items():
        yield Row(name, times, "ms", BUDGET_MS, told(times, found.peer_ms[name]) if found.peer_ms else "no duckdb here")
    yield Row("memory of load and queries", [mine.memory_share], "x the data", BUDGET_MEMORY)


def told(mine: list[float], peer: list[float]) -> str:
    """The peer's median, and how many times ours it is."""
    return f"{beside('DuckDB', peer, 'ms')}, {statistics.median(peer) / statistics.median(mine):.1f} x ours"


def main() -> int:
    if sys.argv[1:2] == ["--ask"]:
        print(json.dumps(asdict(ours(Path(sys.argv[2])))))
        return 0
    found = list(rows(measured()))
    print(table(found))
    return int(any(row.verdict == "OVER" for row in found))


if __name__ == "__main__":
    sys.exit(main())
