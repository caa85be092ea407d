"""Serves a KubernetesApi on the loopback without TLS, for playing recordings against it by hand: python dev_server.py [--controllers]."""

from __future__ import annotations

import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.kubernetes import KubernetesApi
from giqplan.sandbox.store import Store
from giqplan.sandbox.wire import Caller, HttpRequest

ADMIN = Caller("admin", "", groups=("system:masters", "system:authenticated"))


def serve(api: KubernetesApi, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            if "-v" in sys.argv:
                print(*args, file=sys.stderr)

        def answer(self) -> None:
            path, _, text = self.path.partition("?")
            query: dict[str, tuple[str, ...]] = {}
            for key, value in parse_qsl(text, keep_blank_values=True):
                query[key] = (*query.get(key, ()), value)
            headers = {k.lower(): v for k, v in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            token = headers.get("authorization", "")
            caller = ADMIN if token == "Bearer admin" or "--open" in sys.argv else None
            response = api.handle(HttpRequest(self.command, unquote(path), query, headers, body, caller))
            if response.status == 500 and api.last_fault:
                print(api.last_fault, file=sys.stderr, flush=True)
                api.last_fault = ""
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if response.stream is not None:
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                for chunk in response.stream:
                    self.wfile.write(chunk)
                    self.wfile.flush()
                return
            data = response.encoded()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 (names of http.server)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    store = Store(Path(tempfile.mkdtemp()) / "sandbox.db")
    live = "--controllers" in sys.argv
    api = KubernetesApi(
        store, Clock(store), "dev", controllers=live, autopilot=live, server_version="1.33.5-gke.1080000", permissions=lambda *_: False
    )
    serve(api, int(sys.argv[1])).serve_forever()


if __name__ == "__main__":
    main()
