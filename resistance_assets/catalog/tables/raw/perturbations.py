"""Models of raw.perturbations__*: gene sets of drug perturbations."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.perturbations__members",
    grain="one row per library, perturbation, direction and gene",
    key=("set_source", "perturbation_id", "direction", "gene_symbol"),
    limitation="what a drug does to the cells that it was tried in; opt-in, so empty where nobody asked for it",
)
class PerturbationsMembers(TableModel):
    """Gene sets of drug perturbations, symbols as the library has them."""

    set_source: pl.String = col("library of the catalog", of="source")
    perturbation_id: pl.String = col("term of the library, without its direction", of="source")
    drug_name: pl.String = col("drug, in small letters", of="source")
    cell_line: pl.String = col("cells that were treated", null=True, of="source")
    direction: pl.String = col(
        "what the drug does to the genes; unsigned where the library does not say",
        of="source",
        isin=["up", "down", "unsigned"],
    )
    gene_symbol: pl.String = col("symbol as the library has it", of="source")
