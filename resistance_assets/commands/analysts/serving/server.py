"""The server itself: where it listens, who may ask, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from resistance_assets import interruption
from resistance_assets.errors import UsageFault

if TYPE_CHECKING:
    from resistance_assets.commands.analysts.serving.queries import Limits

TOKEN_VARIABLE = "RESISTANCE_SERVE_TOKEN"
END_SECONDS = 2
LONGEST_HEADERS_BYTES = 16_384


def serve(
    data_dir: Path,
    limits: Limits,
    *,
    host: str,
    port: int,
    names: tuple[str, ...] = (),
    token_file: Path | None = None,
) -> None:
    """Serve the release published last, until a signal ends it.

    Args:
        data_dir: holds the warehouse and the report.
        limits: of each question.
        host, port: where to listen; port 0 takes a free one.
        names: further names under which the server may be asked.
        token_file: file with the token; else `RESISTANCE_SERVE_TOKEN` holds it. Either may be left out on loopback.

    Raises:
        UsageFault: the address cannot be had, or it is of other machines too and there is no token.
        DataFault: nothing was published yet.
    """
    import uvicorn

    from resistance_assets.commands.analysts.serving.access import Token, is_loopback
    from resistance_assets.commands.analysts.serving.app import Site, make_app
    from resistance_assets.commands.analysts.serving.queries import Queries

    secret = read_token(token_file)
    if secret is None and not is_loopback(host):
        raise UsageFault(
            "other machines could ask too, and there is no token",
            subject=f"--host {host}",
            remedy=f"Name a file that holds one with --token-file, or set {TOKEN_VARIABLE}; or leave --host out.",
        )
    release = Queries(data_dir, limits).release()
    listening = _listen(host, port)
    token = Token(secret) if secret is not None else None
    site = Site(data_dir, limits, token)
    app = make_app(site, bound=host, names=(*names, socket.gethostname()))

    class Server(uvicorn.Server):
        """Ends the queries first where a signal asks it to end, and does not send itself the signal once more."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for one, handler in before.items():
                    signal.signal(one, handler)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            super().handle_exit(sig, frame)
            site.cancel_all()

    # One loop and one parser everywhere, not whichever is installed; nothing of a request is logged, so that no query
    # and no token is in a log.
    config = uvicorn.Config(
        app, loop="asyncio", http="h11", ws="none", lifespan="on", log_level="warning", access_log=False,
        server_header=False, proxy_headers=False, limit_concurrency=200, timeout_keep_alive=10,
        timeout_graceful_shutdown=END_SECONDS, h11_max_incomplete_event_size=LONGEST_HEADERS_BYTES,
    )  # fmt: skip
    shown = f"[{host}]" if ":" in host else host
    asks = "with the token" if token else "this machine alone"
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    sys.stdout.write(f"{address} serves release {release}, read-only, {asks}; Ctrl-C ends it\n")
    sys.stdout.flush()
    try:
        Server(config).run(sockets=[listening])
    finally:
        listening.close()
    interruption.requested(wait=1.0)
    interruption.raise_if_requested("the server has ended")


def read_token(file: Path | None) -> str | None:
    """The token, from the file or from the environment; None where neither is there.

    Raises:
        UsageFault: the file cannot be read, or the token is too short to be one.
    """
    from resistance_assets.commands.analysts.serving.access import SHORTEST_TOKEN

    if file is not None:
        subject = f"--token-file {file}"
        try:
            found = file.expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise UsageFault(f"cannot be read: {reason}", subject=subject, remedy="Name another file.") from None
    else:
        # Taken away, so that no child process has it.
        subject, found = TOKEN_VARIABLE, os.environ.pop(TOKEN_VARIABLE, "").strip()
        if not found:
            return None
    if len(found) < SHORTEST_TOKEN or not found.isascii() or not found.isprintable() or " " in found:
        raise UsageFault(
            "is no token",
            subject=subject,
            expected=f"{SHORTEST_TOKEN} letters and digits or more, without spaces",
            remedy="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return found


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise UsageFault(
            f"cannot be listened on: {error.strerror or error}",
            subject=f"{host}, port {port}",
            remedy="Choose another port with --port (0: a free one), or another --host.",
        ) from None
