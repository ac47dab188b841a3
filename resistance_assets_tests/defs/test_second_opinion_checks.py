"""The asset check `lifelines_agrees`, executed by Dagster on a lake that holds one cohort and endpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.cohort_slices import expression_address, follow_up_address
from resistance_assets.defs.core.survival.competing_risks import incidence_of
from resistance_assets.defs.core.survival.followed_patients import followed_patients
from resistance_assets.defs.second_opinion_checks import CHECK, second_opinion_checks
from resistance_assets.defs.warehouse_resource import WarehouseResource
from resistance_assets.orchestration.dagster.table_assets import key_of
from resistance_assets.orchestration.lake import Lake, TableVersion
from resistance_assets.orchestration.partitions import partition_of
from resistance_assets.science.survival.accelerated_failure_time import fit_time_ratios
from resistance_assets.science.survival.screen import screen_survival

COHORT, ENDPOINT = "luad_tcga", "OS"
SCREEN = partition_of("core.survival__cohort_endpoint_genes", COHORT, ENDPOINT.lower())


def store(lake: Lake, address: str, frame: pl.DataFrame) -> None:
    now = datetime.now(UTC).isoformat()
    version = lake.write(address, frame)
    lake.set_current(
        TableVersion(address, "available", version, "code", "rules", {}, frame.height, now, "run", 0.0), None
    )


@pytest.fixture
def screened(tmp_path: Path, monkeypatch) -> tuple[Lake, pl.DataFrame]:
    """A lake with expression and follow-up of 60 patients, and the right screen of them."""
    monkeypatch.setenv("RESISTANCE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RESISTANCE_PROFILE", "public")
    rng = np.random.default_rng(5)
    patients, genes = [f"P{k:02d}" for k in range(60)], ["AXL", "CCL20", "MET"]
    values = rng.normal(size=(len(genes), len(patients)))
    time, event = rng.exponential(20, len(patients)).round(1) + 0.1, rng.integers(0, 2, len(patients))
    lake = Lake(tmp_path / "lake")
    expression = [
        {"cohort_id": COHORT, "hgnc_symbol": gene, "patient_id": patient, "expression_value": values[row, column]}
        for row, gene in enumerate(genes)
        for column, patient in enumerate(patients)
    ]
    store(lake, expression_address(COHORT), pl.DataFrame(expression))
    follow_up = pl.DataFrame({"patient_id": patients, "time_months": time, "event_observed": event})
    store(lake, follow_up_address(COHORT, ENDPOINT), follow_up)
    return lake, screen_survival(values, time, event, genes)


def execute_check(address: str = SCREEN) -> dg.AssetCheckEvaluation:
    definitions = dg.Definitions(
        asset_checks=[second_opinion_checks(load_registry())],
        resources={"warehouse_resource": WarehouseResource()},
        jobs=[
            dg.define_asset_job("check", selection=dg.AssetSelection.checks(dg.AssetCheckKey(key_of(address), CHECK)))
        ],
    )
    result = definitions.resolve_job_def("check").execute_in_process(raise_on_error=False)
    (found,) = result.get_asset_check_evaluations()
    return found


@pytest.mark.slow
def test_the_check_runs_on_the_stored_screen_and_passes(screened):
    lake, screen = screened
    store(lake, SCREEN, screen)
    found = execute_check()
    assert found.passed
    assert found.description == "3 genes fitted again by lifelines agree in 12 numbers"


@pytest.mark.slow
def test_a_bent_number_of_the_stored_screen_fails_the_check_and_is_named(screened):
    lake, screen = screened
    is_met = (pl.col("hgnc_symbol") == "MET") & (pl.col("model") == "continuous")
    bent = pl.when(is_met).then(pl.col("log_hazard_ratio") * 1.001).otherwise("log_hazard_ratio")
    store(lake, SCREEN, screen.with_columns(log_hazard_ratio=bent))
    found = execute_check()
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert str(found.description).startswith("1 of 3 genes differ: MET log_hazard_ratio_per_sd")


@pytest.mark.slow
def test_cumulative_incidence_and_time_ratios_are_checked_as_stored(screened):
    lake, _ = screened
    registry = load_registry()
    expression, any_cause = lake.read(expression_address(COHORT)), lake.read(follow_up_address(COHORT, "OS"))
    of_disease = any_cause.with_columns(event_observed=pl.col("event_observed") * (pl.int_range(pl.len()) % 3 > 0))
    store(lake, follow_up_address(COHORT, "DSS"), of_disease)
    incidence = incidence_of(expression, any_cause, of_disease, COHORT)
    cohort = followed_patients(expression, any_cause, COHORT)
    ratios = fit_time_ratios(cohort.matrix[0], cohort.time_months, cohort.event_observed).with_columns(
        hgnc_symbol=pl.lit(cohort.genes[0])
    )
    assert cohort.genes[0] in registry.genes.of_interest
    stored = {
        partition_of("core.survival__cumulative_incidence", COHORT): (incidence, "cumulative_incidence", 1e-6),
        partition_of("core.survival__time_ratios", COHORT, "os"): (ratios, "aic", 1e-2),
    }
    for address, (frame, column, error) in stored.items():
        store(lake, address, frame)
        assert (execute_check(address).passed, frame.is_empty()) == (True, False)
        store(lake, address, frame.with_columns(pl.col(column) + error))
        found = execute_check(address)
        assert not found.passed
        assert "AXL" in str(found.description)


def test_a_cohort_whose_hazards_are_proportional_has_nothing_to_compare(screened):
    lake, _ = screened
    address = partition_of("core.survival__time_ratios", COHORT, "os")
    store(lake, address, TABLES["core.survival__time_ratios"].empty())
    found = execute_check(address)
    assert found.passed
    assert found.description == "nothing to compare: the hazards of no gene of interest fail to be proportional"
