"""Tumour growth against R (lme4, lmerTest, base R 4.2.2); tolerances as goldens/bench/tumour_growth states them."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from resistance_assets.science.tumour_growth.growth_rates import fit_growth_rates
from resistance_assets.science.tumour_growth.mixed_model import fit_mixed_model
from resistance_assets.science.tumour_growth.treatment_to_control import compare_to_control, last_complete_day
from resistance_assets.science.tumour_growth.volumes import measure_volumes, summarise_mice

ARMS = ["vehicle", "anti_CCL20", "crizotinib", "combination"]
STRUCTURES = {
    "random_slope": "slope_correlated",
    "random_slope_uncorrelated": "slope_uncorrelated",
    "random_intercept": "intercept",
    "common_baseline": "slope_correlated",
}


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "bench" / "tumour_growth"


@functools.cache
def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", null_values=["NA", ""], infer_schema_length=None)


@functools.cache
def volumes_of(folder: Path) -> pl.DataFrame:
    return measure_volumes(table(folder / "measurements.tsv"))


def test_volumes_are_those_of_r(folder):
    expected = table(folder / "volumes_expected.tsv")
    found = volumes_of(folder)
    assert not found["was_swapped"].any()
    assert_frame_equal(found.select(expected.columns), expected, rel_tol=1e-9, abs_tol=1e-9, check_dtypes=False)


@pytest.mark.parametrize("model", STRUCTURES)
def test_mixed_models_are_those_of_lme4_and_lmertest(folder, model):
    """Effects 1e-4 of their error, errors 1e-3, degrees of freedom 1e-3, p 1e-2, log-likelihood 1e-5."""
    used = volumes_of(folder).filter(pl.col("ln_volume").is_not_null())
    day = used["day"].to_numpy().astype(float)
    _, subject = np.unique(used["mouse_id"].to_numpy(), return_inverse=True)
    indicators = [(used["arm"] == arm).to_numpy().astype(float) for arm in ARMS[1:]]
    intercepts = [] if model == "common_baseline" else indicators
    design = np.column_stack([np.ones(len(day)), day, *intercepts, *(one * day for one in indicators)])
    fit = fit_mixed_model(used["ln_volume"].to_numpy(), design, day, subject, structure=STRUCTURES[model])
    expected = table(folder / "mixed_fixed_effects_expected.tsv").filter(pl.col("model") == model)
    for at, row in enumerate(expected.iter_rows(named=True)):
        found = fit.contrast(np.eye(design.shape[1])[at])
        assert abs(found.estimate - row["estimate"]) <= 1e-4 * row["se"]
        assert found.standard_error == pytest.approx(row["se"], rel=1e-3)
        assert found.degrees_of_freedom == pytest.approx(row["df_satterthwaite"], rel=1e-3)
        assert found.p_value == pytest.approx(row["p_satterthwaite"], rel=1e-2)
    variance = table(folder / "mixed_variance_expected.tsv").filter(pl.col("model") == model)
    assert fit.log_likelihood == pytest.approx(variance["reml_loglik"][0], abs=1e-5)
    by_name = {(row["var1"], row["var2"]): row["variance_or_covariance"] for row in variance.iter_rows(named=True)}
    assert fit.random_covariance[0, 0] == pytest.approx(by_name["(Intercept)", None], rel=1e-3)
    assert fit.sigma**2 == pytest.approx(
        variance.filter(pl.col("group") == "Residual")["variance_or_covariance"][0], rel=1e-3
    )
    assert fit.is_singular == variance["singular"][0]


@pytest.mark.slow
def test_growth_rates_contrasts_and_interaction_are_those_of_lmertest(folder):
    found = fit_growth_rates(
        volumes_of(folder), control="vehicle", combination="combination", combination_of=["anti_CCL20", "crizotinib"]
    )
    assert found.model == "random_slope"
    expected = table(folder / "mixed_contrasts_expected.tsv").filter(pl.col("model") == "random_slope")
    ours = {f"growth_rate_per_day:{row['arm']}": row for row in found.rates.iter_rows(named=True)}
    for row in found.contrasts.iter_rows(named=True):
        name = (
            "interaction:combination-A-B+vehicle"
            if row["kind"] == "interaction"
            else f"growth_rate_difference:{row['numerator']}_vs_{row['denominator']}"
        )
        ours[name] = row
    assert set(ours) == set(expected["contrast"])
    for row in expected.iter_rows(named=True):
        one = ours[row["contrast"]]
        estimate = one.get("rate_per_day", one.get("estimate_per_day"))
        assert abs(estimate - row["estimate"]) <= 1e-4 * row["se"]
        assert one["degrees_of_freedom"] == pytest.approx(row["df_satterthwaite"], rel=1e-3)
        assert one["p_value"] == pytest.approx(row["p_satterthwaite"], rel=1e-2)
        assert one["lower"] == pytest.approx(row["lower"], rel=1e-3)
        if "rate_per_day" in one:
            assert one["doubling_days"] == (
                row["doubling_time_days"] and pytest.approx(row["doubling_time_days"], rel=1e-4)
            )


def test_what_each_mouse_went_through_is_what_r_says(folder):
    found = summarise_mice(volumes_of(folder), table(folder / "mice.tsv"))
    expected = table(folder / "per_mouse_expected.tsv").sort("mouse_id").rename({"slope_se": "slope_standard_error"})
    expected = expected.with_columns(pl.col("max_weight_loss_percent").abs())
    names = [name for name in expected.columns if name in found.columns]
    assert len(names) == len(expected.columns)
    assert_frame_equal(
        found.select(names),
        expected.select(names).cast({"complete_regression": pl.Boolean, "weight_loss_over_20": pl.Boolean}),
        rel_tol=1e-9,
        abs_tol=1e-9,
        check_dtypes=False,
    )


def test_treatment_to_control_is_that_of_r(folder):
    found = compare_to_control(volumes_of(folder), table(folder / "mice.tsv"), control="vehicle")
    names = {
        "n_vehicle": "n_control",
        "vehicle_started": "control_started",
        "mean_treated": "mean_treated_mm3",
        "mean_vehicle": "mean_control_mm3",
        "zero_volumes_left_out_of_geometric": "zero_volumes_left_out",
        "tgi_percent_delta": "tgi_percent",
        "tgi_delta_se": "tgi_standard_error",
        "tgi_percent_endpoint": "tgi_percent_end_points",
    }
    expected = table(folder / "tc_tgi_expected.tsv").rename(names)
    exact = expected.filter(pl.col("arm") != "")
    columns = [name for name in exact.columns if name not in ("wilcoxon_exact_p_volume",)]
    key = ["arm", "day"]
    assert_frame_equal(
        found.select(columns).sort(key),
        exact.select(columns).sort(key),
        rel_tol=1e-8,
        abs_tol=1e-10,
        check_dtypes=False,
    )
    both = found.join(exact, on=key).filter(pl.col("wilcoxon_method") == "exact")
    assert both.height > 20
    np.testing.assert_allclose(both["wilcoxon_p_volume"], both["wilcoxon_exact_p_volume"], rtol=1e-9)


def test_the_day_of_choice_is_the_last_on_which_nobody_is_lost(folder):
    assert last_complete_day(volumes_of(folder), table(folder / "mice.tsv")) == 14.0


@pytest.mark.slow
def test_few_mice_give_an_estimate_and_no_p(folder):
    some = volumes_of(folder).filter((pl.col("arm") == "vehicle") | pl.col("mouse_id").is_in(["m07", "m08"]))
    found = fit_growth_rates(some, control="vehicle")
    row = found.contrasts.row(0, named=True)
    assert row["estimate_per_day"] is not None
    assert row["p_value"] is None
    assert row["p_note"] == "fewer than 3 mice in anti_CCL20"


def test_a_swapped_length_and_width_is_noted_and_does_not_change_the_volume():
    common = {"mouse_id": ["a", "b"], "arm": ["x", "x"], "day": [0, 0], "body_weight_g": [20.0, 20.0]}
    rows = pl.DataFrame(common | {"length_mm": [8.0, 5.0], "width_mm": [5.0, 8.0]})
    found = measure_volumes(rows)
    assert found["volume_mm3"].to_list() == [100.0, 100.0]
    assert found["was_swapped"].to_list() == [False, True]


def _correlated_growth(phi: float, subjects: int = 40):
    """Rows of subjects measured on uneven days, with errors correlated phi a day apart: y, fixed, day, subject."""
    random = np.random.default_rng(5)
    rows = []
    for subject in range(subjects):
        day = np.cumsum(random.choice([1.0, 2.0, 4.0], 14))
        error, before = random.normal(), None
        for at in day:
            if before is not None:
                rho = phi ** (at - before)
                error = rho * error + math.sqrt(1.0 - rho**2) * random.normal()
            rows.append((subject, at, 0.2 * error))
            before = at
    subject, day, error = (np.array(column) for column in zip(*rows, strict=True))
    intercept, slope = random.normal(0.0, 0.3, subjects), random.normal(0.0, 0.02, subjects)
    y = 4.0 + intercept[subject] + (0.1 + slope[subject]) * day + error
    return y, np.column_stack([np.ones(len(day)), day]), day, subject


@pytest.mark.slow
def test_correlated_errors_are_found_and_their_likelihood_is_that_of_the_whole_covariance():
    """Against the REML likelihood of the dense covariance matrix: absolute 1e-6."""
    y, fixed, day, subject = _correlated_growth(0.7)
    shuffled = np.random.default_rng(1).permutation(len(y))
    fit = fit_mixed_model(
        y[shuffled], fixed[shuffled], day[shuffled], subject[shuffled], structure="slope_correlated",
        correlated_errors=True,
    )  # fmt: skip
    phi = fit.error_correlation
    assert phi is not None
    assert abs(phi - 0.7) < 0.08
    same = subject[:, None] == subject[None, :]
    random = np.column_stack([np.ones(len(day)), day])
    covariance = same * (
        random @ fit.random_covariance @ random.T + fit.sigma**2 * phi ** np.abs(day[:, None] - day[None, :])
    )
    inverse = np.linalg.inv(covariance)
    crossed = fixed.T @ inverse @ fixed
    coefficients = np.linalg.solve(crossed, fixed.T @ inverse @ y)
    residual = y - fixed @ coefficients
    logs = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(crossed)[1]
    dense = -0.5 * (logs + residual @ inverse @ residual + (len(y) - 2) * math.log(2.0 * math.pi))
    assert fit.log_likelihood == pytest.approx(dense, abs=1e-6)
    np.testing.assert_allclose(fit.coefficients, coefficients, rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(crossed), rtol=1e-8)
    plain = fit_mixed_model(y, fixed, day, subject, structure="slope_correlated")
    assert plain.error_correlation is None
    assert fit.log_likelihood > plain.log_likelihood + 10.0


def test_independent_errors_have_a_correlation_of_0_or_one_that_chance_gives():
    y, fixed, day, subject = _correlated_growth(0.0)
    plain, fit = (
        fit_mixed_model(y, fixed, day, subject, structure="slope_correlated", correlated_errors=asked)
        for asked in (False, True)
    )
    assert fit.error_correlation is not None
    assert fit.error_correlation < 0.1
    assert plain.log_likelihood - 1e-9 <= fit.log_likelihood < plain.log_likelihood + 2.0
