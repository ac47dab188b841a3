"""Two-way assays against R (lm, glm): t and F relative 1e-9, GLM 1e-6 and its p 1e-4, as goldens/bench states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resistance_assets.science.two_way_assay.interaction import (
    analyse_variance,
    average_fields,
    closure_percent,
    fit_count_interaction,
    fit_interaction,
    to_scale,
)

SCALES = {"cck8": "log", "wound_closure_percent": "identity", "invasion": "log", "apoptosis": "logit"}


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "bench" / "assays"


def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", null_values=["NA", ""], infer_schema_length=None)


@pytest.fixture(scope="module")
def fields(folder: Path) -> dict[str, pl.DataFrame]:
    """Wells and fields per assay; wound widths are turned into closure."""
    rows = table(folder / "two_way.tsv").with_columns(
        drug01=(pl.col("drug") != "none").cast(pl.Int64),
        ligand01=(pl.col("ligand") != "none").cast(pl.Int64),
        value=pl.col("value").cast(pl.Float64),
    )
    key = ["experiment", "drug01", "ligand01", "field"]
    start = rows.filter(pl.col("assay") == "wound_width_0h").select(*key, start="value")
    end = rows.filter(pl.col("assay") == "wound_width_24h").select(*key, end="value", denominator="denominator")
    found = {name: rows.filter(pl.col("assay") == name) for name in ("cck8", "invasion", "apoptosis")}
    return found | {"wound_closure_percent": closure_percent(start.join(end, on=key))}


@pytest.fixture(scope="module")
def units(fields) -> dict[str, pl.DataFrame]:
    averaged = {name: average_fields(rows) for name, rows in fields.items()}
    return {name: rows.with_columns(response=to_scale(rows["value"], SCALES[name])) for name, rows in averaged.items()}


def test_wells_and_fields_become_one_number_an_experiment_as_in_r(folder, units):
    expected = table(folder / "two_way_units_expected.tsv").rename({"lig01": "ligand01"})
    for name, found in units.items():
        key = ["experiment", "drug01", "ligand01"]
        both = found.join(expected.filter(pl.col("assay") == name), on=key, suffix="_r", validate="1:1")
        assert both.height == found.height == 16
        np.testing.assert_allclose(both["value"], both["value_r"], rtol=1e-12)
        np.testing.assert_allclose(both["response"], both["response_r"], rtol=1e-9, atol=1e-12)


def test_effects_and_interaction_are_those_of_r(folder, units):
    expected = table(folder / "two_way_tests_expected.tsv").filter(pl.col("model") == "block_fixed")
    assert expected.height == 16
    for row in expected.iter_rows(named=True):
        found = fit_interaction(units[row["assay"]]).filter(pl.col("term") == row["term"]).row(0, named=True)
        for ours, theirs in (("estimate", "estimate"), ("standard_error", "se"), ("degrees_of_freedom", "df"),
                             ("t", "t"), ("p_value", "p"), ("lower", "lower"), ("upper", "upper")):  # fmt: skip
            assert found[ours] == pytest.approx(row[theirs], rel=1e-8), (row["assay"], row["term"], ours)


def test_the_analysis_of_variance_is_that_of_r(folder, units):
    for row in table(folder / "two_way_anova_expected.tsv").iter_rows(named=True):
        found = analyse_variance(units[row["assay"]]).filter(pl.col("source") == row["source"]).row(0, named=True)
        assert found["df"] == row["df"]
        assert found["sum_of_squares"] == pytest.approx(row["sum_sq"], rel=1e-8)
        assert found["f"] == (row["F"] and pytest.approx(row["F"], rel=1e-8))
        assert found["p_value"] == (row["p"] and pytest.approx(row["p"], rel=1e-6))


def test_counts_and_proportions_have_the_likelihoods_of_r(folder, units):
    expected = table(folder / "two_way_glm_expected.tsv").filter(pl.col("family").str.starts_with("quasi"))
    assert expected.height == 6
    for row in expected.iter_rows(named=True):
        assay = row["assay"].split("_")[0]
        found = fit_count_interaction(units[assay]).filter(pl.col("term") == row["term"]).row(0, named=True)
        assert found["family"] == row["family"]
        assert found["estimate"] == pytest.approx(row["estimate"], rel=1e-6)
        assert found["dispersion"] == pytest.approx(row["dispersion"], rel=1e-6)
        assert found["standard_error"] == pytest.approx(row["se"], rel=1e-5)
        assert found["p_value"] == pytest.approx(row["p"], rel=1e-4)


def test_without_an_experiment_id_there_is_no_test(units):
    found = fit_interaction(units["cck8"].with_columns(experiment=pl.lit(None, pl.Int64)))
    assert found["p_note"].unique().to_list() == ["no experiment id: wells are not replicates"]
    assert "p_value" not in found.columns


def test_a_percentage_of_nought_or_hundred_has_no_logit():
    assert to_scale(pl.Series([0.0, 50.0, 100.0]), "logit").to_list() == [None, 0.0, None]


def test_closure_beyond_its_range_is_kept_and_flagged():
    rows = pl.DataFrame({"start": [10.0, 10.0, 0.0], "end": [12.0, 5.0, 4.0]})
    found = closure_percent(rows)
    assert found["value"].to_list() == pytest.approx([-20.0, 50.0, None])
    assert found["flag"].to_list() == ["outside_0_to_100", None, None]
