"""The inference.yaml model: loading with line numbers, overlays, validation."""

from __future__ import annotations

import os

# Looking for plugins of pydantic reads the metadata of every installed package: 15 ms of the 200 that `validate` has, and none is ours.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from giqplan.intent.load import DEFAULT_ENVIRONMENT, LoadedIntent, load_all, load_intent
from giqplan.intent.model import Intent

__all__ = ["DEFAULT_ENVIRONMENT", "Intent", "LoadedIntent", "load_all", "load_intent"]
