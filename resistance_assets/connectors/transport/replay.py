"""Recording of a crawl over the documents of a source, and its replay from what was recorded.

Some sources are not one file: a record names sheets, sheets name reports, reports name files. Which documents belong to
such a source is known only after a crawl. Here belongs keeping the documents of a crawl, refusals included, so that
they can be told from another crawl's by one checksum and read again without asking anybody. Crawls themselves belong to
the module of their host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from resistance_assets.connectors.transport.resource import (
    FailureKind,
    Fetched,
    Probe,
    Progress,
    Resource,
    Transport,
    failure_kind,
    transfer_fault,
)
from resistance_assets.errors import Fault, SourceUnavailable, TransportFault

Read = TypeVar("Read")


@dataclass(frozen=True)
class Crawl:
    """What a crawl was given.

    Attributes:
        fetched: by the key of the resource.
        refused: faults that the crawl put up with, by the key of the resource.
    """

    fetched: Mapping[str, Fetched]
    refused: Mapping[str, Fault]

    @property
    def checksum(self) -> str:
        """One hash over what was given and refused, whatever the order and the host's wording."""
        lines = [f"{key} {fetched.sha256}" for key, fetched in self.fetched.items()]
        lines += [f"{key} {kind.value if (kind := failure_kind(f)) else 'fault'}" for key, f in self.refused.items()]
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()

    @property
    def size_bytes(self) -> int:
        return sum(fetched.size_bytes for fetched in self.fetched.values())


@dataclass
class RecordingTransport:
    """Asks another transport and remembers what it gave."""

    inner: Transport
    fetched: dict[str, Fetched] = field(default_factory=dict)
    refused: dict[str, Fault] = field(default_factory=dict)

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """As `Transport.fetch`."""
        try:
            fetched = self.inner.fetch(resource, progress=progress)
        except (SourceUnavailable, TransportFault) as fault:
            self.refused[resource.key] = fault
            raise
        self.fetched[resource.key] = fetched
        return fetched

    def probe(self, resource: Resource) -> Probe:
        """As the other transport's."""
        return self.inner.probe(resource)

    def describe(self) -> str:
        """One line: where from."""
        return self.inner.describe()


@dataclass(frozen=True)
class ReplayTransport:
    """Gives what a crawl was given, and refuses what it was refused."""

    crawl: Crawl

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """As `Transport.fetch`; nothing but the crawl's own documents is there."""
        if resource.key in self.crawl.fetched:
            return self.crawl.fetched[resource.key]
        if resource.key in self.crawl.refused:
            raise self.crawl.refused[resource.key]
        raise transfer_fault(
            FailureKind.NOT_LISTED,
            "the crawl of the source did not ask for it",
            subject=resource.label,
            remedy="Crawl the source again",
        )

    def probe(self, resource: Resource) -> Probe:
        """The checksum of the document."""
        return Probe(resource.url, self.fetch(resource).sha256, "published_checksum")

    def describe(self) -> str:
        """One line: how many documents."""
        return f"{len(self.crawl.fetched)} documents of a crawl"


def record(transport: Transport, crawl: Callable[[Transport], object]) -> Crawl:
    """Crawl a source and keep its documents. Raises whatever the crawl does not put up with."""
    recording = RecordingTransport(transport)
    crawl(recording)
    return Crawl(recording.fetched, recording.refused)


def replay(crawl: Crawl, read: Callable[[Transport], Read]) -> Read:
    """What the same crawl reads from the same documents."""
    return read(ReplayTransport(crawl))
