"""How far the methods of one contrast agree.

Here belongs the comparison of result frames gene by gene. Making the results belongs in the `deg` modules.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl

AGREEMENT_SCHEMA: dict[str, pl.DataType] = {
    "method_a": pl.String(),
    "method_b": pl.String(),
    "genes_compared": pl.Int64(),
    "spearman_log2_fold_change": pl.Float64(),
    "genes_with_both_p_values": pl.Int64(),
    "spearman_minus_log10_p": pl.Float64(),
    "significant_a": pl.Int64(),
    "significant_b": pl.Int64(),
    "significant_both": pl.Int64(),
    "jaccard": pl.Float64(),
    "sign_disagreements": pl.Int64(),
    "sign_disagreements_significant": pl.Int64(),
}


def compare_methods(results: pl.DataFrame, q_value: float = 0.05, abs_log2_fold_change: float = 1.0) -> pl.DataFrame:
    """Agreement of every pair of methods in the stacked results of one contrast.

    Args:
        results: result frames of one contrast below each other; each method holds a gene once.
        q_value, abs_log2_fold_change: strict thresholds of "significant".

    Returns:
        One row per pair, in alphabetical order, columns of `AGREEMENT_SCHEMA`. `genes_compared` have a fold change by
        both; a rank correlation of fewer than three genes, or of constant values, and the Jaccard index of two empty
        lists are null; `sign_disagreements` counts opposite non-zero signs, `..._significant` those that either method
        calls.

    Raises:
        ValueError: a method holds a gene twice.
    """
    from scipy.stats import rankdata

    needed = ["hgnc_symbol", "log2_fold_change", "p_value", "q_value_bh"]
    methods = sorted(results["method"].unique())
    parts = {m: results.filter(pl.col("method") == m).select(needed) for m in methods}
    for method, part in parts.items():
        if part["hgnc_symbol"].is_duplicated().any():
            raise ValueError(f"method {method} holds a gene more than once")

    def spearman(x: pl.Series, y: pl.Series) -> float | None:
        a, b = rankdata(x.to_numpy()), rankdata(y.to_numpy())
        if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
            return None
        return float(np.corrcoef(a, b)[0, 1])

    def called(suffix: str) -> pl.Expr:
        passes = (pl.col(f"q_value_bh{suffix}") < q_value) & (
            pl.col(f"log2_fold_change{suffix}").abs() > abs_log2_fold_change
        )
        return passes.fill_null(False)

    rows = []
    for a, b in combinations(methods, 2):
        both = parts[a].join(parts[b], on="hgnc_symbol", how="full", suffix="_b", coalesce=True)
        both = both.with_columns(called("").alias("in_a"), called("_b").alias("in_b"))
        effects = both.filter(pl.col("log2_fold_change").is_not_null() & pl.col("log2_fold_change_b").is_not_null())
        tested = both.filter(pl.col("p_value").is_not_null() & pl.col("p_value_b").is_not_null())
        opposite = effects.filter(pl.col("log2_fold_change").sign() * pl.col("log2_fold_change_b").sign() < 0)
        shared = both.filter(pl.col("in_a") & pl.col("in_b")).height
        union = both.filter(pl.col("in_a") | pl.col("in_b")).height
        rows.append(
            (
                a,
                b,
                effects.height,
                spearman(effects["log2_fold_change"], effects["log2_fold_change_b"]),
                tested.height,
                # Ranks of -log10 p are ranks of p reversed on both sides: the same correlation, and p = 0 needs no log.
                spearman(tested["p_value"], tested["p_value_b"]),
                int(both["in_a"].sum()),
                int(both["in_b"].sum()),
                shared,
                shared / union if union else None,
                opposite.height,
                opposite.filter(pl.col("in_a") | pl.col("in_b")).height,
            )
        )
    return pl.DataFrame(rows, schema=AGREEMENT_SCHEMA, orient="row")
