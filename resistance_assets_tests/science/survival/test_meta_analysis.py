"""Two cohorts lead with the fixed effect, three with Hartung-Knapp, and a patient counts once.

Oracle of the pooled numbers: the closed formulas of inverse-variance pooling, 1e-12.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from resistance_assets.science.survival.meta_analysis import (
    combine_cohorts,
    find_shared_patients,
    merge_patient_sets,
    one_cohort_per_patient,
    pool_screens,
)


def test_two_cohorts_that_agree_are_found():
    effect, se = np.array([0.45, 0.47]), np.array([0.1, 0.11])
    row = combine_cohorts(["a", "b"], effect, se)[0].row(0, named=True)
    weight = se**-2.0
    z = (weight @ effect) / np.sqrt(weight.sum())
    assert row["method_leading"] == "fixed_effect"
    assert row["p_value_leading"] == pytest.approx(2 * stats.norm.sf(z), rel=1e-12)
    assert row["p_value_leading"] < 1e-8
    # Hartung-Knapp with one degree of freedom, beside it.
    assert row["p_value"] > 0.05
    assert row["ci_lower_leading"] == row["ci_lower_fixed"]


def test_three_cohorts_lead_with_hartung_and_knapp():
    row = combine_cohorts(["a", "b", "c"], [0.4, 0.5, 0.2], [0.1, 0.1, 0.1])[0].row(0, named=True)
    assert row["method_leading"] == "hartung_knapp"
    assert row["p_value_leading"] == row["p_value"]
    assert row["hazard_ratio_leading"] == row["hazard_ratio"]


def screens(cohorts: dict[str, float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "cohort_id": list(cohorts),
            "endpoint": "OS",
            "model": "continuous",
            "hgnc_symbol": "NAPSA",
            "n": 100,
            "events": 40,
            "log_hazard_ratio": list(cohorts.values()),
            "standard_error": 0.1,
            "hazard_ratio_per_sd": [float(np.exp(value)) for value in cohorts.values()],
            "estimator": "partial_likelihood",
            "p_permutation": pl.Series([None] * len(cohorts), dtype=pl.Float64),
        }
    )


def test_the_pool_of_every_gene_leads_likewise():
    two = pool_screens(screens({"a": 0.4, "b": 0.5})).row(0, named=True)
    assert two["method_leading"] == "fixed_effect"
    assert two["q_value_bh_leading"] == two["p_value_leading"] == two["p_value_fixed"]
    three = pool_screens(screens({"a": 0.4, "b": 0.5, "c": 0.3})).row(0, named=True)
    assert three["method_leading"] == "hartung_knapp"


def test_a_split_of_a_small_group_is_not_pooled():
    frame = screens({"a": 0.4, "b": 0.5}).with_columns(model=pl.lit("median_split"))
    small = frame.with_columns(p_permutation=pl.when(pl.col("cohort_id") == "a").then(0.01))
    assert pool_screens(frame).height == 1
    assert pool_screens(small).is_empty()


def test_a_gene_is_ranked_in_all_cohorts_as_soon_as_it_is_in_one():
    both = pl.concat(
        screens({"log2": 0.4, "z": 0.5}).with_columns(model=pl.lit(model), is_primary=pl.Series(primary))
        for model, primary in (("continuous", [True, False]), ("rank_normal", [False, True]))
    )
    leads = dict(pool_screens(both).select("model", "is_primary").iter_rows())
    assert leads == {"continuous": False, "rank_normal": True}
    logs = both.with_columns(is_primary=pl.col("model") == "continuous")
    assert dict(pool_screens(logs).select("model", "is_primary").iter_rows()) == {
        "continuous": True,
        "rank_normal": False,
    }


def follow_up(cohort: str, patients: list[str], months: list[float], endpoint: str = "OS") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "cohort_id": cohort,
            "patient_id": patients,
            "endpoint": endpoint,
            "time_months": months,
            "event_observed": pl.Series([1] * len(patients), dtype=pl.Int64),
        }
    )


def test_a_study_of_tcga_samples_is_the_cohort_of_its_patients():
    cohort = follow_up("luad", ["TCGA-05-4244", "TCGA-05-4249", "TCGA-05-4250"], [1.0, 2.0, 3.0])
    study = follow_up("lab", ["tcga-05-4244-01A-11R", "MINE-1"], [9.0, 4.0])
    found = find_shared_patients(pl.concat([cohort, study]), {"luad": "luad", "lab": "lab"})
    assert found.rows(named=True) == [
        {
            "cohort_id": "lab",
            "other_cohort_id": "luad",
            "patients": 2,
            "patients_other": 3,
            "patients_shared": 1,
            "matched_by": "barcode",
            "pooled_as": "lab",
        }
    ]
    sets = merge_patient_sets({"luad": "luad", "lab": "lab"}, found)
    kept = one_cohort_per_patient(screens({"luad": 0.4, "lab": 0.5, "other": 0.3}), sets, ["luad", "lab", "other"])
    assert kept["cohort_id"].to_list() == ["luad", "other"]


def test_the_same_name_in_two_studies_is_the_same_patient_only_with_the_same_course():
    a = follow_up("a", ["P01", "P02"], [10.0, 20.0])
    strangers = follow_up("b", ["P01", "P02"], [3.0, 44.0])
    same = follow_up("c", ["p01", "P09"], [10.2, 20.0])
    assert find_shared_patients(pl.concat([a, strangers]), {}).is_empty()
    found = find_shared_patients(pl.concat([a, same]), {})
    assert found.select("patients_shared", "matched_by").row(0) == (1, "follow_up")


def test_what_the_catalog_declares_stays_declared_without_a_shared_name():
    frames = pl.concat([follow_up("a", ["X1"], [1.0]), follow_up("b", ["Y1"], [2.0]), follow_up("c", ["Z1"], [3.0])])
    found = find_shared_patients(frames, {"a": "a", "b": "a", "c": "c"})
    assert found.select("cohort_id", "other_cohort_id", "matched_by", "patients_shared").rows() == [
        ("a", "b", "declared", 0)
    ]


def test_overlaps_chain():
    overlaps = pl.DataFrame({"cohort_id": ["a", "b"], "other_cohort_id": ["b", "c"]})
    sets = merge_patient_sets({name: name for name in "abcd"}, overlaps)
    assert sets == {"a": "a", "b": "a", "c": "a", "d": "d"}
