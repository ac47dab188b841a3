"""Who may ask the server: checks of the Host header, of the page that asks and of the token; headers of answers."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resistance_assets.commands.analysts.serving.documents import error_document

COOKIE = "resistance_session"
LOGIN = "/login"
SHORTEST_TOKEN = 16
# What the page of the login needs; it tells nothing of the data.
_OPEN_TO_ALL = (LOGIN, "/assets/style.css", "/assets/icon.svg")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

HEADERS = {
    # Figures set styles of their elements; nothing else than files of this server is ever loaded or run.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Token:
    """The secret that a caller must know, and the cookie that stands for it in a browser.

    The cookie is derived with a key of this process: who reads it has no token, and it ends with the server.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.cookie = hmac.new(secrets.token_bytes(32), self._secret, hashlib.sha256).hexdigest()

    def is_right(self, offered: str) -> bool:
        return hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), self._secret)

    def is_known(self, headers: Headers) -> bool:
        """Whether a request carries the token, or the cookie that was given for it."""
        kind, _, offered = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.is_right(offered.strip())
        try:
            held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return held is not None and hmac.compare_digest(held.value.encode(), self.cookie.encode())

    def __repr__(self) -> str:
        return "Token(...)"


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(header: str) -> str | None:
    """The name in a Host header without its port; None where it is none."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return None
    if not header or parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return parts.hostname


class Gate:
    """ASGI middleware: a request goes through where host, origin and token are right; every answer gets `HEADERS`.

    Args:
        app: what answers.
        bound: address that the server listens on.
        names: further names under which it may be asked.
        token: None where nobody has to show one.
    """

    def __init__(self, app: ASGIApp, *, bound: str, names: Iterable[str] = (), token: Token | None = None) -> None:
        self.app, self.token = app, token
        self.names = _LOOPBACK_NAMES | {bound.lower(), *(name.lower() for name in names)}
        self.is_loopback = is_loopback(bound)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # No websockets here; the messages of start and end go through.
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path = Headers(scope=scope), scope["path"]
        if not self._is_host_known(headers.getlist("host")):
            return _refuse(
                421,
                "the Host header names another machine",
                "Ask under the address that the server printed, or start it with --allow-host NAME.",
            )
        if not _is_own_page(headers) and not (scope["method"] == "GET" and _is_navigation(headers)):
            return _refuse(403, "another site asks", "Open the pages of this server and ask from there.")
        if self.token is None or path in _OPEN_TO_ALL or self.token.is_known(headers):
            return None
        if path.startswith("/api/"):
            refusal = _refuse(401, "the token is missing or wrong", "Send `Authorization: Bearer TOKEN`.")
            refusal.headers["www-authenticate"] = "Bearer"
            return refusal
        return login_page(401)

    def _is_host_known(self, given: list[str]) -> bool:
        if len(given) != 1:
            return False
        host = host_of(given[0])
        if host is None:
            return False
        if host in self.names:
            return True
        # A number cannot be made to point elsewhere, as a name can.
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return not self.is_loopback


def _is_own_page(headers: Headers) -> bool:
    """Whether a request comes from a page of this server, from the address bar, or from no browser at all."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _is_navigation(headers: Headers) -> bool:
    """Whether a link on another site leads a person to a page, which shows nothing to that site."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _refuse(status: int, problem: str, remedy: str) -> JSONResponse:
    return JSONResponse(error_document(problem, remedy), status)


def login_page(status: int = 200, told: str = "") -> HTMLResponse:
    """The page that asks for the token."""
    from resistance_assets.commands.analysts.serving.documents import template

    return HTMLResponse(template("login.html").render(told=told), status)
