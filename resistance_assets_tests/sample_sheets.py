"""Every sample sheet among the real files, whatever host it is of."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.connectors.arrayexpress.biostudies import read_sdrf, sample_sheet
from resistance_assets.connectors.geo.matrix import geo_sample_sheet, read_series_matrix
from resistance_assets.connectors.geo.soft import read_soft

FAMILIES = ("GSE105845_family.soft", "tests_GSE105845_family.soft", "soft_ex_family.txt", "tests_soft_ex_family.txt")


def every_sheet(shared: Path) -> dict[str, pl.DataFrame]:
    """File name -> sheet: tables of titles, sheets of ArrayExpress, series matrices and SOFT families."""
    folders = (shared / "samples", shared / "cases" / "live")
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    found = {}
    for path in paths:
        if "titles" in path.name and path.suffix == ".tsv":
            found[path.name] = pl.read_csv(path, separator="\t").select("sample_id", "title")
        elif path.name.endswith(".sdrf.txt"):
            found[path.name] = sample_sheet(read_sdrf(path))
        elif "series_matrix" in path.name:
            found[path.name] = geo_sample_sheet(read_series_matrix(path).attributes)
        elif path.name in FAMILIES:
            found[path.name] = _of_family(path)
    return found


def _of_family(path: Path) -> pl.DataFrame:
    """Samples of a SOFT family: titles, sources and characteristics as their fields have them."""
    told = read_soft(path, complete=False).attributes.filter(pl.col("entity") == "sample")
    kept = told.filter(pl.col("field").str.contains("^(title|source_name|characteristics)"))
    named = kept.with_columns(
        pl.concat_str(pl.col("field").str.replace("characteristics", "characteristic"), "position", separator="_")
        .str.replace("^title_1$", "title")
        .str.replace("^source_name_ch1_1$", "source_name")
        .alias("column")
    )
    wide = named.pivot(on="column", index="entity_id", values="value", aggregate_function="first")
    return wide.rename({"entity_id": "sample_id"})
