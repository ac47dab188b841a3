"""A walk over documents that was made once, and the same walk again over what it found.

Some sources are not one file: a record names sheets, sheets name reports, reports name files. Which documents belong to
such a source is known only after it was walked. Here belongs keeping a walk's documents, refusals included, so that
they can be told from another walk's by one checksum and read again without asking anybody. Walks themselves belong to
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
class Walk:
    """What a walk was given.

    Attributes:
        fetched: by the key of the resource.
        refused: faults that the walk put up with, by the key of the resource.
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
    """Gives what a walk was given, and refuses what it was refused."""

    walk: Walk

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """As `Transport.fetch`; nothing but the walk's own documents is there."""
        if resource.key in self.walk.fetched:
            return self.walk.fetched[resource.key]
        if resource.key in self.walk.refused:
            raise self.walk.refused[resource.key]
        raise transfer_fault(
            FailureKind.NOT_LISTED,
            "the walk over the source did not ask for it",
            subject=resource.label,
            remedy="Walk the source again",
        )

    def probe(self, resource: Resource) -> Probe:
        """The checksum of the document."""
        return Probe(resource.url, self.fetch(resource).sha256, "published_checksum")

    def describe(self) -> str:
        """One line: how many documents."""
        return f"{len(self.walk.fetched)} documents of a walk"


def record_walk(transport: Transport, walk: Callable[[Transport], object]) -> Walk:
    """Walk a source and keep its documents. Raises whatever the walk does not put up with."""
    recording = RecordingTransport(transport)
    walk(recording)
    return Walk(recording.fetched, recording.refused)


def repeat_walk(walk: Walk, read: Callable[[Transport], Read]) -> Read:
    """What the same walk reads from the same documents."""
    return read(ReplayTransport(walk))
