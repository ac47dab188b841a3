"""A laboratory's own study (`study.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from resistance_assets.catalog.models.cohort import DAYS_TO_MONTHS, Cohort, Endpoint, Stratum
from resistance_assets.catalog.models.contrast import (
    ArrayContrast,
    CountsContrast,
    InteractionDesign,
    ResultContrast,
    check_states,
)
from resistance_assets.catalog.models.entry import Entry, Identifier
from resistance_assets.catalog.models.gene_list import DeclaredIntersection, OwnCollection, OwnGeneList
from resistance_assets.catalog.models.study_kind import StudyKind, files_in, register_study_kind
from resistance_assets.catalog.models.study_kinds.cohort_layers import StudyLayers

HUMAN = "Homo sapiens"
_NAMES_OF_HUMAN = frozenset({"homo sapiens", "human", "h. sapiens", "homo_sapiens", "hsapiens", "9606"})


DecimalMark = Literal["auto", "point", "comma"]
"""Of a table of measurements; auto finds it out, and refuses what can be read in two ways."""


class StudyEntry(Entry):
    """The table `[study]`, as far as every kind of study has it.

    Attributes:
        paper: id of the paper of `claims.toml` that reports these data; its claims are then judged on them.
        reads_genes: whether a kind's tables name genes, so that another organism's need orthologs.
    """

    reads_genes: ClassVar[bool] = True

    id: Identifier
    title: str
    organism: str
    kind: str
    accession: str | None = None
    citation: str | None = None
    licence: str | None = None
    paper: Identifier | None = None


class ExpressionStudy(StudyEntry):
    """A study whose genes may be those of another organism.

    Attributes:
        cell_line, laboratory: of the samples; contrasts of one line in one laboratory are no independent studies.
    """

    cell_line: str | None = None
    laboratory: str | None = None

    map_orthologs: bool = False
    # Symbols of the organism and of man, one-to-one pairs of which are used: `human_symbol` and one other `*_symbol`.
    orthologs: str | None = None


class CountsStudy(ExpressionStudy):
    kind: Literal["rna_seq_counts"]  # pyright: ignore[reportIncompatibleVariableOverride]
    counts: str
    samples: str
    # Which column of the count table is what, where it is not the gene first and then the samples by their names.
    gene_column: str | None = None
    columns: dict[str, str] = {}
    ignored_columns: tuple[str, ...] = ()
    # Estimates of RSEM, Salmon or kallisto are rounded, as DESeq2 does with tximport's.
    count_type: Literal["read_counts", "estimated"] = "read_counts"
    # Lengths of the genes in base pairs, for fold-change rules in RPKM or TPM: a gene column, then `length_bp`.
    gene_lengths: str | None = None
    # Counts that a paper on these data states, for the multiverse that reads its rule in every way.
    reported: dict[str, float] = {}


class ResultStudy(ExpressionStudy):
    kind: Literal["deg_result"]  # pyright: ignore[reportIncompatibleVariableOverride]


class MicroarrayStudy(ExpressionStudy):
    """Intensities by probe, which probe measures which gene, and the rules from probes to genes.

    Attributes:
        matrix: first column = probe, then one column per sample. samples: as of a count study.
        probes: which gene a probe measures, in the columns `probe_column` and `symbol_column`.
        multi_gene_separator: joins the symbols of a probe of several genes, which is set aside.
        scale: of the matrix; auto tells it from the range of the values. Linear intensities are put on the log2 scale.
        normalise: quantile, or none where the matrix is normalised.
        collapse: the probe with the highest mean stands for its gene, or the median over its probes.
        detection_floor: log2 intensity that `detection_min_samples` samples must reach, else the gene is left out.
    """

    kind: Literal["microarray"]  # pyright: ignore[reportIncompatibleVariableOverride]
    matrix: str
    samples: str
    probes: str
    probe_column: str = "probe_id"
    symbol_column: str = "hgnc_symbol"
    multi_gene_separator: str | None = None
    scale: Literal["auto", "log2", "linear"] = "auto"
    normalise: Literal["quantile", "none"]
    collapse: Literal["highest_mean", "median"] = "highest_mean"
    # Linear intensities of 0 or less: add one number to all of them, or treat the single value as missing.
    not_positive: Literal["shift", "missing"] = "shift"
    detection_floor: float | None = None
    detection_min_samples: int = Field(default=1, ge=1)


class StudySurvival(Entry):
    """Follow-up of a count study's patients: which columns of its sample sheet hold it.

    Attributes:
        time_column, event_column, unit: time to event or last contact in that unit; 1 where the event was seen, else 0.
        endpoint: what the event is.
        patient_column: whose sample it is; the sample itself where not given. Of several samples of a patient the
            first is analysed.
        age_column, sex_column, stage_column, purity_column: in years; female or male; AJCC stage; share or percent of
            tumour cells.
        subset: one column -> values of the samples that are analysed, such as tumours.
        stratum: patients in whom the survival screens are repeated, such as those of one genotype.
        treated_with: drugs or classes of drugs that all patients were given.
    """

    time_column: str = "time"
    event_column: str = "event"
    unit: Literal["days", "months", "years"]
    endpoint: Literal["OS", "DSS", "DFS", "PFS", "DFI", "PFI"]
    patient_column: str | None = None
    age_column: str | None = None
    sex_column: str | None = None
    stage_column: str | None = None
    purity_column: str | None = None
    subset: dict[str, tuple[str, ...]] = Field(default={}, max_length=1)
    stratum: tuple[Stratum, ...] = ()
    treated_with: tuple[str, ...] = ()

    @property
    def months_per_unit(self) -> float:
        """Months of 365.25 / 12 days."""
        return {"days": DAYS_TO_MONTHS, "months": 1.0, "years": 12.0}[self.unit]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the sample sheet that are named here."""
        named = (self.time_column, self.event_column, self.patient_column, self.age_column, self.sex_column,
                 self.stage_column, self.purity_column, *self.subset)  # fmt: skip
        return tuple(name for name in named if name)


