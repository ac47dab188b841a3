import numpy as np
import polars as pl
import pytest

from resistance_assets.errors import DataFault, DesignFault
from resistance_assets.science.deg.designs import Contrast
from resistance_assets.science.deg.fold_change import FoldChangeRule, call_fold_changes, fold_change_gene_lists
from resistance_assets.science.deg.methods import METHODS, differential_gene_lists, run_contrast
from resistance_assets.science.deg.result import NOTE_NO_REPLICATES, RESULT_SCHEMA, build_result

CONTRAST = Contrast("pa_vs_p", "arm", "PA", "P")
PAIR = pl.DataFrame({"sample_id": ["x", "y"], "arm": ["PA", "P"]})
RPKM = pl.DataFrame(
    {
        "hgnc_symbol": ["up", "down", "edge", "low", "flat", "gone", "new"],
        "x": [9.0, 1.0, 4.0, 9.0, 3.0, 0.0, 5.0],
        "y": [3.0, 8.0, 2.0, 0.5, 2.0, 4.0, 0.0],
    }
)
AS_GIVEN = FoldChangeRule(unit="as_given")


def called(**changes):
    calls = call_fold_changes(RPKM, PAIR, CONTRAST, FoldChangeRule(unit="as_given", **changes))
    return set(calls.filter("is_called")["hgnc_symbol"])


def test_the_papers_rule_and_its_other_readings():
    assert called() == {"up", "down", "gone"}
    assert called(inclusive=True) == {"up", "down", "gone", "edge"}
    assert called(floor_arm="either") == {"up", "down", "gone", "low", "new"}
    assert called(floor_arm="both") == {"up", "down"}
    assert called(floor_arm="numerator") == {"up", "down", "low", "new"}
    assert called(floor_arm="none", pseudocount=1.0) == {"up", "down", "low", "gone", "new"}
    assert called(threshold=5.0) == {"down", "gone"}


def test_nothing_against_nothing_is_never_called():
    nothing = pl.DataFrame({"hgnc_symbol": ["a"], "x": [0.0], "y": [0.0]})
    for inclusive in (True, False):
        rule = FoldChangeRule(unit="as_given", floor_arm="none", inclusive=inclusive)
        row = call_fold_changes(nothing, PAIR, CONTRAST, rule).row(0, named=True)
        assert (row["is_called"], row["direction"], row["log2_fold_change"]) == (False, None, None)


def test_fold_change_lists_and_result_never_carry_a_p():
    calls = call_fold_changes(RPKM, PAIR, CONTRAST, AS_GIVEN)
    assert fold_change_gene_lists(calls, "c").rows() == [
        ("c__fold_change__down", "down", "down"),
        ("c__fold_change__down", "gone", "down"),
        ("c__fold_change__up", "up", "up"),
    ]
    result = run_contrast(RPKM, PAIR, CONTRAST, method="fold_change", fold_change_rule=AS_GIVEN)
    assert dict(result.schema) == RESULT_SCHEMA
    assert result["p_value"].null_count() == result["q_value_bh"].null_count() == result.height
    assert result["evidence_kind"].unique().to_list() == ["effect_only"]
    assert result.filter(pl.col("hgnc_symbol") == "up")["log2_fold_change"].item() == pytest.approx(np.log2(3))
    assert result.filter(pl.col("hgnc_symbol") == "gone")["log2_fold_change"].item() is None


def test_rpkm_rule_divides_by_length_and_needs_it():
    counts = pl.DataFrame({"hgnc_symbol": ["a", "b"], "x": [900, 100], "y": [500, 500]})
    rule = FoldChangeRule(unit="rpkm", threshold=1.5)
    calls = call_fold_changes(counts, PAIR, CONTRAST, rule, [2000.0, 1000.0])
    np.testing.assert_allclose(calls["expression_numerator"], [450_000.0, 100_000.0])
    with pytest.raises(DesignFault, match="without gene lengths"):
        call_fold_changes(counts, PAIR, CONTRAST, rule)
    tpm = call_fold_changes(counts, PAIR, CONTRAST, FoldChangeRule(unit="tpm"), [2000.0, 1000.0])
    assert tpm["expression_numerator"].sum() == pytest.approx(1e6)


@pytest.mark.parametrize("method", METHODS)
def test_one_against_one_gets_effects_and_no_p_from_every_method(method):
    rng = np.random.default_rng(5)
    counts = pl.DataFrame(
        {"hgnc_symbol": [f"G{i}" for i in range(50)], "x": rng.poisson(80, 50), "y": rng.poisson(80, 50)}
    )
    counts = counts.with_columns(x=pl.when(pl.col("hgnc_symbol") == "G7").then(4000).otherwise(pl.col("x")))
    result = run_contrast(counts, PAIR, CONTRAST, method=method)
    assert dict(result.schema) == RESULT_SCHEMA
    assert result["evidence_kind"].unique().to_list() == ["effect_only"]
    assert result["p_value"].null_count() == 50
    assert result["log2_fold_change"].arg_max() == 7
    if method != "fold_change":
        assert result["p_value_note"].unique().to_list() == [NOTE_NO_REPLICATES]


