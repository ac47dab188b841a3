"""Survival screens: one test per gene, for every gene of a cohort at once.

Here belong analyses that ask the same survival question of thousands of genes (univariable or adjusted Cox models,
median and quartile splits, corrected optimal cut-points) and the power that a gene's estimate calls for. Analyses of
one model, one curve or one signature belong in `survival`; the compiled loops in `survival_kernels`.

Numbers follow R's survival (Therneau; coxph, survdiff, survfit) and maxstat (Hothorn). Expression is standardised
inside for conditioning and every coefficient is reported per unit of the input row. Patients whose follow-up cannot be
used are left out as `usable_follow_up` says, and `n` and `events` of each row count those who were used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DataFault, DesignFault
from resistance_assets.science.statistics.multiple_testing import adjust_bh, percentile_of_smallest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resistance_assets.science.survival.cox import RiskSets

Z_95 = 1.959963984540054
# Genes, or permutations, that a thread takes at a time: enough to be worth a call, and few enough that the permuted
# processes of a cohort of hundreds stay in the cache of a core.
_SLAB = 512

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

#: Columns and types of `screen_optimal_cut`.
OPTIMAL_CUT_SCHEMA: dict[str, Any] = {
    "hgnc_symbol": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    "cut_point": pl.Float64,
    "n_high": pl.Int64,
    "n_low": pl.Int64,
    "n_cut_points": pl.Int64,
    "statistic": pl.Float64,
    "p_naive": pl.Float64,
    "p_lau92": pl.Float64,
    "p_lau94": pl.Float64,
    "p_permutation": pl.Float64,
    "permutations": pl.Int64,
    "q_value_bh": pl.Float64,
    "percentile_among_genes": pl.Float64,
    "fit_note": pl.String,
}

_NOTES = {
    3: "no patient has a value for this gene",
    4: "no event among the patients with a value",
    5: "the same value in every patient",
    6: "the row holds infinite values",
    7: "the split leaves one group empty",
    8: "no variation among the patients at risk at any event",
}
_MONOTONE_NOTE = "the likelihood has no finite maximum: every event has an extreme value of its risk set"
_NOT_CONVERGED_NOTE = "the maximum of the likelihood was not reached; a few extreme values carry the expression"


def usable_follow_up(time_months: ArrayLike, event_observed: ArrayLike) -> tuple[NDArray[np.bool_], pl.DataFrame]:
    """Which patients a survival analysis can use, and why not the others.

    A time of 0 is kept, as R's `coxph` and `survfit` keep it. Left out are patients whose time is missing, infinite or
    negative, or whose event is missing.

    Args:
        time_months: shape (n_patients,), None or NaN where missing.
        event_observed: shape (n_patients,), 1 or True where the event was seen, 0 or False where censored, None or NaN
            where missing.

    Returns:
        A mask of shape (n_patients,), and a frame of the patients left out: patient_index (Int64, position in the
        input), reason (String).

    Raises:
        DataFault: an event is neither 0 nor 1.
        ValueError: the two do not have one length.
    """
    time = _floats(time_months)
    event = _floats(event_observed)
    if time.ndim != 1 or time.shape != event.shape:
        raise ValueError(f"time {time.shape} and event {event.shape} must be vectors of one length")
    odd = np.flatnonzero(~np.isnan(event) & (event != 0) & (event != 1))
    if odd.size:
        raise DataFault(
            f"event is {event[odd[0]]:g}",
            subject="follow-up",
            place=f"patient at position {odd[0]}",
            expected="1 = event, 0 = censored",
            remedy="Recode the event column before the analysis.",
        )
    reasons = np.full(time.shape, "", dtype=object)
    reasons[np.isnan(event)] = "event missing"
    reasons[time < 0] = "time negative"
    reasons[np.isinf(time)] = "time infinite"
    reasons[np.isnan(time)] = "time missing"
    left_out = np.flatnonzero(reasons != "")
    frame = pl.DataFrame(
        {"patient_index": left_out, "reason": [str(reason) for reason in reasons[left_out]]},
        schema={"patient_index": pl.Int64, "reason": pl.String},
    )
    return reasons == "", frame


class SortedCohort:
    """The patients of a cohort that can be analysed, in the order the compiled loops work in.

    Attributes:
        order: positions in the input, by stratum, then from the latest time to the earliest, deaths before censored.
        stratum, time_rank, event: Int64, of the patients in that order.
        time: months, in that order.
    """

    def __init__(self, time_months: ArrayLike, event_observed: ArrayLike, strata: ArrayLike | None = None) -> None:
        usable, _ = usable_follow_up(time_months, event_observed)
        if not usable.any():
            raise DesignFault(
                "no patient has a usable time and event",
                subject="survival cohort",
                remedy="Choose an endpoint that was recorded in this cohort.",
            )
        chosen = np.flatnonzero(usable)
        time = merge_nearly_equal(_floats(time_months)[chosen])
        event = _floats(event_observed)[chosen].astype(np.int64)
        if not event.any():
            raise DesignFault(
                f"none of {chosen.size} patients had the event",
                subject="survival cohort",
                remedy="Choose another endpoint or cohort; nothing can be estimated without events.",
            )
        stratum = np.zeros(chosen.size, np.int64)
        if strata is not None:
            labels = np.asarray(strata)
            if labels.shape != usable.shape:
                raise ValueError(f"strata {labels.shape} must be one per patient {usable.shape}")
            kept = [str(label) for label in labels[chosen]]
            missing = [k for k, label in enumerate(labels[chosen]) if label is None or label != label]
            if missing:
                raise DataFault(
                    f"{len(missing)} patients have no stratum",
                    subject="survival cohort",
                    remedy="Give every patient a stratum or leave those patients out.",
                )
            stratum = np.unique(kept, return_inverse=True)[1].astype(np.int64)
        rank = np.unique(time, return_inverse=True)[1].astype(np.int64)
        within = np.lexsort((-event, -rank, stratum))
        self.n_input = usable.size
        self.order = chosen[within]
        self.stratum = np.ascontiguousarray(stratum[within])
        self.time_rank = np.ascontiguousarray(rank[within])
        self.event = np.ascontiguousarray(event[within])
        self.time = np.ascontiguousarray(time[within])

    def risk_sets(self, present: NDArray[np.bool_] | None = None) -> RiskSets:
        """Arrays start, end, death_start, deaths, first of `survival_kernels.segments`.

        `present` (in sorted order) restricts them to some patients, numbered among themselves.
        """
        from resistance_assets.science.survival.kernels import partial_likelihood as kernels

        chosen = slice(None) if present is None else present
        stratum, rank, event = self.stratum[chosen], self.time_rank[chosen], self.event[chosen]
        start, end, death_start, deaths, first = np.empty((5, event.size), np.int64)
        count = kernels.segments(stratum, rank, event, event.size, start, end, death_start, deaths, first)
        return start[:count], end[:count], death_start[:count], deaths[:count], first[:count]


def merge_nearly_equal(time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times that differ by rounding alone become equal, by the rule of R's `survival` (timefix; tolerance 1.5e-8)."""
    values, inverse = np.unique(time, return_inverse=True)
    if values.size < 2:
        return time
    gap = np.diff(values)
    scale = float(np.mean(np.abs(values)))
    tolerance = np.sqrt(np.finfo(np.float64).eps)
    same = (gap <= tolerance) | (gap / scale <= tolerance if scale > 0 else False)
    if not same.any():
        return time
    leader = np.maximum.accumulate(np.where(np.concatenate(([True], ~same)), np.arange(values.size), 0))
    return values[leader][inverse]


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
    x = _matrix(expression, genes, time_months)
    efron = ties == "efron"
    if covariates is not None:
        return _screen_adjusted(x, time_months, event_observed, genes, strata, covariates, efron)
    from resistance_assets.science.survival.kernels import partial_likelihood as kernels

    cohort = SortedCohort(time_months, event_observed, strata)
    raw = np.concatenate(
        _in_slabs(
            lambda rows: kernels.screen_continuous(
                x[rows], cohort.order, cohort.stratum, cohort.time_rank, cohort.event, efron
            ),
            len(genes),
        )
    )
    fields = dict(zip(kernels.CONTINUOUS_FIELDS, raw.T, strict=True))
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


