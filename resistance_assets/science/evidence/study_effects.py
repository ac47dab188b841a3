"""Effects of independent studies: the contrasts of one cell line and one laboratory pooled into one.

Here belong the standard error of an effect that was published without one, the pooling of arms that share their
controls, and the standardised effect. Pooling over studies belongs in `consensus`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.statistics.multiple_testing import adjust_bh

Matrix = NDArray[np.float64]

SMALLEST_P = 1e-300
LARGEST_P = 0.99
"""Above it an effect divided by its quantile says nothing of a standard error: both are next to zero."""
UNREMARKABLE_P = 0.05
LEAST_UNREMARKABLE = 20
"""Genes with an unremarkable p that a contrast must have for its standard errors to be read from them."""
PROBE_T = 2.5
"""Statistic at which the degrees of freedom of a contrast are read from its p-value."""
SHARED_GROUP_UNKNOWN = 0.5
"""Correlation of two arms against one control where the numbers of samples are not known: that of equal arms."""

SIGNS = np.array(["down", "none", "up"], dtype=object)

KEYS = ("drug_class", "state", "independent_study")
STUDY_EFFECTS_SCHEMA: dict[str, Any] = {
    "drug_class": pl.String,
    "state": pl.String,
    "independent_study": pl.String,
    "hgnc_symbol": pl.String,
    "study_id": pl.String,
    "contrast_ids": pl.String,
    "cell_line": pl.String,
    "laboratory": pl.String,
    "is_measured": pl.Boolean,
    "is_inferential": pl.Boolean,
    "n_contrasts": pl.Int64,
    "log2_fold_change": pl.Float64,
    "log2_fold_change_standard_error": pl.Float64,
    "standard_error_source": pl.String,
    "standardised_effect": pl.Float64,
    "standardised_effect_standard_error": pl.Float64,
    "p_value": pl.Float64,
    "q_value_bh": pl.Float64,
    "direction": pl.String,
    "is_over_fold_change_rule": pl.Boolean,
}


def complete_standard_errors(effects: pl.DataFrame) -> pl.DataFrame:
    """Effects with a standard error and Hedges' g for every row of an inferential contrast that has a p-value.

    A standard error that was not reported is |log2 fold change| / z(p), z being the normal quantile. Of a small p that
    came from a t-test it is too large, the more so the smaller p is, and with the t quantile of the samples it is too
    small where the test was a moderated one. It is therefore kept within what the contrast shows where both quantiles
    agree: at most the 95th percentile of the standard errors of its genes with p above 0.05 (where there are 20 of
    them). An effect of zero, or p above 0.99, gets the median standard error of its contrast. Hedges' g is
    d = t sqrt(1/n1 + 1/n2) times 1 - 3 / (4 df - 1), with the variance of Hedges (1981, J Educ Stat 6:107); t is effect
    over standard error, so the moderated one where the method moderates (Marot et al. 2009, Bioinformatics 25:2692).
    Without the numbers of samples there is no g.

    Args:
        effects: contrast_id, method, evidence_kind, log2_fold_change, standard_error, p_value, n_numerator,
            n_denominator.

    Returns:
        The rows with `standard_error` (null in effect_only contrasts), `standard_error_source` (reported,
        from_p_value, median_of_contrast), `standardised_effect`, `standardised_effect_standard_error`.
    """
    from scipy.special import ndtri

    fold, p = (effects[name].cast(pl.Float64).to_numpy() for name in ("log2_fold_change", "p_value"))
    reported = effects["standard_error"].cast(pl.Float64).to_numpy()
    n1, n2 = (effects[name].cast(pl.Float64).to_numpy() for name in ("n_numerator", "n_denominator"))
    inferential = (effects["evidence_kind"] == "inferential").to_numpy() & np.isfinite(fold) & np.isfinite(p)
    tail = np.clip(p, SMALLEST_P, 1.0) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        derived = np.where((p <= LARGEST_P) & (fold != 0), np.abs(fold) / -ndtri(tail), np.nan)
    derived = np.fmin(derived, _largest_plausible(effects["contrast_id"], derived, p))
    is_reported = inferential & np.isfinite(reported) & (reported > 0)
    is_derived = inferential & ~is_reported & np.isfinite(derived) & (derived > 0)
    error = np.where(is_reported, reported, np.where(is_derived, derived, np.nan))
    source = np.where(is_reported, "reported", np.where(is_derived, "from_p_value", "median_of_contrast"))
    rows = effects.with_columns(
        standard_error=pl.Series(error, nan_to_null=True), standard_error_source=pl.Series(source, dtype=pl.String)
    ).with_columns(
        standard_error=pl.when(pl.Series(inferential)).then(
            pl.coalesce("standard_error", pl.col("standard_error").median().over("contrast_id"))
        )
    )
    rows = rows.with_columns(
        standard_error_source=pl.when(pl.col("standard_error").is_not_null()).then("standard_error_source")
    )
    error = rows["standard_error"].to_numpy()
    df = n1 + n2 - 2
    with np.errstate(invalid="ignore", divide="ignore"):
        correction = np.where(df >= 1, 1 - 3 / (4 * df - 1), np.nan)
        d = fold / error * np.sqrt(1 / n1 + 1 / n2)
        spread = correction * np.sqrt(1 / n1 + 1 / n2 + d**2 / (2 * (n1 + n2)))
    return rows.with_columns(
        standardised_effect=pl.Series(correction * d, nan_to_null=True),
        standardised_effect_standard_error=pl.Series(spread, nan_to_null=True),
    )


def _largest_plausible(contrast: pl.Series, derived: Matrix, p: Matrix) -> Matrix:
    """95th percentile of the derived standard errors of a contrast's genes with p above 0.05; NaN below 20 of them."""
    of_large_p = np.where(p > UNREMARKABLE_P, derived, np.nan)
    found = pl.DataFrame({"contrast_id": contrast, "se": pl.Series(of_large_p, nan_to_null=True)}).select(
        pl.when(pl.col("se").count().over("contrast_id") >= LEAST_UNREMARKABLE).then(
            pl.col("se").quantile(0.95, "linear").over("contrast_id")
        )
    )
    return found.to_series().to_numpy().astype(np.float64)


