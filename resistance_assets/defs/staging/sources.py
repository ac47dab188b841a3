"""What a run has of a source is put into the lake, and taken from there where nothing else has it.

A host with a mirror or a network asks these first, as it would without the lake's copy, so that a newer version is
noticed. With the profile `lake` the copy alone decides: every host computes from what the last run of those had.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from resistance_assets.catalog.models.source import Source
from resistance_assets.connectors.transport.replay import Crawl
from resistance_assets.connectors.transport.resource import Fetched, failure_kind, without_secrets
from resistance_assets.connectors.transport.staged import StagedSource, bring, staged_source
from resistance_assets.errors import Fault, SourceUnavailable, TransportFault
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.steps import is_same_failure
from resistance_assets.orchestration.stores.sources import SourceFiles, open_source_files
from resistance_assets.settings import Settings


@dataclass(frozen=True)
class Staging:
    """Sources of the lake as one run uses them.

    Attributes:
        files: of the lake.
        is_first: whether the lake is asked before, and instead of, mirror and hosts.
        is_written: whether what is had from elsewhere is put into the lake.
    """

    files: SourceFiles
    is_first: bool
    is_written: bool
    _noted: dict[str, StagedSource] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def find(self, source: Source) -> StagedSource | None:
        """What was had of a source at its present address; None where nothing is known."""
        record = self.files.record(source.id)
        found = None if record is None else staged_source(record, self.files)
        return found if found is not None and found.url == without_secrets(source.url) else None

    def first(self, source: Source) -> StagedSource | None:
        """What the lake has, where it is asked first.

        Raises:
            Fault: as the run was told that had nothing of it.
        """
        found = self.find(source) if self.is_first else None
        if found is not None and found.fault is not None:
            raise found.fault
        return found

    def instead(self, source: Source, fault: Fault) -> StagedSource | None:
        """What the lake has of a source that mirror and host do not have now; None where it has nothing."""
        found = self.find(source)
        if found is None or found.fault is not None:
            return None
        if source.id not in self._told:
            self._told.add(source.id)
            emit(ProgressEvent("note", source.id, message=f"{source.id} is taken from the lake: {fault.problem}"))
        return found

    def note_fault(self, source: Source, fault: Fault) -> None:
        """Keep why nothing was had of a source, where nothing else is known of it."""
        if not self.is_written or self.is_first:
            return
        found = self.find(source)
        if found is None or (found.fault is not None and not is_same_failure(str(found.fault), str(fault))):
            self.files.note(source.id, StagedSource(without_secrets(source.url), "", fault=fault).as_record())

    def keep(self, source: Source, staged: StagedSource) -> None:
        """Put what was had of a source into the lake, bytes first."""
        if not self.is_written:
            return
        before = self._noted.get(source.id) or self.find(source)
        documents = staged.documents
        if before is not None and before.fault is None and before.checksum == staged.checksum:
            # Pages of a list may differ in what does not count: those that tables' records name are left.
            kept = {
                key: fetched
                for key, fetched in before.documents.fetched.items()
                if _same(fetched, documents.fetched.get(key)) or self.files.holds(fetched.sha256)
            }
            documents = Crawl({**documents.fetched, **kept}, documents.refused)
        for key, fetched in documents.fetched.items():
            had = staged.documents.fetched.get(key)
            if _same(fetched, had) and had is not None:
                self.files.keep(had.path, had.sha256)
        merged = replace(staged, documents=documents)
        if before is None or before.fault is not None or _identity(before) != _identity(merged):
            self.files.note(source.id, merged.as_record())
        self._noted[source.id] = merged

    def keep_further(self, source: Source, fetched: Fetched) -> None:
        """Add a file that was fetched later, as one that a list names."""
        known = self._noted.get(source.id)
        if self.is_written and known is not None:
            files = {**known.documents.fetched, fetched.resource.key: fetched}
            self.keep(source, replace(known, documents=Crawl(files, known.documents.refused)))

    def bring(self, source: Source, staged: StagedSource, anew: Callable[[], StagedSource]) -> None:
        """Make sure that every file of a source is on this host.

        Args:
            source: whose they are.
            staged: as the lake has it.
            anew: asks mirror or host, where the lake's copy cannot be used; what they have counts if it is the same.

        Raises:
            TransportFault: the lake's copy cannot be used, and nobody else has the same.
        """
        try:
            for fetched in staged.documents.fetched.values():
                bring(self.files, fetched)
        except TransportFault as fault:
            try:
                found = anew()
            except (SourceUnavailable, TransportFault):
                raise fault from None
            if found.checksum != staged.checksum:
                raise
            for key, fetched in staged.documents.fetched.items():
                had = found.documents.fetched.get(key)
                if had is None or had.sha256 != fetched.sha256:
                    bring(self.files, fetched)
                else:
                    self.files.take(had.path, had.sha256, fetched.path.name)
            self.keep(source, found)


def _same(one: Fetched, other: Fetched | None) -> bool:
    return other is not None and one.sha256 == other.sha256


def _identity(staged: StagedSource) -> tuple[object, ...]:
    documents = staged.documents
    return (
        staged.url,
        staged.checksum,
        {key: fetched.sha256 for key, fetched in documents.fetched.items()},
        {key: failure_kind(fault) for key, fault in documents.refused.items()},
    )


def open_staging(settings: Settings, *, is_written: bool) -> Staging | None:
    """Sources of the lake for these settings; None where the lake is a folder, whose users share its downloads."""
    if open_source_files(settings.data_dir) is None:
        return None
    address = settings.lake.get_secret_value() if settings.lake is not None else ""
    return _open_staging(address, settings.data_dir, settings.is_from_lake, is_written)


@functools.lru_cache(maxsize=8)
def _open_staging(address: str, data_dir: Path, is_first: bool, is_written: bool) -> Staging | None:
    files = open_source_files(data_dir)
    return None if files is None else Staging(files, is_first, is_written)
