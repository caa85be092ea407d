"""Actions on Google Cloud, through Google's own client libraries. They are imported here, when something is really written."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from giqplan.cloud.answers import failure, no_answer
from giqplan.cloud.sessions import CONNECT_S, READ_S, Sessions, send
from giqplan.errors import CloudError
from giqplan.model.calls import ActionResult, ClusterRef, Read
from giqplan.model.connection import Connection
from giqplan.model.values import JsonObject

_POLICY_ATTEMPTS = 8
"""Read-modify-write cycles of an IAM policy before giving up: each lost one means that somebody else wrote in between."""
_POLICY_VERSION = 3
_RETRY_S = 10.0
"""How long a read is tried again: the library's own two minutes would keep a run that has lost its connection from saying so."""


class GoogleActions:
    """Clusters, bucket and project members, APIs."""

    def __init__(self, connection: Connection, sessions: Sessions) -> None:
        self._connection, self._sessions = connection, sessions
        self._container: Any = None
        self._storage: Any = None
        #: Policies are read, changed and written back: actions of one run that go side by side would undo each other's attempts.
        self._policies: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def create_cluster(self, ref: ClusterRef, body: JsonObject) -> ActionResult:
        from google.cloud import container_v1

        request = container_v1.CreateClusterRequest(
            parent=f"projects/{ref.project}/locations/{ref.location}", cluster=_message(container_v1.Cluster, body)
        )
        return self._operation(ref, lambda client: client.create_cluster(request=request, timeout=READ_S))

    def update_cluster(self, ref: ClusterRef, update: JsonObject) -> ActionResult:
        from google.cloud import container_v1

        request = container_v1.UpdateClusterRequest(name=str(ref), update=_message(container_v1.ClusterUpdate, update))
        return self._operation(ref, lambda client: client.update_cluster(request=request, timeout=READ_S))

    def label_cluster(self, ref: ClusterRef, labels: JsonObject) -> ActionResult:
        from google.cloud import container_v1

        def put(client: Any) -> Any:
            live = client.get_cluster(name=str(ref), timeout=READ_S)
            together = {**live.resource_labels, **labels}
            request = container_v1.SetLabelsRequest(name=str(ref), resource_labels=together, label_fingerprint=live.label_fingerprint)
            return client.set_labels(request=request, timeout=READ_S)

        for _ in range(_POLICY_ATTEMPTS):
            try:
                return self._operation(ref, put)
            except CloudError as error:
                if error.status != 412:
                    raise
        raise _too_busy(f"the labels of {ref}")

    def delete_cluster(self, ref: ClusterRef) -> ActionResult:
        try:
            return self._operation(ref, lambda client: client.delete_cluster(name=str(ref), timeout=READ_S))
        except CloudError as error:
            if error.status == 404:
                return ActionResult()
            raise

    def add_bucket_member(self, bucket: str, role: str, member: str) -> ActionResult:
        return self._change_bucket_policy(bucket, lambda bindings: _add(bindings, role, member))

    def remove_bucket_member(self, bucket: str, role: str, member: str) -> ActionResult:
        return self._change_bucket_policy(bucket, lambda bindings: _remove(bindings, role, member))

    def add_project_member(self, project: str, role: str, member: str) -> ActionResult:
        return self._change_project_policy(project, lambda bindings: _add(bindings, role, member))

    def remove_project_member(self, project: str, role: str, member: str) -> ActionResult:
        return self._change_project_policy(project, lambda bindings: _remove(bindings, role, member))

    def enable_service(self, project: str, service: str) -> ActionResult:
        url = f"{self._connection.endpoints['serviceusage']}/v1/projects/{project}/services/{service}:enable"
        answer = send(self._sessions.google(), "POST", url, service="serviceusage", retry=True, json={})
        if answer.status_code != 200:
            raise failure(answer.status_code, _body(answer), "serviceusage")
        body = answer.json()
        name = body.get("name", "")
        running = name.startswith("operations/") and not body.get("done")
        return ActionResult(body, Read("serviceusage", f"/v1/{name}") if running else None)

    def _operation(self, ref: ClusterRef, call: Callable[[Any], Any]) -> ActionResult:
        with _translated("container"):
            operation = call(self._container_client())
        from google.protobuf.json_format import MessageToDict

        body = MessageToDict(type(operation).pb(operation))
        path = f"/v1/projects/{ref.project}/locations/{ref.location}/operations/{operation.name}"
        return ActionResult(body, Read("container", path))

    def _container_client(self) -> Any:
        if self._container is None:
            from google.api_core.client_options import ClientOptions
            from google.cloud import container_v1

            host = self._connection.endpoints["container"].removeprefix("https://")
            client: Any = container_v1.ClusterManagerClient(
                credentials=self._sessions.credentials(), client_options=ClientOptions(api_endpoint=host), transport="rest"
            )
            # The generated transport keeps its session private and offers no other way to say whom to trust.
            inner = client.transport._session
            for session in (inner, inner._auth_request_session):
                session.verify = self._sessions.trust
                session.trust_env = self._connection.ca_file is None
            inner.headers.update(self._sessions.headers())
            self._container = client
        return self._container

    def _storage_client(self, project: str = "giqplan") -> Any:
        if self._storage is None:
            import google.cloud.storage as storage
            from google.api_core.client_options import ClientOptions

            # Bucket IAM calls name no project; the client only insists on having one.
            self._storage = storage.Client(
                project=project,
                credentials=self._sessions.credentials(),
                client_options=ClientOptions(api_endpoint=self._connection.endpoints["storage"]),
                _http=self._sessions.authorized(self._sessions.credentials(), self._sessions.trust),
            )
        return self._storage

    def _change_bucket_policy(self, name: str, change: Callable[[list[dict[str, Any]]], bool]) -> ActionResult:
        with self._policies[f"bucket/{name}"]:
            return self._rewrite_bucket_policy(name, change)

    def _rewrite_bucket_policy(self, name: str, change: Callable[[list[dict[str, Any]]], bool]) -> ActionResult:
        from google.cloud.storage.retry import DEFAULT_RETRY

        bucket = self._storage_client().bucket(name)
        timeout = (CONNECT_S, READ_S)
        for _ in range(_POLICY_ATTEMPTS):
            with _translated("storage"):
                policy = bucket.get_iam_policy(
                    requested_policy_version=_POLICY_VERSION, timeout=timeout, retry=DEFAULT_RETRY.with_timeout(_RETRY_S)
                )
            if not change(policy.bindings):
                return ActionResult(policy.to_api_repr())
            policy.version = _POLICY_VERSION
            try:
                with _translated("storage"):
                    return ActionResult(bucket.set_iam_policy(policy, timeout=timeout, retry=None).to_api_repr())
            except CloudError as error:
                if error.status != 412:
                    raise
        raise _too_busy(f"the IAM policy of bucket {name}")

    def _change_project_policy(self, project: str, change: Callable[[list[dict[str, Any]]], bool]) -> ActionResult:
        with self._policies[f"project/{project}"]:
            return self._rewrite_project_policy(project, change)

    def _rewrite_project_policy(self, project: str, change: Callable[[list[dict[str, Any]]], bool]) -> ActionResult:
        base = f"{self._connection.endpoints['cloudresourcemanager']}/v3/projects/{project}"
        session = self._sessions.google()
        for _ in range(_POLICY_ATTEMPTS):
            options = {"options": {"requestedPolicyVersion": _POLICY_VERSION}}
            answer = send(session, "POST", f"{base}:getIamPolicy", service="cloudresourcemanager", retry=True, json=options)
            if answer.status_code != 200:
                raise failure(answer.status_code, _body(answer), "cloudresourcemanager")
            policy = answer.json()
            bindings = [dict(b) for b in policy.get("bindings", ())]
            if not change(bindings):
                return ActionResult(policy)
            wanted = {"policy": {**policy, "bindings": bindings, "version": _POLICY_VERSION}}
            answer = send(session, "POST", f"{base}:setIamPolicy", service="cloudresourcemanager", retry=False, json=wanted)
            if answer.status_code == 200:
                return ActionResult(answer.json())
            if answer.status_code not in (409, 412):
                raise failure(answer.status_code, _body(answer), "cloudresourcemanager")
        raise _too_busy(f"the IAM policy of project {project}")


