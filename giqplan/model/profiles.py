"""What ``profiles list`` asks over all curves of a catalog, and what comes back: one row a curve, at the load that meets the targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import log

from giqplan.model.recommendation import Bound, Price, Profile, Provenance, Reason, Statistic

MATCH = log(1.2)
"""Up to this distance a curve's lengths are the workload's: within 20 %, Google's own tolerance for target lengths."""

NEAR = log(2)
"""Up to this distance a curve is shown where nothing matches: within a factor of two."""

METRICS = ("ntpot", "ttft", "itl")


def length_distance(wanted: tuple[int, int], measured: tuple[int, int]) -> float:
    """Of two pairs of input and output tokens max(|ln(in/in')|, |ln(out/out')|): 0 = the same, ln 2 = one of them is twice the other."""
    return max(abs(log(a / b)) for a, b in zip(wanted, measured, strict=True))


class Saturated(StrEnum):
    """Whether a curve shows its saturation point. ``NO``: at its highest load throughput still grows clearly with the load; the point
    lies beyond. ``UNKNOWN``: neither can be said, or there are too few loads."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Order(StrEnum):
    """By what rows are ordered, best first; what has no such number comes last; then by curve key."""

    COST = "cost"
    THROUGHPUT = "throughput"
    NTPOT = "ntpot"
    TTFT = "ttft"
    ITL = "itl"
    DISTANCE = "distance"
    KEY = "key"


@dataclass(frozen=True, order=True)
class Hardware:
    """What one replica of a curve ran on; ``machine_type`` "" = its source names none."""

    accelerator: str
    accelerator_count: int
    machine_type: str


@dataclass(frozen=True)
class Offer:
    """The machine that ``Hardware`` is bought as. ``price`` None = none; ``why`` then says so and ``machine_type`` may be ""."""

    machine_type: str
    price: Price | None
    replicas_per_machine: int = 1
    why: str = ""


@dataclass(frozen=True)
class ProfileQuery:
    """An empty tuple or None = not asked for. Targets in milliseconds. Costs need ``offers``.

    ``latest_version``: of each model, server and accelerator only the newest version measured; where no curve names one, those without.
    ``input_tokens`` and ``output_tokens`` stand together; curves farther away than ``max_distance`` are rejected (MATCH, NEAR, inf).
    ``machine_types``: measured on it, or offered as it. ``limit``: rows at most; ``rejections``: rejected curves listed at most
    (None = all); the counts are always whole.
    """

    models: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    latest_version: bool = False
    accelerators: tuple[str, ...] = ()
    accelerator_counts: tuple[int, ...] = ()
    machine_types: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    parallelisms: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    provenances: tuple[Provenance, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    max_distance: float = MATCH
    ntpot_ms: float | None = None
    ttft_ms: float | None = None
    itl_ms: float | None = None
    offers: Mapping[Hardware, Offer] | None = None
    output_input_cost_ratio: Decimal = Decimal(4)
    max_usd_per_million_output_tokens: Decimal | None = None
    max_usd_per_million_input_tokens: Decimal | None = None
    order: Order = Order.COST
    limit: int | None = None
    rejections: int | None = 0

    @property
    def targets(self) -> dict[str, float]:
        """Metric -> milliseconds, in the order of METRICS."""
        asked = {"ntpot": self.ntpot_ms, "ttft": self.ttft_ms, "itl": self.itl_ms}
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True)
class ProfileRow:
    """One curve at one load of one replica: the highest within the targets, else the saturation point (``bound``).

    ``load``: requests in the replica, running and waiting. ``distance`` None = no lengths were asked for. ``interpolated``: between two
    measured loads. ``doubts``: why ``plan`` would not choose the curve, whatever is asked. Costs None: ``offer`` says why, or no
    ``offers`` were given. Rates and latencies are those of the fitted curve (docs/curves.md).
    """

    curve_key: str
    profile: Profile
    variant: str
    provenance: Provenance
    statistic: Statistic
    measured_at: str
    source: str
    input_tokens: int | None
    output_tokens: int
    distance: float | None
    loads: int
    bound: Bound
    interpolated: bool
    saturated: Saturated
    load: float
    qps: float
    output_tokens_per_second: float
    input_tokens_per_second: float | None
    ntpot_ms: float
    ttft_ms: float | None
    itl_ms: float | None
    offer: Offer | None
    usd_per_million_output_tokens: Decimal | None
    usd_per_million_input_tokens: Decimal | None
    doubts: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class ProfileRejection:
    """A curve that has what was asked for by name, and yet gives no row; ``detail`` names the number that decided."""

    curve_key: str
    profile: Profile
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Reachable:
    """The least and the largest of ``ntpot``, ``ttft``, ``itl`` (ms) or ``output_tokens_per_second`` over the curves that only targets
    or costs could exclude."""

    metric: str
    least: float
    largest: float


@dataclass(frozen=True)
class NearestMiss:
    """The curve that misses the targets by the smallest factor, at its lowest load. ``metric``: the target it misses most."""

    row: ProfileRow
    metric: str
    target_ms: float
    best_ms: float

    @property
    def factor(self) -> float:
        return self.best_ms / self.target_ms


@dataclass(frozen=True)
class ProfileAnswers:
    """``total``: curves that answer, of which ``rows`` are the first ``limit``. ``considered``: curves with what was asked for by name;
    ``rejected``: how many of these gave no row, by reason. ``nearest_lengths``: of the curve nearest in lengths, where those asked for
    were too far from all. ``nearest_miss``: only where targets alone leave no row."""

    rows: tuple[ProfileRow, ...]
    total: int
    considered: int
    rejected: Mapping[Reason, int]
    rejections: tuple[ProfileRejection, ...]
    reachable: tuple[Reachable, ...]
    nearest_miss: NearestMiss | None = None
    nearest_lengths: tuple[int, int] | None = None
