"""Second opinion on the survival screen: the same genes fitted by lifelines, and where the two differ.

lifelines is an independent implementation. Coefficients agree within a part of their standard error (both stop a
Newton iteration); the log-rank statistic and the Kaplan-Meier curve are sums without an iteration and agree to
rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.survival.curves import kaplan_meier
from resistance_assets.science.survival.follow_up import merge_nearly_equal

#: How far two programs may differ: a coefficient in standard errors, a statistic relative to itself, a survival.
COEFFICIENT_TOLERANCE = 1e-4
STATISTIC_TOLERANCE = 1e-9
SURVIVAL_TOLERANCE = 1e-9

_SCHEMA: dict[str, Any] = {
    "hgnc_symbol": pl.String,
    "quantity": pl.String,
    "ours": pl.Float64,
    "lifelines": pl.Float64,
    "difference": pl.Float64,
    "tolerance": pl.Float64,
    "agrees": pl.Boolean,
}


def draw_genes(genes: Sequence[str], of_interest: Sequence[str], number: int, seed: int) -> list[str]:
    """The genes of interest that were measured and `number` others drawn with the seed, sorted."""
    interest = sorted(set(genes) & set(of_interest))
    others = sorted(set(genes) - set(interest))
    drawn = np.random.default_rng(seed).choice(len(others), min(number, len(others)), replace=False)
    return sorted([*interest, *(others[k] for k in drawn)])


def compare_with_lifelines(
    screen: pl.DataFrame,
    expression: NDArray[np.float64],
    genes: Sequence[str],
    time_months: NDArray[np.float64],
    event_observed: NDArray[np.float64],
) -> pl.DataFrame:
    """Refit each gene with `CoxPHFitter`, `logrank_test` and `KaplanMeierFitter`, and hold it against the screen.

    Args:
        screen: what is to be checked: hgnc_symbol, model, log_hazard_ratio, estimator (continuous) and logrank_chi2
            (median_split), of at least these genes.
        expression: shape (genes, patients), NaN where missing.
        time_months, event_observed: shape (patients,), of patients that can be used.

    Returns:
        One row per gene and quantity (log_hazard_ratio_per_sd, logrank_chi2, survival of the high and low half at the
        time where the curves differ most): ours, lifelines, difference (in standard errors, relative, absolute),
        tolerance, agrees. Genes without a finite estimate have no coefficient to compare, genes with one group no
        halves.
    """
    time = merge_nearly_equal(np.asarray(time_months, np.float64))
    event = np.asarray(event_observed, np.float64)
    of_model = {
        model: {row["hgnc_symbol"]: row for row in screen.filter(pl.col("model") == model).iter_rows(named=True)}
        for model in ("continuous", "median_split")
    }
    rows: list[dict[str, Any]] = []
    for gene, values in zip(genes, expression, strict=True):
        known = ~np.isnan(values)
        ours = of_model["continuous"][gene]
        if ours["estimator"] == "partial_likelihood":
            rows.append(_compare_coefficient(gene, values[known], time[known], event[known], ours))
        if known.any():
            chi2 = of_model["median_split"][gene]["logrank_chi2"]
            rows += _compare_halves(gene, values[known], time[known], event[known], chi2)
    return pl.DataFrame(rows, schema=_SCHEMA)


def _row(gene: str, quantity: str, ours: float, theirs: float, difference: float, tolerance: float) -> dict[str, Any]:
    return {
        "hgnc_symbol": gene,
        "quantity": quantity,
        "ours": ours,
        "lifelines": theirs,
        "difference": difference,
        "tolerance": tolerance,
        "agrees": bool(difference <= tolerance),
    }


def _compare_coefficient(
    gene: str, values: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.float64], ours: dict[str, Any]
) -> dict[str, Any]:
    import pandas as pd
    from lifelines import CoxPHFitter

    sd = values.std(ddof=1)
    frame = pd.DataFrame({"time": time, "event": event, "gene": (values - values.mean()) / sd})
    # It stops where the step is small; its own default leaves 2e-5 of a coefficient to go.
    fitted = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-10})
    theirs, error = float(fitted.params_["gene"]), float(fitted.standard_errors_["gene"])
    mine = ours["log_hazard_ratio"] * sd
    return _row(gene, "log_hazard_ratio_per_sd", mine, theirs, float(abs(mine - theirs) / error), COEFFICIENT_TOLERANCE)


def _compare_halves(
    gene: str, values: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.float64], mine: float | None
) -> list[dict[str, Any]]:
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import logrank_test

    is_high = values > np.median(values)
    if is_high.all() or not is_high.any() or not event.any():
        return []
    theirs = float(logrank_test(time[is_high], time[~is_high], event[is_high], event[~is_high]).test_statistic)
    ours = math.nan if mine is None else mine
    # A statistic that is not there differs from one that is.
    difference = math.inf if mine is None else abs(mine - theirs) / max(abs(theirs), 1.0)
    rows = [_row(gene, "logrank_chi2", ours, theirs, difference, STATISTIC_TOLERANCE)]
    for name, members in (("high", is_high), ("low", ~is_high)):
        curve = kaplan_meier(time[members], event[members])
        at = curve["time_months"].to_numpy()
        fitted = KaplanMeierFitter().fit(time[members], event[members]).survival_function_at_times(at).to_numpy()
        apart = np.abs(curve["survival"].to_numpy() - fitted)
        k = int(apart.argmax())
        rows.append(
            _row(
                gene, f"survival_{name}", float(curve["survival"][k]), float(fitted[k]), float(apart[k]),
                SURVIVAL_TOLERANCE,
            )
        )  # fmt: skip
    return rows
