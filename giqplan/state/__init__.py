"""State, journal and locks."""

from __future__ import annotations

from giqplan.state.journal import Journal, Pending
from giqplan.state.local import LocalState
from giqplan.state.model import FORMAT_VERSION, IntentRecord, ResourceState, State, broken

__all__ = ["FORMAT_VERSION", "IntentRecord", "Journal", "LocalState", "Pending", "ResourceState", "State", "broken"]
