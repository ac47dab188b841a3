"""Running sums that are drawn: their peak is the enrichment score of the table, on the demo and by hand."""

from __future__ import annotations

import pytest

from resistance_assets.defs.core.gsea.running_sums import MOST_TERMS
from resistance_assets_tests.warehouse_runs import ask


@pytest.fixture(scope="module")
def sums(demo_place):
    return ask(
        demo_place / "data",
        """
        SELECT s.*, t.enrichment_score, t.n_ranked, t.set_size
        FROM core.gsea__running_sums AS s
        INNER JOIN core.gsea__terms AS t USING (contrast_id, method, collection, term_id)
        """,
    )


def test_the_peak_of_each_sum_is_its_enrichment_score(sums):
    assert sums.height > 0
    for _, one in sums.group_by("contrast_id", "method", "collection", "term_id"):
        score = one["enrichment_score"][0]
        peak = one["running_score"].max() if score > 0 else one["running_score"].min()
        # The same sums of doubles, of up to 20,000 terms, in another order.
        assert peak == pytest.approx(score, abs=1e-9)


def test_each_sum_begins_and_ends_at_zero_and_passes_every_gene_of_the_set(sums):
    for _, one in sums.sort("position").group_by("contrast_id", "method", "collection", "term_id", maintain_order=True):
        assert (one["position"][0], one["position"][-1]) == (0, one["n_ranked"][0])
        assert one["running_score"][0] == 0
        assert one["running_score"][-1] == pytest.approx(0, abs=1e-9)
        # Genes of equal metric are passed together, under one name.
        assert 0 < one["hgnc_symbol"].drop_nulls().len() <= one["set_size"][0]


def test_only_the_strongest_terms_of_a_ranking_are_kept(sums):
    terms = sums.select("contrast_id", "method", "collection", "term_id").unique()
    assert terms.group_by("contrast_id", "method").len()["len"].max() <= 2 * MOST_TERMS
