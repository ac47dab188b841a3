"""Tables of cells per sample and type, of studies that publish nothing else of their cells."""

from __future__ import annotations

import polars as pl

from resistance_assets.catalog.models.lab_study import LocalStudy
from resistance_assets.connectors.single_cell.study import read_table
from resistance_assets.errors import DataFault

SAMPLE = "sample_id"
WHOLE = r"^\d+$"


def read_type_counts(local: LocalStudy, name: str) -> pl.DataFrame:
    """sample_id, cell_type, n of every sample of the study.

    The table has a row per sample, named in the column sample_id or else in the first one, and a column per type.

    Raises:
        DataFault: a sample is missing or stands twice, a value is no whole number of 0 or more, a sample has no cell.
    """
    subject = f"{local.id}/{name}"
    table = read_table(local, name)
    given = set(local.study.label_columns.values())
    key = SAMPLE if SAMPLE in table.columns else table.columns[0]
    types = [column for column in table.columns if column != key and column not in given]
    if not types:
        raise DataFault(
            "has no column of a cell type",
            subject=subject,
            expected="a row per sample, a column per type",
            remedy="Give the table as it was published, types in columns.",
        )
    samples = [one.id for one in local.file.sample]
    own = table.filter(pl.col(key).is_in(samples))
    for sample in samples:
        n = own.filter(pl.col(key) == sample).height
        if n != 1:
            raise DataFault(
                f"sample {sample} {'has no row' if n == 0 else f'stands in {n} rows'}",
                subject=subject,
                expected=f"one row of each, such as {', '.join(table[key].drop_nulls().head(6))}",
                remedy="Correct the sample's id in study.toml, or the table.",
            )
    long = own.unpivot(types, index=key, variable_name="cell_type", value_name="n").rename({key: SAMPLE})
    wrong = long.filter(~pl.col("n").str.contains(WHOLE).fill_null(False))
    if wrong.height:
        row = wrong.row(0, named=True)
        raise DataFault(
            f"{row['n']!r} cells of {row['cell_type'][:40]} in {row[SAMPLE]}",
            subject=subject,
            expected="whole numbers of cells, 0 where there are none",
            remedy="Give counts of cells, not shares.",
        )
    found = long.with_columns(pl.col("n").cast(pl.Int64))
    empty = found.group_by(SAMPLE).agg(pl.col("n").sum()).filter(pl.col("n") == 0)
    if empty.height:
        raise DataFault(
            f"sample {empty[SAMPLE][0]} has no cell", subject=subject, remedy="Leave the sample out of study.toml."
        )
    return found
