"""What the engine asks of a world: reads and actions, as plain values. Resources return them, cloud/ carries them out."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from giqplan.model.values import JsonObject

KUBERNETES = "kubernetes"


@dataclass(frozen=True)
class Read:
    """One read of JSON. ``service`` is a key of ``Connection.endpoints``, or ``kubernetes`` (then ``cluster`` names which).

    ``path`` starts with a slash. ``items``: the key that holds a list to be joined over all pages (``nextPageToken`` /
    ``metadata.continue``); the joined body carries the whole list. ``method`` is POST only for reads that Google made POST
    (``:getIamPolicy``), with ``body``. ``optional``: a plan goes on without it, so a request that the server calls wrong (400) is an
    answer that was not got, not an error.
    """

    service: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    items: str = ""
    method: str = "GET"
    body: JsonObject | None = field(default=None, hash=False)
    cluster: str = ""
    optional: bool = False


class Outcome(StrEnum):
    """How a read ended."""

    OK = "ok"
    ABSENT = "absent"
    """404: the thing, or what would hold it, is not there."""
    DENIED = "denied"
    """401 or 403: the caller may not see it."""
    DISABLED = "disabled"
    """403 SERVICE_DISABLED: the API that would answer is off."""
    NOT_READ = "not-read"
    """Offline, or what has to exist first does not, or the server did not take the question."""


@dataclass(frozen=True)
class Reading:
    """The answer to a read. ``body`` is JSON when ``outcome`` is OK; ``message`` is the server's own words otherwise."""

    outcome: Outcome
    body: Any = None
    message: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK


@dataclass(frozen=True)
class ClusterRef:
    """Which cluster: its Google identity. cloud/ looks up endpoint and CA once per run."""

    project: str
    location: str
    name: str

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}/clusters/{self.name}"


@dataclass(frozen=True)
class EnableService:
    project: str
    service: str


@dataclass(frozen=True)
class CreateCluster:
    cluster: ClusterRef
    body: JsonObject = field(hash=False)


@dataclass(frozen=True)
class UpdateCluster:
    """One ``desired*`` field in ``update``: the API takes one a call (facts/gke.md 4.2; container_v1 ClusterUpdate)."""

    cluster: ClusterRef
    update: JsonObject = field(hash=False)


@dataclass(frozen=True)
class LabelCluster:
    """Put labels on a cluster beside those that it has: read-modify-write under its ``labelFingerprint``; repeated when somebody else
    wrote in between (container v1, ``clusters.setResourceLabels``)."""

    cluster: ClusterRef
    labels: JsonObject = field(hash=False)


@dataclass(frozen=True)
class DeleteCluster:
    cluster: ClusterRef


@dataclass(frozen=True)
class AddBucketMember:
    """Read-modify-write of the bucket's policy under its etag; repeated when somebody else wrote in between."""

    bucket: str
    role: str
    member: str


@dataclass(frozen=True)
class RemoveBucketMember:
    bucket: str
    role: str
    member: str


@dataclass(frozen=True)
class AddProjectMember:
    """Read-modify-write of the project's policy under its etag; repeated when somebody else wrote in between."""

    project: str
    role: str
    member: str


@dataclass(frozen=True)
class RemoveProjectMember:
    project: str
    role: str
    member: str


@dataclass(frozen=True)
class ApplyObject:
    """Server-side apply of one Kubernetes object to ``path`` (the object's own URL path)."""

    cluster: ClusterRef
    path: str
    body: JsonObject = field(hash=False)
    field_manager: str = "giqplan"
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class DeleteObject:
    """Delete one Kubernetes object, only if it still has ``uid`` (when given). Propagation: background."""

    cluster: ClusterRef
    path: str
    uid: str = ""


SECRET_MANAGER = "giqplan-secret"  # noqa: S105 - a field manager
"""The field manager of ``secret set``."""
SECRET_MARK = ("app.kubernetes.io/managed-by", "giqplan")
"""The label of a Secret that ``secret set`` has made."""


class SecretValue:
    """A value that is written to a Secret and shown nowhere: its text forms tell nothing of it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "(secret)"

    def base64(self) -> str:
        """As the ``data`` of a Secret holds it."""
        return b64encode(self._text.encode()).decode()

    def stands_in(self, text: str) -> bool:
        """Whether ``text`` repeats the value."""
        return self._text in text or self.base64() in text


@dataclass(frozen=True)
class SetSecret:
    """Put ``value`` into ``key`` of a Secret. ``force``: also when another field manager holds that key."""

    cluster: ClusterRef
    namespace: str
    name: str
    key: str
    value: SecretValue = field(hash=False, compare=False)
    force: bool = False

    @property
    def path(self) -> str:
        return secret_path(self.namespace, self.name)


def secret_path(namespace: str, name: str) -> str:
    """The URL path of a Secret."""
    return f"/api/v1/namespaces/{namespace}/secrets/{name}"


class SecretChange(StrEnum):
    """What became of it."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class RewriteManagers:
    """Give the fields of one Kubernetes object to other managers, only if it still is at ``resource_version`` (409 otherwise): what
    kubectl does for an object that it used to apply on the client's side (client-go util/csaupgrade)."""

    cluster: ClusterRef
    path: str
    managed_fields: tuple[JsonObject, ...] = field(hash=False)
    resource_version: str


Action: TypeAlias = (
    EnableService
    | CreateCluster
    | UpdateCluster
    | LabelCluster
    | DeleteCluster
    | AddBucketMember
    | RemoveBucketMember
    | AddProjectMember
    | RemoveProjectMember
    | ApplyObject
    | DeleteObject
    | RewriteManagers
)


@dataclass(frozen=True)
class ActionResult:
    """What a world answered. ``body``: the object or operation as JSON. ``operation``: a read that shows how a long-running
    operation goes (done when its body has ``done: true`` or ``status: DONE``), None when the action is complete.
    ``made``: whether a server-side apply created the object (201) or met one that was there (200); None for other actions."""

    body: Any = None
    operation: Read | None = None
    warnings: tuple[str, ...] = ()
    made: bool | None = None
