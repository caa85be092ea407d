"""Model servers: one module each, behind ``server_of``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from giqplan.errors import ManifestError
from giqplan.manifests.servers import vllm
from giqplan.manifests.servers.base import Launch

if TYPE_CHECKING:
    from giqplan.intent.model import Intent
    from giqplan.manifests.storage import Source
    from giqplan.model.recommendation import Profile, Recommendation


class Server(Protocol):
    """What a model server's module offers."""

    PORT: int

    def version_of(self, intent: Intent, profile: Profile) -> str: ...

    def streams_from_bucket(self, version: str) -> bool: ...

    def load_factor(self, profile: Profile, checkpoint_dtype: str) -> int: ...

    def launch(self, intent: Intent, recommendation: Recommendation, version: str, source: Source) -> Launch: ...

    def load_metrics(self, version: str) -> tuple[str, str]: ...


_SERVERS: dict[str, Server] = {"vllm": vllm}


def server_of(name: str) -> Server:
    """The module of the model server ``name``. ManifestError GIQ1401 when there is none."""
    server = _SERVERS.get(name)
    if server is None:
        raise ManifestError("GIQ1401", f"no manifests for model server {name!r}", f"set spec.serving.server: {' | '.join(_SERVERS)}")
    return server
