"""Requests to hosts: pace, redirects, re-pointing, retries, and what a host may lead a request to.

Here belongs everything between a request and an answer whose body is still unread. What the body must be, and where it
is kept, does not belong here.
"""

from __future__ import annotations

import ipaddress
import os
import queue
import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from resistance_assets.connectors.transport.absent_hosts import AbsentHosts
from resistance_assets.connectors.transport.resource import FailureKind, Resource, failure_kind, transfer_fault
from resistance_assets.errors import Fault, shorten

if TYPE_CHECKING:
    import httpx
    import tenacity

Result = TypeVar("Result")

_MOST_REDIRECTS = 10
LONGEST_URL = 160
"""Characters of an address in a message: queries of hosts come to thousands."""
_SILENCE = frozenset([FailureKind.UNREACHABLE, FailureKind.TOO_SLOW, FailureKind.SERVER_ERROR])


class TransientError(Exception):
    """An attempt that failed in a way that another attempt may mend.

    Attributes:
        fault: what is raised if no attempt mends it.
        retry_after: seconds that the host asks to wait.
        progressed: whether the attempt brought bytes that the next one need not fetch.
        attempts: fewer attempts than usual, where more are of little use.
        host_is_away: whether no connection came about at all, so that the host's other files need not be asked for.
    """

    def __init__(
        self,
        fault: Fault,
        retry_after: float | None = None,
        *,
        progressed: bool = False,
        attempts: int | None = None,
        host_is_away: bool = False,
    ) -> None:
        super().__init__(str(fault))
        self.attempts = attempts
        self.fault = fault
        self.retry_after = retry_after
        self.progressed = progressed
        self.host_is_away = host_is_away

    @property
    def is_silence(self) -> bool:
        """Whether the host gave nothing: a limit of requests is an answer, and what it asks to wait is its affair."""
        return not self.progressed and failure_kind(self.fault) in _SILENCE


def re_point(url: str, host_map: Mapping[str, str]) -> str:
    """Replace the longest prefix of `url` that `host_map` names; a prefix ends where a host or path segment ends."""
    for prefix in sorted(host_map, key=len, reverse=True):
        if _is_below(url, prefix):
            return host_map[prefix].rstrip("/") + url[len(prefix.rstrip("/")) :]
    return url


def _is_below(url: str, prefix: str) -> bool:
    bare = prefix.rstrip("/")
    return url.startswith(bare) and url[len(bare) : len(bare) + 1] in ("", "/", "?")


