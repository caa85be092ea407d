"""What may be asked of a cluster: checks of a new one, and the settings after one update.

Sources: field documentation of google-cloud-container 2.67.0; that logging and monitoring may travel together: gcloud 528 puts both
on one ClusterUpdate. Texts of the errors are from memory except where marked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from giqplan.sandbox.google.cluster_defaults import channel_version
from giqplan.sandbox.google.errors import ApiError, invalid

#: Update field -> cluster field; the sub-fields that are sent replace those that are there, the others stay.
_MERGED = {
    "desiredAddonsConfig": "addonsConfig",
    "desiredLoggingConfig": "loggingConfig",
    "desiredMonitoringConfig": "monitoringConfig",
}
#: Update field -> cluster field, replaced as a whole.
_REPLACED = {
    "desiredBinaryAuthorization": "binaryAuthorization",
    "desiredClusterAutoscaling": "autoscaling",
    "desiredCostManagementConfig": "costManagementConfig",
    "desiredGatewayApiConfig": "gatewayApiConfig",
    "desiredLocations": "locations",
    "desiredLoggingService": "loggingService",
    "desiredMonitoringService": "monitoringService",
    "desiredNotificationConfig": "notificationConfig",
    "desiredPodAutoscaling": "podAutoscaling",
    "desiredReleaseChannel": "releaseChannel",
    "desiredSecretManagerConfig": "secretManagerConfig",
    "desiredSecurityPostureConfig": "securityPostureConfig",
    "desiredShieldedNodes": "shieldedNodes",
    "desiredVerticalPodAutoscaling": "verticalPodAutoscaling",
    "desiredWorkloadIdentityConfig": "workloadIdentityConfig",
}
_TOGETHER = ({"desiredLoggingConfig", "desiredMonitoringConfig"}, {"desiredLoggingService", "desiredMonitoringService"})
_CHANNELS = ("RAPID", "REGULAR", "STABLE", "EXTENDED")
_AUTO_WITHOUT_PROMETHEUS = "Cannot enable Auto Monitoring without enabling Managed Prometheus."  # gcloud 528, api_adapter.py


def check_new(asked: Mapping[str, Any], project: str) -> None:
    """ApiError 400 when no cluster can be made like this."""
    autopilot = bool(asked.get("autopilot", {}).get("enabled"))
    if autopilot and asked.get("nodePools"):
        raise invalid("Autopilot clusters do not support mutating node pools.")
    if autopilot and asked.get("releaseChannel", {"channel": "REGULAR"}).get("channel", "UNSPECIFIED") == "UNSPECIFIED":
        raise invalid("Autopilot clusters must be enrolled in a release channel.")
    if not autopilot and not asked.get("nodePools") and not asked.get("initialNodeCount"):
        raise invalid("Cluster.initial_node_count must be greater than zero.")
    version = asked.get("initialClusterVersion", "")
    if version not in ("", "-", "latest") and not _resolved(version):
        raise invalid(f'Master version "{version}" is unsupported.')
    if version and version != "-":
        asked_version = {"initialClusterVersion": _resolved(version) if version != "latest" else channel_version("RAPID")}
        assert isinstance(asked, dict)
        asked.update(asked_version)
    _check_workload_pool(asked.get("workloadIdentityConfig", {}), project)
    _check_observability(asked, asked, autopilot)


def settings_after(cluster: Mapping[str, Any], update: Mapping[str, Any], project: str) -> dict[str, Any]:
    """The cluster fields that one update changes, with their new values; ApiError 400 when it is not allowed."""
    names = {name for name in update if name.startswith("desired") or name != "etag"}
    if not names:
        raise invalid("Must specify a field to update.")
    if len(names) > 1 and names not in _TOGETHER:
        raise invalid(f"Exactly one update can be applied to a cluster with each request, got {len(names)}: {', '.join(sorted(names))}.")
    settings: dict[str, Any] = {}
    for name in names:
        settings |= _one(cluster, name, update[name])
    autopilot = bool(cluster.get("autopilot", {}).get("enabled"))
    if autopilot and "workloadIdentityConfig" in settings and not settings["workloadIdentityConfig"].get("workloadPool"):
        raise invalid("Workload Identity cannot be disabled on Autopilot clusters.")
    _check_workload_pool(settings.get("workloadIdentityConfig", {}), project)
    _check_observability(settings, cluster, autopilot)
    return settings


def _one(cluster: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    if name == "desiredMasterVersion":
        version = _resolved(value)
        if not version or _order(version) < _order(str(cluster["currentMasterVersion"])):
            raise invalid(f'Master version "{value}" is unsupported.')
        return {"currentMasterVersion": version}
    if name in _REPLACED:
        if name == "desiredReleaseChannel" and value.get("channel") not in _CHANNELS and cluster.get("autopilot", {}).get("enabled"):
            raise invalid("Autopilot clusters must be enrolled in a release channel.")
        return {_REPLACED[name]: value}
    if name in _MERGED:
        field = _MERGED[name]
        merged = {**cluster.get(field, {}), **value}
        prometheus = value.get("managedPrometheusConfig")
        if prometheus is not None and "autoMonitoringConfig" in prometheus and "enabled" not in prometheus:
            # false and absent look alike here; who sends only the scope means to leave the rest as it is.
            before = cluster.get(field, {}).get("managedPrometheusConfig", {})
            merged["managedPrometheusConfig"] = {**before, **prometheus}
        return {field: merged}
    raise ApiError(405, f"The sandbox does not act on update.{name}.", status="UNIMPLEMENTED")


def _check_workload_pool(config: Mapping[str, Any], project: str) -> None:
    pool = config.get("workloadPool", "")
    if pool and pool != f"{project}.svc.id.goog":
        raise invalid(f'Invalid workload pool "{pool}": currently, the only supported pool is "{project}.svc.id.goog".')


def _check_observability(settings: Mapping[str, Any], cluster: Mapping[str, Any], autopilot: bool) -> None:
    for field in ("loggingConfig", "monitoringConfig"):
        components = settings.get(field, {}).get("componentConfig", {}).get("enableComponents")
        if components and "SYSTEM_COMPONENTS" not in components:
            raise invalid(f"{field}.component_config.enable_components must include SYSTEM_COMPONENTS when any component is enabled.")
        if autopilot and "componentConfig" in settings.get(field, {}) and not components:
            raise invalid(f"{field}: system components cannot be disabled on Autopilot clusters.")
    wanted = settings.get("monitoringConfig", {}).get("managedPrometheusConfig", {})
    live = cluster.get("monitoringConfig", {}).get("managedPrometheusConfig", {})
    if wanted.get("autoMonitoringConfig", {}).get("scope") == "ALL" and not (wanted.get("enabled") and live.get("enabled")):
        raise invalid(_AUTO_WITHOUT_PROMETHEUS)


def _resolved(version: str) -> str:
    """The full version for ``1.33``, ``1.33.3`` or a full one; empty when no channel has it."""
    for known in (channel_version(channel) for channel in _CHANNELS):
        if version in ("-", known) or known.startswith((f"{version}.", f"{version}-")):
            return known
    return ""


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
