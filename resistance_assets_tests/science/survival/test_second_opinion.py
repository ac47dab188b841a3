"""lifelines fits the same genes; a difference is seen and named."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.defs.second_opinion_checks import check_second_opinion
from resistance_assets.science.survival.accelerated_failure_time import fit_time_ratios
from resistance_assets.science.survival.competing_risks import aalen_johansen
from resistance_assets.science.survival.screen import screen_survival
from resistance_assets.science.survival.second_opinion import (
    compare_incidence_with_lifelines,
    compare_time_ratios_with_lifelines,
    compare_with_lifelines,
    draw_genes,
)
from resistance_assets_tests.science.survival.goldens import read_lung_cohort


@pytest.fixture(scope="module")
def compared(goldens):
    lung = read_lung_cohort(goldens)
    genes = draw_genes(lung.genes, ["CCL20", "AXL"], 4, seed=1)
    x = lung.rows(genes)
    x[0, :5] = np.nan
    event = lung.event.astype(float)
    return compare_with_lifelines(screen_survival(x, lung.time, event, genes), x, genes, lung.time, event)


@pytest.mark.slow
def test_real_genes_agree(compared):
    assert compared["hgnc_symbol"].n_unique() == 6
    assert set(compared["quantity"]) == {"log_hazard_ratio_per_sd", "logrank_chi2", "survival_high", "survival_low"}
    assert compared["agrees"].all(), compared.filter(~pl.col("agrees"))
    passed, told = check_second_opinion(compared)
    assert passed
    assert told == "6 genes fitted again by lifelines agree in 24 numbers"


@pytest.mark.slow
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


@pytest.mark.slow
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


CAUSES = {1: "disease", 2: "other"}


@pytest.fixture(scope="module")
def tied_causes():
    """Whole months, so that events of both causes and censorings share most of them; one patient without a cause."""
    rng = np.random.default_rng(9)
    time, cause = np.floor(rng.exponential(15, 200)), rng.choice([0.0, 1.0, 2.0], 200, p=[0.4, 0.4, 0.2])
    cause[7] = np.nan
    is_high = rng.random(200) < 0.5
    groups = {"AXL": {"all": np.ones(200, bool), "high": is_high, "low": ~is_high}}
    stored = pl.concat(
        aalen_johansen(time[members], cause[members]).with_columns(
            hgnc_symbol=pl.lit("AXL"),
            expression_group=pl.lit(name),
            cause=pl.col("cause").replace_strict(CAUSES, return_dtype=pl.String),
        )
        for name, members in groups["AXL"].items()
    )
    return stored, groups, time, cause


def test_cumulative_incidences_of_tied_times_agree(tied_causes):
    found = compare_incidence_with_lifelines(*tied_causes, CAUSES)
    assert sorted(found["quantity"]) == sorted(
        f"incidence_{cause}_{group}" for cause in ("disease", "other") for group in ("all", "high", "low")
    )
    assert found["difference"].max() < 1e-12


def test_a_wrong_incidence_and_one_that_was_not_stored_are_named(tied_causes):
    stored, *rest = tied_causes
    is_bent = (pl.col("expression_group") == "high") & (pl.col("cause") == "other")
    bent = stored.with_columns(cumulative_incidence=pl.col("cumulative_incidence") + is_bent.cast(pl.Float64) * 1e-8)
    passed, told = check_second_opinion(compare_incidence_with_lifelines(bent, *rest, CAUSES))
    assert not passed
    assert told.startswith("1 of 1 genes differ: AXL incidence_other_high")
    assert told.count("AXL") == 1
    lost = stored.filter(~is_bent)
    passed, told = check_second_opinion(compare_incidence_with_lifelines(lost, *rest, CAUSES))
    assert not passed
    assert "AXL incidence_other_high: nan here" in told


@pytest.mark.slow
def test_time_ratios_of_real_genes_agree_and_a_bent_one_is_named(goldens):
    lung = read_lung_cohort(goldens)
    genes, event = ["AXL", "CCL20"], lung.event.astype(float)
    stored = pl.concat(
        fit_time_ratios(values, lung.time, event).with_columns(hgnc_symbol=pl.lit(gene))
        for gene, values in zip(genes, lung.rows(genes), strict=True)
    )
    found = compare_time_ratios_with_lifelines(stored, lung.rows(genes), genes, lung.time, event)
    assert check_second_opinion(found) == (True, "2 genes fitted again by lifelines agree in 8 numbers")
    is_bent = (pl.col("hgnc_symbol") == "CCL20") & (pl.col("distribution") == "loglogistic")
    for name, step in (("log_time_ratio_per_sd", 1e-3 * pl.col("standard_error")), ("aic", pl.lit(2e-3))):
        bent = stored.with_columns(pl.when(is_bent).then(pl.col(name) + step).otherwise(name).alias(name))
        again = compare_time_ratios_with_lifelines(bent, lung.rows(genes), genes, lung.time, event)
        passed, told = check_second_opinion(again)
        assert not passed
        assert told.startswith(f"1 of 2 genes differ: CCL20 {name}_loglogistic")
