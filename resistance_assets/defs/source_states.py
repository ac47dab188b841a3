"""State of each source: what is loaded of it, with checksum and date, or why nothing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import table_of
from resistance_assets.defs.resources import study_source
from resistance_assets.orchestration.lake import Lake

if TYPE_CHECKING:
    from resistance_assets.orchestration.steps import Step

REJECTED = "raw.rejected_rows"

SOURCE_SCHEMA: dict[str, Any] = {
    "source_id": pl.String,
    "title": pl.String,
    "url": pl.String,
    "connector": pl.String,
    "licence": pl.String,
    "licence_url": pl.String,
    "citation": pl.String,
    "state": pl.String,
    "reason": pl.String,
    "version": pl.String,
    "sha256": pl.String,
    "bytes": pl.Int64,
    "etag": pl.String,
    "last_modified": pl.String,
    "retrieved_at": pl.String,
    "transport": pl.String,
    "feeds": pl.String,
}


def feeds_of(steps: Mapping[str, Step]) -> dict[str, tuple[str, ...]]:
    """Source -> tables that are read from it, as the graph has it, without rejected rows."""
    found: dict[str, dict[str, None]] = {}
    for step in steps.values():
        for source in step.sources:
            tables = (table.address for table in step.outputs.values() if table.address != REJECTED)
            found.setdefault(source, {}).update(dict.fromkeys(tables))
    return {source: tuple(sorted(tables)) for source, tables in found.items()}


def state_of_sources(registry: Registry, lake: Lake, feeds: Mapping[str, Sequence[str]] | None = None) -> pl.DataFrame:
    """One row per source of the catalog and per file of a study folder: what is loaded of it, or why nothing is.

    Args:
        registry: says which sources there are.
        lake: knows what was read of them.
        feeds: source -> tables that are read from it.
    """
    seen: dict[str, dict[str, Any]] = {}
    missed: dict[str, str] = {}
    for address in lake.addresses():
        table_version = lake.current(address)
        # What an earlier release left in the lake under another name says nothing of today's sources.
        if table_version is None or not address.startswith(("parts.", "raw.")) or table_of(address) is None:
            continue
        for name, facts in table_version.notes.get("sources", {}).items():
            if name in registry.sources:
                seen[name] = facts
            elif "study" in facts:
                seen[f"{facts['study']}/{facts.get('file', name)}"] = facts
        # A reason begins with what it is about; a source whose id begins another one's is not meant.
        if table_version.reason and (about := table_version.reason.partition(":")[0]) in registry.sources:
            missed[about] = table_version.reason
    # Imported late: with it come the readers of every source.
    from resistance_assets.connectors import READERS

    rows = []
    for source in registry.sources.values():
        facts = seen.pop(source.id, None)
        reason = None
        if facts is None:
            reason = missed.get(source.id) or (
                f"this release has no reader for {source.connector}"
                if source.connector not in READERS
                else "not asked for: no step that reads it has run, or such a step lacked another source first"
            )
        rows.append(
            {
                **source.model_dump(include={"title", "url", "connector", "licence", "licence_url", "citation"}),
                "source_id": source.id,
                "state": "loaded" if facts else "unavailable",
                "reason": reason,
                "sha256": facts and facts.get("checksum"),
                **{
                    name: (facts or {}).get(name)
                    for name in ("version", "bytes", "etag", "last_modified", "retrieved_at", "transport")
                },
                "feeds": ", ".join((feeds or {}).get(source.id, ())),
            }
        )
    for name, facts in sorted(seen.items()):
        local = registry.local_studies.get(name.split("/")[0])
        if local is None:
            continue
        rows.append(
            {
                "source_id": name,
                "title": local.study.title,
                "url": f"study:{name}",
                "connector": "local_study",
                "licence": local.study.licence or "not stated by the study",
                "licence_url": None,
                "citation": local.study.citation or local.study.accession,
                "state": "loaded",
                "sha256": facts.get("checksum"),
                "bytes": facts.get("bytes"),
                "transport": "local",
                "feeds": ", ".join((feeds or {}).get(study_source(local.id), ())),
            }
        )
    return pl.DataFrame(rows, schema=SOURCE_SCHEMA)
