"""What a benchmark needs: whole processes timed side by side, and a table of what was measured against what is allowed."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

HEAD = ("what", "n", "median", "min - max", "budget", "verdict", "beside it, in the same run")


class BenchError(Exception):
    """A command that is to be measured does not end well."""


@dataclass(frozen=True)
class Process:
    """One process from start to exit; ``peak_mib`` is its largest resident memory."""

    seconds: float
    peak_mib: float
    stdout: str


def run(command: Sequence[str], folder: Path, allowed: Sequence[int] = (0,)) -> Process:
    """Run one process to its end. Raises BenchError when it ends with another code than the ``allowed`` ones."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        told = [_text(out), _text(err)]
    if process.returncode not in allowed:
        last = "\n".join(told).strip()[-500:]
        raise BenchError(f"{' '.join(command)} ended with {process.returncode}: {last}")
    return Process(seconds, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 2**20), told[0])


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def side_by_side(commands: Sequence[tuple[Sequence[str], Path]], runs: int) -> list[list[Process]]:
    """Each (command, folder) ``runs`` times, in turns, so that what else the machine does meets all of them alike.

    A first turn is not counted: it reads files that the later ones find in memory, and writes byte code.
    """
    for command, folder in commands:
        run(command, folder)
    turns = [[run(command, folder) for command, folder in commands] for _ in range(runs)]
    return [list(column) for column in zip(*turns, strict=True)]


@dataclass(frozen=True)
class Row:
    """One line of the table. ``values`` and ``budget`` are in ``unit``; budget None = none is set. ``note``: what the number includes."""

    what: str
    values: Sequence[float]
    unit: str
    budget: float | None
    beside: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        if self.budget is None:
            return "-"
        return "ok" if self.median <= self.budget else "OVER"

    def cells(self) -> tuple[str, ...]:
        spread = f"{shown(min(self.values))} - {shown(max(self.values))}" if len(self.values) > 1 else ""
        budget = "-" if self.budget is None else f"{shown(self.budget)} {self.unit}"
        return (self.what, str(len(self.values)), f"{shown(self.median)} {self.unit}", spread, budget, self.verdict, self.beside)


def shown(value: float) -> str:
    """Three significant digits, no exponent."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def seconds(processes: Iterable[Process]) -> list[float]:
    return [process.seconds for process in processes]


def beside(name: str, values: Sequence[float], unit: str = "s") -> str:
    """A peer's measurement as the last column shows it."""
    return f"{name} {shown(statistics.median(values))} {unit}"


def table(rows: Sequence[Row]) -> str:
    """The rows, aligned; their notes below."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    right = {1, 2, 4}
    text = [
        "  ".join(cell.rjust(width) if i in right else cell.ljust(width) for i, (cell, width) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    ]
    text.insert(1, "  ".join("-" * width for width in widths))
    notes = [textwrap.fill(f"{row.what}: {row.note}", 120) for row in rows if row.note]
    return "\n\n".join(["\n".join(line.rstrip() for line in text), *notes])


Interval = tuple[float, float]
"""Start and end, in seconds."""


def covered(intervals: Iterable[Interval]) -> float:
    """The length of the union: time that several intervals share counts once."""
    total, reach = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reach))
        reach = max(reach, end)
    return total


def pauses(requests: Sequence[tuple[str, float, float]]) -> float:
    """Time spent waiting for the world: before each repeated look at a thing that was read already since the last change was asked for.

    ``requests``: (method and target, start, end).
    """
    total, reach = 0.0, float("inf")
    seen: set[str] = set()
    for what, start, end in sorted(requests, key=lambda request: request[1]):
        if not what.startswith("GET "):
            seen.clear()
        elif what in seen:
            total += max(0.0, start - reach)
        else:
            seen.add(what)
        reach = end if reach == float("inf") else max(reach, end)
    return total
