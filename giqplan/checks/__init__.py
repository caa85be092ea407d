"""Prerequisites: one module a family, each check with its code; pure functions of the world as read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from giqplan.checks import (
    adapter,
    apis,
    bucket,
    changes,
    cluster,
    ephemeral,
    hugging_face,
    machine,
    other_tools,
    permissions,
    quota,
    slo,
    traffic,
)
from giqplan.checks.base import Subject
from giqplan.intent.model import Intent
from giqplan.model.calls import Read
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Change


class _Family(Protocol):
    def check(self, subject: Subject) -> tuple[Check, ...]: ...


_FIRST: tuple[_Family, ...] = (slo, traffic)
_FAMILIES: tuple[_Family, ...] = (machine, apis, cluster, bucket, ephemeral, hugging_face, adapter)

CALLER_CODES = frozenset({permissions.CODE})
"""Answers about the caller's own rights: another caller of the same plan may get another one."""
TRANSIENT_CODES = frozenset({changes.UNSETTLED, hugging_face.TOKEN})
"""Answers that change by themselves as the cluster works, or when what apply waits for has come: no reason to call a plan stale."""


def run_checks(subjects: Sequence[Subject], planned: Iterable[Change]) -> tuple[Check, ...]:
    """Every check of every family, in a fixed order; those of the planned changes last."""
    acting = tuple(planned)
    about = (*_each(_FIRST, subjects), *quota.check(subjects, acting), *_each(_FAMILIES, subjects))
    world = subjects[0].world
    return (*about, *permissions.check(world, acting), *changes.check(acting), *other_tools.check(world, acting))


def _each(families: Iterable[_Family], subjects: Sequence[Subject]) -> Iterator[Check]:
    """The answers of families that look at one intent at a time: what all intents have in common is said once."""
    for family in families:
        answers: dict[Check, list[str]] = {}
        for subject in subjects:
            for check in family.check(subject):
                answers.setdefault(check, []).append(subject.intent.metadata.name)
        for check, names in answers.items():
            yield check if len(names) == len(subjects) else replace(check, intent=", ".join(names))


def first_reads(intent: Intent) -> tuple[Read, ...]:
    """What the families look at beside what the resources read; in the first round, because it needs no cluster."""
    return bucket.reads(intent)


def enforced(checks: Iterable[Check]) -> tuple[Check, ...]:
    """The checks as they are for who applies: what only warns a reader, because it is about the caller's rights, fails."""
    return tuple(
        replace(check, status=CheckStatus.FAIL) if check.code in CALLER_CODES and check.status is CheckStatus.WARN else check
        for check in checks
    )


def other_answers(reviewed: Iterable[Check], now: Iterable[Check]) -> tuple[str, ...]:
    """The codes whose answer is another one than was reviewed, with both. What one of two callers could not see is no other answer: one
    may list a bucket, the other may not."""
    before, after = _statuses(reviewed), _statuses(now)
    found = []
    for code, intent in sorted({*before, *after}):
        one, other = before.get((code, intent), set()), after.get((code, intent), set())
        if one != other and CheckStatus.UNKNOWN not in one | other:
            found.append(f"{code} {_words(one)}, now {_words(other)}")
    return tuple(found)


def _statuses(checks: Iterable[Check]) -> dict[tuple[str, str], set[CheckStatus]]:
    found: dict[tuple[str, str], set[CheckStatus]] = {}
    for check in checks:
        if check.code not in CALLER_CODES | TRANSIENT_CODES:
            found.setdefault((check.code, check.intent), set()).add(check.status)
    return found


def _words(statuses: Iterable[CheckStatus]) -> str:
    return " and ".join(sorted(status.value for status in statuses)) or "nothing said"


__all__ = ["CALLER_CODES", "TRANSIENT_CODES", "Subject", "enforced", "first_reads", "other_answers", "run_checks"]
