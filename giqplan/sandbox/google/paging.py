"""Pages, as all of Google's list methods have them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from giqplan.sandbox.google.errors import invalid
from giqplan.sandbox.wire import HttpRequest


def page(rows: Sequence[Any], key: str, request: HttpRequest, default: int, limit: int, size_key: str = "pageSize") -> dict[str, Any]:
    """The page of ``rows`` that ``pageToken`` and ``size_key`` ask for; ``key`` is left out when there is nothing."""
    size = whole_number(request.first(size_key), size_key) or default
    start = token_offset(request.first("pageToken"))
    end = start + min(size, limit)
    answer: dict[str, Any] = {key: list(rows[start:end])} if rows[start:end] else {}
    if end < len(rows):
        answer["nextPageToken"] = base64.urlsafe_b64encode(f"@{end}".encode()).decode()
    return answer


def whole_number(text: str, name: str) -> int:
    """A number of a query, 0 when it is not there."""
    if text and not text.isdecimal():
        raise invalid(f"Invalid value at '{name}' (TYPE_INT32), \"{text}\"")
    return int(text or 0)


def token_offset(token: str) -> int:
    """Where the page starts."""
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode() if token else "@0"
        if not text.startswith("@"):
            raise ValueError
        return int(text[1:])
    except ValueError:
        raise invalid("The page token is invalid.") from None
