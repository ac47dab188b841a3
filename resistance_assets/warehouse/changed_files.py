"""What a publish writes of a table whose rows stand in the files of partitions: the partitions that changed, no more.

Such a table is brought to its new version in the copy of the published file by deleting the rows of the files that went
and inserting those of the files that came. Which rows those are is told by a key column that has one value in each file
(the study or cohort).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from resistance_assets.catalog.tables import Table
from resistance_assets.orchestration.table_files.unions import range_of
from resistance_assets.warehouse.database import literal, names_in, quoted, rows_of
from resistance_assets.warehouse.published_file import as_in_manifest


@dataclass(frozen=True)
class ChangedFiles:
    """Files of a table that came, how many rows they have, and what tells the rows of those that stay.

    Attributes:
        column: key column with one value in each file.
        stay: its values in the files that stay; all other rows go.
        came: files whose rows are inserted.
        rows: of these files.
    """

    column: str
    stay: tuple[str, ...]
    came: tuple[Path, ...]
    rows: int


def find_changed_files(
    table: Table, before: Mapping[str, Any] | None, files: Sequence[Path], data_dir: Path
) -> ChangedFiles | None:
    """Which of a table's files changed since a release; None where the table is written anew.

    Args:
        table: its model.
        before: what the manifest of the release says of it.
        files: of its present version.
        data_dir: of the manifest.
    """
    if before is None or len(files) < 2:
        return None
    held = set(names_in(before))
    stay = [path for path in files if as_in_manifest(path, data_dir) in held]
    came = [path for path in files if as_in_manifest(path, data_dir) not in held]
    if not stay:
        return None
    for column in table.key:
        ranges = {path: range_of([path], column) for path in files}
        if any(found is None or found[0] != found[1] or not isinstance(found[0], str) for found in ranges.values()):
            continue
        values = {path: found[0] for path, found in ranges.items() if found is not None}
        if len(set(values.values())) == len(files):
            return ChangedFiles(column, tuple(values[one] for one in stay), tuple(came), sum(map(_rows, came)))
    return None


def write_changed_files(connection: duckdb.DuckDBPyConnection, table: Table, changed: ChangedFiles) -> None:
    """Delete the rows of the files that went, and insert those of the files that came."""
    stay = ", ".join(map(literal, changed.stay))
    connection.execute(f'DELETE FROM {quoted(table.address)} WHERE "{changed.column}" NOT IN ({stay})')
    if changed.came:
        connection.execute(f"INSERT INTO {quoted(table.address)} BY NAME SELECT * FROM {rows_of(changed.came)}")


def _rows(path: Path) -> int:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(path).metadata.num_rows
