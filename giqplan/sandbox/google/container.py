"""GKE ClusterManager v1 over REST: clusters and operations, on the sandbox clock.

Shapes: k8s-config-connector's recordings (v1beta1, Standard clusters); rules of operations and updates: terraform-provider-google
and the client library's field documentation ("exactly one update can be applied to a cluster with each request").
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.documents import Documents
from giqplan.sandbox.google import cluster_update
from giqplan.sandbox.google.cluster_defaults import channel_version, fingerprint, full_cluster, stamped
from giqplan.sandbox.google.durations import DURATIONS
from giqplan.sandbox.google.errors import ApiError, invalid
from giqplan.sandbox.google.projects import Project, Projects, not_found
from giqplan.sandbox.google.schema import normalised
from giqplan.sandbox.google.serviceaccounts import may_act_as
from giqplan.sandbox.wire import Caller, HttpRequest

SERVICE = "container.googleapis.com"
PATH = re.compile(
    r"/v1/projects/(?P<project>[^/]+)/(?:locations|zones)/(?P<location>[^/]+)"
    r"(?P<rest>/(?:clusters|operations)(?:/[^/:]+(?:/nodePools(?:/[^/:]+)?)?)?(?::\w+)?|/serverConfig)"
)
_LOCATION = re.compile(r"[a-z]+-[a-z]+\d+(-[a-z])?")
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")


class Hosts(Protocol):
    """What runs the Kubernetes APIs of the clusters."""

    def open(self, cluster: Mapping[str, Any]) -> Mapping[str, str]:
        """Start the cluster's Kubernetes API; answers ``endpoint`` and ``ca`` (base64 of the PEM)."""

    def changed(self, cluster: Mapping[str, Any]) -> None:
        """The cluster's settings are now these."""

    def close(self, cluster: Mapping[str, Any]) -> None:
        """The cluster is gone, with everything in it."""


