"""What the estimator is asked and what it answers: one replica, a workload shape and a load; latencies and throughput with intervals.

Times are milliseconds, rates per second and per replica. An answer is never without its class and reason (design rule 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Grade(StrEnum):
    """How far an estimate can be trusted: end-to-end latency within 20 % in at least 80 % of like checks (A), within 40 % (B), worse or
    unchecked (C). Like checks: cross-validated measurements of the same server, accelerator and model family at a like distance."""

    A = "A"
    B = "B"
    C = "C"


class LoadKind(StrEnum):
    """``concurrency``: requests in flight, a closed loop; ``rate``: requests per second that arrive by chance (Poisson), an open loop."""

    CONCURRENCY = "concurrency"
    RATE = "rate"


LARGEST = 1e9
"""Tokens and loads beyond it are nobody's question; below it no figure overflows."""

MOST_ACCELERATORS = 65_536

METRICS = ("ttft_ms", "itl_ms", "ntpot_ms", "output_tokens_per_second")
"""What an estimate holds, in order of columns."""


@dataclass(frozen=True, order=True, slots=True)
class Setup:
    """One replica. ``precision`` "" = the checkpoint's own; ``parallelism`` as in ``tp8``, ``tp2dp4``, "" = tensor parallel over all
    accelerators; ``model_server_version`` "" = not said."""

    model_id: str
    model_server: str
    model_server_version: str
    accelerator: str
    accelerator_count: int
    precision: str = ""
    parallelism: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """A value with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """One load of one setup. ``load`` as the curve's kind says; ``queue``: requests that wait; ``kv_cache``: share of its memory in use."""

    load: float
    concurrency: float
    qps: float
    ttft_ms: Spread
    itl_ms: Spread
    ntpot_ms: Spread
    output_tokens_per_second: Spread
    input_tokens_per_second: float
    queue: float
    kv_cache: float


@dataclass(frozen=True, slots=True)
class EstimatedCurve:
    """``loads`` in order; ``saturation``: index of the load behind which throughput stops to grow, None = beyond the loads asked.
    ``basis``: what it rests on, fit to print. ``max_concurrency``: requests of this shape that run at once:
    as many as the KV cache holds, or the server's limit."""

    setup: Setup
    input_tokens: int
    output_tokens: int
    load_kind: LoadKind
    loads: tuple[Estimate, ...]
    saturation: int | None
    max_concurrency: float
    grade: Grade
    basis: str
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class NoEstimate:
    """Why a setup has no answer. ``reason``: one line fit to print; ``code``: which error a command ends with; ``remedy``."""

    code: str
    reason: str
    remedy: str
