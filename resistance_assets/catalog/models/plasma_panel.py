"""Study of a panel of markers in patients' plasma (`kind = "plasma_panel"`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from resistance_assets.catalog.models.cohort import DAYS_TO_MONTHS
from resistance_assets.catalog.models.entry import Entry, Identifier
from resistance_assets.catalog.models.lab_study import DecimalMark, StudyEntry, StudyFile
from resistance_assets.catalog.models.study_kind import StudyKind, files_in, register_study_kind


class PlasmaPanelStudy(StudyEntry):
    """Concentrations of markers per sample, their limits, and who gave the samples.

    Attributes:
        platform: luminex (a value below its limit has no number and takes limit / sqrt(2); the log is taken here) or
            olink (NPX is on the log2 scale; values below the limit are kept and flagged).
        panel: one row per sample and one column per marker, or one row per sample and marker, or what an instrument
            wrote (xPONENT), or long NPX.
        format: auto tells it from the header.
        limits: marker, lod, upper_limit, unit; not needed where the panel has columns of limits.
        samples: sample_id, patient_id, timepoint; not needed where the panel has these columns, or with one sample per
            patient whose sample_id is the patient.
        patients: patient_id and attributes: follow-up, groups, covariates.
        unit: of the values, where the table of limits does not say.
        data_type: which block of an xPONENT file is read.
        decimal: mark in numbers; auto reads both and refuses what may be either.
        columns: our name of a column -> the file's, where it is not one that is known.
        ignored_columns: columns of a wide panel that are no markers.
        markers: name of a marker in the file -> its gene, where HGNC does not know the name.
        subset: column of the panel or the samples -> values of the rows that are analysed.
        baseline: time point of the first sample.
    """

    kind: Literal["plasma_panel"]  # pyright: ignore[reportIncompatibleVariableOverride]
    platform: Literal["luminex", "olink"]
    panel: str
    format: Literal["auto", "wide", "long", "xponent"] = "auto"
    limits: str | None = None
    samples: str | None = None
    patients: str | None = None
    unit: str | None = None
    data_type: str | None = None
    decimal: DecimalMark = "auto"
    columns: dict[str, str] = {}
    ignored_columns: tuple[str, ...] = ()
    markers: dict[str, str] = {}
    subset: dict[str, tuple[str, ...]] = {}
    baseline: str = "baseline"


class PanelFollowUp(Entry):
    """An endpoint of the patients: its columns, in which unit, and the months at which AUC(t) is asked."""

    endpoint: Literal["OS", "DSS", "DFS", "PFS", "DFI", "PFI"]
    time_column: str
    event_column: str
    unit: Literal["days", "months", "years"]

    @property
    def months_per_unit(self) -> float:
        return {"days": DAYS_TO_MONTHS, "months": 1.0, "years": 12.0}[self.unit]


class PanelGroups(Entry):
    """Two groups of patients: levels of a column, or an early event against none for long.

    Attributes:
        numerator, denominator: names of the groups; levels of `column` where it is given.
        endpoint, early_months, late_months: numerator = event within early_months, denominator = none up to
            late_months; patients between the two, or censored before late_months, are left out and counted.
        covariates: columns of the patients that a second model holds.
    """

    numerator: Identifier
    denominator: Identifier
    column: str | None = None
    endpoint: str | None = None
    early_months: float | None = Field(default=None, gt=0)
    late_months: float | None = Field(default=None, gt=0)
    covariates: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_one_rule(self) -> PanelGroups:
        by_time = (self.endpoint, self.early_months, self.late_months)
        if (self.column is None) == (self.endpoint is None):
            raise ValueError("either column, or endpoint with early_months and late_months")
        if self.endpoint is not None and None in by_time:
            raise ValueError("endpoint goes with early_months and late_months")
        if self.early_months is not None and self.late_months is not None and self.early_months > self.late_months:
            raise ValueError("early_months is at most late_months")
        if self.numerator == self.denominator:
            raise ValueError("numerator and denominator are two groups")
        return self


class PanelPairs(Entry):
    """A second sample of the same patients: its time point, compared with the baseline."""

    later: str


class PanelModel(Entry):
    """A Cox model of several terms, declared in advance: markers (per standard deviation) and columns."""

    id: Identifier
    terms: tuple[str, ...] = Field(min_length=1)


class PanelDiscrimination(Entry):
    """Months at which AUC(t) is computed, and of which markers; all tested ones where left out."""

    months: tuple[float, ...] = Field(min_length=1)
    markers: tuple[str, ...] | None = None


class PlasmaPanelFile(StudyFile):
    study: PlasmaPanelStudy  # pyright: ignore[reportIncompatibleVariableOverride]
    groups: PanelGroups | None = None
    pairs: PanelPairs | None = None
    follow_up: tuple[PanelFollowUp, ...] = ()
    model: tuple[PanelModel, ...] = ()
    discrimination: PanelDiscrimination | None = None

    @model_validator(mode="after")
    def _asks_what_it_has(self) -> PlasmaPanelFile:
        endpoints = [one.endpoint for one in self.follow_up]
        if len(set(endpoints)) < len(endpoints):
            raise ValueError("each endpoint has one [[follow_up]] table")
        if (self.follow_up or self.groups) and self.study.patients is None:
            raise ValueError("groups and follow_up need study.patients")
        if self.groups and self.groups.endpoint and self.groups.endpoint not in endpoints:
            raise ValueError(f"groups.endpoint {self.groups.endpoint} has no [[follow_up]] table")
        if (self.model or self.discrimination) and not self.follow_up:
            raise ValueError("model and discrimination need a [[follow_up]] table")
        if len({one.id for one in self.model}) < len(self.model):
            raise ValueError("each model has an id of its own")
        return self

    def files(self, folder: Path) -> tuple[Path, ...]:
        study = self.study
        return files_in(folder, (study.panel, study.limits, study.samples, study.patients))


PLASMA_PANEL = register_study_kind(
    StudyKind(
        name="plasma_panel",
        title="markers in the plasma of patients",
        model=PlasmaPanelFile,
        reader="resistance_assets.connectors.plasma_panel.study:read_plasma_panel_study",
        steps="resistance_assets.defs.raw.studies.plasma_panel:study_steps",
        tables=(
            "raw.plasma_panel__cells",
            "raw.plasma_panel__samples",
            "raw.plasma_panel__patients",
            "core.plasma_panel__values",
            "core.plasma_panel__detection",
            "core.plasma_panel__comparisons",
            "core.plasma_panel__survival",
            "core.plasma_panel__multivariable",
            "core.plasma_panel__auc",
            "raw.studies__warnings",
        ),
    )
)
