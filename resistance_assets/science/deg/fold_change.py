"""A paper's fold-change rule: an expression floor and a ratio of means, without a test.

Here belong the rule, the genes that it calls and the lists that follow. Tests belong in the modules of the methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import DesignFault
from resistance_assets.science.deg.designs import GENE_COLUMN, Contrast, build_design, count_matrix
from resistance_assets.science.expression.normalisation import cpm, effective_library_sizes, rpkm, tpm


@dataclass(frozen=True)
class FoldChangeRule:
    """A paper's rule without a test: an expression floor and a ratio of means.

    Args:
        threshold: fold change that must be passed, in either direction (2.0: twofold up or down).
        inclusive: True for "at least", False for "more than".
        floor: expression that must be reached (values below it are dropped).
        floor_arm: the arm that the floor is asked of; "either" is satisfied by one arm, "both" needs both.
        unit: "cpm", "rpkm" or "tpm" computed here from counts, "as_given" if the table holds expression already.
        pseudocount: added to both means before the ratio, in `unit`.
        normalisation: library sizes as they are ("none", what RPKM means) or times TMM factors ("tmm").
    """

    threshold: float = 2.0
    inclusive: bool = False
    floor: float = 1.0
    floor_arm: Literal["numerator", "denominator", "both", "either", "none"] = "denominator"
    unit: Literal["cpm", "rpkm", "tpm", "as_given"] = "cpm"
    pseudocount: float = 0.0
    normalisation: Literal["none", "tmm"] = "none"


def call_fold_changes(
    expression: pl.DataFrame,
    samples: pl.DataFrame,
    contrast: Contrast,
    rule: FoldChangeRule,
    gene_lengths_bp: Sequence[float] | NDArray[np.float64] | None = None,
) -> pl.DataFrame:
    """Apply a paper's fold-change rule to the means of two arms.

    Args:
        expression: `hgnc_symbol` and one column per sample: counts, or expression if the rule's unit is "as_given".
        samples, contrast: as `run_contrast`; covariates play no part.
        rule: floor, threshold, unit.
        gene_lengths_bp: shape (genes,), needed for RPKM and TPM.

    Returns:
        `hgnc_symbol`, `expression_numerator`, `expression_denominator` (Float64, mean in the rule's unit),
        `log2_fold_change` (Float64, null where a mean is zero and there is no pseudocount), `passes_floor` (Boolean),
        `is_called` (Boolean), `direction` ("up", "down", or null where the means are equal).

    Raises:
        DesignFault: RPKM or TPM without lengths, or a factor or level that does not exist.
    """
    design = build_design(samples, contrast)
    matrix = count_matrix(expression, design.sample_ids)
    lib = None
    if rule.unit in ("rpkm", "tpm") and gene_lengths_bp is None:
        raise DesignFault(
            f"a rule in {rule.unit} without gene lengths",
            subject=contrast.subject,
            remedy="Give the gene lengths, or state the rule in cpm.",
        )
    if rule.unit in ("cpm", "rpkm"):
        lib = effective_library_sizes(matrix, rule.normalisation)
    if rule.unit == "cpm":
        matrix = cpm(matrix, lib)
    elif rule.unit == "rpkm":
        matrix = rpkm(matrix, np.asarray(gene_lengths_bp, dtype=np.float64), lib)
    elif rule.unit == "tpm":
        matrix = tpm(matrix, np.asarray(gene_lengths_bp, dtype=np.float64))
    top = matrix[:, design.is_numerator].mean(axis=1)
    bottom = matrix[:, design.is_denominator].mean(axis=1)
    floors = {
        "numerator": top >= rule.floor,
        "denominator": bottom >= rule.floor,
        "both": (top >= rule.floor) & (bottom >= rule.floor),
        "either": (top >= rule.floor) | (bottom >= rule.floor),
        "none": np.ones(top.shape, dtype=bool),
    }
    passes = floors[rule.floor_arm]
    a, b = top + rule.pseudocount, bottom + rule.pseudocount
    # Products instead of ratios: a mean of zero then needs no exception, and 0 against 0 is no change.
    if rule.inclusive:
        up, down = (a >= rule.threshold * b) & (a > b), (b >= rule.threshold * a) & (b > a)
    else:
        up, down = a > rule.threshold * b, b > rule.threshold * a
    with np.errstate(divide="ignore", invalid="ignore"):
        log2_fold_change = np.log2(a) - np.log2(b)
    finite = np.isfinite(log2_fold_change)
    direction = np.where(a > b, "up", np.where(a < b, "down", ""))
    return pl.DataFrame(
        {
            GENE_COLUMN: expression[GENE_COLUMN].cast(pl.String),
            "expression_numerator": top,
            "expression_denominator": bottom,
            "log2_fold_change": pl.Series(np.where(finite, log2_fold_change, np.nan)).fill_nan(None),
            "passes_floor": passes,
            "is_called": passes & (up | down),
            "direction": pl.Series(direction).replace("", None),
        }
    )


def bound_fold_changes(calls: pl.DataFrame) -> NDArray[np.float64]:
    """(genes,) bound of the log2 fold change where one mean is zero, NaN elsewhere.

    The smallest positive mean of that arm takes the place of the zero: the change is at least about as large. A gene
    that switches on has then a place among the changes, which its infinite ratio has not.

    Args:
        calls: of `call_fold_changes`.
    """
    means = [calls[f"expression_{arm}"].to_numpy() for arm in ("numerator", "denominator")]
    least = [float(x[x > 0].min()) if (x > 0).any() else np.nan for x in means]
    runs_away = (means[0] > 0) != (means[1] > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        top, bottom = (np.log2(np.where(x > 0, x, low)) for x, low in zip(means, least, strict=True))
    # The substitute may not turn the change round where it is larger than the gene's own mean.
    bound = np.where(means[0] > 0, np.maximum(top - bottom, 0.0), np.minimum(top - bottom, 0.0))
    return np.where(runs_away & calls["log2_fold_change"].is_null().to_numpy(), bound, np.nan)


def fold_change_gene_lists(calls: pl.DataFrame, contrast_id: str) -> pl.DataFrame:
    """Gene lists of `call_fold_changes`.

    Returns:
        `list_id` (`<contrast>__fold_change__up` or `__down`), `hgnc_symbol`, `direction`.
    """
    return (
        calls.filter(pl.col("is_called"))
        .select(
            pl.concat_str(pl.lit(f"{contrast_id}__fold_change__"), pl.col("direction")).alias("list_id"),
            GENE_COLUMN,
            "direction",
        )
        .sort(["list_id", GENE_COLUMN])
    )


def passes_fold_change(
    first: ArrayLike, second: ArrayLike, fold_change: float = 2.0, floor: float = 0.0
) -> NDArray[np.bool_]:
    """Shape (genes,): the ratio of two samples exceeds `fold_change` either way, and the second reaches the floor."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    return (b >= floor) & ((a > fold_change * b) | (b > fold_change * a))
