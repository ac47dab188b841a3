"""What assets need of the place they run in: settings, lake, origins, and the registry they are made from.

Here belongs the one bridge between settings and the other packages. Nothing is opened before an asset asks for it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.own_catalog import files_of
from resistance_assets.catalog.registry import Registry, load_registry
from resistance_assets.connectors.arrayexpress.biostudies import accession_of, info_resource, read_info
from resistance_assets.connectors.gene_lists.gene_list_file import read_gene_list
from resistance_assets.connectors.transport.fallbacks import fetch_with_fallbacks
from resistance_assets.connectors.transport.published_versions import published_version
from resistance_assets.connectors.transport.replay import Crawl, record
from resistance_assets.connectors.transport.resource import FailureKind, failure_kind, transfer_fault, without_secrets
from resistance_assets.connectors.transport.staged import NoTransport
from resistance_assets.connectors.transport.transport import Probe, Resource, Transport, open_transport, sha256_of
from resistance_assets.defs.staging.configuration import adopt_configuration
from resistance_assets.defs.staging.sources import open_staging
from resistance_assets.errors import Fault, SourceUnavailable, TransportFault, UsageFault
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.lake import Lake, open_lake
from resistance_assets.orchestration.steps import MOST_TOLD, ExternalInput
from resistance_assets.settings import Settings, load_settings


class LicenceUndecided(SourceUnavailable):
    """A source that is not asked for before somebody decided whether its licence may be accepted."""


def current_registry() -> Registry:
    """The catalog with what the settings lay over it, and their studies; read again only where a file changed."""
    settings = load_settings()
    if settings.is_from_lake:
        adopt_configuration(settings)
        settings = load_settings()
    folders, genes = settings.study_dirs, settings.genes
    read = [*files_of(settings.catalog_dirs)]
    read += [path for folder in folders for path in sorted(folder.glob("**/study.toml"))]
    stamps = tuple((str(path), path.stat().st_mtime_ns) for path in read)
    if genes is not None:
        if not genes.is_file():
            raise UsageFault(
                "there is no such file", subject=f"--genes {genes}", remedy="Correct --genes or RESISTANCE_GENES."
            )
        stamps = (*stamps, (str(genes), genes.stat().st_mtime_ns))
    return _registry(folders, genes, settings.catalog_dirs, settings.sets, stamps)


@functools.lru_cache(maxsize=4)
def _registry(
    folders: tuple[Path, ...],
    genes: Path | None,
    own_catalogs: tuple[Path, ...],
    sets: tuple[str, ...],
    stamps: tuple[tuple[str, int], ...],
) -> Registry:
    asked = () if genes is None else read_gene_list(genes)[0]["symbol"].to_list()
    return load_registry(folders, genes_of_interest=asked, own_catalogs=own_catalogs, sets=sets)


@dataclass(frozen=True)
class Documents(ExternalInput):
    """A source that is several documents: what a crawl over it found. `path` is the first of them."""

    crawl: Crawl = field(default_factory=lambda: Crawl({}, {}))


@dataclass(frozen=True)
class Origins:
    """Sources of the catalog as verified files, from a mirror or live.

    `work_dir`: where long work keeps what is done of it, so that a run that was cut goes on.
    `data_dir`: of the run, for steps that rest on what the warehouse knows of itself.
    `looks`: source -> why it could not be had, None where it could: what this process found so far.
    """

    transport: Transport
    opt_in: tuple[str, ...]
    is_live: bool
    work_dir: Path
    data_dir: Path | None = None
    looks: dict[str, str | None] = field(default_factory=dict)

    def lake(self) -> Lake:
        """The lake of the run."""
        if self.data_dir is None:
            raise ValueError("these sources were opened without a data folder")
        return open_lake(self.data_dir)

    def resource(self, source: Source) -> Resource:
        return Resource(
            url=source.url,
            content=source.content,
            markers=source.markers,
            sha256=source.sha256,
            name=source.id,
            least_bytes=source.least_bytes,
        )

    def fetch(self, source: Source) -> ExternalInput:
        """The source's file, verified.

        Raises:
            SourceUnavailable: it cannot be had now, or its licence asks for a decision that was not taken.
            TransportFault: bytes came, but not the right ones.
        """
        self._require_opt_in(source)

        def report(done: int, total: int | None) -> None:
            emit(ProgressEvent("bytes", source.id, done=done, total=total))

        with self._looking(source), _faults_of(source):
            fetched = fetch_with_fallbacks(self.transport, self.resource(source), source.fallbacks, progress=report)
            version = published_version(source.url, fetched.path)
        facts = {
            "url": without_secrets(source.url),
            "resolved_url": fetched.resolved_url,
            "bytes": fetched.size_bytes,
            "etag": fetched.etag,
            "last_modified": fetched.last_modified,
            "retrieved_at": fetched.retrieved_at.isoformat(timespec="seconds"),
            "transport": fetched.transport,
            "version": version,
        }
        return ExternalInput(checksum=fetched.sha256, path=fetched.path, facts=facts)

    def crawl(self, source: Source, crawl: Callable[[Transport], object]) -> Documents:
        """Every document that a crawl over the source asks for.

        Raises as `fetch`, in the name of the source.
        """
        self._require_opt_in(source)
        try:
            with self._looking(source), _faults_of(source):
                found = record(self.transport, crawl)
        except (SourceUnavailable, TransportFault) as fault:
            raise type(fault)(
                fault.problem, subject=source.id, place=fault.subject, expected=fault.expected, remedy=fault.remedy
            ) from fault
        own = next((f for f in found.fetched.values() if f.resource.url == source.url), None)
        first = own or next(iter(found.fetched.values()))
        facts = {
            "url": without_secrets(source.url),
            "resolved_url": first.resolved_url,
            "documents": len(found.fetched),
            "bytes": found.size_bytes,
            "etag": first.etag,
            "last_modified": first.last_modified,
            "retrieved_at": first.retrieved_at.isoformat(timespec="seconds"),
            "transport": first.transport,
        }
        return Documents(checksum=found.checksum, path=first.path, facts=facts, crawl=found)

    def probe(self, source: Source) -> Probe:
        """A token that changes when the source does. Raises as `fetch` does."""
        self._require_opt_in(source)
        with self._looking(source):
            if source.connector == "biostudies":
                # The record itself does not say when it changed, and counts its visitors.
                info = info_resource(accession_of(source.url))
                if token := read_info(self.transport.fetch(info).path, source=info.label).version:
                    return Probe(info.url, token, "published_version")
            return self.transport.probe(self.resource(source))

    @contextlib.contextmanager
    def _looking(self, source: Source) -> Iterator[None]:
        """Keeps whether the source could be had."""
        try:
            yield
        except Fault as fault:
            self.looks[source.id] = str(fault)
            raise
        self.looks[source.id] = None

    def _require_opt_in(self, source: Source) -> None:
        if self.is_live and source.opt_in and source.id not in self.opt_in:
            raise LicenceUndecided(
                f"its licence asks for a decision ({source.licence})",
                subject=source.id,
                remedy=f"Read {source.licence_url}, then add {source.id} to RESISTANCE_OPT_IN.",
            )


@contextlib.contextmanager
def _faults_of(source: Source) -> Iterator[None]:
    """Whatever reading a source's bytes raises becomes that source's fault, so that it ends no other's work."""
    try:
        yield
    except SourceUnavailable as fault:
        if source.opt_in and failure_kind(fault) is FailureKind.NOT_LISTED:
            # A mirror is pulled without what asks for a decision, so that the decision comes first.
            raise transfer_fault(
                FailureKind.NOT_LISTED,
                f"the mirror does not list it, and its licence asks for a decision ({source.licence})",
                subject=source.id,
                remedy=f"Read {source.licence_url}, add {source.id} to RESISTANCE_OPT_IN and pull the mirror again",
            ) from fault
        raise
    except (Fault, OSError):
        raise
    except Exception as error:
        told = " ".join(str(error).split())[:MOST_TOLD] or "no further word"
        raise transfer_fault(
            FailureKind.UNREADABLE,
            f"what came cannot be read ({type(error).__name__}: {told})",
            subject=source.id,
            remedy="Open the URL to see what the host now sends",
        ) from error


