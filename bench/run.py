"""The budgets of the design, measured: whole processes, median of some runs, a peer beside it in the same run where one is installed.

    python bench/run.py

Leaves no trace: everything happens in a temporary folder, and the sandbox that it starts is stopped.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GIQPLAN = (sys.executable, "-m", "giqplan")
PEER_RESOURCES = 10
"""About as many as one deployment has objects."""


def seconds(command: Sequence[str], folder: Path, runs: int = 5) -> float | None:
    """Median wall time of ``command`` in ``folder``; None when it does not end well."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
        times.append(time.perf_counter() - start)
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            print(f"note: {' '.join(command[2:])} ended with {done.returncode}: {said[0] if said else ''}", file=sys.stderr)
            return None
    return statistics.median(times)


def peak_mib(command: Sequence[str], folder: Path) -> float:
    """Peak memory of one run, in MiB, as the system counts it for a child of its own."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], capture_output=True); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    told = subprocess.run((sys.executable, "-c", code, *command), cwd=folder, capture_output=True, text=True, check=True).stdout
    return int(told) / (1024 if sys.platform != "darwin" else 2**20)


def row(what: str, budget: str, measured: str, peer: str = "") -> None:
    print(f"| {what} | {budget} | {measured} | {peer} |", flush=True)


def shown(value: float | None) -> str:
    return "not measured (see the note)" if value is None else f"{value:.3f} s"


def terraform_no_change(folder: Path, count: int) -> str:
    """What terraform takes for a no-change plan of ``count`` built-in terraform_data resources."""
    program = shutil.which("terraform")
    if program is None:
        return "terraform is not installed"
    folder.mkdir()
    config = {"resource": {"terraform_data": {"x": {"count": count, "input": "${count.index}"}}}}
    (folder / "main.tf.json").write_text(json.dumps(config))
    for step in ("init", "apply -auto-approve"):
        if subprocess.run((program, *step.split()), cwd=folder, capture_output=True, timeout=60, check=False).returncode:
            return "terraform does not run here"
    return f"terraform {shown(seconds((program, 'plan'), folder))} ({count} terraform_data)"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="giqplan-bench-") as name:
        folder = Path(name) / "quickstart"
        shutil.copytree(ROOT / "examples" / "quickstart", folder, ignore=shutil.ignore_patterns(".giqplan"))
        print("| what | budget | measured | beside it |\n|---|---|---|---|")
        bare = shown(seconds((sys.executable, "-c", "import argparse"), folder))
        for flag in ("--help", "--version"):
            row(f"giqplan {flag}", "0.100 s", shown(seconds((*GIQPLAN, flag), folder)), f"python -c 'import argparse' {bare}")
        row("validate one file", "0.200 s", shown(seconds((*GIQPLAN, "validate"), folder)))
        offline = (*GIQPLAN, "plan", "--offline")
        row("plan --offline", "0.400 s, 80 MiB", f"{shown(seconds(offline, folder))}, {peak_mib(offline, folder):.0f} MiB")
        try:
            with_sandbox(folder, Path(name) / "terraform")
        finally:
            subprocess.run((*GIQPLAN, "sandbox", "stop"), cwd=folder, capture_output=True, check=False)
    print("\nNot measured yet, as the commands are not there: plans of 100 and 300 intents in one, apply of 1,000 and 3,000 objects.")


def with_sandbox(folder: Path, peer: Path) -> None:
    start = time.perf_counter()
    subprocess.run((*GIQPLAN, "sandbox", "start"), cwd=folder, capture_output=True, timeout=60, check=False)
    row("sandbox start, whole process", "0.400 s", f"{time.perf_counter() - start:.3f} s")
    applied = seconds((*GIQPLAN, "apply", "--sandbox", "--auto-approve"), folder, runs=1)
    row("apply the quickstart, simulated waiting included", "none", shown(applied))
    if applied is not None:
        plan = (*GIQPLAN, "plan", "--sandbox")
        told = subprocess.run(plan, cwd=folder, capture_output=True, text=True, check=False).stdout
        empty = "No changes" in told
        what = "no-change plan, one deployment" if empty else "plan right after apply, which still finds changes"
        row(what, "1.000 s", shown(seconds(plan, folder)), terraform_no_change(peer, PEER_RESOURCES))


if __name__ == "__main__":
    main()
