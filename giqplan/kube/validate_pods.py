"""Validation of pod templates (pkg/apis/core/validation/validation.go of Kubernetes 1.33): what an inference workload can get wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from giqplan.kube import field_errors as say
from giqplan.kube import quantity
from giqplan.kube.field_errors import Causes
from giqplan.kube.refusal import Cause
from giqplan.kube.values import JsonObject

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
#: Resources of which a pod may use more than it requests.
_OVERCOMMIT = ("cpu", "memory", "ephemeral-storage")


def template_errors(template: JsonObject, at: str) -> Causes:
    """What is wrong with a pod template at path ``at``."""
    spec = template.get("spec") or {}
    where = f"{at}.spec"
    volumes: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        yield from _volume(volume, f"{where}.volumes[{index}]", volumes)
    containers = spec.get("containers") or ()
    if not containers:
        yield say.required(f"{where}.containers")
    names: set[str] = set()
    for index, container in enumerate(containers):
        yield from _container(container, f"{where}.containers[{index}]", volumes, names)
    for index, container in enumerate(spec.get("initContainers") or ()):
        yield from _container(container, f"{where}.initContainers[{index}]", volumes, names)
    policy = spec.get("restartPolicy")
    if policy not in _RESTART_POLICIES:
        yield say.unsupported(f"{where}.restartPolicy", policy, _RESTART_POLICIES)
    yield from say.not_negative(spec, where, "terminationGracePeriodSeconds")


def _volume(volume: JsonObject, at: str, seen: set[str]) -> Iterator[Cause]:
    name = volume.get("name") or ""
    if not name:
        yield say.required(f"{at}.name")
    elif not _DNS_LABEL.fullmatch(name):
        yield say.invalid(f"{at}.name", name, say.DNS_LABEL)
    elif name in seen:
        yield Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{at}.name")
    seen.add(name)


def _container(container: JsonObject, at: str, volumes: set[str], names: set[str]) -> Iterator[Cause]:
    name = container.get("name") or ""
    if not name:
        yield say.required(f"{at}.name")
    elif not _DNS_LABEL.fullmatch(name) or len(name) > 63:
        yield say.invalid(f"{at}.name", name, say.DNS_LABEL if len(name) <= 63 else "must be no more than 63 characters")
    elif name in names:
        yield Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{at}.name")
    names.add(name)
    if not container.get("image"):
        yield say.required(f"{at}.image")
    for index, port in enumerate(container.get("ports") or ()):
        number = port.get("containerPort") or 0
        if not number:
            yield say.required(f"{at}.ports[{index}].containerPort")
        elif not 1 <= number <= 65535:
            yield say.invalid(f"{at}.ports[{index}].containerPort", number, "must be between 1 and 65535, inclusive")
    for index, variable in enumerate(container.get("env") or ()):
        if not variable.get("name"):
            yield say.required(f"{at}.env[{index}].name")
        elif variable.get("value") and variable.get("valueFrom"):
            yield say.invalid(f"{at}.env[{index}].valueFrom", "", "may not be specified when `value` is not empty")
    yield from _mounts(container, at, volumes)
    policy = container.get("imagePullPolicy")
    if policy not in _PULL_POLICIES:
        yield say.unsupported(f"{at}.imagePullPolicy", policy, _PULL_POLICIES)
    yield from _resources(container.get("resources") or {}, f"{at}.resources")
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(kind)
        if probe is not None:
            yield from _probe(probe, f"{at}.{kind}")


def _mounts(container: JsonObject, at: str, volumes: set[str]) -> Iterator[Cause]:
    paths: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{at}.volumeMounts[{index}]"
        if not mount.get("name"):
            yield say.required(f"{where}.name")
        if mount.get("name") not in volumes:
            yield say.not_found(f"{where}.name", mount.get("name") or "")
        path = mount.get("mountPath") or ""
        if not path:
            yield say.required(f"{where}.mountPath")
        if path in paths:
            yield say.invalid(f"{where}.mountPath", path, "must be unique")
        paths.add(path)


def _probe(probe: JsonObject, at: str) -> Iterator[Cause]:
    handlers = [h for h in _HANDLERS if probe.get(h) is not None]
    if not handlers:
        yield say.required(at, "must specify a handler type")
    for extra in handlers[1:]:
        yield say.forbidden(f"{at}.{extra}", "may not specify more than 1 handler type")
    yield from say.not_negative(probe, at, "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def _resources(resources: JsonObject, at: str) -> Iterator[Cause]:
    limits: Mapping[str, str] = resources.get("limits") or {}
    requests: Mapping[str, str] = resources.get("requests") or {}
    for name in sorted(limits):
        yield from _amount(name, limits[name], f"{at}.limits[{name}]")
    for name in sorted(requests):
        yield from _amount(name, requests[name], f"{at}.requests[{name}]")
        wanted, limit = quantity.parse(requests[name]), limits.get(name)
        if limit is None:
            if name not in _OVERCOMMIT:
                yield say.required(f"{at}.limits", "Limit must be set for non overcommitable resources")
        elif name not in _OVERCOMMIT and wanted != quantity.parse(limit):
            yield say.invalid(f"{at}.requests", quantity.canonical(requests[name]), f"must be equal to {name} limit of {limit}")
        elif wanted > quantity.parse(limit):
            yield say.invalid(
                f"{at}.requests", quantity.canonical(requests[name]), f"must be less than or equal to {name} limit of {limit}"
            )


def _amount(name: str, text: str, at: str) -> Iterator[Cause]:
    value = quantity.parse(text)
    if value < 0:
        yield say.invalid(at, text, "must be greater than or equal to 0")
    if name not in _OVERCOMMIT and not name.startswith("hugepages-") and value != value.to_integral_value():
        yield say.invalid_object(at, "resource.Quantity", {"value": text}, "must be an integer")
