"""How to reach a world: endpoints, trust and credentials. ``--sandbox`` changes only this value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Services by the short names used everywhere, with Google's endpoints.
GOOGLE_ENDPOINTS: Mapping[str, str] = {
    "container": "https://container.googleapis.com",
    "storage": "https://storage.googleapis.com",
    "serviceusage": "https://serviceusage.googleapis.com",
    "cloudresourcemanager": "https://cloudresourcemanager.googleapis.com",
    "cloudquotas": "https://cloudquotas.googleapis.com",
    "iam": "https://iam.googleapis.com",
    "gkerecommender": "https://gkerecommender.googleapis.com",
    "oauth2": "https://oauth2.googleapis.com",
}


@dataclass(frozen=True)
class Connection:
    """A world as the cloud clients need it.

    ``world``: ``gcp`` or ``sandbox-<instance id>``. ``ca_file``: PEM file that signs the endpoints, None = the system's trust.
    ``credentials``: an ``authorized_user`` style mapping (client_id, client_secret, refresh_token, token_uri), None = Application
    Default Credentials. ``instance_url``: answers ``{"instance_id": ...}``; checked before the first write, None for ``gcp``.
    """

    world: str = "gcp"
    endpoints: Mapping[str, str] = field(default_factory=lambda: dict(GOOGLE_ENDPOINTS))
    ca_file: str | None = None
    credentials: Mapping[str, str] | None = field(default=None, repr=False)
    instance_url: str | None = None
