"""What gene lists share, and how much of that chance alone would give.

Here belong intersections of declared lists with their expectation and p-value, and the table behind an UpSet plot.
Choosing the lists does not belong here, nor does testing lists against gene sets (`enrichment`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from resistance_assets.errors import CatalogFault, DesignFault
from resistance_assets.science.statistics.multiple_testing import adjust_bh

INTERSECTIONS_SCHEMA = {
    "intersection_id": pl.String,
    "list_ids": pl.String,
    "n_lists": pl.Int64,
    "sizes_in_universe": pl.String,
    "n_outside_universe": pl.Int64,
    "universe_id": pl.String,
    "universe_size": pl.Int64,
    "size": pl.Int64,
    "expected_by_chance": pl.Float64,
    "fold_over_chance": pl.Float64,
    "p_value": pl.Float64,
    "p_value_method": pl.String,
    "permutations": pl.Int64,
    "seed": pl.Int64,
    "p_value_exact": pl.Float64,
    "q_value_bh": pl.Float64,
    "n_same_direction": pl.Int64,
    "genes": pl.String,
}

MEMBERSHIPS_SCHEMA = {
    "combination_id": pl.String,
    "list_ids": pl.String,
    "degree": pl.Int64,
    "exclusive_size": pl.Int64,
    "inclusive_size": pl.Int64,
    "genes": pl.String,
}


class DeclaredIntersection(NamedTuple):
    """An intersection that someone asked for: its id, the lists that meet, and the name of their common universe."""

    intersection_id: str
    list_ids: tuple[str, ...]
    universe: str


def intersect_lists(
    members: pl.DataFrame,
    intersections: Iterable[DeclaredIntersection | tuple[str, Collection[str], str]],
    universes: Mapping[str, pl.Series | Collection[str]],
    *,
    permutations: int = 99_999,
    seed: int = 20_240_501,
) -> pl.DataFrame:
    """Intersect declared lists and hold the size against what random lists of the same sizes would share.

    Every list is first restricted to the universe: the genes that could have been on all of them. The smaller the
    universe, the less remarkable an overlap; it is therefore declared, and reported in the row.

    Two lists: hypergeometric upper tail. Three or more: `permutations` rounds in which every list is replaced by a
    random one of its size, p = (b + 1) / (m + 1), b = rounds with at least the observed size. (Only the size of the
    shared part matters, so a round draws it by successive hypergeometric draws instead of shuffling genes: the same
    distribution.) `p_value_exact` is that distribution summed exactly (Wang, Zhao & Zhang 2015, Sci Rep 5:16923), which
    has no floor; for two lists it equals `p_value`.

    Args:
        members: `list_id`, `hgnc_symbol`, `direction` ("up", "down"; anything else states none), one row per member.
        intersections: what to intersect; at least two different lists each.
        universes: genes by universe name.
        permutations, seed: of the null for three or more lists.

    Returns:
        One row per intersection in the order given: `intersection_id`, `list_ids` (joined by "|"), `n_lists`,
        `sizes_in_universe` (of the lists, joined by "|"), `n_outside_universe` (list entries that fell out, summed
        over the lists), `universe_id`, `universe_size`, `size`, `expected_by_chance`, `fold_over_chance` (null where
        nothing is expected), `p_value`, `p_value_method` ("hypergeometric" or "permutation"), `permutations`, `seed`
        (null for two lists), `p_value_exact`, `q_value_bh` (of `p_value`, family: this call), `n_same_direction`
        (shared genes with one and the same direction in every list; null if a list states none), `genes` (sorted,
        comma-joined).

    Raises:
        CatalogFault: an intersection names fewer than two lists, or a universe that is not there.
        DesignFault: a universe is empty.
    """
    by_list = _group_by_list(members)
    frozen = {name: frozenset(gene for gene in genes if gene is not None) for name, genes in universes.items()}
    rows = []
    for declared in intersections:
        asked = DeclaredIntersection(declared[0], tuple(dict.fromkeys(declared[1])), declared[2])
        _check_intersection(asked, frozen)
        # A list that came out empty has no member rows; it still takes part, with nothing.
        whole = [by_list.get(list_id, {}) for list_id in asked.list_ids]
        rows.append(_intersect(asked, whole, frozen[asked.universe], permutations, seed))
    frame = pl.DataFrame(rows, schema=INTERSECTIONS_SCHEMA, orient="row")
    return frame.with_columns(q_value_bh=pl.Series(adjust_bh(frame["p_value"].to_numpy()), dtype=pl.Float64))


def _group_by_list(members: pl.DataFrame) -> dict[str, dict[str, set[str]]]:
    """List -> gene -> directions that its members state."""
    by_list: dict[str, dict[str, set[str]]] = {}
    for list_id, symbol, direction in members.select("list_id", "hgnc_symbol", "direction").iter_rows():
        if symbol is not None:
            stated = by_list.setdefault(list_id, {}).setdefault(symbol, set())
            if direction in ("up", "down"):
                stated.add(direction)
    return by_list


def _check_intersection(asked: DeclaredIntersection, universes: Mapping[str, frozenset[str]]) -> None:
    subject = f"intersection {asked.intersection_id}"
    if len(asked.list_ids) < 2:
        raise CatalogFault(
            "an intersection needs at least two different lists",
            subject=subject,
            remedy="Name the lists that shall meet.",
        )
    if asked.universe not in universes:
        raise CatalogFault(
            f"universe {asked.universe} is not known",
            subject=subject,
            expected="one of " + ", ".join(sorted(universes)),
            remedy="Declare the universe.",
        )
    if not universes[asked.universe]:
        raise DesignFault(
            f"universe {asked.universe} is empty",
            subject=subject,
            remedy="Give the genes that could have been on all of the lists.",
        )


def _intersect(
    asked: DeclaredIntersection,
    whole: list[dict[str, set[str]]],
    universe: frozenset[str],
    permutations: int,
    seed: int,
) -> tuple[object, ...]:
    """A row of `INTERSECTIONS_SCHEMA`, q still missing."""
    inside = [frozenset(genes) & universe for genes in whole]
    sizes = [len(genes) for genes in inside]
    shared = sorted(frozenset.intersection(*inside))
    expected = expected_intersection(sizes, len(universe))
    exact = intersection_p_value(len(shared), sizes, len(universe))
    if len(sizes) == 2:
        method, p, rounds, used_seed = "hypergeometric", exact, None, None
    else:
        method, rounds, used_seed = "permutation", permutations, seed
        p = _permutation_p_value(len(shared), sizes, len(universe), permutations, seed)
    same = None
    if all(any(genes.values()) for genes in whole):
        same = sum(1 for gene in shared if len(d := set().union(*(g[gene] for g in whole))) == 1 and d)
    return (
        asked.intersection_id,
        "|".join(asked.list_ids),
        len(asked.list_ids),
        "|".join(map(str, sizes)),
        sum(len(genes) for genes in whole) - sum(sizes),
        asked.universe,
        len(universe),
        len(shared),
        expected,
        len(shared) / expected if expected > 0 else None,
        p,
        method,
        rounds,
        used_seed,
        exact,
        None,
        same,
        ",".join(shared),
    )


def expected_overlap(n_a: ArrayLike, n_b: ArrayLike, universe_size: ArrayLike) -> NDArray[np.float64]:
    """Genes that two random lists of n_a and n_b genes share on average: n_a n_b / universe_size (broadcasts)."""
    return np.asarray(n_a, dtype=np.float64) * np.asarray(n_b, dtype=np.float64) / np.asarray(universe_size)


def expected_intersection(sizes: Collection[int], universe_size: int) -> float:
    """Genes that random lists of these sizes all share on average: universe_size x product of size / universe_size."""
    expected = float(universe_size)
    for size in sizes:
        expected *= size / universe_size
    return expected


def intersection_p_value(size: int, list_sizes: Collection[int], universe_size: int) -> float:
    """P(random lists of these sizes share at least `size` genes), exact for any number of lists.

    The distribution of what the first j lists share is carried from list to list: given y shared so far, what remains
    after a list of n genes is hypergeometric (y of universe_size, n draws).
    """
    from resistance_assets.science.statistics.kernels.hypergeometric import log_upper_tail, shared_by_one_more

    ordered = sorted(list_sizes)
    if ordered and ordered[-1] > universe_size:
        raise ValueError(f"a list of {ordered[-1]} genes does not fit into a universe of {universe_size}")
    if len(ordered) == 2:
        return float(np.exp(log_upper_tail(size, ordered[0], ordered[1], universe_size)))
    distribution = np.zeros(ordered[0] + 1)
    distribution[-1] = 1.0
    for n in ordered[1:]:
        distribution = shared_by_one_more(distribution, n, universe_size)
    return float(min(1.0, distribution[max(0, size) :][::-1].sum()))


def _permutation_p_value(size: int, list_sizes: list[int], universe_size: int, permutations: int, seed: int) -> float:
    ordered = sorted(list_sizes)
    generator = np.random.default_rng(seed)
    shared = np.full(permutations, ordered[0], dtype=np.int64)
    for n in ordered[1:]:
        shared = generator.hypergeometric(shared, universe_size - shared, n)
    return (np.count_nonzero(shared >= size) + 1) / (permutations + 1)


def upset_memberships(members: pl.DataFrame, universe: pl.Series | Collection[str] | None = None) -> pl.DataFrame:
    """Sizes of all combinations of lists, as an UpSet plot shows them (Lex 2014, IEEE TVCG 20:1983).

    Args:
        members: `list_id`, `hgnc_symbol`; repeats count once.
        universe: genes to which the lists are restricted first, if given.

    Returns:
        One row per combination of lists that some gene has exclusively (in all of these lists and in no other),
        largest first: `combination_id` (list ids joined by " & "), `list_ids` (the same joined by "|"), `degree`,
        `exclusive_size`, `inclusive_size` (genes in all of these lists, whatever others), `genes` (of the exclusive
        part, sorted, joined by ",").
    """
    pairs = members.select("list_id", "hgnc_symbol").drop_nulls().unique()
    if universe is not None:
        allowed = pl.Series("hgnc_symbol", list(universe), dtype=pl.String)
        pairs = pairs.join(allowed.to_frame().unique(), on="hgnc_symbol", how="semi")
    exclusive = (
        pairs.group_by("hgnc_symbol")
        .agg(pl.col("list_id").sort())
        .group_by("list_id")
        .agg(pl.len().alias("exclusive_size"), pl.col("hgnc_symbol").sort().str.join(",").alias("genes"))
    )
    combinations = [frozenset(ids) for ids in exclusive["list_id"].to_list()]
    sizes = exclusive["exclusive_size"].to_list()
    inclusive = [
        sum(size for other, size in zip(combinations, sizes, strict=True) if combination <= other)
        for combination in combinations
    ]
    return (
        exclusive.with_columns(
            pl.col("list_id").list.join(" & ").alias("combination_id"),
            pl.col("list_id").list.join("|").alias("list_ids"),
            pl.col("list_id").list.len().alias("degree"),
            pl.Series("inclusive_size", inclusive, dtype=pl.Int64),
        )
        .cast({"degree": pl.Int64, "exclusive_size": pl.Int64})
        .select(*MEMBERSHIPS_SCHEMA)
        .sort(["exclusive_size", "degree", "combination_id"], descending=[True, False, False])
    )
