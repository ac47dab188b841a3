"""Which lists meet, and in which universe."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.models.gene_list import DeclaredIntersection
from resistance_assets.defs.core.intersections import Universes, named_intersections

LISTS = pl.DataFrame(
    [("a__limma__up", "contrast"), ("b__limma__up", "contrast"), ("pool", "cancer_genes")],
    schema=["list_id", "role"],
    orient="row",
)
MEMBERS = pl.DataFrame({"list_id": ["pool"] * 2, "hgnc_symbol": ["AXL", "MET"]})


def universes() -> Universes:
    return Universes({"a__limma": pl.Series(["AXL", "MET", "KIT"]), "b__limma": pl.Series(["AXL", "KIT", "JUN"])})


def found(universe: str, *lists: str) -> list[list[str]]:
    known = universes()
    declared = [DeclaredIntersection(id="x", title="x", lists=lists, universe=universe)]
    return [sorted(known[name]) for _, _, name in named_intersections(LISTS, MEMBERS, declared, known)]


def test_the_universe_is_what_every_contrast_tested_or_a_pool_or_one_contrast():
    both = ("a__limma__up", "b__limma__up")
    assert found("tested", *both) == [["AXL", "KIT"]]
    assert found("tested", *both, "pool") == [["AXL", "KIT"]]
    assert found("pool", *both) == [["AXL", "MET"]]
    assert found("b__limma", *both) == [["AXL", "JUN", "KIT"]]


def test_lists_or_universes_that_are_not_loaded_are_left_out():
    assert found("tested", "a__limma__up", "c__limma__up") == []
    assert found("c__limma", "a__limma__up", "b__limma__up") == []
