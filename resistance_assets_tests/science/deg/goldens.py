"""Readers of the R goldens for differential expression, shared by the tests of the `deg` modules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from resistance_assets.science.deg.designs import Contrast

TUMOUR_VS_NORMAL = Contrast("tumour_vs_normal", "condition", "tumour", "normal")
PAIRED = Contrast("tumour_vs_normal_paired", "condition", "tumour", "normal", pairing="patient")


def read_tsv(path: Path) -> pl.DataFrame:
    """A golden table; NA is missing."""
    return pl.read_csv(path, separator="\t", null_values=["NA"], infer_schema_length=None)


def counts_and_samples(folder: Path, subset: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The LUAD counts, or the members of one of its subsets, in the order of the count table's columns."""
    counts = read_tsv(folder / "counts.tsv.gz").rename({"gene": "hgnc_symbol"})
    samples = read_tsv(folder / "samples.tsv").rename({"sample": "sample_id"})
    if subset:
        samples = samples.filter(pl.col(subset) == 1)
    return counts.select("hgnc_symbol", *samples["sample_id"]), samples


def thinned(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The thinned 3v3 counts: zeros, low counts, unequal depth."""
    counts = read_tsv(folder / "counts_thinned_3v3.tsv.gz").rename({"gene": "hgnc_symbol"})
    return counts, read_tsv(folder / "thinned_divisors.tsv").rename({"sample": "sample_id"})


def matrix_of(counts: pl.DataFrame) -> np.ndarray:
    """Numbers of a count table, (genes, samples)."""
    return counts.drop("hgnc_symbol").to_numpy().astype(np.float64)


def fit_parameter(folder: Path, fit: str, parameter: str) -> float:
    """One value of fit_parameters.tsv."""
    table = pl.read_csv(folder / "fit_parameters.tsv", separator="\t", infer_schema=False)
    return float(table.filter((pl.col("fit") == fit) & (pl.col("parameter") == parameter))["value"].item())
