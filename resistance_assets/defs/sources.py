"""Sources: observed, not ours. One observable asset per source of the catalog."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from resistance_assets.catalog.faults import Fault
from resistance_assets.catalog.registry import Registry, Source
from resistance_assets.defs.resources import Origins, current_registry


def source_key(source_id: str) -> dg.AssetKey:
    return dg.AssetKey(["source", source_id])


def source_spec(source: Source) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=source_key(source.id),
        group_name="source",
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
            "feeds": ", ".join(source.feeds),
        },
    )


def observe(registry: Registry, origins: Origins, keys: set[dg.AssetKey], log) -> Iterator[dg.ObserveResult]:
    """Probe sources; one that cannot be looked at keeps the version that it had, and says so.

    Raises:
        dg.Failure: not one of them could be looked at, which must not read as "unchanged".
    """
    seen = 0
    problems = []
    for source in registry.sources.values():
        if source_key(source.id) not in keys:
            continue
        try:
            probe = origins.probe(source)
        except Fault as fault:
            problems.append(f"{source.id}: {fault}")
            log.warning(f"{source.id} could not be looked at and keeps its version: {fault}")
            continue
        seen += 1
        yield dg.ObserveResult(
            asset_key=source_key(source.id),
            data_version=dg.DataVersion(probe.token),
            metadata={"noticed_by": probe.basis, **probe.details},
        )
    if problems and not seen:
        raise dg.Failure(
            description=f"no source could be looked at; the first of {len(problems)}: {problems[0]}", allow_retries=True
        )


def source_assets(registry: Registry) -> dg.AssetsDefinition:
    """Every source as one observable asset each, probed together."""

    @dg.multi_observable_source_asset(
        name="observe_sources",
        specs=[source_spec(source) for source in registry.sources.values()],
        can_subset=True,
        required_resource_keys={"premises"},
    )
    def observe_sources(context) -> Iterator[dg.ObserveResult]:  # Dagster refuses a postponed annotation
        origins = context.resources.premises.origins()
        yield from observe(registry, origins, set(context.selected_asset_keys), context.log)

    return observe_sources


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(assets=[source_assets(current_registry())])
