"""Published lists of cancer genes: the Bushman laboratory's allOnco and OncoKB's cancer gene list.

Here belongs reading the files as their hosts write them. Mapping symbols to approved ones does not belong here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import (
    DelimitedText,
    missing_column,
    read_bytes,
    split_text,
)

LIST_SEPARATOR = "|"
"""Joins several names in one cell, in every frame of this module, whatever the host uses."""

_ALLONCO_COLUMNS = {
    "symbol": "symbol",
    "prevSymbols": "previous_symbols",
    "synonyms": "synonyms",
    "name": "name",
    "refSeqName": "refseq_name",
}


def read_allonco(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The allOnco list of 2017 to 2021 (http://www.bushmanlab.org/links/genelists).

    Written by R: quoted, tab-separated, with row numbers that the header does not name (five names, six fields).

    Returns:
        genes: row_number (Int64), symbol, previous_symbols, synonyms, name, refseq_name (String; null where blank or
            NA; several names are joined by `|`). Each symbol once.
        rejected: source, line, reason, row. Rows in = rows of genes + rows of rejected.

    Raises:
        DataFault: the file is empty, ragged, lacks a column, or has a row number that is no whole number.
    """
    text = split_text(read_bytes(path), source=path.name, quoted=True, unnamed_first="row")
    text.require(_ALLONCO_COLUMNS)
    frame = text.frame(nulls=["NA"])
    if "row" in frame.columns:
        numbers = text.whole_numbers(frame["row"])
    else:
        numbers = pl.Series(range(1, frame.height + 1), dtype=pl.Int64)
    genes = frame.select(
        numbers.alias("row_number"),
        *[pl.col(vendor).str.strip_chars().replace("", None).alias(ours) for vendor, ours in _ALLONCO_COLUMNS.items()],
    ).with_columns(_pipes("previous_symbols"), _pipes("synonyms"))
    return _one_row_per_symbol(genes, text)


def _pipes(column: str) -> pl.Expr:
    return pl.col(column).str.replace_all(r"\s*,\s*", LIST_SEPARATOR)


def _one_row_per_symbol(genes: pl.DataFrame, text: DelimitedText) -> tuple[pl.DataFrame, pl.DataFrame]:
    blank = genes["symbol"].is_null()
    repeated = ~genes["symbol"].is_first_distinct() & ~blank
    rows = [*blank.arg_true().to_list(), *repeated.arg_true().to_list()]
    reasons = ["blank symbol"] * int(blank.sum())
    reasons += ["repeats the symbol of an earlier row, which is kept"] * int(repeated.sum())
    return genes.filter(~blank & ~repeated), text.reject(rows, reasons)


# Vendor's column (by prefix, because counters, versions and dates in the names drift) to ours.
_ONCOKB_TEXT = {
    "Hugo Symbol": "symbol",
    "Entrez Gene ID": "entrez_gene_id",
    "GRCh37 Isoform": "grch37_isoform",
    "GRCh37 RefSeq": "grch37_refseq",
    "GRCh38 Isoform": "grch38_isoform",
    "GRCh38 RefSeq": "grch38_refseq",
    "# of occurrence within resources": "n_resources",
    "Gene Type": "gene_type",
    "Gene Aliases": "synonyms",
}
_ONCOKB_FLAGS = {
    "OncoKB Annotated": "oncokb_annotated",
    "Is Oncogene": "is_oncogene",
    "Is Tumor Suppressor Gene": "is_tumor_suppressor",
    "MSK-IMPACT": "in_msk_impact",
    "MSK-HEME": "in_msk_heme",
    "FOUNDATION ONE HEME": "in_foundation_one_heme",
    "FOUNDATION ONE": "in_foundation_one",
    "Vogelstein": "in_vogelstein",
    "SANGER CGC": "in_cosmic_cgc",
    "COSMIC CGC": "in_cosmic_cgc",
}
_ONCOKB_REQUIRED = ("Hugo Symbol", "Entrez Gene ID")


def read_oncokb(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """OncoKB's cancer gene list as text (https://www.oncokb.org/cancer-genes). Academic use; not to be redistributed.

    Older releases have the columns Is Oncogene and Is Tumor Suppressor Gene, newer ones Gene Type; either is turned
    into the two flags, and gene_type is null in the older ones.

    Returns:
        genes: symbol (String), entrez_gene_id (Int64), grch37_isoform, grch37_refseq, grch38_isoform, grch38_refseq
            (String), n_resources (Int64), gene_type, synonyms (String, joined by `|`), oncokb_annotated, is_oncogene,
            is_tumor_suppressor, in_msk_impact, in_msk_heme, in_foundation_one_heme, in_foundation_one, in_vogelstein,
            in_cosmic_cgc (Boolean, null where the release has no such column).
        rejected: source, line, reason, row. Rows in = rows of genes + rows of rejected.

    Raises:
        DataFault: the file is empty or ragged, lacks the symbol or Entrez column, or a flag is neither Yes nor No.
    """
    text = split_text(read_bytes(path), source=path.name)
    found = {prefix: _by_prefix(prefix, text.header) for prefix in (*_ONCOKB_TEXT, *_ONCOKB_FLAGS)}
    for prefix in _ONCOKB_REQUIRED:
        if found[prefix] is None:
            raise missing_column(prefix, text.header, source=path.name)
    frame = text.frame(nulls=["NA", "null"]).with_columns(pl.all().str.strip_chars().replace("", None))
    columns: dict[str, pl.Series] = {}
    for prefix, ours in _ONCOKB_TEXT.items():
        vendor = found[prefix]
        values = frame[vendor] if vendor else pl.Series([None] * frame.height, dtype=pl.String)
        columns[ours] = text.whole_numbers(values) if ours in ("entrez_gene_id", "n_resources") else values
    for prefix, ours in _ONCOKB_FLAGS.items():
        vendor = found[prefix]
        if vendor or ours not in columns:
            columns[ours] = (
                _flags(frame[vendor], text) if vendor else pl.Series([None] * frame.height, dtype=pl.Boolean)
            )
    genes = pl.DataFrame([values.alias(name) for name, values in columns.items()]).with_columns(_pipes("synonyms"))
    if found["Gene Type"]:
        kind = pl.col("gene_type").str.to_uppercase()
        genes = genes.with_columns(
            kind,
            kind.str.contains("ONCOGENE").alias("is_oncogene"),
            kind.str.contains("TSG|TUMOR SUPPRESSOR").alias("is_tumor_suppressor"),
        )
    return _one_row_per_symbol(genes, text)


def _by_prefix(prefix: str, header: Sequence[str]) -> str | None:
    """The column of that name, else the first that starts so and is not itself the exact name of another one."""
    if prefix in header:
        return prefix
    known = {*_ONCOKB_TEXT, *_ONCOKB_FLAGS}
    return next((name for name in header if name.startswith(prefix) and name not in known), None)


def _flags(values: pl.Series, text: DelimitedText) -> pl.Series:
    flags = values.str.to_lowercase().replace_strict({"yes": True, "no": False}, default=None, return_dtype=pl.Boolean)
    wrong = (values.is_not_null() & flags.is_null()).arg_true()
    if len(wrong):
        raise text.cell_fault(values, wrong[0], expected="Yes, No or nothing")
    return flags
