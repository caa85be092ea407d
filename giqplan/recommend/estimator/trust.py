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
    Distance.CURVE: "its model, server and accelerator are measured together",
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


def half_width(widths: Mapping[str, Any], at: Distance, metric: str, spread: Floats) -> Floats:
    """Half of the 90 % interval of a logarithm, by the standard deviation that the transfer states, as cross-validation found it."""
    table = widths[Distance.MODEL if at is Distance.BOTH else at][metric]
    width: Floats = np.interp(np.log(np.maximum(spread, 1e-6)), np.log(table["spread"]), table["half_width"])
    return width * (_BOTH if at is Distance.BOTH else 1.0)


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
            shares = f"{found['within_0.2']:.0%} within 20 %, {found['within_0.4']:.0%} within 40 %"
            words = f"{LEFT_OUT[at]}; of {found['checks']} like checks ({key}) {shares}"
            return Judgement(grade, words)
    return Judgement(Grade.C, f"{LEFT_OUT[at]}; no like checks")
