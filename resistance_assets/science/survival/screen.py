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
from resistance_assets.science.survival.cox import fit_firth, fit_model, standardise
from resistance_assets.science.survival.follow_up import SortedCohort, float_array, usable_follow_up
from resistance_assets.science.survival.logrank import SplitMinimum, SplitPermutations, null_martingale_residuals
from resistance_assets.science.survival.power import events_for_power, minimum_detectable_hazard_ratio

SPLIT_MINIMUM = SplitMinimum()

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
    "q_value_bh_likelihood_ratio": pl.Float64,
    "percentile_likelihood_ratio": pl.Float64,
    "concordance": pl.Float64,
    "log_likelihood_null": pl.Float64,
    "log_likelihood": pl.Float64,
    "hazard_ratio_per_sd": pl.Float64,
    "iterations": pl.Int64,
    "fit_status": pl.String,
    "estimator": pl.String,
    "fit_note": pl.String,
    "events_for_80pct_power": pl.Float64,
    "minimum_detectable_hazard_ratio": pl.Float64,
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
    "p_permutation": pl.Float64,
    "permutations": pl.Int64,
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
_MONOTONE_ADJUSTED_NOTE = "the likelihood of the gene beside the covariates has no finite maximum"
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
    covariate_names: Sequence[str] = (),
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
        covariate_names: one per column of `covariates`, for `fit_note`.

    Returns:
        One row per gene in the input order, columns and types of `SCREEN_SCHEMA` without those of a split. `fit_status`
        is converged, monotone_likelihood, not_converged or not_estimable; `fit_note` says why. A monotone likelihood
        has no finite maximum: its row, like one that did not converge, holds Firth's penalised estimate (`estimator`
        firth) with profile limits; p_value and p_likelihood_ratio are both of the penalised likelihood ratio, and the
        Wald statistic is null. `q_value_bh` and `percentile_among_genes` are over the genes of this call.
        `events_for_80pct_power` is Schoenfeld's number of events (1983, Biometrics 39:499) at the hazard ratio per
        standard deviation found here; `minimum_detectable_hazard_ratio` the smallest one above 1, per standard
        deviation, that this many events find with 80 % power at a two-sided alpha of 0.05.

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
        return _screen_adjusted(x, time_months, event_observed, genes, strata, covariates, efron, covariate_names)
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
    expression: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    minimum: SplitMinimum | None = SPLIT_MINIMUM,
) -> pl.DataFrame:
    """High (above the median) against low (at or below it), for every gene: log-rank test and Cox model, Efron ties.

    Args and errors as `screen_cox`. With tied values the groups are unequal, down to one of them empty, which is
    declared in `fit_status`. A split that leaves a group below the `minimum` (None: whatever its size) has no p-value
    of a large sample and no interval: it has `p_permutation`, a `fit_note`, and no part in any q-value.

    Returns:
        One row per gene, all columns of `SCREEN_SCHEMA`. Log-rank and expected events as R's `survdiff`; median
        survival as R's `survfit` (mid-point of a flat stretch at one half; null = not reached). `hazard_ratio_per_sd`
        is null.
    """
    return _split_screen(expression, time_months, event_observed, genes, 0.5, 0.5, "median_split", minimum).select(
        list(SCREEN_SCHEMA)
    )


def screen_quartile_split(
    expression: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    minimum: SplitMinimum | None = SPLIT_MINIMUM,
) -> pl.DataFrame:
    """Top quarter (above the third quartile) against bottom quarter (at or below the first), the middle left out.

    Args, errors and columns as `screen_median_split`, with `cut_point` the upper and `cut_point_low` the lower cut.
    """
    return _split_screen(expression, time_months, event_observed, genes, 0.25, 0.75, "quartile_split", minimum)


def screen_altered(
    altered: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    minimum: SplitMinimum | None = SPLIT_MINIMUM,
) -> pl.DataFrame:
    """Altered (1) against not (0), for every gene; NaN where a gene was not measured in a patient.

    Args, errors and columns as `screen_median_split`; "high" are the altered patients.
    """
    return _split_screen(altered, time_months, event_observed, genes, 0.0, 0.0, "altered", minimum).select(
        list(SCREEN_SCHEMA)
    )


