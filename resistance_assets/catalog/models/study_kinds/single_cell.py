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
        cell_line, laboratory: of the cells; contrasts of one line in one laboratory are no independent studies.
        labels: sample_id (where barcodes repeat), barcode, cell_type and, where there is one, subtype.
        label_columns: our name of a column of the labels -> the file's.
            Without labels, types are those of the marker sets.
        one_cell_type: name of the type of every cell, such as a cell line's; instead of labels.
        species: of the genes where they bear no genome prefix.
        human_types: cell types that are human in a study of two species; all others are of mouse. Without them a label
            may be of either.
        counts: the matrix that holds the cells of all samples, where they have none of their own.
        sample_cells: barcode and sample_id of its cells; by default the labels.
        type_counts: cells per sample and type, where nothing else is had; then there is composition alone.
        receivers: cell types that receive ligands; by default those of `human_types`, or every type without them.
        orthologs: human_symbol and mouse_symbol, by which ligands and receptors of mouse cells are found.
        clusters: whether cells are clustered too (extra `single-cell`), which is shown beside the types.
        minimum_umi: a barcode of fewer molecules is an empty droplet; less for a panel of few genes.
        maximum_mitochondrial_fraction: a cell with a larger share is dying.
    """

    reads_genes: ClassVar[bool] = False
    kind: Literal["single_cell"]  # pyright: ignore[reportIncompatibleVariableOverride]
    cell_line: str | None = None
    laboratory: str | None = None
    labels: str | None = None
    label_columns: dict[str, str] = {}
    one_cell_type: str | None = Field(default=None, min_length=1)
    species: CellSpecies = "human"
    human_types: tuple[str, ...] = ()
    counts: str | None = None
    sample_cells: str | None = None
    type_counts: str | None = None
    receivers: tuple[str, ...] = ()
    orthologs: str | None = None
    clusters: bool = False
    minimum_umi: int = Field(default=200, ge=1)
    maximum_mitochondrial_fraction: float = Field(default=0.2, gt=0, le=1)

    @model_validator(mode="after")
    def _has_types(self) -> SingleCellStudy:
        if self.labels is not None and self.one_cell_type is not None:
            raise ValueError(
                "labels (a table of cell types) and one_cell_type (the type of every cell): keep one of them"
            )
        if self.type_counts is not None and (self.labels or self.counts or self.one_cell_type):
            raise ValueError("type_counts (cells per sample and type) stands alone: without labels, counts or cells")
        if self.counts is not None and self.sample_cells is None and self.labels is None:
            raise ValueError("counts of all samples need sample_cells: barcode and sample_id")
        return self

    @property
    def table_of_samples(self) -> str | None:
        """The table that says which cell of the common matrix is of which sample."""
        return (self.sample_cells or self.labels) if self.counts is not None else None


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

    expressed_alone: ClassVar[bool] = True
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
    """A ligand and its receptor, by human symbols or those of the cells' own species."""

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
    # Cell type -> human symbols of its markers, instead of the built-in sets.
    markers: dict[str, tuple[str, ...]] = {}

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
        if self.study.counts is not None and any(sample.path for sample in self.sample):
            raise ValueError("a sample has a path, and study.counts holds the cells of all samples: keep one of them")
        if self.study.type_counts is not None and (self.contrast or self.signature):
            raise ValueError("type_counts holds no genes, which [[contrast]] and [[signature]] need")
        if self.contrast and self.study.species == "mouse":
            raise ValueError("a contrast is of human genes; [[comparison]] compares the arms of a study of mice")
        return self

    def files(self, folder: Path) -> tuple[Path, ...]:
        study = self.study
        named = files_in(folder, (study.labels, study.sample_cells, study.orthologs, study.type_counts))
        counts = [path for sample in self.sample for path in files_of(folder, study, sample)]
        return tuple(dict.fromkeys((*named, *counts)))


def files_of(folder: Path, study: SingleCellStudy, sample: CellSample) -> tuple[Path, ...]:
    """Files of the counts of a sample: its own, or those of the matrix of all samples."""
    if study.type_counts is not None:
        return ()
    if study.counts is None:
        return sample_files(folder, sample)
    return sample_files(folder, CellSample(id=sample.id, path=study.counts))


def sample_files(folder: Path, sample: CellSample) -> tuple[Path, ...]:
    """Files of a sample: its path, or its folder, or those in the study's folder that bear its id between `_ . -`."""
    own = folder / (sample.path or sample.id)
    if own.is_dir():
        below = sorted(path for path in own.rglob("*") if path.is_file())
        tenx = [path for path in below if "matrix.mtx" in path.name or _is_companion(path)]
        return tuple(tenx or [path for path in below if path.suffix.lower() in HDF5] or [own / "matrix.mtx.gz"])
    if sample.path is not None:
        return (own,)
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and bears_id(path.name, sample.id)]
    return tuple(found) or (own,)


def bears_id(file_name: str, sample_id: str) -> bool:
    """Whether a file's name holds a sample's id as a word of its own: `GSM123_X1_matrix.mtx.gz` that of X1."""
    return f"_{_plain(sample_id)}_" in f"_{_plain(file_name)}_"


HDF5 = (".h5", ".h5ad", ".hdf5")
_COMPANIONS = ("barcodes", "features", "genes")


def _is_companion(path: Path) -> bool:
    stem, _, ending = path.name.partition(".")
    return ending.startswith("tsv") and stem.rpartition("_")[2] in _COMPANIONS


def _plain(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


SINGLE_CELL = register_study_kind(
    StudyKind(
        name="single_cell",
        title="molecules of RNA by gene and cell",
        model=SingleCellFile,
        reader="resistance_assets.connectors.single_cell.study:read_samples",
        steps="resistance_assets.defs.raw.studies.single_cell:study_steps",
        tables=(
            "core.single_cell__samples",
            "core.single_cell__cells",
            "core.single_cell__marker_types",
            "core.single_cell__gene_cell_types",
            "core.single_cell__sample_cell_types",
            "core.single_cell__composition",
            "core.single_cell__pseudobulk_sums",
            "core.single_cell__pseudobulk",
            "core.single_cell__pseudobulk_designs",
            "core.single_cell__ligand_receptor",
            "core.single_cell__cell_scores",
            "core.single_cell__sample_scores",
            "core.single_cell__signature_scores",
            "raw.studies__gene_sample_counts",
            "raw.studies__samples",
            "raw.studies__warnings",
        ),
        measurement="counts",
        methods=("pydeseq2", "limma_voom"),
    )
)
