"""`raw.knowledge__*`: curated knowledge of variants and drugs."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.civic import read_civic
from resistance_assets.connectors.dgidb import read_dgidb
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.defs.resources import fetch_inputs
from resistance_assets.orchestration.partitions import partition_of, rejected_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

ITEMS = TABLES["raw.knowledge__evidence_items"]
INTERACTIONS = TABLES["raw.knowledge__drug_interactions"]


def evidence_step(source: Source) -> Step:
    own = partition_of(ITEMS.address, source.id)
    rejected = rejected_of(own)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        items, set_aside = read_civic(inputs.external_inputs[source.id].path)
        return {
            own: items.with_columns(source_id=pl.lit(source.id)),
            rejected: rejected_as_table([(ITEMS.address, set_aside)]),
        }

    return table_step(
        outputs={own: ITEMS, rejected: REJECTED},
        compute=compute,
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", "civic"],
    )


def interactions_step(source: Source) -> Step:
    own = partition_of(INTERACTIONS.address, source.id)
    rejected = rejected_of(own)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        interactions, set_aside = read_dgidb(inputs.external_inputs[source.id].path)
        return {
            own: interactions.with_columns(source_id=pl.lit(source.id)),
            rejected: rejected_as_table([(INTERACTIONS.address, set_aside)]),
        }

    return table_step(
        outputs={own: INTERACTIONS, rejected: REJECTED},
        compute=compute,
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", "dgidb"],
    )


def steps(registry: Registry) -> list[Step]:
    """A partition per source, and the unions of evidence and of interactions."""
    sources = [source for source in registry.sources.values() if source.connector == "civic"]
    of_drugs = [source for source in registry.sources.values() if source.connector == "dgidb"]
    return [
        *(evidence_step(source) for source in sources),
        union_of(ITEMS.address, [partition_of(ITEMS.address, source.id) for source in sources]),
        *(interactions_step(source) for source in of_drugs),
        union_of(INTERACTIONS.address, [partition_of(INTERACTIONS.address, source.id) for source in of_drugs]),
    ]
