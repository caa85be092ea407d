"""Logging, monitoring, managed Prometheus and automatic monitoring of a cluster.

Each is one resource, because the API takes one ``desired*`` field a call (container v1 ``ClusterUpdate``) and because automatic
monitoring is refused while managed Prometheus is off on the live cluster (gcloud 528.0.0, api_adapter.py). A list that is sent replaces
the one that is there, so the union of what is on and what is wanted is sent; what others turned on stays on.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from giqplan.kube.readiness import Progress, State
from giqplan.model.address import Address
from giqplan.model.calls import Read, Reading, UpdateCluster
from giqplan.model.plan import Cause, Verb
from giqplan.model.resource import Live, Presence
from giqplan.model.values import JsonObject
from giqplan.model.world import Scope, World
from giqplan.resources.base import READY, Kind, Patience, Step, live_from
from giqplan.resources.cluster import cluster_read, ref_of

LOGGING = "google_container_cluster_logging"
MONITORING = "google_container_cluster_monitoring"
MANAGED_PROMETHEUS = "google_container_cluster_managed_prometheus"
AUTO_MONITORING = "google_container_cluster_auto_monitoring"

#: gcloud's spelling -> the API's (gcloud 528.0.0, api_adapter.py; container v1 enums).
API_NAMES: Mapping[str, str] = {"SYSTEM": "SYSTEM_COMPONENTS", "WORKLOAD": "WORKLOADS", "API_SERVER": "APISERVER"}


def components(names: tuple[str, ...] | list[str]) -> list[str]:
    """Component names as the API spells them, sorted: their order means nothing."""
    return sorted({API_NAMES.get(name, name) for name in names})


class _Setting(Kind):
    """A setting of a cluster that is there whenever the cluster is; "absent" means: nothing of it is on."""

    patience = Patience(90 * 60, "an UPDATE_CLUSTER operation; Terraform's google provider waits 90 minutes")
    permissions: Mapping[Verb, tuple[str, ...]] = dict.fromkeys(
        (Verb.CREATE, Verb.UPDATE), ("container.clusters.update", "container.operations.get")
    )

    @abstractmethod
    def setting(self, cluster: JsonObject) -> JsonObject: ...

    @abstractmethod
    def update(self, desired: JsonObject, cluster: JsonObject) -> tuple[dict[str, Any], str]: ...

    def reading(self, address: Address, world: World) -> Reading:
        return world.cluster_reading

    def read_one(self, address: Address, scope: Scope) -> Read:
        return cluster_read(ref_of(address, scope))

    def live_of(self, address: Address, wanted: JsonObject, reading: Reading) -> Live:
        if not reading.ok:
            return live_from(reading)
        return Live(Presence.PRESENT, reading.body, reading.body.get("id", ""))

    def project(self, body: JsonObject, shape: JsonObject, address: Address) -> JsonObject:
        found = self.setting(body)
        wanted = shape.get("components")
        if wanted is None:
            return {key: found[key] for key in shape if key in found}
        return {"components": [name for name in found["components"] if name in wanted]}

    def steps(
        self, verb: Verb, address: Address, desired: JsonObject, live: Live, scope: Scope, once: JsonObject | None = None
    ) -> tuple[Step, ...]:
        update, summary = self.update(desired, live.body or {})
        return (Step(UpdateCluster(ref_of(address, scope), update), summary),)

    def never_taken_back(self, before: object, after: object) -> bool:
        """A component that the intent no longer asks for stays on: others may have come to need it."""
        return isinstance(before, list) and isinstance(after, list) and set(after) <= set(before)

    def wanted_by_both(self, one: JsonObject, other: JsonObject, address: Address) -> JsonObject | None:
        """Components add up; settings are on or off."""
        if "components" not in one:
            return super().wanted_by_both(one, other, address)
        return {"components": sorted({*one["components"], *other["components"]})}

    def on_unwanted(self, cause: Cause) -> Verb:
        return Verb.FORGET

    def progress(self, body: JsonObject, desired: JsonObject, address: Address) -> Progress:
        if self.differences(self.project(body, desired, address), desired, address):
            return Progress(State.WAITING, "the cluster is being updated")
        return READY


def _enabled(config: Mapping[str, Any]) -> list[str]:
    return sorted(config.get("componentConfig", {}).get("enableComponents", ()))


class Logging(_Setting):
    """What the cluster logs; desired ``{"components": [...]}``."""

    type = LOGGING

    def setting(self, cluster: JsonObject) -> JsonObject:
        return {"components": _enabled(cluster.get("loggingConfig", {}))}

    def update(self, desired: JsonObject, cluster: JsonObject) -> tuple[dict[str, Any], str]:
        union = sorted({*self.setting(cluster)["components"], *desired["components"]})
        return {"desiredLoggingConfig": {"componentConfig": {"enableComponents": union}}}, "turn on logging of " + ", ".join(union)


class Monitoring(_Setting):
    """What the cluster measures; desired ``{"components": [...]}``."""

    type = MONITORING

    def setting(self, cluster: JsonObject) -> JsonObject:
        return {"components": _enabled(cluster.get("monitoringConfig", {}))}

    def update(self, desired: JsonObject, cluster: JsonObject) -> tuple[dict[str, Any], str]:
        union = sorted({*self.setting(cluster)["components"], *desired["components"]})
        return _monitoring(cluster, {"componentConfig": {"enableComponents": union}}), "turn on monitoring of " + ", ".join(union)


class ManagedPrometheus(_Setting):
    """Managed Service for Prometheus; desired ``{"enabled": true}``."""

    type = MANAGED_PROMETHEUS

    def setting(self, cluster: JsonObject) -> JsonObject:
        return {"enabled": bool(_prometheus(cluster).get("enabled", False))}

    def update(self, desired: JsonObject, cluster: JsonObject) -> tuple[dict[str, Any], str]:
        config = {**_prometheus(cluster), "enabled": desired["enabled"]}
        return _monitoring(cluster, {"managedPrometheusConfig": config}), "turn on managed Prometheus"


class AutoMonitoring(_Setting):
    """Automatic application monitoring; desired ``{"scope": "ALL"}``."""

    type = AUTO_MONITORING

    def setting(self, cluster: JsonObject) -> JsonObject:
        return {"scope": _prometheus(cluster).get("autoMonitoringConfig", {}).get("scope", "NONE")}

    def update(self, desired: JsonObject, cluster: JsonObject) -> tuple[dict[str, Any], str]:
        config = {**_prometheus(cluster), "autoMonitoringConfig": {"scope": desired["scope"]}}
        return _monitoring(cluster, {"managedPrometheusConfig": config}), "turn on automatic application monitoring"


def _prometheus(cluster: JsonObject) -> JsonObject:
    config: JsonObject = cluster.get("monitoringConfig", {}).get("managedPrometheusConfig", {})
    return config


def _monitoring(cluster: JsonObject, change: JsonObject) -> dict[str, Any]:
    """One ``desiredMonitoringConfig`` with what is there now and ``change``: the message replaces the whole configuration."""
    return {"desiredMonitoringConfig": {**cluster.get("monitoringConfig", {}), **change}}
