"""A laboratory's table of read counts: which column is what, which rows are genes, and whether the numbers are counts.

Here belongs what the table alone can tell. The sample sheet is in `sample_sheet`; tables of public records, whose
layout nobody declares, are in `processed_counts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText, missing_column, rejected_rows
from resistance_assets.connectors.gene_names import (
    are_row_numbers,
    describe_date,
    reasons_of_no_gene,
    spreadsheet_dates,
)
from resistance_assets.connectors.lab_study.sample_sheet import warnings
from resistance_assets.connectors.lab_study.table_text import FEATURE_COLUMN, NULLS, check_distinct, split_table
from resistance_assets.errors import DataFault

_RAW_COUNTS = "Give raw counts: whole numbers, as featureCounts, HTSeq or STAR write them; not TPM, FPKM or logs"
_ESTIMATES = (
    f"{_RAW_COUNTS}. Estimated counts of RSEM, Salmon or kallisto are rounded where [study] says "
    'count_type = "estimated"'
)
LARGEST_COUNT = 10**15
"""More reads than all archives hold; a count above it is a damaged number."""

ANNOTATION_COLUMNS = frozenset(
    [
        "chr",
        "start",
        "end",
        "strand",
        "length",
        "genename",
        "genesymbol",
        "symbol",
        "genebiotype",
        "biotype",
        "genetype",
        "description",
        "entrezid",
        "entrezgeneid",
        "ensemblgeneid",
        "transcriptid",
        "transcriptids",
        "effectivelength",
        "genedescription",
    ]
)
"""Columns of counting programs and annotations beside the gene and its counts; a sample of the sheet comes first."""

_THOUSANDS = r"^[+-]?[0-9]{1,3}([.][0-9]{3})+$"
_FILE_ENDINGS = re.compile(
    r"(?:[._-]?(?:aligned|sorted|sortedbycoord|out|dedup|markdup|unique|primary|bam|sam|cram|genes|isoforms|results|"
    r"readspergene|quant|sf|abundance|tsv|txt|tab|csv|counts?|htseq|featurecounts|gz))+$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class CountsLayout:
    """What a study.toml says of its count table.

    Attributes:
        gene_column: the gene; the first column where None.
        columns: sample -> its column in the table, where they have other names.
        ignored_columns: columns that are no sample.
        is_estimated: whether counts are estimates of RSEM, Salmon or kallisto, to be rounded.
    """

    gene_column: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored_columns: tuple[str, ...] = ()
    is_estimated: bool = False


class CountTable(NamedTuple):
    """Counts by gene (feature_id, one Int64 column per sample) and the rows that are no gene."""

    counts: pl.DataFrame
    rejected: pl.DataFrame


def read_count_table(path: Path, source: str, samples: Sequence[str], layout: CountsLayout) -> CountTable:
    """Read a count table.

    Args:
        path: the table.
        source: what messages call it.
        samples: of the sample sheet.
        layout: what study.toml says.

    Raises:
        DataFault: as `read_counts`.
    """
    text = split_table(path, source=source, unnamed_first=FEATURE_COLUMN)
    gene, columns = assign_columns(text, samples, layout)
    vendor = list(columns)
    try:
        frame = text.frame(schema=dict.fromkeys(vendor, pl.Int64))
    except pl.exceptions.ComputeError:
        frame = None
    cells = text.frame() if frame is None else frame
    features = cells[gene].str.strip_chars()
    reasons = reasons_of_no_gene(features)
    kept = reasons.is_null()
    check_names(features.filter(kept), text, gene, np.flatnonzero(kept.to_numpy()))
    if frame is None:
        frame = _whole_from_text(text, cells, vendor, kept, is_estimated=layout.is_estimated)
    _check_counts(frame, text, vendor, kept)
    check_distinct(
        pl.select(pl.when(kept).then(features)).to_series(),
        text,
        column=gene,
        what="gene",
        remedy="Sum its counts or keep one of the lines",
    )
    rows = (~kept).arg_true().to_list()
    rejected = text.reject(rows, [reasons[row] for row in rows]) if rows else rejected_rows()
    counts = frame.with_columns(features.alias(gene)).filter(kept)
    if counts.is_empty():
        raise DataFault(
            "no row of the table is a gene", subject=source, place=f"column {gene}", remedy="Name the genes"
        )
    counts = counts.select(pl.col(gene).alias(FEATURE_COLUMN), *[pl.col(name).alias(columns[name]) for name in vendor])
    check_spread(counts, source)
    return CountTable(counts, rejected)


def assign_columns(text: DelimitedText, samples: Sequence[str], layout: CountsLayout) -> tuple[str, dict[str, str]]:
    """The gene column, and column of the table -> sample.

    Raises DataFault if the table has no column beside the gene, or lacks one that study.toml names.
    """
    gene = layout.gene_column or text.header[0]
    named = (gene, *layout.columns.values(), *layout.ignored_columns)
    for name in named:
        if name not in text.header:
            raise missing_column(name, text.header, source=text.source)
    of_column = {column: sample for sample, column in layout.columns.items()}
    known = set(samples)
    left = [name for name in text.header if name != gene and name not in layout.ignored_columns]
    columns = {
        name: of_column.get(name, name)
        for name in left
        if name in known or name in of_column or plain_name(name) not in ANNOTATION_COLUMNS
    }
    if not columns:
        raise DataFault(
            f"the only column is {gene[:60]!r}",
            subject=text.source,
            place="header",
            expected="a gene column and one column per sample, separated by tabs (commas in a .csv)",
            remedy="Check the separator",
        )
    lacking = known - set(columns.values())
    if not lacking:
        return gene, columns
    # Counting programs name a sample by the path of its alignment file.
    by_stem: dict[str, list[str]] = {}
    for name in columns:
        if columns[name] not in known:
            by_stem.setdefault(stem_of_sample(name), []).append(name)
    for sample in samples:
        found = by_stem.get(stem_of_sample(sample), [])
        if sample in lacking and len(found) == 1:
            columns[found[0]] = sample
    return gene, columns


def plain_name(name: str) -> str:
    """A column name without capitals, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def stem_of_sample(name: str) -> str:
    """A sample's name without the folder and the endings of its alignment or count file (`bam/S1.sorted.bam` is s1)."""
    stem = re.split(r"[\\/]", name.strip())[-1]
    return _FILE_ENDINGS.sub("", stem).strip("._- ").lower() or name.lower()


