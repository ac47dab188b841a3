"""Does a drug still do to the resistant cells what it does to the parental ones?

Here belong the interaction (R+A - R) - (P+A - P) of four conditions, the class that a gene falls into, the paper's
ratio filter beside it, and how many fold changes noise alone produces where there are no replicates. Two-arm contrasts
belong in `deg`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.deg.designs import (
    GENE_COLUMN,
    Contrast,
    build_design,
    check_counts,
    confine,
    count_matrix,
)
from resistance_assets.science.deg.result import (
    NOTE_ALL_ZERO,
    NOTE_ARM_ALL_ZERO,
    NOTE_COOKS,
    NOTE_LIKELIHOOD_RATIO,
    NOTE_NO_REPLICATES,
    NOTE_NOT_IDENTIFIED,
)
from resistance_assets.science.expression.normalisation import cpm, effective_library_sizes, log2_cpm
from resistance_assets.science.statistics.multiple_testing import adjust_bh

Matrix = NDArray[np.float64]
ARMS = ("parental", "parental_treated", "resistant", "resistant_treated")
# Columns: the four arms in the order of ARMS. Rows: what is estimated.
EFFECT_WEIGHTS: dict[str, tuple[float, float, float, float]] = {
    "response_parental": (-1.0, 1.0, 0.0, 0.0),
    "response_resistant": (0.0, 0.0, -1.0, 1.0),
    "interaction": (1.0, -1.0, -1.0, 1.0),
    "baseline_shift": (-1.0, 0.0, 1.0, 0.0),
}
_EFFECTS = tuple(EFFECT_WEIGHTS)
_WEIGHTS = tuple(EFFECT_WEIGHTS.values())
_INTERACTION = _EFFECTS.index("interaction")

INTERACTION_SCHEMA: dict[str, pl.DataType] = {
    "hgnc_symbol": pl.String(),
    "method": pl.String(),
    "log2_response_parental": pl.Float64(),
    "log2_response_resistant": pl.Float64(),
    "log2_interaction": pl.Float64(),
    "log2_baseline_shift": pl.Float64(),
    "standard_error": pl.Float64(),
    "statistic": pl.Float64(),
    "p_value": pl.Float64(),
    "q_value_bh": pl.Float64(),
    "q_value_response_parental": pl.Float64(),
    "q_value_response_resistant": pl.Float64(),
    "q_value_baseline_shift": pl.Float64(),
    "response_class": pl.String(),
    "evidence_kind": pl.String(),
    "p_value_note": pl.String(),
    "cpm_parental": pl.Float64(),
    "cpm_parental_treated": pl.Float64(),
    "cpm_resistant": pl.Float64(),
    "cpm_resistant_treated": pl.Float64(),
    "paper_ratio_resistant_to_resistant_treated": pl.Float64(),
    "paper_rule_keeps": pl.Boolean(),
}


@dataclass(frozen=True)
class Interaction:
    """Four levels of one factor; covariates, pairing and subset as in `designs.Contrast`."""

    interaction_id: str
    factor: str
    parental: str
    parental_treated: str
    resistant: str
    resistant_treated: str
    covariates: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    pairing: str | None = None
    subset: Mapping[str, Sequence[object]] = field(default_factory=dict)
    within: str | None = None

    @property
    def levels(self) -> tuple[str, str, str, str]:
        """The levels in the order of `ARMS`."""
        return self.parental, self.parental_treated, self.resistant, self.resistant_treated


@dataclass(frozen=True)
class ResponseThresholds:
    """When an effect counts.

    Args:
        abs_log2_fold_change: every effect must exceed this, the interaction included.
        q_value: and have a q below this, where there are replicates.
        floor_cpm: genes whose largest arm mean is below this are unchanged, where there are no replicates.
    """

    abs_log2_fold_change: float = 1.0
    q_value: float = 0.05
    floor_cpm: float = 1.0


def fit_interaction(
    counts: pl.DataFrame,
    samples: pl.DataFrame,
    interaction: Interaction,
    *,
    method: Literal["limma_voom", "pydeseq2"] = "limma_voom",
    thresholds: ResponseThresholds | None = None,
    normalisation: Literal["tmm", "none"] = "tmm",
) -> pl.DataFrame:
    """Response of the parental and of the resistant cells, their difference, and the class of each gene.

    Two samples in each of the four arms and a residual degree of freedom give p-values; less gives effects from log2
    CPM (prior count 2) alone, `evidence_kind` "effect_only". The classes, first match wins:

    - lost_response: the parental cells respond, the interaction counts, and the resistant response is the smaller one;
    - gained_response: the resistant cells respond, the interaction counts, and their response is the larger one;
    - constitutive_shift: untreated resistant and parental cells differ;
    - not_testable: a p-value of the four effects is missing, so that none of the above can be excluded. A gene without
      a read in three of the groups has a response in the fourth and no interaction: 0 / 0 is no ratio;
    - unchanged.

    The paper's filter (Lu 2019) keeps genes with RPKM(R) / RPKM(R+A) below 1. Gene length cancels in that ratio, so
    plain CPM gives the same one.

    Args:
        counts: `hgnc_symbol` and one column per sample, whole counts.
        samples: `sample_id` and factors.
        interaction: factor, levels and covariates.
        method: how p-values are found.
        thresholds: `ResponseThresholds()` if None.
        normalisation: library sizes of limma_voom and of the effects.

    Returns:
        One row per gene, columns and dtypes of `INTERACTION_SCHEMA`.

    Raises:
        DesignFault: a level that does not exist, a singular design. DataFault: bad counts.
    """
    limits = thresholds or ResponseThresholds()
    if method not in ("limma_voom", "pydeseq2"):
        raise DesignFault(
            f"unknown method {method!r}",
            subject=f"interaction {interaction.interaction_id}",
            expected="limma_voom or pydeseq2",
            remedy="Correct the method.",
        )
    sample_ids, arm, model = group_samples(counts, samples, interaction)
    matrix = count_matrix(counts, sample_ids)
    plain = average_by_arm(cpm(matrix), arm)
    n_per_arm = np.bincount(arm, minlength=4)
    replicated = bool(n_per_arm.min() >= 2 and model.shape[0] - model.shape[1] >= 1)
    fit = _fit_effects(matrix, model, arm, method if replicated else "log2_cpm", normalisation)
    counted = np.abs(fit.effects) > limits.abs_log2_fold_change
    with np.errstate(invalid="ignore"):
        counted &= fit.q < limits.q_value if replicated else (plain.max(axis=1) >= limits.floor_cpm)[:, None]
    untested = np.isnan(fit.p).any(axis=1) if replicated else ~matrix.any(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = plain[:, 2] / plain[:, 3]
    k = _INTERACTION
    columns: dict[str, Any] = {
        "hgnc_symbol": counts[GENE_COLUMN].cast(pl.String),
        "method": [method if replicated else "log2_cpm"] * len(matrix),
        **{f"log2_{name}": fit.effects[:, j] for j, name in enumerate(_EFFECTS)},
        "standard_error": fit.error[:, k],
        "statistic": fit.statistic[:, k],
        "p_value": fit.p[:, k],
        "q_value_bh": fit.q[:, k],
        **{f"q_value_{name}": fit.q[:, j] for j, name in enumerate(_EFFECTS) if j != k},
        "response_class": _classify(fit.effects, counted, untested),  # pyright: ignore
        "evidence_kind": ["inferential" if replicated else "effect_only"] * len(matrix),
        "p_value_note": fit.notes.tolist(),
        **{f"cpm_{name}": plain[:, j] for j, name in enumerate(ARMS)},
        "paper_ratio_resistant_to_resistant_treated": np.where(np.isfinite(ratio), ratio, np.nan),
        "paper_rule_keeps": plain[:, 2] < plain[:, 3],
    }
    frame = pl.DataFrame({name: pl.Series(columns[name], dtype=kind) for name, kind in INTERACTION_SCHEMA.items()})
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None))


@dataclass(frozen=True)
class _Effects:
    """The four effects of every gene, each (genes, 4), NaN where there is none; `notes` (genes,)."""

    effects: Matrix
    error: Matrix
    statistic: Matrix
    p: Matrix
    q: Matrix
    notes: NDArray[np.object_]


def _fit_effects(
    matrix: Matrix, model: Matrix, arm: NDArray[np.int64], method: str, normalisation: Literal["tmm", "none"]
) -> _Effects:
    """The four effects by one method; by `log2_cpm` effects alone."""
    expressed = np.asarray(matrix.any(axis=1))
    contrasts = np.zeros((4, model.shape[1]))
    contrasts[:, :4] = _WEIGHTS
    notes = np.array([None if yes else NOTE_ALL_ZERO for yes in expressed], dtype=object)
    effects, error, statistic, p, q = (np.full((len(matrix), 4), np.nan) for _ in range(5))
    if method == "pydeseq2":
        effects, error, statistic, p, q, reasons = _deseq2_effects(matrix, model, contrasts, arm)
        notes[expressed] = reasons[expressed]
    else:
        if method == "log2_cpm":
            lib = effective_library_sizes(matrix, normalisation)
            effects = average_by_arm(log2_cpm(matrix, lib), arm) @ np.array(_WEIGHTS).T
            notes[expressed] = NOTE_NO_REPLICATES
        else:
            from resistance_assets.science.deg.limma import select_tested

            tested, notes = select_tested(matrix, arm.tolist(), "filter_by_expr")
            lib = effective_library_sizes(matrix[tested], normalisation)
            fitted = _voom_effects(matrix[tested], model, contrasts, lib)
            for whole, part in zip((effects, error, statistic, p), fitted, strict=True):
                whole[tested] = part
            q = np.column_stack([adjust_bh(column) for column in p.T])
    effects[~expressed] = np.nan
    return _Effects(effects, error, statistic, p, q, notes)


def group_samples(
    counts: pl.DataFrame, samples: pl.DataFrame, interaction: Interaction
) -> tuple[tuple[str, ...], NDArray[np.int64], Matrix]:
    """Sample ids, arm of each (index into ARMS), and a model of four arm means and the covariates."""
    if len(set(interaction.levels)) < 4:
        raise DesignFault(
            f"the four levels are not distinct: {', '.join(interaction.levels)}",
            subject=f"interaction {interaction.interaction_id}",
            remedy="Name four levels.",
        )

    def contrast(numerator: str, denominator: str) -> Contrast:
        return Contrast(
            interaction.interaction_id, interaction.factor, numerator, denominator, interaction.covariates,
            interaction.continuous, interaction.categorical, interaction.pairing,
            {**interaction.subset, interaction.factor: interaction.levels}, fit_all_levels=True,
        )  # fmt: skip

    for pair in (
        (interaction.parental_treated, interaction.parental),
        (interaction.resistant_treated, interaction.resistant),
    ):
        samples = confine(samples, interaction.factor, pair, interaction.within)
    first = contrast(interaction.parental_treated, interaction.parental)
    check_counts(counts, samples, first)
    design = build_design(samples, first)
    # The second pair is only checked: its levels must exist too.
    build_design(samples, contrast(interaction.resistant_treated, interaction.resistant))
    level_of = dict(zip(samples["sample_id"].cast(pl.String), samples[interaction.factor].cast(pl.String), strict=True))
    arm = np.array([interaction.levels.index(level_of[name]) for name in design.sample_ids], dtype=np.int64)
    covariates = [j for columns in design.covariate_columns.values() for j in columns]
    model = np.column_stack([np.eye(4)[arm], design.values[:, covariates]])
    rank = int(np.linalg.matrix_rank(model))
    if rank < model.shape[1] and covariates:
        raise DesignFault(
            f"the design is singular: {', '.join(design.covariate_columns)} cannot be told apart from the conditions "
            f"(rank {rank} of {model.shape[1]} coefficients)",
            subject=f"interaction {interaction.interaction_id}",
            remedy="Drop the covariate.",
        )
    return design.sample_ids, arm, model


def average_by_arm(values: Matrix, arm: NDArray[np.int64]) -> Matrix:
    return np.column_stack([values[:, arm == j].mean(axis=1) for j in range(4)])


def _voom_effects(counts: Matrix, model: Matrix, contrasts: Matrix, lib: Matrix) -> tuple[Matrix, ...]:
    from resistance_assets.science.deg.limma import fit_linear, moderated_t, voom
    from resistance_assets.science.deg.variance_moderation import moderate_variances

    weighted = voom(counts, model, lib)
    fit = fit_linear(weighted.log2_cpm, model, contrasts, weighted.weights)
    statistic, p, error = moderated_t(fit, moderate_variances(fit.sigma, fit.df_residual))
    return fit.estimates, error, statistic, p


def _deseq2_effects(
    counts: Matrix, model: Matrix, contrasts: Matrix, arm: NDArray[np.int64]
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, NDArray[np.object_]]:
    from resistance_assets.science.deg.deseq2 import fit_contrasts

    runs_away, not_identified = _find_empty_groups(counts, arm)
    tables, _ = fit_contrasts(
        counts, model, list(contrasts), no_finite_estimate=list(runs_away.T), not_identified=list(not_identified.T)
    )
    effects, error, statistic, p, q = (
        np.column_stack([t[name] for t in tables]) for name in ("log2FoldChange", "lfcSE", "stat", "pvalue", "padj")
    )
    # Where a group is empty the sign is known, wherever the fit stopped.
    empty = _empty_groups(counts, arm)
    towards = np.sign(-(empty.astype(np.float64) @ np.array(_WEIGHTS).T))
    effects = np.where(runs_away, towards * np.abs(effects), effects)
    statistic = np.where(runs_away, towards * np.abs(statistic), statistic)
    reasons = np.full(len(counts), None, dtype=object)
    reasons[np.isnan(p[:, _INTERACTION])] = NOTE_COOKS
    reasons[empty.any(axis=1)] = NOTE_ARM_ALL_ZERO
    reasons[runs_away[:, _INTERACTION]] = NOTE_LIKELIHOOD_RATIO
    reasons[not_identified[:, _INTERACTION]] = NOTE_NOT_IDENTIFIED
    return effects, error, statistic, p, q, reasons


def _empty_groups(counts: Matrix, arm: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(genes, 4): True where no sample of the group has a read."""
    return np.column_stack([~counts[:, arm == j].any(axis=1) for j in range(4)])


def _find_empty_groups(counts: Matrix, arm: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Effects whose estimate runs away, and effects that the counts do not identify, both (genes, 4).

    The log mean of an empty group is minus infinity. Empty groups on one side of an effect make it infinite, and the
    likelihood still tells it from zero. On both sides they cancel to anything: the likelihood is flat.
    """
    empty, weights = _empty_groups(counts, arm)[:, None, :], np.array(_WEIGHTS)[None, :, :]
    added, subtracted = (empty & (weights > 0)).any(axis=2), (empty & (weights < 0)).any(axis=2)
    return added ^ subtracted, added & subtracted  # pyright: ignore


def _classify(effects: Matrix, counted: NDArray[np.bool_], untested: NDArray[np.bool_]) -> NDArray[np.str_]:
    parental, resistant, interaction, shift = counted.T
    with np.errstate(invalid="ignore"):
        smaller = np.abs(effects[:, 1]) < np.abs(effects[:, 0])
    return np.select(
        [parental & interaction & smaller, resistant & interaction & ~smaller, shift, untested],
        ["lost_response", "gained_response", "constitutive_shift", "not_testable"],
        "unchanged",
    )
