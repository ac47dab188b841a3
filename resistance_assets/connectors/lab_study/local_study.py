"""The tables of a laboratory's own study: counts with their sample sheet, or a finished differential-expression table.

Here belongs reading these files and telling exactly where one is wrong. The study.toml that names them, and what is
computed from them, do not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from resistance_assets.catalog.registry import StudySurvival
from resistance_assets.connectors.formats.delimited import (
    DelimitedText,
    missing_column,
    nearest_name,
    read_bytes,
    split_text,
)
from resistance_assets.errors import CatalogFault, DataFault

FEATURE_COLUMN = "feature_id"

_NULLS = ("NA", "NaN", "nan", "N/A", "null", "NULL")
_RAW_COUNTS = "Give raw counts: whole numbers, as featureCounts, HTSeq or STAR write them; not TPM, FPKM or logs"


def read_counts(counts_path: Path, samples_path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read a count table and its sample sheet (tab-separated, or comma-separated if named .csv; gzip or not).

    Args:
        counts_path: first column the gene (symbol, Ensembl or Entrez id), of any name, then one column per sample.
        samples_path: a column sample_id, then one column per factor or covariate.

    Returns:
        counts: feature_id (String), then one Int64 column per sample, in the order of the file.
        samples: sample_id, then the other columns of the sheet, all String (blank and NA are null), with the rows in
            the order of the count columns.

    Raises:
        DataFault: an empty table; a count that is missing, negative or not whole; a gene, or sample, that occurs twice
            (both lines); a sample of the counts that the sheet lacks, or the other way round. Each names file, line
            and column.
    """
    counts = _count_table(counts_path)
    samples = _sample_sheet(samples_path)
    counted, listed = counts.columns[1:], samples["sample_id"].to_list()
    _check_same_samples(counted, listed, counts_path, samples_path)
    order = pl.DataFrame({"sample_id": counted}, schema={"sample_id": pl.String})
    return counts, order.join(samples, on="sample_id", how="left", maintain_order="left")


def check_follow_up(samples: pl.DataFrame, survival: StudySurvival, *, source: str) -> None:
    """Refuse a sample sheet whose follow-up cannot be what study.toml says of it.

    A sample without a time or without an event is fine: its patient is left out of the analyses and counted.

    Args:
        samples: of `read_counts`.
        survival: the [survival] table of study.toml.
        source: name of the sheet, for errors.

    Raises:
        DataFault: a column is missing (the nearest name is told), a time is not a number of at least 0, an event is
            neither 0 nor 1, nobody had the event, no sample is of the subset. Each names the sample.
    """
    for name in survival.columns:
        if name not in samples.columns:
            raise missing_column(name, samples.columns, source=source)
    for column, values in survival.subset.items():
        samples = samples.filter(pl.col(column).is_in(values))
        if samples.is_empty():
            raise DataFault(
                f"no sample has {column} {' or '.join(values)}",
                subject=source,
                place=f"column {column}",
                remedy="Correct survival.subset in study.toml",
            )
    rules = (
        (survival.time_column, lambda n: n.is_finite() & (n >= 0), f"a number of {survival.unit}, at least 0"),
        (survival.event_column, lambda n: n.is_in([0.0, 1.0]), "1 = event, 0 = censored"),
    )
    for column, fits, expected in rules:
        numbers = samples[column].cast(pl.Float64, strict=False)
        wrong = (samples[column].is_not_null() & ~fits(numbers).fill_null(False)).arg_true()
        if len(wrong):
            raise DataFault(
                f"{samples[column][wrong[0]]!r} is no {'event' if column == survival.event_column else 'time'}",
                subject=source,
                place=f"sample {samples['sample_id'][wrong[0]]}, column {column}",
                expected=expected,
                remedy="Correct the cell, or leave it blank if it is not known",
            )
    if not samples[survival.event_column].cast(pl.Float64).sum():
        raise DataFault(
            f"none of {samples.height} samples has an event",
            subject=source,
            place=f"column {survival.event_column}",
            remedy="Leave [survival] out of study.toml until there are events",
        )


