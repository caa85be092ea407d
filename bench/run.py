"""The budgets, measured: whole processes, the median of some runs, terraform beside them in the same run where it is installed.

    python bench/run.py [--quick]

``--quick`` leaves out plans of 3,000 objects: terraform alone takes minutes to create as many.

Leaves no trace: everything happens in a temporary folder, and the sandboxes that it starts are stopped.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import estimates
import profile_query
import sandbox_rates
from fleet import MANY, MOST, Fleet
from measure import BenchError, Process, Row, beside, covered, pauses, run, seconds, side_by_side, table
from terraform import CHANGING, RESOURCES, Terraform, prepared

from giqplan.errors import GiqplanError
from giqplan.sandbox import control

ROOT = Path(__file__).resolve().parent.parent
GIQPLAN = str(Path(sys.executable).parent / "giqplan")
SANDBOX = Path(".giqplan") / "sandbox"
HURRY = "1200"
"""Simulated seconds a second while something is applied: what the world takes is not what is measured."""
DEMO = "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import demo; demo.FOLDER = pathlib.Path(sys.argv[2]); sys.exit(demo.main())"
LEFT_OUT = "Left out (--quick): apply and no-change plan of 3,000 objects."


@dataclass(frozen=True)
class Bench:
    """``folder``: a copy of the quickstart; ``peer``: None without terraform."""

    folder: Path
    peer: Terraform | None
    quick: bool

    def giqplan(self, *words: str) -> Process:
        return run((GIQPLAN, *words), self.folder)

    def beside_terraform(self, words: tuple[str, ...], peer: tuple[str, ...], runs: int) -> tuple[list[Process], list[Process]]:
        """Runs of giqplan and, in turns with them, of terraform."""
        commands = [((GIQPLAN, *words), self.folder)]
        if self.peer:
            commands.append(((self.peer.program, *peer), self.peer.folder))
        measured = side_by_side(commands, runs)
        return measured[0], measured[1] if self.peer else []


def told(what: str, values: list[Process]) -> str:
    return beside(f"terraform {what}", seconds(values)) if values else "no terraform here"


def start_up(bench: Bench) -> Iterator[Row]:
    bare = side_by_side([((sys.executable, "-c", "import argparse"), bench.folder)], 9)[0]
    python = beside("python -c 'import argparse'", seconds(bare))
    for flag in ("--help", "--version"):
        ours, peer = bench.beside_terraform((flag,), (flag.removeprefix("-"),), 9)
        yield Row(f"giqplan {flag}", seconds(ours), "s", 0.1, f"{told(flag.removeprefix('-'), peer)}, {python}")
    ours, peer = bench.beside_terraform(("validate",), ("validate",), 9)
    yield Row("validate one file, its three environments", seconds(ours), "s", 0.2, told("validate", peer))
    ours, peer = bench.beside_terraform(("plan", "--offline"), ("plan", "-refresh=false"), 9)
    yield Row("plan --offline", seconds(ours), "s", 0.4, told("plan -refresh=false", peer))
    memory = beside("terraform", [p.peak_mib for p in peer], "MiB") if peer else ""
    yield Row("plan --offline, peak memory", [p.peak_mib for p in ours], "MiB", 80, memory)


def sandbox_start(bench: Bench) -> Iterator[Row]:
    """A new world each time: keys and certificates are made, too."""
    times = []
    for _ in range(5):
        shutil.rmtree(bench.folder / SANDBOX, ignore_errors=True)
        times.append(bench.giqplan("sandbox", "start").seconds)
        bench.giqplan("sandbox", "stop")
    yield Row("sandbox start, a new world", times, "s", 0.4)


def ready_world(bench: Bench) -> Iterator[Row]:
    """Applies the quickstart; yields no row."""
    bench.giqplan("sandbox", "start", "--speed", HURRY)
    bench.giqplan("apply", "--sandbox", "--auto-approve")
    yield from ()


def no_change_plan(bench: Bench) -> Iterator[Row]:
    bench.giqplan("sandbox", "start", "--speed", "60")
    if "No changes" not in bench.giqplan("plan", "--sandbox").stdout:
        raise BenchError("the plan right after apply is not empty")
    ours, peer = bench.beside_terraform(("plan", "--sandbox"), ("plan",), 9)
    yield Row(
        "no-change plan, one deployment",
        seconds(ours),
        "s",
        1.0,
        f"{told('plan', peer)} ({RESOURCES} terraform_data)" if peer else told("", []),
    )
    yield Row(
        "no-change plan, peak memory",
        [p.peak_mib for p in ours],
        "MiB",
        None,
        beside("terraform", [p.peak_mib for p in peer], "MiB") if peer else "",
    )
    bench.giqplan("sandbox", "log", "--latency-ms", "50")
    slow = [bench.giqplan("plan", "--sandbox") for _ in range(3)]
    chain = bench.giqplan("sandbox", "log", "--run", "last", "--critical-path").stdout.splitlines()[-1]
    bench.giqplan("sandbox", "log", "--latency-ms", "0")
    yield Row("its longest chain of requests, 50 ms added to each", [float(chain.split()[0])], "requests", 4)
    yield Row("that plan's wall time", seconds(slow), "s", None)


def apply_overhead(bench: Bench) -> Iterator[Row]:
    """Another lowest number of replicas changes one object, a new label all of the workload's."""
    bench.giqplan("sandbox", "start", "--speed", HURRY)
    intent = bench.folder / "inference.yaml"
    text = intent.read_text(encoding="utf-8")
    one, all_of_them, peer = [], [], []
    for turn in range(7):
        text = re.sub(r"minReplicas: \d", f"minReplicas: {2 - turn % 2}", text, count=1)
        one.append(outside_requests(bench, intent, text, 1))
        text = re.sub(r"\{team: .*?\}", f"{{team: docs-{turn}}}", text, count=1)
        all_of_them.append(outside_requests(bench, intent, text, CHANGING))
        if bench.peer:
            command = (bench.peer.program, "apply", "-auto-approve", f"-var=label={turn}")
            peer.append(run(command, bench.peer.folder).seconds)
    note = (
        "wall time of the process, less the time that at least one of its requests was inside the sandbox, less the pauses before "
        "another look at a rollout. Start of the interpreter, imports, planning with its dry-runs, journal and state are in it, spread "
        "over so few objects; the next line is what each further object adds to that."
    )
    said = beside("terraform apply, whole,", [1000 * value / CHANGING for value in peer], "ms") if peer else "no terraform here"
    yield Row(f"apply of {CHANGING} updates outside requests, an object", [1000 * v / CHANGING for v in all_of_them], "ms", 2, said, note)
    further = [1000 * (whole - single) / (CHANGING - 1) for whole, single in zip(all_of_them, one, strict=True)]
    yield Row(f"each further object ({CHANGING} updates less 1 update)", further, "ms", 2)


