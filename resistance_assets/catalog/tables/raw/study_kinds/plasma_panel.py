"""Models of raw.plasma_panel__*: cells of a panel of markers as they were read, samples, and patients."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table


@table(
    "raw.plasma_panel__cells",
    grain="one row per study, sample and marker",
    key=("study_id", "sample_id", "marker"),
    limitation="a number is not always a concentration: NPX of Olink is on the log2 scale",
)
class RawPanelCells(TableModel):
    """What each cell of a panel says, with the limits of its marker."""

    study_id: pl.String = col("study", of="source")
    sample_id: pl.String = col("sample", of="source")
    marker: pl.String = col("marker as the file names it", of="source")
    text: pl.String = col("the cell; null where it is blank", of="source", null=True)
    flag: pl.String = col(
        "what the cell says: measured, below, above (a limit) or missing",
        of="source",
        isin=["measured", "below", "above", "missing"],
    )
    number: pl.Float64 = col("number in the cell", unit="as unit", of="source", null=True)
    is_extrapolated: pl.Boolean = col("marked *: just outside the standards, the number is kept", of="source")
    unit: pl.String = col("unit of the number", of="source", null=True)
    lod: pl.Float64 = col("lower limit of detection", unit="as unit", of="source", null=True)
    upper_limit: pl.Float64 = col("upper limit", unit="as unit", of="source", null=True)


@table(
    "raw.plasma_panel__samples",
    grain="one row per study and sample",
    key=("study_id", "sample_id"),
    limitation="a patient with one sample may have given others that were not measured",
)
class RawPanelSamples(TableModel):
    """Who gave a sample, and when."""

    study_id: pl.String = col("study", of="source")
    sample_id: pl.String = col("sample", of="source")
    patient_id: pl.String = col("patient", of="source")
    timepoint: pl.String = col("time point; null where there is one alone", of="source", null=True)


@table(
    "raw.plasma_panel__patients",
    grain="one row per study, patient and attribute",
    key=("study_id", "patient_id", "attribute"),
    limitation="an attribute without a row is not known, which is not the same as no",
)
class RawPanelPatients(TableModel):
    """Attributes of the patients: follow-up, groups, covariates."""

    study_id: pl.String = col("study", of="source")
    patient_id: pl.String = col("patient", of="source")
    attribute: pl.String = col("column of the table of patients", of="source")
    value: pl.String = col("its cell", of="source")
