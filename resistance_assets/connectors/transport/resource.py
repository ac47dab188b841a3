"""What is to be fetched, what was fetched, and how a transfer goes wrong.

Here belongs the vocabulary that every transport shares: `Resource`, `Fetched`, `Probe`, `Transport` and the kinds of
failure. Opening connections and files does not belong here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Literal, Protocol

from resistance_assets.errors import Fault, SourceUnavailable, TransportFault

Content = Literal["gzip", "tar.gz", "tar", "zip", "json", "xml", "html", "text", "tsv", "any"]
Progress = Callable[[int, "int | None"], None]


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
    TOO_SLOW = "too_slow"  # the transfer fell below the least rate, or took longer than allowed
    TOO_LARGE = "too_large"  # more bytes than any source may have, packed or unpacked
    REDIRECT_REFUSED = "redirect_refused"  # to a private address, or from https to http
    UNREADABLE = "unreadable"  # reading the bytes raised an error that no check foresaw


UNAVAILABLE = frozenset(
    [
        FailureKind.NO_CONTENT,
        FailureKind.REFUSED_OR_GONE,
        FailureKind.RATE_LIMITED,
        FailureKind.SERVER_ERROR,
        FailureKind.UNREACHABLE,
        FailureKind.NOT_LISTED,
        FailureKind.CACHE_UNUSABLE,
        FailureKind.OFFLINE,
        FailureKind.TOO_SLOW,
        FailureKind.REDIRECT_REFUSED,
    ]
)
"""Kinds in which no bytes came; in the others wrong ones did."""


def tells_wrong_bytes(problem: str) -> bool:
    """Whether the message of a fault says that a host sent something else than the data: a page, a cut archive."""
    return any(f" {kind.value}: " in problem for kind in FailureKind if kind not in UNAVAILABLE)


def failure_kind(fault: Fault) -> FailureKind | None:
    """The kind that the message of a fault names, or None for a fault that does not come from a transport."""
    name = fault.problem.partition(":")[0]
    return next((kind for kind in FailureKind if kind.value == name), None)


_USER_INFO = re.compile(r"(?<=://)[^/?#@\s]+@")
_SECRET_PARAMETER = re.compile(
    r"(?<=[?&;])([^=&;#\s]*(?:token|passw|secret|signature|credential|api_?key|access_?key)[^=&;#\s]*=)[^&;#\s)\]'\"]+",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """A text in which user names, passwords, tokens and signatures of URLs are replaced by `***`."""
    return _SECRET_PARAMETER.sub(r"\1***", _USER_INFO.sub("***@", text))


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
        least_bytes: fewer bytes than this are a cut or an error page; for sources that publish no checksum.
        headers: of the request, beside those of every one; no part of the identity.
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
    least_bytes: int | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def label(self) -> str:
        """What messages call this resource."""
        return f"{self.name} ({self.public_url})" if self.name else self.public_url

    @property
    def public_url(self) -> str:
        """The URL without the passwords and signatures that may stand in it: what is stored and shown."""
        return without_secrets(self.url)

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


ProbeBasis = Literal["published_checksum", "published_version", "etag", "last_modified_and_length", "sha256_of_body"]


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
        raise transfer_fault(
            FailureKind.PAGES_MISSING,
            f"{received} items were received of the {declared} that the host declares",
            subject=subject,
            remedy="Ask for smaller pages and try again",
        )


def transfer_fault(
    kind: FailureKind, problem: str, *, subject: str, remedy: str, expected: str | None = None, place: str | None = None
) -> Fault:
    """The fault of a kind: SourceUnavailable where no bytes came, TransportFault where wrong ones did."""
    fault_type = SourceUnavailable if kind in UNAVAILABLE else TransportFault
    return fault_type(
        f"{kind.value}: {without_secrets(problem)}",
        subject=without_secrets(subject),
        remedy=remedy,
        expected=expected,
        place=place,
    )
