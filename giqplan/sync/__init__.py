"""Google's own benchmark data, by the GIQ v1 API, as the synced layer of the catalog. ``sync`` is the door."""

from giqplan.sync.fetch import Progress
from giqplan.sync.sync import Synced, sync

__all__ = ["Progress", "Synced", "sync"]
