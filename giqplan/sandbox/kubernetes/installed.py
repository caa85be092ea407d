"""The definition that GKE installs with Managed Service for Prometheus and that giqplan needs: PodMonitoring.

Its schema stands in ``giqplan.kube.custom``, written for this project, so that what the engine predicts and what the sandbox answers
are one definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from giqplan.kube import schema
from giqplan.kube.values import copied

_GROUP = "monitoring.googleapis.com"
_KINDS = (("PodMonitoring", "Namespaced"),)


def definitions() -> Iterator[dict[str, Any]]:
    """CustomResourceDefinitions, v1 stored, v1alpha1 served as well (recorded discovery)."""
    for kind, scope in _KINDS:
        plural = f"{kind.lower()}s"
        raw = copied(schema.builtin(f"{_GROUP}/v1", kind).raw)
        raw["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
        versions: list[dict[str, Any]] = [
            {"name": v, "served": True, "storage": v == "v1", "subresources": {"status": {}}, "schema": {"openAPIV3Schema": raw}}
            for v in ("v1", "v1alpha1")
        ]
        names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
        spec = {"group": _GROUP, "names": names, "scope": scope, "versions": versions}
        yield {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{_GROUP}", "labels": {"addonmanager.kubernetes.io/mode": "Reconcile"}},
            "spec": spec,
        }
