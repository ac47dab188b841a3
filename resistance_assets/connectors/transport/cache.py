"""Downloaded files by content, and which of them answered which request.

Here belongs the layout of the download cache, which several processes may share:

    files/<sha256>/<name>        a verified file, never changed
    requests/<key>.json          which file answered a request, with its validators
    partial/<key>.part, .json    a transfer that was cut, and what is needed to resume it
    locks/<key>.lock             one process per request

Talking to hosts does not belong here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import filelock

from resistance_assets.connectors.transport.resource import Fetched, Resource, without_secrets
from resistance_assets.connectors.transport.verification import VerifiedFiles, check_declared
from resistance_assets.errors import TransportFault
from resistance_assets.files import write_json


@dataclass(frozen=True)
class PartNotes:
    """What is known of a partial file.

    Attributes:
        validator: strong ETag or Last-Modified of the answer that it comes from; None where it cannot be resumed.
        total: bytes of the whole file, where the host said so.
    """

    validator: str | None
    total: int | None


class Part:
    """A transfer under way: the bytes so far, and the notes that resuming needs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._notes = path.with_suffix(".json")

    def resumable(self) -> tuple[int, PartNotes]:
        """Bytes that may be resumed, 0 where none may, and what is known of them."""
        nothing = (0, PartNotes(None, None))
        try:
            notes = json.loads(self._notes.read_text("utf-8"))
            validator, total = notes["validator"], notes["total"]
            size = self.path.stat().st_size
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return nothing
        if not isinstance(validator, str) or not (total is None or isinstance(total, int)):
            return nothing
        # Cookies of another transfer: more bytes than the whole file has.
        if not validator or (total is not None and size >= total):
            return nothing
        return size, PartNotes(validator, total)

    def note(self, notes: PartNotes) -> None:
        """Keep what resuming will need."""
        write_json(self._notes, {"validator": notes.validator, "total": notes.total})

    def discard(self) -> None:
        """Begin anew next time."""
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)


class DownloadCache:
    """A cache under ``folder``; made on first use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._verified = VerifiedFiles()

    @contextmanager
    def locked(self, resource: Resource) -> Iterator[None]:
        """Exclude every other process and thread that fetches the same resource."""
        path = self.folder / "locks" / f"{resource.key}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several transports of one process exclude each other, too: none shares its lock object.
        with filelock.FileLock(path, is_singleton=False, thread_local=False):
            yield

    def lookup(self, resource: Resource) -> Fetched | None:
        """What the cache holds for a request, if it is intact and is what the resource now declares."""
        try:
            record = json.loads((self.folder / "requests" / f"{resource.key}.json").read_text("utf-8"))
            path = self.folder / "files" / record["sha256"] / record["file"]
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
        except (OSError, ValueError, KeyError, TypeError, RecursionError, TransportFault):
            return None

    def part(self, resource: Resource) -> Part:
        """Where a transfer of the resource is collected."""
        path = self.folder / "partial" / f"{resource.key}.part"
        path.parent.mkdir(parents=True, exist_ok=True)
        return Part(path)

    def store(
        self,
        part: Part,
        resource: Resource,
        *,
        sha256: str,
        content_type: str | None,
        etag: str | None,
        last_modified: str | None,
        resolved_url: str,
    ) -> Fetched:
        """Move a complete, verified part into the cache and note which request it answered."""
        target = self.folder / "files" / sha256 / file_name_of(resource.url)
        target.parent.mkdir(parents=True, exist_ok=True)
        size = part.path.stat().st_size
        os.replace(part.path, target)
        part.discard()
        fetched = Fetched(
            resource=resource,
            path=target,
            sha256=sha256,
            size_bytes=size,
            content_type=content_type,
            etag=etag,
            last_modified=last_modified,
            retrieved_at=datetime.now(UTC),
            resolved_url=without_secrets(resolved_url),
            transport="live",
        )
        record = {
            "url": resource.public_url,
            "file": target.name,
            "sha256": sha256,
            "content_type": content_type,
            "etag": etag,
            "last_modified": last_modified,
            "resolved_url": fetched.resolved_url,
            "retrieved_at": fetched.retrieved_at.isoformat(),
        }
        write_json(self.folder / "requests" / f"{resource.key}.json", record)
        return fetched


def file_name_of(url: str) -> str:
    """A safe file name that ends as the URL does, so that a person and a parser see what it is."""
    last = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]", "_", last).lstrip(".")[-120:] or "body"
