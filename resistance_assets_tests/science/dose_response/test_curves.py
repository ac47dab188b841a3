"""Properties of a fitted curve that need no reference: what it rests on, and what rounding must not decide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from resistance_assets.science.dose_response.curves import curve_at, fit_curve

DOSE = np.tile(np.concatenate([[0.0], np.geomspace(0.01, 20.0, 7)]), 3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["ll4", "ll3_top100"]))
def test_the_order_of_the_points_changes_nothing(seed, model):
    random = np.random.default_rng(seed)
    y = 10.0 + 90.0 / (1.0 + (DOSE / 0.7) ** 1.4) + random.normal(0.0, 3.0, len(DOSE))
    shuffled = random.permutation(len(DOSE))
    here, there = (fit_curve(DOSE[at], y[at], model=model) for at in (slice(None), shuffled))
    assert there.verdict == here.verdict
    assert there.rss == pytest.approx(here.rss, rel=1e-10)
    assert there.ic50_profile == pytest.approx(here.ic50_profile, rel=1e-5)
    assert there.ec50_profile == pytest.approx(here.ec50_profile, rel=1e-5)


def test_a_limit_of_the_profile_lies_where_the_likelihood_says():
    """By a search over hill and lower limit that knows nothing of variable projection."""
    y = 10.0 + 90.0 / (1.0 + (DOSE / 0.7) ** 1.4) + np.random.default_rng(3).normal(0.0, 3.0, len(DOSE))
    fit = fit_curve(DOSE, y, model="ll3_top100")
    used = DOSE > 0.0
    ln_dose, y = np.log(DOSE[used]), y[used]

    def held(ln_ec50: float) -> float:
        def rss(shape):
            curve = {"hill": np.exp(shape[0]), "lower": shape[1], "upper": 100.0, "ln_ec50": ln_ec50}
            return float(((y - curve_at(ln_dose, curve)) ** 2).sum())

        return optimize.minimize(rss, (np.log(fit.hill), fit.lower), method="BFGS").fun

    target = fit.rss * (1.0 + stats.f.ppf(0.95, 1, fit.df) / fit.df)
    for limit in fit.ec50_profile:
        assert held(np.log(limit)) == pytest.approx(target, rel=1e-6)


@pytest.mark.parametrize("power", [0.2, 0.9, 2.5])
def test_a_fall_without_a_plateau_is_followed_to_its_end(power):
    """Its best curve is the power law that the model tends to: no shape that stops on the way may pass for it."""
    random = np.random.default_rng(11)
    dose = np.tile(np.geomspace(0.01, 20.0, 7), 3)
    y = 100.0 - 60.0 * (dose / 20.0) ** power * (1.0 + 0.2 * np.log(dose / 20.0)) + random.normal(0.0, 1.0, len(dose))

    def of_power(exponent: float) -> float:
        x = (dose / 20.0) ** exponent
        return float(((100.0 - y - x * (x @ (100.0 - y)) / (x @ x)) ** 2).sum())

    best = min(of_power(exponent) for exponent in np.linspace(0.05, 4.0, 8000))
    fit = fit_curve(dose, y, model="ll3_top100")
    assert fit.rss <= best * (1.0 + 1e-6)
    assert 0.0 < fit.auc_fitted < 1.0
    assert fit.outlier_p > 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_rounding_does_not_decide_on_the_verdict_of_a_step(seed):
    """All fall lies between the last two doses: many slopes serve alike, and the bracket is what can be said."""
    random = np.random.default_rng(seed)
    dose = np.tile(np.geomspace(0.01, 20.0, 5), 2)
    y = np.where(dose > 10.0, 20.0, 100.0) + np.tile([1.0, -1.0, 1.0, -1.0, 0.0], 2) + random.normal(0.0, 1e-9, 10)
    fit = fit_curve(dose, y, model="ll3_top100")
    assert fit.verdict == "ic50_bracketed"
    assert fit.ic50_text() == "2.991 to 20"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["ll4", "ll3_top100"]), st.booleans())
def test_no_search_from_the_fit_on_finds_a_better_one(seed, model, is_stimulated):
    """Also where residuals are large: a bump that the model does not have made an earlier search zigzag and stop."""
    random = np.random.default_rng(seed)
    y = 20.0 + 80.0 / (1.0 + (DOSE / 0.5) ** 1.6) + random.normal(0.0, 3.0, len(DOSE))
    if is_stimulated:
        y += 20.0 * np.exp(-((np.log(np.maximum(DOSE, 1e-4)) + 3.0) ** 2))
    fit = fit_curve(DOSE, y, model=model)
    used = DOSE > 0.0 if model == "ll3_top100" else DOSE >= 0.0
    with np.errstate(divide="ignore"):
        ln_dose, seen = np.log(DOSE[used]), y[used]

    def residuals(p):
        upper = 100.0 if model == "ll3_top100" else p[3]
        curve = {"hill": np.exp(p[0]), "ln_ec50": p[1], "lower": p[2], "upper": upper}
        return seen - curve_at(ln_dose, curve)

    start = [np.log(fit.hill), fit.ln_ec50, fit.lower, *([fit.upper] if model == "ll4" else [])]
    better = optimize.least_squares(residuals, start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert fit.rss <= 2.0 * better.cost * (1.0 + 1e-9)
