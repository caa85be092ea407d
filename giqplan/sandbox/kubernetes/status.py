"""Failures of the Kubernetes API as values: an HTTP status and the ``Status`` object that a real API server answers.

Texts and shapes follow recordings of kube-apiserver 1.33.13.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from giqplan.sandbox.kubernetes.resources import Resource

Json = dict[str, Any]

_REASON_WORDS = {
    "FieldValueRequired": "Required value",
    "FieldValueInvalid": "Invalid value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueTooLong": "Too long",
}


class ApiStatusError(Exception):
    """Ends a request. ``body`` is the Status object, or text for the few answers that are no JSON."""

    def __init__(self, code: int, body: Json | bytes) -> None:
        super().__init__(str(body))
        self.code = code
        self.body = body


def failure(code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> ApiStatusError:
    """A Status of kind Failure. ``details`` None leaves the key out, as the server does for errors without an object."""
    body: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    if reason:
        body["reason"] = reason
    if details is not None:
        body["details"] = {k: v for k, v in details.items() if v}
    body["code"] = code
    return ApiStatusError(code, body)


def success(resource: Resource, name: str, uid: str) -> Json:
    """The answer to a DELETE that left nothing behind."""
    details = {"name": name, "group": resource.group, "kind": resource.plural, "uid": uid}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {k: v for k, v in details.items() if v},
    }


def _details(resource: Resource, name: str) -> Json:
    return {"name": name, "group": resource.group, "kind": resource.plural}


def bad_request(message: str) -> ApiStatusError:
    return failure(400, "BadRequest", message)


def internal(message: str) -> ApiStatusError:
    """An error that the server did not classify: 500 without reason and details."""
    return failure(500, "", message)


def unauthorized() -> ApiStatusError:
    return failure(401, "Unauthorized", "Unauthorized")


def not_found(resource: Resource, name: str) -> ApiStatusError:
    return failure(404, "NotFound", f'{resource.dotted} "{name}" not found', _details(resource, name))


def no_such_resource() -> ApiStatusError:
    """The group is served, the version, resource or subresource is not."""
    return failure(404, "NotFound", "the server could not find the requested resource", {})


def no_such_page() -> ApiStatusError:
    """The path is not known at all."""
    return ApiStatusError(404, b"404 page not found\n")


def method_not_allowed() -> ApiStatusError:
    return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def not_acceptable() -> ApiStatusError:
    text = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf"
    return failure(406, "NotAcceptable", text, {})


def unsupported_patch_type() -> ApiStatusError:
    return failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def unsupported_body_type() -> ApiStatusError:
    text = (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )
    return failure(415, "UnsupportedMediaType", text)


def already_exists(resource: Resource, name: str, terminating: bool = False) -> ApiStatusError:
    prefix = "object is being deleted: " if terminating else ""
    return failure(409, "AlreadyExists", f'{prefix}{resource.dotted} "{name}" already exists', _details(resource, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: Resource, name: str, why: str = MODIFIED) -> ApiStatusError:
    """A write that came too late (optimistic locking)."""
    return failure(409, "Conflict", f'Operation cannot be fulfilled on {resource.dotted} "{name}": {why}', _details(resource, name))


def precondition(resource: Resource, name: str, why: str) -> ApiStatusError:
    """A DELETE whose preconditions do not hold; the server names the kind here, not the resource."""
    message = f'Operation cannot be fulfilled on {resource.qualified_kind} "{name}": {why}'
    return failure(409, "Conflict", message, {"name": name, "group": resource.group, "kind": resource.kind})


def gone(message: str) -> ApiStatusError:
    return failure(410, "Expired", message)


def forbidden(
    message: str, resource: Resource | None = None, name: str = "", subject: str = "", causes: Sequence[Json] = ()
) -> ApiStatusError:
    """``subject`` is what the message begins with; derived from resource and name when empty."""
    details: Json = {}
    if resource is not None:
        details = {"name": name, "group": resource.group, "kind": resource.plural}
        if not subject:
            subject = f'{resource.dotted} "{name}"' if name else resource.dotted
    if causes:
        details["causes"] = list(causes)
    text = f"{subject} is forbidden: {message}" if subject else f"forbidden: {message}"
    return failure(403, "Forbidden", text, details)


def cause(reason: str, field: str, message: str) -> Json:
    """One entry of ``details.causes``; ``message`` without the leading words of the reason."""
    words = _REASON_WORDS.get(reason, "")
    text = f"{words}: {message}" if words and message else words or message
    return {"reason": reason, "message": text, "field": field}


def invalid(kind: str, group: str, name: str, causes: Iterable[Mapping[str, Any]]) -> ApiStatusError:
    """422 with its causes, as ``errors.NewInvalid`` writes it: one cause plain, several in brackets, repeated ones once."""
    rows = [dict(c) for c in causes]
    lines = list(dict.fromkeys(f"{c['field']}: {c['message']}" for c in rows))
    listing = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    qualified = f"{kind}.{group}" if group else kind
    details = {"name": name, "group": group, "kind": kind, "causes": rows}
    return failure(422, "Invalid", f'{qualified} "{name}" is invalid: {listing}', details)


def apply_conflict(causes: Iterable[Mapping[str, Any]]) -> ApiStatusError:
    """A server-side apply of fields that others own. Causes: {"reason", "message", "field"}."""
    rows = [dict(c) for c in causes]
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["message"].removeprefix("conflict with "), []).append(row["field"])
    if len(rows) == 1:
        text = f"{rows[0]['message']}: {rows[0]['field']}"
    else:
        parts = [f"conflicts with {who}:\n" + "\n".join(f"- {f}" for f in fields) for who, fields in sorted(groups.items())]
        text = "\n".join(parts)
    noun = "conflict" if len(rows) == 1 else "conflicts"
    details = {"causes": rows}
    return failure(409, "Conflict", f"Apply failed with {len(rows)} {noun}: {text}", details)
