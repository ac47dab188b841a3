"""A study of reads in ArrayExpress and ENA as rows of `raw.studies__*`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.models.study import GROUP_COLUMN, Group, SuppliedCounts
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.arrayexpress.biostudies import SequencingStudy, fetch_processed, fetch_study
from resistance_assets.connectors.arrayexpress.processed_counts import AS_FOUND
from resistance_assets.connectors.formats.rejected_rows import rejected_as_table
from resistance_assets.connectors.lab_study.count_table import CountsLayout
from resistance_assets.connectors.lab_study.rows import samples_as_table
from resistance_assets.connectors.public_study import (
    SHEETS,
    assign_groups,
    join_rows,
    layout_of,
    note_of,
    sequence_files_as_table,
    stacked_by_accession,
    supplied_counts,
    table_of_counts,
)
from resistance_assets.connectors.sample_groups import ANY_LINE, StudyLines
from resistance_assets.connectors.transport.replay import Crawl, replay
from resistance_assets.connectors.transport.resource import Transport
from resistance_assets.errors import Fault

NOTHING_DECLARED = SuppliedCounts()


def sequenced_samples(study: SequencingStudy, accession: str) -> pl.DataFrame:
    """Sample sheet with one row per sample that was sequenced: runs of one ENA sample are one sample, not replicates.

    Columns: sample_id (ENA's sample, else its BioSample, else the run), accession, run_accession, then those of the
    sample sheet. Rows of the sheet that no run belongs to are left out where the sheet has runs.
    """
    sheet = study.samples
    if sheet["run_accession"].is_not_null().any():
        sheet = sheet.filter(pl.col("run_accession").is_not_null())
    known = study.runs.select(
        "run_accession",
        pl.col("secondary_sample_accession").alias("reported_sample"),
        pl.col("sample_accession").alias("reported_biosample"),
    )
    named = sheet.join(known, on="run_accession", how="left", maintain_order="left").with_columns(
        pl.coalesce("ena_sample", "reported_sample", "biosample", "reported_biosample", "sample_id").alias("own")
    )
    return join_rows(named.drop("reported_sample", "reported_biosample"), "own").with_columns(
        accession=pl.lit(accession)
    )


@dataclass(frozen=True)
class Accession:
    """One accession of a study of reads: what its hosts say, its samples, and its tables of processed counts."""

    id: str
    study: SequencingStudy
    samples: pl.DataFrame
    processed: Mapping[str, Path | Fault]


def accession_crawler(accession: str) -> Callable[[Transport], tuple[SequencingStudy, dict[str, Any]]]:
    """The crawl of a record: everything that its hosts say of it, and its processed tables."""

    def crawl(transport: Transport) -> tuple[SequencingStudy, dict[str, Any]]:
        study = fetch_study(transport, accession)
        return study, fetch_processed(transport, accession, study)

    return crawl


def read_accession(accession: str, crawled: Crawl) -> Accession:
    """One accession from what a crawl of its record found."""
    study, processed = replay(crawled, accession_crawler(accession))
    found = {name: one if isinstance(one, Fault) else one.path for name, one in processed.items()}
    return Accession(accession, study, sequenced_samples(study, accession), found)


def find_processed(
    accessions: list[Accession],
    grouped: pl.DataFrame,
    rejected: list[pl.DataFrame] | None = None,
    layout: CountsLayout = AS_FOUND,
) -> tuple[pl.DataFrame | None, str]:
    """Counts by gene and sample from the records themselves, where every accession has them.

    Counts of two pipelines cannot be compared, so one accession without counts leaves all to quantification.

    Args:
        accessions: of the study.
        grouped: samples that are in a group.
        rejected, layout: as of `table_of_counts`.

    Returns:
        feature_id and one column per sample, or None; and one sentence on why.
    """
    tables: list[pl.DataFrame] = []
    used: list[str] = []
    for accession in accessions:
        sheet = grouped.filter(pl.col("accession") == accession.id)
        if sheet.is_empty():
            continue
        own, reason = table_of_counts(
            accession.id, accession.processed, files_of_samples(accession, sheet), sheet, rejected, layout
        )
        if own is None:
            return None, reason
        tables.append(own)
        used.append(reason)
    first, *others = tables
    for other in others:
        if set(other["feature_id"]) != set(first["feature_id"]):
            return None, f"the tables {' and '.join(used)} do not hold the same genes"
        first = first.join(other, on="feature_id", how="left", maintain_order="left")
    return first, f"processed counts of the record: {', '.join(used)}"


def files_of_samples(accession: Accession, sheet: pl.DataFrame) -> dict[str, dict[str, Path | Fault]]:
    """Sample -> the processed files that the sample sheet names for it and for no other."""
    if "derived_data_file" not in sheet.columns:
        return {}
    named = {
        sample: set(cell.split(" | "))
        for sample, cell in sheet.select("sample_id", "derived_data_file").drop_nulls().iter_rows()
    }
    shared = {name for sample, own in named.items() for other, theirs in named.items() if other != sample
              for name in own & theirs}  # fmt: skip
    return {
        sample: {path: one for path, one in accession.processed.items() if Path(path).name in own - shared}
        for sample, own in named.items()
    }


def accession_row(study_id: str, accession: Accession, grouped: pl.DataFrame) -> dict[str, Any]:
    study = accession.study
    return {
        "study_id": study_id,
        "accession": accession.id,
        "title": study.record.title or next(iter(study.idf.values("Investigation Title")), None),
        "modified": study.info.version,
        "samples": accession.samples.height,
        "samples_in_groups": grouped.filter(pl.col("accession") == accession.id).height,
        "sequencing_runs": study.runs.height,
        "files": study.files.height,
        "processed_files": study.processed.height,
        "sheet_differences": study.differences.height,
        "notes": note_of(accession.processed),
    }


def read_reads_study(
    study_id: str,
    groups: tuple[Group, ...],
    accessions: list[Accession],
    counted: SuppliedCounts = NOTHING_DECLARED,
    lines: StudyLines = ANY_LINE,
) -> dict[str, pl.DataFrame]:
    """The tables of a study's sheets, its processed counts (empty where there are none) under `processed`, and what was
    set aside under `rejected`."""
    sheet = assign_groups(pl.concat([a.samples for a in accessions], how="diagonal"), study_id, groups, lines)
    grouped = sheet.filter(pl.col(GROUP_COLUMN).is_not_null())
    unnamed: list[pl.DataFrame] = []
    counts, reason = find_processed(accessions, grouped, unnamed, layout_of(counted, grouped, study_id))

    processed = {a.id: a.study.processed["path"] for a in accessions}
    frames = {
        "samples": samples_as_table(sheet, study_id),
        "accessions": pl.DataFrame(
            [accession_row(study_id, accession, grouped) | {"values_note": reason} for accession in accessions],
            schema=TABLES[SHEETS["accessions"]].polars_schema,
        ),
        "record_files": stacked_by_accession(
            study_id,
            SHEETS["record_files"],
            {
                a.id: a.study.files.with_columns(is_processed=pl.col("path").is_in(processed[a.id].implode()))
                for a in accessions
            },
        ),
        "sequence_files": sequence_files_as_table(study_id, {a.id: a.study.run_files for a in accessions}),
        "sheet_differences": stacked_by_accession(
            study_id,
            SHEETS["sheet_differences"],
            {
                a.id: a.study.differences.rename({"sdrf_value": "sheet_value"}).with_row_index(
                    "difference_number", offset=1
                )
                for a in accessions
            },
        ),
        **supplied_counts(study_id, counts, reason),
        "rejected": rejected_as_table(
            [
                *(("raw.studies__samples", a.study.rejected) for a in accessions),
                *(("raw.studies__gene_sample_counts", rows) for rows in unnamed),
            ]
        ),
    }
    return frames
