"""Sources: observed, not ours. One observable asset per source of the catalog and per laboratory study."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from resistance_assets.catalog.groups import SOURCES
from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.transport.transport import sha256_of
from resistance_assets.defs.resources import LicenceUndecided, Origins, study_source
from resistance_assets.errors import Fault
from resistance_assets.orchestration.code_version import parameters_version
from resistance_assets.orchestration.dagster.automation import (
    SourceObservation,
    compare_observations,
    describe_failures,
)
from resistance_assets.orchestration.source_log import Look, note_looks
from resistance_assets.settings import load_settings


def source_key(source_id: str) -> dg.AssetKey:
    return dg.AssetKey(["source", source_id])


def source_spec(source: Source, feeds: Sequence[str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=source_key(source.id),
        group_name=SOURCES,
        description=f"{source.title}\n\n**Licence:** {source.licence}\n\n**Cite:** {source.citation}",
        kinds={source.connector, "source"},
        owners=["team:data-engineering"],
        tags={"connector": source.connector, "opt_in": str(source.opt_in).lower()},
        metadata={
            "url": dg.MetadataValue.url(source.url),
            "licence": source.licence,
            "licence_url": dg.MetadataValue.url(source.licence_url),
            "citation": source.citation,
            "change_noticed_by": ", ".join(source.change),
            "feeds": ", ".join(feeds),
        },
    )


def study_key(study_id: str) -> dg.AssetKey:
    return source_key(study_source(study_id))


def study_spec(local: LocalStudy) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=study_key(local.id),
        group_name=SOURCES,
        description=f"{local.study.title}\n\nThe files of a laboratory study, as they are on this machine.",
        kinds={"study", "source"},
        owners=["team:data-engineering"],
        metadata={
            "files": ", ".join(path.name for path in (*local.files, *local.list_files)),
            "change_noticed_by": "sha256",
        },
    )


def observe_sources(
    registry: Registry, origins: Callable[[], Origins], names: Collection[str] | None = None
) -> dict[str, SourceObservation]:
    """Look at sources and at the files of laboratory studies.

    Args:
        registry: says which there are.
        origins: opened when the first source is looked at, so that a mirror that is not there fails these alone.
        names: last part of the asset keys; all by default.

    Returns:
        Last part of the asset key -> what was found.
    """
    observations: dict[str, SourceObservation] = {}
    for source in registry.sources.values():
        if names is None or source.id in names:
            try:
                probe = origins().probe(source)
                observations[source.id] = SourceObservation(
                    probe.token, details={"noticed_by": probe.basis, **probe.details}
                )
            except Fault as fault:
                observations[source.id] = SourceObservation(
                    None, problem=str(fault), host=urlsplit(source.url).hostname,
                    is_wanted=not isinstance(fault, LicenceUndecided),
                )  # fmt: skip
    for local in registry.local_studies.values():
        name = study_source(local.id)
        if names is None or name in names:
            try:
                checksums = {path.name: sha256_of(path) for path in (*local.files, *local.list_files)}
                observations[name] = SourceObservation(
                    parameters_version(checksums), is_remote=False, details=checksums
                )
            except OSError as error:
                observations[name] = SourceObservation(
                    None, problem=f"{error.filename}: {error.strerror}", is_remote=False
                )
    return observations


def note_observations(observations: Mapping[str, SourceObservation]) -> dict[str, Look]:
    """Keep when each source was looked at; returns what is known of all of them."""
    return note_looks(load_settings().data_dir, {name: found.problem for name, found in observations.items()})


def observe(
    registry: Registry, origins: Callable[[], Origins], keys: Collection[dg.AssetKey], log: Any
) -> Iterator[dg.ObserveResult]:
    """Look at sources; one that cannot be looked at keeps the version that it had, and says so.

    Raises:
        dg.Failure: not one host could be looked at, which must not read as "unchanged".
    """
    observations = observe_sources(registry, origins, {key.path[-1] for key in keys})
    note_observations(observations)
    for name, observation in observations.items():
        if observation.version is None and not observation.is_wanted:
            continue
        if observation.version is None:
            log.warning(f"{name} could not be looked at and keeps its version: {observation.problem}")
        else:
            yield dg.ObserveResult(
                asset_key=dg.AssetKey(["source", name]),
                data_version=dg.DataVersion(observation.version),
                metadata=observation.details,
            )
    diff = compare_observations(None, observations)
    if diff.nothing_seen:
        raise dg.Failure(
            description=f"no source could be looked at: {describe_failures(observations)}", allow_retries=True
        )


def source_assets(registry: Registry, feeds: Mapping[str, Sequence[str]]) -> dg.AssetsDefinition:
    """Every source, and every laboratory study, as one observable asset each, looked at together."""

    @dg.multi_observable_source_asset(
        name="observe_sources",
        specs=[
            *(source_spec(source, feeds.get(source.id, ())) for source in registry.sources.values()),
            *(study_spec(local) for local in registry.local_studies.values()),
        ],
        can_subset=True,
        required_resource_keys={"warehouse_resource"},
    )
    def source_observation(context) -> Iterator[dg.ObserveResult]:  # Dagster refuses a postponed annotation
        origins = functools.cache(context.resources.warehouse_resource.origins)
        yield from observe(registry, origins, set(context.selected_asset_keys), context.log)

    return source_observation
