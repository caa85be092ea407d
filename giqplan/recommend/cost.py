"""What a choice costs: whole machines by the hour, tokens by the million (design rule 7)."""

from __future__ import annotations

from decimal import Decimal

from giqplan.model.recommendation import Cost, OperatingPoint, Price, PricingModel, Sizing, UsdPerHour
from giqplan.units import usd

SECONDS_PER_HOUR = 3600
MILLION = 1_000_000

EXCLUDED = (
    "Autopilot's premium on accelerator Pods and the cluster fee (no price in the catalog)",
    "disks, except local SSD bundled with the machine",
    "storage and requests of the model's bucket",
    "network traffic, load balancers, logs and metrics",
    "Pods that run beside the model servers, such as the metrics adapter",
)
COMMITMENTS = (PricingModel.ONE_YEAR_CUD, PricingModel.THREE_YEARS_CUD)


def machines(replicas: int, replicas_per_machine: int) -> int:
    """Whole machines that hold ``replicas``."""
    return -(-replicas // replicas_per_machine)


def usd_per_million_output_tokens(price: Price, replicas_per_machine: int, point: OperatingPoint, ratio: Decimal) -> Decimal:
    """$/output token = machine share $/s / (input tokens/s / ratio + output tokens/s), times a million.

    Source: "Cost estimation" on the page of GKE Inference Quickstart; the share is the machine's price over the replicas it holds.
    """
    usd_per_second = price.usd_per_hour / replicas_per_machine / SECONDS_PER_HOUR
    tokens_per_second = Decimal(repr(point.input_tokens_per_second)) / ratio + Decimal(repr(point.output_tokens_per_second))
    return usd_per_second / tokens_per_second * MILLION


def cost(price: Price, replicas_per_machine: int, point: OperatingPoint, sizing: Sizing, ratio: Decimal) -> Cost:
    """The cost of ``sizing`` on machines of ``price``; token prices hold at the operating point, not at the mean traffic."""
    output = usd_per_million_output_tokens(price, replicas_per_machine, point, ratio)

    def hourly(replicas: int) -> Decimal:
        return usd(machines(replicas, replicas_per_machine) * price.usd_per_hour)

    return Cost(
        pricing_model=price.pricing_model,
        region=price.region,
        machine_type=price.machine_type,
        replicas_per_machine=replicas_per_machine,
        usd_per_hour=UsdPerHour(hourly(sizing.min_replicas), hourly(sizing.initial_replicas), hourly(sizing.max_replicas)),
        usd_per_million_output_tokens=usd(output),
        usd_per_million_input_tokens=usd(output / ratio),
        output_input_cost_ratio=ratio,
        price=price,
        excluded=EXCLUDED,
        notes=(f"the {price.pricing_model} price assumes your commitment",) if price.pricing_model in COMMITMENTS else (),
    )
