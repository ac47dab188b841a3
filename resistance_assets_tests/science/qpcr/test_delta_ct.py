"""qPCR against R (base 4.2.2): arithmetic relative 1e-12, t and limits 1e-9, as goldens/bench/assays states them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from resistance_assets.errors import DataFault
from resistance_assets.science.qpcr.delta_ct import (
    average_wells,
    check_no_template,
    compare_conditions,
    reference_shifts,
    subtract_reference,
)


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "bench" / "assays"


def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", null_values=["NA", ""], infer_schema_length=None)


@pytest.fixture(scope="module")
def wells(folder: Path) -> pl.DataFrame:
    read = pl.read_csv(folder / "qpcr_ct.tsv", separator="\t", schema_overrides={"ct": pl.String}, null_values=[""])
    return read.with_columns(pl.col("ct").cast(pl.Float64, strict=False))


@pytest.fixture(scope="module")
def means(wells: pl.DataFrame) -> pl.DataFrame:
    return average_wells(wells.filter(pl.col("condition") != "no_template"))


@pytest.fixture(scope="module")
def deltas(means: pl.DataFrame) -> pl.DataFrame:
    return subtract_reference(means, reference="GAPDH", control="siCtrl")


def test_wells_are_averaged_as_in_r(folder, means):
    key = ["condition", "gene", "biological_replicate"]
    expected = table(folder / "qpcr_mean_ct_expected.tsv").rename({"undetermined": "n_undetermined"}).sort(key)
    assert expected["n_undetermined"].sum() == 1
    assert expected["well_dropped"].sum() == 1
    names = [name for name in expected.columns if name != "flag"]
    assert_frame_equal(means.sort(key).select(names), expected.select(names), rel_tol=1e-12, check_dtypes=False)
    assert means["flag"].null_count() == means.height


def test_delta_delta_ct_is_that_of_r(folder, deltas):
    key = ["gene", "condition", "biological_replicate"]
    expected = table(folder / "qpcr_delta_ct_expected.tsv").sort(key)
    assert_frame_equal(
        deltas.sort(key).select(expected.columns), expected, rel_tol=1e-10, abs_tol=1e-12, check_dtypes=False
    )


def test_fold_changes_are_those_of_r(folder, deltas):
    found = compare_conditions(deltas, control="siCtrl")
    expected = table(folder / "qpcr_tests_expected.tsv")
    names = [name for name in expected.columns if "DO_NOT_USE" not in name]
    key = ["gene", "condition"]
    assert_frame_equal(
        found.select(names).sort(key), expected.select(names).sort(key), rel_tol=1e-9, check_dtypes=False
    )


def test_no_template_wells_are_judged_as_in_r(folder, wells, means):
    found = check_no_template(wells.filter(pl.col("condition") == "no_template"), means)
    assert found["verdict"].to_list() == table(folder / "qpcr_no_template_expected.tsv")["verdict"].to_list()


def test_two_wells_that_disagree_are_flagged_and_both_kept():
    wells = pl.DataFrame({"condition": "a", "gene": "G", "biological_replicate": 1, "ct": [20.0, 22.0]})
    row = average_wells(wells).row(0, named=True)
    assert (row["n_used"], row["well_dropped"], row["flag"]) == (2, False, "replicates_disagree")


def test_a_gene_that_is_undetermined_everywhere_is_not_detected_and_never_forty(means):
    gone = means.with_columns(
        mean_ct=pl.when((pl.col("gene") == "CCL20") & (pl.col("condition") != "siCtrl")).then(None).otherwise("mean_ct")
    )
    found = compare_conditions(subtract_reference(gone, reference="GAPDH", control="siCtrl"), control="siCtrl")
    row = found.filter(pl.col("gene") == "CCL20").row(0, named=True)
    assert row["fold_change"] is None
    assert "not detected" in row["p_note"]


def test_two_biological_replicates_give_a_fold_change_without_p(deltas):
    found = compare_conditions(deltas.filter(pl.col("biological_replicate") < 3), control="siCtrl")
    assert found["fold_change"].null_count() == 0
    assert found["welch_p"].null_count() == found.height
    assert found["p_note"].str.contains("fewer than 3").all()


def test_a_sample_without_the_reference_gene_has_no_delta_ct(means):
    without = means.filter(~((pl.col("gene") == "GAPDH") & (pl.col("biological_replicate") == 1)))
    found = subtract_reference(without, reference="GAPDH", control="siCtrl")
    first = found.filter(pl.col("biological_replicate") == 1)
    assert first["delta_ct"].null_count() == first.height
    assert first["note"].str.contains("GAPDH missing").all()


def test_a_reference_gene_that_is_nowhere_is_an_error(means):
    with pytest.raises(DataFault, match="reference gene ACTB"):
        subtract_reference(means, reference="ACTB", control="siCtrl")


def test_a_reference_gene_that_moves_is_told(means):
    assert reference_shifts(means, reference="GAPDH", control="siCtrl").is_empty()
    moved = means.with_columns(
        mean_ct=pl.col("mean_ct") + pl.when(pl.col("condition") == "siCCL20_1").then(0.8).otherwise(0.0)
    )
    assert reference_shifts(moved, reference="GAPDH", control="siCtrl")["condition"].to_list() == ["siCCL20_1"]
