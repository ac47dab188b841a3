"""Models of raw.dose_response__*: wells of plates, and curves that somebody else fitted."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table

WELL_TYPES = ["blank", "time0", "vehicle", "treated"]


@table(
    "raw.dose_response__wells",
    grain="one row per study and well that has a value",
    key=("study_id", "well_number"),
    limitation="wells are no replicates: those of one plate share its cells, its day and its pipetting",
)
class RawDoseResponseWells(TableModel):
    """Wells of dose-response plates as the laboratory or its instrument wrote them, doses in one unit."""

    study_id: pl.String = col("study", of="source")
    well_number: pl.Int64 = col("number of the well within the study, from 1", of="source", ge=1)
    file: pl.String = col("file that holds the value", of="source")
    line: pl.Int64 = col("line in that file", of="source", ge=1)
    plate_id: pl.String = col("plate; wells are normalised within it", null=True, of="source")
    well: pl.String = col("position on the plate, where it is told", null=True, of="source")
    well_type: pl.String = col("blank, time0, vehicle or treated", of="source", isin=WELL_TYPES)
    cell_line: pl.String = col("cell line; null of a blank that belongs to the whole plate", null=True, of="source")
    condition: pl.String = col("siRNA or other condition; `none` where there is no such column", null=True, of="source")
    drug: pl.String = col("drug; null of wells without one", null=True, of="source")
    dose_um: pl.Float64 = col("dose; 0 in wells without drug", unit="uM", null=True, of="source", ge=0)
    replicate: pl.String = col("independent replicate: an experiment, day or passage", null=True, of="source")
    signal: pl.Float64 = col("what was measured", unit="as given", null=True, of="source")
    viability_percent: pl.Float64 = col(
        "viability, where the file gives it ready", unit="percent", null=True, of="source"
    )


@table(
    "raw.dose_response__published_fits",
    grain="one row per study, cell line and drug of a table of fitted curves",
    key=("study_id", "line"),
    limitation="the fit is the publisher's: another model, other bounds, IC50 extrapolated beyond the doses",
)
class RawDoseResponsePublishedFits(TableModel):
    """Curves as others fitted them, such as GDSC's, unchanged but for the unit."""

    study_id: pl.String = col("study", of="source")
    line: pl.Int64 = col("line in the file", of="source", ge=1)
    cell_line: pl.String = col("cell line", of="source")
    condition: pl.String = col("data set or other condition", of="source")
    drug: pl.String = col("drug", of="source")
    min_dose_um: pl.Float64 = col("lowest dose", unit="uM", of="source", gt=0)
    max_dose_um: pl.Float64 = col("highest dose", unit="uM", of="source", gt=0)
    ic50_um: pl.Float64 = col("IC50 as published, extrapolated or not", unit="uM", of="source", gt=0)
    auc: pl.Float64 = col("area under the curve as published, as a fraction", null=True, of="source")
    rmse: pl.Float64 = col(
        "root mean squared error as published, of the viability as a fraction", null=True, of="source"
    )
