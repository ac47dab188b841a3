"""Every column and level that a contrast asks for and the sheet lacks is told, not the first alone."""

import polars as pl

from resistance_assets.science.deg.design_faults import faults_of_design, faults_of_interaction
from resistance_assets.science.deg.designs import Contrast

SHEET = pl.DataFrame(
    {
        "sample_id": ["a1", "a2", "b1", "b2"],
        "condition": ["resistant", "resistant", "parental", "parental"],
        "batch": ["x", "x", "y", "y"],
    }
)


def told(contrast: Contrast) -> list[str]:
    return [fault.problem for fault in faults_of_design(SHEET, contrast)]


def test_a_good_design_has_no_fault():
    assert told(Contrast("c", "condition", "resistant", "parental")) == []


def test_every_missing_column_and_level_is_told_at_once():
    found = told(Contrast("c", "conditon", "resistent", "parental", covariates=("bach",), subset={"lane": ["1"]}))
    assert [one.partition(";")[0] for one in found] == [
        "no column conditon in the sample sheet",
        "no column bach in the sample sheet",
        "no column lane in the sample sheet",
        "numerator 'resistent' is not a level of condition",
    ]


def test_a_design_that_names_what_is_there_is_judged_as_the_run_would():
    [fault] = told(Contrast("c", "condition", "resistant", "parental", covariates=("batch",)))
    assert fault.startswith("the design is singular: batch cannot be told apart from condition")


def test_levels_of_an_interaction_are_told_one_by_one():
    found = faults_of_interaction(SHEET, "i", "condition", ("parental", "parental_drug", "resistant", "resistant_drug"))
    assert [fault.problem.partition(";")[0] for fault in found] == [
        "level 'parental_drug' is not a level of condition",
        "level 'resistant_drug' is not a level of condition",
    ]
    [fault] = faults_of_interaction(SHEET, "i", "cnd", ("a", "b", "c", "d"))
    assert "no column cnd" in str(fault)
