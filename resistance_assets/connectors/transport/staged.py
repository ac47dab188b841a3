"""Sources whose bytes are in a content-addressed place that hosts share, such as a lake in an object store.

Here belongs what a run notes of a source that it had (`StagedSource`), and a transport that answers from such a note.
Where the place is, and who writes to it, is decided by whoever opens it: `ContentPlace` is all that is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from resistance_assets.connectors.transport.replay import Crawl
from resistance_assets.connectors.transport.resource import (
    FailureKind,
    Fetched,
    Probe,
    Progress,
    Resource,
    Transport,
    transfer_fault,
    without_secrets,
)
from resistance_assets.errors import Fault, SourceUnavailable, TransportFault

Problem = Literal["gone", "damaged"]

_FAULTS = {"SourceUnavailable": SourceUnavailable, "TransportFault": TransportFault}
_PROBLEMS: Mapping[Problem, tuple[FailureKind, str]] = {
    "gone": (FailureKind.FILE_MISSING, "the lake names a file of it and does not hold it"),
    "damaged": (FailureKind.CHECKSUM_MISMATCH, "the lake's copy of it was damaged, and was removed"),
}


class ContentPlace(Protocol):
    """Files by their SHA-256, beyond this host. Every method raises a `Fault` where the place cannot be reached."""

    def place(self, sha256: str, name: str) -> Path:
        """Where `bring` puts a file on this host, whether or not it is there."""
        ...

    def bring(self, sha256: str, name: str) -> Problem | None:
        """Make sure that the file is at its `place`, with the bytes of its checksum; what is wrong where it is not."""
        ...

    def keep(self, path: Path, sha256: str) -> None:
        """Put a verified file there, unless it is there. Two who do so at the same time both succeed."""
        ...


@dataclass(frozen=True)
class StagedSource:
    """What a run had of a source, or why it had nothing.

    Attributes:
        url: of the source, without secrets.
        checksum: of its file, or of all that a crawl over it gave; empty where it could not be had.
        facts: what is recorded of it with the tables that are read from it.
        documents: its files, by the key of their requests, and what was refused.
        fault: why it could not be had.
        is_copy: whether its files are where the place brings them, and may have to be brought first.
    """

    url: str
    checksum: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    documents: Crawl = field(default_factory=lambda: Crawl({}, {}))
    fault: Fault | None = None
    is_copy: bool = False

    @property
    def digests(self) -> list[str]:
        """SHA-256 of each of its files, sorted."""
        return sorted({fetched.sha256 for fetched in self.documents.fetched.values()})

    def as_record(self) -> dict[str, Any]:
        """The note, as JSON can hold it."""
        return {
            "url": self.url,
            "checksum": self.checksum,
            "facts": dict(self.facts),
            "files": [{"key": key, **_file_as_record(fetched)} for key, fetched in self.documents.fetched.items()],
            "refused": {key: _fault_as_record(fault) for key, fault in self.documents.refused.items()},
            "fault": None if self.fault is None else _fault_as_record(self.fault),
        }


def staged_source(record: Any, place: ContentPlace) -> StagedSource | None:
    """The source that a note tells of, with its files where the place brings them; None where it is no such note."""
    try:
        files = {file["key"]: _file_from_record(file, place) for file in record["files"]}
        refused = {key: _fault_from_record(fault) for key, fault in record["refused"].items()}
        fault = None if record["fault"] is None else _fault_from_record(record["fault"])
        if not files and fault is None:
            return None
        url, checksum, facts = str(record["url"]), str(record["checksum"]), dict(record["facts"])
        return StagedSource(url, checksum, facts, Crawl(files, refused), fault, is_copy=True)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def bring(place: ContentPlace, fetched: Fetched) -> None:
    """Make sure that a staged file is on this host.

    Raises:
        TransportFault: the place does not hold it, or holds other bytes.
    """
    problem = place.bring(fetched.sha256, fetched.path.name)
    if problem is not None:
        kind, told = _PROBLEMS[problem]
        raise transfer_fault(
            kind,
            told,
            subject=fetched.resource.label,
            expected=f"sha256 {fetched.sha256}",
            remedy="Run where its mirror, host or folder can be had: it is put there again",
        )


@dataclass(frozen=True)
class StagedTransport:
    """Gives the documents of a staged source, and refuses what was refused; whatever else is asked of another one.

    Attributes:
        documents: of the source.
        place: holds their bytes.
        other: asked for what is not among them.
    """

    documents: Crawl
    place: ContentPlace
    other: Transport

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """As `Transport.fetch`."""
        if resource.key in self.documents.refused:
            raise self.documents.refused[resource.key]
        fetched = self.documents.fetched.get(resource.key)
        if fetched is None:
            return self.other.fetch(resource, progress=progress)
        bring(self.place, fetched)
        if progress:
            progress(fetched.size_bytes, fetched.size_bytes)
        return fetched

    def probe(self, resource: Resource) -> Probe:
        """The checksum of the document."""
        return Probe(resource.public_url, self.fetch(resource).sha256, "published_checksum")

    def describe(self) -> str:
        """One line: how many documents."""
        return f"{len(self.documents.fetched)} documents that the lake holds"


@dataclass(frozen=True)
class KeepingTransport:
    """Asks another transport, and hands on what it gave."""

    inner: Transport
    keep: Callable[[Fetched], None]

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """As `Transport.fetch`."""
        fetched = self.inner.fetch(resource, progress=progress)
        self.keep(fetched)
        return fetched

    def probe(self, resource: Resource) -> Probe:
        """As the other transport's."""
        return self.inner.probe(resource)

    def describe(self) -> str:
        """One line: where from."""
        return self.inner.describe()


