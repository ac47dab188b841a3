"""Synergy scores against R (base 4.2.2); tolerances as goldens/bench/combination states them."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resistance_assets.errors import DataFault
from resistance_assets.science.drug_combination.synergy import score_block

KEY = ["block_id", "dose1_um", "dose2_um"]


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "bench" / "combination"


@functools.cache
def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, separator="\t", null_values=["NA", ""], infer_schema_length=None)


def wells_of(folder: Path, block_id: str) -> pl.DataFrame:
    return (
        table(folder / "matrices.tsv")
        .filter(pl.col("block_id") == block_id)
        .with_columns(inhibition_percent=100.0 - pl.col("viability_percent"))
    )


@functools.cache
def scores(folder: Path):
    blocks = table(folder / "matrices.tsv")["block_id"].unique(maintain_order=True)
    return {block: score_block(wells_of(folder, block), block_id=block) for block in blocks}


def assert_close(found: pl.Series, expected: pl.Series, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    assert (found.is_null() == expected.is_null()).all(), found.name
    known = found.is_not_null()
    np.testing.assert_allclose(
        found.filter(known).to_numpy(), expected.filter(known).to_numpy(), rtol=rtol, atol=atol, err_msg=found.name
    )


@pytest.mark.slow
def test_cells_are_those_of_r(folder):
    """Bliss and HSA 1e-9; errors 1e-8, p 1e-6; Loewe 0.01 where both drugs act; ZIP 0.02 points."""
    expected = table(folder / "cells_expected.tsv").sort(KEY)
    found = pl.concat([one.cells for one in scores(folder).values()]).sort(KEY)
    assert found.select(KEY).equals(expected.select(KEY).cast(found.select(KEY).schema))
    for name in ("bliss_reference", "bliss_excess", "hsa_reference", "hsa_excess"):
        assert_close(found[name], expected[name], atol=1e-9)
    assert_close(found["bliss_standard_error"], expected["bliss_se"], rtol=1e-8)
    assert_close(found["bliss_t"], expected["bliss_t"], rtol=1e-6, atol=1e-9)
    assert_close(found["bliss_p"], expected["bliss_p"], rtol=1e-6)
    assert_close(found["bliss_p_holm"], expected["bliss_p_holm"], rtol=1e-6)
    assert_close(found["zip_delta"], expected["zip_delta"], atol=0.02)
    assert found["loewe_status"].to_list() == expected["loewe_status"].to_list()
    both = expected["loewe_status"] == "both_drugs"
    assert_close(found["loewe_reference"].filter(both), expected["loewe_reference"].filter(both), atol=0.01)


@pytest.mark.slow
def test_single_agents_are_those_of_r(folder):
    """Residual sum 1e-8 and never larger; parameters 1e-4 where none lies on a bound."""
    found = pl.concat([one.single_agents for one in scores(folder).values()])
    for ours, theirs in zip(
        found.iter_rows(named=True), table(folder / "single_agents_expected.tsv").iter_rows(named=True), strict=True
    ):
        assert (ours["block_id"], ours["drug"]) == (theirs["block_id"], theirs["drug"])
        assert ours["rss"] <= theirs["rss"] * (1 + 1e-8)
        assert ours["at_bound"] == theirs["at_bound"]
        assert ours["no_effect_p"] == pytest.approx(theirs["no_effect_p"], rel=1e-4)
        if not theirs["at_bound"]:
            for name, expected in (("hill", "hill"), ("emax_percent", "emax"), ("ec50_um", "ec50")):
                assert ours[name] == pytest.approx(theirs[expected], rel=1e-4), (ours["block_id"], name)


def test_blocks_are_tested_over_replicates_as_in_r(folder):
    for theirs in table(folder / "blocks_expected.tsv").iter_rows(named=True):
        ours = scores(folder)[theirs["block_id"]].block
        assert ours["n_combination_cells"] == theirs["n_combination_cells"]
        assert ours["pooled_standard_deviation"] == pytest.approx(theirs["pooled_sd"], rel=1e-9)
        for name in ("bliss_mean", "hsa_mean"):
            assert ours[name] == pytest.approx(theirs[name], abs=1e-9)
        assert ours["zip_mean"] == pytest.approx(theirs["zip_mean"], abs=0.02)
        assert ours["loewe_cells_undefined"] == theirs["loewe_cells_undefined"]
        assert ours["loewe_cells_beyond_weaker_drug"] == theirs["loewe_cells_beyond_weaker_drug"]
        for ending in ("mean", "lower", "upper"):
            assert ours[f"replicate_bliss_{ending}"] == pytest.approx(theirs[f"replicate_bliss_{ending}"], rel=1e-8)
        assert ours["replicate_bliss_p"] == pytest.approx(theirs["replicate_bliss_p"], rel=1e-6)


def test_planted_synergy_and_antagonism_are_found_and_the_null_is_not(folder):
    p = {block: one.block["replicate_bliss_p"] for block, one in scores(folder).items()}
    mean = {block: one.block["bliss_mean"] for block, one in scores(folder).items()}
    assert p["H3122CR_synergy"] < 0.01
    assert mean["H3122CR_synergy"] > 5
    assert p["bliss_null"] > 0.5
    assert next(value for block, value in mean.items() if "antag" in block) < -3


def test_an_inactive_drug_has_no_loewe(folder):
    inactive = [one for one in scores(folder).values() if one.block["loewe_cells_undefined"]]
    assert inactive
    assert all(one.block["loewe_mean"] is None for one in inactive)


def test_a_matrix_without_single_drugs_is_refused(folder):
    wells = wells_of(folder, "bliss_null").filter(pl.col("dose2_um") > 0)
    with pytest.raises(DataFault, match="drug 1 alone"):
        score_block(wells, block_id="bliss_null")


def test_wells_of_several_plates_without_a_replicate_id_are_refused(folder):
    wells = wells_of(folder, "bliss_null").with_columns(replicate=pl.lit(None, pl.Int64))
    with pytest.raises(DataFault, match="same replicate"):
        score_block(wells, block_id="bliss_null")


def test_one_matrix_gives_scores_and_no_p(folder):
    one = score_block(wells_of(folder, "bliss_null").filter(pl.col("replicate") == 1), block_id="b")
    assert one.block["bliss_mean"] is not None
    assert one.block["replicate_bliss_p"] is None
    assert one.block["p_note"] == "one matrix without replicates: scores, no p"
    assert one.cells["bliss_p"].null_count() == one.cells.height


def test_viability_given_as_inhibition_is_noticed(folder):
    wells = wells_of(folder, "bliss_null").with_columns(inhibition_percent=pl.col("viability_percent"))
    assert any("given as inhibition" in text for text in score_block(wells, block_id="b").warnings)