def screen_optimal_cut(
    expression: ArrayLike,
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    *,
    min_proportion: float = 0.1,
    max_proportion: float = 0.9,
    permutations: int = 10_000,
    seed: int = 20240501,
) -> pl.DataFrame:
    """Best cut-point of every gene by the log-rank statistic, with p-values that pay for the search.

    The maximally selected log-rank statistic (Lausen & Schumacher 1992, Biometrics 48:73; Hothorn & Lausen 2003, CSDA
    43:121). Choosing the cut with the smallest p and reporting that p (`p_naive`) finds "significant" cuts in about
    every second gene that has nothing to do with survival; it stands here only beside its corrections.

    The permutation null shuffles the log-rank scores over the patients. Partial sums of shuffled scores depend on the
    patients and on the admitted group sizes, not on a gene, so one set of permuted processes serves all genes. A gene
    with ties admits fewer group sizes: the same processes are then read at that gene's sizes only. Genes with missing
    values get the processes of the patients they have, at about 20 ms for each distinct pattern of missing values.

    Args:
        min_proportion, max_proportion: share of patients in the low group, rounded down to patients.
        permutations: number of permuted processes; p_permutation = (reached + 1) / (permutations + 1).
        Otherwise, and for errors, as `screen_cox`.

    Returns:
        One row per gene, columns of `OPTIMAL_CUT_SCHEMA`. Low is at or below `cut_point`. p_lau92 and p_lau94 are the
        approximations of Lausen & Schumacher (1992) and Lausen, Sauerbrei & Schumacher (1994), the latter cut at 1.
        `q_value_bh` is over p_permutation.
    """
    from resistance_assets.science.survival.kernels import partial_likelihood as kernels

    if not 0 < min_proportion < max_proportion < 1:
        raise ValueError(f"proportions {min_proportion} and {max_proportion} must be ordered within 0 and 1")
    if permutations < 1:
        raise ValueError("at least one permutation is needed")
    x = _matrix(expression, genes, time_months)
    cohort = SortedCohort(time_months, event_observed)
    n_genes = len(genes)
    fields = {name: np.full(n_genes, np.nan) for name in kernels.CUT_FIELDS}
    n_used, events_used, reached = np.zeros(n_genes), np.zeros(n_genes), np.full(n_genes, np.nan)
    for members, present in _by_missing(x, cohort):
        event, rank = cohort.event[present], cohort.time_rank[present]
        n = event.size
        n_used[members], events_used[members] = n, event.sum()
        m_low, m_high = max(1, int(np.floor(min_proportion * n))), int(np.floor(max_proportion * n))
        if n == 0 or event.sum() == 0 or m_high < m_low or n < 2:
            fields["status"][members] = 3 if n == 0 else 4 if event.sum() == 0 else 7
            continue
        scores = np.empty(n)
        kernels.logrank_scores(rank, event, n, scores)
        columns = cohort.order[present]
        null = _PermutedCuts(scores, m_low, m_high, permutations, seed)
        # A part of the genes at a time bounds the memory that copies of their rows and candidate masks take.
        part = max(_SLAB, 5_000_000 // n)
        for begin in range(0, members.size, part):
            some = members[begin : begin + part]
            candidates = np.zeros((some.size, m_high - m_low + 1), np.uint8)

            def search(
                rows: slice,
                some: NDArray[np.intp] = some,
                columns: NDArray[np.intp] = columns,
                scores: NDArray[np.float64] = scores,
                bounds: tuple[int, int] = (m_low, m_high),
                candidates: NDArray[np.uint8] = candidates,
            ) -> NDArray[np.float64]:
                return kernels.search_cuts(x[np.ix_(some[rows], columns)], scores, *bounds, candidates[rows])

            found = np.concatenate(_in_slabs(search, some.size))
            for k, name in enumerate(kernels.CUT_FIELDS):
                fields[name][some] = found[:, k]
            searched = found[:, 6] == 0
            reached[some[searched]] = null.count_reached(found[searched, 1], candidates[searched])
    return _cut_frame(fields, genes, n_used, events_used, reached, permutations, min_proportion, max_proportion)


def events_for_power(
    log_hazard_ratio: ArrayLike, variance: ArrayLike = 1.0, *, power: float = 0.8, alpha: float = 0.05
) -> NDArray[np.float64]:
    """Events needed to find a log hazard ratio per unit of a covariate with the given variance (Schoenfeld).

    (z_{1-alpha/2} + z_{power})^2 / (variance x log_hazard_ratio^2), rounded up (Schoenfeld 1983, Biometrics 39:499;
    Hsieh & Lavori 2000, Control Clin Trials 21:552 for a continuous covariate). For two groups the variance is the
    product of their shares. NaN where there is no effect to find.
    """
    from scipy.special import ndtri

    if not 0 < alpha < 1 or not 0 < power < 1:
        raise ValueError(f"alpha {alpha} and power {power} must lie between 0 and 1")
    effect = np.asarray(log_hazard_ratio, np.float64) ** 2 * np.asarray(variance, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        events = np.ceil((ndtri(1 - alpha / 2) + ndtri(power)) ** 2 / effect)
    return np.where(np.isfinite(events), events, np.nan)


# ---------------------------------------------------------------------------------------------------------------------


def _in_slabs(work: Callable[[slice], Any], count: int) -> list[Any]:
    """Call `work` for consecutive slices of range(count) from a few threads; results in order.

    Whoever is free takes the next slab, so a core that others use slows down only what it holds.
    """
    import numba

    slabs = [slice(begin, min(begin + _SLAB, count)) for begin in range(0, max(count, 1), _SLAB)]
    workers = min(numba.config.NUMBA_NUM_THREADS, len(slabs))  # type: ignore[attr-defined]
    if workers <= 1:
        return [work(slab) for slab in slabs]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, slabs))


