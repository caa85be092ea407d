"""HTTP/1.1 over TLS on the loopback: one thread a connection, keep-alive, chunked streams. Knows nothing of any API."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from http import HTTPStatus
from io import BufferedReader
from urllib.parse import parse_qsl

from giqplan.sandbox.wire import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]

_MAX_BODY_BYTES = 64 * 2**20
_LAST_ANSWERS_S = 0.5
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Listener:
    """One port. ``port`` is the wanted one when it is free, else one that the system chooses."""

    def __init__(self, handler: Handler, context: ssl.SSLContext, wanted_port: int = 0) -> None:
        self._handler = handler
        self._context = context
        self._connections: set[socket.socket] = set()
        self._guard = threading.Condition()
        self._busy = 0
        self._closed = False
        self._socket = _bind(wanted_port)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, name=f"listen-{self.port}", daemon=True).start()

    def close(self) -> None:
        """Stop listening, let running answers end, and end the connections that are open."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # close alone would not wake the thread that accepts
        self._socket.close()
        with self._guard:
            self._guard.wait_for(lambda: not self._busy, timeout=_LAST_ANSWERS_S)
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._closed:
                connection.close()
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, ssl.SSLError):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(30)
            with self._context.wrap_socket(plain, server_side=True) as connection:
                connection.settimeout(None)
                with self._guard:
                    self._connections.add(connection)
                try:
                    with connection.makefile("rb") as reader:
                        while self._one(connection, reader):
                            pass
                finally:
                    with self._guard:
                        self._connections.discard(connection)

    def _one(self, connection: ssl.SSLSocket, reader: BufferedReader) -> bool:
        """Answer one request; False when the connection is to end."""
        try:
            request = _read(connection, reader)
        except ValueError:
            connection.sendall(_head(HttpResponse(400), 0, close=True))
            return False
        if request is None:
            return False
        with self._guard:
            self._busy += 1
        try:
            return self._respond(connection, request)
        finally:
            with self._guard:
                self._busy -= 1
                self._guard.notify_all()

    def _respond(self, connection: ssl.SSLSocket, request: HttpRequest) -> bool:
        response = self._handler(request)
        close = request.headers.get("connection", "").lower() == "close"
        if response.stream is None:
            body = response.encoded()
            length = len(body)
            if request.method == "HEAD":
                body = b""
            connection.sendall(_head(response, length, close) + body)
        else:
            _send_stream(connection, response, close)
        return not close


def _bind(wanted_port: int) -> socket.socket:
    for port in dict.fromkeys((wanted_port, 0)):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError:
            listening.close()
            continue
        listening.listen(128)
        return listening
    raise OSError("no port of the loopback is free")


def _read(connection: ssl.SSLSocket, reader: BufferedReader) -> HttpRequest | None:
    """The next request; None at the end of the connection; ValueError when it is no HTTP."""
    line = reader.readline(65537).strip()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := reader.readline(65537)) not in (b"\r\n", b"\n", b""):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise ValueError("a header without a colon")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    path, _, query_text = target.partition("?")
    query: dict[str, tuple[str, ...]] = {}
    for key, value in parse_qsl(query_text, keep_blank_values=True):
        query[key] = (*query.get(key, ()), value)
    return HttpRequest(method, path, query, headers, _body(reader, headers))


def _body(reader: BufferedReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int(reader.readline().split(b";")[0], 16):
            parts.append(_exactly(reader, size))
            reader.readline()
        reader.readline()
        return b"".join(parts)
    return _exactly(reader, int(headers.get("content-length", "0")))


def _exactly(reader: BufferedReader, size: int) -> bytes:
    if not 0 <= size <= _MAX_BODY_BYTES:
        raise ValueError(f"a body of {size} bytes")
    data = reader.read(size) if size else b""
    if len(data) != size:
        raise ValueError("the body ended early")
    return data


def _head(response: HttpResponse, length: int | None, close: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, 'Unknown')}"]
    names = {name.lower() for name in response.headers}
    if "content-type" not in names:
        lines.append("Content-Type: application/json; charset=UTF-8")
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _send_stream(connection: ssl.SSLSocket, response: HttpResponse, close: bool) -> None:
    assert response.stream is not None
    try:
        connection.sendall(_head(response, None, close))
        for chunk in response.stream:
            if chunk:
                connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        connection.sendall(b"0\r\n\r\n")
    finally:
        end = getattr(response.stream, "close", None)
        if end is not None:
            end()
