"""The tables of a laboratory's own study: counts with their sample sheet, or a finished differential-expression table.

Here belongs reading these files and telling exactly where one is wrong. The study.toml that names them, and what is
computed from them, do not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText, missing_column, nearest_name
from resistance_assets.connectors.gene_names import MISSING_NAMES, reasons_of_no_gene
from resistance_assets.connectors.lab_study.count_table import (
    CountsLayout,
    check_names,
    read_count_table,
    warn_of_equal_samples,
)
from resistance_assets.connectors.lab_study.published_effects import FoldChangeScale, as_log2_fold_changes
from resistance_assets.connectors.lab_study.sample_sheet import read_sample_sheet, warn_of_levels
from resistance_assets.connectors.lab_study.table_text import (
    FEATURE_COLUMN,
    NULLS,
    check_distinct,
    name_of,
    split_table,
)
from resistance_assets.errors import CatalogFault, DataFault

MOST_SAMPLES_NAMED = 8


class StudyTables(NamedTuple):
    """Counts of a laboratory's study and their sample sheet.

    Attributes:
        counts: feature_id (String), then one Int64 column per sample, in the order of the file.
        samples: sample_id, then the other columns of the sheet, all String (blank and NA are null), with the rows in
            the order of the count columns.
        rejected: source, line, reason, row: lines of the count table that are no gene.
        warnings: source, place, warning (String): what is not wrong and may not be meant.
    """

    counts: pl.DataFrame
    samples: pl.DataFrame
    rejected: pl.DataFrame
    warnings: pl.DataFrame


def read_counts(
    counts_path: Path, samples_path: Path, *, study: str | None = None, layout: CountsLayout | None = None
) -> StudyTables:
    """Read a count table and its sample sheet (tab-separated, or comma-separated if named .csv; gzip, UTF-16 or .xlsx).

    The tables of featureCounts and nf-core are known: their columns beside the gene and the counts are left out, and
    a sample may be named by the path of its alignment file.

    Args:
        counts_path: first column the gene (symbol, Ensembl or Entrez id), of any name, then one column per sample.
        samples_path: a column sample_id, then one column per factor or covariate.
        study: what messages call the study.
        layout: which columns are what, and whether counts are estimates, where study.toml says so.

    Raises:
        DataFault: an empty table; a count that is missing, negative or not whole, or cannot be one; a gene that is a
            spreadsheet's date or a row number; a gene, or sample, that occurs twice (both lines); a sample of the
            counts that the sheet lacks, or the other way round. Each names study, file, line and column.
    """
    samples = read_sample_sheet(samples_path, study=study)
    listed = samples["sample_id"].to_list()
    counts_source, samples_source = name_of(counts_path, study), name_of(samples_path, study)
    table = read_count_table(counts_path, counts_source, listed, layout or CountsLayout())
    counted = table.counts.columns[1:]
    _check_same_samples(counted, listed, counts_source, samples_source)
    order = pl.DataFrame({"sample_id": counted}, schema={"sample_id": pl.String})
    sheet = order.join(samples, on="sample_id", how="left", maintain_order="left")
    warnings = pl.concat([warn_of_equal_samples(table.counts, counts_source), warn_of_levels(samples, samples_source)])
    return StudyTables(table.counts, sheet, table.rejected, warnings)


def read_matrix(
    matrix_path: Path, samples_path: Path, *, study: str | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read a matrix of intensities and its sample sheet (formats as `read_counts`).

    Args:
        matrix_path: first column the probe, of any name, then one column per sample.
        samples_path: as for `read_counts`.

    Returns:
        matrix: probe_id (String), then one Float64 column per sample, in the order of the file.
        samples: as `read_counts` returns them.

    Raises:
        DataFault: an empty table; an intensity that is missing or no finite number; a probe, or sample, that occurs
            twice; samples that differ between the files. Each names file, line and column.
    """
    source = name_of(matrix_path, study)
    text = split_table(matrix_path, source=source, unnamed_first="probe_id")
    first, named = text.header[0], text.header[1:]
    cells = text.frame(nulls=NULLS)
    columns = []
    for name in named:
        values = cells[name].str.strip_chars().replace("", None)
        numbers = values.cast(pl.Float64, strict=False)
        wrong = (numbers.is_null() | ~numbers.is_finite()).fill_null(True).arg_true()
        if len(wrong):
            raise DataFault(
                "the intensity is missing" if values[wrong[0]] is None else f"{values[wrong[0]]!r} is no finite number",
                subject=source,
                place=f"line {int(text.lines[wrong[0]])}, column {name}",
                expected="a finite number",
                remedy="Leave the probe out, or impute the value",
            )
        columns.append(numbers.alias(name))
    probes = cells[first].str.strip_chars()
    check_distinct(probes, text, column=first, what="probe", remedy="Keep one of the lines")
    samples = read_sample_sheet(samples_path, study=study)
    _check_same_samples(named, samples["sample_id"].to_list(), source, name_of(samples_path, study))
    order = pl.DataFrame({"sample_id": named}, schema={"sample_id": pl.String})
    return (
        pl.DataFrame([probes.alias("probe_id"), *columns]),
        order.join(samples, on="sample_id", how="left", maintain_order="left"),
    )


