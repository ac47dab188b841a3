"""The HGNC complete set: approved human gene symbols, their former and alias symbols and their ids elsewhere.

Here belongs reading the file (https://www.genenames.org/download/). Resolving symbols does not belong here.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import read_bytes, split_text

_COLUMNS = (
    "hgnc_id",
    "symbol",
    "name",
    "locus_group",
    "locus_type",
    "status",
    "location",
    "alias_symbol",
    "prev_symbol",
    "gene_group",
    "entrez_id",
    "ensembl_gene_id",
    "uniprot_ids",
)
# Columns that older or cut files lack.
_OPTIONAL_COLUMNS = ("refseq_accession",)
_FORMER_NAMES = {"gene_family": "gene_group"}


def read_hgnc(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read hgnc_complete_set.txt (also gzip), of today's layout or of the one before 2019 (gene_family).

    Returns:
        genes: hgnc_id, symbol, name, locus_group, locus_type, status, location, alias_symbol, prev_symbol, gene_group
            (String), entrez_id (Int64), ensembl_gene_id, uniprot_ids, refseq_accession (String). Blank cells are null;
            several values of a cell are joined by `|`, as HGNC writes them. Withdrawn entries stay, with their status.
        rejected: source, line, reason, row: rows without an id or symbol, and a repeated id.
            Rows in = rows of genes + rows of rejected.

    Raises:
        DataFault: the file is empty or ragged, lacks a column, or has an entrez_id that is no whole number.
    """
    text = split_text(read_bytes(path), source=path.name, quoted=True)
    vendor = {_FORMER_NAMES.get(name, name): name for name in text.header}
    text.require(vendor.get(name, name) for name in _COLUMNS)
    frame = text.frame().select(
        *(pl.col(vendor[name]).str.strip_chars().replace("", None).alias(name) for name in _COLUMNS),
        *(
            pl.col(name).str.strip_chars().replace("", None) if name in vendor else pl.lit(None, pl.String).alias(name)
            for name in _OPTIONAL_COLUMNS
        ),
    )
    genes = frame.with_columns(text.whole_numbers(frame["entrez_id"]))
    blank = genes["hgnc_id"].is_null() | genes["symbol"].is_null()
    repeated = ~genes["hgnc_id"].is_first_distinct() & ~blank
    rows = [*blank.arg_true().to_list(), *repeated.arg_true().to_list()]
    reasons = ["blank hgnc_id or symbol"] * int(blank.sum())
    reasons += ["repeats the hgnc_id of an earlier row, which is kept"] * int(repeated.sum())
    return genes.filter(~blank & ~repeated), text.reject(rows, reasons)
