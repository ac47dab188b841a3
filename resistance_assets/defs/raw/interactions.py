"""`raw.interactions__*`: pairs of genes of BioGRID and STRING."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.biogrid import read_tab3
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.string import named_links, read_string_links, read_string_names
from resistance_assets.defs.resources import fetch_inputs
from resistance_assets.orchestration.partitions import partition_of, rejected_of, union_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

# Names of the proteins that STRING's links join: no database of their own.
STRING_PROTEINS = "string_human_proteins"
PAIRS = TABLES["raw.interactions__pairs"]


def interactions_step(source: Source) -> Step:
    own = partition_of(PAIRS.address, source.id)
    rejected = rejected_of(own)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        pairs, set_aside = read_tab3(inputs.external_inputs[source.id].path)
        frame = pairs.with_row_index("source_row", offset=1).with_columns(
            pl.lit(source.id).alias("database_id"), pl.lit(None).alias("combined_score")
        )
        return {own: frame, rejected: rejected_as_table([(PAIRS.address, set_aside)])}

    return table_step(
        outputs={own: PAIRS, rejected: REJECTED},
        compute=compute,
        external_inputs=fetch_inputs(source),
        sources=[source.id],
        kinds=["python", "biogrid"],
    )


def string_pairs(links: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Links of STRING under its preferred names, with the taxon that the proteins' ids begin with."""
    return named_links(links, names).with_columns(
        organism_id_a=links["protein_a"].str.extract(r"^(\d+)\."),
        organism_id_b=links["protein_b"].str.extract(r"^(\d+)\."),
    )


def string_step(links_id: str, registry: Registry) -> Step:
    """Pairs of STRING; a link is kept whatever its score, which stands beside it."""
    own, proteins_id = partition_of(PAIRS.address, links_id), STRING_PROTEINS
    rejected = rejected_of(own)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        links, odd_links = read_string_links(inputs.external_inputs[links_id].path)
        names, odd_names = read_string_names(inputs.external_inputs[proteins_id].path)
        pairs = string_pairs(links, names).with_row_index("source_row", offset=1)
        absent = [name for name in PAIRS.polars_schema.names() if name not in (*pairs.columns, "database_id")]
        return {
            own: pairs.with_columns(pl.lit(links_id).alias("database_id"), *[pl.lit(None).alias(n) for n in absent]),
            rejected: rejected_as_table([(PAIRS.address, odd_links), (PAIRS.address, odd_names)]),
        }

    sources = [registry.sources[links_id], registry.sources[proteins_id]]
    return table_step(
        outputs={own: PAIRS, rejected: REJECTED},
        compute=compute,
        parameters={"links": links_id, "proteins": proteins_id},
        external_inputs=fetch_inputs(*sources),
        sources=[links_id, proteins_id],
        kinds=["python", "string"],
    )


def steps(registry: Registry) -> list[Step]:
    """A partition per database, and their union."""
    made: dict[str, Step] = {}
    for source in registry.sources.values():
        if source.connector == "biogrid":
            made[source.id] = interactions_step(source)
        elif source.connector == "string" and source.id != STRING_PROTEINS:
            made[source.id] = string_step(source.id, registry)
    return [*made.values(), union_of(PAIRS.address, [partition_of(PAIRS.address, name) for name in made])]