def _add(bindings: list[dict[str, Any]], role: str, member: str) -> bool:
    """Put the member into the role's unconditional binding; False when it is there."""
    for binding in bindings:
        if binding["role"] == role and not binding.get("condition"):
            members = sorted(binding.get("members", ()))
            if member in members:
                return False
            binding["members"] = sorted({*members, member})
            return True
    bindings.append({"role": role, "members": [member]})
    return True


def _remove(bindings: list[dict[str, Any]], role: str, member: str) -> bool:
    """Take the member out of the role's unconditional binding, and an empty binding with it; False when it is not there."""
    for index, binding in enumerate(bindings):
        if binding["role"] == role and not binding.get("condition") and member in binding.get("members", ()):
            binding["members"] = sorted(m for m in binding["members"] if m != member)
            if not binding["members"]:
                del bindings[index]
            return True
    return False


def _too_busy(what: str) -> CloudError:
    return CloudError(
        "GIQ1907", f"{what} was written by others {_POLICY_ATTEMPTS} times in a row", "apply again", status=412, reason="busy"
    )


def _message(kind: Any, body: JsonObject) -> Any:
    """A message from REST JSON. Raises CloudError (GIQ1910) when the library does not know a field."""
    try:
        return kind.from_json(json.dumps(dict(body)), ignore_unknown_fields=False)
    except Exception as error:  # protobuf's ParseError lives in a module that costs import time
        raise CloudError("GIQ1910", f"{kind.__name__}: {error}", "this is a defect of giqplan: please report it") from None


def _body(answer: Any) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text


@contextmanager
def _translated(service: str) -> Iterator[None]:
    """Exceptions of the client libraries as CloudError."""
    import requests
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError, TransportError

    try:
        yield
    except GoogleAPICallError as error:
        body = _error_body(error)
        raise failure(int(error.code or 0), body, service) from None
    except (requests.ConnectionError, requests.Timeout, TransportError, RetryError) as error:
        raise no_answer(service, error, lost=True) from None
    except GoogleAuthError as error:
        raise CloudError("GIQ1902", str(error.args[0] if error.args else error), "log in again", status=401) from None


def _error_body(error: Any) -> dict[str, Any]:
    """The error body that an exception of google.api_core was made from, as far as it keeps it."""
    response = getattr(error, "response", None)
    body = _body(response) if response is not None else None
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return body
    details = [{"reason": d.reason} for d in getattr(error, "details", ()) if getattr(d, "reason", None)]
    message = (
        str(error.message).partition(": ")[2] if str(error.message).startswith(("GET ", "POST ", "PUT ", "DELETE ")) else error.message
    )
    legacy = [e for e in getattr(error, "errors", ()) if isinstance(e, dict)]
    status = getattr(error, "reason", "") or ""
    return {"error": {"code": int(error.code or 0), "message": message, "status": status, "details": details, "errors": legacy}}
