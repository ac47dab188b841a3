"""Count tables among the processed files of a record, whose layout nobody declares.

Here belongs telling whether such a file is a table of whole read counts by sample, and under which of a sample's names.
Tables whose layout a study.toml declares are read in `local_study`; quantifying reads is in `quantify`.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.catalog.faults import DataFault
from resistance_assets.origins.delimited import read_bytes, split_text
from resistance_assets.origins.local_study import FEATURE_COLUMN

TABLE_ENDINGS = (".txt", ".tsv", ".csv", ".tab", ".counts")
"""Endings of files that may be tables; `.gz` may follow."""

_NAMES = (
    "sample_id",
    "run_accession",
    "ena_sample",
    "biosample",
    "assay_name",
    "extract_name",
    "source_name",
)
_NULLS = ("NA", "NaN", "nan")


def may_be_table(path: str) -> bool:
    """Whether the name of a file is that of a text table."""
    return path.lower().removesuffix(".gz").endswith(TABLE_ENDINGS)


def read_processed_counts(path: Path, sheet: pl.DataFrame, *, source: str | None = None) -> pl.DataFrame:
    """Read a table of read counts by gene and sample.

    Columns that are no sample are left out (lengths, descriptions); the first column is the gene.

    Args:
        path: tab-separated, or comma-separated if named .csv; gzip or not.
        sheet: sample sheet: `sample_id` and any of `run_accession`, `ena_sample`, `biosample`, `assay_name`,
            `extract_name`, `source_name`, under one of which the table names every sample.
        source: what messages call the file.

    Returns:
        feature_id (String), then one Int64 column per sample of the sheet, under its sample_id.

    Raises:
        DataFault: the file is no table, its columns are not those of the samples, a count is missing, negative or not
            whole, or a gene occurs twice.
    """
    source = source or path.name
    separator = "," if source.removesuffix(".gz").lower().endswith(".csv") else "\t"
    text = split_text(
        read_bytes(path), source=source, separator=separator, quoted=True, unnamed_first=FEATURE_COLUMN, comment_rows=5
    )
    columns = _sample_columns(text.header, sheet, source)
    cells = text.frame(nulls=_NULLS)
    features = cells[text.header[0]].str.strip_chars()
    if features.null_count() or features.n_unique() < features.len():
        raise DataFault(
            "a gene has no name or occurs twice",
            subject=source,
            place=f"column {text.header[0]}",
            remedy="The reads are quantified instead",
        )
    found = [features.alias(FEATURE_COLUMN)]
    for sample, column in columns.items():
        numbers = cells[column].str.strip_chars().cast(pl.Float64, strict=False)
        wrong = (~(numbers.is_finite() & (numbers >= 0) & (numbers == numbers.round()))).fill_null(True).arg_true()
        if len(wrong):
            raise text.cell_fault(
                cells[column],
                wrong[0],
                expected="a whole number of at least 0: a read count, not TPM, FPKM or a logarithm",
                remedy="The reads are quantified instead",
            )
        found.append(numbers.cast(pl.Int64).alias(sample))
    return pl.DataFrame(found)


def _sample_columns(header: list[str], sheet: pl.DataFrame, source: str) -> dict[str, str]:
    """Sample -> column of the table, by the first kind of name that the table has for every sample."""
    by_name = {name.strip().lower(): name for name in header[1:]}
    for kind in _NAMES:
        if kind not in sheet.columns or sheet[kind].null_count() or sheet[kind].n_unique() < sheet.height:
            continue
        names = dict(zip(sheet["sample_id"], sheet[kind], strict=True))
        if all(name.strip().lower() in by_name for name in names.values()):
            return {sample: by_name[name.strip().lower()] for sample, name in names.items()}
    raise DataFault(
        f"the columns are {', '.join(header[:6])}",
        subject=source,
        expected=f"a column for each of the {sheet.height} samples, under a name of the sample sheet",
        remedy="The reads are quantified instead",
    )
