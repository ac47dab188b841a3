"""Projects of the Genomic Data Commons: gene counts of tumours and normal tissue, and what the clinic reports."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.models.cohort import Project
from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.formats.delimited import rejected_rows
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.gdc.clinical import cases_version, list_cases
from resistance_assets.connectors.gdc.counts import fetch_files, files_version, list_files
from resistance_assets.connectors.gdc.rows import CASES, COUNT_TABLES, read_project
from resistance_assets.connectors.transport.transport import Transport
from resistance_assets.defs.resources import Origins
from resistance_assets.defs.staging.origins import ask_for_list
from resistance_assets.orchestration.events import ProgressEvent, emit
from resistance_assets.orchestration.partitions import partition_of, rejected_of, union_of
from resistance_assets.orchestration.steps import ExternalInput, Inputs, Step
from resistance_assets.orchestration.table_steps import table_step


@dataclass(frozen=True)
class Listed(ExternalInput):
    """A list that the host gave, whose checksum stands for what it lists, and the way to get that."""

    listed: pl.DataFrame = field(default_factory=pl.DataFrame)
    set_aside: pl.DataFrame = field(default_factory=rejected_rows)
    transport: Transport | None = None


def list_inputs(
    source: Source, ask: Callable[[Transport], tuple[pl.DataFrame, pl.DataFrame, str]]
) -> Callable[[Origins], Mapping[str, ExternalInput]]:
    """Externals of a step that reads what a list names: the list is asked for in every run, its content only where
    the list changed."""

    def describe(origins: Origins, found: tuple[pl.DataFrame, pl.DataFrame, str]) -> tuple[str, dict[str, Any]]:
        listed, _, version = found
        return version, {
            "url": source.url,
            "resolved_url": source.url,
            "bytes": int(listed["size_bytes"].sum()) if "size_bytes" in listed.columns else None,
            "etag": None,
            "last_modified": listed["updated"].max(),
            "retrieved_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "transport": "live" if origins.is_live else "mirror",
        }

    def external_inputs(origins: Origins) -> Mapping[str, ExternalInput]:
        found, facts, transport = ask_for_list(origins, source, ask, functools.partial(describe, origins))
        listed, set_aside, version = found
        return {
            source.id: Listed(
                checksum=version,
                path=Path(),
                facts=facts,
                listed=listed,
                set_aside=set_aside,
                transport=transport,
            )
        }

    return external_inputs


def counts_step(project: Project, source: Source) -> Step:
    """Gene counts of one project."""
    addresses = {name: partition_of(table.address, project.id) for name, table in COUNT_TABLES.items()}
    set_aside = rejected_of(addresses["counts"])
    project_id, hosts_name, source_id = project.id, project.project, source.id

    def ask(transport: Transport) -> tuple[pl.DataFrame, pl.DataFrame, str]:
        files = list_files(transport, hosts_name)
        return files, rejected_rows(), files_version(files)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        external = inputs.external_inputs[source_id]
        assert isinstance(external, Listed)
        assert external.transport is not None

        def report(done: int, in_all: int) -> None:
            emit(ProgressEvent("bytes", f"{source_id}, files", done=done, total=in_all))

        contents = fetch_files(external.transport, external.listed, progress=report)
        made, rejected = read_project(project_id, external.listed, contents)
        return {addresses[name]: frame for name, frame in made.items()} | {set_aside: rejected}

    return table_step(
        outputs={addresses[name]: table for name, table in COUNT_TABLES.items()} | {set_aside: REJECTED},
        compute=compute,
        parameters={"project": project_id, "host": hosts_name},
        external_inputs=list_inputs(source, ask),
        sources=[source.id],
        kinds=["python", "gdc"],
        tags={"project": project_id},
    )


def cases_step(project: Project, source: Source) -> Step:
    """Clinical data of one project."""
    own = partition_of(CASES.address, project.id)
    set_aside = rejected_of(own)
    project_id, hosts_name, source_id = project.id, project.project, source.id

    def ask(transport: Transport) -> tuple[pl.DataFrame, pl.DataFrame, str]:
        cases, rejected = list_cases(transport, hosts_name)
        return cases, rejected, cases_version(cases, rejected)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        external = inputs.external_inputs[source_id]
        assert isinstance(external, Listed)
        return {
            own: external.listed.with_columns(project_id=pl.lit(project_id)),
            set_aside: rejected_as_table([(CASES.address, external.set_aside)]),
        }

    return table_step(
        outputs={own: CASES, set_aside: REJECTED},
        compute=compute,
        parameters={"project": project_id, "host": hosts_name},
        external_inputs=list_inputs(source, ask),
        sources=[source.id],
        kinds=["python", "gdc"],
        tags={"project": project_id},
    )


def steps(registry: Registry) -> list[Step]:
    """Partitions of every project, and their unions."""
    made: list[Step] = []
    for project in registry.projects.values():
        made.append(counts_step(project, registry.sources[project.counts_source]))
        made.append(cases_step(project, registry.sources[project.clinical_source]))
    made += [
        union_of(table.address, [partition_of(table.address, project) for project in registry.projects])
        for table in (*COUNT_TABLES.values(), CASES)
    ]
    return made
