"""What a choice costs: whole machines by the hour, tokens by the million (design rule 7)."""

from __future__ import annotations

from decimal import Decimal

from giqplan.catalog.token_cost import usd_per_million_output_tokens
from giqplan.model.recommendation import Cost, OperatingPoint, Price, PricingModel, Sizing, UsdPerHour
from giqplan.units import usd

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


def cost(price: Price, replicas_per_machine: int, point: OperatingPoint, sizing: Sizing, ratio: Decimal) -> Cost:
    """The cost of ``sizing`` on machines of ``price``; token prices hold at the operating point, not at the mean traffic."""
    output = usd_per_million_output_tokens(
        price.usd_per_hour, replicas_per_machine, point.input_tokens_per_second, point.output_tokens_per_second, ratio
    )

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
