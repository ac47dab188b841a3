"""Public study: what the records of ArrayExpress and GEO have in common, as rows of `raw.studies__*`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from resistance_assets.catalog.models.study import GROUP_COLUMN, Group, PublicStudy, SuppliedCounts
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.arrayexpress.ena import preferred_fastq
from resistance_assets.connectors.arrayexpress.processed_counts import (
    AS_FOUND,
    NAMES_OF_SAMPLE,
    join_sample_counts,
    read_processed_counts,
    rows_of_no_gene,
)
from resistance_assets.connectors.lab_study.count_table import CountsLayout
from resistance_assets.connectors.sample_groups import ANY_LINE, StudyLines, group_samples
from resistance_assets.errors import CatalogFault, DataFault, Fault

# Name of what a record holds -> its table.
SHEETS = {
    "samples": "raw.studies__samples",
    "accessions": "raw.studies__accessions",
    "record_files": "raw.studies__record_files",
    "sequence_files": "raw.studies__sequence_files",
    "sheet_differences": "raw.studies__sheet_differences",
}

COUNTS = {
    "counts": "raw.studies__gene_sample_counts",
    "measurements": "raw.studies__measurements",
    "quantities": "raw.studies__gene_quantities",
    "quantified_samples": "raw.studies__quantified_samples",
}

ARRAYS = {"intensities": "raw.studies__probe_intensities", "probe_genes": "raw.studies__probe_genes"}

# Counts that need no quantification, and the row of `raw.studies__measurements` that says what they are, for
# `counts_asset` to take. An array has the row and no counts; what is left to quantification has neither.
SUPPLIED = {"processed": "raw.studies__gene_sample_counts", "processed_measurements": "raw.studies__measurements"}


def join_rows(sheet: pl.DataFrame, key: str) -> pl.DataFrame:
    """A sheet with one row per value of `key`, named `sample_id`; where its rows differ, their values are joined."""
    others = [name for name in sheet.columns if name not in ("sample_id", key)]
    joined = [
        pl.col(name).drop_nulls().unique(maintain_order=True).str.join(" | ").replace("", None) for name in others
    ]
    return sheet.group_by(key, maintain_order=True).agg(joined).rename({key: "sample_id"})


def assign_groups(
    sheet: pl.DataFrame, study_id: str, groups: tuple[Group, ...], lines: StudyLines = ANY_LINE
) -> pl.DataFrame:
    """The sheet with the column `group`, blank for samples of no group.

    Raises:
        CatalogFault, DesignFault: as `group_samples`.
    """
    rules = [
        group.model_copy(update={"accession": None, "patterns": (*group.patterns, f"^accession: {group.accession}$")})
        if group.accession and group.patterns
        else group
        for group in groups
    ]
    # A file's name is not what its authors say of the sample.
    said = sheet.drop("derived_data_file", strict=False)
    placed = group_samples(said, rules, study=study_id, lines=lines).rename({"group_id": GROUP_COLUMN})
    clear = sheet.rename({GROUP_COLUMN: f"{GROUP_COLUMN}_as_given"}) if GROUP_COLUMN in sheet.columns else sheet
    return clear.join(placed, on="sample_id", how="left", maintain_order="left")


def lines_of_study(study: PublicStudy) -> StudyLines:
    """Cell lines of a study, as its groups need them."""
    compared = tuple((contrast.numerator, contrast.denominator) for contrast in study.contrast)
    return StudyLines(study.cell_line, compared)


def note_of(found: Mapping[str, Any]) -> str | None:
    """Faults among what was found, as one text."""
    return " ".join(f"{name}: {fault}" for name, fault in found.items() if isinstance(fault, Fault)) or None


def counts_as_table(counts: pl.DataFrame, study_id: str) -> pl.DataFrame:
    """A wide table of counts as rows of `raw.studies__gene_sample_counts`."""
    return (
        counts.unpivot(index="feature_id", variable_name="sample_id", value_name="read_count")
        .with_columns(study_id=pl.lit(study_id))
        .sort("feature_id", "sample_id")
    )


def supplied_counts(study_id: str, counts: pl.DataFrame | None, reason: str, **told: str | None) -> dict[str, Any]:
    """The partitions of `SUPPLIED`: a wide table of counts, or None, and what is to be said of it."""
    if counts is None:
        return {name: TABLES[address].empty() for name, address in SUPPLIED.items()}
    row = {
        "study_id": study_id, "measurement": "counts", "values_from": "processed_counts", "statement": reason,
        "scale": "read counts, as the record gives them", "platform": None, "reference": "names as in the record",
    }  # fmt: skip
    measured = pl.DataFrame([row | told], schema=TABLES[SUPPLIED["processed_measurements"]].polars_schema)
    return {"processed": counts_as_table(counts, study_id), "processed_measurements": measured}


def stacked_by_accession(study_id: str, address: str, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Frames by accession as rows of a table."""
    table = TABLES[address]
    named = [
        frame.with_columns(pl.lit(study_id).alias("study_id"), pl.lit(accession).alias("accession"))
        for accession, frame in frames.items()
    ]
    return pl.concat([table.empty(), *(table.shape(frame) for frame in named)])


