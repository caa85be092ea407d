"""IAM members: one (role, member) pair on a bucket or on the project. Other people's members are never touched."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from giqplan.model.address import Address
from giqplan.model.calls import (
    Action,
    AddBucketMember,
    AddProjectMember,
    Outcome,
    Read,
    Reading,
    RemoveBucketMember,
    RemoveProjectMember,
)
from giqplan.model.plan import Verb
from giqplan.model.resource import Live, Presence
from giqplan.model.values import UNKNOWN, JsonObject
from giqplan.model.world import Scope, World, bucket_policy_read, project_policy_read
from giqplan.resources.base import Kind, Step, live_from

BUCKET_MEMBER = "google_storage_bucket_iam_member"
PROJECT_MEMBER = "google_project_iam_member"


def principal(project: str, project_number: Any, namespace: str, service_account: str) -> Any:
    """The member that stands for a Kubernetes service account under Workload Identity Federation; UNKNOWN without the number.

    Source: docs.cloud.google.com/kubernetes-engine/docs/how-to/workload-identity (direct principal form).
    """
    if project_number is UNKNOWN:
        return UNKNOWN
    return (
        f"principal://iam.googleapis.com/projects/{project_number}/locations/global/workloadIdentityPools/"
        f"{project}.svc.id.goog/subject/ns/{namespace}/sa/{service_account}"
    )


def account_of(address: Address) -> tuple[str, str]:
    """(namespace, service account): the last two parts of a member's address."""
    namespace, account = address.name.split("/")[-2:]
    return namespace, account


class _Member(Kind):
    """desired: ``{"role", "member", "bucket" or "project"}``. The address names role and service account, not the project's number:
    it must be known before the number is."""

    gates = True

    @abstractmethod
    def policy_read(self, address: Address, scope: Scope) -> Read: ...

    @abstractmethod
    def add(self, desired: JsonObject) -> Action: ...

    @abstractmethod
    def remove(self, desired: JsonObject) -> Action: ...

    def read_one(self, address: Address, scope: Scope) -> Read:
        return self.policy_read(address, scope)

    def reading(self, address: Address, world: World) -> Reading:
        return world.reading(self.policy_read(address, world.scope))

    def live_of(self, address: Address, wanted: JsonObject, reading: Reading) -> Live:
        """Present when the policy binds the pair without a condition: a condition may deny what the pod needs."""
        if not reading.ok:
            return live_from(reading)
        if wanted["member"] is UNKNOWN:
            return Live(Presence.UNKNOWN, why="the project's number is not known yet")
        for binding in reading.body.get("bindings", ()):
            if binding["role"] == wanted["role"] and "condition" not in binding and wanted["member"] in binding.get("members", ()):
                return Live(Presence.PRESENT, dict(wanted), f"{wanted['role']} {wanted['member']}")
        return Live(Presence.ABSENT)

    def resolve(self, desired: JsonObject, address: Address, world: World) -> JsonObject:
        if desired["member"] is not UNKNOWN:
            return desired
        return {**desired, "member": principal(world.scope.project, world.project_number, *account_of(address))}

    def steps(
        self, verb: Verb, address: Address, desired: JsonObject, live: Live, scope: Scope, once: JsonObject | None = None
    ) -> tuple[Step, ...]:
        if verb is Verb.DELETE:
            return (Step(self.remove(desired), f"take {desired['role']} back"),)
        return (Step(self.add(desired), f"grant {desired['role']}"),)


class BucketMember(_Member):
    """``name``: ``<bucket>/<role>/<namespace>/<service account>``."""

    type = BUCKET_MEMBER
    found_by = ("role", "member", "bucket")
    permissions: Mapping[Verb, tuple[str, ...]] = {
        Verb.CREATE: ("storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy"),
        Verb.DELETE: ("storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy"),
    }

    def policy_read(self, address: Address, scope: Scope) -> Read:
        return bucket_policy_read(address.name.partition("/")[0])

    def add(self, desired: JsonObject) -> Action:
        return AddBucketMember(desired["bucket"], desired["role"], desired["member"])

    def remove(self, desired: JsonObject) -> Action:
        return RemoveBucketMember(desired["bucket"], desired["role"], desired["member"])

    def live_of(self, address: Address, wanted: JsonObject, reading: Reading) -> Live:
        if reading.outcome is Outcome.ABSENT:
            return Live(Presence.UNKNOWN, why=f"there is no bucket {address.name.partition('/')[0]}")
        return super().live_of(address, wanted, reading)


class ProjectMember(_Member):
    """``name``: ``<project>/<role>/<namespace>/<service account>``."""

    type = PROJECT_MEMBER
    found_by = ("role", "member", "project")
    permissions: Mapping[Verb, tuple[str, ...]] = {
        Verb.CREATE: ("resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"),
        Verb.DELETE: ("resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"),
    }

    def policy_read(self, address: Address, scope: Scope) -> Read:
        return project_policy_read(scope.project)

    def add(self, desired: JsonObject) -> Action:
        return AddProjectMember(desired["project"], desired["role"], desired["member"])

    def remove(self, desired: JsonObject) -> Action:
        return RemoveProjectMember(desired["project"], desired["role"], desired["member"])
