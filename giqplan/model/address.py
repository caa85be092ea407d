"""Addresses of resources: ``type.name``, as in Terraform, with names that are the identities themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Address:
    """``type`` is one word (``kubernetes_deployment``); ``name`` is the identity (``default/support-bot``)."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address written as ``text``; ValueError when it has no dot."""
        kind, dot, name = text.partition(".")
        if not (kind and dot and name):
            raise ValueError(f"not an address: {text!r}")
        return cls(kind, name)