def pool_within_studies(effects: pl.DataFrame) -> pl.DataFrame:
    """One effect per gene and independent study: the mean of its contrasts, with the variance that their overlap gives.

    Every contrast counts the same (Borenstein et al. 2009, Introduction to Meta-Analysis, chapter 25): the variance of
    the mean of m contrasts is the sum of r_ab se_a se_b over all pairs, divided by m^2. Contrasts a and b that share
    their control (or their numerator) are correlated by (1/n) / sqrt((1/n + 1/n_a)(1/n + 1/n_b)), n being the samples
    that they share (Gleser and Olkin 2009), 0.5 where numbers are not known; others of the study by 0. One contrast
    keeps its own p and q; the p-value of several is by t with the fewest degrees of freedom that one of them shows, and
    q is over the genes of the study. A gene that an inferential contrast of the study measured has its effect from
    those alone.

    Args:
        effects: of `complete_standard_errors`, and `drug_class`, `state`, `independent_study`, `study_id`,
            `cell_line`, `laboratory`, `hgnc_symbol`, `numerator`, `denominator`, `statistic`, `q_value_bh`,
            `is_over_rule` (whether a fold-change rule calls the gene).

    Returns:
        Columns of `STUDY_EFFECTS_SCHEMA`: one row per gene that any study of the drug class and state measured and
        independent study of it, `is_measured` false where this study did not.
    """
    frames = [pl.DataFrame(schema=STUDY_EFFECTS_SCHEMA)]
    for (drug_class, state), group in effects.group_by(["drug_class", "state"], maintain_order=True):
        genes = group["hgnc_symbol"].unique().sort()
        for (study,), own in group.group_by(["independent_study"], maintain_order=True):
            frames.append(_pool_study(own, genes, (str(drug_class), str(state), str(study))))
    return pl.concat(frames).sort(*KEYS, "hgnc_symbol")


