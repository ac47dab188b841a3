"""Sources of the catalog with those of a lake in an object store beside them: see `sources`.

Whatever was had from a mirror or a host is put into the lake; what neither has now is taken from there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from resistance_assets.catalog.models.source import Source
from resistance_assets.connectors.transport.replay import Crawl, RecordingTransport
from resistance_assets.connectors.transport.resource import FailureKind, Fetched, failure_kind, without_secrets
from resistance_assets.connectors.transport.staged import KeepingTransport, StagedSource, StagedTransport
from resistance_assets.connectors.transport.transport import Probe, Transport
from resistance_assets.defs.resources import Documents, LicenceUndecided, Origins
from resistance_assets.defs.staging.sources import Staging
from resistance_assets.errors import SourceUnavailable, TransportFault
from resistance_assets.orchestration.steps import ExternalInput

Listing = TypeVar("Listing")
Anew = Callable[[], StagedSource]


@dataclass(frozen=True)
class StagingOrigins(Origins):
    """As `Origins`, with the sources of a lake.

    `staging`: of the lake.
    """

    staging: Staging = field(kw_only=True)
    _copies: dict[str, Callable[[], None]] = field(default_factory=dict)

    def fetch(self, source: Source) -> ExternalInput:
        """As `Origins.fetch`; a copy of the lake is at its path once it was brought there."""
        staged = self.had(source, lambda: self._fetch_anew(source))
        (fetched,) = staged.documents.fetched.values()
        return ExternalInput(staged.checksum, fetched.path, staged.facts)

    def _fetch_anew(self, source: Source) -> StagedSource:
        found = Origins.fetch(self, source)
        resource, facts = self.resource(source), found.facts
        fetched = Fetched(
            resource=resource,
            path=found.path,
            sha256=found.checksum,
            size_bytes=facts["bytes"],
            content_type=None,
            etag=facts["etag"],
            last_modified=facts["last_modified"],
            retrieved_at=datetime.fromisoformat(facts["retrieved_at"]),
            resolved_url=facts["resolved_url"],
            transport=facts["transport"],
        )
        documents = Crawl({resource.key: fetched}, {})
        return StagedSource(without_secrets(source.url), found.checksum, facts, documents)

    def crawl(self, source: Source, crawl: Callable[[Transport], object]) -> Documents:
        """As `Origins.crawl`."""

        def anew() -> StagedSource:
            found = Origins.crawl(self, source, crawl)
            return _with_files(StagedSource(without_secrets(source.url), found.checksum, found.facts, found.crawl))

        staged = self.had(source, anew)
        documents = staged.documents
        own = next((f for f in documents.fetched.values() if f.resource.url == source.url), None)
        first = own or next(iter(documents.fetched.values()))
        return Documents(staged.checksum, first.path, staged.facts, crawl=documents)

    def probe(self, source: Source) -> Probe:
        """As `Origins.probe`: mirror or host is asked, unless the run takes its sources from the lake."""
        staged = self.staging.first(source)
        if staged is not None:
            return Probe(staged.url, staged.checksum, "published_checksum")
        return Origins.probe(self, source)

    def bring(self, external: ExternalInput) -> None:
        """Make sure that the files of a source are on this host: copies of the lake are fetched when they are read.

        Raises:
            TransportFault: the lake's copy cannot be used, and nobody else has the same.
        """
        if (bring := self._copies.get(external.checksum)) is not None:
            bring()

    def had(self, source: Source, anew: Anew) -> StagedSource:
        """What is had of a source: from mirror or host, and from the lake where neither has it, or if that is first.

        Raises:
            SourceUnavailable, TransportFault: as `anew`.
        """
        staged = self.staging.first(source)
        if staged is None:
            try:
                self._require_opt_in(source)
                found = anew()
            except (SourceUnavailable, TransportFault) as fault:
                # Wrong bytes, and a licence that nobody decided on, are no reason to take others.
                is_absent = isinstance(fault, SourceUnavailable) or failure_kind(fault) is FailureKind.FILE_MISSING
                is_absent = is_absent and not isinstance(fault, LicenceUndecided)
                staged = self.staging.instead(source, fault) if is_absent else None
                if staged is None:
                    self.staging.note_fault(source, fault)
                    raise
                self.looks[source.id] = str(fault)
            else:
                self.staging.keep(source, found)
                return found
        self._copies[staged.checksum] = functools.partial(self.staging.bring, source, staged, anew)
        return staged


def ask_for_list(
    origins: Origins,
    source: Source,
    ask: Callable[[Transport], Listing],
    describe: Callable[[Listing], tuple[str, dict[str, Any]]],
) -> tuple[Listing, dict[str, Any], Transport]:
    """What a source lists, what is recorded of it, and where to get what it names.

    Args:
        origins: where the source is had from.
        source: that is asked.
        ask: what it lists, by a transport.
        describe: change token and facts of that.

    Raises:
        SourceUnavailable, TransportFault: it cannot be had.
    """
    listings: list[Listing] = []

    def ask_anew() -> StagedSource:
        recording = RecordingTransport(origins.transport)
        try:
            listings.append(ask(recording))
        except SourceUnavailable as fault:
            raise SourceUnavailable(fault.problem, subject=source.id, remedy=fault.remedy) from fault
        version, facts = describe(listings[-1])
        return StagedSource(without_secrets(source.url), version, facts, Crawl(recording.fetched, recording.refused))

    if not isinstance(origins, StagingOrigins):
        facts = dict(ask_anew().facts)
        return listings[-1], facts, origins.transport
    staging = origins.staging
    staged = origins.had(source, lambda: _with_files(ask_anew()))
    transport: Transport = origins.transport
    if staged.is_copy:
        transport = StagedTransport(staged.documents, staging.files, transport)
        listings.append(ask(transport))
    facts = dict(staged.facts)

    def keep(fetched: Fetched) -> None:
        """What the list names is of the source as well: it is put into the lake, and named by the tables' records."""
        if not staged.is_copy:
            staging.keep_further(source, fetched)
        if fetched.sha256 not in facts["files"]:
            facts["files"].append(fetched.sha256)

    return listings[-1], facts, KeepingTransport(transport, keep)


def _with_files(staged: StagedSource) -> StagedSource:
    """With the checksum of each file among its facts, by which `prune` knows what a table was made from."""
    return replace(staged, facts={**staged.facts, "files": staged.digests})
