"""A laboratory's study as rows of `raw.studies__*`."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables import TABLES


def samples_as_table(sheet: pl.DataFrame, study_id: str) -> pl.DataFrame:
    """A sample sheet as rows of `raw.studies__samples`; a sample without any cell stands with one of its own."""
    bare = sheet.filter(pl.all_horizontal(pl.exclude("sample_id").is_null())) if sheet.width > 1 else sheet
    return pl.concat(
        [
            sheet.with_columns(pl.exclude("sample_id").cast(pl.String))
            .unpivot(index="sample_id", variable_name="attribute_id", value_name="value")
            .filter(pl.col("value").is_not_null()),
            bare.select("sample_id", pl.lit("sheet_row").alias("attribute_id"), pl.lit("blank").alias("value")),
        ]
    ).with_columns(study_id=pl.lit(study_id))


WARNINGS = TABLES["raw.studies__warnings"]


def warnings_as_table(found: pl.DataFrame, study_id: str) -> pl.DataFrame:
    """Warnings of a study's readers (source, place, warning) as rows of `raw.studies__warnings`."""
    return found.with_row_index("warning_number", offset=1).with_columns(study_id=pl.lit(study_id))
