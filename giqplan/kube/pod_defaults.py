"""Defaults of pods and pod templates (pkg/apis/core/v1/defaults.go of Kubernetes 1.33, Apache-2.0)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from giqplan.kube.values import Json

_MODE = 0o644
_TAG = re.compile(r":([^:/@]+)(?:@|$)")


def template(owner: Json) -> None:
    """Default ``owner.template``, the pod template of a workload's spec, in place."""
    body = owner.setdefault("template", {})
    # Embedded metadata always shows its creation time, null, up to 1.33.
    body["metadata"] = {"creationTimestamp": None, **(body.get("metadata") or {})}
    spec(body.setdefault("spec", {}))


def pod(body: Json) -> None:
    """Default the spec of a Pod: as a template's, and requests from limits, in place."""
    body.setdefault("enableServiceLinks", True)
    spec(body)
    for container in (*(body.get("initContainers") or ()), *body["containers"]):
        limits = container["resources"].get("limits")
        if limits:
            container["resources"]["requests"] = {**limits, **(container["resources"].get("requests") or {})}


def spec(body: Json) -> None:
    """Default a pod spec, in place."""
    body.setdefault("containers", None)
    for key, value in _POD.items():
        body.setdefault(key, dict(value) if isinstance(value, dict) else value)
    if body.get("serviceAccountName"):
        body["serviceAccount"] = body["serviceAccountName"]
    elif body.get("serviceAccount"):
        body["serviceAccountName"] = body["serviceAccount"]
    for container in (*(body.get("initContainers") or ()), *(body.get("containers") or ())):
        _container(container, bool(body.get("hostNetwork")))
    for volume in body.get("volumes") or ():
        _volume(volume)


_POD: Mapping[str, Any] = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def pull_policy(image: str) -> str:
    """``Always`` for the tag latest or none, ``IfNotPresent`` for other tags and digests."""
    tag = _TAG.search(image)
    if tag is None:
        return "IfNotPresent" if "@" in image else "Always"
    return "Always" if tag[1] == "latest" and "@" not in image else "IfNotPresent"


def _container(container: Json, host_network: bool) -> None:
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("imagePullPolicy", pull_policy(container.get("image", "")))
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if host_network and not port.get("hostPort"):
            port["hostPort"] = port.get("containerPort")
    for variable in container.get("env") or ():
        _field_reference((variable.get("valueFrom") or {}).get("fieldRef"))
        _resource_reference((variable.get("valueFrom") or {}).get("resourceFieldRef"))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is not None:
            for key, value in _PROBE.items():
                if not probe.get(key):
                    probe[key] = value
            _http(probe.get("httpGet"))
            if probe.get("grpc") is not None:
                probe["grpc"].setdefault("service", "")
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _http(handler.get("httpGet"))
    security = container.get("securityContext")
    if security is not None and security.get("procMount") == "":
        security["procMount"] = "Default"


def _http(action: Json | None) -> None:
    if action is not None:
        if not action.get("path"):
            action["path"] = "/"
        action.setdefault("scheme", "HTTP")


def _field_reference(reference: Json | None) -> None:
    if reference is not None:
        reference.setdefault("apiVersion", "v1")


def _resource_reference(reference: Json | None) -> None:
    if reference is not None:
        reference.setdefault("divisor", "0")


_SOURCES_WITH_MODE = ("secret", "configMap", "downwardAPI", "projected")


def _volume(volume: Json) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}
    for name in _SOURCES_WITH_MODE:
        if volume.get(name) is not None:
            volume[name].setdefault("defaultMode", _MODE)
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        _field_reference(item.get("fieldRef"))
        _resource_reference(item.get("resourceFieldRef"))
    for source in (volume.get("projected") or {}).get("sources") or ():
        if source.get("serviceAccountToken") is not None:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            _field_reference(item.get("fieldRef"))
            _resource_reference(item.get("resourceFieldRef"))
    if volume.get("hostPath") is not None:
        volume["hostPath"].setdefault("type", "")
    claim = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if claim is not None:
        claim["metadata"] = {"creationTimestamp": None, **(claim.get("metadata") or {})}
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim["spec"].setdefault("resources", {})
