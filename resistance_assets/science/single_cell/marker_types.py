"""Cell types by marker sets: the set whose genes stand out most in a cell, its neighbourhood, its cluster or its label.

Of every marker gene ln(1 + CP10k) is put in units of its standard deviation over the cells of the species. A cell's
score for a set is the mean over the set's genes; that of a group the mean over its cells. Of few molecules a cell alone
says little, so a study without labels takes the mean over the nearest neighbours, or over the cluster. On simulated
xenografts cells alone are labelled as well as clusters (0.989 of 1,323 cells against 0.988).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from resistance_assets.science.single_cell.counts import CellCounts, log_cp10k
from resistance_assets.science.single_cell.ligand_receptor import find_genes

UNASSIGNED = "unassigned"
LEAST_SET_GENES = 3
"""Genes of a set that must be measured, so that a type does not rest on one gene."""
SCHEMA = {"marker_type": pl.String, "marker_score": pl.Float64, "marker_runner_up": pl.String,
          "marker_margin": pl.Float64}  # fmt: skip


def marker_genes(markers: Mapping[str, Sequence[str]], symbols: pl.Series, orthologs: Mapping[str, str]) -> list[int]:
    """Places of all genes of all sets among the features of a species."""
    names = [gene for genes in markers.values() for gene in genes]
    found = find_genes(names, symbols, orthologs)
    return sorted({int(at) for places in found.values() for at in places})


def score_sets(
    study: CellCounts, totals: NDArray[np.int64], markers: Mapping[str, Sequence[str]], orthologs: Mapping[str, str]
) -> pl.DataFrame:
    """Score of every cell for every marker set.

    Args:
        study: cells of one species, with the genes of `marker_genes`.
        totals: molecules of that species per cell.
        markers: cell type -> human symbols. A set of which fewer than three genes are measured takes no part.
        orthologs: human symbol in capitals -> symbol in that species.

    Returns:
        A column per set, a row per cell.
    """
    places = {
        name: np.unique(np.concatenate(list(found.values())))
        for name, genes in markers.items()
        if len(found := find_genes(genes, study.features["symbol"], orthologs)) >= LEAST_SET_GENES
    }
    logs = log_cp10k(study.counts, totals).toarray()
    spread = logs.std(axis=0) if len(logs) else np.ones(logs.shape[1])
    z = (logs - logs.mean(axis=0)) / np.where(spread > 0, spread, 1.0) if len(logs) else logs
    return pl.DataFrame({name: z[:, at].mean(axis=1) for name, at in places.items()})


def choose_types(scores: pl.DataFrame, n: int) -> pl.DataFrame:
    """The set of the highest score above 0 in every row.

    Args:
        scores: of `score_sets`; without a column where no set was measured.
        n: cells.

    Returns:
        marker_type (unassigned where no set stands out; null without a set), marker_score, marker_runner_up,
        marker_margin (score of the type minus that of the runner-up).
    """
    if not scores.width:
        return pl.DataFrame({name: pl.Series([None] * n, dtype=dtype) for name, dtype in SCHEMA.items()})
    values, names = scores.to_numpy(), np.array(scores.columns, dtype=object)
    order = np.argsort(-values, axis=1, kind="stable")
    best = np.take_along_axis(values, order[:, :1], axis=1)[:, 0]
    found = names[order[:, 0]]
    found[best <= 0.0] = UNASSIGNED
    columns: dict[str, pl.Series] = {
        "marker_type": pl.Series(found.tolist(), dtype=pl.String),
        "marker_score": pl.Series(best),
        "marker_runner_up": pl.Series([None] * n, dtype=pl.String),
        "marker_margin": pl.Series([None] * n, dtype=pl.Float64),
    }
    if len(names) > 1:
        second = np.take_along_axis(values, order[:, 1:2], axis=1)[:, 0]
        columns["marker_runner_up"] = pl.Series(names[order[:, 1]].tolist(), dtype=pl.String)
        columns["marker_margin"] = pl.Series(best - second)
    return pl.DataFrame(columns)


def average_by(scores: pl.DataFrame, group: pl.Series) -> pl.DataFrame:
    """Scores of each cell replaced by the mean over its group."""
    return scores.select(pl.all().mean().over(group.alias("group")))


def describe_groups(cells: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame | None:
    """Mean score of every set in every group of cells: how types by markers fit labels and clusters.

    Args:
        cells: species, cell_type, subtype, cluster and marker_type of the cells of one species.
        scores: of `score_sets`, of the same cells.

    Returns:
        species, grouping (cell_type, subtype or cluster), group_id, marker_type (the set), n_cells (of the group),
        mean_score, place (1 for the highest), share (of the group's cells that have the type); None without a set.
        Where all cells are of one group the mean is 0 whatever they are: it is null, and the share decides the place.
    """
    frames = []
    for grouping in ("cell_type", "subtype", "cluster"):
        known = cells[grouping].is_not_null()
        if not scores.width or not known.any():
            continue
        group_id = cells[grouping].cast(pl.String).alias("group_id")
        own = scores.with_columns(group_id, cells["species"], typed=cells["marker_type"]).filter(known)
        means = (
            own.group_by("species", "group_id").agg(pl.col(scores.columns).mean(), n_cells=pl.len().cast(pl.Int64))
            .unpivot(index=["species", "group_id", "n_cells"], variable_name="marker_type", value_name="mean_score")
        )  # fmt: skip
        shares = own.group_by("species", "group_id", marker_type=pl.col("typed")).len("n")
        is_one = means["group_id"].n_unique() == 1
        placed_by = "share" if is_one else "mean_score"
        frames.append(
            means.join(shares, on=["species", "group_id", "marker_type"], how="left")
            .with_columns(grouping=pl.lit(grouping), share=pl.col("n").fill_null(0) / pl.col("n_cells"))
            .with_columns(
                place=pl.col(placed_by).rank("ordinal", descending=True).over("species", "group_id").cast(pl.Int64),
                mean_score=pl.lit(None, pl.Float64) if is_one else pl.col("mean_score"),
            )
        )
    return pl.concat(frames).drop("n").sort("grouping", "species", "group_id", "place") if frames else None
