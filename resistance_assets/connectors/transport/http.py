"""Resources from their hosts, over HTTP, through a cache that several processes may share.

Here belong retries, resuming, pace, redirects, re-pointing and change probes. What a particular host offers, how its
URLs are made and what its files mean does not belong here: this module knows no source.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from resistance_assets.connectors.formats.gzip import DAMAGE, open_gzip
from resistance_assets.connectors.transport.resource import (
    FailureKind,
    Fetched,
    Probe,
    Progress,
    Resource,
    failure_kind,
    transfer_fault,
)
from resistance_assets.connectors.transport.verification import (
    VerifiedFiles,
    check_content,
    check_declared,
    checksum_fault,
    md5_of,
    sha256_of,
    truncated_fault,
    write_atomically,
)
from resistance_assets.errors import Fault, TransportFault

if TYPE_CHECKING:
    import httpx

_BLOCK = 1 << 20
_REST_SECONDS = 60.0


class _TransientError(Exception):
    """An attempt that failed in a way that another attempt may mend.

    Attributes:
        fault: what is raised if no attempt mends it.
        retry_after: seconds that the host asks to wait.
        progressed: whether the attempt brought bytes that the next one need not fetch.
        attempts: fewer attempts than usual, where more are of little use.
    """

    def __init__(
        self,
        fault: Fault,
        retry_after: float | None = None,
        *,
        progressed: bool = False,
        attempts: int | None = None,
    ) -> None:
        super().__init__(str(fault))
        self.attempts = attempts
        self.fault = fault
        self.retry_after = retry_after
        self.progressed = progressed


def re_point(url: str, host_map: Mapping[str, str]) -> str:
    """Replace the longest prefix of `url` that `host_map` names; a prefix ends where a host or path segment ends."""
    for prefix in sorted(host_map, key=len, reverse=True):
        bare = prefix.rstrip("/")
        if url.startswith(bare) and url[len(bare) : len(bare) + 1] in ("", "/", "?"):
            return host_map[prefix].rstrip("/") + url[len(bare) :]
    return url


def retry_after_seconds(header: str | None, *, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a whole or fractional number, or an HTTP date; None if unreadable."""
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError):
        return None


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


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Exclude every other process and thread that locks the same file. The lock ends with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as handle:
        if os.name == "nt":  # pragma: no cover
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class LiveTransport:
    """Resources from their hosts, through a content-addressed cache.

    The cache holds `files/<sha256>/<name>` (immutable), `requests/<key>.json` (which file answered a request, with its
    validators) and `partial/<key>.part` (a transfer that was cut, resumed by Range). A file enters the cache by rename,
    after verification; a file of the cache is verified again before it is used.

    Args:
        cache_dir: folder of the cache; several processes may share it.
        host_map: URL prefixes to replace, redirect targets included.
        contact: e-mail or URL for the User-Agent.
        offline: serve what the cache holds and never open a connection.
        attempts: tries per request, the first included.
        requests_per_second, host_requests_per_second: pace, by default and by host name as in the URL asked for.
        concurrency: requests that may run at once per host.
        connect_timeout, read_timeout: seconds.
        longest_wait: seconds; a host that asks (Retry-After) for more is reported as unavailable at once.
        sleep, clock: replaceable, so that a test does not wait.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        host_map: Mapping[str, str] = {},
        contact: str | None = None,
        offline: bool = False,
        attempts: int = 5,
        requests_per_second: float = 3.0,
        host_requests_per_second: Mapping[str, float] = {},
        concurrency: int = 4,
        connect_timeout: float = 15.0,
        read_timeout: float = 60.0,
        longest_wait: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cache_dir = Path(cache_dir)
        self.host_map = dict(host_map)
        self.contact = contact
        self.offline = offline
        self._attempts = attempts
        self._timeouts = (connect_timeout, read_timeout)
        self._longest_wait = longest_wait
        self._sleep = sleep
        self._jitter = random.Random()
        self._pace = _Pace(requests_per_second, host_requests_per_second, concurrency, sleep, clock)
        self._verified = VerifiedFiles()
        self._client: httpx.Client | None = None
        self._client_lock = threading.Lock()
        self._clock = clock
        self._unreachable_until: dict[str, float] = {}

    def describe(self) -> str:
        """One line: live or cache only, where the cache is, which prefixes are re-pointed."""
        mode = "cache only, offline" if self.offline else "live hosts"
        mapped = "".join(f", {old} -> {new}" for old, new in self.host_map.items())
        return f"{mode}, cache {self.cache_dir}{mapped}"

    def close(self) -> None:
        """Close the connections."""
        with self._client_lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def __enter__(self) -> LiveTransport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Fetch

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """The file, from the cache if the host confirms it unchanged (or its declared checksum is there), else anew.

        `progress(bytes_so_far, bytes_in_all or None)` is called as bytes arrive. Raises as `Transport.fetch`.
        """
        try:
            with _locked(self.cache_dir / "locks" / f"{resource.key}.lock"):
                cached = self._cached(resource)
                # A file that bears its published checksum is the one asked for, whatever the host would say.
                if cached is not None and (self.offline or resource.sha256 == cached.sha256 or resource.md5):
                    return cached
                if self.offline:
                    raise transfer_fault(
                        FailureKind.OFFLINE,
                        "the network is not to be used and the cache does not hold it",
                        subject=resource.label,
                        remedy="Run once with network access, or give a mirror with --mirror",
                    )
                return self._with_retries(resource, lambda: self._attempt(resource, cached, progress))
        except OSError as error:
            raise transfer_fault(
                FailureKind.CACHE_UNUSABLE,
                f"the download cache {self.cache_dir} cannot be written ({error.strerror or error})",
                subject=resource.label,
                remedy="Free some space or correct its permissions, or set RESISTANCE_DATA_DIR to another place",
            ) from error

    def _cached(self, resource: Resource) -> Fetched | None:
        """What the cache holds for a request, if it is intact and is what the resource now declares."""
        record_path = self.cache_dir / "requests" / f"{resource.key}.json"
        try:
            record = json.loads(record_path.read_text("utf-8"))
            path = self.cache_dir / "files" / record["sha256"] / record["file"]
            if self._verified.sha256(path) != record["sha256"]:
                path.unlink()
                return None
            check_declared(path, resource, sha256=record["sha256"])
            self._verified.content(path, resource)
            return Fetched(
                resource=resource,
                path=path,
                sha256=record["sha256"],
                size_bytes=path.stat().st_size,
                content_type=record["content_type"],
                etag=record["etag"],
                last_modified=record["last_modified"],
                retrieved_at=datetime.fromisoformat(record["retrieved_at"]),
                resolved_url=record["resolved_url"],
                transport="live",
            )
        except (OSError, ValueError, KeyError, TransportFault):
            return None

    def _attempt(self, resource: Resource, cached: Fetched | None, progress: Progress | None) -> Fetched:
        part = self.cache_dir / "partial" / f"{resource.key}.part"
        notes = part.with_suffix(".json")
        part.parent.mkdir(parents=True, exist_ok=True)
        offset, validator = _resumable(part, notes)
        headers: dict[str, str] = {}
        if offset and validator:
            headers = {"Range": f"bytes={offset}-", "If-Range": validator}
        elif cached is not None and resource.method == "GET":
            if cached.etag:
                headers["If-None-Match"] = cached.etag
            if cached.last_modified:
                headers["If-Modified-Since"] = cached.last_modified
        with self._open(resource, resource.method, headers) as response:
            if response.status_code == 304 and cached is not None:
                return cached
            if response.status_code == 416:
                _discard(part, notes)
                raise _TransientError(
                    transfer_fault(
                        FailureKind.TRUNCATED,
                        "the host cannot resume the transfer",
                        subject=resource.label,
                        remedy="Fetch it again",
                    )
                )
            self._check_status(response, resource)
            resumed = response.status_code == 206 and _range_start(response) == offset
            if response.status_code == 206 and not resumed:
                _discard(part, notes)
                raise _TransientError(
                    transfer_fault(
                        FailureKind.TRUNCATED,
                        "the host sent another part of the file than the one asked for",
                        subject=resource.label,
                        remedy="Fetch it again",
                    )
                )
            self._save(response, resource, part, notes, offset if resumed else 0, progress)
            return self._accept(response, resource, part, notes)

    def _save(
        self,
        response: httpx.Response,
        resource: Resource,
        part: Path,
        notes: Path,
        offset: int,
        progress: Progress | None,
    ) -> None:
        """Write the body to the part file as it arrives; a cut leaves the part and what is needed to resume it."""
        import httpx

        length = response.headers.get("content-length")
        total = offset + int(length) if length and length.isdigit() else None
        etag, modified = response.headers.get("etag"), response.headers.get("last-modified")
        strong = etag if etag and not etag.startswith("W/") else modified
        resumable = response.headers.get("accept-ranges") == "bytes" or response.status_code == 206
        write_atomically(notes, json.dumps({"validator": strong if resumable else None}))
        done = offset
        try:
            with part.open("r+b" if offset else "wb") as handle:
                handle.seek(offset)
                handle.truncate()
                for block in response.iter_raw():
                    handle.write(block)
                    done += len(block)
                    if progress:
                        progress(done, total)
        except httpx.TransportError as error:
            if not (resumable and strong):
                _discard(part, notes)
            raise _TransientError(
                transfer_fault(
                    FailureKind.TRUNCATED,
                    f"the transfer was cut after {done} bytes ({error or type(error).__name__})",
                    subject=resource.label,
                    expected=f"{total} bytes" if total is not None else None,
                    remedy="Try again later: the part that arrived is kept where the host can resume",
                ),
                progressed=bool(resumable and strong) and done > offset,
            ) from error
        if total is not None and done != total:
            _discard(part, notes)
            raise _TransientError(
                transfer_fault(
                    FailureKind.TRUNCATED,
                    f"{done} bytes were received",
                    subject=resource.label,
                    expected=f"{total} bytes",
                    remedy="Try again later",
                )
            )

    def _accept(self, response: httpx.Response, resource: Resource, part: Path, notes: Path) -> Fetched:
        """Verify a complete part file and move it into the cache."""
        try:
            self._check_header_md5(part, response, resource)
            _undo_content_encoding(part, response, resource)
            sha256 = sha256_of(part)
            check_content(part, resource)
            check_declared(part, resource, sha256=sha256)
        except TransportFault as fault:
            _discard(part, notes)
            kind = failure_kind(fault)
            if kind in (FailureKind.TRUNCATED, FailureKind.EMPTY_FILE):
                raise _TransientError(fault) from fault
            if kind in (FailureKind.CHECKSUM_MISMATCH, FailureKind.MARKER_MISSING):
                # Garbled on the way, or a new release: a second look tells which.
                raise _TransientError(fault, attempts=min(2, self._attempts)) from fault
            raise  # asking again for a page of HTML only provokes the host further
        name = _file_name(resource.url)
        target = self.cache_dir / "files" / sha256 / name
        target.parent.mkdir(parents=True, exist_ok=True)
        size = part.stat().st_size
        os.replace(part, target)
        notes.unlink(missing_ok=True)
        fetched = Fetched(
            resource=resource,
            path=target,
            sha256=sha256,
            size_bytes=size,
            content_type=response.headers.get("content-type"),
            etag=response.headers.get("etag"),
            last_modified=response.headers.get("last-modified"),
            retrieved_at=datetime.now(UTC),
            resolved_url=str(response.url),
            transport="live",
        )
        record = {
            name: value
            for name, value in asdict(fetched).items()
            if name in ("sha256", "content_type", "etag", "last_modified", "resolved_url")
        }
        record |= {"url": resource.url, "file": target.name, "retrieved_at": fetched.retrieved_at.isoformat()}
        write_atomically(self.cache_dir / "requests" / f"{resource.key}.json", json.dumps(record, indent=1))
        return fetched

    def _check_header_md5(self, part: Path, response: httpx.Response, resource: Resource) -> None:
        published = _md5_of_headers(response)
        # The header speaks of the whole file, a resumed answer may speak of the part that it carries.
        if published and response.status_code == 200 and (found := md5_of(part)) != published:
            raise checksum_fault(resource.label, "md5 (as the host's header gives it)", found, published)

    # Probe

    def probe(self, resource: Resource) -> Probe:
        """A change token: published checksum header, else ETag, else Last-Modified and length, else the bytes' sha256.

        Asks with HEAD, then with a GET of the first byte where HEAD is refused or tells nothing; downloads only where
        neither carries a token. Raises as `Transport.probe`.
        """
        if self.offline:
            raise transfer_fault(
                FailureKind.OFFLINE,
                "the network is not to be used, so whether it changed cannot be told",
                subject=resource.label,
                remedy="Probe with network access",
            )
        if resource.method == "GET":
            for method, headers in (("HEAD", {}), ("GET", {"Range": "bytes=0-0"})):
                found = self._with_retries(resource, lambda m=method, h=headers: self._look(resource, m, h))
                if found is not None:
                    return found
        fetched = self.fetch(resource)
        return Probe(resource.url, fetched.sha256, "sha256_of_body", {"bytes": str(fetched.size_bytes)})

    def _look(self, resource: Resource, method: str, headers: dict[str, str]) -> Probe | None:
        with self._open(resource, method, headers) as response:
            if method == "HEAD" and 400 <= response.status_code < 500 and response.status_code != 429:
                return None  # some hosts refuse HEAD for what they serve by GET
            self._check_status(response, resource)
            html = "html" in response.headers.get("content-type", "")
            if html and resource.content != "html":
                return None  # perhaps a page in place of the data: only the bytes can tell
            names = ("etag", "last-modified", "content-length", "content-range", "content-type")
            details = {name: response.headers[name] for name in names if name in response.headers}
            length = details.get("content-range", "").rpartition("/")[2] or details.get("content-length", "")
            modified = details.get("last-modified")
            md5 = _md5_of_headers(response) if response.status_code == 200 else None
            if md5:
                return Probe(resource.url, f"md5:{md5}", "published_checksum", details)
            if details.get("etag"):
                return Probe(resource.url, details["etag"].removeprefix("W/"), "etag", details)
            if modified and length.isdigit():
                return Probe(resource.url, f"{modified};{length}", "last_modified_and_length", details)
            return None

    # Requests

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
    def _open(self, resource: Resource, method: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """The final answer to a request, its body unread. Redirects are followed here, so that they are re-pointed."""
        import httpx

        client = self._http()
        request = client.build_request(
            method, re_point(resource.url, self.host_map), headers=headers, content=resource.body
        )
        host = urlsplit(resource.url).hostname or ""
        if self._clock() < self._unreachable_until.get(host, 0.0):
            raise transfer_fault(
                FailureKind.UNREACHABLE,
                f"host {host} could not be reached a moment ago",
                subject=resource.label,
                remedy="Check the network and the proxy settings, or give a mirror with --mirror",
            )
        with self._pace.turn(host):
            for _ in range(10):
                try:
                    response = client.send(request, stream=True)
                except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                    raise self._unreachable(resource, request, error) from error
                except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
                    fault = self._unreachable(resource, request, error)
                    raise _TransientError(fault, attempts=min(3, self._attempts)) from error
                except httpx.TransportError as error:
                    raise _TransientError(self._unreachable(resource, request, error)) from error
                if response.next_request is None:
                    break
                response.close()
                request = response.next_request
                request.url = httpx.URL(re_point(str(request.url), self.host_map))
                request.headers["Host"] = request.url.netloc.decode("ascii")
            else:
                raise transfer_fault(
                    FailureKind.LOST_REDIRECT,
                    f"ten redirects did not end, the last at {request.url}",
                    subject=resource.label,
                    remedy="Look up the present URL and correct the catalog",
                )
            try:
                yield response
            finally:
                response.close()

    def _unreachable(self, resource: Resource, request: httpx.Request, error: Exception) -> Fault:
        return transfer_fault(
            FailureKind.UNREACHABLE,
            f"host {request.url.host} cannot be reached ({type(error).__name__}: {error})",
            subject=resource.label,
            remedy="Check the network and the proxy settings, or give a mirror with --mirror",
        )

    def _check_status(self, response: httpx.Response, resource: Resource) -> None:
        status = response.status_code
        if status in (200, 203, 206):
            return
        told = f"status {status} from {response.url}"
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
            raise _TransientError(fault, wait)
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

    def _with_retries(self, resource: Resource, attempt: Callable[[], Any]) -> Any:
        """Run an attempt again while it fails in a way that may pass; waits grow twofold, with jitter.

        Only attempts that bring nothing count: a large file over a poor line may be cut any number of times.
        """
        import tenacity

        host = urlsplit(resource.url).hostname or ""
        fruitless = 0

        def error_of(state: tenacity.RetryCallState) -> _TransientError | None:
            error = state.outcome.exception() if state.outcome else None
            return error if isinstance(error, _TransientError) else None

        def count(state: tenacity.RetryCallState) -> None:
            nonlocal fruitless
            error = error_of(state)
            fruitless = 0 if error and error.progressed else fruitless + 1

        def stop(state: tenacity.RetryCallState) -> bool:
            error = error_of(state)
            return fruitless >= (error.attempts if error and error.attempts else self._attempts)

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
            retry=tenacity.retry_if_exception_type(_TransientError),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _TransientError as last:
            if failure_kind(last.fault) is FailureKind.UNREACHABLE:
                # Several resources of one dead host shall not each wait for it.
                self._unreachable_until[host] = self._clock() + _REST_SECONDS
            raise last.fault from last


def _certificates() -> ssl.SSLContext | bool:
    """Certificates of the environment. httpx knows SSL_CERT_FILE; clusters often set the variable of requests alone."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle and not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        folder = os.path.isdir(bundle)
        return ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
    return True