def check_names(names: pl.Series, text: DelimitedText, column: str, rows: np.ndarray) -> None:
    """Raise DataFault if names are spreadsheet dates or count the rows.

    Args:
        names: of the rows that may be genes.
        text: the table.
        column: of the names.
        rows: row of `text` of each name.
    """
    dates = spreadsheet_dates(names)
    if dates:
        first = min(dates)
        lines = [int(text.lines[rows[row]]) for row in sorted(dates)]
        others = f"; so are {len(lines) - 1} more, on lines {_shorten(lines[1:])}" if len(lines) > 1 else ""
        raise DataFault(
            f"{describe_date(names[first], dates[first])}{others}",
            subject=text.source,
            place=f"line {lines[0]}, column {column}",
            expected="names of genes",
            remedy="Restore the names from the table before the spreadsheet (import the column as text), or remove "
            "these lines",
        )
    if are_row_numbers(names):
        raise DataFault(
            f"the genes are the row numbers {names[0]} to {names[len(names) - 1]}",
            subject=text.source,
            place=f"column {column}",
            expected="symbols, Ensembl or NCBI Gene ids",
            remedy="Write the table with its names, or name the gene column (gene_column in [study])",
        )


def _shorten(lines: Sequence[int], most: int = 10) -> str:
    return ", ".join(map(str, lines[:most])) + (" ..." if len(lines) > most else "")


def _whole_from_text(
    text: DelimitedText, cells: pl.DataFrame, samples: Sequence[str], kept: pl.Series, *, is_estimated: bool
) -> pl.DataFrame:
    """Counts that are whole but not written as integers (R writes 1e+05), or the fault that names the cell."""
    _check_thousands(text, cells, samples, kept)
    columns: list[pl.Series] = []
    for name in samples:
        values = cells[name].str.strip_chars().replace(["", *NULLS], None)
        numbers = values.cast(pl.Float64, strict=False)
        usable = numbers.is_finite()
        if not is_estimated:
            usable &= numbers == numbers.round()
        wrong = (values.is_not_null() & kept & ~usable.fill_null(False)).arg_true()
        if len(wrong):
            fraction = numbers[wrong[0]] is not None and np.isfinite(numbers[wrong[0]])
            problem = f"{cells[name][wrong[0]]!r} is not a {'number' if is_estimated else 'whole number'}"
            raise _count_fault(text, wrong[0], name, problem, remedy=_ESTIMATES if fraction else _RAW_COUNTS)
        large = ((numbers.abs() > LARGEST_COUNT) & kept).fill_null(False).arg_true()
        if len(large):
            raise _count_fault(text, large[0], name, f"the count {values[large[0]]} is larger than any run has reads")
        if is_estimated:
            _check_not_tpm(numbers.filter(kept), text, name)
        within = pl.select(pl.when(usable & kept).then(numbers.round())).to_series()
        columns.append(within.cast(pl.Int64).alias(name))
    return cells.with_columns(columns)


