"""`raw.gencode__*`: genes of the annotation and their lengths."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.gencode import read_gene_lengths
from resistance_assets.defs.resources import fetch_inputs
from resistance_assets.orchestration.partitions import rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

LENGTHS = TABLES["raw.gencode__genes"]


def lengths_step(source_id: str, registry: Registry) -> Step:
    """Genes of the pinned annotation and their lengths."""
    rejected = rejected_of(LENGTHS.address)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        genes, set_aside = read_gene_lengths(inputs.external_inputs[source_id].path)
        return {LENGTHS.address: genes, rejected: rejected_as_table([(LENGTHS.address, set_aside)])}

    return table_step(
        outputs={LENGTHS.address: LENGTHS, rejected: REJECTED},
        compute=compute,
        parameters={"source": source_id},
        external_inputs=fetch_inputs(registry.sources[source_id]),
        sources=[source_id],
        kinds=["python", "gencode"],
    )


def steps(registry: Registry) -> list[Step]:
    """The annotation that gene lengths come from."""
    annotations = [source.id for source in registry.sources.values() if source.connector == "gencode_annotation"]
    return [lengths_step(source_id, registry) for source_id in annotations]
