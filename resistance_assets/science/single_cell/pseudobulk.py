"""Pseudobulk: the molecules of a cell type in a sample added up, so that samples are the replicates.

A sum over fewer than ten cells is no measurement of a type and is left out. What is then tested is a count matrix of
samples, with the methods of `science.deg`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from resistance_assets.science.single_cell.counts import CellCounts, group_sums

LEAST_CELLS = 10


def sum_by_sample(study: CellCounts, cell_type: pl.Series, samples: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sums per cell type and sample.

    Args:
        study: cells of one species and that species' genes.
        cell_type: of each cell.
        samples: of the study, in the order of the columns.

    Returns:
        counts (cell_type, feature_id, symbol, one column per sample) and cells (cell_type, sample_id, n_cells, umi,
        is_used: at least ten cells).
    """
    types = cell_type.unique().sort().to_list()
    sample_place = {name: at for at, name in enumerate(samples)}
    type_place = {name: at for at, name in enumerate(types)}
    both = np.array(
        [
            type_place[name] * len(samples) + sample_place[sample]
            for name, sample in zip(cell_type, study.cells["sample_id"], strict=True)
        ],
        dtype=np.int64,
    )
    n_groups = len(types) * len(samples)
    sums = group_sums(study.counts, both, n_groups).astype(np.int64).reshape(len(types), len(samples), -1)
    cells = np.bincount(both, minlength=n_groups).reshape(len(types), len(samples))
    counts = pl.concat(
        study.features.select("feature_id", "symbol").with_columns(
            cell_type=pl.lit(name),
            **{sample: pl.Series(sums[at, place]) for sample, place in sample_place.items()},
        )
        for name, at in type_place.items()
    )
    used = pl.DataFrame(
        [
            (name, sample, int(cells[at, place]), int(sums[at, place].sum()), bool(cells[at, place] >= LEAST_CELLS))
            for name, at in type_place.items()
            for sample, place in sample_place.items()
        ],
        schema=["cell_type", "sample_id", "n_cells", "umi", "is_used"],
        orient="row",
    )
    return counts.select("cell_type", "feature_id", "symbol", *samples), used