def _pool_study(own: pl.DataFrame, genes: pl.Series, names: tuple[str, str, str]) -> pl.DataFrame:
    contrasts = own.unique("contrast_id", keep="first", maintain_order=True).sort("contrast_id")
    is_tested = (contrasts["evidence_kind"] == "inferential").to_numpy()
    at = genes.search_sorted(own["hgnc_symbol"]).to_numpy()
    column = contrasts["contrast_id"].search_sorted(own["contrast_id"]).to_numpy()
    shape = (genes.len(), contrasts.height)
    value = {}
    for name in (
        "log2_fold_change", "standard_error", "standardised_effect", "standardised_effect_standard_error", "p_value",
        "q_value_bh",
    ):  # fmt: skip
        value[name] = np.full(shape, np.nan)
        value[name][at, column] = own[name].cast(pl.Float64).to_numpy()
    fold, error = value["log2_fold_change"], value["standard_error"]
    tested = is_tested & np.isfinite(fold) & np.isfinite(error)
    by_test = tested.any(axis=1)
    used = np.where(by_test[:, None], tested, ~is_tested & np.isfinite(fold))
    there = used.any(axis=1)
    correlation = _correlation(contrasts)
    mean, spread = _mean_of_arms(fold, error, used, correlation)
    g, g_error = _mean_of_arms(
        value["standardised_effect"], value["standardised_effect_standard_error"], used, correlation
    )
    p, q = _study_p_values(own, contrasts, value, used, mean, spread, by_test)
    over = np.zeros(shape, dtype=bool)
    over[at, column] = own["is_over_rule"].fill_null(False).to_numpy()
    sources = np.full(shape, None, dtype=object)
    sources[at, column] = own["standard_error_source"].to_numpy()
    first = np.where(by_test, used.argmax(axis=1), 0)
    sign = np.sign(np.where(there, mean, 0.0)).astype(int)
    return pl.DataFrame(
        {
            "drug_class": pl.repeat(names[0], genes.len(), eager=True),
            "state": pl.repeat(names[1], genes.len(), eager=True),
            "independent_study": pl.repeat(names[2], genes.len(), eager=True),
            "hgnc_symbol": genes,
            "study_id": pl.repeat("|".join(contrasts["study_id"].unique().sort()), genes.len(), eager=True),
            "contrast_ids": pl.repeat("|".join(contrasts["contrast_id"]), genes.len(), eager=True),
            "cell_line": pl.repeat(contrasts["cell_line"][0], genes.len(), eager=True, dtype=pl.String),
            "laboratory": pl.repeat(contrasts["laboratory"][0], genes.len(), eager=True, dtype=pl.String),
            "is_measured": there,
            "is_inferential": by_test,
            "n_contrasts": used.sum(axis=1),
            "log2_fold_change": mean,
            "log2_fold_change_standard_error": spread,
            "standard_error_source": pl.Series(
                _only_where(by_test, sources[np.arange(len(first)), first]), dtype=pl.String
            ),
            "standardised_effect": g,
            "standardised_effect_standard_error": g_error,
            "p_value": p,
            "q_value_bh": q,
            "direction": pl.Series(_only_where(there, SIGNS[sign + 1]), dtype=pl.String),
            # A mean over the rule whose arms are not each over it is no call of the rule.
            "is_over_fold_change_rule": (~by_test) & there & (used <= over).all(axis=1) & (sign != 0),
        },
        schema=STUDY_EFFECTS_SCHEMA,
    ).with_columns(pl.col(pl.Float64).fill_nan(None))  # fmt: skip


def _only_where(where: NDArray[np.bool_], words: NDArray[np.object_]) -> list[str | None]:
    """Words of the rows that have one, None of the others."""
    return [word if told else None for word, told in zip(words, where, strict=True)]


