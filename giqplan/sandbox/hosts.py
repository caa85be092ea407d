"""The Kubernetes APIs of the clusters: one listener a cluster, and what a cluster asks of Google Cloud."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from giqplan.sandbox.documents import Documents
from giqplan.sandbox.server import Listener
from giqplan.sandbox.wire import HttpRequest, HttpResponse

Answer = Callable[[HttpRequest], HttpResponse]


class ClusterHosts:
    """``build`` makes what answers for a cluster; ports are kept over a restart where they are still free."""

    def __init__(self, documents: Documents, context: ssl.SSLContext, ca_file: Path, build: Callable[[Mapping[str, Any]], Answer]) -> None:
        self._documents = documents
        self._context = context
        self._ca = base64.b64encode(ca_file.read_bytes()).decode()
        self._build = build
        self._listeners: dict[str, Listener] = {}
        self._guard = threading.Lock()
        self.on_changed: Callable[[Mapping[str, Any]], None] = lambda cluster: None
        self.on_closed: Callable[[str], None] = lambda cluster_id: None

    def open(self, cluster: Mapping[str, Any]) -> Mapping[str, str]:
        """Start the cluster's Kubernetes API."""
        identity = str(cluster["id"])
        with self._guard:
            listener = self._listeners.get(identity)
            if listener is None:
                kept = self._documents.get("port", identity) or {"port": 0}
                listener = self._listeners[identity] = Listener(self._build(cluster), self._context, kept["port"])
        self._documents.put("port", identity, {"port": listener.port})
        return {"endpoint": f"127.0.0.1:{listener.port}", "ca": self._ca}

    def changed(self, cluster: Mapping[str, Any]) -> None:
        """Tell the cluster's Kubernetes API its settings."""
        self.on_changed(cluster)

    def close(self, cluster: Mapping[str, Any]) -> None:
        """End the cluster's Kubernetes API and forget what was in it."""
        identity = str(cluster["id"])
        with self._guard:
            listener = self._listeners.pop(identity, None)
        if listener is not None:
            listener.close()
        self._documents.delete("port", identity)
        self.on_closed(identity)
