"""Runs the commands of a page's ```console blocks and compares what they print with what the page shows.

A line that begins with "$ " is a command (going on in the next line after a backslash); the lines below are its output. "..." stands for
lines left out; empty lines do not count. Names and times that differ from run to run are compared by their form. All commands of a
page run in one shell.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MARK = "@@ that was one command @@"
_FORMS = (
    (re.compile(r"sandbox-[0-9a-f]{12}"), "sandbox-ID"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:]+Z"), "TIME"),
    (re.compile(r"^ *\d+\.\d s  "), "ELAPSED "),
    (re.compile(r" after \d+ s$"), ""),
    (re.compile(r"\b\d+\.\d ms"), "MS"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "DIGEST"),
)


@dataclass(frozen=True)
class Step:
    command: str
    shown: tuple[str, ...]


def steps(page: str) -> list[Step]:
    """Every command of the page's console blocks, in order."""
    found: list[Step] = []
    for block in re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.rstrip("\n").split("\n")
            last = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
            found.append(Step("\n".join(lines[: last + 1]), tuple(lines[last + 1 :])))
    return found


def run(commands: list[str], folder: Path) -> list[str]:
    """What each command prints (both streams), all of them in one shell in ``folder``."""
    script = "\n".join(f"{command}\nrc=$?; echo '{MARK}'; (exit $rc)" for command in commands)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GIQPLAN_", "COV", "COLUMNS"))}
    done = subprocess.run(
        ("bash", "-c", script),
        cwd=folder,
        env={**environment, "PATH": path, "PYTHONUNBUFFERED": "1", "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout.split(f"{MARK}\n")[:-1]


Forms = tuple[tuple[re.Pattern[str], str], ...]
"""What differs from run to run, and what stands for it in the comparison."""

ESTIMATES: Forms = (
    (re.compile(r"\bMS\b"), "N ms"),
    (re.compile(r"\d[\d,.]*"), "N"),
    (re.compile(r" {2,}"), "  "),
    (re.compile(r"\b[ABC](: end-to-end.*|(?=,))"), "CLASS"),
)
"""Numbers (of CSV, as many as stand together) and classes that another calibration changes, and the widths of columns with them."""


def same_form(line: str, forms: Forms = ()) -> str:
    for pattern, form in (*_FORMS, *forms):
        line = pattern.sub(form, line)
    return line.rstrip()


def difference(shown: tuple[str, ...], printed: str, forms: Forms = ()) -> str:
    """Empty when ``printed`` is what the page shows, else the first line where they part; what ``forms`` match may differ."""
    actual = [same_form(line, forms) for line in printed.split("\n") if line.strip()]
    at, skipping = 0, False
    for line in (same_form(one, forms) for one in shown if one.strip()):
        if line.strip() == "...":
            skipping = True
            continue
        while skipping and at < len(actual) and actual[at] != line:
            at += 1
        if at >= len(actual) or actual[at] != line:
            return f"the page shows {line!r}, the command prints {actual[at] if at < len(actual) else 'nothing more'!r}"
        at, skipping = at + 1, False
    return "" if skipping or at == len(actual) else f"the page ends before {actual[at]!r}"