def sequence_files_as_table(study_id: str, files: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Files of runs by accession, as ENA reports them, as rows of `raw.studies__sequence_files`."""
    preferred = {accession: preferred_fastq(own)["url"] for accession, own in files.items()}
    return stacked_by_accession(
        study_id,
        SHEETS["sequence_files"],
        {
            accession: own.with_columns(is_preferred=pl.col("url").is_in(preferred[accession].implode()))
            for accession, own in files.items()
        },
    )


def layout_of(declared: SuppliedCounts, sheet: pl.DataFrame, study_id: str) -> CountsLayout:
    """What the catalog says of the authors' table of counts, its columns by sample_id.

    Args:
        declared: of the catalog; its samples go by any name that the record gives them.
        sheet: samples in groups.

    Raises:
        CatalogFault: a name is none, or more than one, of these samples.
    """
    columns: dict[str, str] = {}
    kinds = [kind for kind in NAMES_OF_SAMPLE if kind in sheet.columns]
    for name, column in declared.columns.items():
        named = sheet.filter(pl.any_horizontal(pl.col(kind) == name for kind in kinds))["sample_id"].to_list()
        if len(named) != 1 or named[0] in columns:
            known = ", ".join(sheet["sample_id"].head(6))
            raise CatalogFault(
                f"counts.columns names {name!r}, which is {len(named) or 'no'} sample{'s' if len(named) > 1 else ''}"
                if len(named) != 1
                else f"counts.columns names sample {named[0]} twice",
                subject=f"study {study_id}",
                expected=f"a sample of its groups, such as {known}",
                remedy="Correct the name in studies.toml",
            )
        columns[named[0]] = column
    return CountsLayout(declared.gene_column, columns, (), declared.count_type == "estimated")


def table_of_counts(
    subject: str,
    tables: Mapping[str, Path | Fault],
    sample_tables: Mapping[str, Mapping[str, Path | Fault]],
    sheet: pl.DataFrame,
    rejected: list[pl.DataFrame] | None = None,
    layout: CountsLayout = AS_FOUND,
) -> tuple[pl.DataFrame | None, str]:
    """Counts by gene and sample from the files of one accession: a table of all samples, else tables of each.

    Args:
        subject: the accession.
        tables: file name -> file, or why it could not be had.
        sample_tables: sample -> the same, where a file is said to be that sample's.
        sheet: the samples that are wanted.
        rejected: to which the rejected rows of the table that is used are added: summary rows, names that are none.
        layout: what the catalog says of the table of all samples.

    Returns:
        feature_id and one column per sample, or None; and what was used, or why nothing was.

    Raises:
        DataFault: the catalog says which column is which sample, and no table can be read so.
    """
    own = {sample: column for sample, column in layout.columns.items() if sample in set(sheet["sample_id"])}
    layout = replace(layout, columns=own)
    refused: list[str] = []
    had: dict[str, Path] = {}
    for name, path in {name: path for own in (tables, *sample_tables.values()) for name, path in own.items()}.items():
        if isinstance(path, Fault):
            refused.append(f"{name} of {subject} could not be had ({path.problem})")
        else:
            had[name] = path
    for name in [name for name in tables if name in had]:
        try:
            counts = read_processed_counts(had[name], sheet, source=name, layout=layout)
            if rejected is not None:
                source = f"{subject}/{Path(name).name}"
                rejected.append(rows_of_no_gene(had[name], source=source, gene_column=layout.gene_column))
            return counts, f"{name} of {subject}"
        except DataFault as fault:
            refused.append(f"{name} of {subject} is no table of counts ({fault.problem})")
    if own:
        raise DataFault(
            "; ".join(refused) or "the record has no table of counts",
            subject=subject,
            expected=f"a table with the columns {', '.join(list(own.values())[:6])}",
            remedy="Correct counts.columns of the study in studies.toml, or remove it to have the reads quantified",
        )
    singles = {
        sample: {name: had[name] for name in sample_tables.get(sample, {}) if name in had}
        for sample in sheet["sample_id"]
    }
    if any(singles.values()):
        try:
            joined = join_sample_counts(singles)
            return joined, f"tables of single samples of {subject} ({', '.join(next(iter(singles.values())))} ...)"
        except DataFault as fault:
            refused.append(f"the tables of single samples of {subject} cannot be joined ({fault})")
    return None, "; ".join([*refused, f"{subject} has no table of counts"])