class Container:
    """Cluster documents are kept under ``<project>/<location>/<name>``."""

    def __init__(self, documents: Documents, clock: Clock, projects: Projects, hosts: Hosts) -> None:
        self._documents = documents
        self._clock = clock
        self._projects = projects
        self._hosts = hosts
        clock.on("container-operation", self._finish)

    def answer(self, request: HttpRequest, caller: Caller, match: re.Match[str]) -> Any:
        """Route one request."""
        project, location, rest = match["project"], match["location"], match["rest"].removeprefix("/")
        rest, _, verb = rest.partition(":")
        words = rest.split("/")
        route = (request.method, words[0], len(words), verb)
        match route:
            case ("GET", "clusters", 1, ""):
                return self._list("cluster", "clusters", caller, project, location)
            case ("POST", "clusters", 1, ""):
                return self._create(caller, project, location, request.json())
            case ("GET", "clusters", 2, ""):
                return self._get(caller, project, location, words[1])
            case ("PUT", "clusters", 2, ""):
                return self._update(caller, project, location, words[1], request.json())
            case ("DELETE", "clusters", 2, ""):
                return self._delete(caller, project, location, words[1])
            case ("POST", "clusters", 2, "setResourceLabels"):
                return self._set_labels(caller, project, location, words[1], request.json())
            case ("GET", "clusters", 3 | 4, "") if words[2] == "nodePools":
                return self._pools(caller, project, location, words)
            case ("GET", "operations", 1, ""):
                return self._list("operation", "operations", caller, project, location)
            case ("GET", "operations", 2, ""):
                return self._operation(caller, project, location, words[1])
            case ("GET", "serverConfig", 1, ""):
                return self._server_config(caller, project)
        raise ApiError(405, f"The sandbox does not know {request.method} {request.path}.")

    def add(self, asked: Mapping[str, Any], project: Project, location: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """A cluster that is there from the beginning (world.yaml): RUNNING, with ``settings`` laid over what GKE fills in."""
        cluster = full_cluster(normalised("Cluster", asked, "cluster"), project.id, project.number, location, self._clock.timestamp())
        cluster |= normalised("Cluster", settings, "settings")
        return self._run(f"{project.id}/{location}/{asked['name']}", cluster)

    def open_all(self) -> None:
        """After a start: open the Kubernetes APIs of the clusters that have one, and note the ports they now have."""
        for key, cluster in list(self._documents.under("cluster")):
            if "endpoint" in cluster:
                self._put_endpoint(cluster)
                self._documents.put("cluster", key, cluster)

    # -- reads

    def _list(self, kind: str, name: str, caller: Caller, project: str, location: str) -> dict[str, Any]:
        found = self._projects.admit(caller, project, SERVICE, f"container.{name}.list")
        prefix = f"{found.id}/" if location == "-" else f"{found.id}/{self._location(location)}/"
        bodies = [body for _, body in self._documents.under(kind, prefix)]
        return {name: [_public(body) for body in bodies]} if bodies else {}

    def _get(self, caller: Caller, project: str, location: str, name: str) -> dict[str, Any]:
        found = self._projects.admit(caller, project, SERVICE, "container.clusters.get")
        return self._cluster(found, location, name)[1]

    def _operation(self, caller: Caller, project: str, location: str, name: str) -> dict[str, Any]:
        found = self._projects.admit(caller, project, SERVICE, "container.operations.get")
        body = self._documents.get("operation", f"{found.id}/{location}/{name}")
        if body is None:
            raise not_found(f"projects/{found.id}/locations/{location}/operations/{name}")
        return _public(body)

    def _pools(self, caller: Caller, project: str, location: str, words: list[str]) -> dict[str, Any]:
        pools = self._get(caller, project, location, words[1]).get("nodePools", [])
        if len(words) == 3:
            return {"nodePools": pools}
        for pool in pools:
            if pool["name"] == words[3]:
                return dict(pool)
        raise not_found(f"projects/{project}/locations/{location}/clusters/{words[1]}/nodePools/{words[3]}")

    def _server_config(self, caller: Caller, project: str) -> dict[str, Any]:
        self._projects.admit(caller, project, SERVICE, "container.clusters.list")
        channels = ("RAPID", "REGULAR", "STABLE", "EXTENDED")
        versions = sorted({channel_version(c) for c in channels}, reverse=True)
        rows = [{"channel": c, "defaultVersion": channel_version(c), "validVersions": [channel_version(c)]} for c in channels]
        default = channel_version("REGULAR")
        return {"channels": rows, "defaultClusterVersion": default, "validMasterVersions": versions, "validNodeVersions": versions}

    # -- writes

    def _create(self, caller: Caller, project: str, location: str, body: Any) -> dict[str, Any]:
        found = self._projects.admit(caller, project, SERVICE, "container.clusters.create")
        asked = normalised("Cluster", (body or {}).get("cluster") or {}, "cluster")
        self._location(location)
        name = asked.get("name", "")
        if not _NAME.fullmatch(name):
            raise invalid(
                f'Invalid value for field "cluster.name": "{name}". Must be a match of regex '
                "'(?:[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?)' (only alphanumerics and hyphens allowed, starting with a letter, at most 40)."
            )
        key = f"{found.id}/{location}/{name}"
        if self._documents.get("cluster", key) is not None:
            raise ApiError(409, f"Already exists: projects/{found.id}/locations/{location}/clusters/{name}.")
        cluster_update.check_new(asked, found.id)
        if not may_act_as(self._projects.iam, caller, found):
            text = (  # from memory
                'The user does not have access to service account "default". Ask a project owner to grant you the '
                "iam.serviceAccountUser role on the service account."
            )
            raise ApiError(400, text, legacy="badRequest")
        self._documents.put("cluster", key, full_cluster(asked, found.id, found.number, location, self._clock.timestamp()))
        return self._begin("CREATE_CLUSTER", found, location, name, {})

    def _update(self, caller: Caller, project: str, location: str, name: str, body: Any) -> dict[str, Any]:
        found = self._projects.admit(caller, project, SERVICE, "container.clusters.update")
        key, cluster = self._cluster(found, location, name)
        update = normalised("ClusterUpdate", (body or {}).get("update") or {}, "update")
        if update.pop("etag", cluster["etag"]) != cluster["etag"]:
            raise ApiError(409, "The cluster's etag does not match the one given.", status="ABORTED", legacy="aborted")
        settings = cluster_update.settings_after(cluster, update, found.id)
        self._exclusive(key)
        kind = "UPGRADE_MASTER" if "desiredMasterVersion" in update else "UPDATE_CLUSTER"
        self._documents.put("cluster", key, stamped(cluster | {"status": "RECONCILING"}))
        return self._begin(kind, found, location, name, settings)

    def _set_labels(self, caller: Caller, project: str, location: str, name: str, body: Any) -> dict[str, Any]:
        found = self._projects.admit(caller, project, SERVICE, "container.clusters.update")
        key, cluster = self._cluster(found, location, name)
        given = (body or {}).get("labelFingerprint") or (body or {}).get("label_fingerprint", "")
        if given != cluster["labelFingerprint"]:
            text = "Labels could not be set due to fingerprint mismatch."
            raise ApiError(412, text, legacy="conditionNotMet")
        labels = body.get("resourceLabels") or body.get("resource_labels") or {}
        labels = normalised("Cluster", {"resourceLabels": labels}, "").get("resourceLabels", {})
        self._exclusive(key)
        self._documents.put("cluster", key, stamped(cluster | {"status": "RECONCILING"}))
        settings = {"resourceLabels": labels, "labelFingerprint": fingerprint(labels)}
        return self._begin("SET_LABELS", found, location, name, settings)

    def _delete(self, caller: Caller, project: str, location: str, name: str) -> dict[str, Any]:
        found = self._projects.admit(caller, project, SERVICE, "container.clusters.delete")
        key, cluster = self._cluster(found, location, name)
        self._exclusive(key)
        self._documents.put("cluster", key, stamped(cluster | {"status": "STOPPING"}))
        return self._begin("DELETE_CLUSTER", found, location, name, {})

    # -- operations

    def _exclusive(self, key: str) -> None:
        """400 when the cluster is busy: cluster-level operations exclude everything else."""
        for _, body in self._documents.under("operation"):
            if body["_cluster"] == key and body["status"] != "DONE":
                raise ApiError(
                    400,
                    f"Cluster is running incompatible operation {body['name']}.",
                    status="FAILED_PRECONDITION",
                    legacy="failedPrecondition",
                    reason="CLUSTER_ALREADY_HAS_OPERATION",
                    domain=SERVICE,
                )

    def _begin(self, kind: str, project: Project, location: str, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        milliseconds = int(self._clock.now() * 1000)
        operation = f"operation-{milliseconds}-{uuid.uuid4()}"
        base = f"https://container.googleapis.com/v1/projects/{project.number}/locations/{location}"
        body: dict[str, Any] = {
            "name": operation,
            "operationType": kind,
            "selfLink": f"{base}/operations/{operation}",
            "startTime": self._clock.timestamp(fraction=True),
            "status": "RUNNING",
            "targetLink": f"{base}/clusters/{name}",
            "zone": location,
            "location": location,
            "_cluster": f"{project.id}/{location}/{name}",
            "_settings": dict(settings),
        }
        key = f"{project.id}/{location}/{operation}"
        self._documents.put("operation", key, body)
        self._clock.schedule(DURATIONS[kind].seconds, "container-operation", {"operation": key})
        return _public(body)

    def _finish(self, event: dict[str, Any]) -> None:
        """An operation is due: make its effect and mark it done."""
        body = self._documents.get("operation", event["operation"])
        assert body is not None
        key = body["_cluster"]
        cluster = self._documents.get("cluster", key)
        assert cluster is not None
        if body["operationType"] == "CREATE_CLUSTER":
            self._run(key, cluster)
        elif body["operationType"] == "DELETE_CLUSTER":
            self._documents.delete("cluster", key)
            self._hosts.close(cluster)
        else:
            cluster = stamped(cluster | body["_settings"] | {"status": "RUNNING"})
            self._documents.put("cluster", key, cluster)
            self._note_pool(cluster)
            self._hosts.changed(cluster)
        body |= {"status": "DONE", "endTime": self._clock.timestamp(fraction=True)}
        self._documents.put("operation", event["operation"], body)

    def _run(self, key: str, cluster: dict[str, Any]) -> dict[str, Any]:
        cluster["status"] = "RUNNING"
        self._put_endpoint(cluster)
        stamped(cluster)
        self._documents.put("cluster", key, cluster)
        self._note_pool(cluster)
        self._hosts.changed(cluster)
        return cluster

    def _note_pool(self, cluster: Mapping[str, Any]) -> None:
        """A project's workload identity pool comes with the first cluster that uses it, and stays."""
        pool = cluster.get("workloadIdentityConfig", {}).get("workloadPool")
        if pool:
            self._documents.put("workload-pool", pool, {})

    def _put_endpoint(self, cluster: dict[str, Any]) -> None:
        opened = self._hosts.open(cluster)
        cluster["endpoint"] = opened["endpoint"]
        cluster["masterAuth"] = {**cluster.get("masterAuth", {}), "clusterCaCertificate": opened["ca"]}

    def _cluster(self, project: Project, location: str, name: str) -> tuple[str, dict[str, Any]]:
        key = f"{project.id}/{location}/{name}"
        cluster = self._documents.get("cluster", key)
        if cluster is None:
            raise not_found(f"projects/{project.id}/locations/{location}/clusters/{name}")
        return key, cluster

    @staticmethod
    def _location(location: str) -> str:
        if not _LOCATION.fullmatch(location):
            raise invalid(f'Location "{location}" does not exist.')
        return location


def _public(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if not key.startswith("_")}