def screen_survival(
    expression: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    minimum: SplitMinimum | None = SPLIT_MINIMUM,
) -> pl.DataFrame:
    """Continuous, rank-normal and median-split rows of every gene in one frame with the columns of `SCREEN_SCHEMA`.

    Args and errors as `screen_cox`. Null where a column does not apply to a model. Corrections are within a model.
    """
    data = time_months, event_observed, genes
    continuous = screen_cox(expression, *data)
    usable, _ = usable_follow_up(time_months, event_observed)
    scores = rank_normal_scores(expression, among=usable)
    ranked = screen_cox(scores, *data).with_columns(model=pl.lit("rank_normal"))
    split = screen_median_split(expression, *data, minimum)
    return pl.concat([continuous, ranked, split], how="diagonal").select(list(SCREEN_SCHEMA))


def rank_normal_scores(expression: ArrayLike, among: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Normal scores of the ranks along each row: what a gene says whatever the scale and the tails of its values.

    The normal quantile of (rank - 3/8) / (n + 1/4) (Blom 1958), mid-ranks for ties; NaN stays NaN.

    Args:
        expression: shape (n_genes, n_patients).
        among: the patients that are ranked; the others become NaN.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    x = np.array(expression, dtype=np.float64)
    if among is not None:
        x[:, ~among] = np.nan
    ranks = rankdata(x, axis=1, nan_policy="omit")
    present = (~np.isnan(x)).sum(axis=1, keepdims=True)
    return np.where(np.isnan(x), np.nan, ndtri((ranks - 0.375) / (present + 0.25)))


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
    names: Sequence[str] = (),
) -> pl.DataFrame:
    columns = _cox_columns(fields, genes, "continuous")
    _fill_penalised(columns, fields, cohort, efron, lambda gene: x[gene], covariates, names)
    sd = fields["standard_deviation"]
    per_sd = columns["log_hazard_ratio"] * sd
    with np.errstate(over="ignore"):
        columns["hazard_ratio_per_sd"] = np.exp(per_sd)
    columns["events_for_80pct_power"] = events_for_power(per_sd)
    columns["minimum_detectable_hazard_ratio"] = minimum_detectable_hazard_ratio(fields["events"])
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
    names: Sequence[str],
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
    return _continuous_frame(fields, genes, x, cohort, efron, beside, names)


def _split_screen(
    expression: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    low_share: float,
    high_share: float,
    model: str,
    minimum: SplitMinimum | None,
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
    columns["minimum_detectable_hazard_ratio"] = minimum_detectable_hazard_ratio(fields["events"], share * (1 - share))
    p_logrank = chi2_tail(fields["logrank_chi2"])
    p_permutation, permutations = _test_small_groups(columns, fields, p_logrank, x, cohort, minimum)
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
        "p_permutation": p_permutation,
        "permutations": permutations,
        "median_survival_months_high": fields["median_high"],
        "median_survival_months_low": fields["median_low"],
    }
    _correct(columns)
    return frame_of_columns(columns, {**SCREEN_SCHEMA, "cut_point_low": pl.Float64})


