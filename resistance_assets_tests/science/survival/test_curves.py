"""Single survival analyses against R's survival, and against their definitions.

Tolerances are those of the golden README; transcribed values carry half a unit of their last printed digit.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from resistance_assets.errors import DesignFault
from resistance_assets.science.survival.cox import fit_cox
from resistance_assets.science.survival.curves import (
    estimate_survival_at,
    kaplan_meier,
    median_follow_up,
    median_survival,
    numbers_at_risk,
    restricted_mean_survival,
)
from resistance_assets.science.survival.endpoints import summarise_endpoint
from resistance_assets.science.survival.logrank import compare_groups
from resistance_assets.science.survival.meta_analysis import combine_cohorts
from resistance_assets.science.survival.power import events_for_power, minimum_detectable_hazard_ratio
from resistance_assets.science.survival.proportional_hazards import proportional_hazards_test
from resistance_assets.science.survival.signatures import compare_with_random_signatures
from resistance_assets.science.survival.time_dependent_auc import time_dependent_auc

from .goldens import LungCohort, is_true, read_lung_cohort, within


@pytest.fixture(scope="module")
def lung(goldens) -> LungCohort:
    return read_lung_cohort(goldens)


@pytest.fixture(scope="module")
def ccl20_group(lung) -> np.ndarray:
    x = lung.rows(["CCL20"])[0]
    return np.where(x > np.median(x), "high", "low")


@pytest.fixture(scope="module")
def printed(goldens) -> pl.DataFrame:
    folder = goldens / "r_survival_reference"
    return pl.read_csv(
        folder / "expected_values.tsv", separator="\t", comment_prefix="#", schema_overrides={"value": pl.String}
    )


@pytest.fixture(scope="module")
def r_data(goldens):
    folder = goldens / "r_survival_reference" / "csv"
    return lambda name: pl.read_csv(folder / f"{name}.csv", null_values=["NA", ""])


# ------------------------------------------------------------------------------------------------------------- curves


@pytest.mark.slow
def test_every_row_of_the_curves_of_r(lung, ccl20_group):
    ours = kaplan_meier(lung.time, lung.event, ccl20_group)
    theirs = lung.table("os_km_ccl20.tsv.gz")
    for conf_type, suffix in (("log", "log"), ("log-log", "log_log")):
        one = theirs.filter(pl.col("conf_type") == conf_type).sort("group", "time")
        assert ours["group"].to_list() == one["group"].to_list()
        within(ours["time_months"], one["time"])
        for a, b in (("n_at_risk", "n_risk"), ("n_events", "n_event"), ("n_censored", "n_censor")):
            assert ours[a].to_list() == one[b].to_list()
        within(ours["survival"], one["surv"], absolute=1e-10)
        within(ours["standard_error_survival"], one["std_err_surv"], absolute=1e-10)
        within(ours[f"ci_lower_{suffix}"], one["lower"], absolute=1e-10)
        within(ours[f"ci_upper_{suffix}"], one["upper"], absolute=1e-10)


def test_medians_and_restricted_means_of_r(lung, ccl20_group):
    theirs = lung.table("os_km_ccl20_summary.tsv").sort("group")
    medians = median_survival(lung.time, lung.event, ccl20_group)
    means = restricted_mean_survival(lung.time, lung.event, 60, ccl20_group)
    for conf_type, suffix in (("log", "log"), ("log-log", "log_log")):
        one = theirs.filter(pl.col("conf_type") == conf_type)
        assert medians["group"].to_list() == one["group"].to_list()
        assert medians["n"].to_list() == one["n"].to_list()
        assert medians["events"].to_list() == one["events"].to_list()
        within(medians["median_survival_months"], one["median"], absolute=1e-10)
        within(medians[f"ci_lower_months_{suffix}"], one["median_lower"], absolute=1e-10)
        within(medians[f"ci_upper_months_{suffix}"], one["median_upper"], absolute=1e-10)
        within(means["restricted_mean_months"], one["rmean"], absolute=1e-10)
        within(means["standard_error_months"], one["rmean_se"], absolute=1e-10)


def test_median_of_a_flat_stretch_is_its_middle():
    # Survival is exactly 1/2 from month 2 to month 3.
    frame = median_survival([1.0, 2, 3, 4], [1, 1, 1, 1])
    assert frame["median_survival_months"][0] == 2.5
    # Flat at 1/2 until the end: its start.
    assert median_survival([1.0, 2, 3, 4], [1, 1, 0, 0])["median_survival_months"][0] == 2.0
    assert median_survival([1.0, 2, 3, 4], [1, 0, 0, 0])["median_survival_months"][0] is None


def test_curve_that_reaches_zero_has_no_limits_there():
    last = kaplan_meier([1.0, 2, 3], [1, 1, 1]).row(-1, named=True)
    assert last["survival"] == 0
    assert [last[k] for k in last if k.startswith("ci_")] == [None] * 4


def test_landmarks_and_numbers_at_risk(r_data):
    data = r_data("ovarian")
    at = estimate_survival_at(data["futime"], data["fustat"], [0.0, 365.0, 5000.0])
    assert at["survival"].to_list()[0] == 1.0
    assert at["survival"][1] == pytest.approx(0.731, abs=5e-4)
    assert at["standard_error_survival"][1] == pytest.approx(0.0870, abs=5e-5)
    assert at["ci_lower_log"][1] == pytest.approx(0.579, abs=5e-4)
    assert at["ci_upper_log"][1] == pytest.approx(0.923, abs=5e-4)
    assert at["survival"][2] is None
    risk = numbers_at_risk(data["futime"], data["fustat"], [0.0, 365.0])
    assert risk["n_at_risk"].to_list() == [26, int((data["futime"] >= 365).sum())]
    assert risk["n_at_risk"].to_list() == at["n_at_risk"].to_list()[:2]


def test_reverse_kaplan_meier_swaps_the_roles():
    time, event = [1.0, 2, 3, 4, 5, 6], [0, 1, 0, 1, 0, 0]
    frame = median_follow_up(time, event)
    assert frame["median_follow_up_months"][0] == median_survival(time, [1, 0, 1, 0, 1, 1])["median_survival_months"][0]
    assert frame["events"][0] == 4


def test_endpoint_summary_and_a_claim_that_asks_for_too_many(lung):
    row = summarise_endpoint(lung.time, lung.event, endpoint="OS", requested_n=453).row(0, named=True)
    assert (row["n"], row["events"], row["censored"], row["left_out"]) == (453, 158, 295, 0)
    assert row["median_follow_up_months"] == pytest.approx(
        median_survival(lung.time, 1 - lung.event)["median_survival_months"][0]
    )
    with pytest.raises(DesignFault, match=r"endpoint OS: 500 patients are asked for, 453 have.*at most 453"):
        summarise_endpoint(lung.time, lung.event, endpoint="OS", requested_n=500)
    time = lung.time.copy()
    time[:3] = np.nan
    row = summarise_endpoint(time, lung.event, endpoint="OS").row(0, named=True)
    assert (row["n"], row["n_patients"], row["left_out_reasons"]) == (450, 453, "time missing: 3")
    with pytest.raises(DesignFault, match="endpoint OS: no patient"):
        summarise_endpoint(time * np.nan, lung.event, endpoint="OS")


# -------------------------------------------------------------------------------------------------------- comparisons


def test_logrank_plain_and_stratified(lung):
    plain = lung.table("os_median_split.tsv.gz")
    layered = lung.table("os_stratified.tsv.gz")
    chosen = layered.join(plain, on="gene", maintain_order="left")
    rows = lung.rows(chosen["gene"])
    for x, row in zip(rows, chosen.iter_rows(named=True), strict=True):
        high = np.where(x > np.median(x), "high", "low")
        test = compare_groups(lung.time, lung.event, high)
        assert test.chi2 == pytest.approx(row["chisq"], rel=1e-9)
        assert test.groups["expected"].to_list() == pytest.approx([row["exp_high"], row["exp_low"]], rel=1e-9)
        within_sex = compare_groups(lung.time, lung.event, high, strata=lung.is_female)
        assert within_sex.chi2 == pytest.approx(row["logrank_chisq"], rel=1e-9)
        assert within_sex.p_value == pytest.approx(row["logrank_p"], rel=1e-8)


def test_logrank_needs_two_groups():
    with pytest.raises(DesignFault, match="in one group"):
        compare_groups([1.0, 2, 3], [1, 1, 0], ["a", "a", "a"])
    with pytest.raises(DesignFault, match="none of 3 patients"):
        compare_groups([1.0, 2, 3], [0, 0, 0], ["a", "b", "a"])


def test_values_printed_by_r(printed, r_data):
    """All 43 transcribed values, to half a unit of the last digit."""
    ovarian, data = r_data("ovarian"), r_data("lung")
    dead = data["status"] - 1
    seen = 0
    for row in printed.iter_rows(named=True):
        frame, time, event = (
            (ovarian, ovarian["futime"], ovarian["fustat"])
            if row["dataset"] == "ovarian"
            else (data, data["time"], dead)
        )
        formula = row["model"].split("~")[1].rstrip(") ").strip()
        names = [name.strip() for name in formula.split("+")]
        quantity, term = row["quantity"], row["term"]
        if row["model"].startswith("coxph"):
            fit = fit_cox(frame.select(names), time, event)
            if term == "model":
                column = {
                    "LRT_chisq": "likelihood_ratio_chi2",
                    "Wald_chisq": "wald_chi2",
                    "Score_chisq": "score_chi2",
                    "concordance": "concordance",
                }[quantity]
                value = fit.model[column][0]
            else:
                column = {
                    "coef": "log_hazard_ratio",
                    "se": "standard_error",
                    "p": "p_value",
                    "HR_lower95": "ci_lower",
                    "HR_upper95": "ci_upper",
                }[quantity]
                value = fit.terms.filter(pl.col("term") == term)[column][0]
        elif row["model"].startswith("cox.zph"):
            names = [name.rstrip(")") for name in names]
            table = proportional_hazards_test(frame.select(names), time, event)
            value = table.filter(pl.col("variable") == term)["chi2"][0]
        elif row["model"].startswith("survdiff"):
            layers = frame["inst"] if "strata" in formula else None
            test = compare_groups(time, event, frame[names[0]], strata=layers)
            if quantity == "expected":
                value = test.groups.filter(pl.col("group") == term.split("=")[1])["expected"][0]
            else:
                value = test.p_value if quantity == "p" else test.chi2
                assert test.degrees_of_freedom == (7 if "df7" in term else 1)
        else:
            group = None if formula == "1" else frame[formula]
            label = "all" if group is None else term.split("=")[1]
            if quantity.startswith("median"):
                column = {
                    "median": "median_survival_months",
                    "median_lower95": "ci_lower_months_log",
                    "median_upper95": "ci_upper_months_log",
                }[quantity]
                table = median_survival(time, event, group)
            else:
                kind, _, rest = quantity.partition("_t")
                at = float(rest.split("(")[0])
                column = {
                    "survival": "survival",
                    "stderr": "standard_error_survival",
                    "lower95": "ci_lower_log",
                    "upper95": "ci_upper_log",
                }[kind]
                table = estimate_survival_at(time, event, [at], group)
            value = table.filter(pl.col("group") == label)[column][0]
        digits = len(row["value"].partition(".")[2])
        assert value == pytest.approx(float(row["value"]), abs=0.5001 * 10.0**-digits), row
        seen += 1
    assert seen == 43


@pytest.mark.slow
def test_every_multivariable_model_of_r(lung):
    terms, models = lung.table("os_multivariable_terms.tsv.gz"), lung.table("os_multivariable_models.tsv.gz")
    by_gene = {key[0]: part for key, part in terms.group_by("gene", maintain_order=True)}
    compared = 0
    for row in models.filter(is_true("converged")).iter_rows(named=True):
        gene = row["gene"]
        covariates = {"gene": lung.rows([gene])[0], "age": lung.age, "is_female": lung.is_female}
        fit = fit_cox(covariates, lung.time, lung.event)
        theirs, ours = by_gene[gene], fit.terms
        assert ours["term"].to_list() == theirs["term"].to_list()
        assert ((ours["log_hazard_ratio"] - theirs["coef"]) / theirs["se"]).abs().max() <= 1e-5
        within(ours["standard_error"], theirs["se"], rel=1e-4)
        within(ours["hazard_ratio"], theirs["hr"], rel=1e-4)
        within(ours["ci_lower"], theirs["hr_lower"], rel=1e-4)
        within(ours["ci_upper"], theirs["hr_upper"], rel=1e-4)
        within(ours["p_value"], theirs["p"], rel=1e-3)
        model = fit.model.row(0, named=True)
        assert (model["n"], model["events"], model["n_left_out"]) == (443, 155, 10)
        assert model["log_likelihood_null"] == pytest.approx(row["loglik_null"], abs=1e-8)
        assert model["log_likelihood"] == pytest.approx(row["loglik"], abs=1e-8)
        assert model["p_likelihood_ratio"] == pytest.approx(row["p_lrt"], rel=1e-6)
        assert model["p_wald"] == pytest.approx(row["p_wald"], rel=1e-3)
        assert model["p_score"] == pytest.approx(row["p_score"], rel=1e-9)
        assert model["concordance"] == pytest.approx(row["concordance"], abs=1e-10)
        zph = proportional_hazards_test(covariates, lung.time, lung.event)
        expected = [row[f"zph_p_{name}"] for name in ("gene", "age", "is_female", "global")]
        # R's chi-squared carries R's stopping rule: 1e-5 of it, about 1e-4 of a p-value of moderate size.
        assert zph["p_value"].to_list() == pytest.approx(expected, rel=1e-4)
        compared += 1
    assert compared >= 290


@pytest.mark.slow
def test_every_proportional_hazards_test_of_r(lung):
    theirs = lung.table("os_zph_km.tsv.gz").filter(is_true("converged"))
    years = {row["gene"]: row for row in lung.table("os_ties_years.tsv.gz").filter(is_true("converged")).to_dicts()}
    assert len(theirs) >= 295
    assert len(years) >= 295
    for row in theirs.iter_rows(named=True):
        x = {"gene": lung.rows([row["gene"]])[0]}
        ours = proportional_hazards_test(x, lung.time, lung.event)
        # The sum of residuals moves with the coefficient, which R leaves up to 1e-5 standard errors from the maximum:
        # so much in the root of chi-squared. Where chi-squared is not itself near 0, that is below 1e-5 of it.
        assert np.sqrt(ours["chi2"][0]) == pytest.approx(np.sqrt(row["chisq"]), abs=1e-5)
        if row["chisq"] > 0.05:
            assert ours["chi2"][0] == pytest.approx(row["chisq"], rel=1e-5)
        assert ours["p_value"][0] == pytest.approx(row["p"], rel=1e-4)
        if row["gene"] in years:
            tied = proportional_hazards_test(x, np.ceil(lung.time / 12), lung.event)
            p_tied = years[row["gene"]]["zph_km_p"]
            # R fails on FGF6 alone: all its information lies at one time, so there is nothing to test. Null here.
            assert (p_tied is None) == (row["gene"] == "FGF6")
            assert tied["p_value"][0] == (None if p_tied is None else pytest.approx(p_tied, rel=1e-4))


def test_crossing_hazards_are_found_and_named():
    rng = np.random.default_rng(2)
    n = 400
    group, other = rng.integers(0, 2, n), rng.standard_normal(n)
    # The group dies early or never; the other variable acts proportionally.
    time = np.where(group == 1, rng.weibull(0.4, n), rng.weibull(3.0, n)) * np.exp(-0.4 * other)
    table = proportional_hazards_test({"group": group, "other": other}, time, np.ones(n))
    assert table.filter(pl.col("violated"))["variable"].to_list() == ["group", "GLOBAL"]


def test_levels_references_and_warnings(r_data):
    data = r_data("veteran")
    assert set(data["celltype"]) >= {"adeno", "squamous"}
    fit = fit_cox(data.select("celltype", "karno"), data["time"], data["status"])
    assert fit.terms["term"].to_list() == [
        "celltype: adeno",
        "celltype: large",
        "celltype: smallcell",
        "celltype: squamous",
        "karno",
    ]
    reference = fit.terms.row(0, named=True)
    assert (reference["hazard_ratio"], reference["p_value"], reference["estimator"]) == (1.0, None, "reference")
    assert fit.terms.filter(pl.col("variable") == "celltype")["n"].sum() == fit.model["n"][0]
    assert fit.model["warning"][0] is None
    zph = proportional_hazards_test(data.select("celltype", "karno"), data["time"], data["status"])
    assert zph["degrees_of_freedom"].to_list() == [3, 1, 4]
    few = fit_cox(data.select("celltype", "karno")[:20], data["time"][:20], data["status"][:20])
    assert "below 10" in few.model["warning"][0]
    layered = fit_cox(data.select("karno"), data["time"], data["status"], strata=data["celltype"])
    assert layered.model["strata"][0] == 4


def test_models_that_cannot_be_fitted():
    time, event = np.arange(1.0, 11.0), np.tile([1, 0], 5)
    x = np.arange(10.0) % 3
    with pytest.raises(DesignFault, match="flat has one value"):
        fit_cox({"flat": np.ones(10)}, time, event)
    with pytest.raises(DesignFault, match="linearly dependent"):
        fit_cox({"a": x, "b": 2 * x + 1}, time, event)
    with pytest.raises(DesignFault, match="none of 10 patients"):
        fit_cox({"a": x}, time, np.zeros(10))
    with pytest.raises(ValueError, match="efron or breslow"):
        fit_cox({"a": x}, time, event, ties="exact")


def test_model_without_a_finite_maximum_is_penalised():
    rng = np.random.default_rng(11)
    n = 80
    exposed, age = (np.arange(n) < 20).astype(float), rng.normal(60, 8, n)
    time, event = rng.exponential(20, n), (rng.random(n) < 0.5).astype(int)
    event[:20] = 0
    fit = fit_cox({"exposed": exposed, "age": age}, time, event)
    assert fit.model["fit_status"][0] == "monotone_likelihood"
    row = fit.terms.row(0, named=True)
    assert row["estimator"] == "firth"
    assert row["hazard_ratio"] < 0.5
    assert row["ci_lower"] < row["hazard_ratio"] < row["ci_upper"] < 1
    assert row["p_value"] < 0.05


# ----------------------------------------------------------------------------------------------------- discrimination


def test_auc_without_censoring_is_the_plain_auc():
    rng = np.random.default_rng(3)
    x = rng.standard_normal(200)
    time = rng.exponential(np.exp(-x))
    frame = time_dependent_auc(x, time, np.ones(200), [0.3, 1.0, 1e9], bootstrap=200, repeats=3)
    for k, moment in enumerate([0.3, 1.0]):
        case, control = x[time <= moment], x[time > moment]
        plain = stats.mannwhitneyu(case, control).statistic / (case.size * control.size)
        assert frame["auc"][k] == pytest.approx(plain, abs=1e-12)
        assert frame["ci_lower"][k] < plain < frame["ci_upper"][k]
        assert frame["n_at_risk"][k] == control.size
    assert frame["auc"][2] is None
    assert frame["auc_cross_validated"][2] is None


def test_auc_weights_undo_censoring():
    """Large cohort: the weighted estimate under censoring meets the value without censoring (0.02 is 4 SE or more)."""
    rng = np.random.default_rng(4)
    n = 8000
    x = rng.standard_normal(n)
    time, censored = rng.exponential(np.exp(-x)), rng.exponential(1.5, n)
    whole = time_dependent_auc(x, time, np.ones(n), [1.0], bootstrap=2, repeats=1)["auc"][0]
    seen = np.minimum(time, censored)
    part = time_dependent_auc(x, seen, time <= censored, [1.0], bootstrap=2, repeats=1)["auc"][0]
    assert part == pytest.approx(whole, abs=0.02)


def test_cross_validation_sees_through_noise():
    """20 predictors without any effect: the apparent value is optimistic, the cross-validated one is not."""
    rng = np.random.default_rng(6)
    n = 80
    frame = time_dependent_auc(
        rng.standard_normal((n, 20)), rng.exponential(1, n), (rng.random(n) < 0.6), [0.5], bootstrap=20
    )
    assert frame["auc"][0] > 0.65
    assert frame["auc_cross_validated"][0] < 0.6


# --------------------------------------------------------------------------------------------------------- signatures


def test_signature_against_random_ones_with_planted_truth():
    rng = np.random.default_rng(7)
    genes, n = 300, 200
    x = rng.standard_normal((genes, n))
    planted = np.arange(10)
    time = rng.exponential(np.exp(-2.0 * x[planted].mean(axis=0)))
    event = rng.random(n) < 0.7
    true = compare_with_random_signatures(x, planted, time, event, random_signatures=199).row(0, named=True)
    assert true["p_random"] == pytest.approx(1 / 200)
    assert true["hazard_ratio_per_sd"] > 1
    assert true["ci_lower"] < true["hazard_ratio_per_sd"] < true["ci_upper"]
    # A factor that drives both survival and every gene makes random signatures significant: that must show.
    shared = rng.standard_normal(n)
    tied = x + 2.0 * shared
    time = rng.exponential(np.exp(-shared))
    random = compare_with_random_signatures(tied, planted, time, event, random_signatures=199).row(0, named=True)
    assert random["p_value"] < 1e-4
    assert random["random_share_below_005"] > 0.9
    assert random["p_random"] > 0.05
    with pytest.raises(DesignFault, match="no gene of the signature"):
        compare_with_random_signatures(x, [], time, event)


# ------------------------------------------------------------------------------------------------------ pooling, power


def test_pooling_by_hand():
    # Two cohorts, effects 0 and 1 with variance 0.1: Q = 5, tau2 = (5 - 1) / (20 - 10) = 0.4, pooled SE = 0.5.
    pooled, each = combine_cohorts(["a", "b", "c"], [0.0, 1.0, None], [np.sqrt(0.1), np.sqrt(0.1), 0.2])
    row = pooled.row(0, named=True)
    assert row["cohorts"] == 2
    assert row["q_statistic"] == pytest.approx(5.0)
    assert row["tau2"] == pytest.approx(0.4)
    assert row["i2_percent"] == pytest.approx(80.0)
    assert row["log_hazard_ratio"] == pytest.approx(0.5)
    assert row["standard_error"] == pytest.approx(0.5)
    quantile = stats.t.ppf(0.975, 1)
    assert row["ci_upper"] == pytest.approx(np.exp(0.5 + quantile * 0.5))
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(1.0, 1))
    assert row["p_heterogeneity"] == pytest.approx(stats.chi2.sf(5, 1))
    assert row["prediction_lower"] is None
    assert each["weight_percent"].to_list() == pytest.approx([50, 50])
    with pytest.raises(DesignFault, match="1 of 2 cohorts"):
        combine_cohorts(["a", "b"], [0.1, None], [0.1, 0.1])


def test_pooling_agreeing_cohorts_equals_the_fixed_effect():
    pooled, _ = combine_cohorts(["a", "b", "c"], [0.3, 0.3, 0.3], [0.1, 0.2, 0.4])
    row = pooled.row(0, named=True)
    assert row["tau2"] == 0
    assert row["log_hazard_ratio"] == pytest.approx(0.3)
    assert row["hazard_ratio"] == pytest.approx(row["hazard_ratio_fixed"])
    # Agreement by chance must not narrow the interval below the plain one.
    assert row["standard_error"] == pytest.approx((1 / 0.01 + 1 / 0.04 + 1 / 0.16) ** -0.5)


def test_power_functions_are_inverse_to_one_another():
    ratio = float(minimum_detectable_hazard_ratio(158, 0.25))
    assert ratio == pytest.approx(np.exp(2.8015852 / np.sqrt(158 * 0.25)), rel=1e-6)
    assert events_for_power(np.log(ratio) * 1.0000001, 0.25) == 158
