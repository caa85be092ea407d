"""Prerequisites: one module a family, each check with its code; pure functions of the world as read."""

from __future__ import annotations

from giqplan.checks import cluster, quota, slo
from giqplan.checks.base import Subject
from giqplan.model.check import Check

_FAMILIES = (slo, quota, cluster)


def run_checks(subject: Subject) -> tuple[Check, ...]:
    """Every check of every family, in a fixed order."""
    return tuple(check for family in _FAMILIES for check in family.check(subject))


__all__ = ["Subject", "run_checks"]
