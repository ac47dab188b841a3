"""`raw.rejected_rows`: what was set aside while sources and studies were read, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from resistance_assets.connectors.formats.rejected_rows import REJECTED
from resistance_assets.orchestration.partitions import union_of
from resistance_assets.orchestration.steps import Step


def number_rows(stacked: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Rejected rows of one file that several steps read, numbered through."""
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("table_name", "source")
    return stacked.with_columns(row_number=number)


def union_of_rejected(steps: Iterable[Step]) -> Step:
    """The union of all rejected rows that ``steps`` write, in the order of the names of the partitions."""
    parts = sorted(name for step in steps for name, table in step.outputs.items() if table == REJECTED)
    return union_of(REJECTED.address, parts, number_rows)
