"""Faults: requests that go wrong on purpose, so that one can see what a client does then.

A fault names the requests it is about and what happens to them: a delay, another answer, or none at all, before or after the request has
been carried out. The first that fits a request takes effect; one with ``times`` is gone once it has happened so often.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from giqplan.errors import SandboxError
from giqplan.sandbox.documents import Documents
from giqplan.sandbox.google.errors import ApiError
from giqplan.sandbox.wire import HttpRequest, HttpResponse

#: HTTP status -> Google's canonical name (google/rpc/code.proto), the reason of its older APIs, Kubernetes' reason (metav1.StatusReason).
_WORDS: Mapping[int, tuple[str, str, str]] = {
    400: ("INVALID_ARGUMENT", "badRequest", "BadRequest"),
    401: ("UNAUTHENTICATED", "authError", "Unauthorized"),
    403: ("PERMISSION_DENIED", "forbidden", "Forbidden"),
    404: ("NOT_FOUND", "notFound", "NotFound"),
    409: ("ABORTED", "conflict", "Conflict"),
    412: ("FAILED_PRECONDITION", "conditionNotMet", "Conflict"),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded", "TooManyRequests"),
    500: ("INTERNAL", "backendError", "InternalError"),
    502: ("UNAVAILABLE", "backendError", "ServiceUnavailable"),
    503: ("UNAVAILABLE", "backendError", "ServiceUnavailable"),
    504: ("DEADLINE_EXCEEDED", "backendError", "Timeout"),
}
_TEXT = "This answer was ordered: giqplan sandbox fault."


class Cut(ConnectionAbortedError):
    """The connection ends here, without an answer."""


@dataclass(frozen=True)
class Fault:
    """``service``, ``method``, ``path`` are globs; ``path`` is held against the path alone, and against the path with its query.

    ``status``: answered instead; 0 = the true answer. ``cut``: no answer, the connection ends. ``after``: the request is carried out all
    the same. ``delay_ms`` passes before anything else. ``times``: how often, 0 = until it is cleared. ``answer``: this text instead, with
    status 200 unless ``status`` says otherwise. ``retry_after_s``: told with the status (header Retry-After), 0 = nothing is told.
    """

    service: str = "*"
    method: str = "*"
    path: str = "*"
    status: int = 0
    cut: bool = False
    after: bool = False
    delay_ms: float = 0
    times: int = 0
    answer: str = ""
    retry_after_s: int = 0

    def __post_init__(self) -> None:
        if not (self.status or self.cut or self.answer or self.delay_ms > 0):
            raise SandboxError("GIQ2007", "it does nothing", "say --status N, --answer FILE, --cut or --delay-ms N")
        if self.retry_after_s < 0 or (self.retry_after_s and not self.status):
            raise SandboxError("GIQ2007", "--retry-after is a number of seconds beside --status", "say --status 429 too")
        if (self.status or self.answer) and self.cut:
            raise SandboxError("GIQ2007", "a status and no answer at all exclude each other", "say --status N or --cut")
        if self.status and self.status not in _WORDS:
            raise SandboxError("GIQ2007", f"no answer with status {self.status} is known", f"one of {', '.join(map(str, _WORDS))}")
        if self.after and not (self.status or self.cut or self.answer):
            raise SandboxError("GIQ2007", "--after alone changes nothing", "add --status N, --answer FILE or --cut")
        if self.times < 0 or not 0 <= self.delay_ms <= 600_000:
            raise SandboxError("GIQ2007", "--times is 0 or more, --delay-ms 0 to 600000", "mend the number")

    def fits(self, service: str, request: HttpRequest, query: str) -> bool:
        paths = (request.path, f"{request.path}?{query}")
        found = any(fnmatchcase(path, self.path) for path in paths)
        return found and fnmatchcase(service, self.service) and fnmatchcase(request.method, self.method)

    def __str__(self) -> str:
        status = self.status or (200 if self.answer else 0)
        what = "no answer" if self.cut else f"answer {status}" if status else "the true answer"
        what += (" with a body of its own" if self.answer else "") + (f", Retry-After {self.retry_after_s}" if self.retry_after_s else "")
        when = f", {'after' if self.after else 'before'} it is carried out" if self.cut or status else ""
        late = f", {self.delay_ms:g} ms late" if self.delay_ms else ""
        often = f", {self.times} more times" if self.times else ""
        return f"{self.service} {self.method} {self.path}: {what}{when}{late}{often}"


class Faults:
    """The faults in force, in the order they were ordered. They are part of the world: a restart keeps them."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._guard = threading.Lock()
        self._faults = {key: Fault(**body) for key, body in documents.under("fault")}

    def add(self, fault: Fault) -> None:
        """From now on."""
        with self._guard:
            key = f"{1 + max(map(int, self._faults), default=0):06}"
            self._keep(key, fault)

    def clear(self) -> None:
        """None any more."""
        with self._guard:
            for key in list(self._faults):
                self._drop(key)

    def all(self) -> list[Fault]:
        """Those in force."""
        with self._guard:
            return list(self._faults.values())

    def take(self, service: str, request: HttpRequest, query: str) -> Fault | None:
        """The fault of a request, if any; it counts as having happened."""
        with self._guard:
            for key, fault in self._faults.items():
                if fault.fits(service, request, query):
                    if fault.times == 1:
                        self._drop(key)
                    elif fault.times:
                        self._keep(key, replace(fault, times=fault.times - 1))
                    return fault
        return None

    def _keep(self, key: str, fault: Fault) -> None:
        self._faults[key] = fault
        self._documents.put("fault", key, asdict(fault))

    def _drop(self, key: str) -> None:
        del self._faults[key]
        self._documents.delete("fault", key)


def disturbed(fault: Fault, service: str, carry_out: Callable[[], HttpResponse], refused: Callable[[int], None]) -> HttpResponse:
    """The answer under a fault. ``refused`` is told the status of a request that is not carried out, 0 = none. Raises Cut."""
    answer = None
    instead = bool(fault.status or fault.answer)
    if fault.after or not (fault.cut or instead):
        answer = carry_out()
    else:
        refused(fault.status or (200 if fault.answer else 0))
    if fault.cut:
        raise Cut
    if answer is not None and not instead:
        return answer
    found = HttpResponse(fault.status or 200, fault.answer.encode()) if fault.answer else ordered(service, fault.status)
    if fault.retry_after_s:
        found.headers["Retry-After"] = str(fault.retry_after_s)
    return found


def ordered(service: str, status: int) -> HttpResponse:
    """An error in the words of the service."""
    name, legacy, reason = _WORDS[status]
    if service == "oauth2":
        word = "internal_failure" if status >= 500 else "invalid_client" if status == 401 else "invalid_grant"  # RFC 6749, 5.2
        return HttpResponse(status, {"error": word, "error_description": _TEXT})
    if service == "kubernetes":
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": _TEXT}
        return HttpResponse(status, {**body, "reason": reason, "code": status})
    return ApiError(status, _TEXT, status=name, legacy=legacy).response("storage" if service == "storage" else "esf")
