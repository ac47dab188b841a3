"""Clinical evidence summaries of CIViC (https://civicdb.org/releases; contents CC0).

Here belongs reading the tab-separated file as its host writes it. Taking molecular profiles apart does not belong here.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from resistance_assets.connectors.formats.delimited import read_bytes, split_text

COLUMNS = (
    "molecular_profile",
    "disease",
    "doid",
    "therapies",
    "therapy_interaction_type",
    "evidence_type",
    "evidence_direction",
    "evidence_level",
    "significance",
    "citation_id",
    "source_type",
    "evidence_status",
    "evidence_id",
)
LEVELS = ("A", "B", "C", "D", "E")
"""Validated, clinical, case study, preclinical, inferential."""


def read_civic(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Evidence items of a summary file.

    Returns:
        items: `COLUMNS` (String; evidence_id Int64), null where blank; each evidence_id once.
        rejected: source, line, reason, row. Rows in = rows of items + rows of rejected.

    Raises:
        DataFault: the file is empty, ragged, lacks a column, or has an evidence id that is no whole number.
    """
    text = split_text(read_bytes(path), source=path.name)
    text.require(COLUMNS)
    cells = text.frame(nulls=["N/A", "NA"]).select(COLUMNS).with_columns(pl.all().str.strip_chars().replace("", None))
    frame = cells.with_columns(text.whole_numbers(cells["evidence_id"]).alias("evidence_id"))
    reasons = frame.select(
        pl.when(pl.col("evidence_id").is_null())
        .then(pl.lit("no evidence id"))
        .when(pl.col("molecular_profile").is_null())
        .then(pl.lit("no molecular profile is named"))
        .when(~pl.col("evidence_level").is_in(LEVELS) | pl.col("evidence_level").is_null())
        .then(pl.lit("the evidence level is none of A, B, C, D and E"))
        .when(~pl.col("evidence_id").is_first_distinct())
        .then(pl.lit("repeats the evidence id of an earlier row, which is kept"))
        .alias("reason")
    )["reason"]
    bad = reasons.is_not_null().arg_true().to_list()
    return frame.filter(reasons.is_null()), text.reject(bad, [str(reasons[row]) for row in bad])
