"""`raw.hgnc__*`: names of genes."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.hgnc import read_hgnc
from resistance_assets.defs.resources import fetch_inputs
from resistance_assets.orchestration.partitions import rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step


def hgnc_step(source: Source) -> Step:
    table = TABLES["raw.hgnc__genes"]
    rejected = rejected_of(table.address)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        genes, set_aside = read_hgnc(inputs.external_inputs[source.id].path)
        return {table.address: genes, rejected: rejected_as_table([(table.address, set_aside)])}

    return table_step(
        outputs={table.address: table, rejected: REJECTED},
        compute=compute,
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", "hgnc"],
    )


def steps(registry: Registry) -> list[Step]:
    """The table of names."""
    return [hgnc_step(source) for source in registry.sources.values() if source.connector == "hgnc"]
