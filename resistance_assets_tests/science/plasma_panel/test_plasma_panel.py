"""Plasma panels against R (survival 3.5, timeROC 0.4.1); tolerances as goldens/bench/plasma_panel states them."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from resistance_assets.connectors.plasma_panel.cells import read_cell
from resistance_assets.errors import DataFault
from resistance_assets.science.plasma_panel.comparisons import censored_regression, signed_rank_test
from resistance_assets.science.plasma_panel.time_roc import time_roc
from resistance_assets.science.plasma_panel.values import apply_limits, summarise_detection
from resistance_assets.science.statistics.rank_sum import rank_sum_test


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "bench" / "plasma_panel"


@functools.cache
def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", null_values=["NA", ""], infer_schema_length=None, quote_char=None)


@functools.cache
def values_of(folder: Path) -> pl.DataFrame:
    wide = pl.read_csv(folder / "panel.tsv", separator="\t", infer_schema=False, quote_char=None)
    rows = [
        (sample, marker, text, cell.flag, cell.number, cell.extrapolated)
        for marker in wide.columns[1:]
        for sample, text in zip(wide["sample_id"], wide[marker], strict=True)
        if (cell := read_cell(text)) is not None
    ]
    names = ["sample_id", "marker", "text", "flag", "number", "is_extrapolated"]
    types = {"text": pl.String, "number": pl.Float64}
    cells = pl.DataFrame(rows, schema=names, schema_overrides=types, orient="row")
    cells = cells.join(table(folder / "limits.tsv"), on="marker", how="left", maintain_order="left")
    return apply_limits(cells, platform="luminex", subject="panel.tsv")


@functools.cache
def baseline_of(folder: Path) -> pl.DataFrame:
    """Baseline values with the patient's follow-up."""
    samples = table(folder / "samples.tsv").filter(pl.col("timepoint") == "baseline")
    patients = samples.join(table(folder / "patients.tsv"), on="patient_id", maintain_order="left")
    return values_of(folder).join(patients, on="sample_id", how="inner", maintain_order="left")


def test_cells_are_read_as_in_r(folder):
    """Flags exact, values relative 1e-12."""
    expected = table(folder / "long_expected.tsv").rename({"value_pg_ml": "value"})
    names = ["sample_id", "marker", "flag", "value", "log2_value"]
    assert_frame_equal(values_of(folder).select(names), expected.select(names), rel_tol=1e-12, check_row_order=False)


def test_detection_is_that_of_r(folder):
    baseline = table(folder / "samples.tsv").filter(pl.col("timepoint") == "baseline")["sample_id"]
    expected = table(folder / "detection_expected.tsv")
    found = summarise_detection(values_of(folder), baseline).select(expected.columns)
    assert_frame_equal(found, expected, rel_tol=1e-12, check_dtypes=False)
    assert "refused_mostly_below_lod" in found["verdict"].to_list()


def test_pairs_are_tested_as_in_r(folder):
    """Exact p relative 1e-9; the method is named and is the one that R chose."""
    samples = table(folder / "samples.tsv").pivot("timepoint", index="patient_id", values="sample_id").drop_nulls()
    values = values_of(folder).select("sample_id", "marker", "log2_value")
    for row in table(folder / "paired_expected.tsv").iter_rows(named=True):
        own = values.filter(pl.col("marker") == row["marker"])
        both = samples.join(own, left_on="baseline", right_on="sample_id", maintain_order="left").join(
            own, left_on="progression", right_on="sample_id", suffix="_after", maintain_order="left"
        )
        found = signed_rank_test((both["log2_value_after"] - both["log2_value"]).drop_nulls().to_numpy())
        assert found.n_pairs == row["pairs"]
        assert found.n_zero == row["zero_differences"]
        assert found.v == row["V"]
        assert found.p_value == pytest.approx(row["p_wilcoxon_r_default"], rel=1e-9)
        assert ("exact" in row["method"]) == (found.method == "exact")


