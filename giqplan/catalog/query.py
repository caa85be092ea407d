"""Questions over very many points at once: points as numpy columns, answers without a Python loop."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from giqplan.catalog.values import Curve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIELDS = [
    ("curve", "i4"),
    ("accelerator", "i2"),
    ("trusted", "?"),
    ("load", "f8"),
    ("qps", "f8"),
    ("output_tokens_per_second", "f8"),
    ("ttft_ms", "f8"),
    ("itl_ms", "f8"),
    ("ntpot_ms", "f8"),
]
_NUMBERS = tuple(name for name, kind in FIELDS if kind == "f8")


@dataclass(frozen=True)
class Columns:
    """``points``: one row a point with ``FIELDS``; NaN = unknown, ``trusted``: neither suspect nor queue-dominated.
    ``curve`` and ``accelerator`` count into ``keys`` and ``accelerators``. Rates are per replica."""

    points: NDArray[np.void]
    keys: tuple[str, ...]
    accelerators: tuple[str, ...]


@dataclass(frozen=True)
class Best:
    """The point with the most output tokens per second: its curve's key, its row in ``Columns.points``, and its numbers."""

    curve_key: str
    row: int
    output_tokens_per_second: float
    ntpot_ms: float


def columns(curves: Iterable[Curve]) -> Columns:
    """All points of ``curves`` as columns."""
    import numpy as np

    known = tuple(curves)
    accelerators = tuple(sorted({c.profile.accelerator for c in known}))
    code = {name: i for i, name in enumerate(accelerators)}
    nan = float("nan")
    rows = [
        (
            i,
            code[c.profile.accelerator],
            not p.suspect and not p.queue_dominated,
            *(nan if (value := getattr(p, name)) is None else value for name in _NUMBERS),
        )
        for i, c in enumerate(known)
        for p in c.points
    ]
    return Columns(np.array(rows, dtype=FIELDS), tuple(c.key for c in known), accelerators)


def best_throughput(table: Columns, ntpot_ms: float, accelerators: Collection[str] = ()) -> Best | None:
    """The trusted point with the most output tokens per second whose NTPOT is at most ``ntpot_ms``, on one of ``accelerators``
    (none named = any); None = there is none. Of equals the first."""
    import numpy as np

    points = table.points
    holds = points["ntpot_ms"] <= ntpot_ms  # false for NaN
    holds &= points["trusted"]
    if accelerators:
        wanted = np.array([name in accelerators for name in table.accelerators], dtype=bool)
        holds &= wanted[points["accelerator"]]
    rows = np.flatnonzero(holds)
    rates = points["output_tokens_per_second"][rows]
    if not rows.size or np.isnan(rates).all():
        return None
    row = int(rows[np.nanargmax(rates)])
    found = points[row]
    return Best(table.keys[found["curve"]], row, float(found["output_tokens_per_second"]), float(found["ntpot_ms"]))