class NoTransport:
    """Has nothing and asks nobody: of a run that takes its sources from the lake alone."""

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """Raises SourceUnavailable."""
        raise transfer_fault(
            FailureKind.OFFLINE,
            "the lake holds no copy of it, and no host is asked for it",
            subject=resource.label,
            remedy="Run once with --mirror or --profile public on a host that can have it",
        )

    def probe(self, resource: Resource) -> Probe:
        """Raises SourceUnavailable."""
        self.fetch(resource)
        raise AssertionError("unreachable")

    def describe(self) -> str:
        """One line."""
        return "the lake alone"


def _file_as_record(fetched: Fetched) -> dict[str, Any]:
    resource = fetched.resource
    return {
        "method": resource.method,
        "url": resource.public_url,
        "name": resource.name,
        "content": resource.content,
        "file": fetched.path.name,
        "sha256": fetched.sha256,
        "bytes": fetched.size_bytes,
        "content_type": fetched.content_type,
        "etag": fetched.etag,
        "last_modified": fetched.last_modified,
        "retrieved_at": fetched.retrieved_at.isoformat(),
        "resolved_url": without_secrets(fetched.resolved_url),
        "transport": fetched.transport,
    }


def _file_from_record(record: Mapping[str, Any], place: ContentPlace) -> Fetched:
    return Fetched(
        resource=Resource(record["url"], method=record["method"], name=record["name"], content=record["content"]),
        path=place.place(record["sha256"], record["file"]),
        sha256=record["sha256"],
        size_bytes=record["bytes"],
        content_type=record["content_type"],
        etag=record["etag"],
        last_modified=record["last_modified"],
        retrieved_at=datetime.fromisoformat(record["retrieved_at"]),
        resolved_url=record["resolved_url"],
        transport=record["transport"],
    )


def _fault_as_record(fault: Fault) -> dict[str, Any]:
    kind = "SourceUnavailable" if isinstance(fault, SourceUnavailable) else "TransportFault"
    told = {name: getattr(fault, name) for name in ("problem", "subject", "place", "expected", "remedy")}
    return {"kind": kind, **told}


def _fault_from_record(record: Mapping[str, Any]) -> Fault:
    told = {name: record[name] for name in ("subject", "place", "expected", "remedy")}
    return _FAULTS[record["kind"]](record["problem"], **told)
