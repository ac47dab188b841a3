import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.errors import DataFault, DesignFault
from resistance_assets.science.deg.designs import Contrast, build_design, check_counts, report_design


def check_design(samples, contrast):
    return report_design(build_design(samples, contrast), contrast)


SHEET = pl.DataFrame(
    {
        "sample_id": ["a1", "a2", "a3", "b1", "b2", "b3"],
        "condition": ["resistant"] * 3 + ["parental"] * 3,
        "patient": ["p1", "p2", "p3"] * 2,
        "batch": ["x", "x", "x", "y", "y", "y"],
        "age": [50.5, 61.0, 70.25, 50.5, 61.0, 70.25],
        "passage": [3, 4, 5, 6, 7, 9],
    }
)
PLAIN = Contrast("r_vs_p", "condition", "resistant", "parental")
COUNTS = pl.DataFrame({"hgnc_symbol": ["AXL", "GAS6"], **{s: [5, 7] for s in SHEET["sample_id"]}})


def with_(**changes):
    return Contrast(**{"contrast_id": "c", "factor": "condition", "numerator": "resistant", "denominator": "parental",
    **changes})  # fmt: skip


def test_matrix_has_the_denominator_as_reference_and_the_factor_last():
    design = build_design(SHEET, with_(pairing="patient", covariates=("age",)))
    assert design.columns == ("Intercept", "patient[p2]", "patient[p3]", "age", "condition[resistant]")
    assert design.coefficient == 4
    np.testing.assert_array_equal(design.values[:, 4], [1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(design.values[:, 1], [0, 1, 0, 0, 1, 0])


def kind_of(values, **changes):
    sheet = SHEET.with_columns(extra=pl.Series(values))
    return build_design(sheet, with_(covariates=("extra",), **changes)).covariate_kinds["extra"]


def test_numbers_with_more_than_five_values_or_a_fraction_are_measurements_unless_declared_otherwise():
    assert kind_of([61, 70, 55, 48, 66, 59]).startswith("continuous (6 values: numbers with more than 5 values")
    assert kind_of(["61", "70", "55", "48", "66", "59"]).startswith("continuous (6 values")
    assert kind_of([1, 2, 1, 2, 1, 2]).startswith("categorical (2 values: whole numbers with at most 5")
    assert kind_of(["0.5", "1.5", "0.5", "1.5", "0.5", "2.5"]).startswith("continuous (3 values: numbers with a fr")
    assert kind_of(["a", "b", "a", "b", "a", "b"]) == "categorical (2 values, not numbers)"
    assert kind_of([1, 2, 1, 2, 1, 2], continuous=("extra",)) == "continuous (2 values, declared)"
    assert kind_of([1, 2, 3, 4, 5, 6], categorical=("extra",)) == "categorical (6 values, declared)"


def test_a_covariate_that_eats_the_degrees_of_freedom_is_named():
    sheet = SHEET.with_columns(age=pl.Series([50, 60, 70, 50, 60, 80]), batch=pl.Series(list("xyzxyz")))
    contrast = with_(covariates=("age", "batch"), categorical=("age",))
    with pytest.raises(DesignFault, match="age alone takes 3 of 7 coefficients"):
        report_design(build_design(sheet, contrast), contrast)


@pytest.mark.slow
@given(
    shift=st.floats(-1e4, 1e4), scale=st.floats(1e-3, 1e3), values=st.lists(
        st.integers(0, 500), min_size=6, max_size=6, unique=True
    )
)  # fmt: skip
def test_the_model_matrix_depends_on_neither_unit_nor_origin_of_a_covariate(shift, scale, values):
    contrast = with_(covariates=("extra",), continuous=("extra",))
    x = np.array(values, dtype=float)
    plain, moved = (
        build_design(SHEET.with_columns(extra=pl.Series(one)), contrast).values for one in (x, x * scale + shift)
    )
    np.testing.assert_allclose(plain, moved, atol=1e-6)


def test_a_covariate_that_does_not_vary_adds_no_coefficient():
    assert "age" not in build_design(SHEET.with_columns(age=pl.lit(1950.0)), with_(covariates=("age",))).columns


def test_continuous_covariates_may_come_as_text_but_must_be_numbers():
    text = SHEET.with_columns(pl.col("age").cast(pl.String))
    contrast = with_(covariates=("age",), continuous=("age",))
    np.testing.assert_array_equal(build_design(text, contrast).values, build_design(SHEET, contrast).values)
    broken = text.with_columns(age=pl.Series(["50.5", "61", "old", "50.5", "61", "70.25"]))
    with pytest.raises(DesignFault, match="age is declared continuous but holds 'old' for a3"):
        build_design(broken, contrast)


def test_three_against_three_is_inferential():
    report = check_design(SHEET, PLAIN)
    assert (report.n_numerator, report.n_denominator, report.rank, report.residual_degrees_of_freedom) == (3, 3, 2, 4)
    assert report.replicates_per_arm == {"resistant": 3, "parental": 3}
    assert report.evidence_kind == "inferential"
    assert report.reason is None


def test_one_against_one_is_effect_only_with_the_reason():
    report = check_design(SHEET, with_(subset={"patient": ["p1"]}))
    assert report.evidence_kind == "effect_only"
    assert report.residual_degrees_of_freedom == 0
    assert "no replicates" in report.reason


def test_two_against_one_is_effect_only_although_a_degree_of_freedom_remains():
    sheet = SHEET.filter(pl.col("sample_id").is_in(["a1", "a2", "b1"]))
    report = check_design(sheet, PLAIN)
    assert report.residual_degrees_of_freedom == 1
    assert report.evidence_kind == "effect_only"
    assert "parental" in report.reason


def test_two_pairs_leave_one_degree_of_freedom_and_one_pair_none():
    two = check_design(SHEET, with_(pairing="patient", subset={"patient": ["p1", "p2"]}))
    assert (two.residual_degrees_of_freedom, two.evidence_kind) == (1, "inferential")
    one = check_design(SHEET, with_(pairing="patient", subset={"patient": ["p1"]}))
    assert one.evidence_kind == "effect_only"


def test_confounded_covariate_is_named():
    with pytest.raises(DesignFault, match=r"r_vs_p.*singular: batch cannot"):
        check_design(SHEET, Contrast("r_vs_p", "condition", "resistant", "parental", covariates=("batch",)))


def test_level_typo_gets_a_suggestion_and_the_levels():
    with pytest.raises(DesignFault, match=r"'Resistent' is not a level of condition; did you mean 'resistant'.*par"):
        check_design(SHEET, with_(numerator="Resistent"))


def test_unknown_factor_gets_a_suggestion():
    with pytest.raises(DesignFault, match=r"no column conditon.*did you mean 'condition'"):
        check_design(SHEET, with_(factor="conditon"))
    with pytest.raises(DesignFault, match="no column tissue"):
        check_design(SHEET, with_(covariates=("tissue",)))


def test_arm_emptied_by_the_subset():
    with pytest.raises(DesignFault, match=r"parental .denominator. is empty"):
        check_design(SHEET, with_(subset={"batch": ["x"]}))
    with pytest.raises(DesignFault, match="keeps no sample"):
        check_design(SHEET, with_(subset={"batch": ["z"]}))


def test_a_sample_whose_factor_is_blank_takes_no_part():
    blank = pl.when(pl.col("sample_id") == "b2").then(None).otherwise(pl.col("condition")).alias("condition")
    without = SHEET.filter(pl.col("sample_id") != "b2")
    for contrast in (with_(), with_(fit_all_levels=True)):
        ours, expected = (build_design(sheet, contrast) for sheet in (SHEET.with_columns(blank), without))
        assert ours.sample_ids == expected.sample_ids
        assert (ours.values == expected.values).all()


@pytest.mark.parametrize("column", ["age", "patient"])
def test_missing_value_in_the_model_names_the_sample(column):
    sheet = SHEET.with_columns(pl.when(pl.col("sample_id") == "b2").then(None).otherwise(pl.col(column)).alias(column))
    with pytest.raises(DesignFault, match=f"{column} is missing for b2"):
        check_design(sheet, with_(covariates=("age", "patient")))


def test_same_level_twice_and_factor_as_covariate():
    with pytest.raises(DesignFault, match="both 'parental'"):
        check_design(SHEET, with_(numerator="parental"))
    with pytest.raises(DesignFault, match="both factor and covariate"):
        check_design(SHEET, with_(covariates=("condition",)))


def test_further_levels_join_the_fit_only_when_asked():
    sheet = SHEET.with_columns(condition=pl.Series(["resistant", "resistant", "mid", "parental", "parental", "mid"]))
    assert len(build_design(sheet, PLAIN).sample_ids) == 4
    everyone = build_design(sheet, with_(fit_all_levels=True))
    assert everyone.columns == ("Intercept", "condition[mid]", "condition[resistant]")
    assert everyone.arms.count("other") == 2
    assert everyone.coefficient == 2


def test_good_counts_pass_and_all_zero_genes_are_allowed():
    check_counts(COUNTS, SHEET, PLAIN)
    check_counts(pl.concat([COUNTS, COUNTS.head(1).with_columns(hgnc_symbol=pl.lit("X"),
    **dict.fromkeys(SHEET["sample_id"], pl.lit(0, pl.Int64)))]), SHEET, PLAIN)  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (COUNTS.drop("a2"), "a2 missing from the count table"),
        (COUNTS.with_columns(c9=pl.lit(1)), "c9 missing from the sample sheet"),
        (COUNTS.with_columns(b1=pl.Series([5, -7])), "gene GAS6, sample b1: negative count .-7"),
        (COUNTS.with_columns(b1=pl.Series([5.5, 7.0])), r"gene AXL, sample b1: not a whole number .5\.5"),
        (COUNTS.with_columns(b1=pl.Series([None, 7])), "gene AXL, sample b1: missing"),
        (COUNTS.with_columns(b1=pl.Series([0, 0])), "sample b1: every count is zero"),
        (COUNTS.with_columns(b1=pl.Series(["x", "y"])), "sample b1: column holds String"),
        (pl.concat([COUNTS, COUNTS.head(1)]), "more than one row for AXL"),
        (COUNTS.with_columns(hgnc_symbol=pl.Series(["AXL", None])), "without a gene name"),
        (COUNTS.rename({"hgnc_symbol": "gene"}), "no column hgnc_symbol"),
    ],
)
def test_bad_counts_are_refused_with_the_place(counts, message):
    with pytest.raises(DataFault, match=message):
        check_counts(counts, SHEET, PLAIN)


