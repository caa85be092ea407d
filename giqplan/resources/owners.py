"""Who else manages a thing: the marks that other tools leave, by the words of each tool's own documentation. Facts as a table.

``app.kubernetes.io/managed-by`` is a recommended label of Kubernetes (kubernetes.io, "Recommended Labels"); Helm sets it to ``Helm``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from giqplan.manifests import PART_OF
from giqplan.manifests.marks import APPLYSET_ID, MANAGED_BY, OWNER
from giqplan.model.values import JsonObject

#: Annotation -> the tool; ``{}`` takes the annotation's value up to its first colon.
_ANNOTATIONS: Mapping[str, str] = {
    "meta.helm.sh/release-name": "Helm release {}",  # helm.sh, adopting resources
    "argocd.argoproj.io/tracking-id": "Argo CD application {}",  # argo-cd.readthedocs.io, resource tracking
    "config.k8s.io/owning-inventory": "inventory {} of kpt or Config Sync",  # sigs.k8s.io/cli-utils
    "configmanagement.gke.io/managed": "Config Sync",  # docs.cloud.google.com, Config Sync annotations
    "cnrm.cloud.google.com/management-conflict-prevention-policy": "Config Connector",  # docs.cloud.google.com, Config Connector
}
_LABELS: Mapping[str, str] = {
    "argocd.argoproj.io/instance": "Argo CD application {}",
    "kustomize.toolkit.fluxcd.io/name": "Flux Kustomization {}",  # fluxcd.io, Kustomization
    "helm.toolkit.fluxcd.io/name": "Flux HelmRelease {}",
    "kapp.k14s.io/app": "kapp application {}",  # carvel.dev/kapp
    "addonmanager.kubernetes.io/mode": "GKE's add-on manager",  # kubernetes/cluster/addons/addon-manager
}
#: Labels of Google Cloud resources.
_RESOURCE_LABELS: Mapping[str, str] = {
    "managed-by-cnrm": "Config Connector",
    "goog-terraform-provisioned": "Terraform",  # google provider 5.16 and later
}
#: Field managers of tools that apply by themselves again and again.
_MANAGERS: Mapping[str, str] = {
    "helm": "Helm",
    "argocd-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "cnrm-controller-manager": "Config Connector",
    "Terraform": "Terraform",  # hashicorp/kubernetes: the default of field_manager.name
}


def other_manager(body: JsonObject) -> str:
    """Who besides giqplan and people manages an object of Kubernetes or a cluster: "Helm release web", "" = nobody that we know."""
    meta = body.get("metadata", {})
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    looks: tuple[Callable[[], str], ...] = (
        lambda: _controller(meta),
        lambda: _named(annotations, _ANNOTATIONS),
        lambda: _named(labels, _LABELS),
        lambda: _named(body.get("resourceLabels") or {}, _RESOURCE_LABELS),
        lambda: _stated(labels),
        lambda: next((_MANAGERS[e["manager"]] for e in meta.get("managedFields") or () if e.get("manager") in _MANAGERS), ""),
    )
    return next(filter(None, (look() for look in looks)), "")


def other_set(body: JsonObject, wanted: JsonObject) -> str:
    """The ApplySet that an object belongs to or stands for, when it is not that of ``wanted``; "" otherwise."""
    held, ours = (each.get("metadata", {}).get("labels") or {} for each in (body, wanted))
    return next((f"ApplySet {held[key]}" for key in (PART_OF, APPLYSET_ID) if key in held and held[key] != ours.get(key)), "")


def _named(marks: Mapping[str, str], known: Mapping[str, str]) -> str:
    return next((text.format(str(marks[key]).partition(":")[0]) for key, text in known.items() if key in marks), "")


def _stated(labels: Mapping[str, str]) -> str:
    return "" if labels.get(MANAGED_BY, OWNER) == OWNER else labels[MANAGED_BY]


def _controller(meta: JsonObject) -> str:
    owners = (owner for owner in meta.get("ownerReferences") or () if owner.get("controller"))
    return next((f"{owner['kind']} {owner['name']}" for owner in owners), "")