def _correlation(contrasts: pl.DataFrame) -> Matrix:
    """Correlation of the contrasts of a study, from the groups of samples that they share."""
    m = contrasts.height
    found = np.eye(m)
    sides = ("numerator", "denominator")
    for a in range(m):
        for b in range(a):
            if contrasts["study_id"][a] != contrasts["study_id"][b]:
                continue
            for x in sides:
                for y in sides:
                    if contrasts[x][a] == contrasts[y][b]:
                        found[a, b] += (1 if x == y else -1) * _shared(contrasts, a, b, x, y)
            found[b, a] = found[a, b]
    return found


def _shared(contrasts: pl.DataFrame, a: int, b: int, side_a: str, side_b: str) -> float:
    other = {"numerator": "n_denominator", "denominator": "n_numerator"}
    shared, of_a, of_b = contrasts[f"n_{side_a}"][a], contrasts[other[side_a]][a], contrasts[other[side_b]][b]
    if not shared or not of_a or not of_b:
        return SHARED_GROUP_UNKNOWN
    return float((1 / shared) / np.sqrt((1 / shared + 1 / of_a) * (1 / shared + 1 / of_b)))


def _mean_of_arms(value: Matrix, error: Matrix, used: NDArray[np.bool_], correlation: Matrix) -> tuple[Matrix, Matrix]:
    """Means over the arms in use, and their standard errors; NaN where an arm has none."""
    m = used.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(used, value, 0.0).sum(axis=1) / m
        spread = np.where(used, error, 0.0)
        variance = np.einsum("ga,ab,gb->g", spread, correlation, spread) / m**2
        return mean, np.sqrt(np.where(variance > 0, variance, np.nan))


def _study_p_values(
    own: pl.DataFrame, contrasts: pl.DataFrame, value: dict[str, Matrix], used: NDArray[np.bool_], mean: Matrix,
    spread: Matrix, by_test: NDArray[np.bool_],
) -> tuple[Matrix, Matrix]:  # fmt: skip
    """p and q of the study per gene: the contrast's own where it has one, by t of the mean where it has several."""
    from scipy.special import stdtr

    first = used.argmax(axis=1)
    rows = np.arange(len(first))
    p = np.where(by_test, value["p_value"][rows, first], np.nan)
    q = np.where(by_test, value["q_value_bh"][rows, first], np.nan)
    is_tested = contrasts["evidence_kind"] == "inferential"
    if is_tested.sum() < 2:
        return p, q
    tested = contrasts.filter(is_tested)["contrast_id"]
    df = min(degrees_of_freedom(own.filter(pl.col("contrast_id") == one)) for one in tested)
    several = by_test & (used.sum(axis=1) > 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        p[several] = 2 * stdtr(df, -np.abs(mean / spread))[several]
    return p, adjust_bh(p)


def degrees_of_freedom(contrast: pl.DataFrame) -> float:
    """Degrees of freedom at which the statistics of a contrast give its p-values; 1e9 (normal) where none is told.

    Read at the gene whose statistic is nearest to 2.5, where a p-value tells them well.

    Args:
        contrast: statistic, p_value, n_numerator, n_denominator, method.
    """
    from scipy.optimize import brentq
    from scipy.special import stdtr

    told = contrast.drop_nulls(["statistic", "p_value"]).filter(pl.col("p_value").is_between(1e-12, 0.9))
    if told.is_empty():
        n1, n2 = contrast["n_numerator"][0], contrast["n_denominator"][0]
        is_published = contrast["method"][0] == "published"
        return float(n1 + n2 - 2) if is_published and n1 and n2 and n1 + n2 > 2 else 1e9
    row = told.sort((pl.col("statistic").abs() - PROBE_T).abs(), "hgnc_symbol").row(0, named=True)
    t, p = abs(row["statistic"]), row["p_value"]

    def excess(log_df: float) -> float:
        return float(2 * stdtr(np.exp(log_df), -t)) - p

    low, high = 0.0, float(np.log(1e9))
    if excess(low) <= 0:
        return 1.0
    return 1e9 if excess(high) >= 0 else float(np.exp(brentq(excess, low, high)))  # pyright: ignore
