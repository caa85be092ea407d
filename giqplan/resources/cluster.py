"""The GKE Autopilot cluster: created when the intent says so, else only looked up."""

from __future__ import annotations

from collections.abc import Mapping

from giqplan.kube.compare import Difference
from giqplan.kube.readiness import Progress, State
from giqplan.model.address import Address
from giqplan.model.calls import ClusterRef, CreateCluster, DeleteCluster, LabelCluster, Read, Reading, UpdateCluster
from giqplan.model.plan import Cause, Verb
from giqplan.model.resource import Live
from giqplan.model.values import JsonObject
from giqplan.model.world import Scope, World
from giqplan.resources.base import READY, Kind, Patience, Step, live_from, plain_differences

TYPE = "google_container_cluster"
STOPPING = "STOPPING"
"""The status of a cluster that is being deleted (container v1, Cluster.Status)."""

#: Marks of ours on a cluster (docs/architecture.md, Marks).
MANAGED_BY = {"managed-by": "giqplan"}
INTENT_LABEL = "giqplan-intent"

#: Who makes a cluster lets its nodes run as a service account, so has to be allowed to act as that one.
ACT_AS = "iam.serviceAccounts.actAs"


def node_account(project_number: str) -> str:
    """The service account that nodes run as when a cluster names none: Compute Engine's default one."""
    return f"{project_number}-compute@developer.gserviceaccount.com"


def cluster_path(ref: ClusterRef) -> str:
    return f"/v1/{ref}"


def cluster_read(ref: ClusterRef) -> Read:
    return Read("container", cluster_path(ref))


def ref_of(address: Address, scope: Scope) -> ClusterRef:
    """The cluster an address names: ``<location>/<name>``."""
    location, _, name = address.name.partition("/")
    return ClusterRef(scope.project, location, name)


class Cluster(Kind):
    """``name`` is ``<location>/<cluster>``.

    Immutable paths: facts of the container v1 API and of Terraform's schema, which force a replacement for them; giqplan never
    replaces a cluster: it refuses.
    """

    type = TYPE
    patience = Patience(90 * 60, "Terraform's google provider waits 90 minutes for cluster operations")
    immutable = (("autopilot", "enabled"), ("location",), ("name",))
    permissions: Mapping[Verb, tuple[str, ...]] = {
        Verb.CREATE: ("container.clusters.create", "container.operations.get", ACT_AS),
        Verb.UPDATE: ("container.clusters.update", "container.operations.get"),
        Verb.DELETE: ("container.clusters.delete", "container.operations.get"),
    }

    def reading(self, address: Address, world: World) -> Reading:
        return world.cluster_reading

    def read_one(self, address: Address, scope: Scope) -> Read:
        return cluster_read(ref_of(address, scope))

    def live_of(self, address: Address, wanted: JsonObject, reading: Reading) -> Live:
        if not reading.ok:
            return live_from(reading)
        labels = reading.body.get("resourceLabels", {})
        ours = all(labels.get(key) == value for key, value in wanted.get("resourceLabels", MANAGED_BY).items())
        return live_from(reading, identity=reading.body.get("id", ""), ours=ours)

    def project(self, body: JsonObject, shape: JsonObject, address: Address) -> JsonObject:
        found = {key: body[key] for key in ("name", "location") if key in shape and key in body}
        for outer in ("autopilot", "releaseChannel", "resourceLabels"):
            inner = {key: body.get(outer, {}).get(key) for key in shape.get(outer, {}) if key in body.get(outer, {})}
            if inner:
                found[outer] = inner
        return found

    def differences(self, before: JsonObject, after: JsonObject, address: Address) -> tuple[Difference, ...]:
        """Labels mark what we create and are written then only: a cluster of others is never labelled as ours."""
        return tuple(found for found in plain_differences(before, after) if found.path[0] != "resourceLabels")

    def drifted(self, held: JsonObject, now: JsonObject, address: Address) -> tuple[Difference, ...]:
        """Labels count: a cluster that held ours was made by us."""
        return plain_differences(held, now)

    def steps(
        self, verb: Verb, address: Address, desired: JsonObject, live: Live, scope: Scope, once: JsonObject | None = None
    ) -> tuple[Step, ...]:
        ref = ref_of(address, scope)
        if verb is Verb.CREATE:
            body = {key: value for key, value in desired.items() if key != "location"}
            return (Step(CreateCluster(ref, body), f"create cluster {ref.name}"),)
        if verb is Verb.DELETE:
            return (Step(DeleteCluster(ref), f"delete cluster {ref.name}"),)
        held: JsonObject = live.body or {}
        steps: list[Step] = []
        if held.get("releaseChannel") != desired["releaseChannel"]:
            update = {"desiredReleaseChannel": desired["releaseChannel"]}
            steps.append(Step(UpdateCluster(ref, update), f"set release channel {desired['releaseChannel']['channel']}"))
        labels = desired["resourceLabels"]
        if live.ours and not labels.items() <= held.get("resourceLabels", {}).items():
            steps.append(Step(LabelCluster(ref, labels), "put the labels of giqplan back"))
        return tuple(steps)

    def on_unwanted(self, cause: Cause) -> Verb:
        return Verb.DELETE if cause is Cause.DESTROY else Verb.FORGET

    def progress(self, body: JsonObject, desired: JsonObject, address: Address) -> Progress:
        status = body.get("status", "")
        if status in ("RUNNING", "RECONCILING"):
            return READY
        if status in ("ERROR", "DEGRADED"):
            # Terraform's google provider treats both as final (facts of its container_operation waiters).
            return Progress(State.FAILED, f"cluster is {status}: {body.get('statusMessage', 'no message')}")
        return Progress(State.WAITING, f"cluster is {status.lower() or 'being created'}")
