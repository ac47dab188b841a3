"""Protein links of STRING, with the names of the proteins.

Here belongs reading the downloads (https://string-db.org/cgi/download). Choosing a score does not belong here.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import read_bytes, split_text

LINK_SCHEMA: dict[str, type[pl.DataType]] = {
    "protein_a": pl.String,
    "protein_b": pl.String,
    "combined_score": pl.Int64,
}


def read_string_links(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read `9606.protein.links.v12.0.txt.gz`: separated by blanks, each pair in both directions.

    Returns:
        links: protein_a, protein_b (`9606.ENSP...`, a before b in the alphabet), combined_score (Int64, 0 to 1000);
            each pair once.
        rejected: source, line, reason, row: a pair that stands a second time in the same direction, or with another
            score in the other direction. The second direction of a pair that agrees is no rejected row.

    Raises:
        DataFault: the file is empty or ragged, lacks a column, or has a score that is no number from 0 to 1000.
        TransportFault: the gzip is damaged.
    """
    text = split_text(read_bytes(path), source=path.name, separator=" ")
    text.require(["protein1", "protein2", "combined_score"])
    try:
        frame = text.frame(schema={"combined_score": pl.Int64})
    except pl.exceptions.ComputeError:
        cells = text.frame()
        frame = cells.with_columns(text.whole_numbers(cells["combined_score"]))
    score = frame["combined_score"]
    wrong = (score.is_null() | (score < 0) | (score > 1000)).arg_true()
    if len(wrong):
        raise text.cell_fault(score, wrong[0], expected="a whole number from 0 to 1000")
    first, second = frame["protein1"], frame["protein2"]
    forward = (first < second).fill_null(False)
    pairs = pl.DataFrame(
        {
            "protein_a": pl.select(pl.min_horizontal(first, second)).to_series(),
            "protein_b": pl.select(pl.max_horizontal(first, second)).to_series(),
            "combined_score": score,
            "forward": forward,
            "row": pl.int_range(frame.height, eager=True),
        }
    )
    blank = (first.is_null() | second.is_null()).arg_true().to_list()
    keyed = pairs.filter(pl.col("protein_a").is_not_null() & ~pl.col("row").is_in(blank))
    again = keyed.filter(~pl.struct("protein_a", "protein_b", "forward").is_first_distinct())
    once = keyed.filter(pl.struct("protein_a", "protein_b", "forward").is_first_distinct())
    kept = once.filter(pl.struct("protein_a", "protein_b").is_first_distinct())
    other = once.filter(~pl.struct("protein_a", "protein_b").is_first_distinct()).join(
        kept.select("protein_a", "protein_b", pl.col("combined_score").alias("first_score")),
        on=["protein_a", "protein_b"],
        maintain_order="left",
    )
    differs = other.filter(pl.col("combined_score") != pl.col("first_score"))["row"].to_list()
    rows = [*blank, *again["row"].to_list(), *differs]
    reasons = ["blank protein"] * len(blank) + ["repeats an earlier pair, which is kept"] * again.height
    reasons += ["has another score in the other direction, and the first is kept"] * len(differs)
    return kept.select(list(LINK_SCHEMA)).sort("protein_a", "protein_b"), text.reject(rows, reasons)


def read_string_names(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read `9606.protein.info.v12.0.txt.gz`: protein_id, gene_symbol (STRING's preferred name, not always approved;
    null where blank).

    Returns the names and the rejected rows (a blank or repeated protein). Raises DataFault if a column is missing or
    the file is ragged, TransportFault if the gzip is damaged.
    """
    text = split_text(read_bytes(path), source=path.name)
    protein = next(
        (name for name in text.header if name.lstrip("#") in ("string_protein_id", "protein_external_id")), ""
    )
    text.require([protein or "#string_protein_id", "preferred_name"])
    frame = text.frame().select(
        pl.col(protein).str.strip_chars().alias("protein_id"),
        pl.col("preferred_name").str.strip_chars().alias("gene_symbol"),
    )
    return text.first_of_each(frame, "protein_id")


def named_links(links: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Links with symbols: symbol_a, symbol_b (null where the protein has no name), combined_score."""
    symbols = dict(names.rows())
    return links.select(
        pl.col("protein_a").replace_strict(symbols, default=None, return_dtype=pl.String).alias("symbol_a"),
        pl.col("protein_b").replace_strict(symbols, default=None, return_dtype=pl.String).alias("symbol_b"),
        "combined_score",
    )