def _test_small_groups(
    columns: dict[str, Any],
    fields: Mapping[str, NDArray[np.float64]],
    p_logrank: NDArray[np.float64],
    x: NDArray[np.float64],
    cohort: SortedCohort,
    minimum: SplitMinimum | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Permutation p-values of the splits below the minimum, whose large-sample p-values and limits are taken away."""
    p_values, permutations = np.full((2, len(x)), np.nan)
    if minimum is None:
        return p_values, permutations
    n_high, n_low = fields["n_high"], fields["n_low"]
    small = minimum.falls_short(n_high, n_low, fields["expected_high"], fields["expected_low"])
    small &= fields["events"] > 0
    rows = np.flatnonzero(small)
    tests: dict[bytes, SplitPermutations] = {}
    for start in range(0, rows.size, SLAB):
        some = rows[start : start + SLAB]
        values = x[some][:, cohort.order]
        with np.errstate(invalid="ignore"):
            high = values > fields["cut_high"][some, None]
            present = high | (values <= fields["cut_low"][some, None])
        # Genes that the same patients are divided by share their null distribution.
        alike: dict[bytes, list[int]] = {}
        for at in range(some.size):
            alike.setdefault(present[at].tobytes(), []).append(at)
        for patients, own in alike.items():
            there = present[own[0]]
            if patients not in tests:
                tests[patients] = SplitPermutations(
                    null_martingale_residuals(cohort.time[there], cohort.event[there]),
                    permutations=minimum.permutations,
                    seed=minimum.seed,
                )
            p_values[some[own]], permutations[some[own]] = tests[patients].p_values(high[own][:, there])
    fewest = np.minimum(fields["expected_high"], fields["expected_low"])
    for gene in rows:
        drawn = permutations[gene]
        columns["fit_note"][gene] = (
            f"{minimum.describe(n_high[gene], n_low[gene], fewest[gene])}: only p_permutation stands"
            f" ({'exact' if np.isnan(drawn) else f'{drawn:.0f} permutations'})"
        )
    for name in ("p_value", "p_likelihood_ratio", "p_score", "ci_lower", "ci_upper"):
        columns[name] = np.where(small, np.nan, columns[name])
    p_logrank[small] = np.nan
    return p_values, permutations


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
    names: Sequence[str] = (),
) -> None:

    wanting = np.flatnonzero((fields["status"] == 1) | (fields["status"] == 2))
    if covariates is not None:
        wanting = np.array(
            [
                gene
                for gene in wanting
                if not _keep_estimate_of_limit(columns, gene, values(gene), cohort, efron, covariates, names)  # pyright: ignore
            ],
            np.int64,
        )

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
        note = _MONOTONE_NOTE if covariates is None else _MONOTONE_ADJUSTED_NOTE
        columns["fit_note"][gene] = note if fields["status"][gene] == 1 else _NOT_CONVERGED_NOTE


def _keep_estimate_of_limit(
    columns: dict[str, Any],
    gene: int,
    values: NDArray[np.float64],
    cohort: SortedCohort,
    efron: bool,
    covariates: NDArray[np.float64],
    names: Sequence[str],
) -> bool:
    """Fill in the gene's own estimate where a level of a covariate, not the gene, has no finite coefficient.

    Nobody of that level had the event among the patients with a value of the gene; without them the fit is the limit
    that the plain one tends to. Returns whether that is so.
    """
    from resistance_assets.science.survival.kernels import partial_likelihood

    row, beside = values[cohort.order], covariates[cohort.order]
    present = ~np.isnan(row)
    is_level = np.isin(beside[present], (0.0, 1.0)).all(axis=0)
    empty = np.flatnonzero(is_level & ~(beside[present & (cohort.event == 1)] == 1.0).any(axis=0))
    if empty.size == 0:
        return False
    present &= (beside[:, empty] == 0.0).all(axis=1)
    kept = np.delete(beside[present], empty, axis=1)
    kept = kept[:, np.ptp(kept, axis=0) > 0]
    risk_sets = cohort.risk_sets(present)
    fit = fit_model(np.column_stack([kept, row[present]]), risk_sets, efron=efron)
    if fit.status != partial_likelihood.CONVERGED:
        return False
    null = fit_model(kept, risk_sets, efron=efron).log_likelihood if kept.shape[1] else fit.log_likelihood_null
    beta, se = float(fit.coefficients[-1]), float(np.sqrt(fit.covariance[-1, -1]))
    named = ", ".join(names[k] for k in empty) if names else "a covariate"  # pyright: ignore
    with np.errstate(over="ignore"):
        ratio, lower, upper = (float(v) for v in np.exp([beta, beta - Z_95 * se, beta + Z_95 * se]))
    found = {
        "n": int(present.sum()),
        "log_hazard_ratio": beta,
        "standard_error": se,
        "hazard_ratio": ratio,
        "ci_lower": lower,
        "ci_upper": upper,
        "statistic": beta / se,
        "p_value": float(two_sided_normal(np.array(beta / se))),
        "p_likelihood_ratio": float(chi2_tail(max(0.0, 2 * (fit.log_likelihood - null)))),
        "p_score": np.nan,
        "concordance": fit.concordance,
        "log_likelihood_null": null,
        "log_likelihood": fit.log_likelihood,
        "iterations": fit.passes,
        "fit_status": "converged",
        "estimator": "partial_likelihood",
        "fit_note": f"{named} has no event: its coefficient has no finite estimate, the gene's is that of the limit",
    }
    for name, value in found.items():
        columns[name][gene] = value
    return True


def _correct(columns: dict[str, Any]) -> None:
    columns["q_value_bh"] = adjust_bh(columns["p_value"])
    columns["percentile_among_genes"] = percentile_of_smallest(columns["p_value"])
    columns["q_value_bh_likelihood_ratio"] = adjust_bh(columns["p_likelihood_ratio"])
    columns["percentile_likelihood_ratio"] = percentile_of_smallest(columns["p_likelihood_ratio"])


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
