"""Public studies of reads in ArrayExpress and ENA."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.models.study import PublicStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.arrayexpress.biostudies import accession_of as biostudies_accession
from resistance_assets.connectors.arrayexpress.study import accession_crawler, read_accession, read_reads_study
from resistance_assets.connectors.formats.rejected_rows import REJECTED
from resistance_assets.connectors.public_study import SHEETS, SUPPLIED, lines_of_study
from resistance_assets.defs.raw.studies.quantification import counts_step, partitions_of_record
from resistance_assets.defs.resources import Documents, Origins
from resistance_assets.orchestration.partitions import rejected_of
from resistance_assets.orchestration.steps import ExternalInput, Inputs, Step
from resistance_assets.orchestration.table_steps import table_step

# ---- studies whose reads are public ----------------------------------------------------------------------------------


def sheets_step(study: PublicStudy, sources: list[Source]) -> Step:
    """Samples in groups, files and processed counts of a study of reads."""
    study_id, groups, counted = study.id, study.group, study.counts
    lines = lines_of_study(study)
    accession_of = {source.id: biostudies_accession(source.url) for source in sources}
    tables = {**SHEETS, **SUPPLIED}
    own = partitions_of_record(tables, study_id)
    rejected = rejected_of(own["samples"])

    def external_inputs(origins: Origins) -> Mapping[str, ExternalInput]:
        return {source.id: origins.crawl(source, accession_crawler(accession_of[source.id])) for source in sources}

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        accessions = []
        for source_id, accession in accession_of.items():
            documents = inputs.external_inputs[source_id]
            assert isinstance(documents, Documents)
            accessions.append(read_accession(accession, documents.crawl))
        frames = read_reads_study(study_id, groups, accessions, counted, lines)
        set_aside = frames.pop("rejected")
        return {**{own[name]: frame for name, frame in frames.items()}, rejected: set_aside}

    return table_step(
        outputs={**{own[name]: TABLES[address] for name, address in tables.items()}, rejected: REJECTED},
        compute=compute,
        parameters={
            "groups": [group.model_dump(exclude={"verified_from"}) for group in groups],
            "accessions": accession_of,
            "counts": counted.model_dump(),
            "lines": [lines.cell_line, *lines.compared],
        },
        external_inputs=external_inputs,
        sources=[s.id for s in sources],
        kinds=["python", "biostudies"],
        tags={"study": study_id},
    )


def study_steps(study: PublicStudy, registry: Registry) -> list[Step]:
    """Sheets and counts of a study of reads."""
    sources = [registry.sources[source] for source in study.sources]
    return [
        sheets_step(study, sources),
        counts_step(study, registry.sources[study.transcriptome] if study.transcriptome else None),
    ]
