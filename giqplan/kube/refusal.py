"""What an API server refuses, as values: HTTP status, reason, message and causes. The texts follow kube-apiserver 1.33.13."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """One entry of ``details.causes``: ``reason`` such as ``FieldValueRequired``, the message, and the field's path."""

    reason: str
    message: str
    field: str


@dataclass(frozen=True)
class Conflict:
    """One field that another manager holds with another value. ``path`` as the server prints it (``.spec.replicas``)."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    time: str
    path: str


class Refusal(Exception):
    """A request that a server would not carry out. ``reason`` is empty for errors that the server does not classify (then 500)."""

    def __init__(self, status: int, reason: str, message: str, causes: tuple[Cause, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes
