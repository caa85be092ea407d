"""What of others a resource cannot do without: Secrets that its Pods read. giqplan neither makes nor owns them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from giqplan.model.address import Address
from giqplan.model.calls import SECRET_MANAGER, SECRET_MARK, ClusterRef, Outcome, Read, Reading
from giqplan.model.resource import Precondition, Presence, Resource
from giqplan.model.values import JsonObject, Path
from giqplan.model.world import World, secret_read
from giqplan.resources.kubernetes import object_kinds

if TYPE_CHECKING:
    from giqplan.intent.model import Intent

USUAL_KEY = "hf_api_token"
"""The key that ``secret set`` takes without being told; the intent's default."""


@dataclass(frozen=True)
class Finding:
    """Whether a precondition is met; None = nobody can tell, or not yet. ``why``: one clause, "" when it is met."""

    met: bool | None
    why: str = ""


def secret_key(cluster: ClusterRef, namespace: str, name: str, key: str) -> Precondition:
    """A key of a Secret that is not empty."""
    flag = "" if key == USUAL_KEY else f" --key {key}"
    remedy = f"`giqplan secret set {name}{flag} --from-env HF_TOKEN`, with the -f, -e and --sandbox of this run; then apply again"
    within = Address("kubernetes_namespace", namespace)
    return Precondition(secret_read(cluster, namespace, name), ("data", key), within, f"Secret {namespace}/{name}", remedy)


def token_of(intent: Intent, cluster: ClusterRef) -> Precondition | None:
    """The Hugging Face token that the intent names; None when its model comes from a bucket."""
    source = intent.spec.storage.hugging_face
    if source is None:
        return None
    return secret_key(cluster, intent.spec.target.namespace, source.token_secret.name, source.token_secret.key)


def secret_reads(intent: Intent, cluster: ClusterRef) -> tuple[Read, ...]:
    """The Secrets of an intent, to be looked at along with the lists of the cluster."""
    token = token_of(intent, cluster)
    return () if token is None else (token.read,)


def secrets_needed(body: JsonObject, cluster: ClusterRef) -> tuple[Precondition, ...]:
    """The keys of Secrets without which the Pods of a workload never start (CreateContainerConfigError): all that are not optional."""
    pod = body.get("spec", {}).get("template", {}).get("spec", {})
    named = dict.fromkeys((ref["name"], ref["key"]) for ref in _references(pod) if not ref.get("optional"))
    return tuple(secret_key(cluster, body["metadata"]["namespace"], name, key) for name, key in named)


def _references(pod: JsonObject) -> Iterator[Mapping[str, Any]]:
    for container in pod.get("containers", ()):
        for variable in container.get("env", ()):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                yield variable["valueFrom"]["secretKeyRef"]


def made_by_secret_set(secret: JsonObject) -> bool:
    """Whether ``secret set`` has made a Secret, and nobody else has put anything into it since."""
    metadata = secret["metadata"]
    label, owner = SECRET_MARK
    holders = {e.get("manager") for e in metadata.get("managedFields") or () if "f:data" in (e.get("fieldsV1") or {})}
    return metadata.get("labels", {}).get(label) == owner and holders <= {SECRET_MANAGER}


def judge(precondition: Precondition, reading: Reading) -> Finding:
    """What the answer to ``precondition.read`` says."""
    if reading.outcome is Outcome.ABSENT:
        return Finding(False, f"there is no {precondition.what}")
    if not reading.ok:
        return Finding(None, reading.message or f"{precondition.what} could not be looked at")
    if not _at(reading.body, precondition.path):
        return Finding(False, f"{precondition.what} holds nothing at {'.'.join(map(str, precondition.path))}")
    return Finding(True)


def foresee(precondition: Precondition, world: World) -> Finding:
    """What the world as read says; what cannot be anywhere yet may still come to be before it is needed."""
    if world.offline:
        return Finding(None, "offline")
    if world.cluster_reading.outcome is Outcome.ABSENT:
        return Finding(None, "there is no cluster yet")
    home = next(kind for kind in object_kinds() if kind.type == precondition.within.type)
    if home.live(precondition.within, {}, world).presence is Presence.ABSENT:
        return Finding(None, f"namespace {precondition.within.name} is not there yet")
    return judge(precondition, world.reading(precondition.read))


def missing(resource: Resource, world: World) -> str:
    """Why the resource would not be sent now; "" when nothing is known to be missing."""
    findings = (foresee(precondition, world) for precondition in resource.waits_for)
    return next((finding.why for finding in findings if finding.met is False), "")


def _at(body: Any, path: Path) -> Any:
    for step in path:
        body = body.get(step) if isinstance(body, Mapping) else None
    return body
