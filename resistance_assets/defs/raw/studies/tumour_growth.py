"""Tumour growth of a laboratory's study: its files, and everything that is computed of one study."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.tumour_growth import TumourGrowthStudy
from resistance_assets.catalog.registry import LocalStudy, Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED, rejected_as_table
from resistance_assets.connectors.lab_study.rows import WARNINGS, warnings_as_table
from resistance_assets.connectors.tumour_growth.study import is_within_tumours, read_tumour_growth_study
from resistance_assets.defs.resources import study_externals, study_source
from resistance_assets.orchestration.partitions import partition_of, rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.tumour_growth.study_tables import GrowthDesign, GrowthTables, analyse_growth

MEASUREMENTS, RAW_MICE = TABLES["raw.tumour_growth__measurements"], TABLES["raw.tumour_growth__enrolled_mice"]
CORE = {
    name: TABLES[f"core.tumour_growth__{name}"]
    for name in ("volumes", "mice", "growth_rates", "contrasts", "treatment_to_control", "time_to_event")
}
# What science calls a limit or a flag -> what the table calls it.
RENAMED = {
    "growth_rates": {"lower": "ci_lower", "upper": "ci_upper"},
    "mice": {"weight_loss_over_20": "is_toxic_weight_loss"},
    "time_to_event": {
        "lower": "ci_lower",
        "upper": "ci_upper",
        "median_lower": "median_ci_lower",
        "median_upper": "median_ci_upper",
    },
}


def read_step(local: LocalStudy) -> Step:
    """Measurements and mice of one study."""
    study_id = local.id
    measurements, mice = partition_of(MEASUREMENTS.address, study_id), partition_of(RAW_MICE.address, study_id)
    warned, rejected = partition_of(WARNINGS.address, study_id), rejected_of(measurements)

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        found = read_tumour_growth_study(local)
        own = pl.lit(study_id).alias("study_id")
        return {
            measurements: found.measurements.with_columns(own),
            mice: found.mice.with_columns(own),
            warned: warnings_as_table(found.warnings, study_id),
            rejected: rejected_as_table([(MEASUREMENTS.address, found.rejected)]),
        }

    return table_step(
        outputs={measurements: MEASUREMENTS, mice: RAW_MICE, warned: WARNINGS, rejected: REJECTED},
        compute=compute,
        parameters=local.study.model_dump(mode="json"),
        externals=study_externals(local),
        sources=[study_source(study_id)],
        kinds=["python", "study"],
        tags={"study": study_id},
    )


def design_of(study: TumourGrowthStudy, mice: pl.DataFrame) -> GrowthDesign:
    """What study.toml asks, and whether arms are compared within tumours, which the mice tell where it does not say."""
    return GrowthDesign(
        control=study.control_arm,
        combination=study.combination_arm,
        combination_of=study.combination_of,
        day=study.day,
        within_tumours=is_within_tumours(study.within_tumours, mice),
        toxic_weight_loss_percent=study.toxic_weight_loss_percent,
    )


def as_tables(found: GrowthTables, study_id: str) -> dict[str, pl.DataFrame]:
    """Frames of one study as rows of `core.tumour_growth__*`, by the names of `CORE`."""
    tables = {}
    for name, model in CORE.items():
        frame: pl.DataFrame = getattr(found, name).rename(RENAMED.get(name, {}), strict=False)
        lacking = [
            pl.lit(None, dtype).alias(column)
            for column, dtype in model.polars_schema.items()
            if column not in frame.columns
        ]
        tables[name] = model.shape(frame.with_columns(*lacking).with_columns(study_id=pl.lit(study_id)))
    return tables


def analysis_step(local: LocalStudy) -> Step:
    """Volumes, growth rates, contrasts, T/C and times to events of one study."""
    study_id, study = local.id, local.study
    measurements, mice = partition_of(MEASUREMENTS.address, study_id), partition_of(RAW_MICE.address, study_id)
    partitions = {name: partition_of(table.address, study_id) for name, table in CORE.items()}

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        who = inputs.read(mice)
        found = analyse_growth(inputs.read(measurements), who, design_of(study, who))
        return {partitions[name]: frame for name, frame in as_tables(found, study_id).items()}

    return table_step(
        outputs={partitions[name]: table for name, table in CORE.items()},
        compute=compute,
        inputs=(measurements, mice),
        parameters={
            "study": study_id,
            **study.model_dump(
                mode="json",
                include={
                    "control_arm",
                    "combination_arm",
                    "combination_of",
                    "day",
                    "within_tumours",
                    "toxic_weight_loss_percent",
                },
            ),
        },
        tags={"study": study_id},
    )


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Raw and core steps of one study."""
    return [read_step(local), analysis_step(local)]
