"""`raw.knowledge__*`: curated knowledge of variants and drugs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES, Table
from resistance_assets.connectors.civic import read_civic
from resistance_assets.connectors.dgidb import read_dgidb
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.defs.resources import fetch_inputs
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.partitions import partition_of, rejected_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

Read = Callable[[Path], tuple[pl.DataFrame, pl.DataFrame]]
READERS: dict[str, tuple[Table, Read]] = {
    "civic": (TABLES["raw.knowledge__evidence_items"], read_civic),
    "dgidb": (TABLES["raw.knowledge__drug_interactions"], read_dgidb),
}
"""Connector -> the table that it fills, and its reader."""


def source_step(source: Source, table: Table, read: Read) -> Step:
    """A partition of what one source holds, and its rejected rows."""
    own = partition_of(table.address, source.id)
    rejected = rejected_of(own)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        items, set_aside = read(inputs.external_inputs[source.id].path)
        return {
            own: items.with_columns(source_id=pl.lit(source.id)),
            rejected: rejected_as_table([(table.address, set_aside)]),
        }

    return table_step(
        outputs={own: table, rejected: REJECTED},
        compute=compute,
        code_version=code_version_of(compute, read),
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", source.connector],
    )


def steps(registry: Registry) -> list[Step]:
    """A partition per source, and the unions of evidence and of interactions."""
    made = []
    for connector, (table, read) in READERS.items():
        sources = [source for source in registry.sources.values() if source.connector == connector]
        made += [source_step(source, table, read) for source in sources]
        made.append(union_of(table.address, [partition_of(table.address, source.id) for source in sources]))
    return made
