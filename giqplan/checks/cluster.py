"""GIQ1503: the cluster is there, or the intent lets the plan create it, and it is an Autopilot cluster that answers."""

from __future__ import annotations

from giqplan.checks.base import Subject, answer
from giqplan.model.calls import Outcome
from giqplan.model.check import Check, CheckStatus

CODE = "GIQ1503"


def check(subject: Subject) -> tuple[Check, ...]:
    """Only what would make every later step fail. Status and version change by themselves and stand in no answer that passes."""
    reading, target = subject.world.cluster_reading, subject.intent.spec.target
    name = f"{target.location}/{target.cluster.name}"
    if reading.outcome is Outcome.ABSENT:
        if target.cluster.create:
            return (answer(CODE, CheckStatus.PASS, f"cluster {name} will be created", {}),)
        others = subject.world.other_clusters
        evidence: dict[str, object] = {"project": subject.world.scope.project}
        if others:
            evidence["its clusters"] = ", ".join(others)
        elsewhere = [other.partition("/")[0] for other in others if other.endswith(f"/{target.cluster.name}")]
        remedy = "set spec.target.cluster.create: true, or name a cluster that exists in spec.target"
        if elsewhere:
            there = " or ".join(elsewhere)
            remedy = f"set spec.target.location to {there}, where a cluster of this name is; or set spec.target.cluster.create: true"
        return (answer(CODE, CheckStatus.FAIL, f"there is no cluster {name}", evidence, remedy),)
    if not reading.ok:
        return (answer(CODE, CheckStatus.UNKNOWN, f"cluster {name} could not be read", {"why": reading.message or reading.outcome.value}),)
    body = reading.body
    if not body.get("autopilot", {}).get("enabled", False):
        remedy = "name an Autopilot cluster: giqplan does not manage node pools of Standard clusters yet"
        return (answer(CODE, CheckStatus.FAIL, f"cluster {name} is a Standard cluster", {}, remedy),)
    if body.get("status") in ("ERROR", "STOPPING"):
        remedy = "see the cluster's page in the Google Cloud console; plan again when it runs"
        return (answer(CODE, CheckStatus.FAIL, f"cluster {name} is {body['status']}", {}, remedy),)
    return (answer(CODE, CheckStatus.PASS, f"cluster {name} is there", {}),)
