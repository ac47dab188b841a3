"""Time ratios beside R's survreg (`numbers/aft_genes`) and lifelines.

Tolerances of `numbers/README`: coefficient 1e-4 of its standard error, log-likelihood 1e-4, AIC 1e-3 (seen: 4e-8,
5e-10, 5e-9). lifelines stops earlier: a hundredth of a standard error.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.errors import DesignFault
from resistance_assets.science.survival.accelerated_failure_time import DISTRIBUTIONS, fit_time_ratios
from resistance_assets_tests.science.survival.goldens import read_lung_cohort, read_table


@pytest.mark.slow
def test_time_ratios_of_r(goldens):
    lung = read_lung_cohort(goldens)
    theirs = read_table(goldens / "numbers/aft_genes.tsv.gz")
    genes = theirs["gene"].unique(maintain_order=True).to_list()
    assert len(genes) == 9
    for gene, values in zip(genes, lung.rows(genes), strict=True):
        ours = fit_time_ratios(values, lung.time, lung.event, DISTRIBUTIONS)
        for row in ours.iter_rows(named=True):
            r = theirs.row(
                by_predicate=(pl.col("gene") == gene) & (pl.col("distribution") == row["distribution"]), named=True
            )
            assert row["n"] == r["n"]
            assert abs(row["log_time_ratio_per_sd"] - r["coef_log_time"]) <= 1e-4 * r["se"]
            assert row["standard_error"] == pytest.approx(r["se"], rel=1e-4)
            assert row["scale"] == pytest.approx(r["scale"], rel=1e-4)
            assert row["log_likelihood"] == pytest.approx(r["loglik"], abs=1e-4)
            assert row["aic"] == pytest.approx(r["aic"], abs=1e-3)
            assert row["p_likelihood_ratio"] == pytest.approx(r["lrt_p"], rel=1e-4)
        assert ours.filter("is_best_aic")["distribution"].to_list() == ["loglogistic"]


def test_the_fits_of_lifelines():
    import pandas as pd
    from lifelines import LogLogisticAFTFitter, WeibullAFTFitter

    rng = np.random.default_rng(3)
    x = rng.normal(size=200)
    time, event = rng.weibull(1.4, 200) * np.exp(2 + 0.4 * x), rng.random(200) < 0.7
    ours = fit_time_ratios(x, time, event)
    frame = pd.DataFrame({"x": (x - x.mean()) / x.std(ddof=1), "time": time, "event": event.astype(int)})
    for row, fitter, name in zip(
        ours.iter_rows(named=True), (WeibullAFTFitter(), LogLogisticAFTFitter()), ("lambda_", "alpha_"), strict=True
    ):
        fitter.fit(frame, "time", "event")
        error = fitter.standard_errors_[name]["x"]
        assert abs(row["log_time_ratio_per_sd"] - fitter.params_[name]["x"]) <= 1e-2 * error
        assert row["log_likelihood"] == pytest.approx(fitter.log_likelihood_, abs=1e-3)


def test_a_time_of_zero_is_left_out_and_counted():
    rng = np.random.default_rng(4)
    time = np.concatenate([[0.0, 0.0], rng.exponential(10, 50)])
    row = fit_time_ratios(rng.normal(size=52), time, np.ones(52)).row(0, named=True)
    assert (row["n"], row["n_left_out"]) == (50, 2)


def test_a_gene_that_does_not_vary_has_no_time_ratio():
    with pytest.raises(DesignFault, match="the same in all patients"):
        fit_time_ratios(np.ones(10), np.arange(1.0, 11), np.ones(10))
