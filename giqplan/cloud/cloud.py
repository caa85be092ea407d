"""One world, reached: reads and actions of model/calls.py carried out. Safe to use from several threads."""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from giqplan.cloud.google_actions import GoogleActions
from giqplan.cloud.kubernetes_actions import KubernetesActions
from giqplan.cloud.reads import read_pages
from giqplan.cloud.sessions import PARALLEL, PATIENCE, Patience, Sessions, send
from giqplan.errors import CloudError
from giqplan.model.calls import (
    KUBERNETES,
    Action,
    ActionResult,
    AddBucketMember,
    AddProjectMember,
    ApplyObject,
    ClusterRef,
    CreateCluster,
    DeleteCluster,
    DeleteObject,
    EnableService,
    LabelCluster,
    Outcome,
    Read,
    Reading,
    RemoveBucketMember,
    RemoveProjectMember,
    RewriteManagers,
    SecretChange,
    SetSecret,
    UpdateCluster,
)
from giqplan.model.connection import Connection
from giqplan.threads import reading_threads


class Cloud:
    """``connection`` says where; ``run_id`` marks every request of this run. ``patience``: of reads that fail for a while."""

    def __init__(
        self, connection: Connection, *, quota_project: str | None = None, run_id: str = "", patience: Patience = PATIENCE
    ) -> None:
        self._connection, self._patience = connection, patience
        self._sessions = Sessions(connection, quota_project, run_id)
        self._google = GoogleActions(connection, self._sessions)
        self._clusters: dict[str, tuple[str, str, KubernetesActions]] = {}
        self._lock = threading.Lock()
        self._checked = connection.instance_url is None
        self._folder: Path | None = None

    def use_cluster(self, ref: ClusterRef, endpoint: str, ca_pem: str) -> None:
        """Where a cluster answers, as its GKE body says. ``endpoint`` may carry a port."""
        with self._lock:
            known = self._clusters.get(str(ref))
            server = f"https://{endpoint}"
            if known is not None and known[0] == server:
                return
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="giqplan-ca-"))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            path = self._folder / f"{len(self._clusters)}.pem"
            path.write_text(ca_pem, encoding="utf-8")
            self._clusters[str(ref)] = (server, str(path), KubernetesActions(server, str(path), self._sessions))

    def read_many(self, reads: Sequence[Read]) -> Mapping[Read, Reading]:
        """All reads at once. Raises CloudError for the first that neither answers nor says why it may not."""
        if not reads:
            return {}
        self._sessions.credentials()
        if len(reads) == 1:
            return {reads[0]: self.read(reads[0])}
        with reading_threads(min(PARALLEL, len(reads))) as pool:
            return dict(zip(reads, pool.map(self.read, reads), strict=True))

    def read(self, read: Read) -> Reading:
        """One read."""
        if read.service != KUBERNETES:
            return read_pages(self._sessions.google(), self._connection.endpoints[read.service], read, self._patience)
        if read.cluster not in self._clusters:
            return Reading(Outcome.NOT_READ, message="the cluster does not answer yet")
        server, ca_file, _ = self._clusters[read.cluster]
        return read_pages(self._sessions.kubernetes(ca_file), server, read, self._patience)

    def execute(self, action: Action) -> ActionResult:
        """Carry out one action. Raises CloudError; its ``reason`` says what the engine can do about it."""
        self.check_instance()
        match action:
            case ApplyObject():
                return self._cluster(action.cluster).apply(action)
            case DeleteObject():
                return self._cluster(action.cluster).delete(action)
            case RewriteManagers():
                return self._cluster(action.cluster).rewrite_managers(action)
            case EnableService(project, service):
                return self._google.enable_service(project, service)
            case CreateCluster(ref, body):
                return self._google.create_cluster(ref, body)
            case UpdateCluster(ref, update):
                return self._google.update_cluster(ref, update)
            case LabelCluster(ref, labels):
                return self._google.label_cluster(ref, labels)
            case DeleteCluster(ref):
                return self._google.delete_cluster(ref)
            case AddBucketMember(bucket, role, member):
                return self._google.add_bucket_member(bucket, role, member)
            case RemoveBucketMember(bucket, role, member):
                return self._google.remove_bucket_member(bucket, role, member)
            case AddProjectMember(project, role, member):
                return self._google.add_project_member(project, role, member)
            case RemoveProjectMember(project, role, member):
                return self._google.remove_project_member(project, role, member)

    def set_secret(self, write: SetSecret) -> SecretChange:
        """Write one value of one Secret. Raises CloudError, and UsageError where the Secret cannot take it."""
        self.check_instance()
        return self._cluster(write.cluster).set_secret(write)

    def check_instance(self) -> None:
        """Before the first write: is this still the instance whose state and plan we hold? Raises CloudError (GIQ1911)."""
        with self._lock:
            if self._checked:
                return
            url = self._connection.instance_url
            assert url is not None
            answer = send(self._sessions.google(), "GET", url, service="sandbox", retry=True)
            found = f"sandbox-{answer.json().get('instance_id', '')}" if answer.status_code == 200 else "no sandbox"
            if found != self._connection.world:
                detail = f"expected {self._connection.world}, found {found}; nothing was written"
                raise CloudError("GIQ1911", detail, "the sandbox was reset: plan again")
            self._checked = True

    def _cluster(self, ref: ClusterRef) -> KubernetesActions:
        known = self._clusters.get(str(ref))
        if known is None:
            raise CloudError("GIQ1912", f"{ref} does not answer yet", "wait until the cluster runs, then plan again")
        return known[2]