def retry_after_seconds(header: str | None, *, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a whole or fractional number, or an HTTP date; None if unreadable."""
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def is_private_host(host: str) -> bool:
    """Whether a host name or address is of this machine or of a private network, as far as can be told from here."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # whoever resolves it, a proxy perhaps, is asked later
    return any(not ipaddress.ip_address(str(address[4][0]).partition("%")[0]).is_global for address in found)


class _Pace:
    """Spaces the requests to each host and bounds how many run at once."""

    def __init__(
        self,
        requests_per_second: float,
        per_host: Mapping[str, float],
        concurrency: int,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._default, self._per_host, self._concurrency = requests_per_second, dict(per_host), concurrency
        self._sleep, self._clock = sleep, clock
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._slots: dict[str, threading.BoundedSemaphore] = {}

    @contextmanager
    def turn(self, host: str) -> Iterator[None]:
        with self._lock:
            slots = self._slots.setdefault(host, threading.BoundedSemaphore(self._concurrency))
        with slots:
            with self._lock:
                now = self._clock()
                start = max(now, self._next.get(host, now))
                self._next[host] = start + 1.0 / self._per_host.get(host, self._default)
            if start > now:
                self._sleep(start - now)
            yield


class Connection:
    """Connections to hosts, with their pace and their retries.

    Args: as `LiveTransport`.
    """

    def __init__(
        self,
        *,
        host_map: Mapping[str, str] = {},
        contact: str | None = None,
        attempts: int = 5,
        requests_per_second: float = 3.0,
        host_requests_per_second: Mapping[str, float] = {},
        concurrency: int = 4,
        connect_timeout: float = 15.0,
        read_timeout: float = 60.0,
        answer_timeout: float = 180.0,
        longest_wait: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        absent: AbsentHosts | None = None,
    ) -> None:
        self.host_map = dict(host_map)
        self.contact = contact
        self.attempts = attempts
        self._timeouts = (connect_timeout, read_timeout)
        self._answer_timeout = answer_timeout
        self._longest_wait = longest_wait
        self._sleep = sleep
        self._clock = clock
        self._jitter = random.Random()
        self._pace = _Pace(requests_per_second, host_requests_per_second, concurrency, sleep, clock)
        self._client: httpx.Client | None = None
        self._client_lock = threading.Lock()
        self._absent = AbsentHosts() if absent is None else absent

    def close(self) -> None:
        """Close the connections."""
        with self._client_lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _http(self) -> httpx.Client:
        import httpx

        with self._client_lock:
            if self._client is None:
                connect, read = self._timeouts
                try:
                    self._client = httpx.Client(
                        timeout=httpx.Timeout(read, connect=connect),
                        headers={
                            "User-Agent": f"resistance-warehouse/0.1 ({self.contact or 'no contact given'})",
                            # The bytes on the wire are then those of the file: lengths, ranges and checksums agree.
                            "Accept-Encoding": "identity",
                        },
                        follow_redirects=False,
                        trust_env=True,
                        verify=_certificates(),
                    )
                except (OSError, ValueError, ImportError) as error:
                    raise transfer_fault(
                        FailureKind.UNREACHABLE,
                        f"the proxy or certificate settings cannot be used ({error})",
                        subject="network",
                        remedy="Correct HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE or REQUESTS_CA_BUNDLE",
                    ) from error
            return self._client

    @contextmanager
    def open(self, resource: Resource, method: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """The final answer to a request, its body unread. Redirects are followed here, so that they are re-pointed.

        Raises:
            TransientError: the host did not answer.
            SourceUnavailable: it did not answer a moment ago, or for too long in all; it leads in circles or where it
                must not lead.
        """
        import httpx

        client = self._http()
        host = urlsplit(resource.url).hostname or ""
        if (why := self._absent.why_not(_authority(resource.url), self._clock())) is not None:
            raise transfer_fault(
                FailureKind.UNREACHABLE,
                f"host {host} {why}",
                subject=resource.label,
                remedy="Check the network and the proxy settings, or give a mirror with --mirror",
            )
        try:
            request = client.build_request(
                method, re_point(resource.url, self.host_map), headers=headers, content=resource.body
            )
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise transfer_fault(
                FailureKind.UNREACHABLE,
                f"the URL cannot be used ({error})",
                subject=resource.label,
                remedy="Correct the catalog",
            ) from error
        with self._pace.turn(host):
            response = self._follow(client, request, resource)
            try:
                yield response
            finally:
                response.close()

    def _follow(self, client: httpx.Client, request: httpx.Request, resource: Resource) -> httpx.Response:
        import httpx

        for _ in range(_MOST_REDIRECTS):
            try:
                response = self._send(client, request, resource)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise self._unreachable(resource, request, error) from error
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
                fault = self._unreachable(resource, request, error)
                raise TransientError(fault, attempts=min(3, self.attempts), host_is_away=True) from error
            except httpx.TransportError as error:
                raise TransientError(self._unreachable(resource, request, error)) from error
            if response.next_request is None:
                return response
            response.close()
            before, request = request, response.next_request
            asked_for = str(request.url)
            request.url = httpx.URL(re_point(asked_for, self.host_map))
            request.headers["Host"] = request.url.netloc.decode("ascii")
            self._require_allowed(before, request, asked_for, resource)
        raise transfer_fault(
            FailureKind.LOST_REDIRECT,
            f"ten redirects did not end, the last at {shorten(str(request.url), LONGEST_URL)}",
            subject=resource.label,
            remedy="Look up the present URL and correct the catalog",
        )

    def _send(self, client: httpx.Client, request: httpx.Request, resource: Resource) -> httpx.Response:
        """The answer to one request, its headers read, within `answer_timeout`.

        httpx limits the silence between two reads alone: a host that sends a byte of its headers now and then would be
        waited for without end. The thread that waits for such a host ends with the process.
        """
        answers: queue.SimpleQueue[httpx.Response | BaseException] = queue.SimpleQueue()
        is_late = threading.Event()

        def send() -> None:
            try:
                response = client.send(request, stream=True)
            except BaseException as error:
                answers.put(error)
                return
            answers.put(response)
            if is_late.is_set():
                response.close()

        threading.Thread(target=send, name="request", daemon=True).start()
        try:
            answer = answers.get(timeout=self._answer_timeout)
        except queue.Empty:
            is_late.set()
            fault = transfer_fault(
                FailureKind.TOO_SLOW,
                f"the host did not finish the headers of its answer within {self._answer_timeout:g} s",
                subject=resource.label,
                remedy="Try again later, or fetch it by other means into a mirror",
            )
            raise TransientError(fault, attempts=1) from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _require_allowed(self, before: httpx.Request, after: httpx.Request, asked_for: str, resource: Resource) -> None:
        """Refuse a redirect that leads from https to http, or from outside into a private network, unless configured.

        What the host map names, on either side, is configured; so is the network that a request was sent into already.
        """
        configured = (*self.host_map, *self.host_map.values())
        if any(_is_below(url, prefix) for url in (asked_for, str(after.url)) for prefix in configured):
            return
        problem = None
        if before.url.scheme == "https" and after.url.scheme == "http":
            problem = "from https to http, where anybody on the way can change the bytes"
        elif after.url.host != before.url.host and is_private_host(after.url.host):
            problem = "to an address of this machine or of a private network"
        if problem:
            raise transfer_fault(
                FailureKind.REDIRECT_REFUSED,
                f"the host redirects {problem}: {shorten(str(after.url), LONGEST_URL)}",
                subject=resource.label,
                remedy="If that is right, name the target in RESISTANCE_HOST_MAP (mapped to itself)",
            )

    def _unreachable(self, resource: Resource, request: httpx.Request, error: Exception) -> Fault:
        return transfer_fault(
            FailureKind.UNREACHABLE,
            f"host {request.url.host} cannot be reached ({type(error).__name__}: {error})",
            subject=resource.label,
            remedy="Check the network and the proxy settings, or give a mirror with --mirror",
        )

    def require_answer(self, response: httpx.Response, resource: Resource) -> None:
        """Raise unless the status says that the body is what was asked for.

        Raises:
            TransientError: the host may answer later.
            SourceUnavailable: it will not.
        """
        status = response.status_code
        if status in (200, 203, 206):
            return
        told = f"status {status} from {shorten(str(response.url), LONGEST_URL)}"
        if status == 204:
            raise transfer_fault(
                FailureKind.NO_CONTENT,
                f"{told}: the host has nothing to give for this query",
                subject=resource.label,
                remedy="Check that the accession is public and the query is right",
            )
        if status == 429 or status == 408 or status >= 500:
            kind = FailureKind.RATE_LIMITED if status == 429 else FailureKind.SERVER_ERROR
            wait = retry_after_seconds(response.headers.get("retry-after"), now=datetime.now(UTC))
            asks = f", which asks to wait {wait:g} s" if wait else ""
            fault = transfer_fault(kind, told + asks, subject=resource.label, remedy="Try again later")
            if wait is not None and wait > self._longest_wait:
                raise fault
            raise TransientError(fault, wait)
        if 300 <= status < 400:
            raise transfer_fault(
                FailureKind.LOST_REDIRECT,
                f"{told}: a redirect without a target",
                subject=resource.label,
                remedy="Look up the present URL and correct the catalog",
            )
        meaning = {401: "credentials are wanted", 403: "the host refuses", 404: "there is no such file", 410: "gone"}
        raise transfer_fault(
            FailureKind.REFUSED_OR_GONE,
            f"{told}: {meaning.get(status, 'the host rejects the request')}",
            subject=resource.label,
            remedy="Look up the present URL and correct the catalog",
        )

    def retry(self, resource: Resource, attempt: Callable[[], Result]) -> Result:
        """Run an attempt again while it fails in a way that may pass; waits grow twofold, with jitter.

        Only attempts that bring nothing count: a large file over a poor line may be cut any number of times. Of a host
        that does not answer, attempts and waits are limited over all its files together (`absent_hosts`).
        """
        import tenacity

        fruitless, host, silent_since = 0, _authority(resource.url), self._clock()

        def error_of(state: tenacity.RetryCallState) -> TransientError | None:
            error = state.outcome.exception() if state.outcome else None
            return error if isinstance(error, TransientError) else None

        def count(state: tenacity.RetryCallState) -> None:
            nonlocal fruitless, silent_since
            error = error_of(state)
            if error and error.progressed:
                fruitless, silent_since = 0, self._clock()
            else:
                fruitless += 1

        def stop(state: tenacity.RetryCallState) -> bool:
            error = error_of(state)
            if error and error.is_silence and self._clock() - silent_since >= self._absent.seconds_left(host):
                return True
            return fruitless >= (error.attempts if error and error.attempts else self.attempts)

        def wait(state: tenacity.RetryCallState) -> float:
            error = error_of(state)
            if error and error.retry_after is not None:
                return error.retry_after
            return min(30.0, 2.0 ** max(0, fruitless - 1)) * self._jitter.uniform(0.5, 1.5)

        retrying = tenacity.Retrying(
            after=count,
            stop=stop,
            wait=wait,
            sleep=self._sleep,
            retry=tenacity.retry_if_exception_type(TransientError),
            reraise=True,
        )
        try:
            result = retrying(attempt)
        except TransientError as last:
            if last.is_silence:
                # Several resources of one dead host shall not each wait for it; a host that is slow with one file is
                # asked for the others, as long as it does not take too long in all.
                now = self._clock()
                self._absent.note_silence(host, now - silent_since, now, is_connected=not last.host_is_away)
            raise last.fault from last
        except Fault as fault:
            # A refusal is an answer too.
            if failure_kind(fault) not in _SILENCE:
                self._absent.note_answer(host)
            raise
        self._absent.note_answer(host)
        return result


def _authority(url: str) -> str:
    """Scheme, host and port of a URL: a host may answer https and refuse http, which is another port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _certificates() -> ssl.SSLContext | bool:
    """Certificates of the environment. httpx knows SSL_CERT_FILE; clusters often set the variable of requests alone."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle and not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        folder = os.path.isdir(bundle)
        return ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
    return True
