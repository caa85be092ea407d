"""What is said beside a choice that rests on a modelled curve: its interval and class, and what others have published of the like.

Times are milliseconds, rates per second, money is Decimal US dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from giqplan.model.estimate import Grade, Spread


@dataclass(frozen=True)
class Published:
    """A row that somebody printed without what a curve needs: shown as it is, never chosen by. ``unstated``: what the source leaves out;
    "" and None = not stated. ``date``: of the source, "" = undated."""

    model_id: str
    model_server: str
    model_server_version: str
    accelerator: str
    machine_type: str
    output_tokens_per_second: float | None
    ntpot_ms: float | None
    ttft_ms: float | None
    itl_ms: float | None
    usd_per_million_input_tokens: Decimal | None
    usd_per_million_output_tokens: Decimal | None
    unstated: tuple[str, ...]
    note: str
    date: str
    source: str


@dataclass(frozen=True)
class Modelled:
    """The estimate at the operating point: ``load`` requests in the replica. A plan counts on the bad end of every interval
    (docs/modelled.md). ``basis``: what it rests on; ``measure``: the command that takes a measurement in its place."""

    grade: Grade
    basis: str
    load: float
    ttft_ms: Spread
    itl_ms: Spread
    ntpot_ms: Spread
    output_tokens_per_second: Spread
    measure: str
    published: tuple[Published, ...] = ()
