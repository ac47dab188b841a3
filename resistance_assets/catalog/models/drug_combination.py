"""Study kind drug_combination: matrices of two drugs (`study.toml`)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from resistance_assets.catalog.models.dose_response import DoseUnit, ReplicateUnit
from resistance_assets.catalog.models.lab_study import DecimalMark, StudyEntry, StudyFile
from resistance_assets.catalog.models.study_kind import StudyKind, register_study_kind


class DrugCombinationStudy(StudyEntry):
    """The table `[study]` of a combination study.

    Attributes:
        wells: a row a well: block, the two drugs, their doses, the response.
        response: viability, or inhibition (100 - viability): the sign of every score hangs on it.
        scale: of the response.
        dose_unit: of the doses; dose1_unit and dose2_unit where the two drugs differ.
        replicate_unit: what a replicate is. Only independent experiments allow a p-value.
        unnumbered_replicates: repeated wells without a replicate id are refused, or numbered in the order of the file.
        primary: the reference model that is reported first.
        columns: our name of a column -> the file's.
    """

    reads_genes: ClassVar[bool] = False
    kind: Literal["drug_combination"]  # pyright: ignore[reportIncompatibleVariableOverride]
    wells: str
    response: Literal["viability", "inhibition"]
    scale: Literal["percent", "fraction"]
    dose_unit: DoseUnit
    dose1_unit: DoseUnit | None = None
    dose2_unit: DoseUnit | None = None
    replicate_unit: ReplicateUnit | None = None
    unnumbered_replicates: Literal["refuse", "file_order"] = "refuse"
    primary: Literal["bliss", "hsa", "loewe", "zip"] = "bliss"
    columns: dict[str, str] = {}
    decimal: DecimalMark = "auto"


class DrugCombinationFile(StudyFile):
    study: DrugCombinationStudy  # pyright: ignore[reportIncompatibleVariableOverride]

    def files(self, folder: Path) -> tuple[Path, ...]:
        return (folder / self.study.wells,)


DRUG_COMBINATION = register_study_kind(
    StudyKind(
        name="drug_combination",
        title="matrices of two drugs",
        model=DrugCombinationFile,
        reader="resistance_assets.connectors.drug_combination.matrices:read_study",
        steps="resistance_assets.defs.raw.studies.drug_combination:study_steps",
        tables=(
            "raw.drug_combination__wells",
            "raw.studies__warnings",
            "core.drug_combination__cells",
            "core.drug_combination__single_agents",
            "core.drug_combination__blocks",
        ),
    )
)
