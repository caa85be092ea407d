"""What a report says, whatever its format: measurements with the place of each, in our units (milliseconds, rates per second)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from giqplan.errors import CatalogError, Place

MILLI = Decimal(1000)
LEAST, LARGEST = Decimal("1e-15"), Decimal("1e15")
"""No time, rate or count of a benchmark lies beyond."""


@dataclass(frozen=True)
class Latency:
    """One latency in milliseconds by statistic; ``unsaid``: the source names none. All None = not measured."""

    p50: Decimal | None = None
    mean: Decimal | None = None
    unsaid: Decimal | None = None

    def __bool__(self) -> bool:
        return not self.p50 is self.mean is self.unsaid is None


@dataclass(frozen=True)
class Claim:
    """What a report says of the thing that was measured, and in which field."""

    text: str
    where: str


@dataclass(frozen=True)
class Measurement:
    """One load level as one place of one file has it.

    ``format``: of the file, with its version. ``place``: file and line; ``where``: the object or row in words ("benchmarks[1]", "row 3").
    ``run``: what measurements of one run share within their format. ``load``: what was asked for, None = the report does not say;
    ``load_kind``: rate or concurrency. ``itl``: the report's own inter-token latency, ``tpot``: (latency - TTFT) / (tokens - 1) by
    its own count. ``itl_is_given``: the format has no better source of it than its own figure. ``input_tokens``, ``output_tokens``:
    means. ``said``: column of curves.csv -> claim. ``notes`` stand in the catalog, ``warnings`` are only told.
    """

    format: str
    place: Place
    where: str
    run: str
    load: Decimal | None
    load_kind: str
    qps: Decimal | None
    output_tokens_per_second: Decimal | None
    ntpot: Latency
    ttft: Latency
    itl: Latency = Latency()
    tpot: Latency = Latency()
    itl_is_given: bool = False
    input_tokens: Decimal | None = None
    output_tokens: Decimal | None = None
    succeeded: int | None = None
    failed: int | None = None
    incomplete: int | None = None
    measured_at: str = ""
    said: Mapping[str, Claim] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.place}, {self.where}" if self.where else str(self.place)


def unreadable(code: str, detail: str, remedy: str, file: str, line: int = 0, column: int = 0) -> CatalogError:
    """The error of a report file; ``line`` 0 = of the whole file."""
    return CatalogError(code, detail, remedy, Place(file, line, column))


AGAIN = "Take the report from its tool again; the catalog is as it was."


def broken(file: str, detail: str, line: int = 0, column: int = 0) -> CatalogError:
    """A report that does not say what its format wants."""
    return unreadable("GIQ1217", detail, AGAIN, file, line, column)
