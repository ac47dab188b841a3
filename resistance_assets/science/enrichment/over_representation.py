"""Over-representation of gene sets in gene lists, and how to read the result without fooling oneself.

Here belong the hypergeometric test of many lists against many gene sets, the account of which genes and sets took part,
the grouping of terms that say the same thing, and the marking of tests that can only confirm how a list was chosen.
Ranked lists belong in `gsea`, overlaps between lists in `intersection`, reading gene-set files in `origins`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import translate
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from resistance_assets.errors import DataFault, DesignFault
from resistance_assets.science.statistics.multiple_testing import adjust_bh

Universe = pl.Series | Collection[str]

TERMS_SCHEMA = {
    "list_id": pl.String,
    "collection": pl.String,
    "term_id": pl.String,
    "term": pl.String,
    "list_size": pl.Int64,
    "set_size": pl.Int64,
    "overlap": pl.Int64,
    "universe_size": pl.Int64,
    "expected_overlap": pl.Float64,
    "fold_enrichment": pl.Float64,
    "odds_ratio": pl.Float64,
    "p_value": pl.Float64,
    "log_p": pl.Float64,
    "q_value_bh": pl.Float64,
    "genes": pl.String,
}

FAMILIES_SCHEMA = {
    "list_id": pl.String,
    "collection": pl.String,
    "n_genes_given": pl.Int64,
    "n_outside_universe": pl.Int64,
    "list_size": pl.Int64,
    "n_in_no_set": pl.Int64,
    "universe_size": pl.Int64,
    "n_terms": pl.Int64,
    "n_terms_too_small": pl.Int64,
    "n_terms_too_large": pl.Int64,
    "n_tested": pl.Int64,
}


def over_representation(
    lists: pl.DataFrame,
    gene_sets: pl.DataFrame,
    universe: Universe | Mapping[str, Universe],
    *,
    min_set_size: int = 5,
    max_set_size: int = 500,
) -> pl.DataFrame:
    """Test every gene list against every gene set by the hypergeometric distribution (one-sided Fisher test).

    Lists and sets are first restricted to the universe, the genes that *could* have been in the list: for a
    differential expression, those that were tested, never all that a genome has. Repeats count once. A list gene
    outside the universe is left out, a universe gene in no set stays in the universe; `account_for_families` counts
    both. A set is tested if it has `min_set_size` to `max_set_size` genes **in the universe**, whatever its overlap, so
    the number of tests does not depend on the list. A list with no gene in its universe has no row here.

    Args:
        lists: `list_id`, `hgnc_symbol`, one row per member.
        gene_sets: `collection`, `term_id`, `term`, `hgnc_symbol`, one row per member.
        universe: the genes; or one universe per `list_id`.
        min_set_size, max_set_size: inclusive limits; Enrichr, clusterProfiler and GSEA use 10 or 15 and 500.

    Returns:
        One row per list and tested term, ordered by list, collection, p-value and term: `list_id`, `collection`,
        `term_id`, `term`, `list_size`, `set_size`, `universe_size` (all within the universe), `overlap`,
        `expected_overlap` (list_size x set_size / universe_size), `fold_enrichment` (overlap / expected),
        `odds_ratio` (of the sample, not R's conditional estimate; null where a cell is empty that would make it
        infinite), `p_value` = P(X >= overlap), `log_p` (its natural logarithm, finite where `p_value` underflows to 0),
        `q_value_bh` (family: one list x collection over all tested terms), `genes` (shared, sorted, comma-joined).

    Raises:
        DesignFault: a list has no universe, or a universe is empty.
        DataFault: a needed column is missing, or a term has two names.
    """
    from resistance_assets.science.statistics.kernels.hypergeometric import log_upper_tails

    counted = _count(lists, gene_sets, universe)
    size = counted.set_size[:, counted.universe_of_list]
    tested = (size >= min_set_size) & (size <= max_set_size) & (counted.list_size[None, :] > 0)
    # Row-major over lists: the answer comes list by list, terms within.
    at_list, at_set = np.nonzero(tested.T)
    if at_list.size == 0:
        return pl.DataFrame(schema=TERMS_SCHEMA)
    k = counted.overlap[at_set, at_list]
    K = size[at_set, at_list]
    n = counted.list_size[at_list]
    N = counted.universe_size[counted.universe_of_list[at_list]]
    log_p = log_upper_tails(k, K, n, N)
    p = np.exp(log_p)

    expected = n * (K / N)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = (k.astype(np.float64) * (N - n - K + k)) / ((n - k).astype(np.float64) * (K - k))

    family = at_list.astype(np.int64) * len(counted.sets.collections) + counted.sets.collection_of_set[at_set]
    q = _adjust_by_family(p, family)
    order = np.lexsort((at_set, log_p, family))
    at_list, at_set = at_list[order], at_set[order]
    names = counted.sets.terms[at_set]
    return pl.DataFrame(
        {
            "list_id": pl.Series(counted.list_ids, dtype=pl.String).gather(at_list),
            "collection": names["collection"],
            "term_id": names["term_id"],
            "term": names["term"],
            "list_size": n[order],
            "set_size": K[order],
            "overlap": k[order],
            "universe_size": N[order],
            "expected_overlap": expected[order],
            "fold_enrichment": (k / expected)[order],
            "odds_ratio": pl.Series(np.where(np.isfinite(odds), odds, np.nan)[order], nan_to_null=True),
            "p_value": p[order],
            "log_p": log_p[order],
            "q_value_bh": q[order],
            "genes": _overlap_genes(counted, at_list, at_set),
        },
        schema=TERMS_SCHEMA,
    )


def _adjust_by_family(p: NDArray[np.float64], family: NDArray[np.int64]) -> NDArray[np.float64]:
    """(m,) Benjamini-Hochberg within each family of tests."""
    q = np.empty(p.size)
    by_family = np.argsort(family, kind="stable")
    for rows in np.split(by_family, np.flatnonzero(np.diff(family[by_family])) + 1):
        q[rows] = adjust_bh(p[rows])
    return q


def account_for_families(
    lists: pl.DataFrame,
    gene_sets: pl.DataFrame,
    universe: Universe | Mapping[str, Universe],
    *,
    min_set_size: int = 5,
    max_set_size: int = 500,
) -> pl.DataFrame:
    """Say what took part in each family of tests of `over_representation` (same arguments) and what fell out.

    Returns:
        One row per list x collection, lists without a gene left included: `list_id`, `collection`, `n_genes_given`
        (distinct), `n_outside_universe`, `list_size` (left), `n_in_no_set` (of those left, in no set of the
        collection), `universe_size`, `n_terms` (of the collection), `n_terms_too_small`, `n_terms_too_large` (within
        the universe), `n_tested` (the size of the family).
    """
    counted = _count(lists, gene_sets, universe)
    rows = []
    for at, list_id in enumerate(counted.list_ids):
        u = counted.universe_of_list[at]
        for number, collection in enumerate(counted.sets.collections):
            mine = counted.sets.collection_of_set == number
            size = counted.set_size[mine, u]
            small = int(np.count_nonzero(size < min_set_size))
            large = int(np.count_nonzero(size > max_set_size))
            annotated = np.zeros(counted.in_list.shape[0], dtype=bool)
            annotated[counted.sets.genes[np.repeat(mine, np.diff(counted.sets.offsets))]] = True
            left = int(counted.list_size[at])
            rows.append(
                (
                    list_id,
                    collection,
                    int(counted.given[at]),
                    int(counted.given[at]) - left,
                    left,
                    int(np.count_nonzero((counted.in_list[:, at] > 0) & ~annotated)),
                    int(counted.universe_size[u]),
                    int(size.size),
                    small,
                    large,
                    int(size.size) - small - large if left else 0,
                )
            )
    return pl.DataFrame(rows, schema=FAMILIES_SCHEMA, orient="row").sort("list_id", "collection")


class SetLayout(NamedTuple):
    """Gene sets as integers: set s holds genes[offsets[s]:offsets[s + 1]], ascending, without repeats.

    `terms` (collection, term_id, term) has one row per set, also for sets of which no gene is among the numbered ones;
    `collections` are sorted, `collection_of_set` numbers them.
    """

    terms: pl.DataFrame
    collections: list[str]
    collection_of_set: np.ndarray
    offsets: np.ndarray
    genes: np.ndarray


class _Counted:
    """Lists, sets and universes as integers. Genes are numbered in alphabetical order."""

    gene_names: pl.Series
    list_ids: list[str]
    sets: SetLayout
    in_list: np.ndarray
    given: np.ndarray
    list_size: np.ndarray
    universe_of_list: np.ndarray
    universe_size: np.ndarray
    overlap: np.ndarray
    set_size: np.ndarray


def _count(lists: pl.DataFrame, gene_sets: pl.DataFrame, universe: Universe | Mapping[str, Universe]) -> _Counted:
    from resistance_assets.science.statistics.kernels.hypergeometric import count_overlaps

    _require_columns(lists, ("list_id", "hgnc_symbol"), "gene lists")
    out = _Counted()
    members = lists.select(pl.col("list_id", "hgnc_symbol").cast(pl.String)).drop_nulls().unique()
    out.list_ids = sorted(
        set(members["list_id"].unique()) | (set(universe) if isinstance(universe, Mapping) else set())
    )

    # Lists that share a universe object share its column.
    columns: dict[int, int] = {}
    universes: list[pl.Series] = []
    out.universe_of_list = np.zeros(len(out.list_ids), dtype=np.int64)
    for at, list_id in enumerate(out.list_ids):
        if isinstance(universe, Mapping) and list_id not in universe:
            raise DesignFault(
                "the list has no universe",
                subject=f"gene list {list_id}",
                expected="the genes that could have been in it",
                remedy="Declare a universe for it.",
            )
        given = universe[list_id] if isinstance(universe, Mapping) else universe
        if id(given) not in columns:
            columns[id(given)] = len(universes)
            series = given.cast(pl.String) if isinstance(given, pl.Series) else pl.Series(list(given), dtype=pl.String)
            series = series.drop_nulls().unique()
            if series.len() == 0:
                raise DesignFault(
                    "the universe is empty",
                    subject=f"gene list {list_id}",
                    remedy="Give the genes that could have been in the list.",
                )
            universes.append(series)
        out.universe_of_list[at] = columns[id(given)]
    out.gene_names = (
        pl.concat([u.alias("hgnc_symbol") for u in universes]).unique().sort()
        if universes
        else pl.Series("hgnc_symbol", [], dtype=pl.String)
    )
    numbers = out.gene_names.to_frame("hgnc_symbol").with_row_index("gene")
    genes = out.gene_names.len()

    in_universe = np.zeros((genes, max(1, len(universes))), dtype=np.uint8)
    for at, series in enumerate(universes):
        in_universe[_numbers_of(series, numbers), at] = 1
    out.universe_size = in_universe.sum(axis=0, dtype=np.int64)

    position = pl.DataFrame({"list_id": out.list_ids}, schema={"list_id": pl.String}).with_row_index("at")
    placed = members.join(position, on="list_id")
    out.given = np.bincount(placed["at"].to_numpy(), minlength=len(out.list_ids))
    out.in_list = np.zeros((genes, len(out.list_ids)), dtype=np.uint8)
    inside = placed.join(numbers, on="hgnc_symbol")
    out.in_list[inside["gene"].to_numpy(), inside["at"].to_numpy()] = 1
    out.in_list &= in_universe[:, out.universe_of_list] if universes else 0
    out.list_size = out.in_list.sum(axis=0, dtype=np.int64)

    out.sets = lay_out_sets(gene_sets, out.gene_names)
    out.overlap, out.set_size = count_overlaps(out.sets.offsets, out.sets.genes, out.in_list, in_universe)
    return out


def lay_out_sets(gene_sets: pl.DataFrame, gene_names: pl.Series) -> SetLayout:
    """Number the members of gene sets by their place in `gene_names` (distinct); other genes are left out.

    Args:
        gene_sets: `collection`, `term_id`, `term`, `hgnc_symbol`, one row per member.
        gene_names: symbols, in the order that shall number them.

    Raises:
        DataFault: a column is missing, or a term id has two names.
    """
    _require_columns(gene_sets, ("collection", "term_id", "term", "hgnc_symbol"), "gene sets")
    text = gene_sets.lazy().select(pl.col("collection", "term_id", "term", "hgnc_symbol").cast(pl.String))
    terms = text.select("collection", "term_id", "term").unique().sort("collection", "term_id").collect()
    repeated = terms.filter(terms.select(pl.struct("collection", "term_id").is_duplicated()).to_series())
    if repeated.height:
        raise DataFault(
            "one term id has two names",
            subject=f"gene-set collection {repeated['collection'][0]}",
            place=f"term {repeated['term_id'][0]}",
            expected="one name per term id",
            remedy="Read the collection again, or give the terms distinct ids.",
        )
    collections = terms["collection"].unique().sort()
    width = max(1, gene_names.len())
    membership = (
        text.join(gene_names.to_frame("hgnc_symbol").with_row_index("gene").lazy(), on="hgnc_symbol")
        .join(terms.lazy().select("collection", "term_id").with_row_index("set"), on=["collection", "term_id"])
        .select((pl.col("set").cast(pl.Int64) * width + pl.col("gene").cast(pl.Int64)).alias("pair"))
        .unique()
        .sort("pair")
        .collect()["pair"]
        .to_numpy()
    )
    return SetLayout(
        terms=terms,
        collections=collections.to_list(),
        collection_of_set=collections.search_sorted(terms["collection"]).to_numpy().astype(np.int64),
        offsets=np.searchsorted(membership // width, np.arange(terms.height + 1)),
        genes=membership % width,
    )


def _numbers_of(series: pl.Series, numbers: pl.DataFrame) -> np.ndarray:
    return series.to_frame("hgnc_symbol").join(numbers, on="hgnc_symbol")["gene"].to_numpy()


def _overlap_genes(counted: _Counted, at_list: np.ndarray, at_set: np.ndarray) -> pl.Series:
    """Names of the overlapping genes per (list, set), sorted (gene numbers already are), joined by commas."""
    from resistance_assets.science.statistics.kernels.hypergeometric import gather_overlaps

    offsets, genes = gather_overlaps(
        counted.sets.offsets, counted.sets.genes, counted.in_list, at_list, at_set, counted.overlap
    )
    names = counted.gene_names.gather(genes).to_arrow()
    nested = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), names)
    joined = pl.from_arrow(nested)
    assert isinstance(joined, pl.Series)
    return joined.list.join(",")


def reduce_redundancy(
    terms: pl.DataFrame,
    *,
    gene_sets: pl.DataFrame | None = None,
    parents: pl.DataFrame | None = None,
    measure: Literal["overlap_coefficient", "jaccard"] = "jaccard",
    threshold: float = 0.5,
    p_value_below: float = 0.05,
) -> pl.DataFrame:
    """Name for each term the one that speaks for it, so that thirty lines show thirty findings, not thirty wordings.

    Within a list x collection the terms are taken in order of p-value (then term id); each joins the first earlier
    representative that it resembles, or becomes one. Two terms resemble each other if the similarity of their genes
    reaches the threshold, or if one is an ancestor of the other. Nothing is dropped and no p-value changes.

    Args:
        terms: rows of `over_representation` (needs `list_id`, `collection`, `term_id`, `p_value`, `genes`).
        gene_sets: the sets; compared are then whole sets, otherwise only the genes that each shares with the list.
        parents: `term_id`, `parent_term_id`; direct parents suffice.
        measure: shared genes over the smaller ("overlap_coefficient") or over the union ("jaccard").
        threshold: resemblance from here on.
        p_value_below: terms at or above represent themselves, which keeps the comparison small.

    Returns:
        `terms`, same rows and order, with `representative_term_id` (a representative's own id on itself).
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must lie in (0, 1], got {threshold}")
    _require_columns(terms, ("list_id", "collection", "term_id", "p_value", "genes"), "terms")
    whole: dict[tuple[str, str], frozenset[str]] = {}
    if gene_sets is not None:
        for collection, term_id, genes in (
            gene_sets.group_by("collection", "term_id").agg(pl.col("hgnc_symbol").unique()).iter_rows()
        ):
            whole[(collection, term_id)] = frozenset(genes)
    ancestors = _ancestors(parents, terms["term_id"].unique()) if parents is not None else {}

    representative = terms["term_id"].to_list()
    ranked = (
        terms.select("list_id", "collection", "term_id", "p_value", "genes")
        .with_row_index("row")
        .filter((pl.col("p_value") < p_value_below) & (pl.col("genes") != ""))
        .sort("list_id", "collection", "p_value", "term_id")
    )
    for (_, collection), group in ranked.group_by(["list_id", "collection"], maintain_order=True):
        chosen: list[tuple[str, frozenset[str]]] = []
        of_gene: dict[str, list[int]] = {}
        chosen_at: dict[str, int] = {}
        first_below: dict[str, int] = {}  # term -> the first representative that is a descendant of it
        for row, term_id, genes in group.select("row", "term_id", "genes").iter_rows():
            members = whole.get((str(collection), term_id)) or frozenset(genes.split(","))
            shared: dict[int, int] = {}
            for gene in members:
                for at in of_gene.get(gene, ()):
                    shared[at] = shared.get(at, 0) + 1
            alike = []
            for at, common in shared.items():
                other = len(chosen[at][1])
                if measure == "jaccard":
                    base = len(members) + other - common
                else:
                    base = min(len(members), other)
                if common >= threshold * base:
                    alike.append(at)
            mine = ancestors.get(term_id, frozenset())
            alike += [chosen_at[name] for name in mine if name in chosen_at]
            alike += [first_below[term_id]] if term_id in first_below else []
            if alike:
                representative[row] = chosen[min(alike)][0]
                continue
            chosen_at[term_id] = len(chosen)
            for name in mine:
                first_below.setdefault(name, len(chosen))
            for gene in members:
                of_gene.setdefault(gene, []).append(len(chosen))
            chosen.append((term_id, members))
    return terms.with_columns(pl.Series("representative_term_id", representative, dtype=pl.String))


def _ancestors(parents: pl.DataFrame, wanted: pl.Series) -> dict[str, frozenset[str]]:
    """Ancestors of the wanted terms that have any."""
    direct: dict[str, set[str]] = {}
    for child, parent in parents.select("term_id", "parent_term_id").drop_nulls().iter_rows():
        direct.setdefault(child, set()).add(parent)
    closed: dict[str, frozenset[str]] = {}
    for child in (term for term in wanted if term in direct):
        seen: set[str] = set()
        waiting = [child]
        while waiting:
            for parent in direct.get(waiting.pop(), ()):
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        closed[child] = frozenset(seen - {child})
    return closed


def flag_circularity(terms: pl.DataFrame, declared: pl.DataFrame) -> pl.DataFrame:
    """Mark tests whose outcome was decided when the list was chosen.

    A list of chemokines is enriched in "chemokine activity" whatever the biology. Which pairs are so is declared, not
    guessed; a marked test keeps its p-value, and stays in its family, but is no evidence.

    Args:
        terms: has `list_id`, `term_id`, `term`, and `collection` where known.
        declared: `list_pattern`, `term_pattern`, `reason`; shell patterns (`*`, `?`, `[...]`), case ignored. The term
            pattern is held against `term_id`, `term` and "collection:term_id".

    Returns:
        `terms` with `is_circular` (Boolean) and `circularity_reason` (reasons joined by "; ", null where not circular).
    """
    _require_columns(declared, ("list_pattern", "term_pattern", "reason"), "declared circularity")
    _require_columns(terms, ("list_id", "term_id", "term"), "terms")
    collection = pl.col("collection") if "collection" in terms.columns else pl.lit("")
    reasons = []
    for list_pattern, term_pattern, reason in declared.select("list_pattern", "term_pattern", "reason").iter_rows():
        in_list = pl.col("list_id").str.contains(_as_regex(list_pattern))
        pattern = _as_regex(term_pattern)
        in_term = (
            pl.col("term_id").str.contains(pattern)
            | pl.col("term").str.contains(pattern)
            | pl.concat_str(collection, pl.lit(":"), pl.col("term_id")).str.contains(pattern)
        )
        reasons.append(pl.when(in_list & in_term).then(pl.lit(reason)))
    if not reasons:
        return terms.with_columns(is_circular=pl.lit(False), circularity_reason=pl.lit(None, dtype=pl.String))
    told = pl.concat_list(reasons).list.drop_nulls().list.unique(maintain_order=True).list.join("; ").replace("", None)
    return (
        terms.with_columns(circularity_reason=told)
        .with_columns(is_circular=pl.col("circularity_reason").is_not_null())
        .select(*terms.columns, "is_circular", "circularity_reason")
    )


def _as_regex(pattern: str) -> str:
    # fnmatch writes Python's end anchor, which the Rust engine of polars spells \z, and atomic groups, which it lacks.
    body = translate(pattern)
    for ending in (r"\Z", r"\z"):
        body = body.removesuffix(ending)
    return "^(?i)" + body.replace("(?>", "(?:") + r"\z"


def _require_columns(frame: pl.DataFrame, needed: tuple[str, ...], subject: str) -> None:
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise DataFault(
            f"column {missing[0]} is missing",
            subject=f"table of {subject}",
            expected=", ".join(needed),
            remedy="Name the columns so.",
        )
