"""Study kind qpcr: cycle thresholds of wells (`study.toml`)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import model_validator

from resistance_assets.catalog.models.dose_response import ReplicateUnit
from resistance_assets.catalog.models.lab_study import DecimalMark, StudyEntry, StudyFile
from resistance_assets.catalog.models.study_kind import StudyKind, files_in, register_study_kind


class QpcrStudy(StudyEntry):
    """The table `[study]` of a qPCR study.

    Attributes:
        wells: a row a well, or the text export of a QuantStudio.
        samples: for an export: sample_name, condition, biological_replicate.
        reference_gene: subtracted from every other gene.
        control: the condition that the others are compared with.
        no_template: the condition of the wells without template.
        replicate_unit: what a biological replicate is. Only independent experiments allow a p-value.
        replicates_are_paired: whether one replicate number is one day in every condition.
        columns: our name of a column -> the file's.
    """

    reads_genes: ClassVar[bool] = False
    kind: Literal["qpcr"]  # pyright: ignore[reportIncompatibleVariableOverride]
    format: Literal["long", "quantstudio"] = "long"
    wells: str
    samples: str | None = None
    reference_gene: str
    control: str
    no_template: str = "no_template"
    replicate_unit: ReplicateUnit | None = None
    replicates_are_paired: bool = False
    columns: dict[str, str] = {}
    decimal: DecimalMark = "auto"

    @model_validator(mode="after")
    def _names_its_samples(self) -> QpcrStudy:
        if (self.format == "quantstudio") != (self.samples is not None):
            raise ValueError('format = "quantstudio" needs samples, and no other format has it')
        return self


class QpcrFile(StudyFile):
    study: QpcrStudy  # pyright: ignore[reportIncompatibleVariableOverride]

    def files(self, folder: Path) -> tuple[Path, ...]:
        return files_in(folder, (self.study.wells, self.study.samples))


QPCR = register_study_kind(
    StudyKind(
        name="qpcr",
        title="cycle thresholds of quantitative PCR",
        model=QpcrFile,
        reader="resistance_assets.connectors.qpcr.study:read_study",
        steps="resistance_assets.defs.raw.studies.qpcr:study_steps",
        tables=(
            "raw.qpcr__wells",
            "raw.studies__warnings",
            "core.qpcr__samples",
            "core.qpcr__fold_changes",
            "core.qpcr__no_template",
        ),
    )
)
