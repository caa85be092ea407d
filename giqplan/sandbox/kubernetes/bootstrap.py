"""What a new cluster holds before anybody writes: its namespaces, the ``kubernetes`` Service, and the definitions that GKE installs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from giqplan.sandbox.kubernetes.bodies import Options
from giqplan.sandbox.kubernetes.installed import definitions
from giqplan.sandbox.kubernetes.resources import built_in

if TYPE_CHECKING:
    from giqplan.sandbox.kubernetes.api import KubernetesApi


def bootstrap(api: KubernetesApi, namespaces: tuple[str, ...], options: Options) -> None:
    """Make what is missing; on a later start everything is there already."""
    table = built_in()
    if api.objects.text(table["", "v1", "namespaces"], "", "default") is not None:
        return
    for name in namespaces:
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        api.writer.insert(table["", "v1", "namespaces"], body, options)
    definition = table["apiextensions.k8s.io", "v1", "customresourcedefinitions"]
    for body in definitions():
        api.writer.insert(definition, body, options)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 443}]},
    }
    api.writer.insert(table["", "v1", "services"], service, options)
