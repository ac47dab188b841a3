"""The model of the tables of a soak."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from resistance_assets.catalog.tables.model import col


class Values(pa.DataFrameModel):
    gene: pl.String = col("gene's symbol")
    value: pl.Int64 = col("the generation", unit="1")
