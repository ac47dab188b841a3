"""Survival as the published warehouse tells it: against R on the real cohort, and on the demo with two cohorts.

Tolerances are those of the goldens' README. Times of the archive are days / 30.417, those of the goldens days / 30.44:
what rests on the order of times alone agrees to rounding, what is in months to a factor of 1.0008.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resistance_assets_tests.science.survival.goldens import is_true, read_table, within
from resistance_assets_tests.warehouse_runs import ask, run_warehouse

LUAD_OS = "cohort_id = 'luad_tcga' AND endpoint = 'OS'"


@pytest.fixture(scope="module")
def r(goldens: Path):
    return lambda name: read_table(goldens / "survival" / name)


@pytest.fixture(scope="module")
def demo(demo_place: Path) -> Path:
    return demo_place / "data"


def by_source_symbol(data_dir: Path, table: str, where: str = "TRUE") -> pl.DataFrame:
    """Rows of a survival table of overall survival, with the symbol that the vendor and R use."""
    return ask(
        data_dir,
        f"SELECT g.source_symbol AS gene, t.* FROM (SELECT * FROM {table} WHERE {LUAD_OS} AND {where}) AS t"
        " INNER JOIN staging.cohorts__genes AS g ON g.cohort_id = t.cohort_id AND g.hgnc_symbol = t.hgnc_symbol",
    )


# ---- against R -------------------------------------------------------------------------------------------------------


def test_multivariable_models_of_r(real_data_dir, r):
    ours = by_source_symbol(real_data_dir, "core.survival__multivariable_models", "model_id = 'age_sex'")
    both = ours.join(r("os_multivariable_models.tsv.gz").filter(is_true("converged")), on="gene", suffix="_r")
    assert both.height >= 15
    assert set(both["n"]) == {443}
    assert set(both["events"]) == {155}
    within(both["p_likelihood_ratio"], both["p_lrt"], rel=1e-6)
    within(both["p_score"], both["p_score_r"], rel=1e-9)
    within(both["log_likelihood"], both["loglik"], absolute=1e-8)
    within(both["concordance"], both["concordance_r"], absolute=1e-10)
    within(both["p_proportional_hazards"], both["zph_p_global"], rel=1e-4)
    terms = by_source_symbol(real_data_dir, "core.survival__multivariable_terms", "model_id = 'age_sex'")
    expected = r("os_multivariable_terms.tsv.gz")
    for ours_name, theirs, sign in (("expression", "gene", 1), ("age_years", "age", 1), ("sex: male", "is_female", -1)):
        pair = terms.filter(term=ours_name).join(expected.filter(term=theirs), on="gene", suffix="_r")
        assert pair.height >= 15
        error = (pair["log_hazard_ratio"] - sign * pair["coef"]) / pair["se"]
        assert error.abs().max() <= 1e-5
        within(pair["p_value"], pair["p"], rel=1e-3)


def test_proportional_hazards_of_r_and_the_failing_term_is_named(real_data_dir, r):
    tested = by_source_symbol(real_data_dir, "core.survival__proportional_hazards")
    alone = tested.filter(model_id="unadjusted", variable="expression").join(
        r("os_zph_km.tsv.gz").filter(is_true("converged")), on="gene"
    )
    assert alone.height >= 15
    within(alone["chi2"].sqrt(), alone["chisq"].sqrt(), absolute=1e-5)
    adjusted = tested.filter(model_id="age_sex").join(r("os_multivariable_models.tsv.gz"), on="gene")
    for variable, column in (("expression", "gene"), ("age_years", "age"), ("sex", "is_female"), ("GLOBAL", "global")):
        rows = adjusted.filter(variable=variable)
        within(rows["p_value"], rows[f"zph_p_{column}"], rel=1e-4)
    failing = (
        tested.filter(pl.col("violated") & (pl.col("variable") != "GLOBAL"))
        .group_by("gene", "model_id", maintain_order=True)
        .agg("variable")
    )
    named = by_source_symbol(real_data_dir, "core.survival__multivariable_models").drop_nulls(
        "hazards_not_proportional"
    )
    assert named.height == failing.height > 0
    for row in named.join(failing, on=["gene", "model_id"]).to_dicts():
        assert set(row["hazards_not_proportional"].split("|")) == set(row["variable"])


def test_stratified_models_of_r(real_data_dir, r):
    ours = by_source_symbol(
        real_data_dir, "core.survival__multivariable_terms", "model_id = 'stratified_by_sex' AND term = 'expression'"
    )
    both = ours.join(r("os_stratified.tsv.gz").filter(is_true("converged")), on="gene", suffix="_r")
    assert both.height >= 15
    assert ((both["log_hazard_ratio"] - both["coef"]) / both["se"]).abs().max() <= 1e-5


def test_optimal_cuts_of_r(real_data_dir, r):
    both = by_source_symbol(real_data_dir, "core.survival__optimal_cuts").join(
        r("os_maxstat.tsv.gz"), on="gene", suffix="_r"
    )
    assert both.height == 30
    within(both["statistic"], both["statistic_r"], rel=1e-9)
    within(both["cut_point"], both["cutpoint"], absolute=1e-12)
    within(both["p_lau92"], both["p_lau92_r"], absolute=1e-9)
    within(both["p_lau94"], both["p_lau94_r"].clip(upper_bound=1.0), absolute=1e-9)
    # Two Monte Carlo estimates, of 10,000 and 20,000 permutations: four standard errors of their difference.
    p = both["p_condmc_B20000"].to_numpy()
    spread = 4 * np.sqrt(p * (1 - p) * (1 / 10_000 + 1 / 20_000)) + 1 / 10_000
    assert (np.abs(both["p_permutation"].to_numpy() - p) <= spread).all()
    assert (both["p_naive"] <= both["p_permutation"]).all()
    known = ask(real_data_dir, "SELECT count(*) FROM core.survival__optimal_cuts WHERE p_naive IS NOT NULL"
                " AND (p_permutation IS NULL OR q_value_bh IS NULL)")  # fmt: skip
    assert known.item() == 0


def test_curves_of_r_with_both_kinds_of_limits(real_data_dir, r):
    ours = ask(
        real_data_dir,
        f"SELECT * FROM core.survival__kaplan_meier WHERE {LUAD_OS} AND hgnc_symbol = 'CCL20'"
        " ORDER BY expression_group, time_months",
    )
    theirs = r("os_km_ccl20.tsv.gz").sort("group", "time")
    for conf_type, suffix in (("log", ""), ("log-log", "_log_log")):
        one = theirs.filter(conf_type=conf_type)
        assert ours["expression_group"].to_list() == one["group"].to_list()
        assert ours["n_at_risk"].to_list() == one["n_risk"].to_list()
        within(ours["survival"], one["surv"], absolute=1e-10)
        within(ours["standard_error_survival"], one["std_err_surv"], absolute=1e-10)
        within(ours[f"ci_lower{suffix}"], one["lower"], absolute=1e-10)
        within(ours[f"ci_upper{suffix}"], one["upper"], absolute=1e-10)
    means = ask(
        real_data_dir,
        f"SELECT * FROM core.survival__restricted_means WHERE {LUAD_OS} AND hgnc_symbol = 'CCL20'"
        " AND expression_group <> 'high_minus_low' ORDER BY expression_group",
    )
    summary = r("os_km_ccl20_summary.tsv").filter(conf_type="log").sort("group")
    within(means["restricted_mean_months"], summary["rmean"], rel=1e-3)
    within(means["standard_error_months"], summary["rmean_se"], rel=1e-3)


def test_landmarks_are_read_off_the_curves(real_data_dir):
    wrong = ask(
        real_data_dir,
        """
        SELECT l.hgnc_symbol, l.time_months, l.survival, max_by(k.survival, k.time_months) AS on_curve
        FROM core.survival__landmarks AS l
        INNER JOIN core.survival__kaplan_meier AS k USING (cohort_id, endpoint, hgnc_symbol, expression_group)
        WHERE k.time_months <= l.time_months AND l.survival IS NOT NULL
        GROUP BY ALL HAVING abs(l.survival - on_curve) > 1e-12
        """,
    )
    assert wrong.is_empty()
    row = ask(
        real_data_dir,
        f"SELECT sum(n_at_risk), sum(n) FROM core.survival__landmarks WHERE {LUAD_OS} AND hgnc_symbol = 'CCL20'"
        " AND time_months = 60",
    ).row(0)
    assert row == (47, 453)


def test_the_auc_beside_stage_is_that_of_stage(real_data_dir):
    row = ask(
        real_data_dir,
        f"SELECT * FROM core.survival__time_dependent_auc WHERE {LUAD_OS} AND hgnc_symbol = 'CCL20'"
        " AND model_id = 'age_sex_stage' AND time_months = 60",
    ).row(0, named=True)
    assert (row["n"], row["n_cases"]) == (441, 149)
    assert row["auc"] == pytest.approx(0.706, abs=5e-4)
    assert row["auc_covariates_alone"] == pytest.approx(0.697, abs=5e-4)
    # The interval holds 0: what the gene adds is not shown.
    assert row["auc_gain_ci_lower"] < 0 < row["auc_gain"] < row["auc_gain_ci_upper"]


def test_auc_stands_with_its_interval_numbers_and_the_cross_validated_value(real_data_dir):
    rows = ask(real_data_dir, f"SELECT * FROM core.survival__time_dependent_auc WHERE {LUAD_OS}")
    assert set(rows["time_months"]) == {12.0, 36.0, 60.0}
    assert rows["auc"].null_count() == rows["auc_cross_validated"].null_count() == 0
    assert (rows["ci_lower"] <= rows["auc"]).all()
    assert (rows["auc"] <= rows["ci_upper"]).all()
    assert (rows["n_at_risk"] > 0).all()
    # Stage is known to matter: with it every gene's model tells more than a gene alone does on average.
    mean = dict(rows.group_by("model_id").agg(pl.col("auc_cross_validated").mean()).iter_rows())
    assert mean["age_sex_stage"] > mean["unadjusted"] + 0.05
    assert (rows.group_by("model_id").agg((pl.col("auc") - pl.col("auc_cross_validated")).mean())["auc"] > 0).all()


def test_the_screen_has_its_four_models_and_the_adjusted_one_says_for_what(real_data_dir):
    rows = ask(
        real_data_dir,
        "SELECT model, count(*) AS genes, CAST(median(n) AS BIGINT) AS n, any_value(covariates) AS covariates,"
        f" count(p_logrank) AS tests FROM core.survival__cohort_endpoint_genes WHERE {LUAD_OS} GROUP BY 1",
    ).rows_by_key("model", unique=True)
    assert rows["continuous"] == (2812, 453, None, 0)
    assert rows["continuous_adjusted"] == (2812, 441, "age_years|sex|stage_group", 0)
    assert rows["median_split"][0] == 2812
    assert rows["quartile_split"][0] == 2812
    assert rows["quartile_split"][1] < 300
    # The same model two ways: one of thousands in the screen, one of the genes of interest.
    pairs = ask(
        real_data_dir,
        "SELECT s.log_hazard_ratio AS a, t.log_hazard_ratio AS b, s.standard_error AS se_a, t.standard_error AS se_b"
        " FROM core.survival__cohort_endpoint_genes AS s INNER JOIN core.survival__multivariable_terms AS t"
        " USING (cohort_id, endpoint, hgnc_symbol) WHERE s.model = 'continuous_adjusted'"
        " AND t.model_id = 'age_sex_stage' AND t.term = 'expression' AND s.estimator = 'partial_likelihood'",
    )
    assert pairs.height >= 60
    assert ((pairs["a"] - pairs["b"]) / pairs["se_b"]).abs().max() <= 1e-5
    within(pairs["se_a"], pairs["se_b"], rel=1e-5)


def test_signatures_are_held_against_random_ones(real_data_dir):
    rows = ask(real_data_dir, "SELECT * FROM core.survival__signatures")
    assert {"wang_2022_cytokines", "luad_tumour_vs_normal__pydeseq2__up"} <= set(rows["signature_id"])
    assert set(rows["endpoint"]) == {"OS", "DSS", "DFS", "PFS"}
    assert (rows["p_random"] >= 1 / 1001).all()
    assert (rows["genes_in_signature"] <= rows["genes_in_list"]).all()


def test_tumour_and_normal_differ_as_the_paired_test_says(real_data_dir):
    both = ask(
        real_data_dir,
        "SELECT t.difference, d.log2_fold_change, t.q_value_bh AS q, t.n_tumour, t.n_normal,"
        " greatest(t.mean_tumour, t.mean_normal) AS level"
        " FROM core.expression__tumour_normal AS t INNER JOIN core.deg__contrast_genes AS d"
        " ON d.contrast_id = t.comparison_id AND d.hgnc_symbol = t.hgnc_symbol AND d.method = 'limma_voom'",
    )
    assert both.height == 13044
    # 59 samples of 27 patients: aliquots of a tumour are averaged, not counted.
    assert set(both["n_tumour"]) == set(both["n_normal"]) == {27}
    # Near zero counts the two differ by their prior counts (2 here, 0.5 in voom), so genes above 8 CPM are compared.
    expressed = both.filter(pl.col("level") > 3)
    assert expressed.height > 10_000
    assert expressed.select(pl.corr("difference", "log2_fold_change")).item() > 0.98
    assert both.filter(pl.col("q") < 1e-6, pl.col("difference") * pl.col("log2_fold_change") < 0).is_empty()


def test_partial_correlation_given_stage_stands_beside_the_plain_one(real_data_dir):
    rows = ask(
        real_data_dir,
        "SELECT method, given, n, rho FROM core.correlation__gene_pairs WHERE hgnc_symbol_a = 'CCL20'"
        " AND hgnc_symbol_b = 'VEGFA' ORDER BY method",
    ).rows()
    assert rows[0][:3] == ("spearman", None, 453)
    assert rows[1][:3] == ("spearman_partial", "stage_group", 451)
    assert rows[1][3] == pytest.approx(rows[0][3], abs=0.02)


def test_partial_correlation_is_given_purity_too_where_an_archive_has_it(demo):
    given = ask(demo, "SELECT DISTINCT cohort_id, given FROM core.correlation__gene_pairs WHERE given IS NOT NULL")
    assert ("luad_tcga", "stage_group|tumour_purity") in given.rows()
    # Written in percent, by rule: 35 + 37 k mod 60, k counted from 0, unknown for every fortieth.
    purity = ask(
        demo,
        "SELECT right(patient_id, 4)::INT - 1 AS k, tumour_purity FROM staging.cohorts__patients"
        " WHERE cohort_id = 'luad_tcga'",
    )
    rows = [(k, share) for k, share in purity.rows() if share is not None]
    assert len(rows) > 100
    assert all(k % 40 and share == pytest.approx((35 + 37 * k % 60) / 100) for k, share in rows)


def test_one_cohort_alone_is_not_pooled_and_every_family_is_counted(real_data_dir):
    assert ask(real_data_dir, "SELECT count(*) FROM core.survival__meta_analysis").item() == 0
    families = ask(
        real_data_dir,
        "SELECT family, n_tests FROM core.hypotheses_tested WHERE family LIKE 'luad_tcga OS%' AND analysis LIKE"
        " 'core.survival__%'",
    )
    counted = dict(families.iter_rows())
    assert counted["luad_tcga OS continuous_adjusted p_value"] == 2812
    assert counted["luad_tcga OS p_corrected"] > 2700
    # The covariates of a model are not tests of genes.
    assert counted["luad_tcga OS age_sex p_value"] == 16


# ---- cohorts of laboratories -----------------------------------------------------------------------------------------


def test_a_study_with_follow_up_is_a_cohort(demo):
    row = ask(demo, "SELECT * FROM marts.cohort_endpoints WHERE cohort_id = 'demo_luad_followed'").to_dicts()[0]
    assert (row["endpoint"], row["n_patients"], row["n_analysed"]) == ("OS", 140, 137)
    excluded = ask(
        demo, "SELECT excluded FROM core.survival__cohort_endpoints WHERE cohort_id = 'demo_luad_followed'"
    ).item()
    # A patient without an event is not in the endpoint at all; nothing else was left out.
    assert excluded is None
    # Days of the sheet are months in the warehouse.
    days, months = ask(
        demo,
        "SELECT max(CAST(value AS DOUBLE)), (SELECT max(time_months) FROM staging.cohorts__patient_endpoints WHERE"
        " cohort_id = 'demo_luad_followed') FROM raw.studies__samples WHERE attribute_id = 'time'",
    ).row(0)
    assert months == pytest.approx(days * 12 / 365.25)
    kinds = ask(demo, "SELECT kind FROM marts.dataset_catalog WHERE dataset_id = 'demo_luad_followed'")[
        "kind"
    ].to_list()
    assert kinds == ["cohort"]


def test_planted_hazards_stand_in_the_pooled_estimate(demo, demo_place):
    from resistance_assets.demo import DemoTruth

    truth = DemoTruth.from_json(json.loads((demo_place / "demo" / "truth.json").read_text()))
    pooled = ask(
        demo, "SELECT * FROM core.survival__meta_analysis WHERE endpoint = 'OS' AND model = 'continuous'"
    ).rows_by_key("hgnc_symbol", named=True, unique=True)
    assert len(pooled) > 1900
    for gene, log_hazard in truth.log_hazard_per_sd["OS"].items():
        row = pooled[gene]
        assert (row["cohorts"], row["cohort_ids"]) == (2, "demo_luad_followed|luad_tcga")
        assert row["events"] == 163
        if abs(log_hazard) > 0.8:
            assert row["log_hazard_ratio"] * log_hazard > 0
            assert row["q_value_bh_normal"] < 0.001


def test_a_new_cohort_computes_only_itself(demo_place, tmp_path):
    data_dir = tmp_path / "data"
    shutil.copytree(demo_place / "data", data_dir)
    own = tmp_path / "own"
    own.mkdir()
    rng = np.random.default_rng(11)
    genes = ["CCL20", "LDHA", "AXL", *(f"SYN{k:04d}" for k in range(1, 58))]
    names = [f"S{k}" for k in range(40)]
    counts = pl.DataFrame({"gene": genes} | {name: rng.poisson(200, len(genes)) for name in names})
    counts.write_csv(own / "counts.tsv", separator="\t")
    pl.DataFrame(
        {"sample_id": names, "time": np.round(rng.exponential(2.5, 40) + 0.1, 2), "event": rng.integers(0, 2, 40)}
    ).write_csv(own / "samples.tsv", separator="\t")
    (own / "study.toml").write_text(
        '[study]\nid = "own_cohort"\ntitle = "Own cohort"\norganism = "Homo sapiens"\nkind = "rna_seq_counts"\n'
        'counts = "counts.tsv"\nsamples = "samples.tsv"\n\n[survival]\nendpoint = "PFS"\nunit = "years"\n'
    )
    demo_studies = demo_place / "demo" / "studies"
    summary = run_warehouse(data_dir, mirror=demo_place / "demo" / "mirror", studies=[demo_studies, own])
    assert summary.ok, summary.as_document()
    built = {address for address, outcome in summary.launch.outcomes.items() if outcome == "built"}
    own_parts = {address for address in built if address.startswith("parts.")}
    of_own = {address for address in own_parts if "own_cohort" in address}
    assert {
        f"parts.{table}__own_cohort{endpoint}"
        for table, endpoint in (
            ("survival__cohort_endpoint_genes", "__pfs"),
            ("survival__optimal_cuts", "__pfs"),
            ("survival__multivariable_models", "__pfs"),
            ("survival__signatures", "__pfs"),
            ("survival__cohort_endpoints", "__pfs"),
            ("correlation__gene_pairs", ""),
        )
    } <= of_own
    # Slices of the other cohorts are cut again, because the tables they are cut from grew; they are as they were, so
    # no analysis that rests on them is computed.
    analyses = ("parts.survival__", "parts.correlation__")
    assert not {address for address in own_parts - of_own if address.startswith(analyses)}
    # Four endpoints of the catalog's cohort and two of laboratories: PFS now has two cohorts.
    pooled = ask(
        data_dir, "SELECT endpoint, any_value(cohort_ids) FROM core.survival__meta_analysis GROUP BY 1 ORDER BY 1"
    ).rows()
    assert pooled == [("OS", "demo_luad_followed|luad_tcga"), ("PFS", "luad_tcga|own_cohort")]


def test_an_endpoint_without_events_is_unavailable_and_says_why():
    from resistance_assets.defs.core.survival.followed_patients import followed_patients
    from resistance_assets.errors import SourceUnavailable

    expression = pl.DataFrame(
        {"hgnc_symbol": ["A", "A"], "patient_id": ["p1", "p2"], "expression_value": [1.0, 2.0]},
    )
    follow_up = pl.DataFrame({"patient_id": ["p1", "p3"], "time_months": [5.0, 6.0], "event_observed": [0, 1]})
    with pytest.raises(SourceUnavailable, match="DFS of luad: none of 1 patients with expression and follow-up had"):
        followed_patients(expression, follow_up, "DFS of luad")
    seen = followed_patients(expression, follow_up.with_columns(event_observed=pl.lit(1)), "DFS of luad")
    assert (seen.patients, seen.matrix.tolist()) == (["p1"], [[1.0]])
