"""Models of core.enrichment__*: over-representation of gene sets."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import MEMBER, P_CHECK, SETS, UNIVERSE


@table(
    "core.enrichment__terms",
    grain="one row per list, collection and term tested",
    key=("list_id", "collection", "term_id"),
    limitation="terms of one collection share genes, so neighbouring rows are not independent findings",
)
class EnrichmentTerms(TableModel):
    """Over-representation of gene sets in lists, against the genes that were tested."""

    list_id: pl.String = col(
        "list, or the intersection of a list with a published one", of="core.gene_lists__members.list_id"
    )
    collection: pl.String = col("collection", of="staging.gene_sets__members.collection")
    term_id: pl.String = col("vendor's id, else the term", of="staging.gene_sets__members.term_id")
    term: pl.String = col("name of the set", of="staging.gene_sets__members.term")
    list_size: pl.Int64 = col("list members in the universe", unit="genes", of=MEMBER, ge=0)
    set_size: pl.Int64 = col("set members in the universe", unit="genes", of=SETS, ge=0)
    overlap: pl.Int64 = col("genes in both", unit="genes", of=SETS, ge=0)
    universe_size: pl.Int64 = col("genes tested", unit="genes", of=UNIVERSE, ge=0)
    expected_overlap: pl.Float64 = col("expected by chance", unit="genes", of=SETS, ge=0)
    fold_enrichment: pl.Float64 = col("overlap over expected", null=True, of=SETS, ge=0)
    odds_ratio: pl.Float64 = col("sample odds ratio; null where infinite", null=True, of=SETS, ge=0)
    p_value: pl.Float64 = col("hypergeometric upper tail", of=SETS, **P_CHECK)
    log_p: pl.Float64 = col("natural logarithm of p, finite where p underflows", unit="ln", of=SETS, le=0)
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg within list and collection", of=SETS, **P_CHECK)
    representative_term_id: pl.String = col(
        "term that speaks for this one in a short table: the first with similar genes; itself if none", of=SETS
    )
    is_circular: pl.Boolean = col("whether the list was chosen by what is tested here: then no evidence", of="source")
    circularity_reason: pl.String = col("why it is circular", null=True, of="source")
    genes: pl.String = col("genes in both, sorted, joined by a comma", null=True, of=SETS)


@table(
    "core.enrichment__families",
    grain="one row per list and collection",
    key=("list_id", "collection"),
    limitation="a gene in no set was not shown to do nothing: nobody annotated it",
)
class EnrichmentFamilies(TableModel):
    """What took part in each family of tests, and what fell out."""

    list_id: pl.String = col("list", of="core.gene_lists__members.list_id")
    collection: pl.String = col("collection", of="staging.gene_sets__members.collection")
    universe_id: pl.String = col("what the universe is", of=UNIVERSE)
    n_genes_given: pl.Int64 = col("members of the list", unit="genes", of=MEMBER, ge=0)
    n_outside_universe: pl.Int64 = col("of these, outside the universe", unit="genes", of=MEMBER, ge=0)
    list_size: pl.Int64 = col("left", unit="genes", of=MEMBER, ge=0)
    n_in_no_set: pl.Int64 = col("of those left, in no set of the collection", unit="genes", of=SETS, ge=0)
    universe_size: pl.Int64 = col("genes that could have been listed", unit="genes", of=UNIVERSE, ge=0)
    n_terms: pl.Int64 = col("terms of the collection", unit="terms", of=SETS, ge=0)
    n_terms_too_small: pl.Int64 = col("too few genes in the universe", unit="terms", of=SETS, ge=0)
    n_terms_too_large: pl.Int64 = col("too many genes in the universe", unit="terms", of=SETS, ge=0)
    n_tested: pl.Int64 = col("size of the family", unit="terms", of=SETS, ge=0)
