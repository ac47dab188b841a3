"""Study kind dose_response: wells of plates or ready viability, with the dose of each (`study.toml`)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from resistance_assets.catalog.models.entry import Entry
from resistance_assets.catalog.models.lab_study import DecimalMark, StudyEntry, StudyFile
from resistance_assets.catalog.models.study_kind import StudyKind, files_in, register_study_kind

DoseUnit = Literal["pM", "nM", "uM", "mM", "M"]
MICROMOLAR = {"pM": 1e-6, "nM": 1e-3, "uM": 1.0, "mM": 1e3, "M": 1e6}
"""Micromoles per litre of each dose unit."""

ReplicateUnit = Literal["experiment", "technical_well"]
WellType = Literal["blank", "time0", "vehicle", "treated", "ignored"]


class DoseResponseStudy(StudyEntry):
    """The table `[study]` of a dose-response study.

    Attributes:
        format: how the files are laid out: `long` (a row a well), `plate_map` (a map of wells and a matrix or an
            instrument's export per plate), `gdsc_raw`, `gdsc_fitted`, `gr_case_a`, `gr_case_c`.
        wells: the table of wells; not with `plate_map`.
        plate_map: the table that says what is in each well, with `[[plate]]` for what was measured.
        response: what the numbers are; `fitted` for curves that somebody else fitted.
        dose_unit: of the doses in the files; they are put in micromoles per litre.
        replicate_unit: what a replicate is. Only independent experiments (days, passages) allow a p-value.
        replicates_are_paired: whether one replicate number is one day or passage in every cell line.
        model: which curve is reported first; the other one stands beside it.
        columns: our name of a column -> the file's.
        well_types: the file's word -> type of well.
        measurement: which of several measurements of an instrument's export.
        assay_hours, doubling_hours: growth rates without time-0 wells: length of the assay, and doubling time per line.
    """

    reads_genes: ClassVar[bool] = False
    kind: Literal["dose_response"]  # pyright: ignore[reportIncompatibleVariableOverride]
    format: Literal["long", "plate_map", "gdsc_raw", "gdsc_fitted", "gr_case_a", "gr_case_c"] = "long"
    wells: str | None = None
    plate_map: str | None = None
    response: Literal["signal", "viability_percent", "viability_fraction", "fitted"]
    dose_unit: DoseUnit
    replicate_unit: ReplicateUnit | None = None
    replicates_are_paired: bool = False
    model: Literal["ll3_top100", "ll4"] = "ll3_top100"
    columns: dict[str, str] = {}
    well_types: dict[str, WellType] = {}
    decimal: DecimalMark = "auto"
    measurement: str | None = None
    assay_hours: float | None = Field(default=None, gt=0)
    doubling_hours: dict[str, float] = {}

    @model_validator(mode="after")
    def _names_its_files(self) -> DoseResponseStudy:
        if self.format == "plate_map" and (self.plate_map is None or self.wells is not None):
            raise ValueError('format = "plate_map" needs plate_map and [[plate]] tables, and no wells')
        if self.format != "plate_map" and (self.wells is None or self.plate_map is not None):
            raise ValueError(f'format = "{self.format}" needs wells, and no plate_map')
        if (self.format == "gdsc_fitted") != (self.response == "fitted"):
            raise ValueError('response = "fitted" goes with format = "gdsc_fitted" alone')
        if self.format in ("plate_map", "gdsc_raw", "gr_case_a", "gr_case_c") and self.response != "signal":
            raise ValueError(f'format = "{self.format}" holds signals: response = "signal"')
        if self.doubling_hours and self.assay_hours is None:
            raise ValueError("doubling_hours need assay_hours")
        if any(hours <= 0 for hours in self.doubling_hours.values()):
            raise ValueError("doubling_hours are above 0")
        return self


class Plate(Entry):
    """One plate of a `plate_map` study: what an instrument wrote of it.

    Attributes:
        replicate, cell_line, condition: of all wells of the plate, where one map serves several plates.
    """

    id: str
    file: str
    replicate: str | None = None
    cell_line: str | None = None
    condition: str | None = None


class LineComparison(Entry):
    """A resistant and its parental line, compared in every condition and drug that both have."""

    parental: str
    resistant: str


class KnockDowns(Entry):
    """Conditions that are knock-downs.

    Attributes:
        control: the condition with the control siRNA.
        genes: condition -> gene that it knocks down; other conditions are compared too, and belong to no gene.
    """

    control: str
    genes: dict[str, str] = {}


class DoseResponseFile(StudyFile):
    study: DoseResponseStudy  # pyright: ignore[reportIncompatibleVariableOverride]
    plate: tuple[Plate, ...] = ()
    comparison: tuple[LineComparison, ...] = ()
    knock_down: KnockDowns | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> DoseResponseFile:
        if bool(self.plate) != (self.study.format == "plate_map"):
            raise ValueError('[[plate]] tables go with format = "plate_map", and it needs one or more')
        names = [plate.id for plate in self.plate]
        if len(set(names)) < len(names):
            raise ValueError(f"plate {next(name for name in names if names.count(name) > 1)} occurs twice")
        if self.knock_down is not None and not self.comparison:
            raise ValueError("[knock_down] needs a [[comparison]] of a resistant and a parental line")
        return self

    def files(self, folder: Path) -> tuple[Path, ...]:
        study = self.study
        return files_in(folder, (study.wells, study.plate_map, *dict.fromkeys(plate.file for plate in self.plate)))


DOSE_RESPONSE = register_study_kind(
    StudyKind(
        name="dose_response",
        title="viability by dose of a drug",
        model=DoseResponseFile,
        reader="resistance_assets.connectors.dose_response.study:read_study",
        steps="resistance_assets.defs.raw.studies.dose_response:study_steps",
        tables=(
            "raw.dose_response__wells",
            "raw.dose_response__published_fits",
            "raw.studies__warnings",
            "core.dose_response__normalised_wells",
            "core.dose_response__points",
            "core.dose_response__curves",
            "core.dose_response__fold_changes",
            "core.dose_response__knock_downs",
            "core.dose_response__gr_metrics",
        ),
    )
)
