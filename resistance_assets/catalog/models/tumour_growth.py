"""Study of tumour growth in mice (`kind = "tumour_growth"`)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from resistance_assets.catalog.models.lab_study import DecimalMark, StudyEntry, StudyFile
from resistance_assets.catalog.models.study_kind import StudyKind, files_in, register_study_kind


class TumourGrowthStudy(StudyEntry):
    """Tumour volumes of mice in treatment arms.

    Attributes:
        measurements: one row per mouse and day (length and width, or the volume, and body weight), or one row per mouse
            and one column per day, with or without a second header row that names the measure.
        mice: one row per mouse: arm, end_day and end_reason; where left out, arms are taken from the measurements and
            why a mouse's follow-up ended is not known.
        body_weights: body weights, where they stand in a table of their own.
        diameter_unit, volume_unit: of the measurements.
        decimal: in numbers; auto reads both and refuses what may be either.
        columns: our name of a column -> the file's, where it is not one that is known.
        measures: what a mark in the second header row stands for, such as { Z = "volume" }.
        subset: column -> values of the rows that are analysed.
        ids_within_arm: mice are numbered anew in every arm.
        within_tumours: arms are compared in pairs within `tumour_id` (tumours of patients, implanted into mice of every
            arm); by default where each tumour has one mouse per arm.
        control_arm: the arm that the others are compared with.
        combination_arm, combination_of: the arm that got both drugs, and the arms of either.
        day: on which volumes are compared beside the last day that all mice reached; by default the last day measured.
        volume_limit_mm3: at which mice were sacrificed.
        plausible_volume_mm3: smallest and largest volume above 0 that is believed.
        toxic_weight_loss_percent: loss of body weight that counts as toxicity.
    """

    reads_genes: ClassVar[bool] = False
    kind: Literal["tumour_growth"]  # pyright: ignore[reportIncompatibleVariableOverride]
    measurements: str
    mice: str | None = None
    body_weights: str | None = None
    diameter_unit: Literal["mm", "cm"] = "mm"
    volume_unit: Literal["mm3", "cm3"] = "mm3"
    decimal: DecimalMark = "auto"
    columns: dict[str, str] = {}
    measures: dict[str, Literal["volume"]] = {}
    subset: dict[str, tuple[str, ...]] = {}
    ids_within_arm: bool = False
    within_tumours: bool | None = None
    control_arm: str
    combination_arm: str | None = None
    combination_of: tuple[str, ...] = ()
    day: float | None = None
    volume_limit_mm3: float | None = Field(default=None, gt=0)
    plausible_volume_mm3: tuple[float, float] = (1.0, 10_000.0)
    toxic_weight_loss_percent: float = Field(default=20.0, gt=0, lt=100)

    @model_validator(mode="after")
    def _is_a_design(self) -> TumourGrowthStudy:
        if (self.combination_arm is None) != (not self.combination_of):
            raise ValueError("combination_arm goes with combination_of")
        if self.combination_of and len(set(self.combination_of)) != 2:
            raise ValueError("combination_of names the two arms of the single drugs")
        named = [self.control_arm, *self.combination_of, *([self.combination_arm] if self.combination_arm else [])]
        if len(set(named)) < len(named):
            raise ValueError("control_arm, combination_arm and combination_of are different arms")
        if not 0 < self.plausible_volume_mm3[0] < self.plausible_volume_mm3[1]:
            raise ValueError("plausible_volume_mm3 is the smallest and the largest volume")
        return self


class TumourGrowthFile(StudyFile):
    study: TumourGrowthStudy  # pyright: ignore[reportIncompatibleVariableOverride]

    def files(self, folder: Path) -> tuple[Path, ...]:
        study = self.study
        return files_in(folder, (study.measurements, study.mice, study.body_weights))


TUMOUR_GROWTH = register_study_kind(
    StudyKind(
        name="tumour_growth",
        title="tumour volumes and body weights of mice in treatment arms",
        model=TumourGrowthFile,
        reader="resistance_assets.connectors.tumour_growth.study:read_tumour_growth_study",
        steps="resistance_assets.defs.raw.studies.tumour_growth:study_steps",
        tables=(
            "raw.tumour_growth__measurements",
            "raw.tumour_growth__enrolled_mice",
            "core.tumour_growth__volumes",
            "core.tumour_growth__growth_rates",
            "core.tumour_growth__contrasts",
            "core.tumour_growth__mice",
            "core.tumour_growth__treatment_to_control",
            "core.tumour_growth__time_to_event",
            "raw.studies__warnings",
        ),
    )
)
