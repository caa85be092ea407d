"""The scripted server and a cloud that speaks to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cloud_script import Script, handler_of

from giqplan.cloud import Cloud
from giqplan.model.calls import ClusterRef
from giqplan.sandbox.tls import server_context


@pytest.fixture(scope="session")
def tls_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    server_context(folder)
    return folder


@pytest.fixture
def script(tls_folder: Path) -> Iterator[Script]:
    found = Script("", str(tls_folder / "ca.pem"))

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that hang up are part of the tests."""

    server = Server(("127.0.0.1", 0), handler_of(found))
    server.socket = server_context(tls_folder).wrap_socket(server.socket, server_side=True)
    found.base = f"https://127.0.0.1:{server.server_address[1]}"
    tokens = [(200, {"access_token": f"ya29.token-{n}", "expires_in": 3600, "token_type": "Bearer"}) for n in range(1, 9)]
    found.on("POST", "/token", *tokens)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cloud(script: Script) -> Cloud:
    return Cloud(script.connection(), run_id="run-1", quota_project="payer")


@pytest.fixture
def cluster(script: Script, cloud: Cloud) -> ClusterRef:
    ref = ClusterRef("p", "us-central1", "c")
    cloud.use_cluster(ref, script.base.removeprefix("https://"), Path(script.ca_file).read_text())
    return ref


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nothing sleeps; what would have been slept is here."""
    found: list[float] = []
    monkeypatch.setattr("giqplan.cloud.sessions.time.sleep", found.append)
    return found