def test_log_scale_expression_may_be_negative_but_not_missing():
    values = COUNTS.with_columns(b1=pl.Series([-1.5, 7.25]))
    check_counts(values, SHEET, PLAIN, integers=False)
    with pytest.raises(DataFault, match="gene GAS6, sample b1"):
        check_counts(COUNTS.with_columns(b1=pl.Series([1.0, float("nan")])), SHEET, PLAIN, integers=False)


def test_sample_sheet_must_have_unique_samples():
    with pytest.raises(DataFault, match="sample not unique: a1"):
        check_counts(COUNTS, pl.concat([SHEET, SHEET.head(1)]), PLAIN)
    with pytest.raises(DataFault, match="no column sample_id"):
        check_design(SHEET.drop("sample_id"), PLAIN)


# Arms of several experiments

SPREAD = pl.DataFrame(
    {
        "sample_id": ["a1", "a2", "b1", "b2", "b3", "b4"],
        "group": ["P", "PA", "P", "P", "R", "RA"],
        "accession": ["A", "A", "B", "B", "B", "B"],
    }
)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [("PA", "P", ["a1", "a2"]), ("R", "P", ["b1", "b2", "b3"]), ("R", "PA", ["a2", "b3"]), ("RA", "R", ["b3", "b4"])],
)
def test_the_experiment_that_holds_both_arms_gives_both(numerator, denominator, expected):
    design = build_design(SPREAD, Contrast("c", "group", numerator, denominator, within="accession"))
    assert sorted(design.sample_ids) == expected


def test_arms_are_pooled_over_experiments_only_where_none_is_named():
    assert len(build_design(SPREAD, Contrast("c", "group", "R", "P")).sample_ids) == 4


def test_a_sample_of_no_arm_need_not_be_measured():
    sheet = pl.DataFrame({"sample_id": ["a", "b", "c"], "group": ["R", "P", None]})
    counts = pl.DataFrame({"hgnc_symbol": ["AXL"], "a": [5], "b": [7]})
    check_counts(counts, sheet, Contrast("c", "group", "R", "P"))
    with pytest.raises(DataFault, match="c missing from the count table"):
        check_counts(counts, sheet.with_columns(group=pl.lit("P")), Contrast("c", "group", "R", "P"))
