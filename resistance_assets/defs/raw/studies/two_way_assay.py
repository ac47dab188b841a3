"""Two-way assays: fields as they were read, then units, effects and analysis of variance."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.two_way_assay.fields import read_study
from resistance_assets.defs.raw.studies.bench_steps import Frames, bench_steps, in_table, reading_as_tables
from resistance_assets.orchestration.steps import Step
from resistance_assets.science.two_way_assay.study_tables import DeclaredAssay, analyse_fields

FIELDS = "raw.assays__two_way_fields"
UNITS = "core.assays__two_way_units"
EFFECTS = "core.assays__two_way"
ANOVA = "core.assays__two_way_anova"


def read_tables(local: LocalStudy) -> Frames:
    """Raw tables of one study by name. Raises DataFault as `read_study`."""
    found = read_study(local)
    return {
        FIELDS: in_table(FIELDS, found.fields, local.id),
        **reading_as_tables(local, FIELDS, found.warnings, found.rejected),
    }


def analyse(local: LocalStudy, raw: Mapping[str, pl.DataFrame]) -> Frames:
    """Core tables of one study by name, from its raw tables."""
    assays = [DeclaredAssay(one.id, one.scale, one.start, one.end) for one in local.file.assay]
    are_experiments = local.study.replicate_unit == "experiment"
    found = analyse_fields(raw[FIELDS], assays, are_experiments=are_experiments)
    frames = {UNITS: found.units, EFFECTS: found.effects, ANOVA: found.anova}
    return {name: in_table(name, frame, local.id) for name, frame in frames.items()}


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Fields and effects of a study."""
    return bench_steps(local, read=read_tables, analyse=analyse)
