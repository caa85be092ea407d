"""Checks: a prerequisite or policy with a stable code, a status, evidence and a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """``evidence`` holds the facts that decided, in order, as (name, value) pairs fit to print."""

    code: str
    name: str
    status: CheckStatus
    summary: str
    evidence: tuple[tuple[str, str], ...] = ()
    remedy: str = ""
    intent: str = ""
    """Which intents of a folder it is about; "" = all of the plan."""
