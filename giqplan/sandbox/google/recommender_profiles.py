"""What the catalog's curves are as profiles of the GKE Recommender API: one operating point of one of them, or all its load levels.

Whole numbers where the API has int32; what is zero or unknown is left out, as proto3 JSON does. Costs are by the API's own formula,
``GPU $/s / (input tokens/s / ratio + output tokens/s)``, from the catalog's price of the whole machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import log
from typing import Any

from giqplan.catalog import Catalog, Curve
from giqplan.catalog.checkpoint import held_precision
from giqplan.catalog.levels import Level, levels
from giqplan.model.recommendation import PricingModel

MATCH = log(1.2)
"""A workload matches a profile measured within 20 % of its lengths (gcloud's help of --target-input-length)."""
DEFAULT_RATIO = 4.0
REGION, REGION_OF_A3 = "us-east5", "us-central1"
"""Where the quickstart's prices are of: its documentation page."""
_NANOS = 10**9
_GIB_IN_GB = 1.073741824


@dataclass(frozen=True)
class Profile:
    """A curve that the API can tell: every field is known. ``levels`` in order of load."""

    model: str
    server: str
    version: str
    stack: str
    machine_type: str
    accelerator: str
    accelerator_count: int
    input_tokens: int
    output_tokens: int
    use_case: str
    levels: tuple[Level, ...]

    @property
    def identity(self) -> tuple[Any, ...]:
        """What the API tells profiles apart by: it knows no parallelism."""
        return tuple(value for name, value in vars(self).items() if name != "levels")

    def input_rate(self, level: Level) -> float:
        """Input tokens per second."""
        return level.qps * self.input_tokens


class Profiles:
    """All profiles of a catalog. Of curves that differ only in what the API does not know, the one with the highest throughput."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @cached_property
    def all(self) -> tuple[Profile, ...]:
        found: dict[tuple[Any, ...], Profile] = {}
        for curve in self._catalog.curves():
            profile = self._profile(curve)
            if profile is None:
                continue
            known = found.get(profile.identity)
            if known is None or _peak(profile) > _peak(known):
                found[profile.identity] = profile
        return tuple(found[identity] for identity in sorted(found))

    def _profile(self, curve: Curve) -> Profile | None:
        of = curve.profile
        if curve.variant or not of.model_server_version or not curve.input_tokens or not curve.output_tokens:
            return None
        model = self._catalog.model(of.model_id)
        if model is None or of.precision not in ("", held_precision(of.model_id, model.checkpoint_dtype)):
            return None  # the API names no precision: what it shows is the model as it is published
        machines = [m for m in self._catalog.machines_for(of.accelerator) if m.accelerator_count >= of.accelerator_count]
        machine_type = of.machine_type or (machines[0].machine_type if machines else "")
        found = levels(curve, curve.output_tokens)
        if not machine_type or not found or any(level.ttft_ms is None or level.itl_ms is None for level in found):
            return None
        return Profile(
            of.model_id,
            of.model_server,
            of.model_server_version,
            of.serving_stack,
            machine_type,
            of.accelerator,
            of.accelerator_count,
            curve.input_tokens,
            curve.output_tokens,
            self._use_case(curve.input_tokens, curve.output_tokens),
            found,
        )

    def _use_case(self, input_tokens: int, output_tokens: int) -> str:
        """The named workload that these lengths match best; "" = none."""
        distances = [
            (distance(u.input_tokens, u.output_tokens, input_tokens, output_tokens), u.name)
            for u in self._catalog.use_cases()
            if u.kind == "use-case"
        ]
        nearest, name = min(distances, default=(MATCH + 1, ""))
        return name if nearest <= MATCH else ""

    def message(self, profile: Profile, shown: Iterable[Level], pricing: PricingModel, ratio: float = DEFAULT_RATIO) -> dict[str, Any]:
        """The Profile message."""
        spec = {"averageInputLength": profile.input_tokens, "averageOutputLength": profile.output_tokens}
        found = {
            "modelServerInfo": {"model": profile.model, "modelServer": profile.server, "modelServerVersion": profile.version},
            "acceleratorType": profile.accelerator,
            "instanceType": profile.machine_type,
            "resourcesUsed": {"acceleratorCount": profile.accelerator_count},
            "performanceStats": [self._stats(profile, level, pricing, ratio) for level in shown],
            "modelInfo": self._model_info(profile.model),
            "servingStack": stack_message(profile.stack),
            "workloadSpec": {**({"useCase": profile.use_case} if profile.use_case else {}), **spec},
        }
        return {name: value for name, value in found.items() if value}

    def _stats(self, profile: Profile, level: Level, pricing: PricingModel, ratio: float) -> dict[str, Any]:
        found: dict[str, Any] = {
            "queriesPerSecond": round(level.qps, 6),
            "outputTokensPerSecond": round(level.output_tokens_per_second),
            "inputTokensPerSecond": round(profile.input_rate(level)),
            "totalTokensPerSecond": round(level.output_tokens_per_second + profile.input_rate(level)),
            "ntpotMilliseconds": round(level.ntpot_ms),
            "ttftMilliseconds": round(level.ttft_ms or 0),
            "itlMilliseconds": round(level.itl_ms or 0),
        }
        output = self.output_cost(profile, level, pricing, ratio)
        if output is not None:
            each = {"costPerMillionOutputTokens": amount(output), "costPerMillionInputTokens": amount(output / Decimal(ratio))}
            found["cost"] = [{**each, "pricingModel": pricing.value, "outputInputCostRatio": ratio}]
        return {name: value for name, value in found.items() if value}

    def output_cost(self, profile: Profile, level: Level, pricing: PricingModel, ratio: float) -> Decimal | None:
        """US dollars per million output tokens; None = no trustworthy price of the machine in the API's region."""
        region = REGION_OF_A3 if profile.machine_type.startswith("a3-") else REGION
        price = self._catalog.price(profile.machine_type, region, pricing)
        if price is None or price.quality == "suspect":
            return None
        rate = Decimal(profile.input_rate(level)) / Decimal(ratio) + Decimal(level.output_tokens_per_second)
        return price.usd_per_hour / 3600 / rate * 10**6

    def _model_info(self, model_id: str) -> dict[str, Any]:
        model = self._catalog.model(model_id)
        if model is None:
            return {}
        found = {
            "attentionHeadsCount": model.heads,
            "headDimensions": model.head_dim,
            "hiddenLayersCount": model.layers,
            "kvCacheSizePerToken": round(model.kv_bytes_per_token or 0),
            "kvHeadsCount": model.kv_heads,
            "maxContextLength": model.max_context,
            "modelSizeGb": round((model.weights_gib_files or 0) * _GIB_IN_GB, 2),
            "parametersBillionsCount": model.params_b,
        }
        return {name: value for name, value in found.items() if value}


def stack_message(stack: str) -> dict[str, str]:
    """``llm-d/0.3`` as name and version; either may be missing."""
    name, _, version = stack.partition("/")
    return {key: value for key, value in (("name", name), ("version", version)) if value}


def distance(input_tokens: float, output_tokens: float, other_input: float, other_output: float) -> float:
    """How far two workloads lie apart: the larger of the logarithms of their lengths' ratios."""
    return max(abs(log(input_tokens / other_input)), abs(log(output_tokens / other_output)))


def amount(value: Decimal) -> dict[str, Any]:
    """google.cloud.gkerecommender.v1.Amount: 64-bit integers are text in JSON."""
    units, nanos = divmod(int((value * _NANOS).to_integral_value()), _NANOS)
    return {**({"units": str(units)} if units else {}), **({"nanos": nanos} if nanos else {})}


def ranges(found: Iterable[tuple[Profile, tuple[Level, ...]]]) -> dict[str, Any]:
    """The PerformanceRange of all load levels of some profiles."""
    rows = [(level, profile.input_rate(level)) for profile, shown in found for level in shown]
    values: Mapping[str, Iterator[float]] = {
        "throughputOutputRange": (level.output_tokens_per_second for level, _ in rows),
        "throughputInputRange": (rate for _, rate in rows),
        "throughputRange": (level.output_tokens_per_second + rate for level, rate in rows),
        "ntpotRange": (level.ntpot_ms for level, _ in rows),
        "ttftRange": (level.ttft_ms or 0.0 for level, _ in rows),
        "itlRange": (level.itl_ms or 0.0 for level, _ in rows),
    }
    each = {name: [round(value) for value in listed] for name, listed in values.items()}
    return {name: {"min": min(listed), "max": max(listed)} for name, listed in each.items() if listed}


def _peak(profile: Profile) -> float:
    return max(level.output_tokens_per_second for level in profile.levels)
