"""Models of raw.qpcr__*: wells of quantitative PCR."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.qpcr__wells",
    grain="one row per study and well",
    key=("study_id", "well_number"),
    limitation="an undetermined well is no Ct of 40: it has none",
)
class RawQpcrWells(TableModel):
    """Cycle thresholds as the instrument gave them."""

    study_id: pl.String = col("study", of="source")
    well_number: pl.Int64 = col("number of the well within the study, from 1", of="source", ge=1)
    line: pl.Int64 = col("line in the file", of="source", ge=1)
    condition: pl.String = col("condition", of="source")
    gene: pl.String = col("gene, as the study names it", of="source")
    biological_replicate: pl.String = col("independent replicate; null without template", null=True, of="source")
    ct: pl.Float64 = col("cycle threshold; null where undetermined", unit="cycles", null=True, of="source", gt=0)
    is_template: pl.Boolean = col("false of a no-template control", of="source")
