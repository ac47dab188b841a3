"""Dose-response studies: wells as they were read, then points, curves and their comparisons."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import HUMAN, LocalStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.dose_response.study import read_study
from resistance_assets.defs.raw.studies.bench_steps import Frames, bench_steps, in_table, reading_as_tables
from resistance_assets.orchestration.steps import Step
from resistance_assets.science.dose_response.points import average_replicates, normalise_wells
from resistance_assets.science.dose_response.study_comparisons import compare_lines, compare_study_knock_downs
from resistance_assets.science.dose_response.study_curves import (
    curves_as_rows,
    fit_study,
    fitted_points,
    measure_growth,
    published_as_rows,
)

WELLS = "raw.dose_response__wells"
PUBLISHED_FITS = "raw.dose_response__published_fits"
NORMALISED = "core.dose_response__normalised_wells"
POINTS = "core.dose_response__points"
CURVES = "core.dose_response__curves"
FOLD_CHANGES = "core.dose_response__fold_changes"
KNOCK_DOWNS = "core.dose_response__knock_downs"
GR_METRICS = "core.dose_response__gr_metrics"
CORE = (NORMALISED, POINTS, CURVES, FOLD_CHANGES, KNOCK_DOWNS, GR_METRICS)


def read_tables(local: LocalStudy) -> Frames:
    """Raw tables of one study by name. Raises DataFault as `read_study`."""
    found = read_study(local)
    return {
        WELLS: in_table(WELLS, found.wells, local.id),
        PUBLISHED_FITS: in_table(PUBLISHED_FITS, found.published_fits, local.id),
        **reading_as_tables(local, WELLS, found.warnings, found.rejected),
    }


def analyse(local: LocalStudy, raw: Mapping[str, pl.DataFrame]) -> Frames:
    """Core tables of one study by name, from its raw tables.

    Raises:
        DataFault: plates cannot be normalised, or study.toml names a line or condition that is not there.
    """
    if local.study.format == "gdsc_fitted":
        frames = {CURVES: published_as_rows(raw[PUBLISHED_FITS].to_dicts())}
    else:
        frames = _analyse_wells(local, raw[WELLS])
    return {name: in_table(name, frames.get(name), local.id) for name in CORE}


def _analyse_wells(local: LocalStudy, wells: pl.DataFrame) -> dict[str, pl.DataFrame]:
    study, down = local.study, local.file.knock_down
    normalised = normalise_wells(
        wells,
        is_signal=study.response == "signal",
        assay_hours=study.assay_hours,
        doubling_hours=study.doubling_hours,
        subject=local.id,
    )
    points = average_replicates(normalised)
    curves = fit_study(points)
    pairs = [(pair.resistant, pair.parental) for pair in local.file.comparison]
    are_experiments = study.replicate_unit == "experiment"
    frames = {
        NORMALISED: normalised,
        POINTS: fitted_points(points, curves, primary=study.model),
        CURVES: curves_as_rows(curves, primary=study.model),
        GR_METRICS: measure_growth(points),
        FOLD_CHANGES: compare_lines(
            curves,
            pairs,
            primary=study.model,
            are_experiments=are_experiments,
            are_paired=study.replicates_are_paired,
            subject=local.id,
        ),
    }
    if down:
        # Genes of other organisms are no evidence on human ones.
        genes = down.genes if local.organism == HUMAN else {}
        frames[KNOCK_DOWNS] = compare_study_knock_downs(
            curves, pairs, control=down.control, genes=genes, are_experiments=are_experiments, subject=local.id
        )
    return frames


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Wells and curves of a study."""
    return bench_steps(local, read=read_tables, analyse=analyse)
