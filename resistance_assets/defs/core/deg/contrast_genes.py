"""`core.deg__contrast_genes`: all contrasts and methods under approved symbols."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.deg.features import PART, feature_partitions
from resistance_assets.orchestration.partitions import read_partitions
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step


def resolve_parts(parts: pl.DataFrame, measured: pl.DataFrame, study_of: Mapping[str, str]) -> pl.DataFrame:
    """Results of all contrasts with resolved symbols.

    Args:
        parts: rows of `parts.deg__features`.
        measured: rows of `staging.genes__measured`.
        study_of: contrast -> study.
    """
    studies = pl.DataFrame(
        {"contrast_id": list(study_of), "study_id": list(study_of.values())},
        schema={"contrast_id": pl.String, "study_id": pl.String},
    )
    names = measured.filter(pl.col("measurement") == "features").select(
        pl.col("dataset_id").alias("study_id"),
        pl.col("source_symbol").alias("feature_id"),
        "hgnc_symbol",
        "entrez_gene_id",
    )
    return (
        parts.join(studies, on="contrast_id", how="left")
        .join(names, on=["study_id", "feature_id"], how="left", maintain_order="left")
        .with_columns(hgnc_symbol=pl.coalesce("hgnc_symbol", "feature_id"), source_symbol=pl.col("feature_id"))
        .sort("contrast_id", "method", "hgnc_symbol")
    )


def contrast_genes(registry: Registry, parts: list[str]) -> Step:
    """All contrasts in one table."""
    table = TABLES["core.deg__contrast_genes"]
    measured = "staging.genes__measured"
    study_of = {contrast.id: contrast.study_id for contrast in registry.contrasts()}
    cell_types = {contrast.id: contrast.cell_type for contrast in registry.contrasts() if contrast.cell_type}

    def compute(inputs: Inputs) -> pl.DataFrame:
        stacked = read_partitions(inputs, parts, PART)
        resolved = resolve_parts(stacked, inputs.read(measured), study_of)
        cell_type = pl.col("contrast_id").replace_strict(cell_types, default=None, return_dtype=pl.String)
        return resolved.with_columns(cell_type=cell_type)

    return table_step(
        outputs={table.address: table},
        compute=compute,
        inputs=(measured,),
        optional_inputs=tuple(parts),
        allow_unavailable_inputs=True,
        parameters=[study_of, cell_types],
    )


def steps(registry: Registry) -> list[Step]:
    return [contrast_genes(registry, feature_partitions(registry))]
