"""E-mail goes to servers that show who they are, and a password never goes in the clear."""

from __future__ import annotations

import smtplib
import socketserver
import ssl
import threading
from collections.abc import Iterator

import pytest

from resistance_assets.orchestration import messages
from resistance_assets.orchestration.messages import Channels, send


class PlainServer(socketserver.ThreadingTCPServer):
    """An SMTP server without TLS that takes every message; `heard` holds the lines of the clients."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[str] = []
        super().__init__(("127.0.0.1", 0), _Talk)


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        in_message = False
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            self.server.heard.append(line)  # pyright: ignore[reportAttributeAccessIssue]
            if in_message:
                if line == ".":
                    in_message = False
                    self.wfile.write(b"250 taken\r\n")
            elif line.lower().startswith("ehlo"):
                self.wfile.write(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n")
            elif line.lower() == "data":
                in_message = True
                self.wfile.write(b"354 go on\r\n")
            elif line.lower().startswith("auth"):
                self.wfile.write(b"235 good\r\n")
            elif line.lower() == "quit":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 good\r\n")


@pytest.fixture
def server() -> Iterator[PlainServer]:
    with PlainServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def problems(server: PlainServer, login: str = "") -> list[str]:
    channels = Channels(recipients=("a@lab.org",), smtp=f"smtp://{login}127.0.0.1:{server.server_address[1]}")
    return list(send(channels, "a subject", "a text", {}))


def test_a_message_arrives_by_a_plain_server(server):
    assert problems(server) == []
    assert "Subject: a subject" in server.heard
    assert "a text" in server.heard


def test_a_password_is_not_sent_without_tls_but_to_this_machine(server, monkeypatch):
    assert problems(server, "lab:secret@") == []
    assert any(line.startswith("AUTH") for line in server.heard)
    monkeypatch.setattr(messages, "LOCAL_HOSTS", frozenset())
    server.heard.clear()
    [problem] = problems(server, "lab:secret@")
    assert "offers no TLS, and a password is not sent in the clear" in problem
    assert not any(line.startswith("AUTH") for line in server.heard)


def test_smtps_asks_for_a_certificate_of_the_host(monkeypatch):
    asked: list[ssl.SSLContext] = []

    def connect(host, port, *, timeout, context):
        asked.append(context)
        raise smtplib.SMTPConnectError(421, "not today")

    monkeypatch.setattr(smtplib, "SMTP_SSL", connect)
    [problem] = send(Channels(recipients=("a@lab.org",), smtp="smtps://mail.lab.org"), "s", "t", {})
    assert "not today" in problem
    assert asked[0].verify_mode is ssl.CERT_REQUIRED
    assert asked[0].check_hostname
