"""GIQ1509: the bucket that the intent names is there."""

from __future__ import annotations

from giqplan.checks.base import Subject, answer
from giqplan.model.calls import Outcome
from giqplan.model.check import Check, CheckStatus
from giqplan.model.world import bucket_policy_read
from giqplan.resources import buckets_of

CODE = "GIQ1509"


def check(subject: Subject) -> tuple[Check, ...]:
    """Nothing without a bucket; what lies in it is not looked at."""
    found = []
    for bucket in buckets_of(subject.intent):
        reading = subject.world.reading(bucket_policy_read(bucket))
        evidence: dict[str, object] = {"bucket": f"gs://{bucket}"}
        if reading.outcome is Outcome.ABSENT:
            remedy = "create the bucket and copy the model into it, or correct spec.storage.bucket.uri"
            found.append(answer(CODE, CheckStatus.FAIL, f"there is no bucket {bucket}", evidence, remedy))
        elif reading.ok:
            found.append(answer(CODE, CheckStatus.PASS, f"bucket {bucket} is there", evidence))
        else:
            evidence["why"] = "offline" if subject.world.offline else reading.message or reading.outcome.value
            found.append(answer(CODE, CheckStatus.UNKNOWN, f"bucket {bucket} could not be looked at", evidence))
    return tuple(found)
