"""How bytes get here: a URL in, a verified file out, from a live host or from an offline mirror.

Here belong fetching, resuming, retrying, verifying, caching and probing for change. What a particular host offers, how
its URLs are made and what its files mean does not belong here: this module knows no source.

The ways in which public hosts hand over something other than the file asked for are listed in `FailureKind`; the
message of every fault raised here starts with its kind. Bytes that are wrong raise `TransportFault`; a host that
refuses, is gone, is overloaded or cannot be reached raises `SourceUnavailable`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import unquote, urlsplit

from resistance_assets.catalog.faults import CatalogFault, Fault, SourceUnavailable, TransportFault
from resistance_assets.origins.archives import iterate_members

if TYPE_CHECKING:
    import httpx

Content = Literal["gzip", "tar.gz", "tar", "zip", "json", "xml", "html", "text", "tsv", "any"]
Progress = Callable[[int, "int | None"], None]

_BLOCK = 1 << 20
_REST_SECONDS = 60.0
_LFS_PREFIX = "version https://git-lfs.github.com/spec/"


class FailureKind(Enum):
    """How a transfer goes wrong. The first nine are those that public clients of these hosts report time and again."""

    HTML_PAGE = "html_page"  # status 200, and a page (captcha, maintenance, error) in place of the data
    EMPTY_OR_ERROR_JSON = "empty_or_error_json"  # status 200, and `{}` or an object that only tells of an error
    NO_CONTENT = "no_content"  # status 204
    LOST_REDIRECT = "lost_redirect"  # a redirect that leads nowhere, or in circles
    REFUSED_OR_GONE = "refused_or_gone"  # 401, 403, 404, 410 and other answers that asking again does not change
    RATE_LIMITED = "rate_limited"  # 429, after waiting as long as the host asked
    TRUNCATED = "truncated"  # fewer bytes than declared, or a gzip, tar or zip that ends early
    PAGES_MISSING = "pages_missing"  # fewer items than the host says there are
    STORAGE_ERROR_XML = "storage_error_xml"  # an object store's <Error> document in place of the file
    EMPTY_FILE = "empty_file"  # status 200 and no byte at all
    CHECKSUM_MISMATCH = "checksum_mismatch"
    SIZE_MISMATCH = "size_mismatch"  # more bytes than declared
    GIT_LFS_POINTER = "git_lfs_pointer"  # the pointer in place of the file
    WRONG_FORMAT = "wrong_format"
    MARKER_MISSING = "marker_missing"
    SERVER_ERROR = "server_error"  # 5xx, after retries
    UNREACHABLE = "unreachable"  # DNS, connection, TLS, timeout, after retries
    NOT_LISTED = "not_listed"  # the mirror does not have it
    FILE_MISSING = "file_missing"  # the mirror lists it and does not hold it
    CACHE_UNUSABLE = "cache_unusable"  # disk full, no permission
    OFFLINE = "offline"  # not in the cache, and the network is not to be used


def failure_kind(fault: Fault) -> FailureKind | None:
    """The kind that the message of a fault names, or None for a fault that does not come from a transport."""
    name = fault.problem.partition(":")[0]
    return next((kind for kind in FailureKind if kind.value == name), None)


@dataclass(frozen=True)
class Resource:
    """What to fetch, and what its bytes must be.

    Attributes:
        url: absolute http or https URL, query string included.
        method, body: the request. The body of a POST is part of the identity of the resource.
        sha256, md5, size_bytes: published values; each that is given is verified.
        content: format of the bytes. gzip, tar and zip are read to the end; JSON is parsed; "tsv" needs a tab in its
            first line; "html" is the only one for which a page of HTML is accepted.
        markers: texts that must occur: in the (decompressed) bytes, or in the member names of a tar or zip.
        name: what people call it, for messages; the URL where it is empty.
    """

    url: str
    method: str = "GET"
    body: bytes | None = None
    sha256: str | None = None
    md5: str | None = None
    size_bytes: int | None = None
    content: Content = "any"
    markers: tuple[str, ...] = ()
    name: str = ""

    @property
    def label(self) -> str:
        """What messages call this resource."""
        return f"{self.name} ({self.url})" if self.name else self.url

    @property
    def key(self) -> str:
        """Hexadecimal identity of the request: method, URL and body."""
        return hashlib.sha256(b"\0".join([self.method.encode(), self.url.encode(), self.body or b""])).hexdigest()


@dataclass(frozen=True)
class Fetched:
    """A verified file and where it came from; `resolved_url` answered, after redirects and re-pointing."""

    resource: Resource
    path: Path
    sha256: str
    size_bytes: int
    content_type: str | None
    etag: str | None
    last_modified: str | None
    retrieved_at: datetime
    resolved_url: str
    transport: Literal["mirror", "live"]


ProbeBasis = Literal["published_checksum", "etag", "last_modified_and_length", "sha256_of_body"]


@dataclass(frozen=True)
class Probe:
    """What a look at a source found: two probes with equal `basis` and `token` saw the same bytes."""

    url: str
    token: str
    basis: ProbeBasis
    details: dict[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """One way of getting resources."""

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """The verified file. Raises TransportFault (wrong bytes) or SourceUnavailable (no bytes)."""
        ...

    def probe(self, resource: Resource) -> Probe:
        """A change token, as cheaply as the host allows. Raises as `fetch` does; never answers "unchanged" unseen."""
        ...

    def describe(self) -> str:
        """One line for people: where bytes come from."""
        ...


def require_all_pages(received: int, declared: int, *, subject: str) -> None:
    """Raise TransportFault unless a paged answer yielded every item that the host declares.

    Hosts cap pages without saying so (25 rows by default, none above a limit, the last page repeated), so a connector
    that reads pages ends with this check.
    """
    if received != declared:
        raise _fault(
            FailureKind.PAGES_MISSING,
            f"{received} items were received of the {declared} that the host declares",
            subject=subject,
            remedy="Ask for smaller pages and try again",
        )


def _fault(
    kind: FailureKind, problem: str, *, subject: str, remedy: str, expected: str | None = None, place: str | None = None
) -> Fault:
    unavailable = {
        FailureKind.NO_CONTENT,
        FailureKind.REFUSED_OR_GONE,
        FailureKind.RATE_LIMITED,
        FailureKind.SERVER_ERROR,
        FailureKind.UNREACHABLE,
        FailureKind.NOT_LISTED,
        FailureKind.CACHE_UNUSABLE,
        FailureKind.OFFLINE,
    }
    fault_type = SourceUnavailable if kind in unavailable else TransportFault
    return fault_type(f"{kind.value}: {problem}", subject=subject, remedy=remedy, expected=expected, place=place)


# Verification ---------------------------------------------------------------------------------------------------------


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _md5_of(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def check_content(path: Path, resource: Resource) -> None:
    """Raise TransportFault unless the file is what `resource.content` and `resource.markers` ask for.

    gzip, tar.gz, tar and zip are read to their end, because a transfer without a declared length may stop anywhere.
    """
    size = path.stat().st_size
    again = "Fetch it again; if it stays so, open the URL in a browser to see what the host now sends"
    if size == 0:
        raise _fault(FailureKind.EMPTY_FILE, "the host sent no byte", subject=resource.label, remedy=again)
    with path.open("rb") as handle:
        head = handle.read(4096)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    opening = start[:512].lower()
    excerpt = " ".join(re.sub(r"<[^>]*>", " ", start[:400].decode("utf-8", "replace")).split())[:80]
    if (opening.startswith((b"<!doctype html", b"<html")) or b"<html" in opening) and resource.content != "html":
        raise _fault(
            FailureKind.HTML_PAGE,
            f"a web page came in place of the data: {excerpt!r}",
            subject=resource.label,
            expected=resource.content,
            remedy="The host is blocking automated requests, is under maintenance, or has moved the file: "
            "open the URL in a browser",
        )
    if opening.startswith((b"<?xml", b"<error")) and b"<error" in opening:
        raise _fault(
            FailureKind.STORAGE_ERROR_XML,
            f"an error document of the object store came in place of the file: {excerpt!r}",
            subject=resource.label,
            expected=resource.content,
            remedy="The file has moved or is no longer public: look up its present URL and correct the catalog",
        )
    wants_pointer = any(marker.startswith(_LFS_PREFIX) for marker in resource.markers)
    if head.startswith(_LFS_PREFIX.encode()) and size < 1024 and not wants_pointer:
        raise _fault(
            FailureKind.GIT_LFS_POINTER,
            f"a git-lfs pointer of {size} bytes came in place of the file",
            subject=resource.label,
            remedy="Ask the media host of the repository for the file, not the raw host",
        )
    missing = [marker.encode() for marker in resource.markers]
    match resource.content:
        case "gzip":
            missing = _absent_from_gzip(path, resource, head, missing, again)
        case "tar.gz" | "tar" | "zip":
            missing = _absent_from_archive(path, resource, head, missing, again)
        case _:
            if resource.content == "json":
                _check_json(path, resource, again)
            if resource.content == "xml" and not start.startswith(b"<"):
                raise _wrong_format(resource, "the file does not start with <", again)
            if resource.content in ("text", "tsv") and b"\0" in head:
                raise _wrong_format(resource, "the file is binary", again)
            if resource.content == "tsv" and b"\t" not in head.partition(b"\n")[0]:
                raise _wrong_format(resource, f"the first line has no tab: {excerpt!r}", again)
            if missing:
                with path.open("rb") as handle:
                    missing = _absent(iter(lambda: handle.read(_BLOCK), b""), missing)
    if missing:
        raise _fault(
            FailureKind.MARKER_MISSING,
            f"the text {missing[0].decode()!r} does not occur in the {size} bytes received",
            subject=resource.label,
            remedy="The file is cut short or its layout has changed: fetch it again, then look at its end",
        )


def _wrong_format(resource: Resource, problem: str, remedy: str) -> Fault:
    return _fault(FailureKind.WRONG_FORMAT, problem, subject=resource.label, expected=resource.content, remedy=remedy)


def _absent(blocks: Iterator[bytes], markers: list[bytes]) -> list[bytes]:
    """The markers that do not occur; every block is read, so that decompression reaches the end of its input."""
    keep = max((len(marker) for marker in markers), default=1) - 1
    tail = b""
    for block in blocks:
        if markers:
            window = tail + block
            markers = [marker for marker in markers if marker not in window]
            tail = window[len(window) - keep :] if keep else b""
    return markers


def _truncated(resource: Resource, what: str, error: Exception | str, remedy: str) -> Fault:
    return _fault(
        FailureKind.TRUNCATED, f"the {what} ends early or is damaged ({error})", subject=resource.label, remedy=remedy
    )


def _absent_from_gzip(path: Path, resource: Resource, head: bytes, markers: list[bytes], remedy: str) -> list[bytes]:
    if not head.startswith(b"\x1f\x8b"):
        raise _wrong_format(resource, f"the file does not start as gzip does but with {head[:12]!r}", remedy)
    try:
        with gzip.open(path, "rb") as handle:
            return _absent(iter(lambda: handle.read(_BLOCK), b""), markers)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _truncated(resource, "gzip file", error, remedy) from error


def _absent_from_archive(path: Path, resource: Resource, head: bytes, markers: list[bytes], remedy: str) -> list[bytes]:
    starts = {"tar.gz": head[:2] == b"\x1f\x8b", "tar": b"ustar" in head[257:265], "zip": head[:2] == b"PK"}
    if not starts[resource.content]:
        raise _wrong_format(resource, f"the file starts with {head[:12]!r}", remedy)
    try:
        names = [member.name for member in iterate_members(path)]
    except TransportFault as fault:
        raise _truncated(resource, "archive", fault.problem, remedy) from fault
    if not names:
        raise _wrong_format(resource, "the archive has no member", remedy)
    listing = "\n".join(names).encode()
    return [marker for marker in markers if marker not in listing]


def _check_json(path: Path, resource: Resource, remedy: str) -> None:
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise _truncated(resource, "JSON text", error, remedy) from error
    if value == {}:
        raise _fault(
            FailureKind.EMPTY_OR_ERROR_JSON,
            "the answer is an empty object",
            subject=resource.label,
            remedy="Check the accession and its spelling, capitals included: hosts answer so for one they do not know",
        )
    message = _error_in(value)
    if message:
        raise _fault(
            FailureKind.EMPTY_OR_ERROR_JSON,
            f"the answer tells of an error: {message[:160]!r}",
            subject=resource.label,
            remedy="Check the accession and the query",
        )


def _error_in(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    for name, content in value.items():
        if name.lower() in ("error", "errormessage", "error_message") and content:
            return content if isinstance(content, str) else json.dumps(content)
        if len(value) <= 2 and isinstance(content, dict) and content.get("ERROR"):
            return str(content["ERROR"])
    return None


def _check_declared(path: Path, resource: Resource, *, sha256: str) -> None:
    """Compare a file with the values that the resource declares."""
    size = path.stat().st_size
    if resource.size_bytes is not None and size != resource.size_bytes:
        kind = FailureKind.TRUNCATED if size < resource.size_bytes else FailureKind.SIZE_MISMATCH
        raise _fault(
            kind,
            f"{size} bytes were received",
            subject=resource.label,
            expected=f"{resource.size_bytes} bytes",
            remedy="Fetch it again; if the host has a new release, correct the size in the catalog",
        )
    if resource.sha256 is not None and sha256 != resource.sha256.lower():
        raise _checksum_fault(resource.label, "sha256", sha256, resource.sha256.lower())
    if resource.md5 is not None and (md5 := _md5_of(path)) != resource.md5.lower():
        raise _checksum_fault(resource.label, "md5", md5, resource.md5.lower())


def _checksum_fault(subject: str, algorithm: str, found: str, expected: str, place: str | None = None) -> Fault:
    return _fault(
        FailureKind.CHECKSUM_MISMATCH,
        f"the {algorithm} of the bytes is {found}",
        subject=subject,
        place=place,
        expected=expected,
        remedy="Fetch it again; if the host has a new release, correct the checksum in the catalog",
    )


class _Verified:
    """Remembers which files were verified, by path, modification time and size, so that each is read once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int, int], str] = {}
        self._checked: set[tuple[str, int, int, Content, tuple[str, ...]]] = set()

    def sha256(self, path: Path) -> str:
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size)
        if key not in self._seen:
            self._seen[key] = sha256_of(path)
        return self._seen[key]

    def content(self, path: Path, resource: Resource) -> None:
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size, resource.content, resource.markers)
        if key not in self._checked:
            check_content(path, resource)
            self._checked.add(key)


