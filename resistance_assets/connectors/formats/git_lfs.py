"""Pointers of git-lfs: what the raw host of a repository serves in place of a large file.

Here belongs reading a pointer and telling from it what the file is (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
A pointer of 130 bytes is at once the checksum of a file of many megabytes and the cheapest way to see that it changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from resistance_assets.connectors.transport.resource import Content, Probe, Resource, Transport
from resistance_assets.errors import DataFault

_MARKER = "version https://git-lfs.github.com/spec/"
_POINTER = re.compile(r"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (\d{1,15})\n?")


@dataclass(frozen=True)
class LfsPointer:
    """SHA-256 and size of the file that a pointer stands for."""

    sha256: str
    size_bytes: int


def read_pointer(path: Path) -> LfsPointer:
    """Read a pointer. Raises DataFault if the file is none."""
    head = path.read_bytes()[:1024].replace(b"\r\n", b"\n").decode("utf-8", "replace")
    found = _POINTER.fullmatch(head)
    if not found:
        raise DataFault(
            f"the file is no git-lfs pointer but starts with {head[:60]!r}",
            subject=path.name,
            expected="version, oid and size",
            remedy="The repository keeps this file itself: fetch it from the raw host",
        )
    return LfsPointer(found[1], int(found[2]))


def datahub_pointer(study: str, file: str) -> Resource:
    """The pointer of a file of cBioPortal's datahub."""
    return Resource(
        f"https://raw.githubusercontent.com/cBioPortal/datahub/master/public/{study}/{file}",
        content="text",
        markers=(_MARKER,),
        name=f"pointer of {study}/{file}",
    )


def datahub_file(study: str, file: str, pointer: LfsPointer, content: Content = "tsv") -> Resource:
    """A file of cBioPortal's datahub, to be what its pointer says."""
    return Resource(
        f"https://media.githubusercontent.com/media/cBioPortal/datahub/master/public/{study}/{file}",
        sha256=pointer.sha256,
        size_bytes=pointer.size_bytes,
        content=content,
        name=f"{study}/{file}",
    )


def probe_pointer(transport: Transport, study: str, file: str) -> Probe:
    """A change token for a file of the datahub, without fetching the file. Raises as `Transport.fetch`."""
    resource = datahub_pointer(study, file)
    pointer = read_pointer(transport.fetch(resource).path)
    details = {"bytes": str(pointer.size_bytes), "pointer": resource.url}
    return Probe(datahub_file(study, file, pointer).url, f"sha256:{pointer.sha256}", "published_checksum", details)