@pytest.mark.slow
def test_groups_are_compared_as_in_r(folder):
    """Rank sum 1e-9; Tobit difference 1e-4 of its error, log-likelihood 1e-6, p 1e-3."""
    base = baseline_of(folder).with_columns(
        group=pl.when(pl.col("pfs_months") > 12)
        .then(pl.lit("long"))
        .when((pl.col("pfs_months") < 6) & (pl.col("pfs_event") == 1))
        .then(pl.lit("short"))
    )
    lod = dict(table(folder / "limits.tsv").select("marker", "lod").iter_rows())
    for row in table(folder / "groups_rank_and_tobit_expected.tsv").iter_rows(named=True):
        own = base.filter(pl.col("marker") == row["marker"], pl.col("group").is_not_null()).drop_nulls("log2_value")
        short = (own["group"] == "short").to_numpy()
        y, detected = own["log2_value"].to_numpy().copy(), (own["flag"] != "below").to_numpy()
        ranks = rank_sum_test(y[short], y[~short], exact=False)
        assert ranks.w == row["W"]
        assert ranks.p_value == pytest.approx(row["p_wilcoxon"], rel=1e-9)
        y[~detected] = np.log2(lod[row["marker"]])
        found = censored_regression(y, detected, short)
        assert abs(found.difference - row["tobit_difference"]) <= 1e-4 * row["tobit_se"]
        assert found.standard_error == pytest.approx(row["tobit_se"], rel=1e-4)
        assert found.log_likelihood == pytest.approx(row["tobit_loglik"], abs=1e-6)
        assert found.p_wald == pytest.approx(row["tobit_p_wald"], rel=1e-3)
        assert found.p_likelihood_ratio == pytest.approx(row["tobit_p_lrt"], rel=1e-3)


def test_auc_and_its_iid_error_are_those_of_time_roc(folder):
    """AUC 1e-9, error 1e-6; no interval with fewer than ten cases or controls, although timeROC prints one."""
    expected = table(folder / "time_roc_expected.tsv")
    refused = 0
    for row in expected.iter_rows(named=True):
        own = baseline_of(folder).filter(pl.col("marker") == row["marker"]).drop_nulls("log2_value")
        found = time_roc(
            own[f"{row['endpoint']}_months"].to_numpy(),
            own[f"{row['endpoint']}_event"].to_numpy() == 1,
            own["log2_value"].to_numpy(),
            row["month"],
        )
        assert (found.cases, found.controls, found.censored_before) == (
            row["cases"], row["controls"], row["censored_before"]
        )  # fmt: skip
        assert found.auc == pytest.approx(row["auc"], abs=1e-9)
        if min(row["cases"], row["controls"]) < 10:
            refused += 1
            assert np.isnan(found.standard_error)
            assert "an interval asks for 10 of each" in found.interval_note
        else:
            assert found.standard_error == pytest.approx(row["se"], rel=1e-6)
            assert found.upper == pytest.approx(min(1.0, row["upper"]), rel=1e-6)
    assert refused


def cells(*rows: tuple[str, str, float | None], lod: float | None = 1.0, upper: float | None = 9.0) -> pl.DataFrame:
    schema = {"sample_id": pl.String, "flag": pl.String, "number": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        marker=pl.lit("IL8"), lod=pl.lit(lod, pl.Float64), upper_limit=pl.lit(upper, pl.Float64)
    )


def test_olink_values_below_the_limit_are_kept_and_flagged():
    found = apply_limits(cells(("a", "measured", -1.5), ("b", "measured", 3.0)), platform="olink", subject="npx")
    assert found.select("flag", "log2_value").rows() == [("below", -1.5), ("measured", 3.0)]


def test_luminex_values_beyond_a_limit_take_it():
    given = cells(("a", "below", None), ("b", "above", None), ("c", "measured", 0.5), ("d", "missing", None))
    found = apply_limits(given, platform="luminex", subject="panel")
    assert found["flag"].to_list() == ["below", "above", "below", "missing"]
    assert found["value"].to_list() == [pytest.approx(2**-0.5), 9.0, pytest.approx(2**-0.5), None]


@pytest.mark.parametrize(
    ("given", "platform", "message"),
    [
        (cells(("a", "below", None), lod=None), "luminex", "sample a, marker IL8.*below a limit that is not stated"),
        (cells(("a", "above", None), upper=None), "luminex", "above a limit that is not stated"),
        (cells(("a", "measured", -2.0), lod=None), "luminex", "-2 is no concentration above 0"),
        (cells(("a", "below", None)), "olink", "is beyond a limit and has no NPX"),
    ],
)
def test_values_that_cannot_be_are_refused_with_their_cell(given, platform, message):
    with pytest.raises(DataFault, match=message):
        apply_limits(given, platform=platform, subject="panel")


def test_fewer_than_five_pairs_have_no_p():
    found = signed_rank_test(np.array([1.0, 2.0, 3.0, 4.0]))
    assert np.isnan(found.p_value)
    assert found.p_note == "fewer than 5 pairs"
