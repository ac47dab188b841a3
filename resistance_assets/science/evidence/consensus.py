"""Consensus over independent studies: what a gene does in models that resist a class of drugs, and how sure that is.

Here belong counts of studies for and against, the pooled effect, and what is left of it when a study is left out.
Effects of single studies belong in `study_effects`, words of confidence in the mart of candidates.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.evidence.random_effects import (
    RandomEffects,
    pool_by_hartung_knapp,
    pool_moderated,
)
from resistance_assets.science.statistics.multiple_testing import adjust_bh

Matrix = NDArray[np.float64]

Q_THRESHOLD = 0.05

CONSENSUS_SCHEMA: dict[str, Any] = {
    "drug_class": pl.String,
    "state": pl.String,
    "hgnc_symbol": pl.String,
    "direction": pl.String,
    "n_studies": pl.Int64,
    "k_studies": pl.Int64,
    "n_studies_for": pl.Int64,
    "n_studies_against": pl.Int64,
    "n_studies_not_measured": pl.Int64,
    "n_studies_significant_up": pl.Int64,
    "n_studies_significant_down": pl.Int64,
    "n_studies_opposed": pl.Int64,
    "smallest_study_q_value": pl.Float64,
    "n_effect_only": pl.Int64,
    "n_effect_only_for": pl.Int64,
    "n_effect_only_against": pl.Int64,
    "n_effect_only_over_rule_for": pl.Int64,
    "n_effect_only_over_rule_against": pl.Int64,
    "pooled_log2_fold_change": pl.Float64,
    "standard_error": pl.Float64,
    "ci_lower": pl.Float64,
    "ci_upper": pl.Float64,
    "degrees_of_freedom": pl.Float64,
    "p_value": pl.Float64,
    "q_value_bh": pl.Float64,
    "i2": pl.Float64,
    "tau2": pl.Float64,
    "log2_fold_change_reml": pl.Float64,
    "ci_lower_hartung_knapp": pl.Float64,
    "ci_upper_hartung_knapp": pl.Float64,
    "p_value_hartung_knapp": pl.Float64,
    "q_value_bh_hartung_knapp": pl.Float64,
    "direction_consistency": pl.Float64,
    "leave_one_out_worst_q": pl.Float64,
    "leave_one_out_same_sign": pl.Boolean,
    "score": pl.Float64,
    "score_ci_lower": pl.Float64,
    "score_ci_upper": pl.Float64,
    "score_p_value": pl.Float64,
    "score_q_value_bh": pl.Float64,
    "refusal_reason": pl.String,
}


def pool_over_studies(
    study_effects: pl.DataFrame, *, moderated: bool = True, q_threshold: float = Q_THRESHOLD, p_against: float = 0.05
) -> pl.DataFrame:
    """Random-effects consensus per drug class, state and gene.

    Only inferential studies are pooled. `pooled_log2_fold_change`, its interval, p and q are those of `pool_moderated`
    (or of `pool_by_hartung_knapp` if not `moderated`); those of Hartung and Knapp stand beside them. `score` is the
    pooled Hedges' g. q-values are over the genes of a drug class and state. Leave-one-out pools again without each
    study that measured the gene, all genes at once, and keeps the largest q.

    Args:
        study_effects: of `pool_within_studies`.
        moderated: whether the variance between studies is moderated over the genes.
        q_threshold: of a study that is significant on its own.
        p_against: of a study of the opposite sign that speaks against.

    Returns:
        Columns of `CONSENSUS_SCHEMA`, by drug class, state and gene. `direction` is the sign of the pooled effect, of
        the one study where one inferential study measured the gene, else of most effect-only ones over their rule.
        `refusal_reason` says why there is no pooled effect.
    """
    frames = [pl.DataFrame(schema=CONSENSUS_SCHEMA)]
    for (drug_class, state), group in study_effects.group_by(["drug_class", "state"], maintain_order=True):
        frames.append(_consensus(str(drug_class), str(state), group, moderated, q_threshold, p_against))
    return pl.concat(frames).sort("drug_class", "state", "hgnc_symbol")


def _consensus(
    drug_class: str, state: str, group: pl.DataFrame, moderated: bool, q_threshold: float, p_against: float
) -> pl.DataFrame:
    genes = group["hgnc_symbol"].unique().sort()
    studies = group["independent_study"].unique().sort()
    row = genes.search_sorted(group["hgnc_symbol"]).to_numpy()
    at = studies.search_sorted(group["independent_study"]).to_numpy()
    shape = (genes.len(), studies.len())

    def matrix(name: str) -> Matrix:
        found = np.full(shape, np.nan)
        found[row, at] = group[name].cast(pl.Float64).to_numpy()
        return found

    tested = matrix("is_inferential") == 1
    measured = matrix("is_measured") == 1
    fold, error = matrix("log2_fold_change"), matrix("log2_fold_change_standard_error")
    y, se = np.where(tested, fold, np.nan), np.where(tested, error, np.nan)
    alone = pool_by_hartung_knapp(y, se)
    pool = pool_moderated if moderated else pool_by_hartung_knapp
    pooled = pool(y, se) if moderated else alone
    g = pool(
        np.where(tested, matrix("standardised_effect"), np.nan),
        np.where(tested, matrix("standardised_effect_standard_error"), np.nan),
    )
    over = matrix("is_over_fold_change_rule") == 1
    sign = np.sign(np.nan_to_num(fold))
    direction = _directions(pooled, sign, tested, measured & ~tested, over)
    study_q, study_p = matrix("q_value_bh"), matrix("p_value")
    worst_q, same_sign = _leave_one_out(y, se, partial(pool, test_only=True) if moderated else pool, direction)
    toward = sign * direction[:, None]
    effect_only = measured & ~tested

    def count(where: NDArray[np.bool_]) -> NDArray[np.int64]:
        return where.sum(axis=1).astype(np.int64)

    significant = tested & (study_q < q_threshold)
    n_for, n_against = count(tested & (toward > 0)), count(tested & (toward < 0))
    k = count(tested)
    with np.errstate(invalid="ignore"):
        smallest = np.where(k > 0, np.nanmin(np.where(tested, study_q, np.inf), axis=1), np.nan)
        consistency = np.where(k > 0, n_for / np.maximum(k, 1), np.nan)
    reasons = np.array([None, "no inferential study measured it", "one independent study measured it"], dtype=object)
    return pl.DataFrame(
        {
            "drug_class": pl.repeat(drug_class, genes.len(), eager=True),
            "state": pl.repeat(state, genes.len(), eager=True),
            "hgnc_symbol": genes,
            "direction": np.array(["down", "none", "up"])[direction.astype(int) + 1],
            "n_studies": pl.repeat(studies.len(), genes.len(), eager=True),
            "k_studies": k,
            "n_studies_for": n_for,
            "n_studies_against": n_against,
            "n_studies_not_measured": count(~measured),
            "n_studies_significant_up": count(significant & (sign > 0)),
            "n_studies_significant_down": count(significant & (sign < 0)),
            "n_studies_opposed": count(tested & (toward < 0) & (study_p < p_against)) + count(over & (toward < 0)),
            "smallest_study_q_value": np.where(np.isfinite(smallest), smallest, np.nan),
            "n_effect_only": count(effect_only),
            "n_effect_only_for": count(effect_only & (toward > 0)),
            "n_effect_only_against": count(effect_only & (toward < 0)),
            "n_effect_only_over_rule_for": count(over & (toward > 0)),
            "n_effect_only_over_rule_against": count(over & (toward < 0)),
            **_pooled_columns(pooled, alone),
            "direction_consistency": consistency,
            "leave_one_out_worst_q": worst_q,
            "leave_one_out_same_sign": pl.Series(same_sign == 1, dtype=pl.Boolean).set(
                pl.Series(np.isnan(same_sign)), None
            ),
            "score": g.estimate,
            "score_ci_lower": g.ci_lower,
            "score_ci_upper": g.ci_upper,
            "score_p_value": g.p_value,
            "score_q_value_bh": adjust_bh(g.p_value),
            "refusal_reason": pl.Series(reasons[np.where(k == 0, 1, np.where(k == 1, 2, 0))].tolist(), dtype=pl.String),
        },
        schema=CONSENSUS_SCHEMA,
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


def _pooled_columns(pooled: RandomEffects, alone: RandomEffects) -> dict[str, Matrix]:
    """Columns of the pooled effect that decides, and of the one that borrows nothing from other genes."""
    return {
        "pooled_log2_fold_change": pooled.estimate,
        "standard_error": pooled.standard_error,
        "ci_lower": pooled.ci_lower,
        "ci_upper": pooled.ci_upper,
        "degrees_of_freedom": pooled.degrees_of_freedom,
        "p_value": pooled.p_value,
        "q_value_bh": adjust_bh(pooled.p_value),
        "i2": alone.i2,
        "tau2": alone.tau2,
        "log2_fold_change_reml": alone.estimate,
        "ci_lower_hartung_knapp": alone.ci_lower,
        "ci_upper_hartung_knapp": alone.ci_upper,
        "p_value_hartung_knapp": alone.p_value,
        "q_value_bh_hartung_knapp": adjust_bh(alone.p_value),
    }


def _directions(
    pooled: RandomEffects,
    sign: Matrix,
    tested: NDArray[np.bool_],
    effect_only: NDArray[np.bool_],
    over: NDArray[np.bool_],
) -> Matrix:
    """-1, 0 or 1 per gene: of the pooled effect, of the only tested study, else of most effect-only ones."""
    only = np.sign(np.where(tested, sign, 0.0).sum(axis=1))
    called = np.sign(np.where(over, sign, 0.0).sum(axis=1))
    most = np.where(over.any(axis=1), called, np.sign(np.where(effect_only, sign, 0.0).sum(axis=1)))
    k = tested.sum(axis=1)
    return np.where(k >= 2, np.sign(np.nan_to_num(pooled.estimate)), np.where(k == 1, only, most))


def _leave_one_out(y: Matrix, se: Matrix, pool: Any, direction: Matrix) -> tuple[Matrix, Matrix]:
    """Largest q with a study left out, and whether the sign stays (1, 0; NaN below two studies).

    Where two studies are left of which one goes, the sign is that of the other, and there is no q.
    """
    there = np.isfinite(y) & np.isfinite(se)
    k = there.sum(axis=1)
    worst, same = np.full(len(y), np.nan), np.where(k >= 2, 1.0, np.nan)
    for left_out in range(y.shape[1]):
        touched = there[:, left_out]
        rest = np.delete(y, left_out, axis=1)
        found = pool(rest, np.delete(se, left_out, axis=1))
        q = adjust_bh(found.p_value)
        mean = np.where(k == 2, np.nansum(rest, axis=1), found.estimate)
        worst = np.where(touched & (k >= 3), np.fmax(worst, np.where(np.isnan(q), 1.0, q)), worst)
        same = np.where(touched & (k >= 2) & (np.sign(np.nan_to_num(mean)) != direction), 0.0, same)
    return worst, same
