"""Drug x ligand interaction of an assay, with the experiment as block.

response ~ experiment + drug * ligand on one number per experiment and condition: wells and fields are averaged first,
because they are no replicates. The scale is part of the question (an interaction on the log is a ratio of ratios), so
it is declared and stands beside the p. Counts and proportions have their own likelihoods (quasi-Poisson,
quasi-binomial; McCullagh and Nelder 1989) on the totals of an experiment.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy import stats

from resistance_assets.science.statistics.quasi_likelihood import fit_quasi_likelihood

Scale = Literal["log", "identity", "logit"]
CONDITION = ["experiment", "drug01", "ligand01"]
TERMS = {
    "drug_without_ligand": (1.0, 0.0, 0.0),
    "ligand_without_drug": (0.0, 1.0, 0.0),
    "interaction": (0.0, 0.0, 1.0),
    "drug_with_ligand": (1.0, 0.0, 1.0),
    "ligand_with_drug": (0.0, 1.0, 1.0),
}


def average_fields(rows: pl.DataFrame) -> pl.DataFrame:
    """One number per experiment and condition: the mean of its wells or fields; of proportions the ratio of totals.

    Args:
        rows: experiment, drug01, ligand01 (0 or 1), value, and denominator where the value is a count of that many.

    Returns:
        experiment, drug01, ligand01, n_fields, value (in percent where there is a denominator), total, denominator.
    """
    totals = pl.col("value").sum()
    with_denominator = rows["denominator"].null_count() < rows.height if "denominator" in rows.columns else False
    value = 100.0 * totals / pl.col("denominator").sum() if with_denominator else pl.col("value").mean()
    denominator = pl.col("denominator").sum() if with_denominator else pl.lit(None, pl.Float64)
    return (
        rows.group_by(CONDITION)
        .agg(n_fields=pl.len(), value=value, total=totals, denominator=denominator)
        .sort("ligand01", "drug01", "experiment")
    )


def closure_percent(rows: pl.DataFrame) -> pl.DataFrame:
    """Wound closure of each field, 100 (1 - width now / width at the start); values below 0 or above 100 are kept.

    Args:
        rows: experiment, drug01, ligand01, field, start (width at 0 h), end (width later).

    Returns:
        The rows with value and flag (`outside_0_to_100`); a start of 0 or missing leaves the value null.
    """
    value = pl.when(pl.col("start") > 0).then(100.0 * (1.0 - pl.col("end") / pl.col("start")))
    return rows.with_columns(value=value).with_columns(
        flag=pl.when(~pl.col("value").is_between(0.0, 100.0)).then(pl.lit("outside_0_to_100"))
    )


def to_scale(value: pl.Series, scale: Scale) -> pl.Series:
    """Response on its declared scale; null where the scale does not hold the value (log of 0, logit of 0 or 100 %)."""
    frame = pl.DataFrame({"value": value})
    x = pl.col("value")
    made = {
        "log": pl.when(x > 0.0).then(x.log()),
        "identity": x,
        "logit": pl.when((x > 0.0) & (x < 100.0)).then((x / (100.0 - x)).log()),
    }[scale]
    return frame.select(response=made)["response"]


def fit_interaction(units: pl.DataFrame) -> pl.DataFrame:
    """Simple effects and interaction by ordinary least squares with the experiment as block.

    Args:
        units: experiment, drug01, ligand01, response; one row per experiment and condition.

    Returns:
        term (drug_without_ligand, ligand_without_drug, interaction, drug_with_ligand, ligand_with_drug), estimate,
        standard_error, degrees_of_freedom, t, p_value, lower, upper, n_experiments, p_note. Without an experiment id
        (null) or with a single experiment there is no test: wells are not replicates.
    """
    usable = units.drop_nulls("response")
    n_experiments = usable["experiment"].drop_nulls().n_unique()
    if usable["experiment"].null_count() or n_experiments < 2:
        note = (
            "no experiment id: wells are not replicates" if usable["experiment"].null_count() else "a single experiment"
        )
        return pl.DataFrame([{"term": term, "n_experiments": n_experiments, "p_note": note} for term in TERMS])
    design = _design(usable)
    y = usable["response"].to_numpy()
    coefficients, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    df = len(y) - int(rank)
    residual = y - design @ coefficients
    variance = float(residual @ residual) / df if df > 0 else math.nan
    covariance = np.linalg.pinv(design.T @ design) * variance
    estimable = rank == design.shape[1]
    rows = []
    for term, weights in TERMS.items():
        at = np.zeros(design.shape[1])
        at[-3:] = weights
        rows.append(
            {
                "term": term,
                **_wald(float(at @ coefficients), math.sqrt(max(float(at @ covariance @ at), 0.0)), df, estimable),
                "n_experiments": n_experiments,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _design(units: pl.DataFrame) -> np.ndarray:
    """Experiment indicators, then drug, ligand and their product."""
    experiment = units["experiment"].cast(pl.String)
    blocks = np.column_stack([(experiment == name).to_numpy().astype(float) for name in experiment.unique().sort()])
    drug, ligand = units["drug01"].to_numpy().astype(float), units["ligand01"].to_numpy().astype(float)
    return np.column_stack([blocks, drug, ligand, drug * ligand])


def _wald(estimate: float, error: float, df: int, estimable: bool) -> dict[str, Any]:
    if not estimable:
        return {"p_note": "a combination of drug and ligand was not measured"}
    if df < 1 or error <= 0.0:
        return {"estimate": estimate, "p_note": "no residual degree of freedom"}
    t = estimate / error
    reach = float(stats.t.ppf(0.975, df)) * error
    return {
        "estimate": estimate,
        "standard_error": error,
        "degrees_of_freedom": df,
        "t": t,
        "p_value": float(2.0 * stats.t.sf(abs(t), df)),
        "lower": estimate - reach,
        "upper": estimate + reach,
        "p_note": None,
    }


def analyse_variance(units: pl.DataFrame) -> pl.DataFrame:
    """Analysis of variance: experiment, drug, ligand, interaction, in that order (types I to III agree if balanced)."""
    y = units["response"].to_numpy()
    design = _design(units)
    n_blocks = design.shape[1] - 3
    drug, ligand = design[:, n_blocks] - 0.5, design[:, n_blocks + 1] - 0.5
    pieces = {"experiment": design[:, :n_blocks], "drug": drug, "ligand": ligand, "interaction": drug * ligand}
    used = np.ones((len(y), 1))
    before, rank = float(((y - y.mean()) ** 2).sum()), 1
    rows = []
    for source, columns in pieces.items():
        used = np.column_stack([used, columns])
        fitted, _, new_rank, _ = np.linalg.lstsq(used, y, rcond=None)
        after = float(((y - used @ fitted) ** 2).sum())
        rows.append({"source": source, "df": int(new_rank) - rank, "sum_of_squares": max(before - after, 0.0)})
        before, rank = after, int(new_rank)
    df = len(y) - rank
    frame = pl.DataFrame([*rows, {"source": "residual", "df": df, "sum_of_squares": before}])
    mean_square = before / df if df else math.nan
    f = [row["sum_of_squares"] / row["df"] / mean_square if row["df"] else None for row in rows]
    p = [
        float(stats.f.sf(value, row["df"], df)) if value is not None else None
        for value, row in zip(f, rows, strict=True)
    ]
    return frame.with_columns(f=pl.Series([*f, None]), p_value=pl.Series([*p, None]))


def fit_count_interaction(units: pl.DataFrame) -> pl.DataFrame:
    """The same model of counts (quasi-Poisson) or of proportions (quasi-binomial) on totals of an experiment.

    Args:
        units: experiment, drug01, ligand01, total, denominator (null for counts).

    Returns:
        As `fit_interaction`, with dispersion (Pearson) and family; estimates are ln rate ratios or ln odds ratios.
    """
    design = _design(units)
    total = units["total"].to_numpy().astype(float)
    is_count = units["denominator"].null_count() == units.height
    trials = np.ones(len(total)) if is_count else units["denominator"].to_numpy().astype(float)
    coefficients, unscaled, dispersion, df = fit_quasi_likelihood(design, total, trials, is_count=is_count)
    rows = []
    for term, weights in TERMS.items():
        at = np.zeros(design.shape[1])
        at[-3:] = weights
        found = _wald(float(at @ coefficients), math.sqrt(float(at @ unscaled @ at) * dispersion), df, True)
        family = "quasipoisson" if is_count else "quasibinomial"
        rows.append({"term": term, "family": family, "dispersion": dispersion, **found})
    return pl.DataFrame(rows, infer_schema_length=None)
