"""lifelines fits the same genes; a difference is seen and named."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.defs.second_opinion_checks import judge_second_opinion
from resistance_assets.science.survival import second_opinion
from resistance_assets.science.survival.second_opinion import compare_with_lifelines, draw_genes
from resistance_assets_tests.science.survival.goldens import read_lung_cohort


@pytest.fixture(scope="module")
def compared(goldens):
    lung = read_lung_cohort(goldens)
    genes = draw_genes(lung.genes, ["CCL20", "AXL"], 4, seed=1)
    x = lung.rows(genes)
    x[0, :5] = np.nan
    return compare_with_lifelines(x, genes, lung.time, lung.event.astype(float))


def test_real_genes_agree(compared):
    assert compared["hgnc_symbol"].n_unique() == 6
    assert set(compared["quantity"]) == {"log_hazard_ratio_per_sd", "logrank_chi2", "survival_high", "survival_low"}
    assert compared["agrees"].all(), compared.filter(~pl.col("agrees"))
    passed, told = judge_second_opinion(compared)
    assert passed
    assert told == "6 genes fitted again by lifelines agree in 24 numbers"


def test_a_wrong_number_fails_and_names_the_gene(goldens, monkeypatch):
    lung = read_lung_cohort(goldens)
    right = second_opinion.screen_cox

    def wrong(*data):
        return right(*data).with_columns(
            log_hazard_ratio=pl.when(pl.col("hgnc_symbol") == "AXL")
            .then(pl.col("log_hazard_ratio") + 1e-3 * pl.col("standard_error"))
            .otherwise(pl.col("log_hazard_ratio"))
        )

    monkeypatch.setattr(second_opinion, "screen_cox", wrong)
    genes = ["AXL", "CCL20"]
    found = compare_with_lifelines(lung.rows(genes), genes, lung.time, lung.event.astype(float))
    passed, told = judge_second_opinion(found)
    assert not passed
    assert told.startswith("1 of 2 genes differ: AXL log_hazard_ratio_per_sd")


def test_the_draw_depends_on_the_seed_alone():
    genes = [f"G{k}" for k in range(100)]
    assert draw_genes(genes, ["G5", "ABSENT"], 30, 7) == draw_genes(genes[::-1], ["G5"], 30, 7)
    assert len(draw_genes(genes, ["G5"], 30, 7)) == 31
    assert draw_genes(genes[:3], [], 30, 7) == ["G0", "G1", "G2"]