def open_origins(settings: Settings, *, stages: bool = False) -> Origins:
    """Origins for these settings; nothing is fetched.

    Those of a mirror are the same for every step of a process until its index is written anew, so that the index is
    read, and each file verified, once.

    Args:
        settings: where sources come from.
        stages: put what is had of them into the lake, if that is in an object store; for what computes tables.
    """
    mirror = settings.effective_mirror
    if settings.is_from_lake and mirror is not None and not mirror.exists():
        mirror = None
    if mirror is None:
        return _open(settings, mirror, stages=stages)
    index = mirror / "index.jsonl" if mirror.is_dir() else mirror
    try:
        facts = index.stat()
    except OSError:
        return _open(settings, mirror, stages=stages)  # which says that there is no mirror
    key = (settings.model_dump_json(), stages, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino)
    if key not in _OPENED:
        _OPENED.clear()
        _OPENED[key] = _open(settings, mirror, stages=stages)
    return _OPENED[key]


_OPENED: dict[tuple[str, bool, int, int, int, int], Origins] = {}


def _open(settings: Settings, mirror: Path | None, *, stages: bool) -> Origins:
    asks_hosts = mirror is None and (not settings.is_from_lake or settings.else_ask == "hosts")
    if mirror is None and not asks_hosts:
        transport: Transport = NoTransport()
    else:
        transport = open_transport(
            mirror=mirror, cache_dir=settings.cache_dir, host_map=settings.host_map, contact=settings.contact
        )
    opened = {
        "transport": transport,
        "opt_in": settings.opt_in,
        "is_live": asks_hosts,
        "work_dir": settings.cache_dir / "quantified",
        "data_dir": settings.data_dir,
    }
    staging = open_staging(settings, is_written=stages)
    if staging is None:
        return Origins(**opened)
    from resistance_assets.defs.staging.origins import StagingOrigins

    return StagingOrigins(**opened, staging=staging)


def study_source(study_id: str) -> str:
    """Name of the source that the files of a laboratory study are."""
    return f"study_{study_id}"


def local_files(study_id: str, files: Mapping[str, Path]) -> dict[str, ExternalInput]:
    """Files of a laboratory study as external inputs: name -> checksum, path, and the study among its facts."""
    return {
        name: ExternalInput(
            checksum=sha256_of(path),
            path=path,
            facts={"study": study_id, "file": path.name, "bytes": path.stat().st_size},
        )
        for name, path in files.items()
    }


def fetch_inputs(*sources: Source) -> Callable[[Origins], Mapping[str, ExternalInput]]:
    """Externals of a step that reads these sources."""

    def external_inputs(origins: Origins) -> Mapping[str, ExternalInput]:
        return {source.id: origins.fetch(source) for source in sources}

    return external_inputs


def study_external_inputs(local: LocalStudy) -> Callable[[Origins], Mapping[str, ExternalInput]]:
    """The files of a laboratory's study, each under its name in the study's folder."""
    return lambda origins: local_files(local.id, {str(path.relative_to(local.folder)): path for path in local.files})
