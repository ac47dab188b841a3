"""Clusters of the cells of one species: principal components, nearest neighbours, Leiden communities.

Neighbours are scikit-learn's and communities igraph's (extra `single-cell`), both imported here alone. Clusters are no
evidence of anything by themselves: types are judged by markers, and samples are compared by types.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from resistance_assets.errors import DesignFault
from resistance_assets.science.single_cell.counts import log_cp10k
from resistance_assets.science.single_cell.nearest_rows import nearest_rows

GENES, COMPONENTS, NEIGHBOURS, RESOLUTION = 2000, 20, 15, 1.0
LEAST_CELLS = 50
SEED = 20260101


def variable_genes(counts: sparse.csr_matrix, totals: NDArray[np.int64], n: int = GENES) -> NDArray[np.int64]:
    """Genes whose ln(1 + CP10k) varies most beyond what genes of the same mean do, by the place of the gene."""
    logs = log_cp10k(counts, totals)
    mean = np.asarray(logs.mean(axis=0)).ravel()
    logs.data **= 2
    variance = np.asarray(logs.mean(axis=0)).ravel() - mean**2
    seen = np.flatnonzero(mean > 0)
    ratio = np.log(np.maximum(variance[seen], 1e-12) / mean[seen])
    # Against genes of about the same mean: twenty groups of equal size.
    order = np.argsort(mean[seen], kind="stable")
    for group in np.array_split(order, min(20, max(1, len(order) // 20))):
        ratio[group] -= np.median(ratio[group])
    return np.sort(seen[np.argsort(-ratio, kind="stable")[:n]])


def principal_components(counts: sparse.csr_matrix, totals: NDArray[np.int64]) -> NDArray[np.float64]:
    """Scores of the first components of ln(1 + CP10k), centred.

    Args:
        counts: cells x genes that vary.
        totals: molecules of the species per cell.

    Returns:
        (cells, components); the sign of each is such that its largest loading is above 0.
    """
    values = log_cp10k(counts, totals).toarray().astype(np.float32)
    values -= values.mean(axis=0)
    n = values.shape[1]
    components = min(COMPONENTS, n, values.shape[0] - 1)
    axes = linalg.eigh(values.T @ values, subset_by_index=(n - components, n - 1))[1][:, ::-1]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(components)])
    return (values @ axes).astype(np.float64)


def nearest_neighbours(components: NDArray[np.float64]) -> NDArray[np.int64]:
    """Each cell and its fifteen nearest neighbours: (cells, up to 16)."""
    return nearest_rows(components, components, min(NEIGHBOURS, len(components) - 1) + 1)


def find_communities(near: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leiden communities of the graph of nearest neighbours, the largest first, from 1.

    Args:
        near: of `nearest_neighbours`.

    Raises:
        DesignFault: igraph is not installed.
    """
    try:
        import igraph  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise DesignFault(
            "clusters need igraph, which is not installed",
            subject="clusters of single cells",
            expected="the extra single-cell",
            remedy="Install resistance-warehouse[single-cell], or take clusters = true out of study.toml: types come "
            "from marker sets without it.",
        ) from None
    import random

    n = len(near)
    ends = np.column_stack([np.repeat(np.arange(n), near.shape[1]), near.ravel()])
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    graph = igraph.Graph(n=n, edges=ends.tolist(), directed=False)
    igraph.set_random_number_generator(random.Random(SEED))
    found = np.array(graph.community_leiden("modularity", resolution=RESOLUTION, n_iterations=5).membership)
    order = np.argsort(-np.bincount(found), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(1, len(order) + 1)
    return place[found]
