"""A plasma panel of a laboratory's study: its files, and everything that is computed of one study."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.catalog.models.plasma_panel import PanelFollowUp, PlasmaPanelFile
from resistance_assets.catalog.registry import Registry
from resistance_assets.connectors.plasma_panel.study import read_plasma_panel_study
from resistance_assets.defs.raw.studies.bench_steps import Frames, bench_steps, in_table, reading_as_tables
from resistance_assets.orchestration.steps import Step
from resistance_assets.science.plasma_panel.genes import resolve_markers
from resistance_assets.science.plasma_panel.study_tables import FollowUp, Groups, PanelDesign, analyse_panel

CELLS, SAMPLES, PATIENTS = (f"raw.plasma_panel__{name}" for name in ("cells", "samples", "patients"))
SYMBOLS = "staging.genes__symbols"
CORE = ("values", "detection", "comparisons", "survival", "multivariable", "auc")
PRIMARY = ("limma", "limma_paired")


def read_tables(local: LocalStudy) -> Frames:
    """Cells, samples and patients of one study by table. Raises DataFault as the reader."""
    found = read_plasma_panel_study(local)
    attributes = found.patients.unpivot(index="patient_id", variable_name="attribute", value_name="value").drop_nulls()
    return {
        CELLS: in_table(CELLS, found.cells, local.id),
        SAMPLES: in_table(SAMPLES, found.samples, local.id),
        PATIENTS: in_table(PATIENTS, attributes, local.id),
        **reading_as_tables(local, CELLS, found.warnings, found.rejected),
    }


def design_of(file: PlasmaPanelFile, samples: pl.DataFrame) -> PanelDesign:
    """What study.toml asks of a panel."""
    follow_up = {one.endpoint: _follow_up(one) for one in file.follow_up}
    groups = None
    if file.groups is not None:
        groups = Groups(
            numerator=file.groups.numerator,
            denominator=file.groups.denominator,
            column=file.groups.column,
            follow_up=follow_up[file.groups.endpoint] if file.groups.endpoint else None,
            early_months=file.groups.early_months or 0.0,
            late_months=file.groups.late_months or 0.0,
            covariates=file.groups.covariates,
        )
    return PanelDesign(
        platform=file.study.platform,
        baseline=file.study.baseline if samples["timepoint"].is_not_null().any() else None,
        later=file.pairs.later if file.pairs else None,
        groups=groups,
        follow_up=tuple(follow_up.values()),
        models=tuple((one.id, one.terms) for one in file.model),
        auc_months=file.discrimination.months if file.discrimination else (),
        auc_markers=file.discrimination.markers if file.discrimination else None,
    )


def _follow_up(one: PanelFollowUp) -> FollowUp:
    return FollowUp(one.endpoint, one.time_column, one.event_column, one.months_per_unit)


def patients_by_row(attributes: pl.DataFrame, patients: pl.Series) -> pl.DataFrame:
    """Attributes of patients as columns, numbers where every cell is one; columns that nobody has are left out."""
    wide = pl.DataFrame({"patient_id": patients.unique(maintain_order=True)})
    for (name,), own in attributes.group_by(["attribute"], maintain_order=True):
        numbers = own["value"].cast(pl.Float64, strict=False)
        values = numbers if not numbers.is_null().any() else own["value"]
        column = own.select("patient_id", values.alias(str(name)))
        wide = wide.join(column, on="patient_id", how="left", maintain_order="left")
    return wide


def analyse(local: LocalStudy, raw: Mapping[str, pl.DataFrame]) -> Frames:
    """Core tables of one study by name, from its raw tables and the symbols of genes.

    Raises:
        DataFault: a value is beyond a limit that is not stated, or is no concentration.
    """
    samples = raw[SAMPLES]
    patients = patients_by_row(raw[PATIENTS], samples["patient_id"])
    found = analyse_panel(raw[CELLS], samples, patients, design_of(local.file, samples), subject=local.id)
    markers = raw[CELLS]["marker"].unique(maintain_order=True).to_list()
    genes = resolve_markers(markers, local.study.markers, raw[SYMBOLS])
    frames = {
        "values": found.values.join(samples, on="sample_id", how="left", maintain_order="left"),
        "detection": found.detection.rename({"tested": "is_tested"}),
        "comparisons": found.comparisons.with_columns(is_primary=pl.col("method").is_in(PRIMARY))
        if found.comparisons.height
        else found.comparisons,
        "survival": found.survival,
        "multivariable": found.multivariable,
        "auc": found.auc,
    }
    tables = {}
    for name, frame in frames.items():
        address = f"core.plasma_panel__{name}"
        named = frame.join(genes, on="marker", how="left", maintain_order="left") if frame.height else frame
        tables[address] = in_table(address, named.drop("study_id", strict=False), local.id)
    return tables


def study_steps(local: LocalStudy, registry: Registry) -> list[Step]:
    """Raw and core tables of one study."""
    return bench_steps(local, read=read_tables, analyse=analyse, reads=(SYMBOLS,))
