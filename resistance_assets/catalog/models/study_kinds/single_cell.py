"""Study kind single_cell: counts of molecules by cell, with samples (mice, patients) as replicates (`study.toml`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from resistance_assets.catalog.models.contrast import CountsContrast
from resistance_assets.catalog.models.entry import Entry, Identifier
from resistance_assets.catalog.models.lab_study import StudyEntry, StudyFile
from resistance_assets.catalog.models.study_kind import StudyKind, files_in, register_study_kind

CellSpecies = Literal["human", "mouse"]
ARM, CELL_TYPE = "arm", "cell_type"


class SingleCellStudy(StudyEntry):
    """The table `[study]` of a single-cell study.

    Attributes:
        labels: sample_id (where barcodes repeat), barcode, cell_type and, where there is one, subtype.
        label_columns: our name of a column of the labels -> the file's.
        species: of the genes where they bear no genome prefix.
        human_types: cell types that are human in a study of two species; all others are of mouse.
        sample_cells: barcode and sample_id, where one matrix holds the cells of several samples.
        receivers: cell types that receive ligands; by default those of `human_types`, or every type without them.
    """

    reads_genes: ClassVar[bool] = False
    kind: Literal["single_cell"]  # pyright: ignore[reportIncompatibleVariableOverride]
    labels: str
    label_columns: dict[str, str] = {}
    species: CellSpecies = "human"
    human_types: tuple[str, ...] = ()
    sample_cells: str | None = None
    receivers: tuple[str, ...] = ()


class CellSample(Entry):
    """One sample: a mouse, a patient, a library.

    Attributes:
        arm: that it belongs to; none where samples are not compared.
        path: its folder or file in the study's folder; by default the folder, or the files, that bear its id.
        attributes: further columns of the sample sheet, such as the patient of a paired design.
    """

    id: Identifier
    arm: str | None = None
    path: str | None = None
    attributes: dict[str, str] = {}


class ArmComparison(Entry):
    """Two arms, compared in every cell type: composition, pseudobulk and signatures."""

    id: Identifier
    numerator: str
    denominator: str
    pairing: str | None = None


class CellTypeContrast(CountsContrast):
    """Two arms within one cell type, on pseudobulk sums of human genes, as any contrast of expression."""

    factor: str = ARM
    cell_type: str
    methods: tuple[Literal["pydeseq2", "limma_voom"], ...] = ("pydeseq2", "limma_voom")  # pyright: ignore[reportIncompatibleVariableOverride]

    @model_validator(mode="before")
    @classmethod
    def _is_within_its_type(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get(CELL_TYPE), str):
            return {**given, "subset": {**given.get("subset", {}), CELL_TYPE: (given[CELL_TYPE],)}}
        return given


class SignaturePair(Entry):
    """A ligand and its receptor, in the symbols of the senders' and of the receivers' species."""

    ligand: str
    receptor: str


class CellSignature(Entry):
    """Genes that are scored in every cell."""

    id: Identifier
    genes: tuple[str, ...] = Field(min_length=2)
    species: CellSpecies = "human"


class SingleCellFile(StudyFile):
    study: SingleCellStudy  # pyright: ignore[reportIncompatibleVariableOverride]
    sample: tuple[CellSample, ...] = Field(min_length=1)
    comparison: tuple[ArmComparison, ...] = ()
    contrast: tuple[CellTypeContrast, ...] = ()
    pair: tuple[SignaturePair, ...] = ()
    signature: tuple[CellSignature, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> SingleCellFile:
        for what, names in (("sample", [s.id for s in self.sample]), ("signature", [s.id for s in self.signature]),
                            ("comparison", [c.id for c in self.comparison])):  # fmt: skip
            if len(set(names)) < len(names):
                raise ValueError(f"{what} {next(n for n in names if names.count(n) > 1)} occurs twice")
        arms = {sample.arm for sample in self.sample if sample.arm}
        for one in (*self.comparison, *self.contrast):
            if missing := [arm for arm in (one.numerator, one.denominator) if arm not in arms]:
                raise ValueError(f"{one.id} names the arm {missing[0]}, which no sample has")
        if self.contrast and self.study.species == "mouse":
            raise ValueError("a contrast is of human genes; [[comparison]] compares the arms of a study of mice")
        return self

    def files(self, folder: Path) -> tuple[Path, ...]:
        named = files_in(folder, (self.study.labels, self.study.sample_cells))
        return (*named, *dict.fromkeys(path for sample in self.sample for path in sample_files(folder, sample)))


def sample_files(folder: Path, sample: CellSample) -> tuple[Path, ...]:
    """Files of a sample: its path, or its folder, or those in the study's folder that bear its id between `_ . -`."""
    own = folder / (sample.path or sample.id)
    if own.is_dir():
        return tuple(sorted(path for path in own.rglob("*") if path.is_file() and "matrix.mtx" in path.name)) + tuple(
            sorted(path for path in own.rglob("*.tsv*") if path.name.split(".")[0].rpartition("_")[2] in _COMPANIONS)
        ) or (own / "matrix.mtx.gz",)
    if sample.path is not None:
        return (own,)
    tokens = f"_{sample.id}_"
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and tokens in f"_{_plain(path.name)}_"]
    return tuple(found) or (own,)


_COMPANIONS = ("barcodes", "features", "genes")


def _plain(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


SINGLE_CELL = register_study_kind(
    StudyKind(
        name="single_cell",
        title="molecules of RNA by gene and cell",
        model=SingleCellFile,
        reader="resistance_assets.connectors.single_cell.study:read_study_sample",
        steps="resistance_assets.defs.raw.studies.single_cell:study_steps",
        tables=(
            "core.single_cell__samples",
            "core.single_cell__cells",
            "core.single_cell__gene_cell_types",
            "core.single_cell__sample_cell_types",
            "core.single_cell__composition",
            "core.single_cell__pseudobulk_sums",
            "core.single_cell__pseudobulk",
            "core.single_cell__ligand_receptor",
            "core.single_cell__signature_scores",
            "raw.studies__gene_sample_counts",
            "raw.studies__samples",
            "raw.studies__warnings",
        ),
        measurement="counts",
        methods=("pydeseq2", "limma_voom"),
    )
)
