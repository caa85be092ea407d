"""Secrets: their values are written here and never leave this module again. What else is read of a Secret is its names only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from giqplan.errors import CloudError, UsageError
from giqplan.model.calls import SECRET_MANAGER, SECRET_MARK, SecretChange, SetSecret

HELD = "(held)"
"""Stands for every value that is not empty."""
_ATTEMPTS = 5
"""How often a write is repeated because somebody else wrote in between."""
_MERGE = "application/merge-patch+json"
_BY_US = f"?fieldManager={SECRET_MANAGER}&fieldValidation=Strict"
APPLY_FIRST = "run `giqplan apply` first: it makes cluster and namespace, stops before the workload, and goes on when it is run again"


class Call(Protocol):
    """One request to the cluster: method, path with query, body, content type -> the answer's body. Raises CloudError."""

    def __call__(self, method: str, path: str, body: Any, content_type: str) -> Any: ...


def without_values(body: Any) -> Any:
    """A Secret, or a list of them, with ``HELD`` in place of every value; anything else as it is.

    Annotations go too: kubectl keeps whole objects in one of them (``kubectl.kubernetes.io/last-applied-configuration``).
    """
    if not isinstance(body, Mapping):
        return body
    if body.get("kind") == "Secret":
        return _bare(body)
    if body.get("kind") == "SecretList":
        return {**body, "items": [_bare(item) for item in body.get("items") or ()]}
    return body


def _bare(secret: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: secret[key] for key in ("apiVersion", "kind", "type", "immutable") if key in secret}
    metadata = {key: value for key, value in (secret.get("metadata") or {}).items() if key != "annotations"}
    data = {key: HELD if value else "" for key, value in (secret.get("data") or {}).items()}
    return {**kept, "metadata": metadata, "data": data}


def set_secret(call: Call, write: SetSecret) -> SecretChange:
    """Put one value into one key of a Secret; its other keys stay. The Secret is made where there is none.

    Raises CloudError, with nothing of the value in it, and UsageError GIQ0107 (no namespace) or GIQ0108 (not ours to change).
    """
    for _ in range(_ATTEMPTS):
        try:
            found = _read(call, write.path)
            if found is None:
                _create(call, write)
                return SecretChange.CREATED
            if (found.get("data") or {}).get(write.key) == write.value.base64():
                return SecretChange.UNCHANGED
            _refuse_others(found, write)
            _update(call, write, found["metadata"]["resourceVersion"])
            return SecretChange.UPDATED
        except CloudError as error:
            if error.status == 409:  # made or written by somebody else in between: look again
                continue
            raise _told(error, write) from None
    detail = f"Secret {write.namespace}/{write.name} is being written by others all the time"
    raise CloudError("GIQ1907", detail, "see who writes it, then set the value again")


def _read(call: Call, path: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = call("GET", path, None, "application/json")
    except CloudError as error:
        if error.status == 404:
            return None
        raise
    return found


def _create(call: Call, write: SetSecret) -> None:
    label, owner = SECRET_MARK
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": write.name, "namespace": write.namespace, "labels": {label: owner}},
        "type": "Opaque",
        "data": {write.key: write.value.base64()},
    }
    call("POST", write.path.rpartition("/")[0] + _BY_US, body, "application/json")


def _update(call: Call, write: SetSecret, version: str) -> None:
    body = {"metadata": {"resourceVersion": version}, "data": {write.key: write.value.base64()}}
    call("PATCH", write.path + _BY_US, body, _MERGE)


def _refuse_others(found: Mapping[str, Any], write: SetSecret) -> None:
    """UsageError GIQ0108 when the Secret cannot take the value, or its key is another manager's and nobody said to take it over."""
    what = f"Secret {write.namespace}/{write.name}"
    elsewhere = "name another Secret in spec.storage.huggingFace.tokenSecret, and set that one"
    kind, metadata = found.get("type", "Opaque"), found["metadata"]
    if metadata.get("deletionTimestamp"):
        raise UsageError("GIQ0108", f"{what} is being deleted", "wait until it is gone, then set it again")
    if kind != "Opaque":
        raise UsageError("GIQ0108", f"{what} is of type {kind}: it holds something else than a token", elsewhere)
    if found.get("immutable"):
        raise UsageError("GIQ0108", f"{what} is immutable: no value in it can change", f"delete it first, or {elsewhere}")
    others = _holders(metadata, write.key)
    if others and not write.force:
        remedy = "change it with the tool that made it, or add --force-conflicts to take this key over; " + elsewhere
        raise UsageError("GIQ0108", f"{what}: key {write.key} is held by {', '.join(others)}", remedy)


def _holders(metadata: Mapping[str, Any], key: str) -> list[str]:
    """The field managers beside ours that hold ``key``."""
    found = set()
    for entry in metadata.get("managedFields") or ():
        if f"f:{key}" in (entry.get("fieldsV1") or {}).get("f:data", {}) and entry.get("manager") != SECRET_MANAGER:
            found.add(str(entry.get("manager", "unknown")))
    return sorted(found)


def _told(error: CloudError, write: SetSecret) -> Exception:
    """The server's refusal with the remedy that fits, and without its words, should they repeat the value."""
    detail = f"{error.status}, with words that repeat the value" if write.value.stands_in(error.detail) else error.detail
    where = f"Secret {write.namespace}/{write.name}"
    if error.status == 404:
        return UsageError("GIQ0107", f"there is no namespace {write.namespace} for {where}", APPLY_FIRST)
    remedy = error.remedy
    if error.status == 403:
        needed = "container.secrets.get, container.secrets.create and container.secrets.update"
        remedy = f"the caller needs {needed} on the project (roles/container.developer has them)"
    return CloudError(error.code, detail, remedy, status=error.status, reason=error.reason)
