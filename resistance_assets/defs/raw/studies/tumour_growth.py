"""Tumour growth of a laboratory's study: its files, and everything that is computed of one study."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.tumour_growth import TumourGrowthStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.tumour_growth.study import is_within_tumours, read_tumour_growth_study
from resistance_assets.defs.raw.studies.bench_steps import Frames, bench_steps, in_table, reading_as_tables
from resistance_assets.orchestration.steps import Step
from resistance_assets.science.tumour_growth.study_tables import GrowthDesign, analyse_growth

MEASUREMENTS, ENROLLED = "raw.tumour_growth__measurements", "raw.tumour_growth__enrolled_mice"
CORE = ("volumes", "mice", "growth_rates", "contrasts", "treatment_to_control", "time_to_event")
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


def read_tables(local: LocalStudy) -> Frames:
    """Measurements and mice of one study by table. Raises DataFault as the reader."""
    found = read_tumour_growth_study(local)
    return {
        MEASUREMENTS: in_table(MEASUREMENTS, found.measurements, local.id),
        ENROLLED: in_table(ENROLLED, found.mice, local.id),
        **reading_as_tables(local, MEASUREMENTS, found.warnings, found.rejected),
    }


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


def analyse(local: LocalStudy, raw: Mapping[str, pl.DataFrame]) -> Frames:
    """Core tables of one study by name, from its raw tables."""
    mice = raw[ENROLLED]
    found = analyse_growth(raw[MEASUREMENTS], mice, design_of(local.study, mice))
    tables = {}
    for name in CORE:
        frame: pl.DataFrame = getattr(found, name).rename(RENAMED.get(name, {}), strict=False)
        tables[f"core.tumour_growth__{name}"] = in_table(f"core.tumour_growth__{name}", frame, local.id)
    return tables


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Raw and core tables of one study."""
    return bench_steps(local, read=read_tables, analyse=analyse)
