"""Robust standard errors where a patient has several rows.

Oracle: lifelines with `cluster_col` on times without ties, where it computes what R's coxph does; 1e-4 of the value.
"""

from __future__ import annotations

import numpy as np
import pytest

from resistance_assets.science.survival.cox import fit_cox, score_residuals
from resistance_assets.science.survival.follow_up import SortedCohort


def test_robust_standard_errors_of_lifelines():
    import pandas as pd
    from lifelines import CoxPHFitter

    rng = np.random.default_rng(11)
    n = 120
    x, age = rng.normal(size=n), rng.normal(60, 8, n)
    time, event = rng.permutation(np.arange(1.0, n + 1)), (rng.random(n) < 0.6).astype(float)
    patient = [f"P{k // 2}" for k in range(n)]
    model = fit_cox({"gene": x, "age": age}, time, event, cluster=patient)
    frame = pd.DataFrame({"gene": x, "age": age, "t": time, "e": event, "who": patient})
    fitted = CoxPHFitter().fit(frame, "t", "e", cluster_col="who", fit_options={"precision": 1e-10})
    for row in model.terms.iter_rows(named=True):
        assert row["log_hazard_ratio"] == pytest.approx(fitted.params_[row["term"]], rel=1e-4)
        assert row["standard_error"] == pytest.approx(fitted.standard_errors_[row["term"]], rel=1e-4)
    whole = model.model.row(0, named=True)
    assert whole["p_likelihood_ratio"] is None
    assert "robust" in whole["warning"]


def test_one_row_per_patient_is_the_plain_model():
    rng = np.random.default_rng(12)
    x, time, event = rng.normal(size=40), rng.exponential(9, 40), np.ones(40)
    plain, named = (fit_cox({"gene": x}, time, event, cluster=c) for c in (None, [f"P{k}" for k in range(40)]))
    assert plain.terms.equals(named.terms)
    assert named.model["p_likelihood_ratio"][0] is not None


@pytest.mark.parametrize("efron", [True, False])
def test_score_residuals_add_up_to_the_score(efron):
    rng = np.random.default_rng(13)
    time, event = np.round(rng.exponential(5, 60)), rng.integers(0, 2, 60)
    x = rng.normal(size=60)
    ties = "efron" if efron else "breslow"
    beta = fit_cox({"gene": x}, time, event, ties=ties).terms["log_hazard_ratio"].to_numpy()
    cohort = SortedCohort(time, event)
    residuals = score_residuals(x[cohort.order][:, None], beta, cohort, efron)
    # At the maximum the score is 0.
    assert residuals.sum() == pytest.approx(0.0, abs=1e-7)