# Mirror ---------------------------------------------------------------------------------------------------------------


class MirrorTransport:
    """Resources from a folder: `index.jsonl` with one object per resource (method, url, file, sha256, bytes,
    content_type, etag, last_modified; optionally body_sha256 and retrieved_at) and the files below it.

    Args:
        folder_or_index: the folder, or an index file of another name whose folder holds the files.

    Raises:
        CatalogFault: the index is absent or a line of it cannot be read.
    """

    def __init__(self, folder_or_index: Path) -> None:
        path = Path(folder_or_index)
        self.index_path = path / "index.jsonl" if path.is_dir() else path
        self.folder = self.index_path.parent
        self._entries = self._read_index()
        self._verified = _Verified()

    def _read_index(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        if not self.index_path.is_file():
            raise CatalogFault(
                "there is no index of a mirror",
                subject=str(self.index_path),
                expected="a folder with index.jsonl",
                remedy="Name the folder that `resistance mirror pull` wrote",
            )
        entries: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for number, line in enumerate(self.index_path.read_text("utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                entries.setdefault((entry["method"], entry["url"]), []).append(entry)
                inside = (self.folder / entry["file"]).resolve().is_relative_to(self.folder.resolve())
                complete = isinstance(entry["sha256"], str) and isinstance(entry["bytes"], int)
            except (ValueError, KeyError, TypeError) as error:
                raise self._index_fault(number, f"the line cannot be read ({error!r})") from error
            if not inside:
                raise self._index_fault(number, f"the file {entry['file']!r} is outside of the mirror")
            if not complete:
                raise self._index_fault(number, "sha256 must be a text and bytes a whole number")
        return entries

    def _index_fault(self, line: int, problem: str) -> CatalogFault:
        return CatalogFault(
            problem, subject=str(self.index_path), place=f"line {line}", remedy="Write the mirror again"
        )

    def urls(self) -> list[str]:
        """Every URL that the mirror lists, in the order of the index."""
        return list(dict.fromkeys(url for _, url in self._entries))

    def _entry(self, resource: Resource) -> dict[str, Any]:
        listed = self._entries.get((resource.method, resource.url), [])
        if resource.body is not None:
            digest = hashlib.sha256(resource.body).hexdigest()
            listed = [entry for entry in listed if entry.get("body_sha256", digest) == digest]
        if not listed:
            raise _fault(
                FailureKind.NOT_LISTED,
                f"the mirror {self.index_path} does not list it",
                subject=resource.label,
                remedy="Add it with `resistance mirror pull` where there is a network, or run without the mirror",
            )
        return listed[0]

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """The file of the mirror, after its checksum was compared with the index. Raises as `Transport.fetch`."""
        entry = self._entry(resource)
        path = self.folder / entry["file"]
        if not path.is_file():
            raise _fault(
                FailureKind.FILE_MISSING,
                f"the mirror lists the file {entry['file']} but does not hold it",
                expected=f"sha256 {entry['sha256']}",
                subject=resource.label,
                remedy="Copy the mirror again, or run `resistance mirror pull`",
            )
        sha256, size = self._verified.sha256(path), path.stat().st_size
        if sha256 != entry["sha256"]:
            raise _checksum_fault(resource.label, "sha256", sha256, entry["sha256"], place=f"mirror file {path}")
        if size != entry["bytes"]:
            raise _fault(
                FailureKind.SIZE_MISMATCH,
                f"the mirror file {path} has {size} bytes",
                subject=resource.label,
                expected=f"{entry['bytes']} bytes",
                remedy="Copy the mirror again, or run `resistance mirror pull`",
            )
        _check_declared(path, resource, sha256=sha256)
        self._verified.content(path, resource)
        if progress:
            progress(size, size)
        stamp = entry.get("retrieved_at")
        retrieved_at = datetime.fromisoformat(stamp) if stamp else datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return Fetched(
            resource=resource,
            path=path,
            sha256=sha256,
            size_bytes=size,
            content_type=entry.get("content_type"),
            etag=entry.get("etag"),
            last_modified=entry.get("last_modified"),
            retrieved_at=retrieved_at,
            resolved_url=resource.url,
            transport="mirror",
        )

    def probe(self, resource: Resource) -> Probe:
        """The published checksum of the index; the file itself is not read."""
        entry = self._entry(resource)
        details = {name: str(entry[name]) for name in ("etag", "last_modified", "bytes") if entry.get(name) is not None}
        return Probe(resource.url, entry["sha256"], "published_checksum", details)

    def describe(self) -> str:
        """One line: which index, how many resources."""
        return f"mirror {self.index_path} ({sum(map(len, self._entries.values()))} resources)"


def write_mirror(folder: Path, files: Iterable[Fetched], *, notes: Mapping[str, Mapping[str, str]] = {}) -> Path:
    """Add fetched files to a mirror, or start one, and return its index.

    Files stand below `files/<host>/`; the index is replaced at the end, so that a reader sees the old or the new one.
    A resource that the index lists already is listed anew.

    Args:
        folder: the mirror.
        files: what a transport fetched.
        notes: by URL, further fields for the index, such as licence and provenance.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.jsonl"
    entries: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    if index.is_file():
        for listed in MirrorTransport(folder)._entries.values():
            entries.update({(e["method"], e["url"], e.get("body_sha256")): e for e in listed})
    for fetched in files:
        resource = fetched.resource
        host = re.sub(r"[^A-Za-z0-9.-]", "_", urlsplit(resource.url).netloc)
        # The key keeps apart what ends alike: queries of one page, the same file name in two folders.
        place = Path("files") / host / resource.key[:12] / fetched.path.name
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        shutil.copyfile(fetched.path, temporary)
        os.replace(temporary, target)
        entry: dict[str, Any] = {"method": resource.method, "url": resource.url, "file": place.as_posix()}
        if resource.body is not None:
            entry["body_sha256"] = hashlib.sha256(resource.body).hexdigest()
        entry |= {"sha256": fetched.sha256, "bytes": fetched.size_bytes, "content_type": fetched.content_type}
        entry |= {"etag": fetched.etag, "last_modified": fetched.last_modified}
        entry |= {"retrieved_at": fetched.retrieved_at.isoformat(), **notes.get(resource.url, {})}
        entries[resource.method, resource.url, entry.get("body_sha256")] = entry
    _write_atomically(index, "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries.values()))
    return index


# Live -----------------------------------------------------------------------------------------------------------------


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
        self._verified = _Verified()
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
        """The file, from the cache if the host confirms it unchanged (or its declared sha256 is there), else anew.

        `progress(bytes_so_far, bytes_in_all or None)` is called as bytes arrive. Raises as `Transport.fetch`.
        """
        try:
            with _locked(self.cache_dir / "locks" / f"{resource.key}.lock"):
                cached = self._cached(resource)
                if cached is not None and (self.offline or resource.sha256 == cached.sha256):
                    return cached
                if self.offline:
                    raise _fault(
                        FailureKind.OFFLINE,
                        "the network is not to be used and the cache does not hold it",
                        subject=resource.label,
                        remedy="Run once with network access, or give a mirror with --mirror",
                    )
                return self._with_retries(resource, lambda: self._attempt(resource, cached, progress))
        except OSError as error:
            raise _fault(
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
            _check_declared(path, resource, sha256=record["sha256"])
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
                    _fault(
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
                    _fault(
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
        _write_atomically(notes, json.dumps({"validator": strong if resumable else None}))
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
                _fault(
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
                _fault(
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
            _check_declared(part, resource, sha256=sha256)
        except TransportFault as fault:
            _discard(part, notes)
            # A cut or garbled transfer may be whole the next time; a page of HTML only provokes the host further.
            mendable = (FailureKind.TRUNCATED, FailureKind.CHECKSUM_MISMATCH, FailureKind.EMPTY_FILE)
            if failure_kind(fault) in mendable:
                raise _TransientError(fault) from fault
            raise
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
        _write_atomically(self.cache_dir / "requests" / f"{resource.key}.json", json.dumps(record, indent=1))
        return fetched

    def _check_header_md5(self, part: Path, response: httpx.Response, resource: Resource) -> None:
        published = _md5_of_headers(response)
        # The header speaks of the whole file, a resumed answer may speak of the part that it carries.
        if published and response.status_code == 200 and (found := _md5_of(part)) != published:
            raise _checksum_fault(resource.label, "md5 (as the host's header gives it)", found, published)

    # Probe

    def probe(self, resource: Resource) -> Probe:
        """A change token: published checksum header, else ETag, else Last-Modified and length, else the bytes' sha256.

        Asks with HEAD, then with a GET of the first byte where HEAD is refused or tells nothing; downloads only where
        neither carries a token. Raises as `Transport.probe`.
        """
        if self.offline:
            raise _fault(
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
                    raise _fault(
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
            raise _fault(
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
                raise _fault(
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
        return _fault(
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
            raise _fault(
                FailureKind.NO_CONTENT,
                f"{told}: the host has nothing to give for this query",
                subject=resource.label,
                remedy="Check that the accession is public and the query is right",
            )
        if status == 429 or status == 408 or status >= 500:
            kind = FailureKind.RATE_LIMITED if status == 429 else FailureKind.SERVER_ERROR
            wait = retry_after_seconds(response.headers.get("retry-after"), now=datetime.now(UTC))
            asks = f", which asks to wait {wait:g} s" if wait else ""
            fault = _fault(kind, told + asks, subject=resource.label, remedy="Try again later")
            if wait is not None and wait > self._longest_wait:
                raise fault
            raise _TransientError(fault, wait)
        if 300 <= status < 400:
            raise _fault(
                FailureKind.LOST_REDIRECT,
                f"{told}: a redirect without a target",
                subject=resource.label,
                remedy="Look up the present URL and correct the catalog",
            )
        meaning = {401: "credentials are wanted", 403: "the host refuses", 404: "there is no such file", 410: "gone"}
        raise _fault(
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
            if last.attempts is not None:
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


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)


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
        with gzip.open(part, "rb") as source, plain.open("wb") as target:
            for block in iter(lambda: source.read(_BLOCK), b""):
                target.write(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        plain.unlink(missing_ok=True)
        raise _truncated(resource, "compressed answer", error, "Try again later") from error
    os.replace(plain, part)


def _file_name(url: str) -> str:
    """A safe file name that ends as the URL does, so that a person and a parser see what it is."""
    last = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]", "_", last).lstrip(".")[-120:] or "body"


def open_transport(
    *,
    mirror: Path | None,
    cache_dir: Path,
    host_map: Mapping[str, str] = {},
    contact: str | None = None,
    offline: bool = False,
) -> Transport:
    """The transport for a run: the mirror if one is given, else live hosts (or, offline, the cache alone)."""
    if mirror is not None:
        return MirrorTransport(mirror)
    return LiveTransport(cache_dir, host_map=host_map, contact=contact, offline=offline)
