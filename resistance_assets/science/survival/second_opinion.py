"""Second opinion on survival: the same screen, cumulative incidence and time ratios by lifelines, and what differs.

lifelines is an independent implementation. Coefficients agree within a part of their standard error (both stop a
Newton iteration); the log-rank statistic, the Kaplan-Meier curve and the Aalen-Johansen estimate are sums without an
iteration and agree to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
#: Absolute; a model of 2 on a worse AIC is noticeable, 1e-3 is not.
AIC_TOLERANCE = 1e-3
# lifelines stops an accelerated failure time model early by itself: 2e-3 of a standard error is left to go.
_UNTIL_IT_STANDS = {"ftol": 1e-14, "gtol": 1e-10}

#: Columns of every comparison with lifelines.
COMPARISON_SCHEMA: dict[str, Any] = {
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
    return pl.DataFrame(rows, schema=COMPARISON_SCHEMA)


def compare_incidence_with_lifelines(
    stored: pl.DataFrame,
    groups: Mapping[str, Mapping[str, NDArray[np.bool_]]],
    time_months: NDArray[np.float64],
    cause: NDArray[np.float64],
    names: Mapping[int, str],
) -> pl.DataFrame:
    """Estimate each cumulative incidence again by `AalenJohansenFitter`.

    lifelines moves tied times apart at random. The estimate depends on the order of the times alone, and not on the
    order of events at one time as long as they come before who is censored then: so it is given ranks, without a tie.

    Args:
        stored: what is to be checked: hgnc_symbol, expression_group, cause, time_months, cumulative_incidence.
        groups: gene -> name of an expression group -> shape (patients,), who is in it.
        time_months, cause: shape (patients,); 0 = censored, 1 and above = causes, NaN where not known.
        names: number of a cause -> its name in `stored`.

    Returns:
        One row of `COMPARISON_SCHEMA` per gene, group and cause, at the time where the two differ most; the quantity
        is incidence_<cause>_<group>. A group in which nobody had an event has no row.
    """
    from lifelines import AalenJohansenFitter

    time = merge_nearly_equal(np.asarray(time_months, np.float64))
    rows: list[dict[str, Any]] = []
    for gene, of_gene in groups.items():
        for group, members in of_gene.items():
            kept = members & ~np.isnan(cause) & np.isfinite(time) & (time >= 0)
            moments, kinds = time[kept], cause[kept]
            if not (kinds > 0).any():
                continue
            ranks = np.empty(moments.size)
            ranks[np.lexsort((kinds == 0, moments))] = np.arange(1, moments.size + 1)
            curves = stored.filter(pl.col("hgnc_symbol") == gene, pl.col("expression_group") == group)
            for number in np.unique(kinds[kinds > 0]):
                name = names[int(number)]
                curve = curves.filter(pl.col("cause") == name).sort("time_months")
                quantity = f"incidence_{name}_{group}"
                fitted = AalenJohansenFitter(calculate_variance=False).fit(ranks, kinds, event_of_interest=int(number))
                theirs = fitted.cumulative_density_.iloc[:, 0]
                if curve.is_empty():
                    rows.append(_row(gene, quantity, None, float(theirs.iloc[-1]), SURVIVAL_TOLERANCE))
                    continue
                last = np.searchsorted(np.sort(moments), curve["time_months"].to_numpy(), side="right")
                at = theirs.to_numpy()[theirs.index.searchsorted(last, side="right") - 1]
                rows.append(_row_of_curve(gene, quantity, curve["cumulative_incidence"].to_numpy(), at))
    return pl.DataFrame(rows, schema=COMPARISON_SCHEMA)


def compare_time_ratios_with_lifelines(
    stored: pl.DataFrame,
    expression: NDArray[np.float64],
    genes: Sequence[str],
    time_months: NDArray[np.float64],
    event_observed: NDArray[np.float64],
) -> pl.DataFrame:
    """Fit each stored time ratio again by `WeibullAFTFitter` or `LogLogisticAFTFitter`.

    Args:
        stored: what is to be checked: hgnc_symbol, distribution, log_time_ratio_per_sd, aic.
        expression: shape (genes, patients), NaN where missing; of at least the genes in `stored`.
        time_months, event_observed: shape (patients,), of patients that can be used.

    Returns:
        Two rows of `COMPARISON_SCHEMA` per gene and distribution: log_time_ratio_per_sd (difference in standard
        errors) and aic (absolute).
    """
    import pandas as pd
    from lifelines import LogLogisticAFTFitter, WeibullAFTFitter

    # The parameter of each model that is the logarithm of a time.
    fitters = {"weibull": (WeibullAFTFitter, "lambda_"), "loglogistic": (LogLogisticAFTFitter, "alpha_")}
    of_gene = dict(zip(genes, expression, strict=True))
    rows: list[dict[str, Any]] = []
    for ours in stored.iter_rows(named=True):
        values, name = of_gene[ours["hgnc_symbol"]], ours["distribution"]
        kept = ~np.isnan(values) & (time_months > 0)
        x = values[kept]
        frame = pd.DataFrame(
            {"time": time_months[kept], "event": event_observed[kept], "gene": (x - x.mean()) / x.std(ddof=1)}
        )
        fitter, parameter = fitters[name]
        fitted = fitter().fit(frame, "time", "event", fit_options=_UNTIL_IT_STANDS)
        gene, mine = ours["hgnc_symbol"], ours["log_time_ratio_per_sd"]
        theirs, error = (float(of[parameter]["gene"]) for of in (fitted.params_, fitted.standard_errors_))
        rows += [
            _row(gene, f"log_time_ratio_per_sd_{name}", mine, theirs, COEFFICIENT_TOLERANCE, unit=error),
            _row(gene, f"aic_{name}", ours["aic"], float(fitted.AIC_), AIC_TOLERANCE),
        ]
    return pl.DataFrame(rows, schema=COMPARISON_SCHEMA)


def _row(
    gene: str, quantity: str, ours: float | None, theirs: float, tolerance: float, *, unit: float = 1.0
) -> dict[str, Any]:
    """A row of the comparison, the difference in `unit`; a number that is not there differs from one that is."""
    difference = math.inf if ours is None else abs(ours - theirs) / unit
    return {
        "hgnc_symbol": gene,
        "quantity": quantity,
        "ours": math.nan if ours is None else ours,
        "lifelines": theirs,
        "difference": difference,
        "tolerance": tolerance,
        "agrees": bool(difference <= tolerance),
    }


def _row_of_curve(gene: str, quantity: str, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> dict[str, Any]:
    """The row of a curve, at the time where the two differ most."""
    k = int(np.abs(ours - theirs).argmax())
    return _row(gene, quantity, float(ours[k]), float(theirs[k]), SURVIVAL_TOLERANCE)


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
    return _row(gene, "log_hazard_ratio_per_sd", mine, theirs, COEFFICIENT_TOLERANCE, unit=error)


def _compare_halves(
    gene: str, values: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.float64], mine: float | None
) -> list[dict[str, Any]]:
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import logrank_test

    is_high = values > np.median(values)
    if is_high.all() or not is_high.any() or not event.any():
        return []
    theirs = float(logrank_test(time[is_high], time[~is_high], event[is_high], event[~is_high]).test_statistic)
    rows = [_row(gene, "logrank_chi2", mine, theirs, STATISTIC_TOLERANCE, unit=max(abs(theirs), 1.0))]
    for name, members in (("high", is_high), ("low", ~is_high)):
        curve = kaplan_meier(time[members], event[members])
        at = curve["time_months"].to_numpy()
        fitted = KaplanMeierFitter().fit(time[members], event[members]).survival_function_at_times(at).to_numpy()
        rows.append(_row_of_curve(gene, f"survival_{name}", curve["survival"].to_numpy(), fitted))
    return rows
