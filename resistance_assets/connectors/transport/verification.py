"""Whether a file is what was asked for: its checksums, its size, its format read to the end, its markers.

Here belongs what can be told from the bytes alone. What a host's answer says of them does not belong here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resistance_assets.connectors.formats.archives import iterate_members
from resistance_assets.connectors.formats.gzip import DAMAGE, open_gzip
from resistance_assets.connectors.transport.resource import Content, FailureKind, Resource, transfer_fault
from resistance_assets.errors import Fault, TransportFault

_BLOCK = 1 << 20
_LFS_PREFIX = "version https://git-lfs.github.com/spec/"


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def md5_of(path: Path) -> str:
    """Hexadecimal MD5 of a file, for comparison with a published one."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def check_content(path: Path, resource: Resource) -> None:
    """Raise TransportFault unless the file is what `resource.content` and `resource.markers` ask for.

    gzip, tar.gz, tar and zip are read to their end, because a transfer without a declared length may stop anywhere.
    """
    size = path.stat().st_size
    again = "Fetch it again; if it stays so, open the URL in a browser to see what the host now sends"
    if size == 0:
        raise transfer_fault(FailureKind.EMPTY_FILE, "the host sent no byte", subject=resource.label, remedy=again)
    with path.open("rb") as handle:
        head = handle.read(4096)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    opening = start[:512].lower()
    excerpt = " ".join(re.sub(r"<[^>]*>", " ", start[:400].decode("utf-8", "replace")).split())[:80]
    if (opening.startswith((b"<!doctype html", b"<html")) or b"<html" in opening) and resource.content != "html":
        raise transfer_fault(
            FailureKind.HTML_PAGE,
            f"a web page came in place of the data: {excerpt!r}",
            subject=resource.label,
            expected=resource.content,
            remedy="The host is blocking automated requests, is under maintenance, or has moved the file: "
            "open the URL in a browser",
        )
    if opening.startswith((b"<?xml", b"<error")) and b"<error" in opening:
        raise transfer_fault(
            FailureKind.STORAGE_ERROR_XML,
            f"an error document of the object store came in place of the file: {excerpt!r}",
            subject=resource.label,
            expected=resource.content,
            remedy="The file has moved or is no longer public: look up its present URL and correct the catalog",
        )
    wants_pointer = any(marker.startswith(_LFS_PREFIX) for marker in resource.markers)
    if head.startswith(_LFS_PREFIX.encode()) and size < 1024 and not wants_pointer:
        raise transfer_fault(
            FailureKind.GIT_LFS_POINTER,
            f"a git-lfs pointer of {size} bytes came in place of the file{_pointed_to(head)}",
            subject=resource.label,
            remedy="Ask the media host of the repository for the file, not the raw host, or the server that its "
            "`.lfsconfig` names",
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
            if resource.content in ("xml", "html"):
                _check_markup(path, resource, start, again)
            if resource.content in ("text", "tsv") and b"\0" in head:
                raise _wrong_format(resource, "the file is binary", again)
            if resource.content == "tsv" and b"\t" not in head.partition(b"\n")[0]:
                raise _wrong_format(resource, f"the first line has no tab: {excerpt!r}", again)
            if missing:
                with path.open("rb") as handle:
                    missing = _absent(iter(lambda: handle.read(_BLOCK), b""), missing)
    if missing:
        raise transfer_fault(
            FailureKind.MARKER_MISSING,
            f"the text {missing[0].decode()!r} does not occur in the {size} bytes received",
            subject=resource.label,
            remedy="The file is cut short or its layout has changed: fetch it again, then look at its end",
        )
    if resource.least_bytes is not None and size < resource.least_bytes:
        raise transfer_fault(
            FailureKind.TRUNCATED,
            f"{size} bytes were received",
            subject=resource.label,
            expected=f"at least {resource.least_bytes} bytes",
            remedy=again,
        )


def _pointed_to(pointer: bytes) -> str:
    """Checksum and size of the file that a git-lfs pointer stands for, in brackets; empty where it says neither."""
    found = re.search(rb"oid sha256:([0-9a-f]{64})\r?\nsize (\d{1,15})", pointer)
    return f" (sha256 {found[1].decode()}, {int(found[2]):,} bytes)" if found else ""


def pointed_to(fault: Fault) -> tuple[str, int] | None:
    """Checksum and size of the file that a git-lfs pointer stands for, from the fault that tells of the pointer."""
    found = re.search(r" \(sha256 ([0-9a-f]{64}), ([\d,]+) bytes\)", fault.problem)
    return (found[1], int(found[2].replace(",", ""))) if found else None


def _wrong_format(resource: Resource, problem: str, remedy: str) -> Fault:
    return transfer_fault(
        FailureKind.WRONG_FORMAT, problem, subject=resource.label, expected=resource.content, remedy=remedy
    )


def _absent(blocks: Iterator[bytes], markers: list[bytes]) -> list[bytes]:
    """The markers that do not occur; every block is read, so that decompression reaches the end of its input."""
    keep = max((len(marker) for marker in markers), default=1) - 1
    tail = b""
    for block in blocks:
        if markers:
            window = tail + block
            markers = [marker for marker in markers if marker not in window]
            tail = window[-keep:] if keep else b""
    return markers


def truncated_fault(resource: Resource, what: str, error: Exception | str, remedy: str) -> Fault:
    """The fault for a file that ends early."""
    return transfer_fault(
        FailureKind.TRUNCATED, f"the {what} ends early or is damaged ({error})", subject=resource.label, remedy=remedy
    )


def _absent_from_gzip(path: Path, resource: Resource, head: bytes, markers: list[bytes], remedy: str) -> list[bytes]:
    if not head.startswith(b"\x1f\x8b"):
        raise _wrong_format(resource, f"the file does not start as gzip does but with {head[:12]!r}", remedy)
    try:
        with open_gzip(path) as handle:
            return _absent(iter(lambda: handle.read(_BLOCK), b""), markers)
    except DAMAGE as error:
        raise truncated_fault(resource, "gzip file", error, remedy) from error


def _absent_from_archive(path: Path, resource: Resource, head: bytes, markers: list[bytes], remedy: str) -> list[bytes]:
    starts = {"tar.gz": head[:2] == b"\x1f\x8b", "tar": b"ustar" in head[257:265], "zip": head[:2] == b"PK"}
    if not starts[resource.content]:
        raise _wrong_format(resource, f"the file starts with {head[:12]!r}", remedy)
    try:
        names = [member.name for member in iterate_members(path)]
    except TransportFault as fault:
        raise truncated_fault(resource, "archive", fault.problem, remedy) from fault
    if not names:
        raise _wrong_format(resource, "the archive has no member", remedy)
    listing = "\n".join(names).encode()
    return [marker for marker in markers if marker not in listing]


_ROOT_ELEMENT = re.compile(rb"<([A-Za-z_][\w.:-]*)")


def _check_markup(path: Path, resource: Resource, start: bytes, remedy: str) -> None:
    """XML must begin with a tag; XML and HTML must end with the end tag of their first element."""
    if resource.content == "html":
        root = b"html" if b"<html" in start.lower() else None
    elif not start.startswith(b"<"):
        raise _wrong_format(resource, "the file does not start with <", remedy)
    else:
        found = _ROOT_ELEMENT.search(start)
        root = found[1].lower() if found else None
    if root is None:
        return
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - 4096))
        tail = handle.read().rstrip().lower()
    # An element without content closes itself.
    is_empty = re.search(rb"<" + re.escape(root) + rb"\b[^<>]*/>$", tail) is not None
    if b"</" + root not in tail and not is_empty:
        raise truncated_fault(resource, f"{resource.content.upper()} text", "its end tag is missing", remedy)


