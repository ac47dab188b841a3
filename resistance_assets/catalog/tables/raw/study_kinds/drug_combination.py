"""Models of raw.drug_combination__*: wells of matrices of two drugs."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.drug_combination__wells",
    grain="one row per study, block, pair of doses and replicate",
    key=("study_id", "block_id", "dose1_um", "dose2_um", "replicate"),
    limitation="inhibition may be below 0: cells can grow more than their control",
)
class RawDrugCombinationWells(TableModel):
    """Wells of dose matrices, doses in one unit and the response as inhibition, whatever the file gives."""

    study_id: pl.String = col("study", of="source")
    block_id: pl.String = col("one matrix of two drugs, with its replicates", of="source")
    cell_line: pl.String = col("cell line, where it is told", null=True, of="source")
    drug1: pl.String = col("first drug", of="source")
    drug2: pl.String = col("second drug", of="source")
    dose1_um: pl.Float64 = col("dose of the first drug", unit="uM", of="source", ge=0)
    dose2_um: pl.Float64 = col("dose of the second drug", unit="uM", of="source", ge=0)
    replicate: pl.String = col("replicate matrix", of="source")
    response: pl.Float64 = col("as the file gives it", unit="as given", of="source")
    inhibition_percent: pl.Float64 = col("100 - viability", unit="percent", of="source")
    line: pl.Int64 = col("line in the file", of="source", ge=1)
