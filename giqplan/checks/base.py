"""What every check sees, and the way its answer is made."""

from __future__ import annotations

from dataclasses import dataclass

from giqplan.catalog import Machine
from giqplan.error_codes import CODES
from giqplan.intent.model import Intent
from giqplan.model.check import Check, CheckStatus
from giqplan.model.recommendation import Recommendation
from giqplan.model.world import World


@dataclass(frozen=True)
class Subject:
    """One plan as checks see it. ``machine``: the machine that the recommendation runs on; ``gated``: whether the model is (None =
    nobody says)."""

    intent: Intent
    recommendation: Recommendation
    world: World
    machine: Machine
    gated: bool | None = None


def answer(code: str, status: CheckStatus, summary: str, evidence: dict[str, object], remedy: str = "") -> Check:
    """A check's answer; its name is the code's line in error_codes.py, its evidence keeps the order given."""
    facts = tuple((name, str(value)) for name, value in evidence.items())
    return Check(code, CODES[code], status, summary, facts, remedy if status is not CheckStatus.PASS else "")
