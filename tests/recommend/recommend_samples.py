"""A small catalog that tests fill by hand, and intents with one thing changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from giqplan.catalog import Answer, Consumption, Curve, Machine, Point, UseCase
from giqplan.intent.model import Intent
from giqplan.model.recommendation import Price, PricingModel, Profile, Provenance, Statistic

MODEL = "acme/small-7b"


def point(load: float, token_ms: float, output_tokens: int = 100, **changes: Any) -> Point:
    """A point of a closed loop: rates follow from load and latency by Little's law."""
    qps = load / (token_ms * output_tokens / 1000)
    values: dict[str, Any] = {
        "load": load,
        "qps": qps,
        "output_tokens_per_second": qps * output_tokens,
        "ttft_ms": token_ms * 10,
        "itl_ms": token_ms * 0.9,
        "ntpot_ms": token_ms,
    }
    return Point(**(values | changes))


KNEE_AT_8 = (point(2, 10), point(4, 12), point(8, 16), point(16, 32), point(32, 64.5))
"""Throughput 200, 333, 500, 500, 496 tokens/s: nothing is gained beyond load 8."""


def curve(key: str = "c-1", points: tuple[Point, ...] = KNEE_AT_8, *, accelerators: int = 1, **changes: Any) -> Curve:
    """A curve of MODEL with vllm 0.10.0 on H100s, 200/100 tokens; ``changes`` name fields of the curve or of its profile."""
    profile = Profile(MODEL, "vllm", "0.10.0", "nvidia-h100-80gb", accelerators, f"a3-highgpu-{accelerators}g", "", f"tp{accelerators}")
    of_profile = {name: changes.pop(name) for name in list(changes) if name in Profile.__dataclass_fields__}
    made = Curve(
        key=key,
        profile=replace(profile, **of_profile),
        provenance=Provenance.MEASURED,
        input_tokens=200,
        output_tokens=100,
        statistic=Statistic.P50,
        load_kind="concurrency",
        replicas=1,
        points=points,
        measured_at="2026-01-01",
        source="a test",
        licence="Apache-2.0",
    )
    return replace(made, **changes)


def machine(name: str, count: float, accelerator: str = "nvidia-h100-80gb") -> Machine:
    return Machine(name, "a3", "gpu", accelerator, count, 80, 26, 234, "amd64", "none", 0, None, (), False, "", "verified", "", "a test")


@dataclass
class Shelf:
    """A catalog by hand: machines of 1, 2, 4 and 8 H100s at $10 each per hour, all sold every way, in us-central1 only."""

    curves: tuple[Curve, ...] = (curve(),)
    machines: tuple[Machine, ...] = tuple(machine(f"a3-highgpu-{n}g", n) for n in (1, 2, 4, 8))
    not_sold: set[tuple[str, str]] = field(default_factory=set)
    unknown_sale: set[tuple[str, str]] = field(default_factory=set)
    prices: dict[tuple[str, str], str] = field(
        default_factory=lambda: {(f"a3-highgpu-{n}g", "us-central1"): f"{10 * n}" for n in (1, 2, 4, 8)}
    )
    suspect_prices: set[str] = field(default_factory=set)
    places: frozenset[str] = frozenset({"us-central1", "us-central1-a", "europe-west4"})
    digest: str = "sha256:0"
    date: str = "2026-08-21"

    def curves_for(self, model_id: str) -> tuple[Curve, ...]:
        return tuple(c for c in self.curves if model_id == MODEL)

    def closest_models(self, text: str) -> tuple[str, ...]:
        return (MODEL,)

    def model(self, model_id: str) -> None:
        return None

    def accelerator(self, name: str) -> str | None:
        """Every NVIDIA label is known here."""
        return name if name.startswith("nvidia-") else None

    def machines_for(self, accelerator: str) -> tuple[Machine, ...]:
        return tuple(m for m in self.machines if m.accelerator == accelerator)

    def offered(self, machine_type: str, location: str) -> bool:
        return location in self.places

    def consumption(self, machine_type: str, option: str) -> Consumption:
        if (machine_type, option) in self.not_sold:
            return Consumption(Answer.NO, "a test")
        return Consumption(Answer.UNKNOWN if (machine_type, option) in self.unknown_sale else Answer.YES, "a test")

    def price(self, machine_type: str, region: str, pricing_model: PricingModel) -> Price | None:
        usd = self.prices.get((machine_type, region))
        quality = "suspect" if machine_type in self.suspect_prices else "verified"
        return None if usd is None else Price(machine_type, region, pricing_model, Decimal(usd), "2026-07-30", quality, "a list")

    def region_of(self, location: str) -> str:
        return "-".join(location.split("-")[:2])

    def price_regions(self, machine_type: str, pricing_model: PricingModel, near: str = "") -> tuple[str, ...]:
        return tuple(sorted(region for name, region in self.prices if name == machine_type))

    def use_case(self, text: str) -> UseCase:
        return UseCase(text, text.lower(), "use-case", text.lower(), True, 200, 100, "", "a test")


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**base, **{k: merge(base.get(k, {}), v) if isinstance(v, dict) else v for k, v in changes.items()}}


def make_intent(**spec: Any) -> Intent:
    """An intent for MODEL at 200/100 tokens with vllm on H100s in us-central1; ``spec`` is merged in, with YAML's keys."""
    base: dict[str, Any] = {
        "model": {"id": MODEL},
        "workload": {"inputTokens": 200, "outputTokens": 100},
        "serving": {"server": "vllm"},
        "target": {"project": "my-project", "location": "us-central1"},
        "storage": {"huggingFace": {}},
    }
    kinds = {"apiVersion": "giqplan.dev/v1alpha1", "kind": "Inference", "metadata": {"name": "bot"}}
    return Intent.model_validate({**kinds, "spec": merge(base, spec)})
