"""The inference.yaml model: loading with line numbers, overlays, validation."""

from __future__ import annotations

from giqplan.intent.load import DEFAULT_ENVIRONMENT, LoadedIntent, load_all, load_intent
from giqplan.intent.model import Intent

__all__ = ["DEFAULT_ENVIRONMENT", "Intent", "LoadedIntent", "load_all", "load_intent"]
