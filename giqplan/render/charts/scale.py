"""Where a number stands on an axis, and at which round numbers the axis is marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log10

from giqplan.render.charts.chart import Axis, Chart

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LOG_STEPS = (1.0, 2.0, 5.0)
_FINE_LOG_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)


@dataclass(frozen=True)
class Scale:
    """``ticks``: the round numbers; the axis goes from ``low`` to ``high``."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool

    def share(self, value: float) -> float:
        """How far along the axis ``value`` stands: 0 at its beginning, 1 at its end."""
        if self.log:
            return (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)


def scale(axis: Axis, values: Iterable[float]) -> Scale:
    """A scale that holds every value: linear from 0, logarithmic between round numbers. ``values`` are above 0 and not none."""
    found = list(values)
    return _log(min(found), max(found)) if axis.log else _linear(max(found))


def scales(chart: Chart) -> tuple[Scale, Scale]:
    """Of x and y, with room for the limits."""

    def one(axis: Axis, name: str) -> Scale:
        return scale(axis, (*chart.values(name), *(limit.value for limit in chart.limits if limit.on == name)))

    return one(chart.x, "x"), one(chart.y, "y")


def _linear(highest: float) -> Scale:
    rough = highest * 1.04 / 6
    magnitude = 10.0 ** floor(log10(rough))
    step = next(s for s in _STEPS if s * magnitude >= rough * 0.999) * magnitude
    count = ceil(highest * 1.02 / step)
    return Scale(0.0, step * count, tuple(step * i for i in range(count + 1)), False)


def _log(lowest: float, highest: float) -> Scale:
    decades = range(floor(log10(lowest)) - 1, ceil(log10(highest)) + 2)

    def rounds(steps: tuple[float, ...]) -> list[float]:
        return [float(f"{step * 10.0**decade:.12g}") for decade in decades for step in steps]

    low = max(r for r in rounds(_LOG_STEPS) if r <= lowest * 0.98)
    high = min(r for r in rounds(_LOG_STEPS) if r >= highest * 1.02)
    steps = _LOG_STEPS if high / low > 50 else _FINE_LOG_STEPS
    return Scale(low, high, tuple(r for r in rounds(steps) if low <= r <= high), True)


def number(value: float) -> str:
    """As short as it can be said in four digits: 0.05, 12.5, 1,250, 40,000."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
