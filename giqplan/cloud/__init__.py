"""The only room that imports google.* and kubernetes: sessions, endpoints, credentials, retries."""

from __future__ import annotations

from giqplan.cloud.answers import ConflictError, Held
from giqplan.cloud.cloud import Cloud

__all__ = ["Cloud", "ConflictError", "Held"]
