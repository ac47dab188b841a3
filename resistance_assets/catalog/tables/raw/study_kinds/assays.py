"""Models of raw.assays__*: wells, fields and counts of assays."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.assays__two_way_fields",
    grain="one row per study and well, field or tube",
    key=("study_id", "field_number"),
    limitation="fields of one experiment are no replicates",
)
class RawTwoWayFields(TableModel):
    """What was measured with and without a drug and a ligand."""

    study_id: pl.String = col("study", of="source")
    field_number: pl.Int64 = col("number of the row within the study, from 1", of="source", ge=1)
    line: pl.Int64 = col("line in the file", of="source", ge=1)
    assay: pl.String = col("assay", of="source")
    experiment: pl.String = col("independent experiment; null where none is told", null=True, of="source")
    drug: pl.String = col("drug, or the word for none", of="source")
    ligand: pl.String = col("ligand, or the word for none", of="source")
    drug01: pl.Int64 = col("1 with the drug", of="source", ge=0, le=1)
    ligand01: pl.Int64 = col("1 with the ligand", of="source", ge=0, le=1)
    field: pl.String = col("well, field or tube", null=True, of="source")
    value: pl.Float64 = col("what was measured", unit="as given", of="source")
    denominator: pl.Float64 = col("cells counted, where the value is a count of so many", null=True, of="source", gt=0)
