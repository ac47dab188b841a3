"""lifelines fits the same genes; a difference is seen and named."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.defs.second_opinion_checks import check_second_opinion
from resistance_assets.science.survival.screen import screen_survival
from resistance_assets.science.survival.second_opinion import compare_with_lifelines, draw_genes
from resistance_assets_tests.science.survival.goldens import read_lung_cohort


@pytest.fixture(scope="module")
def compared(goldens):
    lung = read_lung_cohort(goldens)
    genes = draw_genes(lung.genes, ["CCL20", "AXL"], 4, seed=1)
    x = lung.rows(genes)
    x[0, :5] = np.nan
    event = lung.event.astype(float)
    return compare_with_lifelines(screen_survival(x, lung.time, event, genes), x, genes, lung.time, event)


def test_real_genes_agree(compared):
    assert compared["hgnc_symbol"].n_unique() == 6
    assert set(compared["quantity"]) == {"log_hazard_ratio_per_sd", "logrank_chi2", "survival_high", "survival_low"}
    assert compared["agrees"].all(), compared.filter(~pl.col("agrees"))
    passed, told = check_second_opinion(compared)
    assert passed
    assert told == "6 genes fitted again by lifelines agree in 24 numbers"


@pytest.mark.parametrize(
    ("bent", "quantity"),
    [
        (pl.col("log_hazard_ratio") + 1e-3 * pl.col("standard_error"), "log_hazard_ratio_per_sd"),
        (pl.col("logrank_chi2") * (1 + 1e-8), "logrank_chi2"),
    ],
)
def test_a_wrong_number_in_the_stored_screen_fails_and_names_the_gene(goldens, bent, quantity):
    lung = read_lung_cohort(goldens)
    genes, event = ["AXL", "CCL20"], lung.event.astype(float)
    screen = screen_survival(lung.rows(genes), lung.time, event, genes)
    name = bent.meta.root_names()[0]
    wrong = screen.with_columns(pl.when(pl.col("hgnc_symbol") == "AXL").then(bent).otherwise(pl.col(name)).alias(name))
    for stored, is_right in ((screen, True), (wrong, False)):
        found = compare_with_lifelines(stored, lung.rows(genes), genes, lung.time, event)
        passed, told = check_second_opinion(found)
        assert passed is is_right
    assert told.startswith(f"1 of 2 genes differ: AXL {quantity}")


def test_a_statistic_that_was_not_stored_is_no_agreement(goldens):
    lung = read_lung_cohort(goldens)
    event = lung.event.astype(float)
    screen = screen_survival(lung.rows(["AXL"]), lung.time, event, ["AXL"])
    lost = screen.with_columns(logrank_chi2=pl.lit(None, pl.Float64))
    passed, told = check_second_opinion(compare_with_lifelines(lost, lung.rows(["AXL"]), ["AXL"], lung.time, event))
    assert not passed
    assert "logrank_chi2: nan here" in told


def test_the_draw_depends_on_the_seed_alone():
    genes = [f"G{k}" for k in range(100)]
    assert draw_genes(genes, ["G5", "ABSENT"], 30, 7) == draw_genes(genes[::-1], ["G5"], 30, 7)
    assert len(draw_genes(genes, ["G5"], 30, 7)) == 31
    assert draw_genes(genes[:3], [], 30, 7) == ["G0", "G1", "G2"]
