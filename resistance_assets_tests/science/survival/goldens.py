"""The lung cohort of the golden tables: how the survival tests read it, and how they compare with R."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl


@dataclass(frozen=True)
class LungCohort:
    folder: Path
    genes: list[str]
    expression: np.ndarray
    time: np.ndarray
    event: np.ndarray
    age: np.ndarray
    is_female: np.ndarray

    def rows(self, genes) -> np.ndarray:
        place = {gene: k for k, gene in enumerate(self.genes)}
        return self.expression[[place[gene] for gene in genes]]

    def table(self, name: str) -> pl.DataFrame:
        return read_table(self.folder / name)


def read_table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", null_values=["NA"], infer_schema_length=None)


def read_lung_cohort(goldens: Path) -> LungCohort:
    folder = goldens / "survival"
    expression = read_table(folder / "luad_expression.tsv.gz")
    clinical = read_table(folder / "luad_clinical.tsv.gz")
    assert expression["case_id"].equals(clinical["case_id"])
    genes = expression.columns[1:]
    return LungCohort(
        folder=folder,
        genes=genes,
        expression=expression.select(pl.col(genes).cast(pl.Float64)).to_numpy().T,
        time=clinical["survival_months"].to_numpy(),
        event=clinical["event"].to_numpy(),
        age=clinical["age"].cast(pl.Float64).to_numpy(),
        is_female=clinical["is_female"].to_numpy(),
    )


def is_true(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.to_lowercase() == "true"


def within(ours, theirs, *, rel: float = 0.0, absolute: float = 0.0, missing_agree: bool = True) -> None:
    """Every value within the tolerance; missing values (null, NaN) at the same places."""
    ours = np.asarray(pl.Series(ours).cast(pl.Float64).fill_null(np.nan).to_numpy(), float)
    theirs = np.asarray(pl.Series(theirs).cast(pl.Float64).fill_null(np.nan).to_numpy(), float)
    if missing_agree:
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    np.testing.assert_allclose(ours, theirs, rtol=rel, atol=absolute)
