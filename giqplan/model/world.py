"""The world as read: which project, cluster and namespace are meant, and every answer that was got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from giqplan.model.calls import KUBERNETES, ClusterRef, Outcome, Read, Reading, secret_path
from giqplan.model.values import UNKNOWN, JsonObject

_NOT_READ = Reading(Outcome.NOT_READ)
_NOT_LISTED = Reading(Outcome.ABSENT)


@dataclass(frozen=True)
class Scope:
    """What a plan is about: one project and one cluster of it."""

    project: str
    cluster: ClusterRef

    @property
    def location(self) -> str:
        return self.cluster.location


@dataclass(frozen=True)
class World:
    """``name``: ``gcp`` or ``sandbox-<id>``; empty readings = offline."""

    name: str
    scope: Scope
    readings: Mapping[Read, Reading] = field(default_factory=dict, hash=False)

    def reading(self, read: Read) -> Reading:
        """The answer to ``read``; ``NOT_READ`` when nobody asked."""
        return self.readings.get(read, _NOT_READ)

    @cached_property
    def _indexes(self) -> dict[Read, dict[tuple[str, str], Any]]:
        return {}

    def listed(self, read: Read, namespace: str, name: str) -> Reading:
        """One object out of a list of Kubernetes objects; ABSENT when the list lacks it, else the list's own outcome."""
        listing = self.reading(read)
        if not listing.ok:
            return listing
        index = self._indexes.get(read)
        if index is None:
            items = listing.body.get("items") or ()
            index = {(i["metadata"].get("namespace", ""), i["metadata"]["name"]): i for i in items}
            self._indexes[read] = index
        found = index.get((namespace, name))
        return _NOT_LISTED if found is None else Reading(Outcome.OK, found)

    @property
    def offline(self) -> bool:
        return not self.readings

    @property
    def project_number(self) -> Any:
        """The project's number as text, ``UNKNOWN`` when it could not be read.

        Source: Resource Manager v3 ``projects.get`` answers ``name: projects/<number>``.
        """
        reading = self.reading(project_read(self.scope.project))
        return reading.body["name"].removeprefix("projects/") if reading.ok else UNKNOWN

    @property
    def cluster_reading(self) -> Reading:
        """The cluster's body out of the one list of clusters; ABSENT when the list lacks it, or when the GKE API is off."""
        listing = self.reading(clusters_read(self.scope.cluster))
        if listing.outcome is Outcome.DISABLED:
            return Reading(Outcome.ABSENT, message="the GKE API is off")
        if not listing.ok:
            return listing
        found = [c for c in listing.body.get("clusters", ()) if _is(c, self.scope.cluster)]
        return Reading(Outcome.OK, found[0]) if found else Reading(Outcome.ABSENT)

    @property
    def other_clusters(self) -> tuple[str, ...]:
        """``location/name`` of every other cluster of the project, as far as it could be read."""
        listing = self.reading(clusters_read(self.scope.cluster))
        clusters = listing.body.get("clusters", ()) if listing.ok else ()
        return tuple(sorted(f"{c['location']}/{c['name']}" for c in clusters if not _is(c, self.scope.cluster)))

    @property
    def cluster_answers(self) -> bool:
        """Whether the cluster's Kubernetes API could be asked."""
        reading = self.cluster_reading
        return reading.ok and reading.body.get("status") in ("RUNNING", "RECONCILING", "DEGRADED") and "endpoint" in reading.body


def project_read(project: str) -> Read:
    return Read("cloudresourcemanager", f"/v3/projects/{project}")


def clusters_read(cluster: ClusterRef) -> Read:
    """The clusters of all locations (``-``): one list shows ours, and who else lives in the project."""
    return Read("container", f"/v1/projects/{cluster.project}/locations/-/clusters")


def _is(body: JsonObject, cluster: ClusterRef) -> bool:
    return bool(body["name"] == cluster.name and body.get("location", cluster.location) == cluster.location)


def services_read(project: str) -> Read:
    query = (("filter", "state:ENABLED"), ("pageSize", "200"))
    return Read("serviceusage", f"/v1/projects/{project}/services", query, items="services")


def project_policy_read(project: str) -> Read:
    body = {"options": {"requestedPolicyVersion": 3}}
    return Read("cloudresourcemanager", f"/v3/projects/{project}:getIamPolicy", method="POST", body=body)


def bucket_policy_read(bucket: str) -> Read:
    return Read("storage", f"/storage/v1/b/{bucket}/iam", (("optionsRequestedPolicyVersion", "3"),))


def secret_read(cluster: ClusterRef, namespace: str, name: str) -> Read:
    """One Secret; its values never come this far (cloud/secrets.py), only the names of its keys."""
    return Read(KUBERNETES, secret_path(namespace, name), cluster=str(cluster))


def bucket_objects_read(bucket: str, folder: str) -> Read:
    """Names and sizes of what lies directly in a folder (it ends with a slash; "" = the bucket itself), and the folders in it."""
    more = (("prefix", folder),) if folder else ()
    query = (("delimiter", "/"), ("fields", "items(name,size),prefixes,nextPageToken"), *more)
    return Read("storage", f"/storage/v1/b/{bucket}/o", query, items="items")


def quotas_read(project: str) -> Read:
    path = f"/v1/projects/{project}/locations/global/services/compute.googleapis.com/quotaInfos"
    return Read("cloudquotas", path, (("pageSize", "500"),), items="quotaInfos")


#: A project's form of testIamPermissions takes so many at once (facts/gke.md 5.2).
MOST_PERMISSIONS = 100


def project_rights_read(project: str, permissions: Iterable[str]) -> Read:
    """Which of these permissions the caller holds on the project; asking needs none. One unknown name makes it a 400 for all."""
    body = {"permissions": sorted(permissions)}
    return Read("cloudresourcemanager", f"/v3/projects/{project}:testIamPermissions", method="POST", body=body, optional=True)


def bucket_rights_read(bucket: str, permissions: Iterable[str]) -> Read:
    """The same of a bucket, which knows ``storage.*`` only."""
    query = tuple(("permissions", permission) for permission in sorted(permissions))
    return Read("storage", f"/storage/v1/b/{bucket}/iam/testPermissions", query, optional=True)


def account_rights_read(email: str, permissions: Iterable[str]) -> Read:
    """The same of a service account, whatever its project."""
    path = f"/v1/projects/-/serviceAccounts/{email}:testIamPermissions"
    return Read("iam", path, method="POST", body={"permissions": sorted(permissions)}, optional=True)
