"""Readings of a four-arm rule by hand, of a gene's survival against single models, and the maximally selected cut."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from resistance_assets.catalog.models.claim import MultiverseAxis
from resistance_assets.catalog.registry import load_registry
from resistance_assets.errors import CatalogFault
from resistance_assets.science.multiverse.multiverse import (
    ARMS,
    check_axes,
    combine_axes,
    distance_to_published,
    martingale_residuals,
    maximally_selected_cut,
    name_specification,
    read_four_arms,
    read_gene_survival,
    summarise_specifications,
    undecided_axes,
)
from resistance_assets.science.survival.cox import fit_cox
from resistance_assets.science.survival.logrank import SplitPermutations, null_martingale_residuals
from resistance_assets.science.survival.optimal_cut import screen_optimal_cut


def axes_of(**choices: tuple[str, ...]) -> list[MultiverseAxis]:
    return [MultiverseAxis(id=name, title=name, choices=allowed) for name, allowed in choices.items()]


PLAIN = {
    "floor_arm": ("parental",),
    "threshold": ("above_2",),
    "pseudocount": ("0",),
    "filter_base": ("responsive",),
    "ratio_rule": ("below_1",),
    "list_version": ("may",),
}
#        gene     P    PA    R    RA
GENES = [
    ("HALVED", 8.0, 4.0, 1.0, 2.0),  # exactly twofold
    ("DOWN", 9.0, 3.0, 1.0, 2.0),
    ("UP", 3.0, 9.0, 1.0, 2.0),
    ("UP_LOST", 3.0, 9.0, 2.0, 1.0),
    ("EQUAL", 9.0, 3.0, 2.0, 2.0),
    ("SILENT", 0.0, 5.0, 0.0, 0.0),  # below the floor in P alone
    ("FAINT", 1.0, 3.0, 1.0, 2.0),  # threefold; exactly twofold with 1 added
    ("STILL", 5.0, 5.0, 1.0, 9.0),
]
EXPRESSION = pl.DataFrame(GENES, schema=["hgnc_symbol", *ARMS], orient="row")
LISTS = {"may": {"DOWN", "UP", "STILL"}}


def read(**changed: tuple[str, ...]) -> dict[str, object]:
    specifications, _ = read_four_arms(EXPRESSION, LISTS, axes_of(**{**PLAIN, **changed}), gene="DOWN", published={})
    return specifications.row(0, named=True)


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({}, (5, 2, 3, 2)),  # DOWN UP UP_LOST EQUAL FAINT; kept DOWN UP FAINT
        ({"threshold": ("at_least_2",)}, (6, 3, 4, 2)),  # and HALVED
        ({"pseudocount": ("1",)}, (4, 2, 2, 2)),  # without FAINT: (3 + 1) / (1 + 1) is not above 2
        ({"filter_base": ("responsive_down",)}, (5, 2, 1, 1)),
        ({"filter_base": ("genome_wide",)}, (5, 2, 5, 3)),  # HALVED DOWN UP FAINT STILL
        ({"ratio_rule": ("at_most_1",)}, (5, 2, 4, 2)),  # and EQUAL
        ({"floor_arm": ("either",)}, (6, 2, 3, 2)),  # and SILENT, whose ratio is 0 / 0
        ({"floor_arm": ("either",), "ratio_rule": ("at_most_1",)}, (6, 2, 5, 2)),
        ({"floor_arm": ("both",)}, (5, 2, 3, 2)),
    ],
)
def test_each_choice_does_what_it_says(changed, counts):
    row = read(**changed)
    assert (row["n_responsive"], row["n_responsive_down"], row["n_kept"], row["n_in_list"]) == counts
    assert row["conclusion_holds"] is True


def test_a_list_that_is_not_loaded_leaves_its_readings_open():
    row = read(list_version=("june",))
    assert row["n_kept"] == 3
    assert row["n_in_list"] is None
    assert row["conclusion_holds"] is None


def test_the_members_are_those_of_the_plain_reading():
    axes = axes_of(**{**PLAIN, "threshold": ("above_2", "at_least_2")})
    _, members = read_four_arms(EXPRESSION, LISTS, axes, gene="DOWN", published={})
    steps = {str(step): set(part["hgnc_symbol"]) for (step,), part in members.group_by("step")}
    assert steps == {
        "responsive": {"DOWN", "UP", "UP_LOST", "EQUAL", "FAINT"},
        "kept": {"DOWN", "UP", "FAINT"},
        "in_list": {"DOWN", "UP"},
    }
    down = members.filter(hgnc_symbol="DOWN", step="kept").row(0, named=True)
    assert down["log2_response_parental"] == pytest.approx(np.log2(1 / 3))
    assert down["log2_response_resistant"] == pytest.approx(1.0)


def test_distance_is_zero_only_for_the_same_counts():
    counts = {"n_responsive": 769, "n_responsive_down": 523, "n_kept": 357, "n_in_list": 127}
    assert distance_to_published(counts, {"n_responsive": 769, "n_kept": 357, "n_in_list": 127}) == 0
    twice = distance_to_published({**counts, "n_kept": 715}, {"n_kept": 357.5})
    assert twice == pytest.approx(np.log(715.5 / 358))
    assert distance_to_published({**counts, "n_in_list": None}, {"n_in_list": 127}) is None
    assert distance_to_published(counts, {}) is None


# ---- survival --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cohort() -> tuple[np.ndarray, pl.DataFrame, dict[str, pl.DataFrame]]:
    rng = np.random.default_rng(3)
    n = 240
    age = rng.normal(65, 9, n)
    x = rng.normal(0, 1, n) + 0.02 * (age - 65)
    time = rng.exponential(30 * np.exp(-0.5 * x - 0.03 * (age - 65)))
    censored = rng.uniform(5, 60, n)
    patients = pl.DataFrame(
        {"age_years": age, "sex": rng.choice(["female", "male"], n), "stage_group": rng.choice(["I", "II", "III"], n)}
    ).with_columns(pl.when(pl.int_range(n) < 5).then(None).otherwise("age_years").alias("age_years"))
    follow_up = pl.DataFrame(
        {"time_months": np.minimum(time, censored), "event_observed": (time <= censored).astype(int)}
    )
    return x, patients, {"OS": follow_up}


def survive(cohort, cut_point: str, covariates: str = "none", endpoint: str = "OS") -> dict[str, object]:
    axes = axes_of(endpoint=(endpoint,), cut_point=(cut_point,), covariates=(covariates,))
    return read_gene_survival(*cohort, axes).row(0, named=True)


def test_readings_are_the_single_models(cohort):
    x, _, follow_up = cohort
    os = follow_up["OS"]
    high = pl.DataFrame({"high": (x > np.median(x)).astype(float)})
    alone = fit_cox(high, os["time_months"], os["event_observed"]).terms.row(0, named=True)
    row = survive(cohort, "median")
    assert (row["estimate"], row["p_value"]) == pytest.approx((alone["hazard_ratio"], alone["p_likelihood_ratio"]))
    assert row["n"] == 240
    z = pl.DataFrame({"z": (x - x.mean()) / x.std(ddof=1)})
    per_sd = fit_cox(z, os["time_months"], os["event_observed"]).terms.row(0, named=True)
    assert survive(cohort, "continuous")["estimate"] == pytest.approx(per_sd["hazard_ratio"])
    adjusted = survive(cohort, "median", "age_sex_stage")
    assert adjusted["n"] == 235  # five without age
    assert adjusted["estimate"] != pytest.approx(row["estimate"])
    quartile = survive(cohort, "quartile")
    assert quartile["n"] == 120
    assert quartile["conclusion_holds"] is True


def test_a_reading_on_ranks_does_not_depend_on_the_scale(cohort):
    x, patients, follow_up = cohort
    plain = survive(cohort, "rank_normal", "age_sex")
    assert survive((np.exp(3 * x), patients, follow_up), "rank_normal", "age_sex") == plain
    assert plain["p_value"] is not None


def test_a_split_with_a_small_group_has_the_p_of_a_permutation_and_no_interval(cohort):
    _, patients, follow_up = cohort
    os = follow_up["OS"]
    values = np.zeros(240)
    values[:2] = 1.0  # 2 of 240 above the median
    row = survive((values, patients, follow_up), "median")
    is_high = values == 1.0
    scores = null_martingale_residuals(os["time_months"].to_numpy(), os["event_observed"].to_numpy())
    exact, drawn = SplitPermutations(scores, permutations=100, seed=1).p_value(is_high)
    assert drawn is None
    # No ties between deaths: Breslow's residuals are Efron's.
    assert row["p_value"] == pytest.approx(exact, rel=1e-9)
    assert (row["ci_lower"], row["ci_upper"]) == (None, None)
    assert "2 of 240 patients in the high group" in str(row["note"])
    adjusted = survive((np.roll(values, 10), patients, follow_up), "median", "age_sex_stage")
    assert adjusted["ci_lower"] is None
    assert 0 < float(str(adjusted["p_value"])) <= 1
    assert "by permutation" in str(adjusted["note"])


def test_an_endpoint_that_the_cohort_lacks_is_said_so(cohort):
    row = survive(cohort, "median", endpoint="DFS")
    assert row["estimate"] is None
    assert row["conclusion_holds"] is None
    assert row["note"] == "the cohort has no DFS"


def test_a_gene_without_variation_has_no_reading(cohort):
    _, patients, follow_up = cohort
    constant = np.ones(240)
    for cut_point in ("median", "continuous", "optimal_corrected"):
        row = survive((constant, patients, follow_up), cut_point)
        assert row["estimate"] is None
        assert row["note"]


def test_the_optimal_cut_is_that_of_the_screen(cohort):
    """Without covariates both maximise over log-rank scores; ties and the risk-set correction differ a little."""
    x, _, follow_up = cohort
    os = follow_up["OS"]
    screened = screen_optimal_cut(x[None, :], os["time_months"], os["event_observed"], ["G"]).row(0, named=True)
    scores = martingale_residuals(pl.DataFrame(), os["time_months"], os["event_observed"])
    cut, p = maximally_selected_cut(x, scores)
    assert cut == pytest.approx(screened["cut_point"], abs=0.05)
    # Both are permutation p-values with at least 4,999 draws: three standard errors of the difference.
    assert p == pytest.approx(screened["p_permutation"], abs=0.012)
    row = survive(cohort, "optimal_corrected")
    assert row["p_value"] == p


def test_martingale_residuals_sum_to_zero_and_know_their_covariates(cohort):
    _, patients, follow_up = cohort
    os = follow_up["OS"]
    alone = martingale_residuals(pl.DataFrame(), os["time_months"], os["event_observed"])
    assert alone.sum() == pytest.approx(0, abs=1e-9)
    complete = pl.concat([patients, os], how="horizontal").drop_nulls()
    covariates = complete.select("age_years", "sex")
    adjusted = martingale_residuals(covariates, complete["time_months"], complete["event_observed"])
    assert adjusted.sum() == pytest.approx(0, abs=1e-9)
    # The score equation of the fitted model (up to the treatment of ties, of which there are none).
    assert np.dot(adjusted, complete["age_years"] - complete["age_years"].mean()) == pytest.approx(0, abs=1e-3)


def test_the_corrected_p_is_uniform_where_there_is_nothing():
    """100 null genes: with a nominal 5 % the search is significant in about 5, not in the 40 of an uncorrected one."""
    rng = np.random.default_rng(11)
    scores = rng.normal(size=80)
    found = [maximally_selected_cut(rng.normal(size=80), scores, permutations=199)[1] for _ in range(100)]
    assert sum(p < 0.05 for p in found) <= 12  # P(binomial(100, 0.05) > 12) = 0.0015
    assert 0.35 < float(np.mean(found)) < 0.65


def test_ties_that_leave_no_cut_are_refused():
    from resistance_assets.errors import DesignFault

    with pytest.raises(DesignFault, match="no cut"):
        maximally_selected_cut(np.array([0.0] * 19 + [1.0]), np.arange(20.0))


# ---- the account -----------------------------------------------------------------------------------------------------


def test_the_summary_counts_what_was_computed():
    specifications = pl.DataFrame(
        {
            "reading": ["a=1, b=1", "a=1, b=2", "a=2, b=1", "a=2, b=2"],
            "estimate": [1.0, 2.0, 4.0, None],
            "distance": [0.5, 0.5, 0.7, None],
            "conclusion_holds": [True, True, False, None],
        }
    )
    row = summarise_specifications(specifications).row(0, named=True)
    assert (row["n_readings"], row["n_computed"]) == (4, 3)
    assert row["share_conclusion_holds"] == pytest.approx(2 / 3)
    assert (row["estimate_lowest"], row["estimate_median"], row["estimate_highest"]) == (1.0, 2.0, 4.0)
    assert (row["nearest_reading"], row["n_nearest"], row["undecided_axes"]) == ("a=1, b=1", 2, "b")
    assert undecided_axes([]) == []


def test_the_first_combination_takes_the_first_choice_of_every_axis():
    axes = axes_of(a=("1", "2"), b=("x", "y", "z"))
    combined = combine_axes(axes)
    assert combined[0] == {"a": "1", "b": "x"}
    assert len(combined) == len({name_specification(choices) for choices in combined}) == 6


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"floor_arm": ("parent",)}, "axis floor_arm has no choice parent"),
        ({"pseudocount": ("one",)}, "axis pseudocount has no choice one"),
        ({"pseudocount": ("-1",)}, "axis pseudocount has no choice -1"),
        ({"fold": ("2",)}, "its axes are"),
    ],
)
def test_an_axis_that_no_reading_knows_is_named(changed, message):
    with pytest.raises(CatalogFault, match=message):
        check_axes("four_arms", axes_of(**{**PLAIN, **changed}), "multiverse m")


def test_the_catalogs_multiverses_have_the_axes_of_their_kind():
    multiverses = load_registry().multiverses
    assert {m.kind for m in multiverses.values()} == {"four_arms", "gene_survival"}
    for multiverse in multiverses.values():
        check_axes(multiverse.kind, multiverse.axis, multiverse.id)