def _floats(values: Any) -> NDArray[np.float64]:
    if isinstance(values, pl.Series):
        return values.cast(pl.Float64).to_numpy().astype(np.float64, copy=False)
    return np.asarray(values, dtype=np.float64)


def _matrix(expression: ArrayLike, genes: Sequence[str], time_months: Any) -> NDArray[np.float64]:
    x = np.asarray(expression, dtype=np.float64)
    patients = len(time_months)
    if x.ndim != 2 or x.shape != (len(genes), patients):
        raise ValueError(f"expression has shape {x.shape}, expected {len(genes)} genes by {patients} patients")
    # The loops read one gene after another: a transposed view would be read across.
    return np.ascontiguousarray(x)


def _two_sided(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    return 2.0 * ndtr(-np.abs(z))


def chi2_tail(chi2: ArrayLike, degrees: ArrayLike = 1) -> NDArray[np.float64]:
    """Upper tail of the chi-squared distribution, computed as a tail; NaN stays NaN."""
    from scipy.special import chdtrc, erfc

    values = np.asarray(chi2, np.float64)
    if isinstance(degrees, int) and degrees == 1:
        # Ten times as fast as the incomplete gamma function.
        return erfc(np.sqrt(np.maximum(values, 0.0) / 2.0))
    # A likelihood ratio may come out as -1e-13.
    return chdtrc(degrees, np.where(values < 0, 0.0, values))


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
    return _frame(columns, _COX_SCHEMA)


def _screen_adjusted(
    x: NDArray[np.float64],
    time_months: ArrayLike,
    event_observed: ArrayLike,
    genes: Sequence[str],
    strata: ArrayLike | None,
    covariates: ArrayLike,
    efron: bool,
) -> pl.DataFrame:
    from resistance_assets.science.survival.cox import standardise
    from resistance_assets.science.survival.kernels import partial_likelihood as kernels

    beside = np.asarray(covariates, np.float64)
    if beside.ndim != 2 or len(beside) != x.shape[1] or beside.shape[1] == 0:
        raise ValueError(f"covariates have shape {beside.shape}, expected {x.shape[1]} patients by at least one column")
    # Only patients with every covariate: the same ones in the model with and without the gene.
    time = np.where(np.isfinite(beside).all(axis=1), _floats(time_months), np.nan)
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
        _in_slabs(
            lambda rows: kernels.screen_adjusted(
                x[rows], cohort.order, cohort.stratum, cohort.time_rank, cohort.event, columns, efron
            ),
            len(genes),
        )
    )
    fields = dict(zip(kernels.CONTINUOUS_FIELDS, raw.T, strict=True))
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
    from resistance_assets.science.survival.kernels import partial_likelihood as kernels

    x = _matrix(expression, genes, time_months)
    cohort = SortedCohort(time_months, event_observed)
    raw = np.concatenate(
        _in_slabs(
            lambda rows: kernels.screen_split(
                x[rows], cohort.order, cohort.time_rank, cohort.event, cohort.time, low_share, high_share, True
            ),
            len(genes),
        )
    )
    fields = dict(zip(kernels.SPLIT_FIELDS, raw.T, strict=True))
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
    return _frame(columns, {**SCREEN_SCHEMA, "cut_point_low": pl.Float64})


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
    notes: list[str | None] = [_NOTES.get(int(code)) for code in status]
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
        "p_value": _two_sided(z),
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
    from resistance_assets.science.survival.cox import fit_firth

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

    fits = [fit for slab in _in_slabs(penalised, wanting.size) for fit in slab]
    for gene, fit in zip(wanting, fits, strict=True):
        if np.isnan(fit["coefficient"]):
            columns["fit_status"][gene] = "not_estimable"
            columns["fit_note"][gene] = _NOTES[8]
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


