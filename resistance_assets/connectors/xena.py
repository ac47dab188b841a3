"""Tables of UCSC Xena: a gene-by-sample matrix, endpoints in days, and phenotypes.

Here belongs reading the files (https://xena.ucsc.edu). Turning days into months and choosing samples do not belong
here.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import DelimitedText, read_bytes, split_text
from resistance_assets.connectors.gene_names import split_gene_rows

ENDPOINTS = ("OS", "DSS", "DFI", "PFI")
"""Overall, disease-specific, disease-free and progression-free interval (Liu 2018, Cell 173:400)."""

_MISSING = ("NA", "NaN", "nan", "null")


def _numbers(text: DelimitedText, values: pl.Series) -> pl.Series:
    """A column as Float64; a cell that is no finite number is a DataFault with its place."""
    stripped = values.str.strip_chars()
    number = stripped.cast(pl.Float64, strict=False)
    wrong = (stripped.is_not_null() & ~number.is_finite().fill_null(False)).arg_true()
    if len(wrong):
        raise text.cell_fault(values, wrong[0], expected="a finite number, NA or nothing")
    return number


def read_xena_matrix(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read a matrix such as HiSeqV2 (log2(normalised RSEM + 1)), plain or gzip.

    Returns:
        matrix: gene_symbol (String; the host's, not always approved), then one Float64 column per sample (TCGA barcode;
            `-11` is normal tissue), in the unit of the data set. Each symbol once.
        rejected: source, line, reason, row. Rows in = rows of matrix + rows of rejected.

    Raises:
        DataFault: the file is empty or ragged, has no sample, names one twice, or has a cell that is no number.
        TransportFault: the gzip is damaged.
    """
    text = split_text(read_bytes(path), source=path.name, unnamed_first="sample")
    first, samples = text.header[0], text.header[1:]
    if not samples:
        text.require(["a sample"])
    try:
        frame = text.frame(schema=dict.fromkeys(samples, pl.Float64), nulls=_MISSING)
        infinite = frame.select(pl.any_horizontal(pl.col(samples).is_infinite().any())).item()
    except pl.exceptions.ComputeError:
        infinite = True
        frame = None
    if frame is None or infinite:
        cells = text.frame(nulls=_MISSING)
        frame = pl.DataFrame([cells[first], *[_numbers(text, cells[sample]) for sample in samples]])
    named = frame.with_columns(pl.col(first).str.strip_chars().replace("", None)).rename({first: "gene_symbol"})
    return split_gene_rows(text, named, "gene_symbol")


def read_xena_survival(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read `survival/*_survival.txt`: the endpoints of TCGA-CDR, times in days.

    Returns:
        survival: sample_id, patient_id (String), then per endpoint `<endpoint>_event` (Int64, 1 = event) and
            `<endpoint>_days` (Float64) in lower case (os, dss, dfi, pfi; null where not known or not in the file),
            redaction (String). One row per sample: a patient with several samples stands several times.
        rejected: source, line, reason, row: a blank or repeated sample, or a negative time.
            Rows in = rows of survival + rows of rejected.

    Raises:
        DataFault: the file is empty or ragged, lacks the column sample, or has an event other than 0 and 1 or a time
            that is no number.
    """
    text = split_text(read_bytes(path), source=path.name)
    text.require(["sample"])
    cells = text.frame(nulls=_MISSING).with_columns(pl.all().str.strip_chars().replace("", None))
    nothing = pl.Series([None] * text.height, dtype=pl.String)
    patients = cells["_PATIENT"] if "_PATIENT" in cells.columns else cells["sample"].str.slice(0, 12)
    columns = [cells["sample"].alias("sample_id"), patients.alias("patient_id")]
    negative = pl.Series([False] * text.height, dtype=pl.Boolean)
    for endpoint in ENDPOINTS:
        event = cells[endpoint] if endpoint in cells.columns else nothing
        number = event.cast(pl.Float64, strict=False)
        wrong = (event.is_not_null() & ~number.is_in([0.0, 1.0]).fill_null(False)).arg_true()
        if len(wrong):
            raise text.cell_fault(event.alias(endpoint), wrong[0], expected="0, 1 or nothing")
        days = _numbers(text, (cells[f"{endpoint}.time"] if f"{endpoint}.time" in cells.columns else nothing))
        negative |= (days < 0).fill_null(False)
        columns += [
            number.cast(pl.Int64).alias(f"{endpoint.lower()}_event"),
            days.alias(f"{endpoint.lower()}_days"),
        ]
    columns.append((cells["Redaction"] if "Redaction" in cells.columns else nothing).alias("redaction"))
    frame = pl.DataFrame(columns)
    blank = frame["sample_id"].is_null()
    repeated = ~frame["sample_id"].is_first_distinct() & ~blank
    reason = (
        pl.DataFrame({"blank": blank, "repeated": repeated, "negative": negative})
        .select(
            pl.when("blank")
            .then(pl.lit("blank sample"))
            .when("repeated")
            .then(pl.lit("repeats the sample of an earlier row, which is kept"))
            .when("negative")
            .then(pl.lit("a time is negative"))
        )
        .to_series()
    )
    rows = reason.is_not_null().arg_true().to_list()
    return frame.filter(reason.is_null()), text.reject(rows, reason.gather(rows).to_list())
