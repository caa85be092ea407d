"""A recommendation: profile, operating point, sizing, cost, and every candidate that was rejected, with the number that decided.

Times are milliseconds, rates per second and per replica, money is Decimal US dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from giqplan.model.modelled import Modelled


class Provenance(StrEnum):
    """Where a curve comes from; the order of declaration is the order of trust at equal cost (design 4.1)."""

    USER = "user"
    GIQ = "giq"
    MEASURED = "measured"
    MODELLED = "modelled"


class Statistic(StrEnum):
    """Which statistic of the latencies a curve holds (design rule 6)."""

    P50 = "p50"
    MEAN = "mean"
    UNSAID = "mean or median, unsaid"


class PricingModel(StrEnum):
    ON_DEMAND = "on-demand"
    SPOT = "spot"
    ONE_YEAR_CUD = "1-year-cud"
    THREE_YEARS_CUD = "3-years-cud"


@dataclass(frozen=True, order=True)
class Profile:
    """Model x server x version x accelerator and count x precision and parallelism x serving stack.

    ``model_server_version`` has no leading v, "" = the source does not say. ``machine_type`` is the machine the curve was measured
    on or, where the source names none, "" . ``precision`` "" = the checkpoint's own.
    """

    model_id: str
    model_server: str
    model_server_version: str
    accelerator: str
    accelerator_count: int
    machine_type: str
    precision: str
    parallelism: str
    serving_stack: str = ""

    def __str__(self) -> str:
        version = self.model_server_version or "version unknown"
        shape = " ".join(part for part in (self.parallelism, self.precision) if part)
        return f"{self.model_server} {version} on {self.accelerator_count} x {self.accelerator}" + (f" ({shape})" if shape else "")


class Bound(StrEnum):
    """What set the operating point."""

    NTPOT = "ntpot"
    TTFT = "ttft"
    ITL = "itl"
    SATURATION = "saturation"


@dataclass(frozen=True)
class OperatingPoint:
    """The load level of the curve that is planned for. ``load`` = requests in the replica (running and waiting) = qps x latency."""

    bound: Bound
    load: float
    qps: float
    output_tokens_per_second: float
    input_tokens_per_second: float
    ttft_ms: float | None
    itl_ms: float | None
    ntpot_ms: float | None
    is_saturation: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Where the numbers come from. ``distance`` = max(|ln(in/in')|, |ln(out/out')|); ``near`` = beyond ln 1.2, within ln 2.
    ``estimate``: what is said of a curve that nobody measured; None = measured."""

    curve_key: str
    provenance: Provenance
    statistic: Statistic
    measured_at: str
    source: str
    input_tokens: int
    output_tokens: int
    loads: int
    distance: float
    near: bool
    version_distance: str = ""
    estimate: Modelled | None = None


@dataclass(frozen=True)
class Price:
    """Whole machine, US dollars an hour, from a price list: ``as_of`` and ``source`` say which."""

    machine_type: str
    region: str
    pricing_model: PricingModel
    usd_per_hour: Decimal
    as_of: str
    quality: str
    source: str


@dataclass(frozen=True)
class UsdPerHour:
    min: Decimal
    initial: Decimal
    max: Decimal


@dataclass(frozen=True)
class Cost:
    """Design rule 7. ``replicas_per_machine`` >= 1; machines are whole. ``excluded``: what has no price, in words."""

    pricing_model: PricingModel
    region: str
    machine_type: str
    replicas_per_machine: int
    usd_per_hour: UsdPerHour
    usd_per_million_output_tokens: Decimal
    usd_per_million_input_tokens: Decimal
    output_input_cost_ratio: Decimal
    price: Price
    excluded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sizing:
    """Design rule 8. ``hpa_target``: requests per replica (running plus waiting) at which the HPA adds one; None = no HPA.
    ``needed_at_peak``: replicas the peak needs, None without a peak. ``steps``: the arithmetic in words, for ``explain``."""

    min_replicas: int
    initial_replicas: int
    max_replicas: int
    headroom: float
    headroom_is_auto: bool
    hpa_target: int | None
    hpa_reason: str
    needed_at_peak: int | None
    steps: tuple[str, ...] = ()


class Reason(StrEnum):
    """Why a curve was not chosen. The list is closed."""

    OTHER_SERVER = "other-server"
    OTHER_VERSION = "other-version"
    VERSION_UNKNOWN = "version-unknown"
    OTHER_STACK = "other-stack"
    OTHER_ACCELERATOR = "other-accelerator"
    OTHER_COUNT = "other-count"
    PROVENANCE_NOT_ALLOWED = "provenance-not-allowed"
    LENGTHS_UNKNOWN = "lengths-unknown"
    LENGTHS_TOO_FAR = "lengths-too-far"
    TOO_FEW_LOADS = "too-few-loads"
    ALL_POINTS_SUSPECT = "all-points-suspect"
    STATISTIC_MISMATCH = "statistic-mismatch"
    LATENCY_NOT_MEASURED = "latency-not-measured"
    SLO_BELOW_RANGE = "slo-below-range"
    DOES_NOT_FIT = "does-not-fit"
    NOT_MODELLED = "not-modelled"
    NO_MACHINE = "no-machine"
    NOT_OFFERED_HERE = "not-offered-here"
    NOT_SOLD_THIS_WAY = "not-sold-this-way"
    PRICE_UNKNOWN = "price-unknown"
    PRICE_SUSPECT = "price-suspect"
    TOO_EXPENSIVE_PER_TOKEN = "too-expensive-per-token"
    TOO_EXPENSIVE_PER_HOUR = "too-expensive-per-hour"
    UNSUPPORTED_HERE = "unsupported-here"
    DEARER = "dearer"
    SLOWER = "slower"
    LESS_TRUSTED = "less-trusted"


@dataclass(frozen=True)
class Rejection:
    """A curve that was not chosen. ``detail`` names the number that decided, fit to print; ``modelled``: nobody measured it."""

    curve_key: str
    profile: Profile
    reason: Reason
    detail: str
    usd_per_hour_initial: Decimal | None = None
    usd_per_million_output_tokens: Decimal | None = None
    modelled: bool = False


@dataclass(frozen=True)
class LatencyRange:
    """What one curve can reach of one metric (``ntpot``, ``ttft``, ``itl``), over all its loads."""

    metric: str
    min_ms: float
    max_ms: float
    curve_key: str
    profile: Profile


@dataclass(frozen=True)
class SloMiss:
    """No curve reaches the SLO. ``metric``: the target that the nearest curve misses by the smallest factor; ``best_ms``: what it
    reaches at its lowest load; ``reachable``: the range of every metric asked for, over all curves that were otherwise acceptable."""

    metric: str
    target_ms: float
    best_ms: float
    reachable: tuple[LatencyRange, ...]


@dataclass(frozen=True)
class Recommendation:
    """chosen + rejected = all catalog curves of the model, and the modelled ones that were considered. ``catalog_digest`` names the data
    that answered; ``catalog_date`` is its date (the only date that may stand in manifests)."""

    model_id: str
    profile: Profile
    operating_point: OperatingPoint
    saturation_point: OperatingPoint
    evidence: Evidence
    sizing: Sizing
    cost: Cost
    objective: str
    rejected: tuple[Rejection, ...]
    catalog_digest: str
    catalog_date: str
    weights_gib: float | None = None
    miss: SloMiss | None = None
    """Set when no profile meets the SLO: then this is the nearest miss at its lowest load, shown but never applied."""
    notes: tuple[str, ...] = ()
