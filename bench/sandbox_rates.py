"""How fast the sandbox answers one client that keeps its connection: over TLS, real writes, one request after the other."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from measure import BenchError

from giqplan.sandbox import control

REQUESTS = 200


class Client:
    """One kept connection to the Kubernetes API of the sandbox's only cluster."""

    def __init__(self, folder: Path) -> None:
        config = control.kubeconfig(folder, None)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        where = urlsplit(cluster["server"])
        self._connection = http.client.HTTPSConnection(where.hostname or "", where.port, context=context, timeout=30)
        self._headers = {"Authorization": f"Bearer {user['token']}"}

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], float]:
        """The answer's object, and how long it took, in milliseconds."""
        headers = self._headers | ({"Content-Type": "application/apply-patch+yaml"} if body else {})
        sent = json.dumps(body) if body else None
        start = time.perf_counter()
        self._connection.request(method, path, sent, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        took_ms = (time.perf_counter() - start) * 1000
        if answer.status not in (200, 201):
            raise BenchError(f"{method} {path}: {answer.status} {text[:300].decode(errors='replace')}")
        found: dict[str, Any] = json.loads(text)
        return found, took_ms


def rates(folder: Path, namespace: str, name: str) -> tuple[list[float], list[float]]:
    """Milliseconds of 200 reads of the Deployment ``name`` and of 200 server-side applies, each of which changes something, of a Deployment
    like it that wants no replicas. ``folder``: the sandbox's."""
    client = Client(folder)
    base = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    reads = [client.ask("GET", f"{base}/{name}")[1] for _ in range(REQUESTS)]
    live = client.ask("GET", f"{base}/{name}")[0]
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "bench", "namespace": namespace, "labels": live["metadata"].get("labels", {})},
        "spec": live["spec"] | {"replicas": 0},
    }
    target = f"{base}/bench?fieldManager=bench"
    client.ask("PATCH", target, body)
    applies = []
    for number in range(REQUESTS):
        changed = body | {"metadata": body["metadata"] | {"annotations": {"bench": str(number)}}}
        applies.append(client.ask("PATCH", target, changed)[1])
    return reads, applies
