"""Multiverses as assets: the demo's own reading is found, and studies are taken as they come."""

from __future__ import annotations

import json

import polars as pl
import pytest

from resistance_assets.catalog.models.lab_study import CountsStudy
from resistance_assets.catalog.registry import load_registry
from resistance_assets.defs.core.multiverse import arm_expression
from resistance_assets_tests.warehouse_runs import ask


def test_the_multiverse_finds_the_reading_by_which_the_demo_counted(demo_place):
    """Counts as the synthetic paper reports them are those of one reading; it is the nearest, at distance 0."""
    truth = json.loads((demo_place / "demo" / "truth.json").read_text())["paper_reading"]
    row = ask(
        demo_place / "data",
        "SELECT * FROM core.multiverse__summary WHERE multiverse_id = 'lu_2019_responsive_genes'"
        " AND dataset_id = 'demo_h1975_four_arms'",
    ).row(0, named=True)
    assert dict(part.split("=") for part in row["nearest_reading"].split(", ")) == truth
    assert row["distance_smallest"] == 0
    # Values that are exactly equal or exactly double hardly occur, and only a few listed genes are kept.
    assert set(row["undecided_axes"].split(", ")) <= {"threshold", "ratio_rule", "list_version"}
    assert row["n_readings"] == row["n_computed"] == 3 * 2 * 3 * 3 * 2 * 3
    study = load_registry([demo_place / "demo" / "studies"]).local_studies["demo_h1975_four_arms"].study
    assert isinstance(study, CountsStudy)
    plain = ask(
        demo_place / "data",
        "SELECT * FROM core.multiverse__readings WHERE dataset_id = 'demo_h1975_four_arms' AND is_nearest",
    )
    for name, count in study.reported.items():
        assert set(plain[name]) == {count}
    choices = ask(
        demo_place / "data",
        "SELECT axis, choice FROM core.multiverse__choices WHERE dataset_id = 'demo_h1975_four_arms'"
        f" AND reading = '{row['nearest_reading']}'",
    )
    assert dict(choices.iter_rows()) == truth


def test_the_members_of_the_plain_reading_are_listed_step_by_step(demo_place):
    plain = ask(
        demo_place / "data",
        "SELECT * FROM core.multiverse__readings"
        " WHERE multiverse_id = 'lu_2019_responsive_genes' AND reading_number = 1"
        " AND dataset_id = 'demo_h1975_four_arms'",
    ).row(0, named=True)
    steps = ask(
        demo_place / "data",
        "SELECT step, count(*) FROM core.multiverse__members WHERE dataset_id = 'demo_h1975_four_arms' GROUP BY step",
    )
    assert dict(steps.iter_rows()) == {
        "responsive": plain["n_responsive"],
        "kept": plain["n_kept"],
        "in_list": plain["n_in_list"],
    }


def test_a_gene_that_the_drug_hardly_moves_in_resistant_cells_is_kept_or_lost_as_its_counts_fall(demo_place):
    """CXCL2 lost its response, so its planted ratio of R to RA is 1, and the filter decides by noise."""
    arms = dict(
        ask(
            demo_place / "data",
            """
            SELECT c.sample_id, 1e6 * c.read_count / sum(t.read_count) AS cpm
            FROM raw.studies__gene_sample_counts AS c
            INNER JOIN raw.studies__gene_sample_counts AS t USING (study_id, sample_id)
            WHERE c.study_id = 'demo_h1975_four_arms' AND c.feature_id = 'CXCL2'
            GROUP BY c.sample_id, c.read_count
            """,
        ).iter_rows()
    )
    assert arms["demo_P"] > 2 * arms["demo_PA"]
    assert 0.8 < arms["demo_R"] / arms["demo_RA"] < 1.25
    share = ask(
        demo_place / "data",
        "SELECT share_conclusion_holds FROM core.multiverse__summary WHERE dataset_id = 'demo_h1975_four_arms'",
    ).item()
    assert (share > 0) == (arms["demo_R"] < arms["demo_RA"])


def test_what_noise_gives_grows_with_the_variation_assumed(demo_place):
    noise = ask(
        demo_place / "data",
        "SELECT bcv, expected_genes FROM core.deg__fold_change_noise"
        " WHERE study_id = 'demo_h1975_four_arms' ORDER BY bcv",
    )
    assert noise["bcv"].to_list() == [0.1, 0.2, 0.3, 0.4]
    assert noise["expected_genes"].is_sorted()
    assert noise["expected_genes"][0] > 0


@pytest.mark.parametrize("missing", ["arm", "RA"])
def test_a_study_without_one_of_the_arms_is_left_out(missing):
    multiverse = load_registry().multiverses["lu_2019_responsive_genes"]
    arms = [arm for arm in ("P", "PA", "R", "RA") if arm != missing]
    samples = pl.DataFrame(
        {"sample_id": arms, "attribute_id": ["arm" if missing == "RA" else "dose"] * len(arms), "value": arms}
    )
    counts = pl.DataFrame({"feature_id": ["A"] * len(arms), "sample_id": arms, "read_count": [5] * len(arms)})
    measured = pl.DataFrame({"source_symbol": ["A"], "hgnc_symbol": ["A"]})
    assert arm_expression(counts, samples, measured, multiverse) is None


def test_arms_of_several_samples_are_averaged_per_million_under_approved_symbols():
    multiverse = load_registry().multiverses["lu_2019_responsive_genes"]
    values = {"p1": "P", "p2": "P", "a": "PA", "r": "R", "ra": "RA", "other": "elsewhere"}
    samples = pl.DataFrame({"sample_id": list(values), "attribute_id": "group", "value": list(values.values())})
    counts = pl.DataFrame(
        [(gene, sample, n) for sample in values for gene, n in (("OLD", 25 if sample == "p1" else 75), ("B", 25))],
        schema=["feature_id", "sample_id", "read_count"],
        orient="row",
    )
    measured = pl.DataFrame({"source_symbol": ["OLD", "B"], "hgnc_symbol": ["NEW", "B"]})
    found = arm_expression(counts, samples, measured, multiverse)
    assert found is not None
    assert found["hgnc_symbol"].to_list() == ["B", "NEW"]
    assert found["parental"].to_list() == pytest.approx([375_000, 625_000])
    assert found["resistant_treated"].to_list() == pytest.approx([250_000, 750_000])
