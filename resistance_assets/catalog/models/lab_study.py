"""A laboratory's own study (`study.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from resistance_assets.catalog.models.cohort import DAYS_TO_MONTHS, Cohort, Endpoint
from resistance_assets.catalog.models.contrast import ArrayContrast, CountsContrast, InteractionDesign, ResultContrast
from resistance_assets.catalog.models.entry import Entry, Identifier
from resistance_assets.catalog.models.gene_list import DeclaredIntersection

HUMAN = "Homo sapiens"
_NAMES_OF_HUMAN = frozenset({"homo sapiens", "human", "h. sapiens", "homo_sapiens", "hsapiens", "9606"})


class CountsStudy(Entry):
    id: Identifier
    title: str
    organism: str
    kind: Literal["rna_seq_counts"]
    accession: str | None = None
    citation: str | None = None
    licence: str | None = None
    counts: str
    samples: str
    # Which column of the count table is what, where it is not the gene first and then the samples by their names.
    gene_column: str | None = None
    columns: dict[str, str] = {}
    ignored_columns: tuple[str, ...] = ()
    # Estimates of RSEM, Salmon or kallisto are rounded, as DESeq2 does with tximport's.
    count_type: Literal["read_counts", "estimated"] = "read_counts"
    map_orthologs: bool = False
    # Symbols of the organism and of man, one-to-one pairs of which are used: `human_symbol` and one other `*_symbol`.
    orthologs: str | None = None
    # Lengths of the genes in base pairs, for fold-change rules in RPKM or TPM: a gene column, then `length_bp`.
    gene_lengths: str | None = None
    # Counts that a paper on these data states, for the multiverse that reads its rule in every way.
    reported: dict[str, float] = {}


class ResultStudy(Entry):
    id: Identifier
    title: str
    organism: str
    kind: Literal["deg_result"]
    accession: str | None = None
    citation: str | None = None
    licence: str | None = None
    map_orthologs: bool = False
    # Symbols of the organism and of man, one-to-one pairs of which are used: `human_symbol` and one other `*_symbol`.
    orthologs: str | None = None


class MicroarrayStudy(Entry):
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

    id: Identifier
    title: str
    organism: str
    kind: Literal["microarray"]
    accession: str | None = None
    citation: str | None = None
    licence: str | None = None
    matrix: str
    samples: str
    probes: str
    probe_column: str = "probe_id"
    symbol_column: str = "hgnc_symbol"
    multi_gene_separator: str | None = None
    scale: Literal["auto", "log2", "linear"] = "auto"
    normalise: Literal["quantile", "none"]
    collapse: Literal["highest_mean", "median"] = "highest_mean"
    detection_floor: float | None = None
    detection_min_samples: int = Field(default=1, ge=1)
    map_orthologs: bool = False
    # Symbols of the organism and of man, one-to-one pairs of which are used: `human_symbol` and one other `*_symbol`.
    orthologs: str | None = None


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


class CountsFile(Entry):
    study: CountsStudy
    contrast: tuple[CountsContrast, ...] = ()
    interaction: tuple[InteractionDesign, ...] = ()
    intersection: tuple[DeclaredIntersection, ...] = ()
    survival: StudySurvival | None = None

    @model_validator(mode="after")
    def _has_a_question(self) -> CountsFile:
        if not self.contrast and self.survival is None:
            raise ValueError("a count study needs a [[contrast]] or a [survival] table")
        return self


class ArrayFile(Entry):
    study: MicroarrayStudy
    contrast: tuple[ArrayContrast, ...] = Field(min_length=1)
    intersection: tuple[DeclaredIntersection, ...] = ()


class ResultFile(Entry):
    study: ResultStudy
    contrast: tuple[ResultContrast, ...] = Field(min_length=1)
    intersection: tuple[DeclaredIntersection, ...] = ()


@dataclass(frozen=True)
class LocalStudy:
    """A study folder with its `study.toml`, read but not its tables."""

    folder: Path
    study: CountsStudy | MicroarrayStudy | ResultStudy
    contrasts: tuple[CountsContrast, ...] | tuple[ResultContrast, ...]
    interactions: tuple[InteractionDesign, ...] = ()
    intersections: tuple[DeclaredIntersection, ...] = ()
    survival: StudySurvival | None = None

    @property
    def id(self) -> str:
        return self.study.id

    @property
    def files(self) -> tuple[Path, ...]:
        """The tables that the study consists of, in a fixed order."""
        named: tuple[str | None, ...]
        if isinstance(self.study, CountsStudy):
            named = (self.study.counts, self.study.samples, self.study.gene_lengths)
        elif isinstance(self.study, MicroarrayStudy):
            named = (self.study.matrix, self.study.samples, self.study.probes)
        else:
            named = tuple(contrast.table for contrast in self.contrasts if isinstance(contrast, ResultContrast))
        return tuple(self.folder / name for name in (*named, self.study.orthologs) if name is not None)

    @property
    def organism(self) -> str:
        """The organism that was measured; `Homo sapiens` however the study writes it."""
        return HUMAN if self.study.organism.strip().lower() in _NAMES_OF_HUMAN else self.study.organism.strip()

    @property
    def orthologs(self) -> Path | None:
        """The table of orthologs that symbols are mapped through, of another organism's study."""
        return self.folder / self.study.orthologs if self.study.orthologs and self.organism != HUMAN else None


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
        endpoint=(endpoint,),
    )
