"""GIQ1512: the Google Cloud APIs that the plan needs are on, or the plan turns them on.

Two have to answer before anything can be planned: Service Usage, which tells what is on, and Resource Manager, which tells the project's
number, its IAM policy and the caller's rights. Whether the caller may turn APIs on is GIQ1513's matter.
"""

from __future__ import annotations

from giqplan.checks.base import Subject, answer
from giqplan.model.address import Address
from giqplan.model.calls import Outcome
from giqplan.model.check import Check, CheckStatus
from giqplan.model.resource import Presence
from giqplan.model.world import project_read, services_read
from giqplan.resources import REGISTRY, services_of
from giqplan.resources.services import TYPE

CODE = "GIQ1512"
USAGE, MANAGER = "serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com"


def check(subject: Subject) -> tuple[Check, ...]:
    """One answer for all."""
    world, project = subject.world, subject.world.scope.project
    wanted = services_of(subject.intent)
    if world.offline:
        return (answer(CODE, CheckStatus.UNKNOWN, f"whether {len(wanted)} APIs are on is not known", {"why": "offline"}),)
    listing = world.reading(services_read(project))
    if listing.outcome is Outcome.DISABLED:
        return (answer(CODE, CheckStatus.FAIL, f"{USAGE} is off: no plan can turn on any other", {}, _enable(USAGE, project)),)
    if not listing.ok:
        evidence: dict[str, object] = {"why": listing.message or listing.outcome.value}
        remedy = f"grant roles/serviceusage.serviceUsageViewer on project {project}"
        return (answer(CODE, CheckStatus.UNKNOWN, "which APIs are on could not be read", evidence, remedy),)
    kind = REGISTRY.kinds[TYPE]
    off = [name for name in wanted if kind.live(Address(TYPE, name), {}, world).presence is Presence.ABSENT]
    evidence = {name: f"off, needed for {wanted[name]}; the plan turns it on" for name in off}
    if world.reading(project_read(project)).outcome is Outcome.DISABLED:
        summary = f"{MANAGER} is off: the project's number and policy, and the caller's rights, cannot be read"
        return (answer(CODE, CheckStatus.UNKNOWN, summary, evidence, _enable(MANAGER, project) + ", then plan again"),)
    summary = f"{len(wanted) - len(off)} of {len(wanted)} APIs are on" + (f", the plan turns on {len(off)}" if off else "")
    return (answer(CODE, CheckStatus.PASS, summary, evidence),)


def _enable(service: str, project: str) -> str:
    return f"gcloud services enable {service} --project {project}"
