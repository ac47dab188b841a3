"""What the demo plants in its bench studies is found again by the functions that their steps call."""

from __future__ import annotations

import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.raw.studies import plasma_panel as plasma_panel_step
from resistance_assets.defs.raw.studies import tumour_growth as tumour_growth_step
from resistance_assets.demo.bench import (
    dose_response,
    drug_combination,
    plasma_panel,
    qpcr,
    tumour_growth,
    two_way_assay,
)
from resistance_assets.orchestration.checks import validate
from resistance_assets_tests.defs.raw.studies.bench_folders import tables_of
from resistance_assets_tests.demo.conftest import WrittenDemo


def tables(demo: WrittenDemo, folder: str) -> dict[str, pl.DataFrame]:
    return tables_of(demo.registry.local_studies[folder])


@pytest.mark.slow
def test_every_ec50_lies_in_its_interval_and_one_knock_down_sensitises_the_resistant_line_alone(demo):
    found = tables(demo, dose_response.FOLDER)
    curves = found["core.dose_response__curves"].filter(pl.col("is_primary"))
    assert curves.height == 10
    truth = demo.truth.bench[dose_response.FOLDER]
    for row in curves.iter_rows(named=True):
        planted = truth[f"{row['cell_line']} | {row['condition']}"]
        # Experiments differ by 8 %, which a curve's own interval does not know.
        assert row["ec50_um"] == pytest.approx(planted, rel=0.25), row["curve_id"]
        assert row["verdict"] == "estimated"
    down = found["core.dose_response__knock_downs"].filter(pl.col("contrast") == "resistant_minus_parental")
    assert down.filter(pl.col("p_holm") < 0.05)["gene"].to_list() == ["CCL20"]
    ratio = down.filter(pl.col("gene") == "CCL20")["ratio"].item()
    assert ratio == pytest.approx(0.25, rel=0.3)
    fold = found["core.dose_response__fold_changes"].filter(
        pl.col("measure") == "ec50", pl.col("is_primary"), pl.col("condition") == dose_response.CONTROL
    )
    assert fold["replicate_fold_change"].item() == pytest.approx(32.0, rel=0.3)
    assert fold["paired_p"].item() < 0.05


@pytest.mark.slow
def test_the_planted_synergy_is_found_over_experiments(demo):
    block = tables(demo, drug_combination.FOLDER)["core.drug_combination__blocks"].row(0, named=True)
    planted = demo.truth.bench[drug_combination.FOLDER][f"{drug_combination.BLOCK} | bliss_mean"]
    assert block["bliss_mean"] == pytest.approx(planted, abs=1.5)
    assert block["replicate_bliss_lower"] > 0
    assert block["replicate_bliss_p"] < 0.05
    assert block["warnings"] is None


def test_knocked_down_transcripts_fall_as_planted(demo):
    found = tables(demo, qpcr.FOLDER)
    for row in found["core.qpcr__fold_changes"].iter_rows(named=True):
        planted = demo.truth.bench[qpcr.FOLDER][f"{row['gene']} | {row['condition']}"]
        assert row["fold_change"] == pytest.approx(planted, rel=0.2)
    assert set(found["core.qpcr__no_template"]["verdict"]) == {"clean"}


def test_the_ligand_takes_back_a_part_of_the_drug_in_invasion_alone(demo):
    effects = tables(demo, two_way_assay.FOLDER)["core.assays__two_way"].filter(pl.col("term") == "interaction")
    for row in effects.iter_rows(named=True):
        planted = demo.truth.bench[two_way_assay.FOLDER][f"{row['assay']} | interaction"]
        assert row["lower"] < planted < row["upper"]
        assert (row["p_value"] < 0.05) == (planted != 0.0)


@pytest.mark.slow
def test_growth_rates_and_their_interaction_lie_in_their_intervals(demo):
    local = demo.registry.local_studies[tumour_growth.FOLDER]
    found = tumour_growth_step.analyse(local, tumour_growth_step.read_tables(local))
    assert all(check.passed for name, frame in found.items() for check in validate(TABLES[name], frame))
    planted = demo.truth.bench[tumour_growth.FOLDER]
    rates = found["core.tumour_growth__growth_rates"].filter(pl.col("role") == "primary")
    assert rates.height == 4
    for row in rates.iter_rows(named=True):
        assert abs(row["rate_per_day"] - planted[row["arm"]]) < 3 * row["standard_error"]
    interaction = found["core.tumour_growth__contrasts"].filter(
        pl.col("kind") == "interaction", pl.col("role") == "primary"
    )
    row = interaction.row(0, named=True)
    assert row["ci_lower"] < planted["interaction"] < row["ci_upper"] < 0
    mice = found["core.tumour_growth__mice"]
    counts = dict(mice.group_by("end_reason").len().iter_rows())
    assert counts["found_dead"] == counts["body_weight_loss"] == 1
    assert counts["tumour_volume_limit"] >= 3
    assert mice["complete_regression"].sum() == mice["is_toxic_weight_loss"].sum() == 1
    days = found["core.tumour_growth__treatment_to_control"].filter(pl.col("day_role") == "last_complete")["day"]
    assert 0 < days.unique().item() < 26


@pytest.mark.slow
def test_planted_markers_are_found_and_markers_below_their_limit_are_refused(demo):
    local = demo.registry.local_studies[plasma_panel.FOLDER]
    symbols = pl.DataFrame(
        {"symbol": ["IL8", "CCL20"], "hgnc_symbol": ["CXCL8", "CCL20"], "resolution": ["previous", "approved"],
         "candidates": ["CXCL8", "CCL20"]}
    )  # fmt: skip
    raw = plasma_panel_step.read_tables(local) | {plasma_panel_step.SYMBOLS: symbols}
    found = plasma_panel_step.analyse(local, raw)
    assert all(check.passed for name, frame in found.items() for check in validate(TABLES[name], frame))
    planted = demo.truth.bench[plasma_panel.FOLDER]
    detection = found["core.plasma_panel__detection"]
    assert detection.height == 40
    assert detection["n_baseline"].unique().to_list() == [61]
    assert set(detection.filter(~pl.col("is_tested"))["marker"]) == {"CCL7", "IL4"}
    survival = found["core.plasma_panel__survival"].filter(
        pl.col("model") == "continuous_per_sd", pl.col("endpoint") == "PFS"
    )
    for marker, effect in plasma_panel.LOG_HAZARD_PER_SD.items():
        row = survival.filter(pl.col("marker") == marker).row(0, named=True)
        assert abs(row["log_hazard_ratio"] - effect) < 3 * row["standard_error"]
    assert survival.sort("p_value")["marker"][0] == "CCL20"
    pairs = found["core.plasma_panel__comparisons"].filter(pl.col("method") == "limma_paired")
    for marker in plasma_panel.AT_PROGRESSION_LOG2:
        row = pairs.filter(pl.col("marker") == marker).row(0, named=True)
        assert row["n_numerator"] == 15
        assert row["difference_log2"] == pytest.approx(planted[f"{marker} | progression_log2"], abs=0.35)
        assert row["q"] < 0.05
    assert found["core.plasma_panel__survival"].filter(pl.col("marker") == "IL8")["hgnc_symbol"][0] == "CXCL8"