def _frame(columns: Mapping[str, Any], schema: Mapping[str, Any]) -> pl.DataFrame:
    """NaN becomes null: a number that does not exist is missing, in SQL too."""
    series = []
    for name, dtype in schema.items():
        column = columns[name]
        if dtype == pl.String:
            series.append(pl.Series(name, column, dtype=pl.String))
        else:
            series.append(pl.Series(name, np.asarray(column, np.float64), nan_to_null=True).cast(dtype))
    return pl.DataFrame(series)


class _PermutedCuts:
    """Permuted score processes of one set of patients, made in blocks so that memory stays bounded."""

    def __init__(self, scores: NDArray[np.float64], m_low: int, m_high: int, permutations: int, seed: int) -> None:
        self.scores, self.m_low, self.m_high = scores, m_low, m_high
        self.permutations, self.seed = permutations, seed
        self._sorted_peaks: NDArray[np.float64] | None = None

    def _peaks(self) -> NDArray[np.float64]:
        """Largest value of each process over all group sizes, in ascending order."""
        from resistance_assets.science.survival.kernels import partial_likelihood as kernels

        if self._sorted_peaks is None:
            peaks = np.empty(self.permutations)
            nothing = np.empty((0, 0), np.float32)

            def draw(block: slice) -> None:
                kernels.permuted_processes(
                    self.scores, self.m_low, self.m_high, self.seed, block.start, nothing, peaks[block]
                )

            _in_slabs(draw, self.permutations)
            self._sorted_peaks = np.sort(peaks)
        return self._sorted_peaks

    def count_reached(self, statistics: NDArray[np.float64], candidates: NDArray[np.uint8]) -> NDArray[np.int64]:
        """For each gene, how many permuted processes reach its statistic at one of its candidate cuts."""
        from resistance_assets.science.survival.kernels import partial_likelihood as kernels

        counts = np.zeros(statistics.size, np.int64)
        complete = candidates.all(axis=1)
        if complete.any():
            # Without ties every group size is admitted, and the largest value of a process is all that matters.
            below = np.searchsorted(self._peaks(), statistics[complete] * (1.0 - 1e-12), side="left")
            counts[complete] = self.permutations - below
        tied = np.flatnonzero(~complete)
        if tied.size:
            bars, admitted = statistics[tied], candidates[tied]

            def count(block: slice) -> NDArray[np.int64]:
                size = block.stop - block.start
                processes = np.empty((self.m_high - self.m_low + 1, size), np.float32)
                kernels.permuted_processes(
                    self.scores, self.m_low, self.m_high, self.seed, block.start, processes, np.empty(size)
                )
                reached = np.zeros(bars.size, np.int64)
                kernels.count_exceedances(bars, admitted, processes, reached)
                return reached

            counts[tied] = np.sum(_in_slabs(count, self.permutations), axis=0)
        return counts


