"""Every table of a data folder and what it holds, to compare two ways of building the same world.

Versions of tables are hashes of their rows, so equal versions are equal rows. What a run notes of itself (times, names
of runs) is left aside: it differs between two runs of one engine too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resistance_assets.orchestration.lake import open_lake
from resistance_assets.warehouse.reader import open_warehouse
from resistance_assets.warehouse.releases import partitions_in, read_manifests

OF_THE_RUN = ("meta",)
"""Schemas of the published file that tell of releases and runs, and not of data."""


@dataclass(frozen=True)
class EveryTable:
    """What a data folder holds; each value says what must be equal, by the name of a table.

    Attributes:
        lake: status, data version and number of rows of every current version, partitions among them.
        release: the same by the manifest of the newest release; of partitions, the key of how they were made.
        file: number of rows and sum of their hashes in the published file.
    """

    lake: Mapping[str, tuple[str, str, int]]
    release: Mapping[str, tuple[str, str, int] | str]
    file: Mapping[str, tuple[int, int]]


def every_table(data_dir: Path) -> EveryTable:
    """What a data folder holds; its lake is where the environment says."""
    lake = open_lake(data_dir)
    currents = {address: lake.current(address) for address in lake.addresses()}
    versions = {name: (one.status, one.data_version, one.rows) for name, one in currents.items() if one is not None}
    manifests = read_manifests(data_dir)
    release: dict[str, tuple[str, str, int] | str] = {}
    file: dict[str, tuple[int, int]] = {}
    if manifests:
        manifest = manifests[max(manifests)]
        release.update(partitions_in(manifest))
        release.update(
            (name, (facts["status"], facts["data_version"], facts["rows"]))
            for name, facts in manifest["tables"].items()
        )
        with contextlib.closing(open_warehouse(data_dir)) as connection:
            found = connection.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary"
            ).fetchall()
            for schema, table in found:
                if schema not in OF_THE_RUN:
                    sums = f'SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM "{schema}"."{table}" AS t'
                    rows, total = connection.execute(sums).fetchall()[0]
                    file[f"{schema}.{table}"] = (int(rows), int(total))
    return EveryTable(versions, release, file)


def differences(one: EveryTable, other: EveryTable) -> list[str]:
    """Where two data folders differ, a line each: where it stands, which table, and both values."""
    return [
        f"{place} {name}: {found.get(name)} and {others.get(name)}"
        for place, found, others in (
            ("lake", one.lake, other.lake),
            ("release", one.release, other.release),
            ("file", one.file, other.file),
        )
        for name in sorted(found.keys() | others.keys())
        if found.get(name) != others.get(name)
    ]
