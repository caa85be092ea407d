"""A scripted TLS server: what each path answers, in order, and every request that came. The last answer of a path repeats."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from giqplan.model.connection import GOOGLE_ENDPOINTS, Connection

CUT = object()
"""Instead of an answer: the connection ends after the request was read."""
REFRESH_TOKEN = "1//refresh-token-nobody-may-see"


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Script:
    """``on(method, path, *answers)``; an answer is (status, JSON or bytes, headers...) or ``CUT``."""

    base: str
    ca_file: str
    answers: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def on(self, method: str, path: str, *answers: Any) -> None:
        self.answers[method, path] = list(answers)

    def asked(self, path: str = "", method: str = "") -> list[Request]:
        return [r for r in self.requests if path in ("", r.path) and method in ("", r.method) and (path or r.path != "/token")]

    def take(self, request: Request) -> Any:
        with self.guard:
            self.requests.append(request)
            known = self.answers.get((request.method, request.path))
            if known is None:
                return 404, {"error": {"code": 404, "message": f"no {request.path}", "status": "NOT_FOUND"}}
            return known.pop(0) if len(known) > 1 else known[0]

    def connection(self, **changes: Any) -> Connection:
        credentials = {
            "client_id": "client",
            "client_secret": "secret-nobody-may-see",
            "refresh_token": REFRESH_TOKEN,
            "token_uri": f"{self.base}/token",
        }
        values: dict[str, Any] = {
            "world": "sandbox-abc",
            "endpoints": dict.fromkeys(GOOGLE_ENDPOINTS, self.base),
            "ca_file": self.ca_file,
            "credentials": credentials,
        }
        return Connection(**(values | changes))


def handler_of(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            url = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                body = json.loads(raw) if raw else None
            except ValueError:
                body = raw.decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            found = script.take(Request(self.command, url.path, dict(parse_qsl(url.query)), headers, body))
            if found is CUT:
                self.close_connection = True
                return
            status, content, *more = found
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in more:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def do_PATCH(self) -> None:
            self.answer()

        def do_DELETE(self) -> None:
            self.answer()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def google_error(status: int, message: str, name: str = "", reason: str = "") -> tuple[int, dict[str, Any]]:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}] if reason else []
    return status, {"error": {"code": status, "message": message, "status": name, "details": details}}