def _by_missing(x: NDArray[np.float64], cohort: SortedCohort) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Genes that have values for the same patients, with those patients in sorted order."""
    missing: dict[bytes, list[int]] = {}
    complete = []
    for gene, row in enumerate(x):
        absent = np.isnan(row[cohort.order])
        if absent.any():
            missing.setdefault(np.packbits(absent).tobytes(), []).append(gene)
        else:
            complete.append(gene)
    n = cohort.order.size
    if complete:
        yield np.array(complete), np.ones(n, bool)
    for key, members in missing.items():
        absent = np.unpackbits(np.frombuffer(key, np.uint8), count=n).astype(bool)
        yield np.array(members), ~absent


def _cut_frame(
    fields: Mapping[str, NDArray[np.float64]],
    genes: Sequence[str],
    n: NDArray[np.float64],
    events: NDArray[np.float64],
    reached: NDArray[np.float64],
    permutations: int,
    min_proportion: float,
    max_proportion: float,
) -> pl.DataFrame:
    b = fields["statistic"]
    with np.errstate(divide="ignore", invalid="ignore"):
        density = np.exp(-0.5 * b * b) / np.sqrt(2.0 * np.pi)
        width = np.log(max_proportion * (1 - min_proportion) / ((1 - max_proportion) * min_proportion))
        lau92 = 4.0 * density / b + density * (b - 1.0 / b) * width
        lau92 = np.where(b < 1, 1.0, np.clip(lau92, 0.0, 1.0))
        series = fields["lau94_linear"] - (b * b / 4.0 - 1.0) * fields["lau94_cubic"]
        lau94 = np.clip(_two_sided(b) + np.exp(-0.5 * b * b) / np.pi * series, 0.0, 1.0)
    untested = np.isnan(b)
    lau92[untested] = np.nan
    p_permutation = (reached + 1.0) / (permutations + 1.0)
    columns = {
        "hgnc_symbol": list(genes),
        "n": n,
        "events": events,
        "cut_point": fields["cut_point"],
        "n_high": n - fields["n_low"],
        "n_low": fields["n_low"],
        "n_cut_points": fields["n_cut_points"],
        "statistic": b,
        "p_naive": _two_sided(b),
        "p_lau92": lau92,
        "p_lau94": lau94,
        "p_permutation": p_permutation,
        "permutations": np.where(untested, np.nan, permutations),
        "q_value_bh": adjust_bh(p_permutation),
        "percentile_among_genes": percentile_of_smallest(p_permutation),
        "fit_note": [
            "no cut leaves both groups large enough" if code == 7 else _NOTES.get(int(code))
            for code in fields["status"]
        ],
    }
    return _frame(columns, OPTIMAL_CUT_SCHEMA)
