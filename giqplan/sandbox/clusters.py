"""The Kubernetes APIs of the clusters, and what they ask of Google Cloud: identities, permissions, quota, settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from giqplan.errors import SandboxError
from giqplan.sandbox.clock import Clock
from giqplan.sandbox.google.cloudquotas import CloudQuotas
from giqplan.sandbox.google.cluster_defaults import region_of
from giqplan.sandbox.google.errors import ApiError
from giqplan.sandbox.google.projects import Projects
from giqplan.sandbox.oauth import OAuth
from giqplan.sandbox.store import Store
from giqplan.sandbox.wire import Caller, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from giqplan.sandbox.kubernetes import KubernetesApi

Api = Callable[[HttpRequest], tuple[str, HttpResponse]]

ADMIN = Caller("admin", "", groups=("system:masters", "system:authenticated"))
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_LOADER = "world"


class Clusters:
    """The API server of each cluster, by the cluster's id."""

    def __init__(self, store: Store, clock: Clock, tokens: OAuth, projects: Projects, quotas: CloudQuotas, controllers: bool) -> None:
        self._store = store
        self._clock = clock
        self._oauth = tokens
        self._projects = projects
        self._quotas = quotas
        self._controllers = controllers
        self._apis: dict[str, KubernetesApi] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def build(self, cluster: Mapping[str, Any]) -> Api:
        """What answers the requests to this cluster: the caller's name, and the answer."""
        from giqplan.sandbox.kubernetes import Hooks, KubernetesApi

        project = str(cluster["selfLink"]).partition("/projects/")[2].partition("/")[0]
        region = region_of(str(cluster["location"]))
        identity = str(cluster["id"])
        hooks = Hooks(
            accelerator_limit=lambda accelerator, provisioning: self._limit(identity, accelerator, provisioning),
            may_read_metrics=lambda namespace, account: self._may_read_metrics(project, namespace, account),
        )
        api = KubernetesApi(
            self._store,
            self._clock,
            identity,
            server_version=str(cluster["currentMasterVersion"]),
            controllers=self._controllers,
            autopilot=bool(cluster.get("autopilot", {}).get("enabled")),
            permissions=lambda caller, verb, group, resource, namespace: self._allowed(project, caller, verb, group, resource),
            hooks=hooks,
        )
        self._apis[identity] = api
        self._places[identity] = (project, region)

        def answer(request: HttpRequest) -> tuple[str, HttpResponse]:
            caller = self._caller(request)
            return (caller.name if caller else ""), api.handle(replace(request, path=unquote(request.path), caller=caller))

        return answer

    def changed(self, cluster: Mapping[str, Any]) -> None:
        """Take over the cluster's settings: its version, and PodMonitoring, which is there while managed Prometheus is on."""
        from giqplan.sandbox.kubernetes.installed import definitions

        api = self._apis[str(cluster["id"])]
        api.server_version = str(cluster["currentMasterVersion"])
        wanted = bool(cluster.get("monitoringConfig", {}).get("managedPrometheusConfig", {}).get("enabled"))
        for body in definitions():
            path = f"{_CRDS}/{body['metadata']['name']}"
            there = _ask(api, "GET", path).status == 200
            if wanted and not there:
                _ask(api, "POST", _CRDS, body)
            elif there and not wanted:
                _ask(api, "DELETE", path)

    def closed(self, cluster_id: str) -> None:
        """The cluster is gone, and all that was in it."""
        self._apis.pop(cluster_id).drop()
        self._places.pop(cluster_id)
        self.google_changed()

    def google_changed(self) -> None:
        """Somebody's rights changed, or accelerators became free: whatever waits for them looks again."""
        for api in self._apis.values():
            if api.controllers is not None:
                api.controllers.google_changed()

    def load(self, cluster_id: str, objects: Sequence[Mapping[str, Any]]) -> None:
        """Objects that are in the cluster from the beginning, in that order; SandboxError when the API server refuses one."""
        api = self._apis[cluster_id]
        for body in objects:
            group, _, version = str(body["apiVersion"]).rpartition("/")
            found = [r for r in api.resources() if (r.group, r.version, r.kind) == (group, version, body["kind"])]
            if not found:
                raise SandboxError(
                    "GIQ2004", f"the cluster knows no {body['kind']} of {body['apiVersion']}", "Declare its definition before it."
                )
            base = f"/apis/{group}/{version}" if group else f"/api/{version}"
            namespace = body["metadata"].get("namespace", "default")
            path = f"{base}/namespaces/{namespace}/{found[0].plural}" if found[0].namespaced else f"{base}/{found[0].plural}"
            answer = _ask(api, "POST", path, body)
            if answer.status >= 300:
                told = json.loads(answer.encoded())["message"]
                raise SandboxError(
                    "GIQ2004", f"the cluster refuses {body['kind']} {body['metadata'].get('name')}: {told}", "Correct the object."
                )

    # -- what a cluster asks

    def _caller(self, request: HttpRequest) -> Caller | None:
        """None when nobody stands behind the request; the Kubernetes API then answers for strangers."""
        if self._oauth.is_admin(request.headers):
            return ADMIN
        try:
            caller = self._oauth.caller(request.headers)
        except ApiError:
            return None
        return replace(caller, groups=("system:authenticated",))

    def _allowed(self, project: str, caller: Caller, verb: str, group: str, resource: str) -> bool:
        from giqplan.sandbox.kubernetes.access import container_permission

        return bool(caller.member) and self._projects.iam.allows(caller.member, container_permission(verb, group, resource), project)

    def _limit(self, cluster_id: str, accelerator: str, provisioning: str) -> int | None:
        """What the project's quotas leave to this cluster: each limit less what it already covers elsewhere."""
        project, region = self._places[cluster_id]
        own, whole = self._quotas.accelerator_limits(project, region, accelerator, provisioning == "spot")
        kind = (accelerator, provisioning)
        in_region = in_project = 0
        for other, (its_project, its_region) in self._places.items():
            if its_project != project:
                continue
            used = self._in_use(other)
            if other != cluster_id and its_region == region:
                in_region += used.get(kind, 0)
            in_project += sum(n for name, n in used.items() if name[0].startswith("nvidia-") and (other, name) != (cluster_id, kind))
        left = [limit - used for limit, used in ((own, in_region), (whole, in_project)) if limit is not None]
        return max(0, min(left)) if left else None

    def _in_use(self, cluster_id: str) -> Mapping[tuple[str, str], int]:
        controllers = self._apis[cluster_id].controllers
        return controllers.accelerators_in_use() if controllers is not None else {}

    def _may_read_metrics(self, project: str, namespace: str, account: str) -> bool:
        members = self._principals(project, namespace, account)
        return any(self._projects.iam.allows(member, "monitoring.timeSeries.list", project) for member in members)

    def _principals(self, project: str, namespace: str, account: str) -> tuple[str, ...]:
        """How IAM may name a Kubernetes service account, new form and old (Workload Identity Federation for GKE)."""
        found = self._projects.find(project)
        assert found is not None
        pool = f"{project}.svc.id.goog"
        base = f"iam.googleapis.com/projects/{found.number}/locations/global/workloadIdentityPools/{pool}"
        return (
            f"principal://{base}/subject/ns/{namespace}/sa/{account}",
            f"principalSet://{base}/namespace/{namespace}",
            f"serviceAccount:{pool}[{namespace}/{account}]",
        )


def _ask(api: KubernetesApi, method: str, path: str, body: Mapping[str, Any] | None = None) -> HttpResponse:
    """A request of the sandbox's own, as administrator."""
    data = json.dumps(body).encode() if body is not None else b""
    headers = {"content-type": "application/json", "user-agent": _LOADER}
    query = {"fieldManager": (_LOADER,)} if method == "POST" else {}
    return api.handle(HttpRequest(method, path, query, headers, data, ADMIN))
