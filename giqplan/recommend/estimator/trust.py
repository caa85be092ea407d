"""How wrong an estimate may be: intervals and classes from the errors of cross-validation at a like distance from what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from giqplan.model.estimate import Grade
from giqplan.recommend.estimator.replicas import Floats
from giqplan.recommend.estimator.training import Measured

LEAST_CHECKS = 20
"""Fewer like checks prove nothing: the next wider group of checks is asked."""

SHARE = 0.8
_WITHIN = {Grade.A: 0.2, Grade.B: 0.4}
"""Design rule 6 and issue of the estimator: a class promises that so many (``SHARE``) of the like checks lie within its error."""


class Distance(StrEnum):
    """What of a replica is measured; each is checked by leaving just that out."""

    CURVE = "curve"
    COMBINATION = "combination"
    MODEL = "model"
    ACCELERATOR = "accelerator"
    BOTH = "both"


LEFT_OUT = {
    Distance.CURVE: "its model (or one of the same architecture), server and accelerator are measured together",
    Distance.COMBINATION: "its model and accelerator are measured, not with this server",
    Distance.MODEL: "its model is measured nowhere",
    Distance.ACCELERATOR: "its accelerator is measured with no model",
    Distance.BOTH: "neither its model nor its accelerator is measured",
}


def distance(known: Measured, kinds: Mapping[str, str]) -> Distance:
    """Of a replica from all that are measured."""
    have = known.replicas.kinds
    combinations = set(zip(have["model"], have["server"], have["accelerator"], strict=True))
    if (kinds["model"], kinds["server"], kinds["accelerator"]) in combinations:
        return Distance.CURVE
    model, accelerator = kinds["model"] in have["model"], kinds["accelerator"] in have["accelerator"]
    if model and accelerator:
        return Distance.COMBINATION
    return Distance.ACCELERATOR if model else Distance.MODEL if accelerator else Distance.BOTH


def checked_as(at: Distance) -> Distance:
    """The distance whose checks say how wrong an estimate at ``at`` may be."""
    return Distance.MODEL if at is Distance.BOTH else at


@dataclass(frozen=True, slots=True)
class Sides:
    """How far the 90 % interval of a logarithm reaches below and above the estimate."""

    below: Floats
    above: Floats

    @property
    def mean(self) -> Floats:
        return (self.below + self.above) / 2


def sides(widths: Mapping[str, Any], at: Distance, metric: str, spread: Floats, scatter: Floats) -> Sides:
    """Of ITL or TTFT, as cross-validation found it, by the logarithms of the standard deviation that the transfer states and of the errors
    near by."""
    table = widths[checked_as(at)][metric]
    return _sides(table, table["by_spread"] * spread + table["by_scatter"] * scatter, at)


def request_sides(widths: Mapping[str, Any], at: Distance, ttft: Floats, itl: Floats) -> Sides:
    """Of the whole request, by what its two parts contribute (mean sides times shares)."""
    return _sides(widths[checked_as(at)]["request"], np.log(np.hypot(ttft, itl)), at)


def _sides(table: Mapping[str, Any], certainty: Floats, at: Distance) -> Sides:
    factor = _BOTH if at is Distance.BOTH else 1.0
    return Sides(*(factor * np.interp(certainty, table["certainty"], table[side]) for side in ("below", "above")))


_BOTH = 1.5
"""Nothing checks a replica of which neither is measured: its interval is widened by an assumption, its class is C."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """``words``: the checks behind the class, fit to print."""

    grade: Grade
    words: str


def judge(checks: Mapping[str, Any], at: Distance, kinds: Mapping[str, str]) -> Judgement:
    """The class of what is estimated for a replica at this distance."""
    if at is not Distance.BOTH:
        for names in (("server", "accelerator", "family"), ("server", "accelerator"), ("server", "family"), ("server",)):
            key = "/".join(kinds[name] for name in names)
            found = checks[at].get(key)
            if found is None or found["checks"] < LEAST_CHECKS:
                continue
            grade = next((grade for grade, error in _WITHIN.items() if found[f"within_{error:g}"] >= SHARE), Grade.C)
            shares = f"{100 * found['within_0.2']:.0f} % within 20 %, {100 * found['within_0.4']:.0f} % within 40 %"
            words = f"{LEFT_OUT[at]}; of {found['checks']} like checks ({key}) {shares}"
            return Judgement(grade, words)
    return Judgement(Grade.C, f"{LEFT_OUT[at]}; no like checks")