@pytest.mark.parametrize("method", ["pydeseq2", "limma_voom"])
def test_further_levels_sharpen_the_variance_and_leave_the_effect(method):
    rng = np.random.default_rng(7)
    names = [f"s{j}" for j in range(12)]
    values = rng.negative_binomial(8, 0.04, size=(300, 12))
    counts = pl.DataFrame({"hgnc_symbol": [f"G{i}" for i in range(300)], **dict(zip(names, values.T, strict=True))})
    samples = pl.DataFrame({"sample_id": names, "arm": np.repeat(["P", "PA", "Q", "S"], 3)})
    two = run_contrast(counts, samples, CONTRAST, method=method)
    four = run_contrast(counts, samples, Contrast("pa_vs_p", "arm", "PA", "P", fit_all_levels=True), method=method)
    assert four["n_numerator"].unique().to_list() == [3]
    # Library sizes and weights rest on twelve samples instead of six, so effects move by a common, small amount.
    assert np.corrcoef(two["log2_fold_change"], four["log2_fold_change"])[0, 1] > 0.98
    # Nothing differs: with more degrees of freedom the p-values stay uniform on average.
    assert 0.4 < four["p_value"].mean() < 0.6


def test_unknown_method_and_bad_counts_are_refused_before_any_fit():
    counts = pl.DataFrame({"hgnc_symbol": ["a"], "x": [1], "y": [-1]})
    with pytest.raises(DesignFault, match=r"unknown method 'deseq2'.*pydeseq2"):
        run_contrast(counts, PAIR, CONTRAST, method="deseq2")
    with pytest.raises(DataFault, match="gene a, sample y: negative count"):
        run_contrast(counts, PAIR, CONTRAST, method="pydeseq2")


def test_lists_use_both_thresholds_strictly_and_skip_missing_q():
    result = build_result(
        ["a", "b", "c", "d", "e"],
        method="limma_voom",
        n_numerator=3,
        n_denominator=3,
        evidence_kind="inferential",
        log2_fold_change=[1.5, -1.5, 1.0, 2.0, 3.0],
        p_value=[0.001] * 5,
        q_value_bh=[0.01, 0.01, 0.01, 0.05, np.nan],
    )
    assert differential_gene_lists(result, "k", 0.05, 1.0).rows() == [
        ("k__limma_voom__down", "b", "down"),
        ("k__limma_voom__up", "a", "up"),
    ]
    assert differential_gene_lists(result.clear(), "k").is_empty()


def test_build_result_refuses_what_it_must_not_hold():
    common = {"method": "m", "n_numerator": 1, "n_denominator": 1, "log2_fold_change": [1.0]}
    with pytest.raises(ValueError, match="effect_only evidence"):
        build_result(["a"], evidence_kind="effect_only", p_value=[0.1], **common)
    with pytest.raises(ValueError, match="base_mean has shape"):
        build_result(["a"], evidence_kind="inferential", base_mean=[1.0, 2.0], **common)
    row = build_result(["a"], evidence_kind="inferential", p_value=[np.nan], statistic=[np.inf], **common)
    assert row.select("p_value", "statistic").row(0) == (None, None)


@pytest.mark.parametrize("method", ["pydeseq2", "limma_voom", "edger_exact"])
def test_no_p_of_a_gene_that_is_zero_in_a_whole_arm_is_shown_unqualified(method):
    rng = np.random.default_rng(8)
    table = rng.poisson(rng.uniform(20, 300, 80)[:, None], (80, 6))
    table[0, :3], table[1] = 0, 0
    names = [f"s{i}" for i in range(6)]
    counts = pl.DataFrame([pl.Series("hgnc_symbol", [f"G{i}" for i in range(80)]), *map(pl.Series, names, table.T)])
    samples = pl.DataFrame({"sample_id": names, "condition": ["a"] * 3 + ["b"] * 3})
    result = run_contrast(counts, samples, Contrast("c", "condition", "b", "a"), method=method)
    assert "one group is all zero" in result["p_value_note"][0]
    assert "zero in every sample" in result["p_value_note"][1]
    assert result["p_value_note"].null_count() >= 70


def test_a_gene_that_is_off_in_one_group_has_a_bound_of_its_fold_change():
    result = run_contrast(RPKM, PAIR, CONTRAST, method="fold_change", fold_change_rule=AS_GIVEN)
    rows = {row["hgnc_symbol"]: row for row in result.iter_rows(named=True)}
    # The smallest positive values are 1.0 (x) and 0.5 (y).
    assert (rows["gone"]["log2_fold_change"], rows["gone"]["log2_fold_change_shrunken"]) == (None, -2.0)
    assert rows["new"]["log2_fold_change_shrunken"] == pytest.approx(np.log2(10))
    assert rows["up"]["log2_fold_change_shrunken"] is None
