"""Prerequisites: one module a family, each check with its code; pure functions of the world as read."""

from __future__ import annotations

from collections.abc import Iterable

from giqplan.checks import adapter, bucket, changes, cluster, quota, slo, traffic
from giqplan.checks.base import Subject
from giqplan.model.check import Check
from giqplan.model.plan import Change

_FAMILIES = (slo, traffic, quota, cluster, bucket, adapter)

CALLER_CODES = frozenset({"GIQ1513"})
"""Answers about the caller's own rights: another caller of the same plan may get another one."""
TRANSIENT_CODES = frozenset({"GIQ1508"})
"""Answers that change by themselves as the cluster works: no reason to call a plan stale."""


def run_checks(subject: Subject, planned: Iterable[Change]) -> tuple[Check, ...]:
    """Every check of every family, in a fixed order; those of the planned changes last."""
    return (*(check for family in _FAMILIES for check in family.check(subject)), *changes.check(planned))


__all__ = ["CALLER_CODES", "TRANSIENT_CODES", "Subject", "run_checks"]
