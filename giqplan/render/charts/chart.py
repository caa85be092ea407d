"""A chart as a value: what is drawn and what is said about it, before anybody decides how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf


class Tone(StrEnum):
    """What a line or mark means. No tone is told by its colour alone: each has its own dash, size or filling, too."""

    IDEAL = "ideal"
    SATURATION = "saturation"
    GROWING = "growing"
    LATE = "late"
    HELD = "held"
    FRONT = "front"
    BEATEN = "beaten"
    DOUBTED = "doubted"


@dataclass(frozen=True)
class Axis:
    """``title`` with its unit; ``log``: equal factors are equal distances."""

    title: str
    log: bool = False


@dataclass(frozen=True)
class Path:
    """Straight lines from point to point."""

    points: tuple[tuple[float, float], ...]
    tone: Tone


@dataclass(frozen=True)
class Mark:
    """``shape`` counts through the shapes of whoever draws; ``sign``: one character that stands for it in a terminal; ``label`` beside
    it in a picture, "" = none. ``tip``: what is told about it, the first line names it."""

    x: float
    y: float
    tone: Tone
    shape: int
    sign: str
    tip: tuple[str, ...]
    label: str = ""


@dataclass(frozen=True)
class Limit:
    """A straight line across the chart at ``value`` of the axis ``on`` ("x" or "y")."""

    on: str
    value: float
    label: str


@dataclass(frozen=True)
class Entry:
    """What a label stands for. ``shape`` None = no shape of its own."""

    label: str
    name: str
    about: str
    shape: int | None = None


@dataclass(frozen=True)
class Chart:
    """``about``: what holds for all of it, provenance, statistic and dates among it. ``key``: what the tones mean. ``notes``: what is
    not drawn, and why. ``origin``: the last line, which says what drew it from which data."""

    title: str
    about: tuple[str, ...]
    x: Axis
    y: Axis
    paths: tuple[Path, ...]
    marks: tuple[Mark, ...]
    limits: tuple[Limit, ...]
    key: tuple[tuple[Tone, str], ...]
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    origin: str

    def values(self, axis: str) -> tuple[float, ...]:
        """All that is drawn along one axis, without the limits."""
        at = "xy".index(axis)
        drawn = [point[at] for path in self.paths for point in path.points]
        return (*drawn, *((mark.x, mark.y)[at] for mark in self.marks))


FAR = 3.0
"""A limit more than this factor above all that is drawn would leave little room for it, and is told instead."""


def within_sight(chart: Chart) -> Chart:
    """The chart without limits that lie far above all that is drawn; a note says so of each. A logarithmic axis has room for all."""
    kept: list[Limit] = []
    notes = list(chart.notes)
    for limit in chart.limits:
        axis = chart.x if limit.on == "x" else chart.y
        if not axis.log and limit.value > FAR * max(chart.values(limit.on)):
            notes.append(f"{limit.label} lies far above all that is drawn, and is not")
        else:
            kept.append(limit)
    return replace(chart, limits=tuple(kept), notes=tuple(notes))


def letter(index: int) -> str:
    """A, B ... Z, then + for all that come later."""
    return chr(ord("A") + index) if index < 26 else "+"


def span_text(values: Sequence[str]) -> str:
    """``a`` or ``a to z`` of dates and the like."""
    known = sorted({value for value in values if value})
    return "unknown" if not known else known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"


LENGTHS_DIFFER = (
    "measured at token lengths that differ by more than 20 %: only like compares with like "
    "(--use-case, or --target-input-length and --target-output-length)"
)


def lengths_differ(lengths: Iterable[tuple[int | None, int | None]]) -> bool:
    """Whether prompts or answers differ by more than 20 %, Google's own tolerance, or some are unknown."""
    found = list(lengths)
    ways = [[pair[way] for pair in found] for way in (0, 1)]
    return len(found) > 1 and any(_spread(way) > 1.2 for way in ways)


def _spread(way: Sequence[int | None]) -> float:
    known = [value for value in way if value]
    return inf if len(known) < len(way) else max(known) / min(known)
