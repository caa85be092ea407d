"""Answers and failures of Google and Kubernetes as values. The server's own words are kept; tokens never stand in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from giqplan.errors import CloudError
from giqplan.model.calls import KUBERNETES, Outcome, Reading

_OPERATION = re.compile(r"operation-[0-9a-z-]+")
_TOKEN = re.compile(r"(ya29\.|Bearer )[\w.~+/=-]+")


@dataclass(frozen=True)
class Held:
    """A field that another manager holds: one cause of a server-side apply conflict."""

    manager: str
    path: str
    theirs: Any = None
    ours: Any = None


class ConflictError(CloudError):
    """Server-side apply met fields of other managers; ``conflicts`` names them."""

    conflicts: tuple[Held, ...] = ()


def reading_of(status: int, body: Any, service: str) -> Reading:
    """The outcome of a read. Raises CloudError for what neither answers nor says that there is nothing to see.

    A 401 of Google, after the session has refreshed the token, is about the credentials themselves: an error, or everything would look
    forbidden. A cluster may turn away a caller whom Google knows.
    """
    if status in (200, 201):  # 201: Kubernetes answers a review by "creating" it
        return Reading(Outcome.OK, body)
    message, reason, _ = told(body)
    if status == 404:
        return Reading(Outcome.ABSENT, message=message)
    if status == 403 or (status == 401 and service == KUBERNETES):
        return Reading(Outcome.DISABLED if reason == "SERVICE_DISABLED" else Outcome.DENIED, message=message)
    raise failure(status, body, service)


def told(body: Any) -> tuple[str, str, Mapping[str, Any]]:
    """(message, reason, details) of an error body of Google or of Kubernetes."""
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
        error = body["error"]
        details = [d for d in error.get("details", ()) if isinstance(d, Mapping)]
        reason = next((d["reason"] for d in details if "reason" in d), "") or error.get("status", "")
        legacy = next((e.get("reason", "") for e in error.get("errors", ()) if isinstance(e, Mapping)), "")
        return _clean(error.get("message", "")), str(reason or legacy), {}
    if isinstance(body, Mapping) and body.get("kind") == "Status":
        return _clean(body.get("message", "")), str(body.get("reason", "")), body.get("details") or {}
    return _clean(str(body))[:300], "", {}


def failure(status: int, body: Any, service: str) -> CloudError:
    """The CloudError of an answer that is none. ``reason``: ``busy``, ``conflict``, ``already-exists`` ... or the server's own."""
    message, reason, details = told(body)
    if status == 409 and service == "kubernetes" and any(c.get("reason") == "FieldManagerConflict" for c in details.get("causes", ())):
        return _conflict(message, details)
    if status == 409 and reason in ("ALREADY_EXISTS", "AlreadyExists", "alreadyExists"):
        return CloudError("GIQ1906", message, "it is adopted when giqplan plans again", status=status, reason="already-exists")
    if "CLUSTER_ALREADY_HAS_OPERATION" in (reason, *message.split()) or (
        status == 400 and _OPERATION.search(message) and "operation" in message
    ):
        return CloudError("GIQ1907", message, "wait until that operation ends", status=status, reason="busy")
    if status == 429:
        return CloudError("GIQ1907", message, "wait and try again", status=status, reason="busy")
    if status == 401:
        return CloudError(
            "GIQ1902", message, "log in again: `gcloud auth application-default login`", status=status, reason="unauthenticated"
        )
    if status == 403:
        disabled = reason == "SERVICE_DISABLED"
        remedy = "enable the API that the message names" if disabled else "ask for the permission that the message names"
        return CloudError("GIQ1904", f"{service}: {message}", remedy, status=status, reason="disabled" if disabled else "denied")
    code = "GIQ1905" if status < 500 else "GIQ1908"
    remedy = "see the server's words" if status < 500 else "try again; the service's status page tells more"
    return CloudError(code, f"{service} answered {status}: {message}", remedy, status=status, reason=reason)


def _conflict(message: str, details: Mapping[str, Any]) -> ConflictError:
    error = ConflictError("GIQ1909", message, "let the other manager give the field up", status=409, reason="conflict")
    pattern = re.compile(r'conflict with "([^"]+)"')
    found = []
    for cause in details.get("causes", ()):
        manager = pattern.search(cause.get("message", ""))
        found.append(Held(manager.group(1) if manager else "unknown", cause.get("field", "")))
    error.conflicts = tuple(sorted(found, key=lambda held: (held.path, held.manager)))
    return error


def no_answer(service: str, error: Exception, *, lost: bool = False) -> CloudError:
    """Nobody answered: network, name, certificate or time."""
    text = _clean(str(error))
    if "CERTIFICATE" in text.upper():
        return CloudError("GIQ1903", f"{service}: the certificate is not trusted", "is a proxy between? Trust its CA on this machine")
    if "Name or service not known" in text or "resolve" in text.lower():
        return CloudError("GIQ1903", f"{service}: its name cannot be resolved", "check the network, or plan with --offline")
    if "timed out" in text.lower():
        return CloudError(
            "GIQ1903", f"{service}: no answer in time", "check the network and try again", reason="answer-lost" if lost else ""
        )
    detail = f"{service}: the connection failed"
    return CloudError("GIQ1903", detail, "check the network, or plan with --offline", reason="answer-lost" if lost else "")


def _clean(text: str) -> str:
    return _TOKEN.sub("<token>", " ".join(str(text).split()))
