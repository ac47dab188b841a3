"""Models of several genes as tables: against R, against the functions of single numbers, and where nothing fits."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from resistance_assets.science.survival.cox import fit_cox
from resistance_assets.science.survival.curves import estimate_survival_at, restricted_mean_survival
from resistance_assets.science.survival.meta_analysis import combine_cohorts, one_cohort_per_patient, pool_screens
from resistance_assets.science.survival.models import (
    ModelDesign,
    adjust_for,
    compare_halves,
    covariate_columns,
    discriminate,
    fit_gene_models,
    split_at_median,
    usable_covariates,
)
from resistance_assets.science.survival.proportional_hazards import proportional_hazards_test
from resistance_assets.science.survival.screen import screen_cox, screen_median_split
from resistance_assets.science.survival.signatures import score_signatures
from resistance_assets.science.survival.time_dependent_auc import time_dependent_auc
from resistance_assets_tests.science.survival.goldens import LungCohort, is_true, read_lung_cohort, within

GENES = ("CCL20", "CXCL9", "EGFR", "KRAS", "TP53", "CCL19")


@pytest.fixture(scope="module")
def lung(goldens) -> LungCohort:
    return read_lung_cohort(goldens)


@pytest.fixture(scope="module")
def patients(lung) -> pl.DataFrame:
    return pl.DataFrame({"age": lung.age, "sex": np.where(lung.is_female == 1, "female", "male")}).with_columns(
        pl.col("age").fill_nan(None), unknown=pl.lit(None, pl.String), same=pl.lit("x")
    )


@pytest.fixture(scope="module")
def fitted(lung, patients):
    designs = [
        ModelDesign("adjusted", ("age", "sex")),
        ModelDesign("stratified", (), ("sex",)),
        ModelDesign("alone"),
        ModelDesign("lacking", ("unknown", "same")),
    ]
    return fit_gene_models(lung.rows(GENES), GENES, lung.time, lung.event.astype(float), patients, designs)


@pytest.mark.slow
def test_adjusted_models_of_r_with_their_proportional_hazards(lung, fitted):
    terms = lung.table("os_multivariable_terms.tsv.gz")
    models = lung.table("os_multivariable_models.tsv.gz").rows_by_key("gene", named=True, unique=True)
    for gene in GENES:
        ours = fitted.terms.filter(pl.col("hgnc_symbol") == gene, pl.col("model_id") == "adjusted")
        assert ours["term"].to_list() == ["expression", "age", "sex: female", "sex: male"]
        assert ours["term_order"].to_list() == [1, 2, 3, 4]
        tested = ours.filter(pl.col("estimator") != "reference")
        theirs = terms.filter(pl.col("gene") == gene)
        # R's indicator is of women, ours of men against women: the same effect with the other sign.
        coefficients = theirs["coef"].to_numpy() * [1, 1, -1]
        assert np.abs((tested["log_hazard_ratio"].to_numpy() - coefficients) / theirs["se"].to_numpy()).max() <= 1e-5
        within(tested["standard_error"], theirs["se"], rel=1e-4)
        model = fitted.models.row(
            by_predicate=(pl.col("hgnc_symbol") == gene) & (pl.col("model_id") == "adjusted"), named=True
        )
        expected = models[gene]
        assert (model["n"], model["events"], model["n_left_out"]) == (443, 155, 10)
        assert (model["covariates"], model["strata"], model["n_strata"]) == ("age|sex", None, 1)
        assert model["p_likelihood_ratio"] == pytest.approx(expected["p_lrt"], rel=1e-6)
        assert model["concordance"] == pytest.approx(expected["concordance"], abs=1e-10)
        assert model["events_per_variable"] == pytest.approx(155 / 3)
        zph = fitted.proportional_hazards.filter(pl.col("hgnc_symbol") == gene, pl.col("model_id") == "adjusted")
        p = [expected[f"zph_p_{name}"] for name in ("gene", "age", "is_female", "global")]
        assert zph["variable"].to_list() == ["expression", "age", "sex", "GLOBAL"]
        assert zph["p_value"].to_list() == pytest.approx(p, rel=1e-4)
        assert model["p_proportional_hazards"] == pytest.approx(p[3], rel=1e-4)
        failing = [name for name, value in zip(("expression", "age", "sex"), p, strict=False) if value < 0.05]
        assert model["hazards_not_proportional"] == ("|".join(failing) or None)


def test_stratified_models_of_r(lung, fitted):
    theirs = (
        lung.table("os_stratified.tsv.gz").filter(is_true("converged")).rows_by_key("gene", named=True, unique=True)
    )
    rows = fitted.terms.filter(pl.col("model_id") == "stratified")
    assert rows.height == len(GENES)
    for row in rows.to_dicts():
        expected = theirs[row["hgnc_symbol"]]
        assert row["log_hazard_ratio"] == pytest.approx(expected["coef"], abs=1e-5 * expected["se"])
        assert row["p_value"] == pytest.approx(expected["p_wald"], rel=1e-3)
    assert set(fitted.models.filter(pl.col("model_id") == "stratified")["n_strata"]) == {2}


def test_the_gene_alone_is_the_row_of_the_screen(lung, fitted):
    screen = screen_cox(lung.rows(GENES), lung.time, lung.event, GENES)
    ours = fitted.terms.filter(pl.col("model_id") == "alone")
    for column in ("log_hazard_ratio", "standard_error", "hazard_ratio_per_sd", "ci_lower", "ci_upper"):
        within(ours[column], screen[column], rel=1e-6)
    within(ours["events_for_80pct_power"], screen["events_for_80pct_power"], absolute=1.0)
    assert ours["q_value_bh"].null_count() == 0
    assert (ours["q_value_bh"] >= ours["p_value"]).all()


def test_a_design_that_lacks_what_its_name_says_is_not_fitted(fitted):
    rows = fitted.models.filter(pl.col("model_id") == "lacking")
    assert set(rows["warning"]) == {
        "not fitted: unknown left out: not recorded; same left out: the same in all patients"
    }
    assert set(rows["fit_status"]) == {"not_estimable"}
    assert rows["log_likelihood"].null_count() == rows.height
    assert fitted.terms.filter(pl.col("model_id") == "lacking").is_empty()


def test_a_gene_alone_has_the_likelihood_ratio_of_its_model(fitted):
    ours = fitted.terms.filter(pl.col("model_id") == "alone").sort("hgnc_symbol")
    models = fitted.models.filter(pl.col("model_id") == "alone").sort("hgnc_symbol")
    within(ours["p_likelihood_ratio"], models["p_likelihood_ratio"], rel=1e-9)
    assert (ours["q_value_bh_likelihood_ratio"] >= ours["p_likelihood_ratio"]).all()


def test_a_level_without_events_leaves_the_gene_the_estimate_of_the_limit(lung, patients):
    """Oracle: coxph of R tends to the fit without the patients of that level; the plain fit here is that limit."""
    stage = np.where(np.arange(lung.time.size) % 7 == 0, "late", "early").astype(object)
    stage[np.flatnonzero(lung.event == 0)[:13]] = "none died"
    event = lung.event.astype(float)
    known = patients.with_columns(stage=pl.Series(stage.tolist()))
    fitted = fit_gene_models(
        lung.rows(["CCL20"]), ["CCL20"], lung.time, event, known, [ModelDesign("m", ("age", "stage"))]
    )
    kept = stage != "none died"
    without = fit_cox(
        {"expression": lung.rows(["CCL20"])[0][kept], "age": lung.age[kept], "stage": stage[kept].astype(str)},
        lung.time[kept],
        event[kept],
    )
    ours = fitted.terms.row(by_predicate=pl.col("variable") == "expression", named=True)
    expected = without.terms.row(by_predicate=pl.col("variable") == "expression", named=True)
    assert ours["estimator"] == "partial_likelihood"
    for name in ("log_hazard_ratio", "standard_error", "p_value", "p_likelihood_ratio"):
        assert ours[name] == pytest.approx(expected[name], rel=1e-9)
    model = fitted.models.row(0, named=True)
    assert model["fit_status"] == "converged"
    assert model["warning"].startswith("stage: none died has 13 patients and no event: its coefficient has no finite")
    gone = fitted.terms.row(by_predicate=pl.col("level") == "none died", named=True)
    assert (gone["n"], gone["events"], gone["hazard_ratio"], gone["estimator"]) == (13, 0, None, "not_estimable")


def test_a_screen_beside_a_level_without_events_keeps_every_gene(lung, patients):
    stage = np.where(np.arange(lung.time.size) % 7 == 0, "late", "early").astype(object)
    stage[np.flatnonzero(lung.event == 0)[:13]] = "none died"
    event = lung.event.astype(float)
    known = patients.with_columns(stage=pl.Series(stage.tolist()))
    adjustment = adjust_for(known, ("age", "stage"), lung.time, event)
    assert adjustment.terms == ("age", "stage: late")
    assert adjustment.note.startswith("stage: none died has 13 patients and no event")
    screened = screen_cox(lung.rows(GENES), lung.time, event, GENES, covariates=adjustment.columns)
    assert set(screened["fit_status"]) == {"converged"}
    assert set(screened["estimator"]) == {"partial_likelihood"}
    # Where the level is only empty among the patients with a value of one gene, that gene keeps its estimate too.
    values = lung.rows(["CCL20"]).copy()
    member = np.array([label == "none died" for label in stage])
    revived = event.copy()
    revived[np.flatnonzero(member)[0]] = 1.0
    values[0, np.flatnonzero(member)[0]] = np.nan
    again = adjust_for(known, ("age", "stage"), lung.time, revived)
    assert again.note is None
    row = screen_cox(values, lung.time, revived, ["CCL20"], covariates=again.columns, covariate_names=again.terms).row(
        0, named=True
    )
    assert (row["fit_status"], row["estimator"]) == ("converged", "partial_likelihood")
    assert row["fit_note"].startswith("stage: none died has no event")
    assert row["log_hazard_ratio"] == pytest.approx(
        screened.row(by_predicate=pl.col("hgnc_symbol") == "CCL20", named=True)["log_hazard_ratio"], rel=1e-6
    )


def test_hazards_of_a_fit_without_a_maximum_are_not_tested():
    time, event = np.arange(1.0, 21), np.ones(20)
    found = proportional_hazards_test({"gene": -time}, time, event)
    assert found["p_value"].to_list() == [None, None]
    assert found["violated"].to_list() == [None, None]


def test_a_gene_that_runs_away_is_named():
    rng = np.random.default_rng(2)
    time, event = np.arange(1.0, 41), np.ones(40)
    model = fit_cox({"gene": -time, "age": rng.normal(size=40)}, time, event).model.row(0, named=True)
    assert model["fit_status"] == "monotone_likelihood"
    assert "the coefficient of gene runs away" in model["warning"]


def test_a_gene_that_cannot_be_fitted_has_a_row_that_says_why(lung, patients):
    flat = np.vstack([np.ones(lung.time.size), np.full(lung.time.size, np.nan)])
    found = fit_gene_models(flat, ["FLAT", "NONE"], lung.time, lung.event.astype(float), patients, [ModelDesign("m")])
    assert found.models["fit_status"].to_list() == ["not_estimable"] * 2
    assert "one value in all 453 patients" in found.models["warning"][0]
    assert found.models["n"].to_list() == [453, 0]
    assert found.terms.is_empty()
    assert found.proportional_hazards.is_empty()


def test_too_many_covariates_for_the_events_are_warned_of_with_the_number(lung, patients):
    some = np.argsort(lung.time)[:40]
    found = fit_gene_models(
        lung.rows(["CCL20"])[:, some],
        ["CCL20"],
        lung.time[some],
        lung.event[some].astype(float),
        patients[some.tolist()],
        [ModelDesign("m", ("age", "sex"))],
    )
    row = found.models.row(0, named=True)
    assert row["events_per_variable"] < 10
    assert row["warning"].startswith(f"{row['events_per_variable']:.1f} events per coefficient")


def test_halves_are_the_landmarks_and_restricted_means_of_each_group(lung):
    x = lung.rows(["CCL20"])[0].copy()
    x[:7] = np.nan
    landmarks, means = compare_halves(
        x[None, :], ["CCL20"], lung.time, lung.event.astype(float), landmark_months=[12.0, 60.0], until_months=60.0
    )
    group = split_at_median(x)
    assert [label is None for label in group[:8]] == [True] * 7 + [False]
    known = ~np.isnan(x)
    data = lung.time[known], lung.event[known]
    expected = estimate_survival_at(*data, [12.0, 60.0], group[known])
    within(landmarks["survival"], expected["survival"], absolute=1e-12)
    within(landmarks["ci_upper_log_log"], expected["ci_upper_log_log"], absolute=1e-12)
    mean = restricted_mean_survival(*data, 60.0, group[known])
    high, low, difference = means.to_dicts()
    assert [row["expression_group"] for row in (high, low, difference)] == ["high", "low", "high_minus_low"]
    within([high["restricted_mean_months"], low["restricted_mean_months"]], mean["restricted_mean_months"], rel=1e-12)
    assert difference["restricted_mean_months"] == high["restricted_mean_months"] - low["restricted_mean_months"]
    z = difference["restricted_mean_months"] / difference["standard_error_months"]
    from scipy.stats import norm

    assert difference["p_value"] == pytest.approx(2 * norm.sf(abs(z)), rel=1e-9)
    power = screen_median_split(x[None, :], lung.time, lung.event, ["CCL20"])["events_for_80pct_power"][0]
    assert set(means["events_for_80pct_power"]) == set(landmarks["events_for_80pct_power"]) == {power}


def test_a_gene_with_one_group_has_that_group_alone():
    flat = np.ones((1, 6))
    landmarks, means = compare_halves(
        flat, ["FLAT"], np.arange(1.0, 7), np.ones(6), landmark_months=[2.0], until_months=5.0
    )
    assert landmarks["expression_group"].to_list() == means["expression_group"].to_list() == ["low"]


def test_discrimination_is_that_of_the_model_on_the_patients_it_holds(lung, patients):
    designs = [ModelDesign("alone"), ModelDesign("adjusted", ("age", "sex"))]
    x = lung.rows(["CCL20"])
    event = lung.event.astype(float)
    fitted = fit_gene_models(x, ["CCL20"], lung.time, event, patients, designs)
    rule = {"bootstrap": 60, "folds": 4, "repeats": 2, "seed": 7}
    found = discriminate(x, ["CCL20"], lung.time, event, patients, designs, fitted.models, at_months=[36.0], **rule)
    alone = time_dependent_auc(x[0], lung.time, event, [36.0], **rule)
    assert found.filter(pl.col("model_id") == "alone")["auc"][0] == alone["auc"][0]
    adjusted = found.row(by_predicate=pl.col("model_id") == "adjusted", named=True)
    assert adjusted["n"] == 443
    assert adjusted["ci_lower"] < adjusted["auc"] < adjusted["ci_upper"]
    assert adjusted["n_at_risk"] == int((lung.time[~np.isnan(lung.age)] > 36).sum())
    # What the gene adds is the difference from the same model without it, on the same patients and resamples.
    without = found.row(by_predicate=pl.col("model_id") == "adjusted_covariates_alone", named=True)
    covariates = np.column_stack([lung.age, np.where(lung.is_female == 1, 0.0, 1.0)])
    covariates[np.isnan(x[0])] = np.nan
    expected = time_dependent_auc(covariates, lung.time, event, [36.0], **rule)
    assert without["auc"] == expected["auc"][0] == adjusted["auc_covariates_alone"]
    assert adjusted["auc_gain"] == pytest.approx(adjusted["auc"] - without["auc"], abs=1e-12)
    assert adjusted["auc_gain_ci_lower"] < adjusted["auc_gain"] < adjusted["auc_gain_ci_upper"]
    assert adjusted["auc_gain_cross_validated"] == pytest.approx(
        adjusted["auc_cross_validated"] - without["auc_cross_validated"], abs=1e-12
    )
    assert without["auc_gain"] is None
    assert found.filter(pl.col("model_id") == "alone")["auc_gain"][0] is None


def test_a_perfect_ranking_stays_within_its_bounds():
    time = np.arange(1.0, 61)
    event = np.where(np.arange(60) % 3 == 0, 0.0, 1.0)
    found = time_dependent_auc(-time, time, event, [10.0, 30.0, 50.0], bootstrap=200, folds=3, repeats=2, seed=3)
    for name in ("auc", "ci_lower", "ci_upper", "auc_cross_validated"):
        assert found[name].max() <= 1.0
        assert found[name].min() >= 0.0
    # T <= t is a case: the event at exactly ten months counts.
    assert found["n_cases"][0] == int(event[:10].sum())


def test_the_compiled_bootstrap_is_the_auc_of_each_resample():
    from resistance_assets.science.survival import time_dependent_auc as survival

    rng = np.random.default_rng(3)
    time, event = np.round(rng.exponential(30, 120)), rng.integers(0, 2, 120)
    # Ties in risk and in time, a moment without controls, and resamples in which a moment has no case.
    risk, moments = np.round(rng.normal(size=120), 1), np.array([1.0, 12, 36, 900])
    picks = rng.integers(0, 120, (40, 120))
    fast = survival._bootstrap_auc(risk, time, event, moments, picks)
    slow = np.array([survival._auc(risk[p], time[p], event[p], moments)[0] for p in picks])
    np.testing.assert_allclose(fast, slow, rtol=1e-12)
    assert np.isnan(fast[:, 3]).all()


def test_signatures_say_what_was_measured_and_why_there_is_no_result(lung):
    genes, x = lung.genes[:200], lung.expression[:200]
    found = score_signatures(
        x,
        genes,
        lung.time,
        lung.event.astype(float),
        {"some": [*genes[:5], "ABSENT"], "absent": ["ABSENT"], "empty": []},
        random_signatures=100,
        seed=1,
    ).rows_by_key("signature_id", named=True, unique=True)
    some = found["some"]
    assert (some["genes_in_list"], some["genes_in_signature"], some["n"], some["events"]) == (6, 5, 453, 158)
    assert 1 / 101 <= some["p_random"] <= 1
    assert some["q_value_bh"] >= some["p_random"]
    assert found["absent"]["p_random"] is None
    assert "no gene of the signature" in found["absent"]["note"]
    assert found["empty"]["note"] == "the list is empty"


def test_pooling_all_genes_at_once_is_pooling_each(lung):
    rng = np.random.default_rng(5)
    rows = []
    for gene in range(30):
        # Two to four cohorts; one of the four has no estimate of every third gene.
        for cohort in range(2 + gene % 3):
            effect, se, sd = rng.normal(0.2, 0.3), rng.uniform(0.05, 0.3), rng.uniform(0.5, 3)
            rows.append(
                {
                    "cohort_id": f"c{cohort}",
                    "endpoint": "OS",
                    "model": "continuous",
                    "hgnc_symbol": f"G{gene:02d}",
                    "n": 100,
                    "events": 40,
                    "log_hazard_ratio": effect / sd,
                    "standard_error": se / sd,
                    "hazard_ratio_per_sd": float(np.exp(effect)),
                    "estimator": "firth" if gene % 3 == 2 and cohort == 3 else "partial_likelihood",
                }
            )
    screens = pl.DataFrame(rows)
    pooled = pool_screens(screens).rows_by_key("hgnc_symbol", named=True, unique=True)
    assert len(pooled) == 30
    for gene, part in screens.filter(pl.col("estimator") != "firth").group_by("hgnc_symbol"):
        per_sd = part["hazard_ratio_per_sd"].log()
        one, _ = combine_cohorts(
            part["cohort_id"].to_list(), per_sd, part["standard_error"] * (per_sd / part["log_hazard_ratio"])
        )
        row = pooled[str(gene[0])]
        for name, value in one.row(0, named=True).items():
            close = pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value
            assert row[name] == close, (gene, name)
        assert row["cohort_ids"] == "|".join(sorted(part["cohort_id"]))
        assert (row["n"], row["events"]) == (100 * len(part), 40 * len(part))


def test_one_cohort_is_nothing_to_pool():
    one = pl.DataFrame(
        {"cohort_id": ["a"], "endpoint": ["OS"], "model": ["continuous"], "hgnc_symbol": ["G"], "n": [9], "events": [3],
         "log_hazard_ratio": [0.1], "standard_error": [0.1], "hazard_ratio_per_sd": [1.1],
         "estimator": ["partial_likelihood"]}
    )  # fmt: skip
    assert pool_screens(one).is_empty()


def test_covariates_as_columns_and_which_of_them_can_be_used():
    frame = pl.DataFrame({"age": [60.0, None, 50.0], "stage": ["I", "III", None], "same": ["x"] * 3})
    columns = covariate_columns(frame.select("age", "stage"))
    np.testing.assert_array_equal(columns, [[60, 0], [np.nan, 1], [50, np.nan]])
    assert usable_covariates(frame, ["age", "stage", "same"])[0] == ["age", "stage"]
    assert covariate_columns(frame.select([])).size == 0


def test_patients_that_two_sources_show_count_once_in_the_pool():
    def screen(cohort: str, endpoint: str, effect: float) -> dict[str, object]:
        return {
            "cohort_id": cohort, "endpoint": endpoint, "model": "continuous", "hgnc_symbol": "AXL", "n": 100,
            "events": 40, "log_hazard_ratio": effect, "standard_error": 0.2, "hazard_ratio_per_sd": math.exp(effect),
            "estimator": "partial_likelihood",
        }  # fmt: skip

    both = pl.DataFrame([
        screen("xena", "OS", 0.4), screen("tcga", "OS", 0.5), screen("own", "OS", 0.1),
        screen("xena", "PFI", 0.3), screen("own", "PFI", 0.2),
    ])  # fmt: skip
    once = one_cohort_per_patient(both, {"xena": "tcga", "tcga": "tcga"}, ["tcga", "own", "xena"])
    assert once.select("cohort_id", "endpoint").rows() == [
        ("tcga", "OS"), ("own", "OS"),
        # The other view stands in where the first has no estimate.
        ("xena", "PFI"), ("own", "PFI"),
    ]  # fmt: skip
    pooled = pool_screens(once)
    assert pooled.select("endpoint", "cohort_ids", "n").rows() == [("OS", "own|tcga", 200), ("PFI", "own|xena", 200)]
    # Without the rule the same patients would be taken for evidence of their own.
    assert pool_screens(both).filter(endpoint="OS")["n"].item() == 300
    assert one_cohort_per_patient(both, {}, []).height == both.height
