"""Ligand and receptor between cell types, summarised per sample: who could speak to whom, not who does.

Pairs are named by human symbols; a mouse gene is found by its ortholog. Two genes of one symbol count as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from resistance_assets.science.single_cell.counts import CellCounts, group_sums, log_cp10k

Pair = tuple[str, str]


def find_genes(names: Sequence[str], symbols: pl.Series, orthologs: Mapping[str, str]) -> dict[str, NDArray[np.int64]]:
    """Features of each named gene: by its symbol or that of its ortholog, in any capitals.

    Args:
        names: human symbols, or those of the species itself.
        symbols: of the features, of one species.
        orthologs: human symbol in capitals -> symbol in that species; empty for human features.

    Returns:
        Places in `symbols` of those that were measured; two genes of one symbol have both.
    """
    plain = symbols.str.to_uppercase()
    wanted = {name: (orthologs.get(name.upper(), name).upper(), name.upper()) for name in dict.fromkeys(names)}
    either = {one for both in wanted.values() for one in both}
    places: dict[str, list[int]] = {}
    for at in plain.is_in(list(either)).arg_true():
        places.setdefault(plain[at], []).append(at)
    found = {name: places.get(mapped) or places.get(same) for name, (mapped, same) in wanted.items()}
    return {name: np.array(at, dtype=np.int64) for name, at in found.items() if at}


def measure_genes(
    study: CellCounts,
    cell_type: pl.Series,
    totals: NDArray[np.int64],
    names: Sequence[str],
    orthologs: Mapping[str, str],
) -> pl.DataFrame:
    """Expression of named genes in every cell type of every sample.

    Args:
        study: cells of one species with genes of it, all that are named at least.
        cell_type: of each cell.
        totals: molecules of that species per cell, over all its genes.
        names: of the genes, as pairs name them; one that was not measured has no row.
        orthologs: as in `find_genes`.

    Returns:
        name, symbol (as measured), cell_type, sample_id, n_cells, mean (of ln(1 + CP10k)), fraction (of the cells with
        a molecule), umi_share (the type's share of the gene's molecules in that sample; null without a molecule).
    """
    keys = pl.DataFrame({"cell_type": cell_type, "sample_id": study.cells["sample_id"]})
    groups = keys.unique(maintain_order=True).with_row_index("group")
    group = keys.join(groups, on=["cell_type", "sample_id"], how="left", maintain_order="left")["group"]
    group = group.to_numpy().astype(np.int64)
    frames = []
    found = find_genes(names, study.features["symbol"], orthologs)
    if not found or not len(group):
        return pl.DataFrame(
            schema={"name": pl.String, "symbol": pl.String, "cell_type": pl.String, "sample_id": pl.String,
                    "n_cells": pl.Int64, "mean": pl.Float64, "fraction": pl.Float64, "umi_share": pl.Float64}
        )  # fmt: skip
    at = np.concatenate(list(found.values()))
    of_name = np.repeat(np.arange(len(found)), [len(places) for places in found.values()])
    chosen = sparse.csr_matrix((np.ones(len(at), dtype=np.int32), (at, of_name)), (study.features.height, len(found)))
    counts = sparse.csr_matrix(study.counts @ chosen)
    present = sparse.csr_matrix((np.ones_like(counts.data), counts.indices, counts.indptr), shape=counts.shape)
    umi, cells, logs = (group_sums(one, group, groups.height) for one in (counts, present, log_cp10k(counts, totals)))
    n = np.bincount(group, minlength=groups.height)
    for at, (name, places) in enumerate(found.items()):
        frames.append(
            groups.drop("group").with_columns(
                name=pl.lit(name),
                symbol=pl.lit(study.features["symbol"][int(places[0])]),
                n_cells=pl.Series(n),
                mean=pl.Series(logs[:, at] / n),
                fraction=pl.Series(cells[:, at] / n),
                umi=pl.Series(umi[:, at]),
            )
        )
    total = pl.col("umi").sum().over("name", "sample_id")
    share = pl.when(total > 0).then(pl.col("umi") / total)
    return pl.concat(frames).with_columns(umi_share=share).drop("umi")


def summarise_pairs(sent: pl.DataFrame, received: pl.DataFrame, pairs: Sequence[Pair]) -> pl.DataFrame:
    """Mean ligand of each sending type beside mean receptor of each receiving type, per sample.

    Args:
        sent, received: of `measure_genes`, of senders and of receivers.
        pairs: ligand and receptor, as they are named there.

    Returns:
        ligand, receptor, ligand_symbol, receptor_symbol, sender, receiver, sample_id, n_sender, n_receiver, ligand_mean
        and receptor_mean (of ln(1 + CP10k)), ligand_fraction, receptor_fraction, product, geometric_mean,
        ligand_umi_share. A sample without senders or receivers has no row.
    """
    ligands = sent.rename(
        {"name": "ligand", "symbol": "ligand_symbol", "cell_type": "sender", "n_cells": "n_sender",
         "mean": "ligand_mean", "fraction": "ligand_fraction", "umi_share": "ligand_umi_share"}
    )  # fmt: skip
    receptors = received.drop("umi_share").rename(
        {"name": "receptor", "symbol": "receptor_symbol", "cell_type": "receiver", "n_cells": "n_receiver",
         "mean": "receptor_mean", "fraction": "receptor_fraction"}
    )  # fmt: skip
    named = pl.DataFrame(list(dict.fromkeys(pairs)), schema={"ligand": pl.String, "receptor": pl.String}, orient="row")
    product = pl.col("ligand_mean") * pl.col("receptor_mean")
    return (
        named.join(ligands, on="ligand")
        .join(receptors, on=["receptor", "sample_id"])
        .with_columns(product=product, geometric_mean=product.sqrt())
        .sort("ligand", "receptor", "sender", "receiver", "sample_id")
    )
