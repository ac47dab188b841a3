"""Unions of partitions: their rows read one partition after the other, or left in the partitions' files.

A large union is a list of its partitions' files. That asks that nothing would be found in the stacked table that is not
known of the partitions: each was checked by the table's present model, and no key can stand in two of them, which the
smallest and largest value of a key column in each file tell (the id of the study or cohort is such a column).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from resistance_assets.errors import DataFault
from resistance_assets.orchestration.table_files.content import Content, content_of, content_of_union
from resistance_assets.orchestration.table_files.file_list import ListedFile

if TYPE_CHECKING:
    from resistance_assets.catalog.tables import Table
    from resistance_assets.orchestration.lake import Lake, TableVersion
    from resistance_assets.orchestration.steps import Inputs

LISTED_ROWS = 1_000_000
"""A union of fewer rows is one file: many small files cost more to open than their rows to copy."""
LISTED_ROWS_PER_PARTITION = 10_000

MODEL = "model"
"""Among the notes of a record: version of the table model that the rows were checked by."""


@dataclass(frozen=True)
class ListedRows:
    """Rows of a table that stand in these files of the lake, and their content."""

    files: tuple[ListedFile, ...]
    content: Content


def list_rows(
    lake: Lake, table: Table, partitions: Sequence[str], table_versions: Mapping[str, TableVersion]
) -> ListedRows | None:
    """A union as a list of its partitions' files; None where it is small, or where its rows must be read to be checked.

    Args:
        lake: holds the partitions.
        table: the union's.
        partitions: names of its partitions, in the order of their rows.
        table_versions: of those that are there.
    """
    there = [table_versions[one] for one in partitions if one in table_versions and table_versions[one].is_available]
    held = [one for one in there if one.rows]
    rows = sum(one.rows for one in held)
    if rows < max(LISTED_ROWS, table.min_rows) or rows < LISTED_ROWS_PER_PARTITION * len(held):
        return None
    wanted = list(table.polars_schema.items())
    if any(list(lake.schema(one.address, one.data_version).items()) != wanted for one in there):
        return None
    if not all(_is_checked(lake, table, one) for one in held):
        return None
    files = [lake.intact_files(one.address, one.data_version) for one in held]
    if not any(_are_apart([range_of(paths, name) for paths in files]) for name in table.key):
        return None
    listed = [file for one in held for file in lake.listed_files(one.address, one.data_version)]
    return ListedRows(tuple(listed), content_of_union([lake.content(one) for one in held]))


def _is_checked(lake: Lake, table: Table, partition: TableVersion) -> bool:
    """Whether a partition's rows are as the table's present model asks, by its record or else by reading it."""
    if partition.notes.get(MODEL) == table.model_version:
        return True
    from resistance_assets.orchestration.checks import validate

    frame = lake.read_version(partition.address, partition.data_version)
    if content_of(table.shape(frame)) != lake.content(partition):
        return False
    return all(result.passed for result in validate(table, frame, may_be_empty=True))


def range_of(paths: Iterable[Path], column: str) -> tuple[Any, Any] | None:
    """Smallest and largest value of a column by what its files say of themselves; None where they do not."""
    import pyarrow.parquet

    found: list[tuple[Any, Any]] = []
    for path in paths:
        metadata = pyarrow.parquet.ParquetFile(path).metadata
        at = metadata.schema.to_arrow_schema().get_field_index(column)
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(at).statistics
            if statistics is None or not statistics.has_min_max or statistics.null_count:
                return None
            found.append((statistics.min, statistics.max))
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def _are_apart(ranges: Sequence[tuple[Any, Any] | None]) -> bool:
    """Whether no value lies in two of the ranges."""
    if len(ranges) < 2:
        return True
    known = sorted(one for one in ranges if one is not None)
    return len(known) == len(ranges) and all(before[1] < after[0] for before, after in itertools.pairwise(known))


def read_partitions(inputs: Inputs, partitions: Iterable[str], table: Table) -> pl.DataFrame:
    """Rows of the partitions that are there, one after the other; no rows of the table's columns where none is.

    Raises:
        DataFault: an earlier release of the package wrote a partition without a column that must have a value.
    """
    frames = [
        _with_todays_columns(inputs.scan(partition), partition, table)
        for partition in partitions
        if inputs.has(partition)
    ]
    return pl.concat(frames).collect() if frames else table.empty()


def _with_todays_columns(frame: pl.LazyFrame, partition: str, table: Table) -> pl.LazyFrame:
    """A partition's rows in its table's columns.

    They differ where an earlier release wrote it and its source cannot be had now, so that it is kept as it is.
    """
    stored, wanted = frame.collect_schema(), table.polars_schema
    if list(stored.items()) == list(wanted.items()):
        return frame
    if lacking := [one.name for one in table.columns if one.name not in stored and not one.nullable]:
        raise DataFault(
            f"an earlier release wrote it without the column {lacking[0]}, and its source cannot be had now",
            subject=partition,
            remedy="Run `resistance run` again when its source can be had; see `resistance sources`.",
        )
    return frame.select(
        pl.col(name).cast(dtype) if name in stored else pl.lit(None, dtype).alias(name)
        for name, dtype in wanted.items()
    )
