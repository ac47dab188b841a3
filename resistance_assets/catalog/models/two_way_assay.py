"""Study kind two_way_assay: a drug with and without a ligand, over independent experiments (`study.toml`)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from resistance_assets.catalog.models.dose_response import ReplicateUnit
from resistance_assets.catalog.models.entry import Entry
from resistance_assets.catalog.models.lab_study import DecimalMark, StudyEntry, StudyFile
from resistance_assets.catalog.models.study_kind import StudyKind, register_study_kind


class TwoWayAssay(Entry):
    """One assay of the table.

    Attributes:
        id: the word in the column assay; of a wound, a name for the closure that is made of two.
        scale: what the interaction is asked on. log: ratios of ratios; percent: differences of percent; count: whole
            numbers, on the log and by quasi-Poisson; fraction: counts of a denominator, on the logit and by
            quasi-binomial.
        start, end: of a wound, the assays that hold its width at the start and at the end: closure in percent.
    """

    id: str
    scale: Literal["log", "percent", "count", "fraction"]
    start: str | None = None
    end: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> TwoWayAssay:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end go together")
        if self.start is not None and self.scale != "percent":
            raise ValueError('closure is in percent: scale = "percent"')
        return self


class TwoWayAssayStudy(StudyEntry):
    """The table `[study]` of a two-way assay.

    Attributes:
        fields: a row a well, field or tube: assay, experiment, drug, ligand, value, denominator.
        without_drug, without_ligand: the words of those columns that say that there is none.
        replicate_unit: what an experiment is. Only independent experiments allow a p-value.
        columns: our name of a column -> the file's.
    """

    reads_genes: ClassVar[bool] = False
    kind: Literal["two_way_assay"]  # pyright: ignore[reportIncompatibleVariableOverride]
    fields: str
    without_drug: str = "none"
    without_ligand: str = "none"
    replicate_unit: ReplicateUnit | None = None
    columns: dict[str, str] = {}
    decimal: DecimalMark = "auto"


class TwoWayAssayFile(StudyFile):
    study: TwoWayAssayStudy  # pyright: ignore[reportIncompatibleVariableOverride]
    assay: tuple[TwoWayAssay, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_each_once(self) -> TwoWayAssayFile:
        names = [assay.id for assay in self.assay]
        if len(set(names)) < len(names):
            raise ValueError(f"assay {next(name for name in names if names.count(name) > 1)} occurs twice")
        return self

    def files(self, folder: Path) -> tuple[Path, ...]:
        return (folder / self.study.fields,)


TWO_WAY_ASSAY = register_study_kind(
    StudyKind(
        name="two_way_assay",
        title="a drug with and without a ligand",
        model=TwoWayAssayFile,
        reader="resistance_assets.connectors.two_way_assay.fields:read_study",
        steps="resistance_assets.defs.raw.studies.two_way_assay:study_steps",
        tables=(
            "raw.assays__two_way_fields",
            "raw.studies__warnings",
            "core.assays__two_way_units",
            "core.assays__two_way",
            "core.assays__two_way_anova",
        ),
    )
)
