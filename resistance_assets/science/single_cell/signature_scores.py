"""Signature scores of cells by rank, and their comparison over samples.

The score is the AUC of the signature's genes against all others within a cell (ties as halves), which needs no control
genes and no draw. Samples are compared, not cells: the mean per sample, then Welch's t.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from resistance_assets.science.single_cell.counts import CellCounts, log_cp10k
from resistance_assets.science.single_cell.kernels.sparse_ranks import signature_rank_sums
from resistance_assets.science.single_cell.ligand_receptor import find_genes
from resistance_assets.science.single_cell.pseudobulk import LEAST_CELLS, Comparison
from resistance_assets.science.statistics.multiple_testing import adjust_bh
from resistance_assets.science.statistics.t_tests import LEAST_VALUES, welch_t_test

RANK_AUC = "rank_auc"
MEASURES = {RANK_AUC: "mean_score", "mean_log_cp10k": "mean_log_cp10k"}
"""What is compared -> its column of `average_scores`."""
LEAST_GENES = 5
"""Genes of a list that must be measured, so that its score is more than that of one gene."""


def find_signatures(
    signatures: Mapping[str, Iterable[str]], symbols: pl.Series, orthologs: Mapping[str, str]
) -> dict[str, NDArray[np.int64]]:
    """Places of each signature's genes among the features of a species; those that were not measured take no part."""
    found = {}
    for name, genes in signatures.items():
        places = find_genes(sorted(set(genes)), symbols, orthologs)
        found[name] = np.unique(np.concatenate(list(places.values()))) if places else np.empty(0, dtype=np.int64)
    return found


def score_signatures(study: CellCounts, members: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Rank AUC of signatures in every cell: 0.5 where the genes rank like any others; NaN without a gene.

    Args:
        study: cells of one species and all of that species' genes.
        members: of each signature, the places of its genes.

    Returns:
        (cells, signatures).
    """
    counts, all_genes = study.counts, study.features.height
    sizes = np.array([len(one) for one in members], dtype=np.int64)
    gene = np.concatenate(members) if len(members) else np.empty(0, dtype=np.int64)
    of_list = np.repeat(np.arange(len(members)), sizes)
    order = np.argsort(gene, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(gene, minlength=all_genes))])
    sums = signature_rank_sums(
        counts.data.astype(np.float64),
        counts.indices.astype(np.int64),
        counts.indptr.astype(np.int64),
        all_genes,
        starts,
        of_list[order],
        sizes,
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (sums - sizes * (sizes + 1) / 2.0) / (sizes * (all_genes - sizes))
    found[:, (sizes == 0) | (sizes == all_genes)] = np.nan
    return found


def mean_levels(
    study: CellCounts, members: Sequence[NDArray[np.int64]], totals: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean over each signature's genes of ln(1 + molecules per 10,000) in every cell; NaN without a gene.

    Args:
        study, members: as in `score_signatures`.
        totals: molecules of the species per cell.
    """
    sizes = np.array([len(one) for one in members], dtype=np.int64)
    gene = np.concatenate(members) if len(members) else np.empty(0, dtype=np.int64)
    of_list = np.repeat(np.arange(len(members)), sizes)
    chosen = sparse.csr_matrix((np.ones(len(gene)), (gene, of_list)), (study.features.height, len(members)))
    with np.errstate(invalid="ignore"):
        return sparse.csr_matrix(log_cp10k(study.counts, totals) @ chosen).toarray() / sizes


def score_cells(study: CellCounts, genes: Iterable[str]) -> NDArray[np.float64]:
    """`score_signatures` of one signature, by symbols."""
    return score_signatures(study, list(find_signatures({"one": genes}, study.features["symbol"], {}).values()))[:, 0]


def average_scores(scores: pl.DataFrame) -> pl.DataFrame:
    """Mean scores of every signature per cell type and sample.

    Args:
        scores: signature_id, species, cell_type, sample_id, score, mean_log_cp10k; a row per cell.

    Returns:
        signature_id, species, cell_type, sample_id, n_cells, mean_score, mean_log_cp10k, is_used: ten cells or more.
    """
    key = ["signature_id", "species", "cell_type", "sample_id"]
    means = {"mean_score": pl.col("score").mean(), "mean_log_cp10k": pl.col("mean_log_cp10k").mean()}
    found = scores.group_by(key).agg(n_cells=pl.len().cast(pl.Int64), **means).sort(key)
    return found.with_columns(is_used=pl.col("n_cells") >= LEAST_CELLS)


def compare_averages(
    averages: pl.DataFrame, arms: Mapping[str, str], comparisons: Sequence[Comparison], by_level: Container[str] = ()
) -> pl.DataFrame | None:
    """Every signature and type between two arms by Welch's t over samples of ten cells.

    Args:
        averages: of `average_scores`.
        arms: sample -> arm.
        by_level: signatures that are compared by their mean level too, beside the rank AUC.
    """
    rows = []
    for one in comparisons:
        for (signature, species, cell_type), own in averages.group_by(
            ["signature_id", "species", "cell_type"], maintain_order=True
        ):
            used = own.filter("is_used")
            named = {"comparison_id": one.id, "signature_id": signature, "species": species, "cell_type": cell_type}
            for measure, column in MEASURES.items():
                if measure != RANK_AUC and signature not in by_level:
                    continue
                found = compare_scores(
                    used[column].to_numpy(),
                    used["sample_id"],
                    arms,
                    numerator=one.numerator,
                    denominator=one.denominator,
                )
                rows.append({**named, "measure": measure, **found})
    if not rows:
        return None
    found = pl.DataFrame(rows, infer_schema_length=None, schema_overrides={"p_value": pl.Float64})
    family = ["comparison_id", "measure", "species", "cell_type"]
    adjusted = [
        own.with_columns(q_value_bh=pl.Series(adjust_bh(own["p_value"].to_numpy()), nan_to_null=True))
        for _, own in found.group_by(family, maintain_order=True)
    ]
    return pl.concat(adjusted)


def compare_scores(
    score: NDArray[np.float64], sample: pl.Series, arms: Mapping[str, str], *, numerator: str, denominator: str
) -> dict[str, float | int | str | None]:
    """Mean score per sample between two arms, Welch's t over samples.

    Returns:
        mean_numerator, mean_denominator, n_numerator, n_denominator (samples), t, degrees_of_freedom, p_value, p_note.
    """
    means = (
        pl.DataFrame({"sample_id": sample, "score": score})
        .group_by("sample_id")
        .agg(pl.col("score").mean())
        .sort("sample_id")
    )
    by_arm = {
        arm: np.array([value for name, value in means.iter_rows() if arms.get(name) == arm])
        for arm in (numerator, denominator)
    }
    first, second = by_arm[numerator], by_arm[denominator]
    found: dict[str, float | int | str | None] = {
        "mean_numerator": float(first.mean()) if len(first) else None,
        "mean_denominator": float(second.mean()) if len(second) else None,
        "n_numerator": len(first),
        "n_denominator": len(second),
        "t": None,
        "degrees_of_freedom": None,
        "p_value": None,
        "p_note": None,
    }
    if min(len(first), len(second)) < LEAST_VALUES:
        few = "no sample" if not len(first) or not len(second) else "one sample"
        return found | {"p_note": f"{few} in an arm: means without p"}
    test = welch_t_test(first, second)
    if math.isnan(test.p_value):
        return found | {"p_note": "no variation between samples"}
    return found | {"t": test.t, "degrees_of_freedom": test.degrees_of_freedom, "p_value": test.p_value}
