"""One body on its way to the disk: resumed where that is safe, bounded, decoded and verified.

Here belongs what an answer's headers and bytes say of the transfer. Requests and the cache do not belong here.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from resistance_assets.connectors.formats.gzip import DAMAGE, open_gzip
from resistance_assets.connectors.transport.cache import Part, PartNotes
from resistance_assets.connectors.transport.connection import TransientError
from resistance_assets.connectors.transport.limits import TransferLimits
from resistance_assets.connectors.transport.resource import (
    FailureKind,
    Progress,
    Resource,
    failure_kind,
    transfer_fault,
)
from resistance_assets.connectors.transport.verification import (
    check_content,
    check_declared,
    check_last_line,
    checksum_fault,
    md5_of,
    sha256_of,
    truncated_fault,
)
from resistance_assets.errors import Fault, TransportFault

if TYPE_CHECKING:
    import httpx

_BLOCK = 1 << 20
_SMALL = 1 << 16


@dataclass(frozen=True)
class ContentRange:
    """What a Content-Range header says; `total` is None where the host does not know it."""

    first: int
    last: int
    total: int | None


def content_range_of(response: httpx.Response) -> ContentRange | None:
    """The range that an answer carries, or None where the header is absent or makes no sense."""
    found = re.fullmatch(
        r"\s*bytes\s+(\d{1,19})-(\d{1,19})/(\d{1,19}|\*)\s*", response.headers.get("content-range", "")
    )
    if not found:
        return None
    first, last = int(found[1]), int(found[2])
    total = None if found[3] == "*" else int(found[3])
    if last < first or (total is not None and last >= total):
        return None
    return ContentRange(first, last, total)


def validator_of(response: httpx.Response) -> str | None:
    """What tells one version of a file from another byte by byte: a strong ETag, else Last-Modified."""
    etag = response.headers.get("etag")
    if etag:
        return None if etag.startswith("W/") else etag
    return response.headers.get("last-modified")


def require_same_file(response: httpx.Response, offset: int, notes: PartNotes, resource: Resource) -> ContentRange:
    """Raise TransientError unless a partial answer continues the very file that the part was begun with.

    Compared are the range asked for, the total, and the validator. Hosts behind several caches answer a Range request
    with another version of the file, and then say so in ETag or total alone.
    """
    found = content_range_of(response)
    problem = None
    etag, modified = response.headers.get("etag"), response.headers.get("last-modified")
    if found is None:
        problem = f"answered with a part of a file but not with which ({response.headers.get('content-range')!r})"
    elif found.first != offset:
        problem = f"sent the bytes from {found.first} on where those from {offset} on were asked for"
    elif notes.total is not None and found.total is not None and found.total != notes.total:
        problem = f"now has a file of {found.total} bytes, not of {notes.total}"
    elif etag is not None and etag != notes.validator and not (modified and modified == notes.validator):
        problem = "now has another version of the file (its ETag changed)"
    elif etag is None and modified is not None and modified != notes.validator:
        problem = "now has another version of the file (its Last-Modified changed)"
    elif etag is None and modified is None and (notes.total is None or found.total is None):
        problem = "does not say of which version of the file the part is"
    elif (length := _length_of(response)) is not None and length != found.last - found.first + 1:
        problem = f"announces {length} bytes for a range of {found.last - found.first + 1}"
    if problem or found is None:
        raise TransientError(
            transfer_fault(
                FailureKind.TRUNCATED,
                f"the transfer cannot be resumed: the host {problem}",
                subject=resource.label,
                remedy="Fetch it again",
            )
        )
    return found


def _length_of(response: httpx.Response) -> int | None:
    length = response.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None


class Download:
    """Writes one answer's body to a part file.

    Args:
        resource: what was asked for.
        part: where it is collected.
        limits: of the whole transfer.
        started: when its first attempt began, by `clock`.
        clock: seconds.
        progress: told bytes so far and in all.
    """

    def __init__(
        self,
        resource: Resource,
        part: Part,
        limits: TransferLimits,
        *,
        started: float,
        clock: Callable[[], float],
        progress: Progress | None,
    ) -> None:
        self._resource, self._part, self._limits = resource, part, limits
        self._started, self._clock, self._progress = started, clock, progress

    def save(self, response: httpx.Response, offset: int, total: int | None) -> None:
        """Write the body from `offset` on as it arrives; a cut leaves the part and what is needed to resume it.

        Args:
            response: its body is unread.
            offset: bytes of the part that stay.
            total: bytes of the whole file, where known from a range; else taken from Content-Length.

        Raises:
            TransientError: it was cut, or is shorter or longer than announced.
            TransportFault: more bytes than are allowed or declared.
            SourceUnavailable: too slow.
        """
        import httpx

        length = _length_of(response)
        if total is None and length is not None and response.status_code != 206:
            total = offset + length
        self._require_size(total or 0)
        validator = validator_of(response)
        ranges = response.headers.get("accept-ranges", "").strip().lower()
        resumable = bool(validator) and (ranges == "bytes" or response.status_code == 206)
        self._part.note(PartNotes(validator if resumable else None, total))
        done = offset
        try:
            done = self._write(response, offset, total)
        except httpx.TransportError as error:
            done = self._part.path.stat().st_size if self._part.path.exists() else 0
            if not resumable:
                self._part.discard()
            raise TransientError(
                self._cut(done, total, f" ({error or type(error).__name__})"), progressed=resumable and done > offset
            ) from error
        if total is not None and done != total:
            # A host may send less of a range than was asked for; what came is of the right file.
            goes_on = resumable and response.status_code == 206 and offset < done < total
            if not goes_on:
                self._part.discard()
            raise TransientError(self._cut(done, total, ""), progressed=goes_on)

    def _cut(self, done: int, total: int | None, why: str) -> Fault:
        return transfer_fault(
            FailureKind.TRUNCATED,
            f"the transfer ended after {done} bytes{why}",
            subject=self._resource.label,
            expected=f"{total} bytes" if total is not None else None,
            remedy="Try again later: the part that arrived is kept where the host can resume",
        )

    def _write(self, response: httpx.Response, offset: int, total: int | None) -> int:
        done = offset
        window_began, window_bytes = self._clock(), 0
        with self._part.path.open("r+b" if offset else "wb") as handle:
            handle.seek(offset)
            handle.truncate()
            for block in response.iter_raw():
                handle.write(block)
                done += len(block)
                window_bytes += len(block)
                self._require_size(done)
                now = self._clock()
                if now - self._started > self._limits.longest_seconds:
                    raise self._slow(f"{done} bytes took {now - self._started:,.0f} s")
                if now - window_began > self._limits.window_seconds:
                    if window_bytes < self._limits.least_bytes_per_second * (now - window_began):
                        raise self._slow(f"{window_bytes} bytes came in {now - window_began:,.0f} s")
                    window_began, window_bytes = now, 0
                if self._progress:
                    self._progress(done, total)
        return done

    def _slow(self, problem: str) -> Fault:
        return transfer_fault(
            FailureKind.TOO_SLOW,
            f"the host is too slow: {problem}",
            subject=self._resource.label,
            remedy="Try again later, or fetch it by other means into a mirror",
        )

    def _require_size(self, size: int) -> None:
        declared = self._resource.size_bytes
        # A little more is taken in, so that a page or a message in place of a small file is named as such.
        if size <= self._limits.largest_bytes and (declared is None or size <= declared + _SMALL):
            return
        self._part.discard()
        kind = FailureKind.TOO_LARGE if declared is None else FailureKind.SIZE_MISMATCH
        raise transfer_fault(
            kind,
            f"the host sends {size} bytes or more",
            subject=self._resource.label,
            expected=f"{declared} bytes" if declared is not None else f"at most {self._limits.largest_bytes} bytes",
            remedy="Open the URL to see what the host now sends; if the file has grown, correct the catalog",
        )

    def verify(self, response: httpx.Response, *, attempts: int) -> str:
        """Check a complete part file, undo a compression that nobody asked for, and return its SHA-256.

        Raises:
            TransientError: another attempt may bring the right bytes.
            TransportFault: it will not.
        """
        resource, path = self._resource, self._part.path
        try:
            published = md5_of_headers(response)
            # The header speaks of the whole file, a resumed answer may speak of the part that it carries.
            if published and response.status_code == 200 and (found := md5_of(path)) != published:
                raise checksum_fault(resource.label, "md5 (as the host's header gives it)", found, published)
            self._undo_content_encoding(response)
            sha256 = sha256_of(path)
            check_content(path, resource)
            check_declared(path, resource, sha256=sha256)
            if _length_of(response) is None and "transfer-encoding" not in response.headers:
                # The end of the connection ended the body: it may have ended early without anybody noticing.
                check_last_line(path, resource)
        except TransportFault as fault:
            self._part.discard()
            kind = failure_kind(fault)
            if kind in (FailureKind.TRUNCATED, FailureKind.EMPTY_FILE):
                raise TransientError(fault) from fault
            if kind in (FailureKind.CHECKSUM_MISMATCH, FailureKind.MARKER_MISSING):
                # Garbled on the way, or a new release: a second look tells which.
                raise TransientError(fault, attempts=min(2, attempts)) from fault
            raise  # asking again for a page of HTML only provokes the host further
        return sha256

    def _undo_content_encoding(self, response: httpx.Response) -> None:
        """Decompress a body that a host compressed unasked; a file that is itself gzip stays as it is."""
        resource, path = self._resource, self._part.path
        encoding = response.headers.get("content-encoding", "").strip().lower()
        is_file = resource.content in ("gzip", "tar.gz") or urlsplit(resource.url).path.endswith((".gz", ".tgz"))
        if encoding in ("", "identity") or (encoding in ("gzip", "x-gzip") and is_file):
            return
        if encoding not in ("gzip", "x-gzip"):
            raise transfer_fault(
                FailureKind.WRONG_FORMAT,
                f"the host compressed the body as {encoding[:40]!r}, which was not asked for",
                subject=resource.label,
                expected="the file as it is, or gzip",
                remedy="Fetch it by other means into a mirror",
            )
        plain, written = path.with_suffix(".plain"), 0
        try:
            with open_gzip(path) as source, plain.open("wb") as target:
                while block := source.read(_BLOCK):
                    written += len(block)
                    if written > self._limits.largest_decoded_bytes:
                        raise transfer_fault(
                            FailureKind.TOO_LARGE,
                            f"the compressed body unpacks to more than {self._limits.largest_decoded_bytes} bytes",
                            subject=resource.label,
                            remedy="Open the URL to see what the host now sends",
                        )
                    target.write(block)
            os.replace(plain, path)
        except DAMAGE as error:
            raise truncated_fault(resource, "compressed answer", error, "Try again later") from error
        finally:
            plain.unlink(missing_ok=True)


def md5_of_headers(response: httpx.Response) -> str | None:
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
