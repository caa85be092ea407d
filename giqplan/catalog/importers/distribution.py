"""A distribution of a report: its mean and median, once its percentiles are in order. Each format spells percentiles its own way."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

from giqplan.catalog.importers.document import Node
from giqplan.catalog.importers.values import MILLI, Latency

_SPELLING = re.compile(r"p(\d+)(?:[.p](\d+))?")
"""p1, p99.9 (inference-perf), p99p9 (llm-d)."""
_BY_NAME = {"min": Decimal(0), "median": Decimal(50), "max": Decimal(100)}
GUIDELLM = {"p001": Decimal("0.1"), "p999": Decimal("99.9")}
"""Spellings that mean something else elsewhere: GuideLLM's p001 is 0.1 %."""

_SLACK = Decimal("1e-9")
"""Interpolated percentiles of equal values may part in their last digits."""


def _percentile(name: str, special: dict[str, Decimal]) -> Decimal | None:
    if name in special or name in _BY_NAME:
        return special.get(name, _BY_NAME.get(name))
    match = _SPELLING.fullmatch(name)
    return Decimal(f"{match[1]}.{match[2] or 0}") if match else None


def checked(node: Node, special: dict[str, Decimal] | None = None) -> tuple[Decimal | None, Decimal | None]:
    """(mean, median); None = the report lacks it. Raises where a value is no number or negative, or the percentiles fall."""
    known: dict[str, Decimal] = {}
    rising: list[tuple[Decimal, str, Decimal]] = []
    if not isinstance(node.value, dict):
        node.fail("no distribution: an object with mean and percentiles is wanted")
    for name in node.value:
        percentile = _percentile(name, special or {})
        if (percentile is None and name != "mean") or not node.has(name):
            continue
        known[name] = node.at(name).number()
        if percentile is not None:
            rising.append((percentile, name, known[name]))
    rising.sort()
    for (_, low, a), (_, high, b) in pairwise(rising):
        if a > b * (1 + _SLACK):
            node.fail(f"out of order: {low} is {a}, {high} is {b}")
    mean = known.get("mean")
    if mean is not None and {"min", "max"} <= known.keys():
        least, most = known["min"], known["max"]
        if not least * (1 - _SLACK) <= mean <= most * (1 + _SLACK):
            node.fail(f"out of order: the mean is {mean}, min {least} and max {most}")
    return mean, known.get("median", known.get("p50"))


def seconds(node: Node | None) -> Latency:
    """A latency that the report has in seconds; None = not measured."""
    if node is None:
        return Latency()
    mean, median = checked(node)
    return Latency(_times(median, MILLI), _times(mean, MILLI))


def milliseconds(node: Node | None, special: dict[str, Decimal] | None = None, factor: Decimal = Decimal(1)) -> Latency:
    if node is None:
        return Latency()
    mean, median = checked(node, special)
    return Latency(_times(median, factor), _times(mean, factor))


def _times(value: Decimal | None, factor: Decimal) -> Decimal | None:
    return None if value is None else value * factor
