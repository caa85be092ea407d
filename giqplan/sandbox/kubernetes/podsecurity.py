"""The check of the pod-security labels of a Namespace, by the admission plugin PodSecurity (on by default since 1.25)."""

from __future__ import annotations

import re
from typing import Any

from giqplan.sandbox.kubernetes.resources import Resource
from giqplan.sandbox.kubernetes.status import invalid

_PREFIX = "pod-security.kubernetes.io/"
_LEVELS = ("privileged", "baseline", "restricted")


def check_pod_security(resource: Resource, namespace: dict[str, Any]) -> None:
    """422 for a level or version that does not exist."""
    causes = []
    for key, value in (namespace["metadata"].get("labels") or {}).items():
        mode = key.removeprefix(_PREFIX)
        text = ""
        if mode in ("enforce", "audit", "warn") and key != mode and value not in _LEVELS:
            text = "must be one of " + ", ".join(_LEVELS)
        elif mode in ("enforce-version", "audit-version", "warn-version") and not re.fullmatch(r"latest|v1\.\d+", value):
            text = 'must be "latest" or "v1.x"'
        if text:
            causes.append(
                {"reason": "FieldValueInvalid", "message": f'Invalid value: "{value}": {text}', "field": f"metadata.labels[{key}]"}
            )
    if causes:
        raise invalid(resource.kind, resource.group, namespace["metadata"].get("name", ""), causes)
