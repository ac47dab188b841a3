"""Survival screens: one test per gene, for every gene of a cohort at once.

Here belong analyses that ask the same survival question of thousands of genes (univariable or adjusted Cox models,
median and quartile splits). Analyses of one model, one curve or one signature have modules of their own; the compiled
loops are in `kernels`.

Numbers follow R's survival (Therneau; coxph, survdiff, survfit). Expression is standardised
inside for conditioning and every coefficient is reported per unit of the input row. Patients whose follow-up cannot be
used are left out as `usable_follow_up` says, and `n` and `events` of each row count those who were used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.statistics.multiple_testing import adjust_bh, percentile_of_smallest
from resistance_assets.science.statistics.tails import Z_95, chi2_tail, two_sided_normal
from resistance_assets.science.survival.cox import fit_firth, standardise
from resistance_assets.science.survival.follow_up import SortedCohort, float_array
from resistance_assets.science.survival.power import events_for_power

# Genes, or permutations, that a thread takes at a time: enough to be worth a call, and few enough that the permuted
# processes of a cohort of hundreds stay in the cache of a core.
SLAB = 512
# Columns that every model has.
_COX_SCHEMA: dict[str, Any] = {
    "hgnc_symbol": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    "model": pl.String,
    "log_hazard_ratio": pl.Float64,
    "hazard_ratio": pl.Float64,
    "ci_lower": pl.Float64,
    "ci_upper": pl.Float64,
    "standard_error": pl.Float64,
    "statistic": pl.Float64,
    "p_value": pl.Float64,
    "p_likelihood_ratio": pl.Float64,
    "p_score": pl.Float64,
    "q_value_bh": pl.Float64,
    "percentile_among_genes": pl.Float64,
    "concordance": pl.Float64,
    "log_likelihood_null": pl.Float64,
    "log_likelihood": pl.Float64,
    "hazard_ratio_per_sd": pl.Float64,
    "iterations": pl.Int64,
    "fit_status": pl.String,
    "estimator": pl.String,
    "fit_note": pl.String,
    "events_for_80pct_power": pl.Float64,
}
_SPLIT_SCHEMA: dict[str, Any] = {
    "cut_point": pl.Float64,
    "n_high": pl.Int64,
    "n_low": pl.Int64,
    "observed_high": pl.Int64,
    "expected_high": pl.Float64,
    "observed_low": pl.Int64,
    "expected_low": pl.Float64,
    "logrank_chi2": pl.Float64,
    "p_logrank": pl.Float64,
    "q_value_bh_logrank": pl.Float64,
    "percentile_logrank": pl.Float64,
    "median_survival_months_high": pl.Float64,
    "median_survival_months_low": pl.Float64,
}
#: Columns and types of `screen_survival`, and of the two screens it stacks (each without what does not apply to it).
SCREEN_SCHEMA: dict[str, Any] = {**_COX_SCHEMA, **_SPLIT_SCHEMA}
NOT_ESTIMABLE_NOTES = {
    3: "no patient has a value for this gene",
    4: "no event among the patients with a value",
    5: "the same value in every patient",
    6: "the row holds infinite values",
    7: "the split leaves one group empty",
    8: "no variation among the patients at risk at any event",
}
_MONOTONE_NOTE = "the likelihood has no finite maximum: every event has an extreme value of its risk set"
_NOT_CONVERGED_NOTE = "the maximum of the likelihood was not reached; a few extreme values carry the expression"


def screen_cox(
    expression: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    *,
    ties: str = "efron",
    strata: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
) -> pl.DataFrame:
    """Cox model of every gene: hazard ratio per unit of expression, Wald, score and likelihood-ratio tests.

    Args:
        expression: shape (n_genes, n_patients), NaN where missing; a patient counts for the genes it has values for.
        time_months: shape (n_patients,).
        event_observed: shape (n_patients,), 1 = event.
        genes: n_genes symbols.
        ties: "efron" or "breslow".
        strata: shape (n_patients,), labels; each stratum has its own baseline hazard.
        covariates: shape (n_patients, q); every model holds them beside the gene. Patients with a missing covariate are
            left out. The tests and `log_likelihood_null` then compare with the model of the covariates alone; the
            concordance is that of the whole model.

    Returns:
        One row per gene in the input order, columns and types of `SCREEN_SCHEMA` without those of a split. `fit_status`
        is converged, monotone_likelihood, not_converged or not_estimable; `fit_note` says why. A monotone likelihood
        has no finite maximum: its row, like one that did not converge, holds Firth's penalised estimate (`estimator`
        firth) with profile limits; p_value and p_likelihood_ratio are both of the penalised likelihood ratio, and the
        Wald statistic is null. `q_value_bh` and `percentile_among_genes` are over the genes of this call.
        `events_for_80pct_power` is Schoenfeld's number of events (1983, Biometrics 39:499) at the hazard ratio per
        standard deviation found here.

    Raises:
        DesignFault: no usable patient, no event.
        DataFault: an event is neither 0 nor 1.
        ValueError: shapes disagree, unknown rule for ties.
    """
    if ties not in ("efron", "breslow"):
        raise ValueError(f"ties must be efron or breslow, got {ties!r}")
    x = expression_matrix(expression, genes, time_months)
    efron = ties == "efron"
    if covariates is not None:
        return _screen_adjusted(x, time_months, event_observed, genes, strata, covariates, efron)
    from resistance_assets.science.survival.kernels import partial_likelihood

    cohort = SortedCohort(time_months, event_observed, strata)
    raw = np.concatenate(
        in_slabs(
            lambda rows: partial_likelihood.screen_continuous(
                x[rows], cohort.order, cohort.stratum, cohort.time_rank, cohort.event, efron
            ),
            len(genes),
        )
    )
    fields = dict(zip(partial_likelihood.CONTINUOUS_FIELDS, raw.T, strict=True))
    return _continuous_frame(fields, genes, x, cohort, efron)


def screen_median_split(
    expression: ArrayLike, time_months: ArrayLike, event_observed: ArrayLike, genes: Sequence[str]
) -> pl.DataFrame:
    """High (above the median) against low (at or below it), for every gene: log-rank test and Cox model, Efron ties.

    Args and errors as `screen_cox`. With tied values the groups are unequal, down to one of them empty, which is
    declared in `fit_status`.

    Returns:
        One row per gene, all columns of `SCREEN_SCHEMA`. Log-rank and expected events as R's `survdiff`; median
        survival as R's `survfit` (mid-point of a flat stretch at one half; null = not reached). `hazard_ratio_per_sd`
        is null.
    """
    return _split_screen(expression, time_months, event_observed, genes, 0.5, 0.5, "median_split").select(
        list(SCREEN_SCHEMA)
    )


def screen_quartile_split(
    expression: ArrayLike, time_months: ArrayLike, event_observed: ArrayLike, genes: Sequence[str]
) -> pl.DataFrame:
    """Top quarter (above the third quartile) against bottom quarter (at or below the first), the middle left out.

    Args, errors and columns as `screen_median_split`, with `cut_point` the upper and `cut_point_low` the lower cut.
    """
    return _split_screen(expression, time_months, event_observed, genes, 0.25, 0.75, "quartile_split")


def screen_survival(
    expression: ArrayLike, time_months: ArrayLike, event_observed: ArrayLike, genes: Sequence[str]
) -> pl.DataFrame:
    """Continuous and median-split rows of every gene in one frame with the columns of `SCREEN_SCHEMA`.

    Args and errors as `screen_cox`. Null where a column does not apply to a model. Corrections are within a model.
    """
    continuous = screen_cox(expression, time_months, event_observed, genes)
    split = screen_median_split(expression, time_months, event_observed, genes)
    return pl.concat([continuous, split], how="diagonal").select(list(SCREEN_SCHEMA))


def in_slabs(work: Callable[[slice], Any], count: int) -> list[Any]:
    """Call `work` for consecutive slices of range(count) from a few threads; results in order.

    Whoever is free takes the next slab, so a core that others use slows down only what it holds.
    """
    import numba

    slabs = [slice(begin, min(begin + SLAB, count)) for begin in range(0, max(count, 1), SLAB)]
    workers = min(numba.config.NUMBA_NUM_THREADS, len(slabs))  # type: ignore[attr-defined]
    if workers <= 1:
        return [work(slab) for slab in slabs]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, slabs))


def expression_matrix(expression: ArrayLike, genes: Sequence[str], time_months: Any) -> NDArray[np.float64]:
    x = np.asarray(expression, dtype=np.float64)
    patients = len(time_months)
    if x.ndim != 2 or x.shape != (len(genes), patients):
        raise ValueError(f"expression has shape {x.shape}, expected {len(genes)} genes by {patients} patients")
    # The loops read one gene after another: a transposed view would be read across.
    return np.ascontiguousarray(x)


def _continuous_frame(
    fields: Mapping[str, NDArray[np.float64]],
    genes: Sequence[str],
    x: NDArray[np.float64],
    cohort: SortedCohort,
    efron: bool,
    covariates: NDArray[np.float64] | None = None,
) -> pl.DataFrame:
    columns = _cox_columns(fields, genes, "continuous")
    _fill_penalised(columns, fields, cohort, efron, lambda gene: x[gene], covariates)
    sd = fields["standard_deviation"]
    per_sd = columns["log_hazard_ratio"] * sd
    with np.errstate(over="ignore"):
        columns["hazard_ratio_per_sd"] = np.exp(per_sd)
    columns["events_for_80pct_power"] = events_for_power(per_sd)
    _correct(columns)
    return frame_of_columns(columns, _COX_SCHEMA)


def _screen_adjusted(
    x: NDArray[np.float64],
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    strata: ArrayLike | None,
    covariates: ArrayLike,
    efron: bool,
) -> pl.DataFrame:
    from resistance_assets.science.survival.kernels import adjusted, partial_likelihood

    beside = np.asarray(covariates, np.float64)
    if beside.ndim != 2 or len(beside) != x.shape[1] or beside.shape[1] == 0:
        raise ValueError(f"covariates have shape {beside.shape}, expected {x.shape[1]} patients by at least one column")
    # Only patients with every covariate: the same ones in the model with and without the gene.
    time = np.where(np.isfinite(beside).all(axis=1), float_array(time_months), np.nan)
    cohort = SortedCohort(time, event_observed, strata)
    columns, _ = standardise(beside[cohort.order])
    flat = np.flatnonzero((columns == 0).all(axis=0))
    if flat.size:
        raise DesignFault(
            f"covariate {flat[0] + 1} has one value in all {cohort.order.size} patients",
            subject="adjusted survival screen",
            remedy="Leave that covariate out.",
        )
    raw = np.concatenate(
        in_slabs(
            lambda rows: adjusted.screen_adjusted(
                x[rows], cohort.order, cohort.stratum, cohort.time_rank, cohort.event, columns, efron
            ),
            len(genes),
        )
    )
    fields = dict(zip(partial_likelihood.CONTINUOUS_FIELDS, raw.T, strict=True))
    return _continuous_frame(fields, genes, x, cohort, efron, beside)


def _split_screen(
    expression: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    low_share: float,
    high_share: float,
    model: str,
) -> pl.DataFrame:
    from resistance_assets.science.survival.kernels import splits

    x = expression_matrix(expression, genes, time_months)
    cohort = SortedCohort(time_months, event_observed)
    raw = np.concatenate(
        in_slabs(
            lambda rows: splits.screen_split(
                x[rows], cohort.order, cohort.time_rank, cohort.event, cohort.time, low_share, high_share, True
            ),
            len(genes),
        )
    )
    fields = dict(zip(splits.SPLIT_FIELDS, raw.T, strict=True))
    columns = _cox_columns(fields, genes, model)

    def groups(gene: int) -> NDArray[np.float64]:
        row = x[gene]
        return np.where(row > fields["cut_high"][gene], 1.0, np.where(row <= fields["cut_low"][gene], 0.0, np.nan))

    _fill_penalised(columns, fields, cohort, True, groups)
    n_high, n_low = fields["n_high"], fields["n_low"]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = n_high / (n_high + n_low)
    columns["hazard_ratio_per_sd"] = np.full(len(genes), np.nan)
    columns["events_for_80pct_power"] = events_for_power(columns["log_hazard_ratio"], share * (1 - share))
    p_logrank = chi2_tail(fields["logrank_chi2"])
    columns |= {
        "cut_point": fields["cut_high"],
        "cut_point_low": fields["cut_low"],
        "n_high": n_high,
        "n_low": n_low,
        "observed_high": fields["observed_high"],
        "expected_high": fields["expected_high"],
        "observed_low": fields["observed_low"],
        "expected_low": fields["expected_low"],
        "logrank_chi2": fields["logrank_chi2"],
        "p_logrank": p_logrank,
        "q_value_bh_logrank": adjust_bh(p_logrank),
        "percentile_logrank": percentile_of_smallest(p_logrank),
        "median_survival_months_high": fields["median_high"],
        "median_survival_months_low": fields["median_low"],
    }
    _correct(columns)
    return frame_of_columns(columns, {**SCREEN_SCHEMA, "cut_point_low": pl.Float64})


def _cox_columns(fields: Mapping[str, NDArray[np.float64]], genes: Sequence[str], model: str) -> dict[str, Any]:
    """Columns of the fits with a finite maximum; the others are NaN here and filled or left null later."""
    status = fields["status"].astype(np.int64)
    fitted = status == 0
    beta = np.where(fitted, fields["coefficient"], np.nan)
    se = np.where(fitted, fields["standard_error"], np.nan)
    z = beta / se
    ratio = 2.0 * (fields["log_likelihood"] - fields["log_likelihood_null"])
    with np.errstate(over="ignore"):
        hazard_ratio, lower, upper = np.exp(beta), np.exp(beta - Z_95 * se), np.exp(beta + Z_95 * se)
    notes: list[str | None] = [NOT_ESTIMABLE_NOTES.get(int(code)) for code in status]
    names = np.array(["converged", "monotone_likelihood", "not_converged"] + ["not_estimable"] * 6, dtype=object)
    estimable = status <= 2
    return {
        "hgnc_symbol": list(genes),
        "n": fields["n"],
        "events": fields["events"],
        "model": [model] * len(genes),
        "log_hazard_ratio": beta,
        "hazard_ratio": hazard_ratio,
        "ci_lower": lower,
        "ci_upper": upper,
        "standard_error": se,
        "statistic": z,
        "p_value": two_sided_normal(z),
        "p_likelihood_ratio": np.where(fitted, chi2_tail(ratio), np.nan),
        "p_score": np.where(estimable, chi2_tail(fields["score_chi2"]), np.nan),
        "concordance": np.where(fitted, fields["concordance"], np.nan),
        "log_likelihood_null": fields["log_likelihood_null"],
        "log_likelihood": np.where(fitted, fields["log_likelihood"], np.nan),
        "iterations": fields["iterations"],
        "fit_status": names[status].tolist(),
        "estimator": ["partial_likelihood" if code == 0 else None for code in status],
        "fit_note": notes,
    }


def _fill_penalised(
    columns: dict[str, Any],
    fields: Mapping[str, NDArray[np.float64]],
    cohort: SortedCohort,
    efron: bool,
    values: Any,
    covariates: NDArray[np.float64] | None = None,
) -> None:

    wanting = np.flatnonzero((fields["status"] == 1) | (fields["status"] == 2))

    def penalised(some: slice) -> list[dict[str, float]]:
        fits = []
        for gene in wanting[some]:
            row = values(gene)[cohort.order]
            parts = [row[:, None]] if covariates is None else [row[:, None], covariates[cohort.order]]
            design = np.hstack(parts)
            present = ~np.isnan(row)
            fits.append(fit_firth(design[present], 0, cohort.risk_sets(present), efron=efron))
        return fits

    fits = [fit for slab in in_slabs(penalised, wanting.size) for fit in slab]
    for gene, fit in zip(wanting, fits, strict=True):
        if np.isnan(fit["coefficient"]):
            columns["fit_status"][gene] = "not_estimable"
            columns["fit_note"][gene] = NOT_ESTIMABLE_NOTES[8]
            columns["p_score"][gene] = np.nan
            continue
        columns["log_hazard_ratio"][gene] = fit["coefficient"]
        columns["standard_error"][gene] = fit["standard_error"]
        with np.errstate(over="ignore"):
            columns["hazard_ratio"][gene] = np.exp(fit["coefficient"])
            columns["ci_lower"][gene] = np.exp(fit["lower"])
            columns["ci_upper"][gene] = np.exp(fit["upper"])
        columns["p_value"][gene] = fit["p_value"]
        columns["p_likelihood_ratio"][gene] = fit["p_value"]
        columns["log_likelihood"][gene] = fit["log_likelihood"]
        columns["concordance"][gene] = fit["concordance"]
        columns["iterations"][gene] = fit["iterations"]
        columns["estimator"][gene] = "firth"
        columns["fit_note"][gene] = _MONOTONE_NOTE if fields["status"][gene] == 1 else _NOT_CONVERGED_NOTE


def _correct(columns: dict[str, Any]) -> None:
    columns["q_value_bh"] = adjust_bh(columns["p_value"])
    columns["percentile_among_genes"] = percentile_of_smallest(columns["p_value"])


def frame_of_columns(columns: Mapping[str, Any], schema: Mapping[str, Any]) -> pl.DataFrame:
    """NaN becomes null: a number that does not exist is missing, in SQL too."""
    series = []
    for name, dtype in schema.items():
        column = columns[name]
        if dtype == pl.String:
            series.append(pl.Series(name, column, dtype=pl.String))
        else:
            series.append(pl.Series(name, np.asarray(column, np.float64), nan_to_null=True).cast(dtype))
    return pl.DataFrame(series)
