"""Public study of cell lines, and a study with samples as analyses need it (`studies.toml`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from resistance_assets.catalog.models.contrast import (
    CountsContrast,
    InteractionDesign,
    PublicContrast,
    PublicInteraction,
    check_states,
)
from resistance_assets.catalog.models.entry import Entry, Identifier
from resistance_assets.catalog.models.study_kind import STUDY_KINDS, StudyKind, register_study_kind


class Group(Entry):
    """Samples that are one arm of a public study: named one by one, or told by rules.

    `samples`: the record's samples, each of which must be there: ids (`GSM938752`), or names that the record gives to
    one sample alone (its title, its run). Without them, every pattern is
    found in some cell of the sample sheet, written as `column: value`, case ignored, and none of `excluded_patterns` in
    any. `accession` confines the group to one accession. `verified_from`: how the arms of the samples are known.
    """

    id: Identifier
    title: str
    accession: str | None = None
    samples: tuple[str, ...] = ()
    verified_from: str | None = None
    patterns: tuple[str, ...] = ()
    excluded_patterns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_told_in_one_way(self) -> Group:
        if self.samples and (self.patterns or self.excluded_patterns):
            raise ValueError("a group names its samples or has patterns, not both")
        if len(set(self.samples)) < len(self.samples):
            raise ValueError("a sample is named twice")
        return self


class SuppliedCounts(Entry):
    """How the authors' table of counts is laid out, where its columns do not name the samples.

    `columns`: a sample, by its accession or any name that the record gives it, to its column. With them given, the
    table is used or the study stops; without, a table whose columns cannot be told leaves the reads to be quantified.
    """

    columns: dict[str, str] = {}
    gene_column: str | None = None
    # estimated: of RSEM, Salmon or kallisto, to be rounded.
    count_type: Literal["read_counts", "estimated"] = "read_counts"


class PublicStudy(Entry):
    """Cell lines under a drug, from public accessions."""

    id: Identifier
    title: str
    organism: str
    kind: Literal["rna_seq_reads", "geo_series"]
    sources: tuple[Identifier, ...] = Field(min_length=1)
    # Transcript sequences that reads are quantified against, a source.
    transcriptome: Identifier | None = None
    paper: str | None = None
    cell_line: str | None = None
    # Whose cultures these are; contrasts of one line in one laboratory are no independent studies.
    laboratory: str | None = None
    counts: SuppliedCounts = SuppliedCounts()
    group: tuple[Group, ...] = ()
    contrast: tuple[PublicContrast, ...] = Field(min_length=1)
    interaction: tuple[PublicInteraction, ...] = ()

    @model_validator(mode="after")
    def _is_tested_by_what_fits(self) -> PublicStudy:
        for contrast in self.contrast:
            if self.kind == "geo_series" and contrast.methods != ("limma",):
                raise ValueError(
                    f'contrast {contrast.id}: a series may turn out to hold an array or counts: methods = ["limma"],'
                    " which is limma-voom on counts"
                )
        return self

    @model_validator(mode="after")
    def _can_be_quantified(self) -> PublicStudy:
        if self.kind == "rna_seq_reads" and self.transcriptome is None:
            raise ValueError("a study of reads needs a transcriptome")
        return self

    @model_validator(mode="after")
    def _has_states_that_agree(self) -> PublicStudy:
        check_states(self.contrast, self.interaction)
        return self


GROUP_COLUMN = "group"
"""Column of a public study's sample sheet that holds the group which the rules of the catalog put a sample in."""


ACCESSION_COLUMN = "accession"


@dataclass(frozen=True)
class MeasuredStudy:
    """A study with samples of its own, laboratory or public, as the analyses need it.

    `measurement`: `counts`, `array`, or `at_run_time` for a GEO series, which may turn out to be either.
    """

    id: str
    measurement: Literal["counts", "array", "at_run_time"]
    contrasts: tuple[CountsContrast, ...]
    interactions: tuple[InteractionDesign, ...] = ()
    gene_lengths: Path | None = None


def as_measured_study(study: PublicStudy) -> MeasuredStudy:
    """A public study; samples that no rule put in a group take no part. Of several accessions, the one that holds both
    arms gives both."""
    subset = {GROUP_COLUMN: tuple(group.id for group in study.group)}
    within = ACCESSION_COLUMN if len(study.sources) > 1 else None
    return MeasuredStudy(
        id=study.id,
        measurement=STUDY_KINDS[study.kind].measurement or "at_run_time",
        contrasts=tuple(
            CountsContrast(**contrast.model_dump(), factor=GROUP_COLUMN, subset=subset, within=within)
            for contrast in study.contrast
        ),
        interactions=tuple(
            InteractionDesign(**interaction.model_dump(), factor=GROUP_COLUMN, subset=subset, within=within)
            for interaction in study.interaction
        ),
    )


_OF_EVERY_ACCESSION = (
    "raw.studies__samples",
    "raw.studies__gene_sample_counts",
    "raw.studies__accessions",
    "raw.studies__sequence_files",
    "raw.studies__measurements",
    "raw.studies__gene_quantities",
    "raw.studies__quantified_samples",
)

RNA_SEQ_READS = register_study_kind(
    StudyKind(
        name="rna_seq_reads",
        title="reads of RNA-seq in ArrayExpress and ENA, or the counts of their record",
        model=PublicStudy,
        reader="resistance_assets.connectors.arrayexpress.biostudies:fetch_study",
        steps="resistance_assets.defs.raw.studies.arrayexpress:study_steps",
        tables=(
            *_OF_EVERY_ACCESSION,
            "raw.studies__record_files",
            "raw.studies__sheet_differences",
        ),
        measurement="counts",
        methods=("pydeseq2", "limma_voom", "edger_exact", "fold_change"),
        is_public=True,
    )
)
GEO_SERIES = register_study_kind(
    StudyKind(
        name="geo_series",
        title="a series of GEO, of counts or of arrays",
        model=PublicStudy,
        reader="resistance_assets.connectors.geo.series:fetch_series",
        steps="resistance_assets.defs.raw.studies.geo:study_steps",
        tables=(
            *_OF_EVERY_ACCESSION,
            "raw.studies__probe_intensities",
            "raw.studies__probe_genes",
            "core.studies__gene_expression",
        ),
        measurement="at_run_time",
        methods=("pydeseq2", "limma_voom", "limma", "edger_exact", "fold_change"),
        is_public=True,
    )
)
