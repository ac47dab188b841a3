"""Which models screen every gene of a stratum is declared with it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from resistance_assets.catalog.models.cohort import Stratum
from resistance_assets.catalog.registry import load_registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.alterations.stratum_tables import screen_stratum
from resistance_assets.defs.core.survival.followed_patients import Followed
from resistance_assets.defs.core.survival.screen import SCREEN_MODELS, screen_cohort, split_minimum


@pytest.fixture
def followed() -> tuple[Followed, pl.DataFrame]:
    """Sixty patients, in whom the first of five genes shortens life."""
    random = np.random.default_rng(11)
    matrix = random.normal(8.0, 1.5, (5, 60))
    time = random.exponential(30.0 * np.exp(-0.8 * (matrix[0] - 8.0)))
    event = (random.random(60) < 0.7).astype(float)
    names = [f"P{at}" for at in range(60)]
    patients = pl.DataFrame(
        {"patient_id": names, "age_years": random.normal(65, 8, 60), "sex": ["female", "male"] * 30}
    ).with_columns(stage_group=pl.lit("I"))
    return Followed(matrix, [f"G{at}" for at in range(5)], names, time, event), patients


def test_a_stratum_is_screened_by_the_models_that_it_declares_as_all_patients_are(followed):
    cohort, patients = followed
    registry = load_registry()
    settings, survival = registry.alterations, registry.survival
    found = screen_stratum(cohort, patients, SCREEN_MODELS, settings, (), survival)["stratum_survival"]
    everyone = screen_cohort(
        pl.DataFrame({"hgnc_symbol": [gene for gene in cohort.genes for _ in cohort.patients],
                      "patient_id": cohort.patients * 5, "expression_value": cohort.matrix.ravel()}),
        pl.DataFrame({"patient_id": cohort.patients, "time_months": cohort.time_months,
                      "event_observed": cohort.event_observed}),
        patients, "c", "OS", survival.screen_covariates, split_minimum(survival),
    )  # fmt: skip
    assert set(found["model"]) == set(SCREEN_MODELS)
    columns = [name for name in TABLES["core.alterations__stratum_survival"].polars_schema if name in everyone.columns]
    numbers = [name for name in columns if name not in ("cohort_id", "endpoint")]
    key = ["model", "hgnc_symbol"]
    assert found.select(numbers).sort(key).equals(everyone.select(numbers).sort(key), null_equal=True)
    adjusted = found.filter(pl.col("model") == "continuous_adjusted")
    assert set(adjusted["covariates"]) == {"age_years|sex"}


def test_without_a_declaration_there_are_the_three_models_of_before(followed):
    cohort, patients = followed
    registry = load_registry()
    screens = Stratum(id="x", title="x", altered=("EGFR:mutation",)).screens
    found = screen_stratum(cohort, patients, screens, registry.alterations, (), registry.survival)["stratum_survival"]
    assert set(found["model"]) == {"continuous", "rank_normal", "median_split"}
    assert found["covariates"].null_count() == found.height


def test_a_model_that_no_screen_has_is_refused():
    with pytest.raises(ValidationError, match="quartile_split"):
        Stratum.model_validate({"id": "x", "title": "x", "altered": ["EGFR"], "screens": ["quartiles"]})
