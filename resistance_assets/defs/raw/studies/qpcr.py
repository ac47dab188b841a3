"""qPCR studies: wells as they were read, then samples, fold changes and no-template controls."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.qpcr.study import read_study
from resistance_assets.defs.raw.studies.bench_steps import Frames, bench_steps, in_table, reading_as_tables
from resistance_assets.orchestration.steps import Step
from resistance_assets.science.qpcr.study_tables import analyse_wells

WELLS = "raw.qpcr__wells"
SAMPLES = "core.qpcr__samples"
FOLD_CHANGES = "core.qpcr__fold_changes"
NO_TEMPLATE = "core.qpcr__no_template"


def read_tables(local: LocalStudy) -> Frames:
    """Raw tables of one study by name. Raises DataFault as `read_study`."""
    found = read_study(local)
    return {
        WELLS: in_table(WELLS, found.wells, local.id),
        **reading_as_tables(local, WELLS, found.warnings, found.rejected),
    }


def analyse(local: LocalStudy, raw: Mapping[str, pl.DataFrame]) -> Frames:
    """Core tables of one study by name, from its raw tables."""
    study = local.study
    samples, fold_changes, no_template = analyse_wells(
        raw[WELLS],
        reference=study.reference_gene,
        control=study.control,
        are_experiments=study.replicate_unit == "experiment",
        are_paired=study.replicates_are_paired,
    )
    frames = {SAMPLES: samples, FOLD_CHANGES: fold_changes, NO_TEMPLATE: no_template}
    return {name: in_table(name, frame, local.id) for name, frame in frames.items()}


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Wells and fold changes of a study."""
    return bench_steps(local, read=read_tables, analyse=analyse)
