"""Fail when branch coverage of a room falls below its floor. Reads .coverage as pytest-cov left it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

FLOORS = {"engine": 95.0, "recommend": 95.0, "state": 95.0}
"""Percent of lines and branches; the rooms whose mistakes cost most (design: tests)."""


def room_coverage(report: dict[str, object]) -> dict[str, float]:
    """Percent covered (lines and branches together) of each room under giqplan/."""
    covered: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    files = report["files"]
    assert isinstance(files, dict)
    for name, entry in files.items():
        parts = Path(name).parts
        room = parts[parts.index("giqplan") + 1]
        summary = entry["summary"]
        covered[room] += summary["covered_lines"] + summary["covered_branches"]
        total[room] += summary["num_statements"] + summary["num_branches"]
    return {room: 100.0 * covered[room] / total[room] for room in total if total[room]}


def main() -> int:
    scratch = Path(".coverage.json")
    subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", str(scratch)], check=True)
    try:
        rooms = room_coverage(json.loads(scratch.read_text(encoding="utf-8")))
    finally:
        scratch.unlink()
    failed = False
    for room, percent in sorted(rooms.items()):
        floor = FLOORS.get(room)
        low = floor is not None and percent < floor
        failed |= low
        bound = f" (floor {floor:.0f} %)" if floor is not None else ""
        print(f"{'LOW ' if low else '    '}{room:20} {percent:5.1f} %{bound}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
