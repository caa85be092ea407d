"""Marks: how objects of ours are recognised, and the labels and annotations that all of them carry."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from giqplan import __version__
from giqplan.errors import ManifestError

if TYPE_CHECKING:
    from giqplan.intent.model import Intent
    from giqplan.model.recommendation import Recommendation

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
NAME = "app.kubernetes.io/name"
INFERENCE_SERVER = "ai.gke.io/inference-server"
MODEL = "ai.gke.io/model"
OWNER = "giqplan"
SERVER_COMPONENT = "inference-server"
ADAPTER_COMPONENT = "metrics-adapter"

_APPLYSET = "applyset.k8s.io"
PART_OF = f"{_APPLYSET}/part-of"
APPLYSET_ID = f"{_APPLYSET}/id"
#: An annotation: KEP-3659 puts the tooling there, and a label could not hold the slash. Never the tool's own version:
#: kubectl refuses an ApplySet whose tooling differs, and a tool upgrade must not change an object (design rule 11).
TOOLING = f"{_APPLYSET}/tooling"
TOOLING_VALUE = "giqplan/v1"
CONTAINS = f"{_APPLYSET}/contains-group-kinds"
OTHER_NAMESPACES = f"{_APPLYSET}/additional-namespaces"

_PREFIX = "giqplan.dev/"
VERSION = f"{_PREFIX}version"
CATALOG_DATE = f"{_PREFIX}catalog-date"
PROFILE = f"{_PREFIX}profile"
MODEL_ID = f"{_PREFIX}model"
GENERATED = f"{_PREFIX}generated"

ADOPTED = f"{_PREFIX}adopted"
"""Says that the object was there before giqplan: a destroy without a state has to know."""

WITH_ANOTHER = frozenset({VERSION, CATALOG_DATE, PROFILE, MODEL_ID, ADOPTED})
"""Annotations of object metadata that only inform: written along with another change, never a reason for one."""

#: Label keys that a user's ``metadata.labels`` may not set: they decide identity, ownership or routing.
_RESERVED = re.compile(r"^(app\.kubernetes\.io/(name|instance|managed-by|component)|(applyset\.k8s\.io|giqplan\.dev|ai\.gke\.io)/.*)$")
_LABEL_VALUE_MAX = 63


def applyset_id(name: str, namespace: str, kind: str = "ConfigMap", group: str = "") -> str:
    """The id of the ApplySet whose parent is that object: ``applyset-<base64url(sha256(name.namespace.kind.group))>-v1``.

    Source: kubectl's V1ApplySetIdFormat and KEP-3659; the base64 is the URL-safe one without padding.
    """
    raw = hashlib.sha256(f"{name}.{namespace}.{kind}.{group}".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(raw).decode().rstrip('=')}-v1"


def label_value(text: str) -> str:
    """``text`` as a label value: at most 63 characters of ``[A-Za-z0-9_.-]``, starting and ending with a letter or digit."""
    clean = re.sub(r"[^A-Za-z0-9_.-]", "-", text)[:_LABEL_VALUE_MAX]
    return clean.strip("_.-")


def user_labels(intent: Intent) -> dict[str, str]:
    """``metadata.labels`` of the intent. ManifestError GIQ1409 when one of them is ours."""
    taken = sorted(key for key in intent.metadata.labels if _RESERVED.match(key))
    if taken:
        remedy = "remove it from metadata.labels: giqplan sets this label itself"
        raise ManifestError("GIQ1409", f"metadata.labels sets {', '.join(taken)}", remedy)
    return dict(sorted(intent.metadata.labels.items()))


def selector(intent: Intent) -> dict[str, str]:
    """What finds the pods. Only the instance: it never changes, so model and server can (design 4.2)."""
    return {INSTANCE: intent.metadata.name}


def server_labels(recommendation: Recommendation) -> dict[str, str]:
    """What Google's auto-monitoring and dashboards look for, on the Deployment and its pods (facts: GIQ manifests)."""
    model = label_value(recommendation.model_id.rpartition("/")[2])
    return {INFERENCE_SERVER: label_value(recommendation.profile.model_server), MODEL: model}


def labels(intent: Intent) -> dict[str, str]:
    """Labels of every object of the intent except the parent and the Namespace.

    They hold nothing of the recommendation: another model changes the Deployment, not eight objects' labels.
    """
    own = _common(intent)
    return {**user_labels(intent), **own, PART_OF: applyset_id(intent.metadata.name, intent.spec.target.namespace)}


def _common(intent: Intent) -> dict[str, str]:
    return {
        NAME: intent.metadata.name,
        INSTANCE: intent.metadata.name,
        MANAGED_BY: OWNER,
        COMPONENT: SERVER_COMPONENT,
    }


def pod_labels(intent: Intent, recommendation: Recommendation) -> dict[str, str]:
    """Labels of the pods: the user's (cost allocation reads them there), the selector's, the server's."""
    own = {NAME: intent.metadata.name, INSTANCE: intent.metadata.name, COMPONENT: SERVER_COMPONENT}
    return {**user_labels(intent), **own, **server_labels(recommendation)}


def informing(recommendation: Recommendation) -> dict[str, str]:
    """Annotations of every object's metadata; see ``WITH_ANOTHER``."""
    return {
        GENERATED: "true",
        VERSION: __version__,
        CATALOG_DATE: recommendation.catalog_date,
        PROFILE: recommendation.evidence.curve_key,
        MODEL_ID: recommendation.model_id,
    }


def adapter_annotations() -> dict[str, str]:
    """Annotations of the adapter's objects: it belongs to no intent, so it names none."""
    return {GENERATED: "true", VERSION: __version__}


def metadata(intent: Intent, recommendation: Recommendation) -> dict[str, Any]:
    """Name, namespace, labels and annotations of an object of the intent. Names are identities (design 4.2)."""
    return {
        "name": intent.metadata.name,
        "namespace": intent.spec.target.namespace,
        "labels": labels(intent),
        "annotations": informing(recommendation),
    }


def applyset_parent(intent: Intent, recommendation: Recommendation, members: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The ConfigMap that stands for the set of the intent's objects."""
    namespace = intent.spec.target.namespace
    own = {**user_labels(intent), **_common(intent), APPLYSET_ID: applyset_id(intent.metadata.name, namespace)}
    notes = {**informing(recommendation), **parent_annotations(members, namespace)}
    meta = {"name": intent.metadata.name, "namespace": namespace, "labels": own, "annotations": notes}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def parent_annotations(members: Iterable[Mapping[str, Any]], namespace: str) -> dict[str, str]:
    """Tooling and the hint that lets a client list an ApplySet's members without asking for every kind there is."""
    members = tuple(members)
    found = {TOOLING: TOOLING_VALUE, CONTAINS: ",".join(sorted({_group_kind(body) for body in members}))}
    others = sorted({body["metadata"]["namespace"] for body in members if "namespace" in body["metadata"]} - {namespace})
    return {**found, OTHER_NAMESPACES: ",".join(others)} if others else found


def _group_kind(body: Mapping[str, Any]) -> str:
    group, slash, _ = body["apiVersion"].partition("/")
    return f"{body['kind']}.{group}" if slash else str(body["kind"])
