"""Properties of survival that hold on any data: probabilities within 0 and 1, and no dependence on units."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from resistance_assets.science.survival.competing_risks import aalen_johansen
from resistance_assets.science.survival.cox import fit_cox
from resistance_assets.science.survival.curves import kaplan_meier
from resistance_assets.science.survival.screen import screen_cox, screen_median_split

PATIENTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.integers(-9, 9)), min_size=2, max_size=40)


def check_probabilities(frame: pl.DataFrame, *names: str) -> None:
    for name in names:
        values = frame[name].drop_nulls()
        assert values.is_finite().all(), name
        assert values.is_between(0.0, 1.0).all(), (name, values.to_list())


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(patients=PATIENTS)
def test_curves_incidences_and_concordance_are_probabilities(patients):
    time, cause, x = np.array(patients, dtype=float).T
    event = (cause > 0).astype(float)
    curve = kaplan_meier(time, event)
    limits = [f"ci_{side}_{scale}" for side in ("lower", "upper") for scale in ("log", "log_log")]
    check_probabilities(curve, "survival", *limits)
    assert curve["survival"].is_sorted(descending=True)
    assume(event.any())
    incidence = aalen_johansen(time, cause)
    check_probabilities(incidence, "cumulative_incidence", "one_minus_kaplan_meier", "ci_lower", "ci_upper")
    for screen in (screen_cox, screen_median_split):
        found = screen(x[None, :], time, event, ["G"])
        check_probabilities(found, "concordance", "p_value", "p_likelihood_ratio", "p_score")


@settings(deadline=None, max_examples=25)
@given(shift=st.floats(-1e4, 1e4), scale=st.floats(1e-3, 1e3))
def test_models_beside_a_covariate_do_not_depend_on_its_unit_or_origin(shift, scale):
    rng = np.random.default_rng(8)
    age, x = rng.normal(65, 9, 80).round(1), rng.normal(size=80)
    time, event = rng.exponential(20, 80), rng.integers(0, 2, 80).astype(float)

    def fits(years: np.ndarray) -> tuple[list[float], list[float]]:
        single = fit_cox({"expression": x, "age": years}, time, event).terms.row(0, named=True)
        screened = screen_cox(x[None, :], time, event, ["G"], covariates=years[:, None]).row(0, named=True)
        names = ("log_hazard_ratio", "standard_error", "p_likelihood_ratio")
        return [single[name] for name in names], [screened[name] for name in names]

    for moved, plain in zip(fits((age + shift) * scale), fits(age), strict=True):
        assert moved == pytest.approx(plain, rel=1e-6)
