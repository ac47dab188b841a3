"""The genome-wide survival screens against R's survival on TCGA LUAD, and against their own properties.

Tolerances are those of the golden README: they come from the distance between R's stopping rule (relative change of the
likelihood below 1e-9) and an exact Newton iteration, with a margin of about 10.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resistance_assets.errors import DataFault, DesignFault
from resistance_assets.science.survival.curves import median_survival
from resistance_assets.science.survival.follow_up import merge_nearly_equal, usable_follow_up
from resistance_assets.science.survival.logrank import compare_groups
from resistance_assets.science.survival.optimal_cut import screen_optimal_cut
from resistance_assets.science.survival.power import events_for_power
from resistance_assets.science.survival.screen import (
    SCREEN_SCHEMA,
    rank_normal_scores,
    screen_cox,
    screen_median_split,
    screen_quartile_split,
    screen_survival,
)

from .goldens import LungCohort, is_true, read_lung_cohort, within

# Monotone by hand inspection (golden README): the value of coef is wherever R stopped.
TRULY_MONOTONE = ["IFNA10", "IFNA17", "IFNA7"]


@pytest.fixture(scope="module")
def lung(goldens) -> LungCohort:
    return read_lung_cohort(goldens)


@pytest.fixture(scope="module")
def continuous(lung) -> pl.DataFrame:
    return screen_cox(lung.expression, lung.time, lung.event, lung.genes)


@pytest.fixture(scope="module")
def split(lung) -> pl.DataFrame:
    return screen_median_split(lung.expression, lung.time, lung.event, lung.genes, minimum=None)


def beside_r(ours: pl.DataFrame, theirs: pl.DataFrame, *, every_row: bool = False) -> pl.DataFrame:
    both = ours.join(theirs, left_on="hgnc_symbol", right_on="gene", suffix="_r", validate="1:1", maintain_order="left")
    assert len(both) == len(theirs)
    return both if every_row else both.filter(is_true("converged"))


def compare_cox(both: pl.DataFrame, names: dict[str, str]) -> None:
    scaled = ((both["log_hazard_ratio"] - both[names["coef"]]) / both[names["se"]]).abs()
    assert scaled.max() <= 1e-5
    assert scaled.null_count() == 0
    tolerances = {
        "se": ("standard_error", 1e-4, 0),
        "hr": ("hazard_ratio", 1e-4, 0),
        "lower": ("ci_lower", 1e-4, 0),
        "upper": ("ci_upper", 1e-4, 0),
        "p_wald": ("p_value", 1e-3, 0),
        "p_lrt": ("p_likelihood_ratio", 1e-6, 0),
        "p_score": ("p_score", 1e-9, 0),
        "null": ("log_likelihood_null", 0, 1e-8),
        "loglik": ("log_likelihood", 0, 1e-8),
        "concordance": ("concordance", 0, 1e-10),
    }
    for key, (ours, rel, absolute) in tolerances.items():
        if key in names:
            within(both[ours], both[names[key]], rel=rel, absolute=absolute)


COX_NAMES = {
    "coef": "coef",
    "se": "se",
    "hr": "hr",
    "lower": "hr_lower",
    "upper": "hr_upper",
    "p_wald": "p_wald",
    "p_lrt": "p_lrt",
    "p_score": "p_score_r",
    "null": "loglik_null",
    "loglik": "loglik",
    "concordance": "concordance_r",
}


@pytest.mark.slow
def test_every_converged_continuous_fit_of_r(lung, continuous):
    both = beside_r(continuous, lung.table("os_cox_continuous.tsv.gz"))
    assert len(both) == 2804
    compare_cox(both, COX_NAMES)
    assert (both["n"] == both["n_r"]).all()
    assert (both["events"] == both["n_event"]).all()
    assert (both["fit_status"] == "converged").all()


def test_false_alarms_of_r_converge_and_true_ones_are_penalised(lung, continuous):
    both = beside_r(continuous, lung.table("os_cox_continuous.tsv.gz"), every_row=True).filter(~is_true("converged"))
    assert len(both) == 8
    monotone = both.filter(pl.col("hgnc_symbol").is_in(TRULY_MONOTONE))
    assert monotone["fit_status"].to_list() == ["monotone_likelihood"] * 3
    assert monotone["estimator"].to_list() == ["firth"] * 3
    assert monotone["statistic"].null_count() == 3
    assert monotone["p_value"].null_count() == 0
    within(monotone["p_score"], monotone["p_score_r"], rel=1e-9)
    fine = both.filter(~pl.col("hgnc_symbol").is_in(TRULY_MONOTONE))
    assert (fine["fit_status"] == "converged").all()
    # R stopped after one step here; its coefficients agree to 6 decimals.
    within(fine["log_hazard_ratio"], fine["coef"], absolute=1e-6)
    within(fine["p_score"], fine["p_score_r"], rel=1e-9)


def test_every_breslow_fit_of_r(lung):
    theirs = lung.table("os_cox_breslow.tsv.gz")
    ours = screen_cox(lung.rows(theirs["gene"]), lung.time, lung.event, theirs["gene"].to_list(), ties="breslow")
    both = beside_r(ours, theirs)
    assert len(both) >= 295
    compare_cox(both, {"coef": "coef", "se": "se", "p_score": "p_score_r", "null": "loglik_null", "loglik": "loglik"})


def test_every_fit_with_heavy_ties(lung):
    theirs = lung.table("os_ties_years.tsv.gz")
    years, genes, rows = np.ceil(lung.time / 12), theirs["gene"].to_list(), lung.rows(theirs["gene"])
    efron = beside_r(screen_cox(rows, years, lung.event, genes), theirs)
    assert len(efron) >= 295
    names = {"coef": "efron_coef", "se": "efron_se", "p_lrt": "efron_p_lrt", "p_score": "efron_p_score"}
    compare_cox(efron, {**names, "loglik": "efron_loglik", "concordance": "concordance_r"})
    breslow = beside_r(screen_cox(rows, years, lung.event, genes, ties="breslow"), theirs)
    names = {"coef": "breslow_coef", "se": "breslow_se", "p_lrt": "breslow_p_lrt", "p_score": "breslow_p_score"}
    compare_cox(breslow, {**names, "loglik": "breslow_loglik"})
    halves = beside_r(screen_median_split(rows, years, lung.event, genes, minimum=None), theirs, every_row=True)
    tested = halves.filter(pl.col("logrank_chisq").is_not_null())
    within(tested["logrank_chi2"], tested["logrank_chisq"], rel=1e-9)
    within(tested["p_logrank"], tested["logrank_p"], rel=1e-8)


def test_every_stratified_fit_of_r(lung):
    theirs = lung.table("os_stratified.tsv.gz")
    ours = screen_cox(lung.rows(theirs["gene"]), lung.time, lung.event, theirs["gene"].to_list(), strata=lung.is_female)
    both = beside_r(ours, theirs)
    assert len(both) >= 95
    compare_cox(both, {k: v for k, v in COX_NAMES.items() if k not in ("hr", "lower", "upper")})


def test_every_adjusted_fit_of_r(lung):
    theirs = lung.table("os_multivariable_terms.tsv.gz").filter(pl.col("term") == "gene")
    models = lung.table("os_multivariable_models.tsv.gz")
    ours = screen_cox(
        lung.rows(theirs["gene"]),
        lung.time,
        lung.event,
        theirs["gene"].to_list(),
        covariates=np.column_stack([lung.age, lung.is_female]),
    )
    both = beside_r(ours, theirs.join(models, on="gene", maintain_order="left"))
    assert len(both) >= 290
    assert set(both["n"]) == {443}
    assert set(both["events"]) == {155}
    compare_cox(
        both,
        {
            "coef": "coef",
            "se": "se",
            "hr": "hr",
            "lower": "hr_lower",
            "upper": "hr_upper",
            "p_wald": "p",
            "loglik": "loglik",
            "concordance": "concordance_r",
        },
    )


def test_adjusted_fit_with_missing_expression_equals_the_fit_of_those_patients(lung):
    rows = lung.rows(["CCL20", "EGFR"]).copy()
    missing = np.arange(lung.time.size) % 7 == 3
    rows[0, missing] = np.nan
    beside = np.column_stack([np.nan_to_num(lung.age, nan=66.0), lung.is_female])
    both = screen_cox(rows, lung.time, lung.event, ["CCL20", "EGFR"], covariates=beside)
    alone = screen_cox(
        rows[:1, ~missing], lung.time[~missing], lung.event[~missing], ["CCL20"], covariates=beside[~missing]
    )
    for name in ("n", "events", "log_hazard_ratio", "standard_error", "p_likelihood_ratio", "p_score", "concordance"):
        assert both[name][0] == pytest.approx(alone[name][0], rel=1e-9)
    assert both["n"][1] == lung.time.size


def test_every_median_split_of_r(lung, split):
    both = beside_r(split, lung.table("os_median_split.tsv.gz"), every_row=True)
    within(both["cut_point"], both["median"], rel=1e-14, absolute=1e-15)
    for ours, theirs in [("n_high", "n_high_r"), ("n_low", "n_low_r")]:
        assert (both[ours] == both[theirs]).all()
    tested = both.filter(pl.col("chisq").is_not_null())
    assert len(tested) == 2812
    for ours, theirs in [("observed_high", "obs_high"), ("observed_low", "obs_low")]:
        assert (tested[ours] == tested[theirs]).all()
    for ours, theirs in [("expected_high", "exp_high"), ("expected_low", "exp_low"), ("logrank_chi2", "chisq")]:
        within(tested[ours], tested[theirs], rel=1e-9)
    within(tested["p_logrank"], tested["p_logrank_r"], rel=1e-8)
    for side in ("high", "low"):
        within(tested[f"median_survival_months_{side}"], tested[f"median_{side}"], rel=1e-12)
    fitted = both.filter(is_true("converged"))
    names = {k: v for k, v in COX_NAMES.items() if k not in ("null", "concordance")}
    compare_cox(fitted, names)


def test_ccl20_as_published_cohort_tables_have_it(split, continuous):
    row = split.row(by_predicate=pl.col("hgnc_symbol") == "CCL20", named=True)
    assert (row["n"], row["n_high"], row["n_low"]) == (453, 226, 227)
    assert row["logrank_chi2"] == pytest.approx(6.0711, abs=5e-5)
    assert row["p_logrank"] == pytest.approx(0.013741, abs=5e-7)
    assert row["hazard_ratio"] == pytest.approx(1.48349, abs=5e-6)
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx((1.08204, 2.03388), abs=5e-6)
    row = continuous.row(by_predicate=pl.col("hgnc_symbol") == "CCL20", named=True)
    assert row["log_hazard_ratio"] == pytest.approx(0.10577351, abs=5e-9)
    assert row["standard_error"] == pytest.approx(0.05875131, abs=5e-9)


def test_edge_columns_continuous(lung):
    edge = lung.table("edge_genes.tsv.gz")
    genes = edge.columns[1:]
    rows = edge.select(pl.col(genes).cast(pl.Float64).fill_null(np.nan)).to_numpy().T
    ours = screen_cox(rows, lung.time, lung.event, genes)
    theirs = lung.table("os_edge_cox_continuous.tsv.gz")
    both = beside_r(ours, theirs)
    assert len(both) == 11
    # CCL20_div1e6 overflows to HR infinity, in R as here.
    compare_cox(both, COX_NAMES)
    everything = beside_r(ours, theirs, every_row=True)
    assert (everything["n"] == everything["n_r"]).all()
    assert (everything["events"] == everything["n_event"]).all()
    status = dict(ours.select("hgnc_symbol", "fit_status").iter_rows())
    assert {g: s for g, s in status.items() if s != "converged"} == {
        "NA_all": "not_estimable",
        "NA_all_events": "not_estimable",
        "CONSTANT": "not_estimable",
        "BIN_20_longest_censored": "monotone_likelihood",
        "MINUS_TIME": "monotone_likelihood",
    }
    for gene in ("NA_all", "NA_all_events", "CONSTANT"):
        row = ours.row(by_predicate=pl.col("hgnc_symbol") == gene, named=True)
        assert row["fit_note"]
        assert all(row[name] is None for name in ("log_hazard_ratio", "statistic", "p_value", "p_score", "q_value_bh"))
    # R stops at 20 iterations here; the maximum exists and is at least as high as where R stopped.
    row = everything.row(by_predicate=pl.col("hgnc_symbol") == "CCL20_outlier_first_event", named=True)
    assert row["log_likelihood"] >= row["loglik"] - 1e-9


def test_edge_columns_split(lung):
    edge = lung.table("edge_genes.tsv.gz")
    genes = edge.columns[1:]
    rows = edge.select(pl.col(genes).cast(pl.Float64).fill_null(np.nan)).to_numpy().T
    ours = screen_median_split(rows, lung.time, lung.event, genes, minimum=None)
    both = beside_r(ours, lung.table("os_edge_median_split.tsv.gz"), every_row=True)
    # Without events R reports chi2 0, p 1; here that is no test at all.
    tested = both.filter(pl.col("chisq").is_not_null() & (pl.col("hgnc_symbol") != "NA_all_events"))
    within(tested["logrank_chi2"], tested["chisq"], rel=1e-9)
    within(tested["expected_high"], tested["exp_high"], rel=1e-9)
    for side in ("high", "low"):
        within(tested[f"median_survival_months_{side}"], tested[f"median_{side}"], rel=1e-12)
    compare_cox(
        both.filter(is_true("converged")), {k: v for k, v in COX_NAMES.items() if k not in ("null", "concordance")}
    )
    status = dict(ours.select("hgnc_symbol", "fit_status").iter_rows())
    assert {g: s for g, s in status.items() if s != "converged"} == {
        "NA_but_8": "monotone_likelihood",
        "NA_all": "not_estimable",
        "NA_all_events": "not_estimable",
        "CONSTANT": "not_estimable",
        "CCL20_floor_at_q30": "not_estimable",
        "BIN_20_longest_censored": "monotone_likelihood",
        "MINUS_TIME": "monotone_likelihood",
    }
    empty = ours.filter(pl.col("hgnc_symbol") == "CCL20_floor_at_q30").row(0, named=True)
    assert (empty["n_high"], empty["n_low"], empty["p_logrank"]) == (0, 453, None)
    assert "empty" in empty["fit_note"]


def test_quartile_split_leaves_the_middle_out(lung):
    genes = ["CCL20", "EGFR", "KRAS"]
    rows = lung.rows(genes)
    ours = screen_quartile_split(rows, lung.time, lung.event, genes, minimum=None)
    for k, gene in enumerate(genes):
        q1, q3 = np.quantile(rows[k], [0.25, 0.75])
        assert ours["cut_point"][k] == pytest.approx(q3, rel=1e-12)
        assert ours["cut_point_low"][k] == pytest.approx(q1, rel=1e-12)
        kept = (rows[k] > q3) | (rows[k] <= q1)
        code = (rows[k] > q3).astype(float)
        direct = screen_cox(code[None, kept], lung.time[kept], lung.event[kept], [gene])
        for name in ("n", "events", "log_hazard_ratio", "standard_error", "p_likelihood_ratio", "p_score"):
            assert ours[name][k] == pytest.approx(direct[name][0], rel=1e-7)


def test_stacked_frame_has_one_schema(lung):
    genes = ["CCL20", "EGFR"]
    stacked = screen_survival(lung.rows(genes), lung.time, lung.event, genes)
    assert dict(stacked.schema) == SCREEN_SCHEMA
    assert stacked["model"].to_list() == ["continuous"] * 2 + ["rank_normal"] * 2 + ["median_split"] * 2
    assert stacked.filter(pl.col("model") == "continuous")["cut_point"].null_count() == 2
    assert stacked.filter(pl.col("model") == "median_split")["hazard_ratio_per_sd"].null_count() == 2


def test_the_likelihood_ratio_leads_where_few_patients_carry_the_variance(lung, continuous):
    """Oracle: coxph of R (`os_cox_continuous`), p_lrt within 1e-6; numbers of genes as both tests find them there."""
    theirs = lung.table("os_cox_continuous.tsv.gz").rows_by_key("gene", named=True, unique=True)
    ours = continuous.rows_by_key("hgnc_symbol", named=True, unique=True)
    for gene in ("PITX3", "CXCL5", "CCL20"):
        assert ours[gene]["p_likelihood_ratio"] == pytest.approx(theirs[gene]["p_lrt"], rel=1e-6)
    assert ours["PITX3"]["p_value"] < 1e-8 < 1e-5 < ours["PITX3"]["p_likelihood_ratio"]
    wald, ratio = continuous["q_value_bh"] < 0.05, continuous["q_value_bh_likelihood_ratio"] < 0.05
    assert (wald.sum(), ratio.sum(), (wald & ratio).sum()) == (119, 91, 71)
    ranked = screen_survival(lung.rows(["CCL20", "CXCL5"]), lung.time, lung.event, ["CCL20", "CXCL5"])
    p = dict(ranked.filter(pl.col("model") == "rank_normal").select("hgnc_symbol", "p_likelihood_ratio").iter_rows())
    assert p["CCL20"] == pytest.approx(0.0108, abs=5e-4)
    assert p["CXCL5"] > 0.3


@given(seed=st.integers(0, 2**32 - 1), levels=st.integers(2, 40))
@settings(max_examples=30, deadline=None)
def test_normal_scores_know_the_order_alone(seed, levels):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, levels, (3, 25)).astype(float)
    x[0, :4] = np.nan
    scores = rank_normal_scores(x)
    np.testing.assert_allclose(rank_normal_scores(np.exp(x / 3.0)), scores)
    np.testing.assert_array_equal(np.isnan(scores), np.isnan(x))
    np.testing.assert_allclose(rank_normal_scores(-x), -scores, atol=1e-12)


def test_concordance_of_a_large_cohort_counts_the_same_pairs():
    """Beyond a size the pairs are counted in buckets; the plain count over all pairs decides."""
    rng = np.random.default_rng(5)
    n = 4000
    x = rng.integers(0, 300, n).astype(float)
    time = np.ceil(rng.exponential(200, n))
    event = rng.integers(0, 2, n)
    row = screen_cox(x[None], time, event, ["A"])
    earlier = (time[:, None] < time[None, :]) | (
        (time[:, None] == time[None, :]) & (event[:, None] == 1) & (event[None, :] == 0)
    )
    earlier &= event[:, None] == 1
    agree = (x[:, None] > x[None, :]) + 0.5 * (x[:, None] == x[None, :])
    c = float(agree[earlier].sum() / earlier.sum())
    expected = c if row["log_hazard_ratio"][0] > 0 else 1 - c
    assert row["concordance"][0] == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(5, 60),
    levels=st.integers(2, 30),
    scale=st.sampled_from([1e-6, 1.0, 1e5]),
    ties=st.sampled_from(["efron", "breslow"]),
)
def test_the_fit_is_the_maximum_and_moves_with_the_units(seed, n, levels, scale, ties):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, levels, n).astype(float)
    time = rng.integers(1, 12, n).astype(float)
    event = rng.integers(0, 2, n)
    if not event.any():
        event[0] = 1
    rows = np.vstack([x, scale * x + 3 * scale, -x])
    frame = screen_cox(rows, time, event, ["A", "B", "C"], ties=ties)
    assert len(set(frame["fit_status"])) == 1
    if frame["fit_status"][0] == "not_estimable":
        assert frame["p_value"].null_count() == 3
        return
    assert frame["log_hazard_ratio"][1] * scale == pytest.approx(frame["log_hazard_ratio"][0], rel=1e-6, abs=1e-9)
    assert frame["log_hazard_ratio"][2] == pytest.approx(-frame["log_hazard_ratio"][0], rel=1e-6, abs=1e-9)
    if frame["fit_status"][0] == "converged":
        at = [partial_likelihood(x, time, event, frame["log_hazard_ratio"][0] + d, ties) for d in (-1e-3, 0.0, 1e-3)]
        assert at[1] == pytest.approx(frame["log_likelihood"][0], abs=1e-8)
        assert at[1] >= max(at[0], at[2]) - 1e-10
        assert frame["p_likelihood_ratio"][1] == pytest.approx(frame["p_likelihood_ratio"][0], rel=1e-6, abs=1e-12)


def partial_likelihood(x, time, event, beta, ties) -> float:
    """Straight from the definition."""
    total = 0.0
    for t in np.unique(time[event == 1]):
        risk, dead = np.exp(beta * x[time >= t]).sum(), (time == t) & (event == 1)
        weight = np.exp(beta * x[dead])
        total += beta * x[dead].sum()
        for k in range(dead.sum()):
            total -= np.log(risk - (k / dead.sum() if ties == "efron" else 0.0) * weight.sum())
    return total


def test_firth_of_two_groups_maximises_the_penalised_likelihood():
    """All deaths in one group: against a grid search of l + log(I) / 2 written from the definition."""
    time = np.arange(1.0, 21.0)
    event = (time <= 6).astype(int)
    x = (time <= 10).astype(float)
    row = screen_cox(x[None], time, event, ["A"]).row(0, named=True)
    assert row["fit_status"] == "monotone_likelihood"

    def penalised(beta):
        information = 0.0
        for t in time[event == 1]:
            risk = time >= t
            p = np.exp(beta) * x[risk].sum() / (np.exp(beta) * x[risk].sum() + (1 - x[risk]).sum())
            information += p * (1 - p)
        return partial_likelihood(x, time, event, beta, "efron") + 0.5 * np.log(information)

    grid = np.linspace(row["log_hazard_ratio"] - 1, row["log_hazard_ratio"] + 1, 2001)
    best = grid[np.argmax([penalised(beta) for beta in grid])]
    assert row["log_hazard_ratio"] == pytest.approx(best, abs=1.1e-3)
    drop = 2 * (penalised(row["log_hazard_ratio"]) - penalised(np.log(row["ci_lower"])))
    assert drop == pytest.approx(3.841458820694124, abs=1e-5)
    from scipy.stats import chi2

    ratio = 2 * (penalised(row["log_hazard_ratio"]) - penalised(0.0))
    assert row["p_value"] == pytest.approx(chi2.sf(ratio, 1), rel=1e-6)
    # The median of 10 zeros and 10 ones is 0.5, so the split is the same two groups.
    halves = screen_median_split(x[None], time, event, ["A"], minimum=None).row(0, named=True)
    for name in ("fit_status", "estimator", "log_hazard_ratio", "ci_lower", "p_value"):
        assert halves[name] == row[name]


def test_infinite_values_are_declared():
    x = np.array([[1.0, 2, np.inf, 4, 5], [1.0, 2, 3, 4, 5]])
    for screen in (screen_cox, screen_median_split):
        frame = screen(x, [1.0, 5, 2, 4, 3], [1, 1, 0, 1, 0], ["A", "B"])
        assert frame["fit_status"][0] == "not_estimable"
        assert "infinite" in frame["fit_note"][0]
        assert frame["fit_status"][1] == "converged"


def test_usable_follow_up_names_every_reason():
    time = [1.0, 0.0, -2.0, None, np.inf, 3.0]
    event = [1, 0, 1, 1, 0, None]
    mask, left_out = usable_follow_up(np.array(time, dtype=float), np.array(event, dtype=float))
    assert mask.tolist() == [True, True, False, False, False, False]
    assert left_out.to_dicts() == [
        {"patient_index": 2, "reason": "time negative"},
        {"patient_index": 3, "reason": "time missing"},
        {"patient_index": 4, "reason": "time infinite"},
        {"patient_index": 5, "reason": "event missing"},
    ]
    with pytest.raises(DataFault, match="event is 2"):
        usable_follow_up([1.0, 2.0], [2, 1])


def test_all_golden_patients_are_usable(lung):
    mask, left_out = usable_follow_up(lung.time, lung.event)
    assert mask.sum() == 453
    assert left_out.is_empty()


def test_unusable_patients_are_left_out_of_the_counts():
    x = np.array([[0.3, 1.1, 2.0, 0.1, 5.0, 4.0, 2.2]])
    frame = screen_cox(x, [5.0, 4, 3, 2, 1, np.nan, -1], [1, 0, 1, 1, 1, 1, 1], ["A"])
    same = screen_cox(x[:, :5], [5.0, 4, 3, 2, 1], [1, 0, 1, 1, 1], ["A"])
    assert frame.equals(same)
    assert frame["n"][0] == 5


def test_designs_that_cannot_be_tested():
    x = np.ones((1, 3))
    with pytest.raises(DesignFault, match="none of 3 patients had the event"):
        screen_cox(x, [1.0, 2, 3], [0, 0, 0], ["A"])
    with pytest.raises(DesignFault, match="no patient has a usable time"):
        screen_median_split(x, [np.nan] * 3, [1, 1, 1], ["A"])
    with pytest.raises(ValueError, match="1 genes by 4 patients"):
        screen_cox(x, [1.0, 2, 3, 4], [1, 0, 0, 1], ["A"])
    with pytest.raises(ValueError, match="efron or breslow"):
        screen_cox(x, [1.0, 2, 3], [1, 0, 1], ["A"], ties="exact")


def test_times_that_differ_by_rounding_are_ties():
    assert len(set(merge_nearly_equal(np.array([0.1 + 0.2, 0.3, 5.0])))) == 2


def test_events_for_power_by_hand():
    # (1.959964 + 0.841621)^2 / (log(1.5)^2 / 4) = 190.97
    assert events_for_power(np.log(1.5), 0.25) == 191
    assert np.isnan(events_for_power(0.0))


def test_every_maximally_selected_cut_of_maxstat(lung):
    theirs = lung.table("os_maxstat.tsv.gz")
    ours = screen_optimal_cut(lung.rows(theirs["gene"]), lung.time, lung.event, theirs["gene"].to_list())
    both = beside_r(ours, theirs, every_row=True)
    assert len(both) == 30
    within(both["cut_point"], both["cutpoint"])
    within(both["statistic"], both["statistic_r"], rel=1e-9)
    assert (both["n_cut_points"] == both["n_cutpoints"]).all()
    assert (both["n_high"] == both["n_above"]).all()
    assert (both["n_low"] == both["n_below"]).all()
    within(both["p_lau92"], both["p_lau92_r"], absolute=1e-9)
    within(both["p_lau94"], both["p_lau94_r"].clip(upper_bound=1.0), rel=1e-9)
    # Both sides are Monte Carlo: 20,000 draws there, 10,000 here, 4 standard errors of the difference.
    p = both["p_condmc_B20000"].to_numpy()
    allowed = 4 * np.sqrt(p * (1 - p) * (1 / 20_000 + 1 / 10_000)) + 2 / 10_000
    assert (np.abs(both["p_permutation"].to_numpy() - p) <= allowed).all()
    assert (both["p_naive"] < both["p_permutation"]).all()


def test_optimal_cut_does_not_depend_on_company_or_threads(lung, monkeypatch):
    import numba

    genes = ["CCL20", "EGFR", "KRAS", "TP53"]
    rows = lung.rows(genes)
    # More permutations than one slab, so that several threads take part.
    together = screen_optimal_cut(rows, lung.time, lung.event, genes, permutations=1300)
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)
    alone = screen_optimal_cut(rows[1:2], lung.time, lung.event, genes[1:2], permutations=1300)
    assert together["p_permutation"][1] == alone["p_permutation"][0]


def test_no_genes_give_no_rows():
    for screen in (screen_cox, screen_median_split, screen_optimal_cut):
        assert screen(np.empty((0, 4)), [1.0, 2, 3, 4], [1, 0, 1, 0], []).height == 0


def test_corrected_cut_is_honest_without_an_effect():
    """Under no association the naive p is far too small, the permutation p uniform (300 genes: 5 % +- 4 SE)."""
    rng = np.random.default_rng(8)
    time, event = rng.exponential(30, 90), (rng.random(90) < 0.5).astype(int)
    x = rng.standard_normal((300, 90))
    # Ties, so that genes have candidate cuts of their own; missing values, so that they have patients of their own.
    x[::3] = np.round(x[::3], 1)
    x[1::50, :7] = np.nan
    frame = screen_optimal_cut(x, time, event, [f"g{i}" for i in range(300)], permutations=1000)
    assert (frame["p_naive"] < 0.05).mean() > 0.25
    assert (frame["p_permutation"] < 0.05).mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)
    assert 0.4 < frame["p_permutation"].mean() < 0.6
    assert frame["n"][1] == 83


def test_optimal_cut_declares_what_it_cannot_search():
    time, event = np.arange(1.0, 21.0), np.tile([1, 0], 10)
    x = np.vstack([np.ones(20), np.arange(20.0), np.full(20, np.nan), np.r_[np.zeros(19), 1.0]])
    x[1, 3] = np.inf
    frame = screen_optimal_cut(x, time, event, list("ABCD"), permutations=10)
    assert frame["p_permutation"].null_count() == 4
    assert frame["p_lau92"].null_count() == 4
    notes = frame["fit_note"].to_list()
    for note, word in zip(notes, ["same value", "infinite", "no patient", "large enough"], strict=True):
        assert word in note


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(6, 50), missing=st.booleans())
def test_split_screen_equals_the_single_comparison(seed, n, missing):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 12, n).astype(float)
    if missing:
        x[rng.random(n) < 0.2] = np.nan
    time, event = rng.integers(1, 15, n).astype(float), rng.integers(0, 2, n)
    event[0] = 1
    row = screen_median_split(x[None], time, event, ["A"], minimum=None).row(0, named=True)
    kept = ~np.isnan(x)
    assert row["n"] == kept.sum()
    assert row["events"] == event[kept].sum()
    if row["fit_status"] == "not_estimable":
        assert row["fit_note"]
        return
    group = np.where(x[kept] > np.median(x[kept]), "high", "low")
    test = compare_groups(time[kept], event[kept], group)
    assert row["logrank_chi2"] == pytest.approx(test.chi2, rel=1e-9, abs=1e-12)
    assert row["expected_high"] == pytest.approx(test.groups["expected"][0], rel=1e-12)
    medians = median_survival(time[kept], event[kept], group)["median_survival_months"].to_list()
    assert [row["median_survival_months_high"], row["median_survival_months_low"]] == medians
    # The same two groups as a covariate: the general fit must agree with the two-group sums.
    code = np.where(kept, (x > row["cut_point"]).astype(float), np.nan)
    general = screen_cox(code[None], time, event, ["A"]).row(0, named=True)
    for name in ("fit_status", "estimator"):
        assert general[name] == row[name]
    for name in ("log_hazard_ratio", "standard_error", "p_score", "concordance", "log_likelihood"):
        assert general[name] == pytest.approx(row[name], rel=1e-5, abs=1e-6)


def test_missing_values_within_strata(lung):
    x = lung.rows(["CCL20"]).copy()
    missing = np.arange(lung.time.size) % 5 == 0
    x[0, missing] = np.nan
    sparse = screen_cox(x, lung.time, lung.event, ["CCL20"], strata=lung.is_female)
    dense = screen_cox(
        x[:, ~missing], lung.time[~missing], lung.event[~missing], ["CCL20"], strata=lung.is_female[~missing]
    )
    assert sparse.equals(dense)
    with pytest.raises(DataFault, match="1 patients have no stratum"):
        screen_cox(x, lung.time, lung.event, ["CCL20"], strata=[None, *lung.is_female[1:]])


def test_an_outlier_who_left_before_the_first_death_changes_nothing():
    """It swallows the standard deviation, so that the maximum lies thousands of units out on the inner scale."""
    rng = np.random.default_rng(9)
    x, time, event = rng.standard_normal(40), rng.exponential(10, 40) + 1, (rng.random(40) < 0.6).astype(int)
    plain = screen_cox(x[None], time, event, ["A"]).row(0, named=True)
    far = screen_cox(np.append(x, 1e5)[None], np.append(time, 0.5), np.append(event, 0), ["A"]).row(0, named=True)
    assert far["fit_status"] == "converged"
    for name in ("log_hazard_ratio", "standard_error", "p_value", "p_score", "log_likelihood", "concordance"):
        assert far[name] == pytest.approx(plain[name], rel=1e-6)


def test_adjusted_screen_flags_what_no_model_can_hold():
    time, event = np.arange(1.0, 41.0), np.tile([1, 1, 0, 0], 10)
    age = np.arange(40.0) % 7
    rows = np.vstack([age * 2 + 1, (event == 0) * (time > 20), np.arange(40.0) % 5])
    frame = screen_cox(rows, time, event, ["copy", "never", "fine"], covariates=age[:, None])
    assert frame["fit_status"].to_list() == ["not_estimable", "monotone_likelihood", "converged"]
    assert frame["estimator"].to_list() == [None, "firth", "partial_likelihood"]
    assert frame["p_value"].is_null().to_list() == [True, False, False]
    with pytest.raises(DesignFault, match="covariate 1 has one value"):
        screen_cox(rows, time, event, ["copy", "never", "fine"], covariates=np.ones((40, 1)))
