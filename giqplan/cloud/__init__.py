"""The only room that imports google.* and kubernetes: sessions, endpoints, credentials, retries."""

from __future__ import annotations

from giqplan.cloud.answers import ConflictError, Held
from giqplan.cloud.cloud import Cloud
from giqplan.cloud.secrets import APPLY_FIRST
from giqplan.cloud.sessions import Patience

__all__ = ["APPLY_FIRST", "Cloud", "ConflictError", "Held", "Patience"]
