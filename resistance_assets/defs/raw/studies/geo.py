"""Public studies of GEO series."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from resistance_assets.catalog.models.source import Source
from resistance_assets.catalog.models.study import PublicStudy
from resistance_assets.catalog.registry import Registry
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import REJECTED
from resistance_assets.connectors.geo.series import accession_of as geo_accession
from resistance_assets.connectors.geo.study import SERIES_TABLES, read_series_study, series_crawler
from resistance_assets.connectors.public_study import lines_of_study
from resistance_assets.connectors.transport.replay import replay
from resistance_assets.defs.core.studies.gene_expression import SERIES_RULES, expression_step
from resistance_assets.defs.raw.studies.quantification import counts_step, partitions_of_record
from resistance_assets.defs.resources import Documents
from resistance_assets.orchestration.partitions import rejected_of
from resistance_assets.orchestration.steps import Inputs, Step
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.science.expression.normalisation import is_log_scale


def series_step(study: PublicStudy, source: Source) -> Step:
    """Samples in groups and values of a GEO series, array or sequencing as it turns out to be; where it was sequenced
    and nobody counted, the addresses of its reads."""
    study_id, groups, accession = study.id, study.group, geo_accession(source.url)
    counted, lines = study.counts, lines_of_study(study)
    if accession is None:
        raise ValueError(f"{source.id}: its address names no series")
    own = partitions_of_record(SERIES_TABLES, study_id)
    rejected = rejected_of(own["samples"])

    def compute(inputs: Inputs) -> Mapping[str, pl.DataFrame]:
        documents = inputs.external_inputs[source.id]
        assert isinstance(documents, Documents)
        series, genes = replay(documents.crawl, series_crawler(accession, groups))
        frames = read_series_study(study_id, groups, series, genes, is_log_scale, counted, lines)
        return {**{own[name]: frames[name] for name in SERIES_TABLES}, rejected: frames["rejected"]}

    return table_step(
        outputs={
            **{own[name]: TABLES[address] for name, address in SERIES_TABLES.items()},
            rejected: REJECTED,
        },
        compute=compute,
        parameters={
            "groups": [group.model_dump(exclude={"verified_from"}) for group in groups],
            "accession": accession,
            "counts": counted.model_dump(),
            "lines": [lines.cell_line, *lines.compared],
        },
        external_inputs=lambda origins: {source.id: origins.crawl(source, series_crawler(accession, groups))},
        sources=[source.id],
        kinds=["python", "geo"],
        tags={"study": study_id},
    )


def study_steps(study: PublicStudy, registry: Registry) -> list[Step]:
    """Samples, values and counts of a series, and its expression by gene where it turns out to be of arrays."""
    return [
        series_step(study, registry.sources[study.sources[0]]),
        counts_step(study, registry.sources[study.transcriptome] if study.transcriptome else None),
        expression_step(study.id, study.sources[0], SERIES_RULES),
    ]
