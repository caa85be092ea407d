"""Actions on Kubernetes objects, through the kubernetes client, without discovery: paths are known."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import urlencode

from giqplan.cloud.answers import failure, no_answer
from giqplan.cloud.secrets import set_secret, without_values
from giqplan.cloud.sessions import CONNECT_S, PARALLEL, READ_S, Sessions
from giqplan.errors import CloudError
from giqplan.model.calls import ActionResult, ApplyObject, DeleteObject, RewriteManagers, SecretChange, SetSecret

APPLY = "application/apply-patch+yaml"


class KubernetesActions:
    """Server-side apply and delete against one cluster."""

    def __init__(self, server: str, ca_file: str, sessions: Sessions) -> None:
        self._server, self._ca_file, self._sessions = server, ca_file, sessions
        self._client: Any = None
        self._lock = threading.Lock()

    def apply(self, action: ApplyObject) -> ActionResult:
        """PATCH with the whole object; unknown fields are errors (fieldValidation Strict)."""
        query = {"fieldManager": action.field_manager, "fieldValidation": "Strict"}
        if action.force:
            query["force"] = "true"
        if action.dry_run:
            query["dryRun"] = "All"
        return self._call("PATCH", f"{action.path}?{urlencode(query)}", json.dumps(action.body), APPLY)

    def delete(self, action: DeleteObject) -> ActionResult:
        """DELETE, only what still has the uid; what is gone already is done."""
        options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if action.uid:
            options["preconditions"] = {"uid": action.uid}
        return self._call("DELETE", action.path, options, "application/json", missing_is_done=True)

    def set_secret(self, write: SetSecret) -> SecretChange:
        """Read the Secret and write one key of it; see ``secrets.set_secret``."""
        return set_secret(lambda *request: self._send(*request)[1], write)

    def rewrite_managers(self, action: RewriteManagers) -> ActionResult:
        """A JSON patch of metadata alone; the server refuses it (409) when the object has changed since."""
        patch = [
            {"op": "add", "path": "/metadata/managedFields", "value": list(action.managed_fields)},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": action.resource_version},
        ]
        return self._call("PATCH", f"{action.path}?fieldManager=giqplan", patch, "application/json-patch+json")

    def _call(self, method: str, path: str, body: Any, content_type: str, *, missing_is_done: bool = False) -> ActionResult:
        try:
            status, content, warnings = self._send(method, path, body, content_type)
        except CloudError as error:
            if missing_is_done and error.status == 404:
                return ActionResult()
            raise
        return ActionResult(without_values(content), None, warnings, made=status == 201)

    def _send(self, method: str, path: str, body: Any, content_type: str) -> tuple[int, Any, tuple[str, ...]]:
        """(status, body, warnings) of a request that was carried out. Raises CloudError for every other."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        plain = {"Content-Type": content_type, "Accept": "application/json", **self._sessions.headers()}
        for stale in (False, True):
            headers = {**plain, **self._authorization(stale)}
            try:
                answer = self._api().rest_client.request(
                    method, self._server + path, headers=headers, body=body, _request_timeout=(CONNECT_S, READ_S)
                )
            except HTTPError as error:
                raise no_answer("kubernetes", error, lost=True) from None
            except ApiException as error:  # the client's own name for a certificate that is not trusted
                raise no_answer("kubernetes", error) from None
            if answer.status != 401:
                break
        content = _json(answer.read())
        if answer.status not in (200, 201, 202):
            raise failure(answer.status, content, "kubernetes")
        return answer.status, content, tuple(value for name, value in answer.getheaders().items() if name.lower() == "warning")

    def _authorization(self, stale: bool) -> dict[str, str]:
        """The caller's token; a new one when the server has turned the present one away (google-auth's sessions do the same)."""
        headers: dict[str, str] = {}
        credentials = self._sessions.credentials()
        with self._lock:
            self._sessions.refresh_if_needed(credentials, stale)
        credentials.apply(headers)
        return headers

    def _api(self) -> Any:
        with self._lock:
            if self._client is None:
                from kubernetes.client import ApiClient, Configuration

                configuration = Configuration()
                configuration.host, configuration.ssl_ca_cert = self._server, self._ca_file
                configuration.connection_pool_maxsize = PARALLEL
                configuration.retries = 0
                self._client = ApiClient(configuration)
            return self._client


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")
