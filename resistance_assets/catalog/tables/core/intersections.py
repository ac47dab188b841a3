"""Models of core.intersections__*: intersections of gene lists."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.tables.model import TableModel, col, table
from resistance_assets.catalog.tables.shared_columns import MEMBER, P_CHECK, UNIVERSE


@table(
    "core.intersections__sets",
    grain="one row per intersection of lists",
    key=("intersection_id",),
    limitation="a small p-value says that lists overlap beyond chance, not why",
)
class Intersections(TableModel):
    """Overlaps of gene lists beside what chance would give in the stated universe."""

    intersection_id: pl.String = col("the lists, joined by __and__, or the declared id", of=MEMBER)
    title: pl.String = col("of a declared intersection", of="source", null=True)
    list_ids: pl.String = col("the lists, joined by |", of=MEMBER)
    n_lists: pl.Int64 = col("lists", of=MEMBER, ge=2)
    universe_id: pl.String = col("what the universe is", of=UNIVERSE)
    universe_size: pl.Int64 = col("genes that could have been in every list", unit="genes", of=UNIVERSE, ge=0)
    sizes_in_universe: pl.String = col("sizes of the lists within the universe, joined by |", unit="genes", of=MEMBER)
    n_outside_universe: pl.Int64 = col("list members outside the universe, not counted", unit="genes", of=MEMBER, ge=0)
    size: pl.Int64 = col("genes in all lists", unit="genes", of=MEMBER, ge=0)
    expected_by_chance: pl.Float64 = col(
        "expected size if the lists were independent", unit="genes", null=True, of=MEMBER, ge=0
    )
    fold_over_chance: pl.Float64 = col("size over expected", null=True, of=MEMBER, ge=0)
    p_value: pl.Float64 = col("upper tail", null=True, of=MEMBER, **P_CHECK)
    p_value_method: pl.String = col("hypergeometric or permutation", null=True, of=MEMBER)
    permutations: pl.Int64 = col("rounds of the permutation null; null for two lists", null=True, of="source", ge=1)
    seed: pl.Int64 = col("of the permutation null; null for two lists", null=True, of="source")
    p_value_exact: pl.Float64 = col(
        "the null summed exactly, without a floor; equals p_value for two lists", null=True, of=MEMBER, **P_CHECK
    )
    q_value_bh: pl.Float64 = col("Benjamini-Hochberg over all intersections", null=True, of=MEMBER, **P_CHECK)
    n_same_direction: pl.Int64 = col(
        "shared genes with one direction in every list; null where a list states none",
        unit="genes",
        null=True,
        of="core.gene_lists__members.direction",
        ge=0,
    )
    genes: pl.String = col("members, sorted, joined by a comma", null=True, of=MEMBER)


@table(
    "core.intersections__upset",
    grain="one row per family of lists and combination of them that some gene has exclusively",
    key=("family_id", "combination_id"),
    limitation="an exclusive size depends on which lists the family holds",
)
class IntersectionsUpset(TableModel):
    """Every combination of the lists of a family, as an UpSet plot shows them."""

    family_id: pl.String = col("family of the catalog", of="source")
    combination_id: pl.String = col("the lists, joined by &", of=MEMBER)
    list_ids: pl.String = col("the lists, joined by |", of=MEMBER)
    degree: pl.Int64 = col("lists of the combination", of=MEMBER, ge=1)
    exclusive_size: pl.Int64 = col("genes on these lists and on no other", unit="genes", of=MEMBER, ge=1)
    inclusive_size: pl.Int64 = col("genes on these lists, whatever others", unit="genes", of=MEMBER, ge=1)
    universe_id: pl.String = col("genes to which the lists were restricted; null for none", null=True, of=UNIVERSE)
    genes: pl.String = col("of the exclusive part, sorted, joined by a comma", of=MEMBER)
