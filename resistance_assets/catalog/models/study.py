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
)
from resistance_assets.catalog.models.entry import Entry, Identifier


class Group(Entry):
    """Samples that are one arm of a public study.

    Every pattern is found in some cell of the sample sheet, written as `column: value`, case ignored, and none of
    `excluded_patterns` in any; `accession` confines the group to one accession.
    """

    id: Identifier
    title: str
    accession: str | None = None
    patterns: tuple[str, ...] = ()
    excluded_patterns: tuple[str, ...] = ()


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
    group: tuple[Group, ...] = ()
    contrast: tuple[PublicContrast, ...] = Field(min_length=1)
    interaction: tuple[PublicInteraction, ...] = ()

    @model_validator(mode="after")
    def _can_be_quantified(self) -> PublicStudy:
        if self.kind == "rna_seq_reads" and self.transcriptome is None:
            raise ValueError("a study of reads needs a transcriptome")
        return self


GROUP_COLUMN = "group"
"""Column of a public study's sample sheet that holds the group which the rules of the catalog put a sample in."""


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
    """A public study; samples that no rule put in a group take no part."""
    subset = {GROUP_COLUMN: tuple(group.id for group in study.group)}
    return MeasuredStudy(
        id=study.id,
        measurement="counts" if study.kind == "rna_seq_reads" else "at_run_time",
        contrasts=tuple(
            CountsContrast(**contrast.model_dump(), factor=GROUP_COLUMN, subset=subset) for contrast in study.contrast
        ),
        interactions=tuple(
            InteractionDesign(**interaction.model_dump(), factor=GROUP_COLUMN, subset=subset)
            for interaction in study.interaction
        ),
    )
