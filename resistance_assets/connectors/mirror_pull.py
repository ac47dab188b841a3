"""Filling a mirror where there is a network, for machines where there is none.

Here belongs going through the sources of the catalog and keeping what their connectors ask for. The format of a mirror
and reading one are in `mirror`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.source import Source
from resistance_assets.connectors.arrayexpress import biostudies
from resistance_assets.connectors.arrayexpress.ena import fastq_resources, preferred_fastq
from resistance_assets.connectors.gdc import counts as gdc
from resistance_assets.connectors.gdc.clinical import list_cases
from resistance_assets.connectors.geo import series as geo
from resistance_assets.connectors.transport.fallbacks import fetch_with_fallbacks
from resistance_assets.connectors.transport.mirror import MirrorTransport, write_mirror
from resistance_assets.connectors.transport.resource import Fetched, Probe, Progress, Resource, Transport
from resistance_assets.errors import CatalogFault, Fault, SourceUnavailable, TransportFault

PULL_SCHEMA: dict[str, type[pl.DataType]] = {
    "source_id": pl.String,
    "url": pl.String,
    "state": pl.String,
    "size_bytes": pl.Int64,
    "sha256": pl.String,
    "reason": pl.String,
}
"""One row per resource: state is `fetched`, `kept` (the mirror held it already) or `unavailable` (with the reason)."""


class KeepingTransport:
    """Gets resources through another transport and keeps each in a mirror, one by one, so that a pull that is cut goes
    on where it ended. What the mirror holds intact is taken from there, unless `refresh`."""

    def __init__(
        self, inner: Transport, folder: Path, notes: Mapping[str, str], *, refresh: bool, told: list[dict[str, object]]
    ) -> None:
        self._inner, self._folder, self._notes, self._refresh, self._told = inner, folder, notes, refresh, told
        self._seen: set[str] = set()

    def fetch(self, resource: Resource, *, progress: Progress | None = None) -> Fetched:
        """As `Transport.fetch`; a failure is noted and raised."""
        held = None if self._refresh and resource.key not in self._seen else self._held(resource)
        try:
            fetched = held or self._inner.fetch(resource, progress=progress)
        except Fault as fault:
            self._note(resource, "unavailable", None, str(fault))
            raise
        if held is None:
            notes = {**self._notes, "provenance": f"fetched from {fetched.resolved_url}"}
            write_mirror(self._folder, [fetched], notes={resource.url: notes})
        if resource.key not in self._seen:
            self._note(resource, "kept" if held else "fetched", fetched, None)
        self._seen.add(resource.key)
        return fetched

    def _held(self, resource: Resource) -> Fetched | None:
        try:
            return MirrorTransport(self._folder).fetch(resource)
        except (CatalogFault, SourceUnavailable, TransportFault):
            return None

    def _note(self, resource: Resource, state: str, fetched: Fetched | None, reason: str | None) -> None:
        self._told.append(
            {
                "source_id": self._notes["source_id"],
                "url": resource.url,
                "state": state,
                "size_bytes": fetched.size_bytes if fetched else None,
                "sha256": fetched.sha256 if fetched else None,
                "reason": reason,
            }
        )

    def probe(self, resource: Resource) -> Probe:
        """As the other transport's."""
        return self._inner.probe(resource)

    def describe(self) -> str:
        """One line: where from and where to."""
        return f"{self._inner.describe()}, kept in {self._folder}"


def pull_mirror(
    sources: Sequence[Source],
    folder: Path,
    transport: Transport,
    *,
    opt_in: Collection[str] = (),
    reads: bool = False,
    refresh: bool = False,
    emit: Callable[[str, int, int], None] | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Fetch what sources need into a mirror, so that a run with `--mirror` does without the network.

    A source with an accession is crawled by its connector, so that the mirror holds what a run will ask for: of
    ArrayExpress the record, its files' list, sheets and ENA's report, of GEO record, matrices and counts, of GDC the
    list of files and the bundles, or the cases. Of any other source, `url` and `also`.

    Args:
        sources: entries of the catalog.
        folder: the mirror, new or not.
        transport: where to get things.
        opt_in: ids of sources whose licence asks for a decision that was taken; others of them are left out.
        reads: also the FASTQ files, which are many gigabytes.
        refresh: ask for everything anew, rather than for what the mirror lacks.
        emit: called as (source id, number, how many) before each source.
        progress: called with the bytes of each resource.

    Returns:
        source_id, url, state, size_bytes, sha256, reason: see `PULL_SCHEMA`. A source that cannot be had does not stop
        the others.
    """
    told: list[dict[str, object]] = []
    for number, source in enumerate(sources, start=1):
        if emit:
            emit(source.id, number, len(sources))
        if source.opt_in and source.id not in opt_in:
            reason = f"its licence asks for a decision ({source.licence}): add it to RESISTANCE_OPT_IN"
            told.append({"source_id": source.id, "url": source.url, "state": "unavailable", "reason": reason})
            continue
        notes = {"source_id": source.id, "licence": source.licence}
        keeping = KeepingTransport(transport, folder, notes, refresh=refresh, told=told)
        before = len(told)
        try:
            _walk(source, keeping, reads=reads, progress=progress)
        except Fault as fault:
            # What the transport could not get is noted already; a connector may also fail on what it got.
            if not any(row["state"] == "unavailable" for row in told[before:]):
                told.append({"source_id": source.id, "url": source.url, "state": "unavailable", "reason": str(fault)})
    blank = dict.fromkeys(PULL_SCHEMA)
    return pl.DataFrame([blank | row for row in told], schema=PULL_SCHEMA)


def _walk(source: Source, transport: KeepingTransport, *, reads: bool, progress: Progress | None) -> None:
    own = Resource(source.url, content=source.content, markers=source.markers, sha256=source.sha256, name=source.title)
    if source.connector == "biostudies":
        accession = biostudies.accession_of(source.url)
        study = biostudies.fetch_study(transport, accession)
        biostudies.fetch_processed(transport, accession, study)
        if reads:
            for resource in fastq_resources(preferred_fastq(study.run_files)):
                transport.fetch(resource, progress=progress)
        return
    if source.connector == "geo" and (accession := geo.accession_of(source.url)):
        series, _ = geo.fetch_series_with_genes(transport, accession, with_runs=True)
        if reads and series.authors.reads is not None:
            for resource in fastq_resources(preferred_fastq(series.authors.reads.files)):
                transport.fetch(resource, progress=progress)
        return
    if source.connector == "gdc" and (found := re.match(r"gdc_([a-z]+)_([a-z]+)_", source.id)):
        project = f"{found[1]}-{found[2]}".upper()
        if source.url.startswith(f"{gdc.HOST}/cases"):
            list_cases(transport, project)
            return
        _if_there_is(transport, gdc.status_resource(), progress)
        files = gdc.list_files(transport, project)
        for _ in gdc.fetch_files(transport, files):
            pass
        return
    fetch_with_fallbacks(transport, own, source.fallbacks, progress=progress)
    for url in source.also:
        content = "gzip" if url.endswith(".gz") else "any"
        _if_there_is(transport, replace(own, url=url, content=content, markers=(), sha256=None), progress)


def _if_there_is(transport: KeepingTransport, resource: Resource, progress: Progress | None) -> None:
    """Fetch what a run can do without; a failure is noted by the transport."""
    with suppress(SourceUnavailable, TransportFault):
        transport.fetch(resource, progress=progress)
