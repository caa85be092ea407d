"""One sandbox process a module, at speed 0: only ``advance`` moves its clock. Clients are Google's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from giqplan.model.connection import Connection
from giqplan.sandbox import control

WORLD = """\
project: {id: test-project, number: 424242424242}
callers:
  owner: {member: "user:owner@example.com", roles: [roles/owner]}
  planner: {member: "user:planner@example.com", roles: [roles/container.clusterViewer, roles/container.viewer, roles/browser]}
  nobody: {member: "user:nobody@example.com"}
apis: [container.googleapis.com, cloudresourcemanager.googleapis.com, cloudquotas.googleapis.com]
quotas:
  - {quota: GPUS-ALL-REGIONS-per-project, limit: 32}
  - {quota: GPUS-PER-GPU-FAMILY-per-project-region, dimensions: {region: us-central1, gpu_family: NVIDIA_H100}, limit: 24}
buckets:
  - name: test-project-models
    location: us-central1
    objects:
      - {name: m/config.json, size: 2089}
      - {name: m/model-00001.safetensors, size: 5000000000}
      - {name: m/model-00002.safetensors, size: 4000000000}
      - {name: m/sub/tokenizer.json, size: 100}
      - {name: other.txt, size: 5}
    iam:
      - {role: roles/storage.admin, members: ["user:owner@example.com"]}
otherProjects:
  - {id: off-project, number: 555555555555}
clock: {speed: 0}
"""


class Sandbox:
    """A started sandbox, and Google's clients for it."""

    def __init__(self, folder: Path, world: Path) -> None:
        self.folder = folder
        self.world = world
        self._sessions: list[Any] = []

    def start(self) -> Connection:
        return control.ensure(self.folder, world_file=self.world)

    def connection(self, caller: str = "owner") -> Connection:
        return control.connection(self.folder, caller)

    def advance(self, seconds: float) -> None:
        control.advance(self.folder, seconds)

    def credentials(self, caller: str = "owner") -> Any:
        from google.oauth2.credentials import Credentials

        told = {key: value for key, value in (self.connection(caller).credentials or {}).items() if key != "type"}
        return Credentials(token=None, **told)

    def session(self, caller: str = "owner") -> Any:
        """google-auth's session, trusting the sandbox's CA. Paths are given whole: ``session.get(url("/v3/..."))``."""
        import requests
        from google.auth.transport.requests import AuthorizedSession, Request

        refresher = requests.Session()
        self._trust(refresher)
        session = AuthorizedSession(self.credentials(caller), auth_request=Request(refresher))
        self._trust(session)
        return session

    def _trust(self, session: Any) -> None:
        """REQUESTS_CA_BUNDLE of the environment would win over ``verify``, so the environment is left out."""
        session.verify, session.trust_env = str(self.folder / "ca.pem"), False
        self._sessions.append(session)

    def url(self, path: str) -> str:
        return self.connection().endpoints["container"] + path

    def container(self, caller: str = "owner") -> Any:
        """ClusterManagerClient over REST."""
        from google.api_core.client_options import ClientOptions
        from google.cloud import container_v1

        host = self.connection().endpoints["container"].removeprefix("https://")
        client = container_v1.ClusterManagerClient(
            credentials=self.credentials(caller), client_options=ClientOptions(api_endpoint=host), transport="rest"
        )
        self._trust(client.transport._session)
        self._trust(client.transport._session._auth_request_session)
        return client

    def storage(self, caller: str = "owner") -> Any:
        from google.api_core.client_options import ClientOptions
        from google.cloud import storage

        options = ClientOptions(api_endpoint=self.connection().endpoints["storage"])
        return storage.Client(
            project="test-project", credentials=self.credentials(caller), client_options=options, _http=self.session(caller)
        )

    def close(self) -> None:
        for session in self._sessions:
            session.close()
        status = control.status(self.folder)
        control.stop(self.folder)
        assert status is not None and status["failures"] == 0, (self.folder / "sandbox.log").read_text()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("sandbox")
    world = folder / "world.yaml"
    world.write_text(WORLD, encoding="utf-8")
    one = Sandbox(folder / "run", world)
    one.start()
    yield one
    one.close()


@pytest.fixture(scope="session")
def sandbox_type() -> type[Sandbox]:
    """For modules that start one with a world of their own."""
    return Sandbox
