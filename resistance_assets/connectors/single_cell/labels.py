"""Labels of cells: which type the authors gave each barcode of each sample."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from resistance_assets.errors import DataFault

UNLABELLED = "unlabelled"


class MatchedLabels(NamedTuple):
    """Labels beside the cells.

    Attributes:
        cells: the cells with the label columns; null where there is no label.
        matched: cells with a label; share: of all cells.
        note: what did not match, in words; None where all did.
    """

    cells: pl.DataFrame
    matched: int
    share: float
    note: str | None


def match_labels(cells: pl.DataFrame, labels: pl.DataFrame, *, subject: str) -> MatchedLabels:
    """Join labels to cells by sample and barcode.

    Args:
        cells: sample_id, barcode.
        labels: barcode, cell_type, further columns, and sample_id where a barcode occurs in several samples.
        subject: the file of labels, named in errors.

    Raises:
        DataFault: no label matches; a column is missing; barcodes are ambiguous without a sample; a cell has two
            labels.
    """
    for name in ("barcode", "cell_type"):
        if name not in labels.columns:
            raise DataFault(
                f"column {name} is missing",
                subject=subject,
                expected="sample_id, barcode, cell_type",
                remedy="Name the column so, or map it in study.toml.",
            )
    key = ["sample_id", "barcode"] if "sample_id" in labels.columns else ["barcode"]
    if key == ["barcode"]:
        _refuse_ambiguous(cells, labels, subject)
    repeated = labels.filter(pl.struct(key).is_duplicated())
    if repeated.height:
        first = repeated.row(0, named=True)
        raise DataFault(
            f"barcode {first['barcode'][:40]} has several labels",
            subject=subject,
            expected="one row per cell",
            remedy="Keep one label of each cell.",
        )
    joined = cells.join(labels, on=key, how="left", maintain_order="left")
    matched = joined.height - joined["cell_type"].null_count()
    if matched == 0 and cells.height:
        raise DataFault(
            f"none of {labels.height:,} labels is of one of {cells.height:,} barcodes (such as "
            f"{labels['barcode'][0] if labels.height else 'none'} and {cells['barcode'][0]})",
            subject=subject,
            expected="the barcodes of the matrix, with their suffix",
            remedy="Correct the suffix of the barcodes (-1, -2), or the names of the samples.",
        )
    share = matched / cells.height if cells.height else 0.0
    note = None
    if matched < joined.height:
        note = f"{matched:,} of {joined.height:,} barcodes ({100 * share:.0f} %) have a label; the rest is {UNLABELLED}"
    return MatchedLabels(joined, matched, share, note)


def _refuse_ambiguous(cells: pl.DataFrame, labels: pl.DataFrame, subject: str) -> None:
    several = cells.group_by("barcode").agg(n=pl.col("sample_id").n_unique()).filter(pl.col("n") > 1)
    ambiguous = labels.filter(pl.col("barcode").is_in(several["barcode"].to_list()))
    if ambiguous.height:
        raise DataFault(
            f"{ambiguous['barcode'].n_unique()} barcodes occur in several samples (such as {ambiguous['barcode'][0]})",
            subject=subject,
            expected="a column sample_id beside barcode",
            remedy="Add the sample of each label.",
        )
