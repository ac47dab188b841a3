"""What lists share is tested for enriched terms, whatever kind of intersection it is."""

from __future__ import annotations

import polars as pl

from resistance_assets.defs.core.enrichment import LEAST_SHARED_GENES, shared_members
from resistance_assets_tests.warehouse_runs import ask


def test_every_intersection_of_enough_genes_is_tested_in_its_own_universe():
    genes = ",".join(f"G{at}" for at in range(LEAST_SHARED_GENES))
    rows = [
        {"intersection_id": "pair", "n_lists": 2, "size": LEAST_SHARED_GENES, "genes": genes, "universe_id": "a and b"},
        {"intersection_id": "named", "n_lists": 3, "size": LEAST_SHARED_GENES, "genes": genes, "universe_id": "a"},
        {"intersection_id": "small", "n_lists": 2, "size": 1, "genes": "G0", "universe_id": "a"},
    ]
    found = shared_members(pl.DataFrame(rows))
    assert found.group_by("list_id", "universe_id").len().sort("list_id").rows() == [
        ("named", "a", LEAST_SHARED_GENES),
        ("pair", "a and b", LEAST_SHARED_GENES),
    ]


def test_overlaps_of_two_contrasts_have_terms_and_state_their_universe(demo_place):
    pairs = ask(
        demo_place / "data",
        """
        SELECT s.intersection_id, s.universe_size, min(t.universe_size) AS tested, count(*) AS terms
        FROM core.intersections__sets AS s
        INNER JOIN core.enrichment__terms AS t ON t.list_id = s.intersection_id
        WHERE s.universe_id LIKE '% and %'
        GROUP BY ALL
        """,
    )
    assert pairs.height > 0
    families = ask(
        demo_place / "data",
        """
        SELECT count(*) AS wrong FROM core.enrichment__families AS f
        INNER JOIN core.intersections__sets AS s ON s.intersection_id = f.list_id
        WHERE f.universe_id <> s.universe_id
        """,
    )
    assert families.item() == 0
