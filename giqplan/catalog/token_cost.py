"""What a million tokens cost on a machine of a given price."""

from __future__ import annotations

from decimal import Decimal

SECONDS_PER_HOUR = 3600
MILLION = 1_000_000


def usd_per_million_output_tokens(
    usd_per_hour: Decimal, replicas_per_machine: int, input_per_second: float, output_per_second: float, ratio: Decimal
) -> Decimal:
    """$/output token = machine share $/s / (input tokens/s / ratio + output tokens/s), times a million.

    Source: "Cost estimation" on the page of GKE Inference Quickstart; the share is the machine's price over the replicas it holds.
    """
    usd_per_second = usd_per_hour / replicas_per_machine / SECONDS_PER_HOUR
    tokens_per_second = Decimal(repr(input_per_second)) / ratio + Decimal(repr(output_per_second))
    return usd_per_second / tokens_per_second * MILLION
