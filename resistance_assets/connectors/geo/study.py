"""A series of GEO as rows of `raw.studies__*`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from resistance_assets.catalog.models.study import GROUP_COLUMN, Group, SuppliedCounts
from resistance_assets.catalog.tables import TABLES
from resistance_assets.connectors.formats.rejected_rows import rejected_as_table
from resistance_assets.connectors.geo.series import (
    GeoSeries,
    PlatformGenes,
    fetch_series_with_genes,
    runs_of_series,
    value_scale,
)
from resistance_assets.connectors.lab_study.rows import samples_as_table
from resistance_assets.connectors.public_study import (
    ARRAYS,
    SHEETS,
    SUPPLIED,
    assign_groups,
    layout_of,
    sequence_files_as_table,
    supplied_counts,
    table_of_counts,
)
from resistance_assets.connectors.sample_groups import ANY_LINE, StudyLines
from resistance_assets.connectors.transport.resource import Transport
from resistance_assets.errors import DataFault, DesignFault

NOTHING_DECLARED = SuppliedCounts()
_RUN = re.compile(r"[DES]RR\d+")


def series_crawler(
    accession: str, groups: tuple[Group, ...] = ()
) -> Callable[[Transport], tuple[GeoSeries, dict[str, PlatformGenes]]]:
    """The crawl of a series: record, matrices, and either the genes of its platforms or NCBI's counts; with its runs
    where a group names any."""
    with_runs = any(_RUN.fullmatch(name) for group in groups for name in group.samples)

    def crawl(transport: Transport) -> tuple[GeoSeries, dict[str, PlatformGenes]]:
        return fetch_series_with_genes(transport, accession, with_runs=with_runs)

    return crawl


def chosen_platform(series: GeoSeries, sheet: pl.DataFrame, study_id: str) -> str:
    """The platform that every sample in a group was measured on.

    Raises:
        DesignFault: groups are spread over platforms, whose intensities cannot be compared.
    """
    grouped = set(sheet.filter(pl.col(GROUP_COLUMN).is_not_null())["sample_id"])
    counted = {platform: len(grouped & set(matrix.samples)) for platform, matrix in series.matrices.items()}
    platform = max(counted, key=lambda name: counted[name])
    if counted[platform] < len(grouped):
        spread = ", ".join(f"{n} on {name}" for name, n in counted.items())
        raise DesignFault(
            f"the samples of its groups are measured on several platforms: {spread}",
            subject=f"study {study_id} ({series.accession})",
            expected="one platform for all groups",
            remedy="Name the platform in the patterns of each group in studies.toml (`platform_id: GPL...`)",
        )
    return platform


def array_tables(
    study_id: str,
    series: GeoSeries,
    genes: Mapping[str, PlatformGenes],
    sheet: pl.DataFrame,
    looks_logged: Callable[[np.ndarray], bool],
) -> tuple[dict[str, pl.DataFrame], dict[str, Any], list[tuple[str, pl.DataFrame]]]:
    """Intensities and genes of probes, the row of `raw.studies__measurements`, and what was set aside by table."""
    platform = chosen_platform(series, sheet, study_id)
    matrix, annotation = series.matrices[platform], genes[platform]
    samples = [s for s in sheet.filter(pl.col(GROUP_COLUMN).is_not_null())["sample_id"] if s in set(matrix.samples)]
    values = matrix.values.select(pl.col("feature_id").alias("probe_id"), *samples)
    numbers = values.select(samples).to_numpy()
    texts = matrix.attributes.filter(pl.col("attribute_id") == "data_processing")["value"].to_list()
    scale = value_scale(numbers, texts, looks_logged=looks_logged)
    finite = pl.all_horizontal(pl.col(samples).is_finite().fill_null(False))
    missing = values.filter(~finite).select(
        pl.lit(matrix.source).alias("source"),
        pl.lit(None, pl.Int64).alias("line"),
        pl.lit("a sample of a group has no value").alias("reason"),
        pl.col("probe_id").alias("row"),
    )
    several = pl.col("gene_symbol").str.contains("|", literal=True) | (
        pl.col("gene_symbol").n_unique().over("feature_id") > 1
    )
    told = annotation.genes.with_columns(
        reason=pl.when(pl.col("gene_symbol").is_null())
        .then(pl.lit("no gene symbol"))
        .when(several)
        .then(pl.lit("several genes"))
    )
    unplaced = told.filter(pl.col("reason").is_not_null()).select(
        pl.lit(annotation.origin).alias("source"),
        pl.lit(None, pl.Int64).alias("line"),
        "reason",
        pl.concat_str("feature_id", pl.lit(" "), pl.col("gene_symbol").fill_null("")).alias("row"),
    )
    named = pl.lit(study_id).alias("study_id")
    frames = {
        "intensities": values.filter(finite)
        .unpivot(index="probe_id", variable_name="sample_id", value_name="intensity")
        .with_columns(named)
        .sort("probe_id", "sample_id"),
        "probe_genes": told.filter(pl.col("reason").is_null())
        .select(pl.col("feature_id").alias("probe_id"), pl.col("gene_symbol").alias("hgnc_symbol"), named)
        .unique(maintain_order=True),
    }
    measured = {
        "measurement": "array",
        "values_from": "series_matrix",
        "scale": scale.statement,
        "platform": platform,
        "reference": annotation.origin,
    }
    set_aside = [(ARRAYS["intensities"], missing), (ARRAYS["probe_genes"], unplaced),
                 (ARRAYS["probe_genes"], annotation.rejected)]  # fmt: skip
    return frames, measured, set_aside


def counted_by_ncbi(series: GeoSeries, sheet: pl.DataFrame) -> pl.DataFrame:
    """Counts that NCBI generated, by gene and sample.

    A gene goes by the symbol of NCBI's annotation, or by its Entrez id where it has none of its own.

    Raises:
        DataFault: they lack a sample of a group.
    """
    assert series.counts is not None
    assert series.annotation is not None
    wanted = sheet.filter(pl.col(GROUP_COLUMN).is_not_null())["sample_id"].to_list()
    lacking = [sample for sample in wanted if sample not in series.counts.columns]
    if lacking:
        raise DataFault(
            f"the counts that NCBI generated lack {', '.join(lacking)}",
            subject=series.accession,
            expected="every sample of a group",
            remedy="NCBI leaves out runs that failed: leave the sample out of its group in studies.toml",
        )
    names = series.annotation.select("entrez_gene_id", "symbol").unique("entrez_gene_id", keep="first")
    features = series.counts.select("entrez_gene_id").join(
        names, on="entrez_gene_id", how="left", maintain_order="left"
    )
    own = pl.col("symbol").is_not_null() & (pl.len().over("symbol") == 1)
    named = features.select(
        pl.when(own).then("symbol").otherwise(pl.col("entrez_gene_id").cast(pl.String)).alias("feature_id")
    )
    return pl.concat([named, series.counts.select(wanted)], how="horizontal")


def series_counts(
    study_id: str,
    series: GeoSeries,
    sheet: pl.DataFrame,
    rejected: list[pl.DataFrame],
    counted: SuppliedCounts = NOTHING_DECLARED,
) -> tuple[dict[str, Any], str]:
    """The tables of `SUPPLIED` for a series that was sequenced, and which values were taken and why: counts that NCBI
    generated, else a table of the authors, else none, which leaves the reads."""
    if series.counts is not None:
        told = {"values_from": "ncbi_counts", "scale": "read counts",
                "reference": "NCBI's annotation of its generated counts"}  # fmt: skip
        counts = counted_by_ncbi(series, sheet)
        return supplied_counts(study_id, counts, series.choice, **told), series.choice
    grouped = sheet.filter(pl.col(GROUP_COLUMN).is_not_null())
    layout = layout_of(counted, grouped, study_id)
    own, reason = table_of_counts(
        series.accession, series.authors.tables, series.authors.sample_tables, grouped, rejected, layout
    )
    statement = f"{series.choice}; taken: {reason}" if own is not None else f"{series.choice}; {reason}"
    return supplied_counts(study_id, own, statement), statement


SERIES_TABLES = {
    **{name: SHEETS[name] for name in ("samples", "accessions", "sequence_files")},
    **SUPPLIED,
    **ARRAYS,
}


def read_series_study(
    study_id: str,
    groups: tuple[Group, ...],
    series: GeoSeries,
    genes: Mapping[str, PlatformGenes],
    looks_logged: Callable[[np.ndarray], bool],
    counted: SuppliedCounts = NOTHING_DECLARED,
    lines: StudyLines = ANY_LINE,
) -> dict[str, pl.DataFrame]:
    """The tables of a GEO series by name, `rejected` among them; arrays and counts leave each other's tables empty.

    `looks_logged`: whether intensities are logarithms, where no text of the series says so; `counted`: what the catalog
    says of the authors' table of counts; `lines`: what it says of cell lines.
    """
    runs = runs_of_series(series)
    by_sample = runs.group_by("sample_id", maintain_order=True).agg(pl.col("run_accession").str.join(" | "))
    sheet = assign_groups(
        series.samples.join(by_sample, on="sample_id", how="left", maintain_order="left").with_columns(
            accession=pl.lit(series.accession)
        ),
        study_id,
        groups,
        lines,
    )
    set_aside = [(SHEETS["samples"], series.rejected)]
    if series.kind == "array":
        own, measured, further = array_tables(study_id, series, genes, sheet, looks_logged)
        set_aside += further
        row, statement = {"study_id": study_id, "statement": series.choice, **measured}, series.choice
        own["processed_measurements"] = pl.DataFrame(
            [row], schema=TABLES[SUPPLIED["processed_measurements"]].polars_schema
        )
    else:
        unnamed: list[pl.DataFrame] = []
        own, statement = series_counts(study_id, series, sheet, unnamed, counted)
        set_aside += [("raw.studies__gene_sample_counts", rows) for rows in unnamed]
    authors = series.authors
    tables = len(authors.tables) + sum(len(files) for files in authors.sample_tables.values())
    accession = {
        "study_id": study_id,
        "accession": series.accession,
        "title": series.title,
        "modified": series.last_update,
        "samples": sheet.height,
        "samples_in_groups": sheet[GROUP_COLUMN].is_not_null().sum(),
        "sequencing_runs": runs.height,
        "files": len(series.supplementary),
        "processed_files": tables,
        "sheet_differences": 0,
        "values_note": statement,
        "notes": " ".join(series.notes) or None,
    }
    empty = {name: TABLES[address].empty() for name, address in SERIES_TABLES.items()}
    reads = {series.accession: authors.reads.files} if authors.reads is not None else {}
    return {
        **empty,
        **own,
        "samples": samples_as_table(sheet, study_id),
        "accessions": pl.DataFrame([accession], schema=TABLES[SHEETS["accessions"]].polars_schema),
        "sequence_files": sequence_files_as_table(study_id, reads),
        "rejected": rejected_as_table(set_aside),
    }
