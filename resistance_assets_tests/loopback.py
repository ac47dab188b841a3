"""A host on 127.0.0.1 that answers as it is told, faults included.

Here belongs the server that tests of downloads talk to. Which replies a test scripts belongs to that test.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        body, status, headers: as usual. Content-Length is added unless `framing` says otherwise.
        framing: "length"; "chunked"; or "close" (no length, the end of the connection ends the body).
        cut_after: stop after so many bytes of the body and drop the connection.
        ranges: answer Range requests with 206 and say Accept-Ranges (an If-Range that does not match gets it all).
        conditional: answer If-None-Match and If-Modified-Since with 304 where they match the headers.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: str = "length"
    cut_after: int | None = None
    ranges: bool = False
    conditional: bool = True


@dataclass(frozen=True)
class Request:
    """One request that the host saw; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of many tests and no reason for a traceback."""


class LoopbackHost:
    """Scripted replies by path (query string included); the last one of a script is repeated. Unknown paths get 404."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._scripts: dict[str, list[Reply]] = {}
        self._lock = threading.Lock()
        self._serve(0)

    def _serve(self, port: int) -> None:
        self._server = _QuietServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, path: str, *replies: Reply) -> str:
        """Set the replies of a path, in order, and return its URL."""
        with self._lock:
            self._scripts[path] = list(replies)
        return self.url + path

    def requests_to(self, path: str) -> list[Request]:
        """The requests that a path has seen."""
        return [request for request in self.requests if request.path == path]

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reopen(self) -> None:
        """Serve again at the same port, after `close`."""
        self._serve(self._server.server_address[1])

    def _next(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get(request.path)
            if not script:
                return Reply(b'{"errorMessage":"not found"}', status=404)
            return script.pop(0) if len(script) > 1 else script[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, self.rfile.read(length))
                self.send(request, host._next(request))

            do_GET = do_HEAD = do_POST = answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

            def send(self, request: Request, reply: Reply) -> None:
                own = {name.lower(): value for name, value in reply.headers.items()}
                status, body, extra = reply.status, reply.body, {}
                wanted = request.headers.get("range")
                if status == 200 and reply.conditional and _matches(request.headers, own):
                    status, body = 304, b""
                elif status == 200 and reply.ranges:
                    extra["Accept-Ranges"] = "bytes"
                    current = request.headers.get("if-range") in (None, own.get("etag"), own.get("last-modified"))
                    if wanted and current:
                        first, _, last = wanted.removeprefix("bytes=").partition("-")
                        start, stop = int(first), int(last) + 1 if last else len(body)
                        if start >= len(body):
                            status, body = 416, b""
                        else:
                            extra["Content-Range"] = f"bytes {start}-{min(stop, len(body)) - 1}/{len(body)}"
                            status, body = 206, body[start:stop]
                self.send_response(status)
                for name, value in {**reply.headers, **extra}.items():
                    self.send_header(name, value)
                if status not in (204, 304):
                    if reply.framing == "length":
                        self.send_header("Content-Length", str(len(body)))
                    elif reply.framing == "chunked":
                        self.send_header("Transfer-Encoding", "chunked")
                    else:
                        self.send_header("Connection", "close")
                self.end_headers()
                if self.command == "HEAD" or status in (204, 304):
                    return
                sent = body if reply.cut_after is None else body[: reply.cut_after]
                if reply.framing == "chunked" and sent:
                    sent = f"{len(sent):x}\r\n".encode() + sent + b"\r\n"
                self.wfile.write(sent)
                if reply.framing == "chunked" and reply.cut_after is None:
                    self.wfile.write(b"0\r\n\r\n")
                if reply.cut_after is not None or reply.framing == "close":
                    self.close_connection = True

        return Handler


def _matches(asked: Mapping[str, str], own: Mapping[str, str]) -> bool:
    if "if-none-match" in asked:
        return asked["if-none-match"] == own.get("etag")
    return "if-modified-since" in asked and asked["if-modified-since"] == own.get("last-modified")


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHost]:
    """A running loopback host; a proxy of the environment is not asked for it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    host = LoopbackHost()
    yield host
    host.close()