def read_matrix(matrix_path: Path, samples_path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
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
    text = _split(matrix_path, unnamed_first="probe_id")
    first, named = text.header[0], text.header[1:]
    cells = text.frame(nulls=_NULLS)
    columns = []
    for name in named:
        values = cells[name].str.strip_chars().replace("", None)
        numbers = values.cast(pl.Float64, strict=False)
        wrong = (numbers.is_null() | ~numbers.is_finite()).fill_null(True).arg_true()
        if len(wrong):
            raise DataFault(
                "the intensity is missing" if values[wrong[0]] is None else f"{values[wrong[0]]!r} is no finite number",
                subject=matrix_path.name,
                place=f"line {int(text.lines[wrong[0]])}, column {name}",
                expected="a finite number",
                remedy="Leave the probe out, or impute the value",
            )
        columns.append(numbers.alias(name))
    probes = cells[first].str.strip_chars()
    _check_distinct(probes, text, column=first, what="probe", remedy="Keep one of the lines")
    samples = _sample_sheet(samples_path)
    _check_same_samples(named, samples["sample_id"].to_list(), matrix_path, samples_path)
    order = pl.DataFrame({"sample_id": named}, schema={"sample_id": pl.String})
    return (
        pl.DataFrame([probes.alias("probe_id"), *columns]),
        order.join(samples, on="sample_id", how="left", maintain_order="left"),
    )


def read_probe_genes(
    path: Path, *, probe_column: str, symbol_column: str, separator: str | None = None
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
    text = _split(path, unnamed_first="probe_id")
    for name in (probe_column, symbol_column):
        if name not in text.header:
            raise missing_column(name, text.header, source=path.name)
    cells = text.frame(nulls=_NULLS)
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
        pl.lit(path.name).alias("source"),
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
    text = _split(path, unnamed_first=FEATURE_COLUMN)
    text.require(["length_bp"])
    cells = text.frame(nulls=_NULLS)
    first = text.header[0]
    genes = cells[first].str.strip_chars()
    _check_distinct(genes, text, column=first, what="gene", remedy="Keep one of the lines")
    lengths = cells["length_bp"].str.strip_chars().cast(pl.Float64, strict=False)
    wrong = (~(lengths > 0)).fill_null(True).arg_true()
    if len(wrong):
        raise text.cell_fault(
            cells["length_bp"], wrong[0], expected="base pairs, above 0", remedy="Correct the length, or drop the gene"
        )
    return pl.DataFrame([genes.alias(FEATURE_COLUMN), lengths.alias("length_bp")])


def _check_same_samples(counted: list[str], listed: list[str], counts_path: Path, samples_path: Path) -> None:
    for name in counted:
        if name not in set(listed):
            raise _unmatched(name, listed, here=counts_path, there=samples_path, place="header")
    for name in listed:
        if name not in set(counted):
            raise _unmatched(name, counted, here=samples_path, there=counts_path, place=f"sample {name}")


def _unmatched(name: str, others: list[str], *, here: Path, there: Path, place: str) -> DataFault:
    nearest = nearest_name(name, others)
    hint = f"; the nearest name there is {nearest}" if nearest else ""
    return DataFault(
        f"sample {name} is not in {there.name}{hint}",
        subject=here.name,
        place=place,
        expected="the same samples in both files",
        remedy="Make the names agree, or leave the sample out of both",
    )


def _split(path: Path, *, unnamed_first: str | None = None) -> DelimitedText:
    separator = "," if path.name.removesuffix(".gz").lower().endswith(".csv") else "\t"
    text = split_text(read_bytes(path), source=path.name, separator=separator, quoted=True, unnamed_first=unnamed_first)
    if not text.height:
        raise DataFault("the table has a header and no row", subject=path.name, remedy="Write it again, with its rows")
    return text


def _count_table(path: Path) -> pl.DataFrame:
    text = _split(path, unnamed_first=FEATURE_COLUMN)
    first, samples = text.header[0], text.header[1:]
    if not samples:
        raise DataFault(
            f"the only column is {first[:60]!r}",
            subject=path.name,
            place="header",
            expected="a gene column and one column per sample, separated by tabs (commas in a .csv)",
            remedy="Check the separator",
        )
    try:
        frame = text.frame(schema=dict.fromkeys(samples, pl.Int64))
    except pl.exceptions.ComputeError:
        frame = _whole_from_text(text, samples)
    for name in samples:
        missing = frame[name].is_null().arg_true()
        if len(missing):
            raise _count_fault(text, missing[0], name, "the count is missing")
        negative = (frame[name] < 0).arg_true()
        if len(negative):
            raise _count_fault(text, negative[0], name, f"the count {frame[name][negative[0]]} is negative")
    features = frame[first].str.strip_chars().replace("", None)
    blank = features.is_null().arg_true()
    if len(blank):
        raise DataFault(
            "the gene has no name",
            subject=path.name,
            place=f"line {int(text.lines[blank[0]])}, column {first}",
            remedy="Name the gene or remove the line",
        )
    _check_distinct(features, text, column=first, what="gene", remedy="Sum its counts or keep one of the lines")
    return frame.with_columns(features.alias(first)).rename({first: FEATURE_COLUMN})


def _whole_from_text(text: DelimitedText, samples: list[str]) -> pl.DataFrame:
    """Counts that are whole but not written as integers (R writes 1e+05), or the fault that names the cell."""
    cells = text.frame(nulls=_NULLS)
    columns: list[pl.Series] = []
    for name in samples:
        values = cells[name].str.strip_chars()
        numbers = values.cast(pl.Float64, strict=False)
        whole = numbers.is_finite() & (numbers == numbers.round())
        wrong = (values.is_not_null() & ~whole.fill_null(False)).arg_true()
        if len(wrong):
            raise _count_fault(text, wrong[0], name, f"{cells[name][wrong[0]]!r} is not a whole number")
        columns.append(numbers.cast(pl.Int64).alias(name))
    return cells.with_columns(columns)


def _count_fault(text: DelimitedText, row: int, column: str, problem: str) -> DataFault:
    return DataFault(
        problem,
        subject=text.source,
        place=f"line {int(text.lines[row])}, column {column}",
        expected="a whole number of at least 0",
        remedy=_RAW_COUNTS,
    )


def _check_distinct(values: pl.Series, text: DelimitedText, *, column: str, what: str, remedy: str) -> None:
    repeated = (~values.is_first_distinct()).arg_true()
    if len(repeated):
        value = values[repeated[0]]
        first = (values == value).arg_true()[0]
        raise DataFault(
            f"{what} {value} occurs twice",
            subject=text.source,
            place=f"lines {int(text.lines[first])} and {int(text.lines[repeated[0]])}, column {column}",
            expected="each once",
            remedy=remedy,
        )


def _sample_sheet(path: Path) -> pl.DataFrame:
    text = _split(path)
    text.require(["sample_id"])
    sheet = text.frame(nulls=_NULLS).with_columns(pl.all().str.strip_chars().replace("", None))
    blank = sheet["sample_id"].is_null().arg_true()
    if len(blank):
        raise DataFault(
            "the sample has no name",
            subject=path.name,
            place=f"line {int(text.lines[blank[0]])}, column sample_id",
            remedy="Name the sample or remove the line",
        )
    _check_distinct(sheet["sample_id"], text, column="sample_id", what="sample", remedy="Keep one of the lines")
    return sheet.select("sample_id", pl.exclude("sample_id"))


DEG_SCHEMA: dict[str, type[pl.DataType]] = {
    "feature": pl.String,
    "hgnc_symbol": pl.String,
    "entrez_gene_id": pl.String,
    "log2_fold_change": pl.Float64,
    "p_value": pl.Float64,
    "line": pl.Int64,
}
"""Columns of every table that `read_deg_table` returns. Entrez ids are text, because a cell may hold several."""

_REQUIRED_DEG = ("log2_fold_change", "p_value")


def read_deg_table(path: Path, columns: Mapping[str, str]) -> pl.DataFrame:
    """Read a finished differential-expression table (tab-separated, or comma-separated if named .csv; gzip or not).

    Args:
        path: the table.
        columns: our name to the table's name: log2_fold_change and p_value, and at least one of hgnc_symbol,
            entrez_gene_id and feature.

    Returns:
        One row per line of the table, none left out: feature, hgnc_symbol, entrez_gene_id (String; null where blank, NA
        or not mapped), log2_fold_change, p_value (Float64; null where blank or NA), line (Int64, in the file).

    Raises:
        CatalogFault: `columns` lacks a name that is needed or has one that is not known.
        DataFault: the table is empty or ragged, a column is missing (the nearest name is told), a number cannot be
            read, a fold change is infinite, or a p-value lies outside of 0 to 1; with file, line and column.
    """
    _check_mapping(columns, subject=path.name)
    text = _split(path, unnamed_first="feature")
    for vendor in columns.values():
        if vendor not in text.header:
            raise missing_column(vendor, text.header, source=path.name)
    cells = text.frame(nulls=_NULLS)
    data: list[pl.Series] = []
    for ours, kind in DEG_SCHEMA.items():
        if ours == "line":
            data.append(pl.Series(ours, text.lines, dtype=kind))
        elif ours not in columns:
            data.append(pl.Series(ours, [None] * text.height, dtype=kind))
        else:
            values = cells[columns[ours]].str.strip_chars().replace("", None)
            data.append((_numbers(values, text, ours) if kind is pl.Float64 else values).alias(ours))
    return pl.DataFrame(data)


def _check_mapping(columns: Mapping[str, str], *, subject: str) -> None:
    known = [name for name in DEG_SCHEMA if name != "line"]
    remedy = "Correct `columns` in study.toml"
    for name in columns:
        if name not in known:
            nearest = nearest_name(name, known)
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
    if ours == "p_value":
        wrong |= ((numbers < 0) | (numbers > 1)).fill_null(False)
        expected = "a probability from 0 to 1, NA or nothing"
    rows = wrong.fill_null(False).arg_true()
    if len(rows):
        raise text.cell_fault(
            values, rows[0], expected=expected, remedy="Correct the table, or the column that study.toml names"
        )
    return numbers
