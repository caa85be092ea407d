"""The inference.yaml model: loading with line numbers, overlays, validation."""

from __future__ import annotations

import os
import sys
from types import ModuleType

# Looking for plugins of pydantic reads the metadata of every installed package: 15 ms of the 200 that `validate` has, and none is ours.
if os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__") == "__all__" and "pydantic.plugin._loader" not in sys.modules:
    # Switched off, its loader (pydantic 2.14) still imports importlib.metadata, and that zip files, e-mail and sockets: 12 ms more.
    _no_plugins = ModuleType("pydantic.plugin._loader")
    _no_plugins.__dict__["get_plugins"] = tuple
    sys.modules[_no_plugins.__name__] = _no_plugins

from giqplan.intent.load import DEFAULT_ENVIRONMENT, LoadedIntent, load_all, load_intent
from giqplan.intent.model import Intent

__all__ = ["DEFAULT_ENVIRONMENT", "Intent", "LoadedIntent", "load_all", "load_intent"]
