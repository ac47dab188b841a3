"""What assets need of the place they run in: settings, lake, origins, and the registry they are made from.

Here belongs the one bridge between settings and the other packages. Nothing is opened before an asset asks for it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from resistance_assets.catalog.faults import SourceUnavailable
from resistance_assets.catalog.registry import Registry, Source, load_registry
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.memo import External
from resistance_assets.orchestration.progress import Announcement, announce
from resistance_assets.origins.transport import Probe, Resource, Transport, open_transport, sha256_of
from resistance_assets.settings import Settings, load_settings


def current_registry() -> Registry:
    """The catalog with the studies that the settings name; read again only where a study.toml changed."""
    folders = load_settings().study_dirs
    stamps = tuple(
        (str(path), path.stat().st_mtime_ns) for folder in folders for path in sorted(folder.glob("**/study.toml"))
    )
    return _registry(folders, stamps)


@functools.lru_cache(maxsize=4)
def _registry(folders: tuple[Path, ...], stamps: tuple[tuple[str, int], ...]) -> Registry:
    return load_registry(folders)


@dataclass(frozen=True)
class Origins:
    """Sources of the catalog as verified files, from a mirror or live."""

    transport: Transport
    opt_in: tuple[str, ...]
    is_live: bool

    def resource(self, source: Source) -> Resource:
        return Resource(
            url=source.url, content=source.content, markers=source.markers, sha256=source.sha256, name=source.id
        )

    def fetch(self, source: Source) -> External:
        """The source's file, verified.

        Raises:
            SourceUnavailable: it cannot be had now, or its licence asks for a decision that was not taken.
            TransportFault: bytes came, but not the right ones.
        """
        self._require_opt_in(source)

        def report(done: int, total: int | None) -> None:
            announce(Announcement("bytes", source.id, done=done, total=total))

        fetched = self.transport.fetch(self.resource(source), progress=report)
        facts = {
            "url": source.url,
            "resolved_url": fetched.resolved_url,
            "bytes": fetched.size_bytes,
            "etag": fetched.etag,
            "last_modified": fetched.last_modified,
            "retrieved_at": fetched.retrieved_at.isoformat(timespec="seconds"),
            "transport": fetched.transport,
        }
        return External(checksum=fetched.sha256, path=fetched.path, facts=facts)

    def probe(self, source: Source) -> Probe:
        """A token that changes when the source does. Raises as `fetch` does."""
        self._require_opt_in(source)
        return self.transport.probe(self.resource(source))

    def _require_opt_in(self, source: Source) -> None:
        if self.is_live and source.opt_in and source.id not in self.opt_in:
            raise SourceUnavailable(
                f"its licence asks for a decision ({source.licence})",
                subject=source.id,
                remedy=f"Read {source.licence_url}, then add {source.id} to RESISTANCE_OPT_IN.",
            )


class WarehousePremises(dg.ConfigurableResource):
    """Lake and origins as the settings say at the moment a step runs."""

    def settings(self) -> Settings:
        return load_settings()

    def lake(self) -> Lake:
        return Lake(self.settings().lake_dir)

    def origins(self) -> Origins:
        return open_origins(self.settings())


def open_origins(settings: Settings) -> Origins:
    """Origins for these settings; nothing is fetched."""
    mirror = settings.effective_mirror
    transport = open_transport(
        mirror=mirror, cache_dir=settings.cache_dir, host_map=settings.host_map, contact=settings.contact
    )
    return Origins(transport=transport, opt_in=settings.opt_in, is_live=mirror is None)


def local_files(files: Mapping[str, Path]) -> dict[str, External]:
    """Files of a laboratory study as externals: name -> checksum and path."""
    return {
        name: External(checksum=sha256_of(path), path=path, facts={"file": path.name, "bytes": path.stat().st_size})
        for name, path in files.items()
    }


@dg.definitions
def defs() -> dg.Definitions:
    executors = {
        "in_process": dg.in_process_executor,
        "multiprocess": dg.multiprocess_executor.configured({"max_concurrent": 2}),
    }
    return dg.Definitions(resources={"premises": WarehousePremises()}, executor=executors[load_settings().executor])