class StudyGenes(Entry):
    """Genes that the laboratory asks about, beside those of the catalog: pages, curves, models, rings and labels."""

    of_interest: tuple[str, ...] = ()


class StudyFile(Entry):
    """A whole `study.toml`; the model of a kind adds its own tables.

    A kind whose contrasts compare the expression of genes has them under `contrast`; `interaction` and `survival` are
    the tables of the same names, where a kind allows them.
    """

    study: StudyEntry
    intersection: tuple[DeclaredIntersection, ...] = ()
    genes: StudyGenes = StudyGenes()
    gene_list: tuple[OwnGeneList, ...] = ()
    collection: tuple[OwnCollection, ...] = ()

    @model_validator(mode="after")
    def _has_states_that_agree(self) -> StudyFile:
        under_drug = [one for one in getattr(self, "contrast", ()) if hasattr(one, "state")]
        check_states(under_drug, getattr(self, "interaction", ()))
        return self

    def files(self, folder: Path) -> tuple[Path, ...]:
        """Every file that the study consists of, in a fixed order: a change of one recomputes the study."""
        raise NotImplementedError

    @property
    def gene_lengths(self) -> str | None:
        """The table of gene lengths, where the study has one."""
        return None

    @property
    def reported(self) -> Mapping[str, float]:
        """Figures that a paper on these data states."""
        return {}


class CountsFile(StudyFile, StudyLayers):
    study: CountsStudy  # pyright: ignore[reportIncompatibleVariableOverride]
    contrast: tuple[CountsContrast, ...] = ()
    interaction: tuple[InteractionDesign, ...] = ()
    survival: StudySurvival | None = None

    @model_validator(mode="after")
    def _has_a_question(self) -> CountsFile:
        if not self.contrast and self.survival is None:
            raise ValueError("a count study needs a [[contrast]] or a [survival] table")
        if self.declared_layers and self.survival is None:
            raise ValueError(
                f"{next(iter(self.declared_layers))} is analysed in a cohort, which needs a [survival] table"
            )
        return self

    def files(self, folder: Path) -> tuple[Path, ...]:
        study = self.study
        return files_in(folder, (study.counts, study.samples, study.gene_lengths, study.orthologs, *self.layer_files))

    @property
    def gene_lengths(self) -> str | None:
        return self.study.gene_lengths

    @property
    def reported(self) -> Mapping[str, float]:
        return self.study.reported


class ArrayFile(StudyFile):
    study: MicroarrayStudy  # pyright: ignore[reportIncompatibleVariableOverride]
    contrast: tuple[ArrayContrast, ...] = Field(min_length=1)

    def files(self, folder: Path) -> tuple[Path, ...]:
        study = self.study
        return files_in(folder, (study.matrix, study.samples, study.probes, study.orthologs))


class ResultFile(StudyFile):
    study: ResultStudy  # pyright: ignore[reportIncompatibleVariableOverride]
    contrast: tuple[ResultContrast, ...] = Field(min_length=1)

    def files(self, folder: Path) -> tuple[Path, ...]:
        return files_in(folder, (*(contrast.table for contrast in self.contrast), self.study.orthologs))