def read_probe_genes(
    path: Path, *, probe_column: str, symbol_column: str, separator: str | None = None, study: str | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read which gene each probe measures.

    Args:
        path: the annotation table; further columns are left alone.
        probe_column, symbol_column: its columns.
        separator: joins the symbols of a probe of several genes.

    Returns:
        genes: probe_id, hgnc_symbol (String), the probes of exactly one gene.
        rejected: source, line, reason, row: probes of no gene or of several.

    Raises:
        DataFault: the table is empty, or a column is missing (the nearest name is told).
    """
    source = name_of(path, study)
    text = split_table(path, source=source, unnamed_first="probe_id")
    for name in (probe_column, symbol_column):
        if name not in text.header:
            raise missing_column(name, text.header, source=source)
    cells = text.frame(nulls=NULLS)
    frame = pl.DataFrame(
        {
            "probe_id": cells[probe_column].str.strip_chars().replace("", None),
            "hgnc_symbol": cells[symbol_column].str.strip_chars().replace("", None),
            "line": pl.Series(text.lines, dtype=pl.Int64),
        }
    ).filter(pl.col("probe_id").is_not_null())
    symbol = pl.col("hgnc_symbol")
    several = symbol.str.contains(separator, literal=True) if separator else pl.lit(False)
    twice = symbol.n_unique().over("probe_id") > 1
    reason = (
        pl.when(symbol.is_null()).then(pl.lit("no gene symbol")).when(several | twice).then(pl.lit("several genes"))
    )
    judged = frame.with_columns(reason=reason)
    rejected = judged.filter(pl.col("reason").is_not_null()).select(
        pl.lit(source).alias("source"),
        "line",
        "reason",
        pl.concat_str("probe_id", pl.lit(" "), symbol.fill_null("")).alias("row"),
    )
    genes = judged.filter(pl.col("reason").is_null()).select("probe_id", "hgnc_symbol")
    return genes.unique(maintain_order=True), rejected


def read_gene_lengths(path: Path) -> pl.DataFrame:
    """Read the lengths of genes (formats as `read_counts`).

    Args:
        path: first column the gene as the count table names it, of any name; a column length_bp.

    Returns:
        feature_id (String), length_bp (Float64).

    Raises:
        DataFault: the table is empty, has no column length_bp, a gene twice, or a length that is not above 0.
    """
    text = split_table(path, unnamed_first=FEATURE_COLUMN)
    text.require(["length_bp"])
    cells = text.frame(nulls=NULLS)
    first = text.header[0]
    genes = text.frame()[first].str.strip_chars()
    check_distinct(genes, text, column=first, what="gene", remedy="Keep one of the lines")
    lengths = cells["length_bp"].str.strip_chars().cast(pl.Float64, strict=False)
    wrong = (~(lengths > 0)).fill_null(True).arg_true()
    if len(wrong):
        raise text.cell_fault(
            cells["length_bp"], wrong[0], expected="base pairs, above 0", remedy="Correct the length, or drop the gene"
        )
    return pl.DataFrame([genes.alias(FEATURE_COLUMN), lengths.alias("length_bp")])


def _check_same_samples(counted: list[str], listed: list[str], counts: str, samples: str) -> None:
    """Raise DataFault that names every sample of the one file that the other lacks."""
    in_counts, in_sheet = set(counted), set(listed)
    unlisted = [name for name in counted if name not in in_sheet]
    uncounted = [name for name in listed if name not in in_counts]
    if unlisted:
        raise _unmatched(unlisted, listed, uncounted, here=counts, there=samples, place="header")
    if uncounted:
        raise _unmatched(uncounted, counted, [], here=samples, there=counts, place=f"sample {uncounted[0]}")


def _unmatched(
    names: list[str], others: list[str], the_other_way: list[str], *, here: str, there: str, place: str
) -> DataFault:
    nearest = nearest_name(names[0], others)
    more = f", nor {'is' if len(names) == 2 else 'are'} {_few(names[1:])}" if len(names) > 1 else ""
    of_first = f" to {names[0]}" if len(names) > 1 else ""
    hint = f"; the nearest name{of_first} there is {nearest}" if nearest else ""
    back = f"; it lists {_few(the_other_way)}, which are not in {here.rpartition('/')[2]}" if the_other_way else ""
    return DataFault(
        f"sample {names[0]} is not in {there.rpartition('/')[2]}{more}{hint}{back}",
        subject=here,
        place=place,
        expected="the same samples in both files",
        remedy="Make the names agree, or leave the sample out of both",
    )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_SAMPLES_NAMED} more" if len(names) > MOST_SAMPLES_NAMED else ""
    return f"{', '.join(names[:MOST_SAMPLES_NAMED])}{more}"


DEG_SCHEMA: dict[str, type[pl.DataType]] = {
    "feature": pl.String,
    "hgnc_symbol": pl.String,
    "entrez_gene_id": pl.String,
    "log2_fold_change": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "line": pl.Int64,
}
"""Columns of every table that `read_deg_table` returns. Entrez ids are text, because a cell may hold several."""

_REQUIRED_DEG = ("log2_fold_change",)
_ADJUSTED_NAME = re.compile(r"adj|fdr|q[._ -]?val|^q$|bonf|holm|hochberg|^bh$", re.IGNORECASE)


def read_deg_table(
    path: Path, columns: Mapping[str, str], *, study: str | None = None, scale: FoldChangeScale | None = None
) -> pl.DataFrame:
    """Read a finished differential-expression table (formats as `read_counts`).

    Args:
        path: the table.
        columns: our name to the table's name: log2_fold_change, p_value and q_value (adjusted for multiple testing) as
            far as they were published, and at least one of hgnc_symbol, entrez_gene_id and feature.
        study: what messages call the study.
        scale: of the fold changes, which are put on the log2 scale; None means log2, where the numbers can be that.

    Returns:
        One row per line of the table, none left out: feature, hgnc_symbol, entrez_gene_id (String; null where blank, NA
        or not mapped), log2_fold_change, p_value, q_value (Float64; null where blank or NA), line (Int64, in the
        file). Features that repeat are told apart by their line.

    Raises:
        CatalogFault: `columns` lacks a name that is needed or has one that is not known.
        DataFault: the table is empty or ragged, a column is missing (the nearest name is told), a number cannot be
            read, a fold change is infinite or above 100, a gene is a spreadsheet's date, or a p-value lies outside of
            0 to 1; with file, line and column.
    """
    source = name_of(path, study)
    _check_mapping(columns, subject=source)
    text = split_table(path, source=source, unnamed_first="feature")
    for ours, vendor in columns.items():
        if vendor not in text.header:
            raise missing_column(vendor, alike_in_meaning(ours, text.header), source=source)
    cells = text.frame()
    names = [columns[ours] for ours in ("feature", "hgnc_symbol") if ours in columns]
    for vendor in dict.fromkeys(names):
        check_names(cells[vendor].str.strip_chars(), text, vendor, np.arange(text.height))
    data: list[pl.Series] = []
    for ours, kind in DEG_SCHEMA.items():
        if ours == "line":
            data.append(pl.Series(ours, text.lines, dtype=kind))
        elif ours not in columns:
            data.append(pl.Series(ours, [None] * text.height, dtype=kind))
        else:
            values = cells[columns[ours]].str.strip_chars()
            if ours == "feature":
                values = values.replace("", None)
            elif ours in ("hgnc_symbol", "entrez_gene_id"):
                lower = values.str.to_lowercase()
                values = pl.select(pl.when(~lower.is_in(MISSING_NAMES)).then(values)).to_series()
            else:
                values = _numbers(values.replace(["", *NULLS], None).alias(columns[ours]), text, ours)
            data.append(values.alias(ours))
    table = pl.DataFrame(data)
    evidence = table.select(pl.coalesce("p_value", "q_value")).to_series()
    effects = as_log2_fold_changes(
        table["log2_fold_change"],
        evidence,
        text,
        column=columns["log2_fold_change"],
        scale=scale,
    )
    return table.with_columns(effects)


def split_deg_rows(table: pl.DataFrame, *, source: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `read_deg_table` that may be genes, each under a feature of its own, and the others, rejected.

    Args:
        table: of `read_deg_table`.
        source: what the rejected rows call the file.
    """
    named = pl.coalesce("feature", "hgnc_symbol", "entrez_gene_id")
    features = table.select(named).to_series()
    reasons = reasons_of_no_gene(features)
    numbers = pl.concat_str(
        named.fill_null(""), pl.lit("\t"), pl.col("log2_fold_change").cast(pl.String).fill_null("NA"), pl.lit("\t"),
        pl.coalesce("p_value", "q_value").cast(pl.String).fill_null("NA"),
    )  # fmt: skip
    judged = table.with_columns(feature=features, reason=reasons, row=table.select(numbers).to_series())
    rejected = judged.filter(pl.col("reason").is_not_null()).select(
        pl.lit(source).alias("source"), "line", "reason", "row"
    )
    kept = judged.filter(pl.col("reason").is_null()).drop("reason", "row")
    repeated = ~pl.col("feature").is_first_distinct()
    told_apart = pl.format("{} (line {})", "feature", "line")
    return kept.with_columns(feature=pl.when(repeated).then(told_apart).otherwise("feature")), rejected


def names_adjusted(column: str) -> bool:
    """Whether a column's name says that its values are adjusted for multiple testing (adj.P.Val, padj, FDR)."""
    return _ADJUSTED_NAME.search(column) is not None


def alike_in_meaning(ours: str, header: Sequence[str]) -> list[str]:
    """Columns that may be offered in the place of a missing one: an adjusted p-value never for a plain one."""
    return [name for name in header if names_adjusted(name) == (ours == "q_value")]


def _check_mapping(columns: Mapping[str, str], *, subject: str) -> None:
    known = [name for name in DEG_SCHEMA if name != "line"]
    remedy = "Correct `columns` in study.toml"
    for name in columns:
        if name not in known:
            nearest = (
                "q_value" if names_adjusted(name) else nearest_name(name, [one for one in known if one != "q_value"])
            )
            hint = f"; did you mean {nearest}?" if nearest else ""
            raise CatalogFault(
                f"columns has the unknown name {name}{hint}", subject=subject, expected=", ".join(known), remedy=remedy
            )
    for name in _REQUIRED_DEG:
        if name not in columns:
            raise CatalogFault(f"columns does not say which one is {name}", subject=subject, remedy=remedy)
    if not {"hgnc_symbol", "entrez_gene_id", "feature"} & set(columns):
        raise CatalogFault(
            "columns names no gene",
            subject=subject,
            expected="hgnc_symbol, entrez_gene_id or feature",
            remedy=remedy,
        )


def _numbers(values: pl.Series, text: DelimitedText, ours: str) -> pl.Series:
    numbers = values.cast(pl.Float64, strict=False).fill_nan(None)
    wrong = values.is_not_null() & (numbers.is_null() | numbers.is_infinite())
    expected = "a finite number, NA or nothing"
    if ours in ("p_value", "q_value"):
        wrong |= ((numbers < 0) | (numbers > 1)).fill_null(False)
        expected = "a probability from 0 to 1, NA or nothing"
    rows = wrong.fill_null(False).arg_true()
    if len(rows):
        raise text.cell_fault(
            values, rows[0], expected=expected, remedy="Correct the table, or the column that study.toml names"
        )
    return numbers
