"""Reads: parallel, paged, plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from giqplan.cloud.answers import reading_of, told
from giqplan.cloud.secrets import without_values
from giqplan.cloud.sessions import PATIENCE, Patience, send
from giqplan.errors import CloudError
from giqplan.model.calls import KUBERNETES, Outcome, Read, Reading

_PAGE_LIMIT = 10_000
"""Pages of one list; more than that is a server that never ends it."""


def read_pages(session: Any, base: str, read: Read, patience: Patience = PATIENCE) -> Reading:
    """The answer to a read, its pages joined. Raises CloudError."""
    query: tuple[tuple[str, str], ...] = read.query  # pairs: a key may stand more than once
    first: Any = None
    for _ in range(_PAGE_LIMIT):
        more = {"params": list(query), "json": read.body}
        answer = send(session, read.method, base + read.path, service=read.service, retry=True, patience=patience, **more)
        told_body = _json(answer, read)
        if read.optional and answer.status_code == 400:
            return Reading(Outcome.NOT_READ, message=told(told_body)[0])
        reading = reading_of(answer.status_code, told_body, read.service)
        if not reading.ok:
            return reading
        body = reading.body
        if first is None:
            first = body
        else:
            first[read.items] = [*(first.get(read.items) or ()), *(body.get(read.items) or ())]
        following = _next(read, body)
        if not read.items or not following:
            return Reading(Outcome.OK, first)
        query = (*read.query, *following.items())
    raise CloudError("GIQ1905", f"{read.service}: {read.path} has more than {_PAGE_LIMIT} pages", "report this")


def _next(read: Read, body: Mapping[str, Any]) -> dict[str, str]:
    """The query of the next page: Google's ``nextPageToken``, Kubernetes' ``metadata.continue``."""
    if read.service == KUBERNETES:
        token = body.get("metadata", {}).get("continue")
        return {"continue": token} if token else {}
    token = body.get("nextPageToken")
    return {"pageToken": token} if token else {}


def _json(answer: Any, read: Read) -> Any:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        body = answer.text
    if answer.status_code == 200 and not isinstance(body, dict):
        detail = f"{read.service}: {read.path} answered something that is no JSON object"
        raise CloudError("GIQ1905", detail, "is a proxy between?", status=200)
    return without_values(body)