@dataclass(frozen=True)
class LocalStudy:
    """A study folder with its `study.toml`, read but not its tables.

    Attributes:
        kind: what the study is.
        file: the whole `study.toml`; tables that only its kind has are read from here.
    """

    folder: Path
    kind: StudyKind
    file: Any

    @property
    def id(self) -> str:
        return self.file.study.id

    @property
    def study(self) -> Any:
        """The table `[study]`, of the kind's own model."""
        return self.file.study

    @property
    def contrasts(self) -> tuple[Any, ...]:
        return tuple(getattr(self.file, "contrast", ()))

    @property
    def interactions(self) -> tuple[InteractionDesign, ...]:
        return tuple(getattr(self.file, "interaction", ()))

    @property
    def intersections(self) -> tuple[DeclaredIntersection, ...]:
        return self.file.intersection

    @property
    def genes_of_interest(self) -> tuple[str, ...]:
        return self.file.genes.of_interest

    @property
    def gene_lists(self) -> tuple[OwnGeneList, ...]:
        return self.file.gene_list

    @property
    def collections(self) -> tuple[OwnCollection, ...]:
        return self.file.collection

    @property
    def list_files(self) -> tuple[Path, ...]:
        """Files of the study's own gene lists and sets, which its measurements do not rest on."""
        return files_in(self.folder, tuple(one.file for one in (*self.gene_lists, *self.collections)))

    @property
    def survival(self) -> StudySurvival | None:
        return getattr(self.file, "survival", None)

    @property
    def layers(self) -> StudyLayers | None:
        """Mutations, copy number and other layers of a cohort's samples, where the study brings any."""
        return self.file if isinstance(self.file, StudyLayers) and self.file.declared_layers else None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the study consists of, in a fixed order."""
        return self.file.files(self.folder)

    @property
    def gene_lengths(self) -> Path | None:
        return self.folder / self.file.gene_lengths if self.file.gene_lengths else None

    @property
    def organism(self) -> str:
        """The organism that was measured; `Homo sapiens` however the study writes it."""
        return HUMAN if self.study.organism.strip().lower() in _NAMES_OF_HUMAN else self.study.organism.strip()

    @property
    def orthologs(self) -> Path | None:
        """The table of orthologs that symbols are mapped through, of another organism's study."""
        named = getattr(self.study, "orthologs", None)
        return self.folder / named if named and self.organism != HUMAN else None


STUDY_PROFILE = "log2_cpm_plus_1"


def as_cohort(local: LocalStudy) -> Cohort:
    """A laboratory study with follow-up as a cohort of one endpoint; its expression is log2(CPM + 1) of its counts."""
    followed = local.survival
    if followed is None:
        raise ValueError(f"{local.id} has no survival table")
    endpoint = Endpoint(
        id=followed.endpoint,
        title=f"{followed.endpoint} as the study defines it",
        status_attribute=followed.event_column,
        months_attribute=followed.time_column,
    )
    return Cohort(
        id=local.id,
        title=local.study.title,
        source=local.id,
        expression_profiles=(STUDY_PROFILE,),
        sample_type_codes=(),
        age_attribute=followed.age_column,
        sex_attribute=followed.sex_column,
        stage_attribute=followed.stage_column,
        purity_attribute=followed.purity_column,
        sequenced_megabases=local.layers.sequenced.megabases if local.layers and local.layers.sequenced else None,
        stratum=followed.stratum,
        treated_with=followed.treated_with,
        endpoint=(endpoint,),
    )


_LAB_STUDY = "resistance_assets.connectors.lab_study.study"
_STUDIES = "resistance_assets.defs.raw.studies"

RNA_SEQ_COUNTS = register_study_kind(
    StudyKind(
        name="rna_seq_counts",
        title="read counts of RNA-seq by gene and sample",
        model=CountsFile,
        reader=f"{_LAB_STUDY}:read_counts_study",
        steps=f"{_STUDIES}.lab_counts:study_steps",
        tables=(
            "raw.studies__gene_sample_counts",
            "raw.studies__samples",
            "raw.studies__warnings",
        ),
        measurement="counts",
        methods=("pydeseq2", "limma_voom", "edger_exact", "fold_change"),
    )
)
MICROARRAY = register_study_kind(
    StudyKind(
        name="microarray",
        title="intensities of a microarray by probe and sample",
        model=ArrayFile,
        reader=f"{_LAB_STUDY}:read_array_study",
        steps=f"{_STUDIES}.lab_array:study_steps",
        tables=(
            "raw.studies__probe_intensities",
            "raw.studies__probe_genes",
            "raw.studies__samples",
            "raw.studies__warnings",
            "core.studies__gene_expression",
        ),
        measurement="array",
        methods=("limma",),
    )
)
DEG_RESULT = register_study_kind(
    StudyKind(
        name="deg_result",
        title="finished tables of differential expression",
        model=ResultFile,
        reader=f"{_LAB_STUDY}:read_published_study",
        steps=f"{_STUDIES}.lab_published:study_steps",
        tables=("raw.studies__published_results",),
        methods=("published",),
    )
)