def outside_requests(bench: Bench, intent: Path, text: str, updates: int) -> float:
    """Apply ``text`` and return the seconds that were neither inside a request nor a pause before another look at the same object."""
    intent.write_text(text, encoding="utf-8")
    process = bench.giqplan("apply", "--sandbox", "--auto-approve", "--quiet")
    if f"{updates} updated" not in process.stdout:
        raise BenchError(f"{updates} updates were expected: {process.stdout[-200:]}")
    return own_seconds(bench.folder, process)


def own_seconds(folder: Path, process: Process) -> float:
    """What of the latest run against a folder's sandbox was neither inside a request nor a pause before another look at the same object."""
    entries = control.log(folder / SANDBOX)
    last = next(entry.run for entry in reversed(entries) if entry.run)
    mine = [entry for entry in entries if entry.run == last and not entry.stream]
    waited = pauses([(f"{e.method} {e.path}?{e.query}", e.start, e.end) for e in mine])
    return process.seconds - covered((e.start, e.end) for e in mine) - waited


def many_objects(bench: Bench) -> Iterator[Row]:
    home = bench.folder.parent
    fleet = Fleet(GIQPLAN, home, HURRY, lambda folder, *words: run((GIQPLAN, *words), folder), own_seconds)
    try:
        yield from fleet.rows((MANY,) if bench.quick else (MANY, MOST))
    finally:
        for folder in home.glob("fleet-*"):
            control.stop(folder / SANDBOX)


def sandbox_speed(bench: Bench) -> Iterator[Row]:
    bench.giqplan("sandbox", "start", "--speed", "60")
    reads, applies = sandbox_rates.rates(bench.folder / SANDBOX, "inference", "quickstart")
    yield Row("sandbox: read of a Deployment", reads, "ms", 3, note="one client, TLS, one kept connection, one request after the other.")
    yield Row("sandbox: server-side apply of a Deployment, changed", applies, "ms", 10)


def queries(bench: Bench) -> Iterator[Row]:
    yield from profile_query.rows(profile_query.measured())


def estimator(bench: Bench) -> Iterator[Row]:
    yield from estimates.rows()


def demo(bench: Bench) -> Iterator[Row]:
    """The script of `make demo` once set up, in a folder of its own."""
    command = (sys.executable, "-c", DEMO, str(ROOT / "scripts"), str(bench.folder.parent / "demo"))
    yield Row("make demo, once set up", [run(command, ROOT).seconds], "s", 45)


PARTS = (start_up, sandbox_start, ready_world, no_change_plan, apply_overhead, sandbox_speed, many_objects, demo, estimator, queries)
"""``estimator`` and ``queries`` last: they make this process large, and the system counts what a process has at its start as part of its
peak."""


def main() -> int:
    """Print the table; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out plans of 3,000 objects")
    quick, start = parser.parse_args().quick, time.monotonic()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed giqplan has its byte code: compiling it anew is not what is measured
    rows: list[Row] = []
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="giqplan-bench-") as name:
        bench = Bench(Path(name) / "quickstart", prepared(Path(name) / "terraform"), quick)
        shutil.copytree(ROOT / "examples" / "quickstart", bench.folder, ignore=shutil.ignore_patterns(".giqplan"))
        try:
            for part in PARTS:
                try:
                    rows += part(bench)
                except (BenchError, GiqplanError) as error:
                    missed.append(f"not measured: {part.__name__}: {error}")
        finally:
            for folder in (bench.folder, bench.folder.parent / "demo"):
                if folder.exists():
                    control.stop(folder / SANDBOX)
    took = f"All of it took {(time.monotonic() - start) / 60:.1f} minutes."
    print("\n\n".join([table(rows), *missed, *([LEFT_OUT] if quick else []), took]))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