def _resumable(part: Path, notes: Path) -> tuple[int, str | None]:
    """Bytes of a part that may be resumed, and the validator to resume it with."""
    try:
        validator = json.loads(notes.read_text("utf-8"))["validator"]
        return (part.stat().st_size, validator) if validator else (0, None)
    except (OSError, ValueError, KeyError):
        return 0, None


def _discard(part: Path, notes: Path) -> None:
    part.unlink(missing_ok=True)
    notes.unlink(missing_ok=True)


def _range_start(response: httpx.Response) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _md5_of_headers(response: httpx.Response) -> str | None:
    """Hexadecimal MD5 of the file as Content-MD5 or x-goog-hash publish it (base64 of 16 bytes)."""
    hashes = response.headers.get("x-goog-hash", "")
    encoded = response.headers.get("content-md5") or next(
        (item.strip()[4:] for item in hashes.split(",") if item.strip().startswith("md5=")), None
    )
    if not encoded:
        return None
    try:
        digest = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return digest.hex() if len(digest) == 16 else None


def _undo_content_encoding(part: Path, response: httpx.Response, resource: Resource) -> None:
    """Decompress a body that a host compressed unasked; a file that is itself gzip stays as it is."""
    encoding = response.headers.get("content-encoding", "").lower()
    is_file = resource.content in ("gzip", "tar.gz") or urlsplit(resource.url).path.endswith((".gz", ".tgz"))
    if encoding not in ("gzip", "x-gzip") or is_file:
        return
    plain = part.with_suffix(".plain")
    try:
        with open_gzip(part) as source, plain.open("wb") as target:
            for block in iter(lambda: source.read(_BLOCK), b""):
                target.write(block)
    except DAMAGE as error:
        plain.unlink(missing_ok=True)
        raise truncated_fault(resource, "compressed answer", error, "Try again later") from error
    os.replace(plain, part)


def _file_name(url: str) -> str:
    """A safe file name that ends as the URL does, so that a person and a parser see what it is."""
    last = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]", "_", last).lstrip(".")[-120:] or "body"
