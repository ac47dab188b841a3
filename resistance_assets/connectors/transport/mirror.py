"""Resources from a folder, for machines without a network, and the writing of such a folder.

Here belongs the mirror's index and its files. Getting them from their hosts does not belong here.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from resistance_assets.connectors.transport.resource import (
    FailureKind,
    Fetched,
    Probe,
    Progress,
    Resource,
    transfer_fault,
)
from resistance_assets.connectors.transport.verification import (
    VerifiedFiles,
    check_declared,
    checksum_fault,
    sha256_of,
)
from resistance_assets.errors import CatalogFault
from resistance_assets.files import replace_file, write_text


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
        self._verified = VerifiedFiles()

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
        listed = self._entries.get((resource.method, resource.public_url), [])
        if not listed and resource.url != resource.public_url:
            listed = self._entries.get((resource.method, resource.url), [])
        if resource.body is not None:
            digest = hashlib.sha256(resource.body).hexdigest()
            listed = [entry for entry in listed if entry.get("body_sha256", digest) == digest]
        if not listed:
            raise transfer_fault(
                FailureKind.NOT_LISTED,
                # Without the mirror's path: the reason is published, and a mirror that moved is no news.
                "the mirror does not list it",
                subject=resource.label,
                remedy="Add it with `resistance mirror pull` where there is a network, or run without the mirror",
            )
        return listed[0]

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """The file of the mirror, after its checksum was compared with the index. Raises as `Transport.fetch`."""
        entry = self._entry(resource)
        path = self.folder / entry["file"]
        if not path.is_file():
            raise transfer_fault(
                FailureKind.FILE_MISSING,
                f"the mirror lists the file {entry['file']} but does not hold it",
                expected=f"sha256 {entry['sha256']}",
                subject=resource.label,
                remedy="Copy the mirror again, or run `resistance mirror pull`",
            )
        sha256, size = self._verified.sha256(path), path.stat().st_size
        if sha256 != entry["sha256"]:
            raise checksum_fault(resource.label, "sha256", sha256, entry["sha256"], place=f"mirror file {path}")
        if size != entry["bytes"]:
            raise transfer_fault(
                FailureKind.SIZE_MISMATCH,
                f"the mirror file {path} has {size} bytes",
                subject=resource.label,
                expected=f"{entry['bytes']} bytes",
                remedy="Copy the mirror again, or run `resistance mirror pull`",
            )
        check_declared(path, resource, sha256=sha256)
        # The index says how large the file is; a smallest size is for hosts that say nothing.
        self._verified.content(path, replace(resource, least_bytes=None))
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
    A resource that the index lists already is listed anew; its former file goes where nothing lists it any more. Bytes
    that the mirror holds already, under whatever URL, are not stored again.

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
    former = {entry["file"] for entry in entries.values()}
    place_of = {entry["sha256"]: entry["file"] for entry in entries.values()}
    for fetched in files:
        resource = fetched.resource
        host = re.sub(r"[^A-Za-z0-9.-]", "_", urlsplit(resource.url).netloc)
        # The key keeps apart what ends alike: queries of one page, the same file name in two folders.
        place = Path("files") / host / resource.key[:12] / fetched.path.name
        held = folder / place_of.get(fetched.sha256, place)
        if not (held.is_file() and sha256_of(held) == fetched.sha256):
            with replace_file(held) as aside:
                shutil.copyfile(fetched.path, aside)
        file = place_of.setdefault(fetched.sha256, held.relative_to(folder).as_posix())
        entry: dict[str, Any] = {"method": resource.method, "url": resource.public_url, "file": file}
        if resource.body is not None:
            entry["body_sha256"] = hashlib.sha256(resource.body).hexdigest()
        entry |= {"sha256": fetched.sha256, "bytes": fetched.size_bytes, "content_type": fetched.content_type}
        entry |= {"etag": fetched.etag, "last_modified": fetched.last_modified}
        entry |= {"retrieved_at": fetched.retrieved_at.isoformat(), **notes.get(resource.url, {})}
        entries[resource.method, resource.public_url, entry.get("body_sha256")] = entry
    write_text(index, "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries.values()))
    for file in former - {entry["file"] for entry in entries.values()}:
        (folder / file).unlink(missing_ok=True)
    return index
