"""What alterations go with: survival, expression by driver, gene by driver on survival, and mutational burden.

Tests are those of the expression screens, so that a hazard ratio means the same in both. Patients that were not
measured for a gene take no part in its tests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import Fault
from resistance_assets.science.alterations.gene_patients import AlterationMatrix
from resistance_assets.science.deg.limma import fit_linear, log_odds, moderated_t
from resistance_assets.science.deg.variance_moderation import moderate_variances
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.statistics.rank_sum import rank_sum_test
from resistance_assets.science.statistics.tails import chi2_tail
from resistance_assets.science.survival.cox import fit_model
from resistance_assets.science.survival.curves import kaplan_meier
from resistance_assets.science.survival.follow_up import SortedCohort
from resistance_assets.science.survival.logrank import SplitMinimum
from resistance_assets.science.survival.screen import SPLIT_MINIMUM, screen_altered, screen_cox

Matrix = NDArray[np.float64]
LEAST_ALTERED = 10
"""Altered, and unaltered, patients below which a gene is not compared."""
LEAST_DRIVER_GROUP = 3
LEAST_EVENTS = 2
"""Events with, and without, a driver below which an interaction is not fitted."""


def altered_survival(
    altered: AlterationMatrix,
    time_months: Matrix,
    event_observed: Matrix,
    *,
    always: Sequence[str] = (),
    minimum: SplitMinimum = SPLIT_MINIMUM,
) -> pl.DataFrame:
    """Altered against not, for every gene altered in ten or more patients, and for the genes of `always` from three on.

    Args:
        altered: follow-up is in the order of its patients.
        minimum: of both groups; below it a gene has a permutation p alone, and no part in any q.

    Returns:
        As `screen_altered`; no row where no gene can be compared.
    """
    followed = np.isfinite(time_months) & np.isfinite(event_observed)
    smaller = _smaller_groups(altered.values, followed)
    wanted = set(always)
    asked = np.array([gene in wanted for gene in altered.genes], dtype=bool)
    chosen = np.flatnonzero((smaller >= LEAST_ALTERED) | (asked & (smaller >= LEAST_DRIVER_GROUP)))
    if not chosen.size or not (event_observed[followed] == 1.0).any():
        return pl.DataFrame()
    genes = [altered.genes[at] for at in chosen]
    values = altered.values[np.ix_(chosen, np.flatnonzero(followed))]
    return screen_altered(values, time_months[followed], event_observed[followed], genes, minimum)


def _smaller_groups(values: Matrix, followed: NDArray[np.bool_]) -> Matrix:
    """Altered, or unaltered, patients per gene, whichever are fewer. Counted by products: no copy of the matrix."""
    asked = followed.astype(np.float64)
    known = ~np.isnan(values)
    if known.all():
        n_altered = values @ asked
        return np.minimum(n_altered, asked.sum() - n_altered)
    n_altered = np.where(known, values, 0.0) @ asked
    return np.minimum(n_altered, known.astype(np.float64) @ asked - n_altered)


def altered_curves(
    altered: AlterationMatrix, time_months: Matrix, event_observed: Matrix, genes: Collection[str]
) -> pl.DataFrame:
    """Kaplan-Meier curves of altered and unaltered patients, for the genes named, from three patients on either side.

    Returns:
        hgnc_symbol, alteration_group (altered, unaltered), time_months, n_at_risk, n_events, n_censored, survival,
        ci_lower, ci_upper.
    """
    followed = np.isfinite(time_months) & np.isfinite(event_observed)
    frames = []
    for gene, values in zip(altered.genes, altered.values, strict=True):
        if gene not in genes:
            continue
        known = followed & np.isfinite(values)
        is_altered = values[known] == 1.0
        if min(is_altered.sum(), (~is_altered).sum()) < LEAST_DRIVER_GROUP:
            continue
        group = np.where(is_altered, "altered", "unaltered")
        curve = kaplan_meier(time_months[known], event_observed[known], group)
        frames.append(
            curve.rename(
                {"group": "alteration_group", "ci_lower_log": "ci_lower", "ci_upper_log": "ci_upper"}
            ).with_columns(hgnc_symbol=pl.lit(gene))
        )
    return pl.concat(frames) if frames else pl.DataFrame()


def driver_expression(expression: Matrix, genes: Sequence[str], altered: Matrix, covariates: Matrix) -> pl.DataFrame:
    """limma of log expression on a driver's alteration, beside covariates.

    Args:
        expression: (genes, patients), log scale.
        altered: (patients,) 1, 0, or NaN where not measured.
        covariates: (patients, k); patients without one of them are left out.

    Returns:
        hgnc_symbol, n, n_altered, log2_difference, average, statistic, p_value, q_value_bh, b_statistic; empty where a
        group has fewer than three patients.
    """
    expressed = np.isfinite(expression[0]) if len(expression) else np.zeros(expression.shape[1], dtype=bool)
    if not expressed.all():
        expressed = np.isfinite(expression).any(axis=0)
    known = np.isfinite(altered) & np.isfinite(covariates).all(axis=1) & expressed
    yes = altered[known] == 1.0
    if min(yes.sum(), (~yes).sum()) < LEAST_DRIVER_GROUP:
        return pl.DataFrame()
    beside = covariates[known]
    beside = beside[:, np.ptp(beside, axis=0) > 0] if beside.shape[1] else beside
    design = np.column_stack([np.ones(int(known.sum())), yes.astype(float), beside])
    if np.linalg.matrix_rank(design) < design.shape[1] or len(design) <= design.shape[1]:
        return pl.DataFrame()
    contrast = np.zeros((1, design.shape[1]))
    contrast[0, 1] = 1.0
    fit = fit_linear(expression[:, known], design, contrast)
    moderation = moderate_variances(fit.sigma, fit.df_residual)
    statistic, p, _ = moderated_t(fit, moderation)
    odds, _ = log_odds(statistic[:, 0], fit.stdev_unscaled[:, 0], moderation)
    return pl.DataFrame(
        {
            "hgnc_symbol": list(genes),
            "n": [len(design)] * len(genes),
            "n_altered": [int(yes.sum())] * len(genes),
            "log2_difference": fit.estimates[:, 0],
            "average": fit.average,
            "statistic": statistic[:, 0],
            "p_value": p[:, 0],
            "q_value_bh": adjust_bh(p[:, 0]),
            "b_statistic": odds,
        }
    ).with_columns(pl.selectors.float().fill_nan(None))


def driver_interactions(
    expression: Matrix, genes: Sequence[str], altered: Matrix, time_months: Matrix, event_observed: Matrix
) -> pl.DataFrame:
    """Whether a gene's hazard ratio differs between patients with and without a driver's alteration.

    Cox model (Efron) of expression per standard deviation, the driver and their product; likelihood ratio of the
    product.

    Returns:
        hgnc_symbol, n, events, n_altered, events_altered, log_hazard_ratio_unaltered (per SD),
        log_hazard_ratio_difference, standard_error_difference, p_likelihood_ratio, q_value_bh, fit_note; a gene that
        cannot be fitted has no numbers, and a note why.
    """
    usable = np.isfinite(altered) & np.isfinite(time_months) & np.isfinite(event_observed)
    rows = []
    for at, gene in enumerate(genes):
        known = usable & np.isfinite(expression[at])
        rows.append({"hgnc_symbol": gene, **_interaction(expression[at], altered, time_months, event_observed, known)})
    schema = {"hgnc_symbol": pl.String, **dict.fromkeys(_INTERACTION_COUNTS, pl.Int64)}
    schema |= dict.fromkeys(_INTERACTION_NUMBERS, pl.Float64) | {"fit_note": pl.String}
    found = pl.DataFrame(rows, schema=schema).with_columns(pl.selectors.float().fill_nan(None))
    p = found["p_likelihood_ratio"].fill_null(np.nan).to_numpy()
    return found.with_columns(q_value_bh=pl.Series(adjust_bh(p), dtype=pl.Float64).fill_nan(None))


_INTERACTION_COUNTS = ("n", "events", "n_altered", "events_altered")
_INTERACTION_NUMBERS = (
    "log_hazard_ratio_unaltered",
    "log_hazard_ratio_difference",
    "standard_error_difference",
    "p_likelihood_ratio",
)


def _interaction(
    values: Matrix, altered: Matrix, time_months: Matrix, event_observed: Matrix, known: NDArray[np.bool_]
) -> dict[str, float | int | str | None]:
    driver, event = altered[known], event_observed[known]
    counts: dict[str, float | int | str | None] = {
        "n": int(known.sum()),
        "events": int(event.sum()),
        "n_altered": int(driver.sum()),
        "events_altered": int(event[driver == 1.0].sum()),
    }
    spread = float(values[known].std(ddof=1)) if known.sum() > 1 else 0.0
    events_without = int(event[driver == 0.0].sum())
    if not spread > 0.0:
        return counts | {"fit_note": "expression does not vary"}
    events_with = int(event[driver == 1.0].sum())
    if min(events_with, events_without) < LEAST_EVENTS:
        return counts | {
            "fit_note": f"{events_with} events with the driver and {events_without} without it say nothing of a slope"
            f" there; the minimum is {LEAST_EVENTS}"
        }
    z = (values[known] - values[known].mean()) / spread
    cohort = SortedCohort(time_months[known], event)
    columns = np.column_stack([z, driver, z * driver])[cohort.order]
    sets = cohort.risk_sets()
    full, plain = fit_model(columns, sets), fit_model(columns[:, :2], sets)
    if full.status != 0 or plain.status != 0:
        return counts | {"fit_note": "the likelihood has no maximum within reach"}
    return counts | {
        "log_hazard_ratio_unaltered": float(full.coefficients[0]),
        "log_hazard_ratio_difference": float(full.coefficients[2]),
        "standard_error_difference": float(np.sqrt(full.covariance[2, 2])),
        "p_likelihood_ratio": float(chi2_tail(max(0.0, 2.0 * (full.log_likelihood - plain.log_likelihood)))),
    }


def burden_associations(
    mutations_per_patient: Matrix,
    follow_up: Mapping[str, tuple[Matrix, Matrix]],
    drivers: Mapping[str, Matrix],
) -> pl.DataFrame:
    """Mutational burden against every endpoint (Cox per doubling) and every driver (rank sum).

    Args:
        mutations_per_patient: (patients,) NaN where not sequenced.
        follow_up: endpoint -> months, events. drivers: driver -> 1, 0 or NaN, all in the order of the patients.

    Returns:
        kind (endpoint, driver), against, n, n_events_or_altered, hazard_ratio_per_doubling, ci_lower, ci_upper,
        median_altered, median_unaltered, p_value, q_value_bh (over the rows of a kind).
    """
    logged = np.log2(mutations_per_patient + 1.0)
    rows: list[dict[str, object]] = []
    for endpoint, (time, event) in follow_up.items():
        known = np.isfinite(logged) & np.isfinite(time) & np.isfinite(event)
        try:
            found = screen_cox(logged[None, known], time[known], event[known], ["burden"]).row(0, named=True)
        except Fault:
            continue
        rows.append(
            {
                "kind": "endpoint", "against": endpoint, "n": found["n"], "n_events_or_altered": found["events"],
                "hazard_ratio_per_doubling": found["hazard_ratio"], "ci_lower": found["ci_lower"],
                "ci_upper": found["ci_upper"], "p_value": found["p_likelihood_ratio"],
            }
        )  # fmt: skip
    for driver, altered in drivers.items():
        known = np.isfinite(logged) & np.isfinite(altered)
        yes, no = mutations_per_patient[known & (altered == 1.0)], mutations_per_patient[known & (altered == 0.0)]
        if min(len(yes), len(no)) < LEAST_DRIVER_GROUP:
            continue
        p = rank_sum_test(yes, no, exact=False).p_value
        rows.append(
            {
                "kind": "driver", "against": driver, "n": int(known.sum()), "n_events_or_altered": len(yes),
                "median_altered": float(np.median(yes)), "median_unaltered": float(np.median(no)), "p_value": p,
            }
        )  # fmt: skip
    frame = pl.DataFrame(rows, schema=BURDEN_SCHEMA)
    frames = [
        own.with_columns(q_value_bh=pl.Series(adjust_bh(own["p_value"].fill_null(np.nan).to_numpy()), dtype=pl.Float64))
        for _, own in frame.group_by("kind", maintain_order=True)
    ]
    return pl.concat(frames).with_columns(pl.selectors.float().fill_nan(None)) if frames else frame


BURDEN_SCHEMA: dict[str, type[pl.DataType]] = {
    "kind": pl.String,
    "against": pl.String,
    "n": pl.Int64,
    "n_events_or_altered": pl.Int64,
    "hazard_ratio_per_doubling": pl.Float64,
    "ci_lower": pl.Float64,
    "ci_upper": pl.Float64,
    "median_altered": pl.Float64,
    "median_unaltered": pl.Float64,
    "p_value": pl.Float64,
    "q_value_bh": pl.Float64,
}
