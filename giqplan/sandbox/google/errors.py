"""Error bodies as Google's APIs write them.

Shapes: k8s-config-connector's recordings (404 bodies of GKE, IAM and Cloud Storage; commit cdb85ecf, Apache-2.0) and google.rpc's
ErrorInfo and Help details (googleapis-common-protos). Texts not recorded there are written from memory.
"""

from __future__ import annotations

from typing import Any

from giqplan.sandbox.wire import HttpResponse

_STATUS = {
    400: ("INVALID_ARGUMENT", "badRequest"),
    401: ("UNAUTHENTICATED", "authError"),
    403: ("PERMISSION_DENIED", "forbidden"),
    404: ("NOT_FOUND", "notFound"),
    405: ("UNIMPLEMENTED", "methodNotAllowed"),
    409: ("ALREADY_EXISTS", "alreadyExists"),
    412: ("FAILED_PRECONDITION", "conditionNotMet"),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
}


class ApiError(Exception):
    """An answer that is an error. ``reason`` and ``metadata`` make a google.rpc.ErrorInfo; ``status`` and ``legacy`` override
    what the HTTP code usually means."""

    def __init__(
        self, code: int, message: str, *, status: str = "", legacy: str = "", reason: str = "", domain: str = "", **metadata: str
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _STATUS[code][0]
        self.legacy = legacy or _STATUS[code][1]
        self.details: list[dict[str, Any]] = []
        if reason:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain or "googleapis.com"}
            self.details.append(info | ({"metadata": metadata} if metadata else {}))

    def response(self, style: str = "esf") -> HttpResponse:
        """``style``: ``storage`` leaves out status and details, as Cloud Storage's JSON API does; ``esf`` is everybody else."""
        item = {"message": self.message, "domain": "global", "reason": self.legacy}
        error: dict[str, Any] = {"code": self.code, "message": self.message, "errors": [item]}
        if style != "storage":
            error["status"] = self.status
            if self.details:
                error["details"] = self.details
        headers = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'} if self.code == 401 else {}
        return HttpResponse(self.code, {"error": error}, headers)


def invalid(message: str) -> ApiError:
    """400 INVALID_ARGUMENT."""
    return ApiError(400, message, legacy="badRequest")


def denied(permission: str, resource: str, message: str = "") -> ApiError:
    """403 naming the missing permission; ``resource`` is a full resource name (``//container.googleapis.com/projects/p``)."""
    text = message or f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    service = resource.removeprefix("//").partition("/")[0]
    return ApiError(403, text, reason="IAM_PERMISSION_DENIED", domain=service, resource=resource, permission=permission)


def service_disabled(service: str, title: str, project_number: str) -> ApiError:
    """403 SERVICE_DISABLED, with the page that enables the API."""
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={project_number}"
    text = (
        f"{title} has not been used in project {project_number} before or it is disabled. Enable it by visiting {url} then retry. "
        "If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."
    )
    consumer = f"projects/{project_number}"
    error = ApiError(403, text, legacy="accessNotConfigured", reason="SERVICE_DISABLED", service=service, consumer=consumer)
    link = {"description": "Google developers console API activation", "url": url}
    error.details.insert(0, {"@type": "type.googleapis.com/google.rpc.Help", "links": [link]})
    return error