def check_last_line(path: Path, resource: Resource) -> None:
    """Raise TransportFault where a text ends in the middle of a line, for transfers whose length nobody stated."""
    if resource.content not in ("text", "tsv") or resource.sha256 or resource.md5:
        return
    with path.open("rb") as handle:
        handle.seek(-1, 2)
        if handle.read(1) not in (b"\n", b"\r"):
            raise truncated_fault(
                resource,
                "text",
                "it ends in the middle of a line, and the host did not say its length",
                "Fetch it again",
            )


def _check_json(path: Path, resource: Resource, remedy: str) -> None:
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise truncated_fault(resource, "JSON text", error, remedy) from error
    except RecursionError as error:
        raise _wrong_format(resource, "the JSON text is nested too deeply to be read", remedy) from error
    if value == {}:
        raise transfer_fault(
            FailureKind.EMPTY_OR_ERROR_JSON,
            "the answer is an empty object",
            subject=resource.label,
            remedy="Check the accession and its spelling, capitals included: hosts answer so for one they do not know",
        )
    message = _error_in(value)
    if message:
        raise transfer_fault(
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


def check_declared(path: Path, resource: Resource, *, sha256: str) -> None:
    """Compare a file with the values that the resource declares."""
    size = path.stat().st_size
    if resource.size_bytes is not None and size != resource.size_bytes:
        kind = FailureKind.TRUNCATED if size < resource.size_bytes else FailureKind.SIZE_MISMATCH
        raise transfer_fault(
            kind,
            f"{size} bytes were received",
            subject=resource.label,
            expected=f"{resource.size_bytes} bytes",
            remedy="Fetch it again; if the host has a new release, correct the size in the catalog",
        )
    if resource.sha256 is not None and sha256 != resource.sha256.lower():
        raise checksum_fault(resource.label, "sha256", sha256, resource.sha256.lower())
    if resource.md5 is not None and (md5 := md5_of(path)) != resource.md5.lower():
        raise checksum_fault(resource.label, "md5", md5, resource.md5.lower())


def checksum_fault(subject: str, algorithm: str, found: str, expected: str, place: str | None = None) -> Fault:
    """The fault for bytes of another checksum than expected; it names both."""
    return transfer_fault(
        FailureKind.CHECKSUM_MISMATCH,
        f"the {algorithm} of the bytes is {found}",
        subject=subject,
        place=place,
        expected=expected,
        remedy="Fetch it again; if the host has a new release, correct the checksum in the catalog",
    )


class VerifiedFiles:
    """Remembers which files were verified, by path, modification time and size, so that each is read once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int, int], str] = {}
        self._checked: set[tuple[str, int, int, Content, tuple[str, ...]]] = set()

    def sha256(self, path: Path) -> str:
        """Hexadecimal SHA-256 of the file as it is now."""
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size)
        if key not in self._seen:
            self._seen[key] = sha256_of(path)
        return self._seen[key]

    def content(self, path: Path, resource: Resource) -> None:
        """As `check_content`."""
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size, resource.content, resource.markers)
        if key not in self._checked:
            check_content(path, resource)
            self._checked.add(key)
