"""`core.survival__meta_analysis`, `core.survival__shared_patients`: every gene over the cohorts, each patient once."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs.core.survival.screen import SCREEN
from resistance_assets.orchestration.code_version import code_version_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.survival.meta_analysis import (
    find_shared_patients,
    merge_patient_sets,
    one_cohort_per_patient,
    pool_screens,
)

META = TABLES["core.survival__meta_analysis"]
SHARED = TABLES["core.survival__shared_patients"]
FOLLOW_UP = "staging.cohorts__patient_endpoints"


def shared_patients(registry: Registry) -> Step:
    """Cohorts that hold the same patients."""
    declared = {cohort.id: cohort.patient_set for cohort in registry.analysed_cohorts()}

    def compute(inputs: Inputs) -> pl.DataFrame:
        return find_shared_patients(inputs.read(FOLLOW_UP), declared)

    return table_step(
        outputs={SHARED.address: SHARED},
        compute=compute,
        inputs=(FOLLOW_UP,),
        parameters={"patients_of": declared},
        allow_unavailable_inputs=True,
    )


def meta_analysis(registry: Registry) -> Step:
    """Every gene over the cohorts, each patient once."""
    declared = {cohort.id: cohort.patient_set for cohort in registry.analysed_cohorts()}
    # A cohort that the catalog takes from no other stands for its patients, before another view of them; and a cohort
    # before a study that brings follow-up of its own.
    order = sorted(declared, key=lambda cohort: (declared[cohort] != cohort, cohort not in registry.cohorts))
    columns = ["cohort_id", "endpoint", "model", "hgnc_symbol", "n", "events", "log_hazard_ratio", "standard_error",
               "hazard_ratio_per_sd", "estimator", "p_permutation", "is_primary"]  # fmt: skip

    def compute(inputs: Inputs) -> pl.DataFrame:
        screens = inputs.scan(SCREEN.address).select(columns).collect()
        sets = merge_patient_sets(declared, inputs.read(SHARED.address))
        return pool_screens(one_cohort_per_patient(screens, sets, order))

    return table_step(
        outputs={META.address: META},
        compute=compute,
        code_version=code_version_of(compute, also=columns),
        inputs=(SCREEN.address, SHARED.address),
        parameters={"patients_of": declared, "order": order},
        allow_unavailable_inputs=True,
    )


def steps(registry: Registry) -> list[Step]:
    return [shared_patients(registry), meta_analysis(registry)]