def _check_thousands(text: DelimitedText, cells: pl.DataFrame, samples: Sequence[str], kept: pl.Series) -> None:
    """Refuse `1.000` beside `20`: it is one where points are decimal and a thousand where they group digits."""
    for name in samples:
        values = cells[name].str.strip_chars()
        grouped = (values.str.contains(_THOUSANDS) & kept).fill_null(False).arg_true()
        if not len(grouped):
            continue
        every = pl.concat([cells[other].str.strip_chars().filter(kept) for other in samples]).replace("", None)
        # A program that writes three decimals writes them in every cell.
        if every.str.contains(r"^[0-9]+[.][0-9]{3}$").all():
            return
        raise _count_fault(
            text,
            grouped[0],
            name,
            f"{values[grouped[0]]!r} may be a thousand or one",
            remedy="Write whole numbers without separators between thousands",
        )


def _check_not_tpm(numbers: pl.Series, text: DelimitedText, name: str) -> None:
    total = float(numbers.sum())
    if len(numbers) > 100 and abs(total - 1e6) < 100:
        raise DataFault(
            f"the values of sample {name} add up to {total:,.0f}",
            subject=text.source,
            place=f"column {name}",
            expected="estimated counts, not TPM",
            remedy="Give the estimated counts (expected_count, NumReads or est_counts)",
        )


def _check_counts(frame: pl.DataFrame, text: DelimitedText, samples: Sequence[str], kept: pl.Series) -> None:
    for name in samples:
        missing = (frame[name].is_null() & kept).arg_true()
        if len(missing):
            raise _count_fault(text, missing[0], name, "the count is missing")
        negative = ((frame[name] < 0) & kept).fill_null(False).arg_true()
        if len(negative):
            raise _count_fault(text, negative[0], name, f"the count {frame[name][negative[0]]} is negative")
        large = ((frame[name] > LARGEST_COUNT) & kept).fill_null(False).arg_true()
        if len(large):
            problem = f"the count {frame[name][large[0]]} is larger than any run has reads"
            raise _count_fault(text, large[0], name, problem)


def _count_fault(text: DelimitedText, row: int, column: str, problem: str, *, remedy: str = _RAW_COUNTS) -> DataFault:
    return DataFault(
        problem,
        subject=text.source,
        place=f"line {int(text.lines[row])}, column {column}",
        expected="a whole number of at least 0",
        remedy=remedy,
    )


def check_spread(counts: pl.DataFrame, source: str) -> None:
    """Refuse numbers that vary less between samples than counting itself makes them vary, such as rounded logarithms.

    Counts of one gene in samples of one mean have at least the variance of a Poisson variable, that mean. Over G genes
    of n samples the sum of (n - 1) variance / mean is then about G (n - 1); differences between groups raise it. A
    table is refused below a quarter of that, where no value is above 64 and at least 100 genes have a mean above 2.
    """
    values = counts.drop(FEATURE_COLUMN).to_numpy()
    if values.shape[1] < 3 or values.size == 0 or values.max() > 64:
        return
    mean = values.mean(axis=1)
    expressed = mean > 2
    if expressed.sum() < 100:
        return
    index = values[expressed].var(axis=1, ddof=1) / mean[expressed]
    if index.mean() < 0.25:
        raise DataFault(
            f"no value is above {int(values.max())}, and a gene varies between samples {index.mean():.2f} times "
            "as much as counts of that size do at least",
            subject=source,
            expected="read counts; rounded logarithms look like this",
            remedy=_RAW_COUNTS,
        )


def warn_of_equal_samples(counts: pl.DataFrame, source: str) -> pl.DataFrame:
    """Warnings of samples that have the same counts in every gene, as a column that was pasted twice has."""
    of_values: dict[bytes, list[str]] = {}
    for name in counts.columns[1:]:
        of_values.setdefault(counts[name].to_numpy().tobytes(), []).append(name)
    found = [
        (source, f"columns {', '.join(names[:8])}", "these samples have the same count in every gene")
        for values, names in of_values.items()
        if len(names) > 1 and any(values)
    ]
    return warnings(found)
