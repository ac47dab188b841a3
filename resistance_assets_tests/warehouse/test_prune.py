"""Pruning removes what nothing names, and nothing else."""

from __future__ import annotations

import contextlib
import fcntl
import threading
from dataclasses import replace
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest

from resistance_assets.catalog.tables import Table, col
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.lake import Lake, TableVersion
from resistance_assets.warehouse.prune import prune
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import publish
from resistance_assets.warehouse.reader import list_releases, open_warehouse
from resistance_assets.warehouse.release_diff import CHANGES_SCHEMA, diff_releases


class _Values(pa.DataFrameModel):
    gene: pl.String = col("gene's symbol")
    value: pl.Int64 = col("a value", unit="reads")


TABLE = Table("core", "t", "one row per gene", ("gene",), "that it is real", (), 0, _Values, "Described.")


def put(data_dir: Path, value: int) -> int:
    """Build one table and its partition, and publish; returns the release."""
    lake = Lake(data_dir / "lake")
    frame = pl.DataFrame({"gene": ["A", "B"], "value": [value, value]})
    table_versions = {}
    for address in ("parts.t__x", "core.t"):
        key = f"key{value}"
        table_versions[address] = TableVersion(
            address, "available", lake.write(address, frame), "c", "p", {"source:s": str(value)}, 2,
            "2026-01-01T00:00:00+00:00", "run", 0.1, notes={"cache_key": key},
        )  # fmt: skip
        lake.set_current(table_versions[address], key)
    path = lake.path("core.t", table_versions["core.t"].data_version)
    return publish(
        data_dir,
        [Publication(TABLE, table_versions["core.t"], [path], {})],
        meta={},
        code_revision="1",
        settings={},
        partitions={"parts.t__x": f"key{value}"},
        changes=lambda before, after: diff_releases(data_dir, before, after).as_frame(),
    ).release


def files(data_dir: Path, pattern: str) -> int:
    return len(list((data_dir / "lake").glob(pattern)))


def read(data_dir: Path, release: int | None) -> list[tuple]:
    with contextlib.closing(open_warehouse(data_dir, release)) as connection:
        return connection.execute("SELECT value FROM core.t ORDER BY gene").fetchall()


@pytest.mark.slow
def test_old_releases_go_and_what_is_kept_stays_readable(tmp_path):
    assert [put(tmp_path, value) for value in (1, 2, 3, 4)] == [1, 2, 3, 4]
    pruned = prune(tmp_path, keep=2)
    assert (pruned.releases, pruned.kept_releases) == ((1, 2), (3, 4))
    # Two tables, and the partitions of all but the current version; the records of what is kept stay.
    assert (pruned.parquet_files, pruned.records) == (2 + 3, 2 * 2)
    assert sorted(list_releases(tmp_path)) == [3, 4]
    assert sorted(path.name for path in (tmp_path / "releases").glob("*.json")) == ["3.json", "4.json"]
    assert read(tmp_path, 3) == [(3,), (3,)]
    assert read(tmp_path, None) == [(4,), (4,)]
    assert files(tmp_path, "core/t/*.parquet") == 2
    # A partition of a kept release is not readable in it, but how it was made is: causes are told from that.
    manifests = list_releases(tmp_path)
    (cause,) = diff_releases(tmp_path, manifests[3], manifests[4]).causes
    assert (cause.before, cause.after) == ("3", "4")


def test_pruning_again_finds_nothing(tmp_path):
    for value in (1, 2):
        put(tmp_path, value)
    prune(tmp_path, keep=1)
    again = prune(tmp_path, keep=1)
    assert (again.releases, again.parquet_files, again.records, again.bytes_freed) == ((), 0, 0, 0)
    assert "no release" in again.describe()


@pytest.mark.slow
def test_numbers_go_on_and_the_pruned_do_not_come_back(tmp_path):
    for value in (1, 2, 3):
        put(tmp_path, value)
    prune(tmp_path, keep=1)
    assert put(tmp_path, 9) == 4
    assert sorted(list_releases(tmp_path)) == [3, 4]
    assert sorted(path.stem for path in (tmp_path / "releases").glob("*.json")) == ["3", "4"]


def test_a_current_result_stays_although_no_release_holds_it(tmp_path):
    put(tmp_path, 1)
    lake = Lake(tmp_path / "lake")
    frame = pl.DataFrame({"gene": ["A"], "value": [7]})
    version = lake.write("core.t", frame)
    lake.set_current(
        TableVersion("core.t", "available", version, "c", "p", {}, 1, "", "", 0.0, notes={"cache_key": "k"}), "k"
    )
    orphan = lake.write("core.t", frame.with_columns(value=pl.lit(8, pl.Int64)))
    prune(tmp_path, keep=1)
    assert lake.path("core.t", version).is_file()
    assert lake.lookup("core.t", "k") is not None
    assert not lake.path("core.t", orphan).is_file()
    assert read(tmp_path, 1) == [(1,), (1,)]


@pytest.mark.slow
def test_what_a_release_changed_stays_when_it_goes(tmp_path):
    for value in (1, 2, 3):
        put(tmp_path, value)
    prune(tmp_path, keep=1)
    with contextlib.closing(open_warehouse(tmp_path)) as connection:
        found = connection.execute("SELECT DISTINCT release FROM meta.release_changes ORDER BY release").fetchall()
        releases = connection.execute("SELECT release FROM meta.releases").fetchall()
        columns = [name for name, *_ in connection.execute("DESCRIBE meta.release_changes").fetchall()]
    assert found == [(2,), (3,)]
    assert releases == [(3,)]
    assert columns == list(CHANGES_SCHEMA)


def test_pruning_waits_for_whoever_reads_and_says_so(tmp_path):
    put(tmp_path, 1)
    put(tmp_path, 2)
    lake = Lake(tmp_path / "lake")
    said, done = threading.Event(), []
    with (lake.root / ".in_use.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        pruning = threading.Thread(target=lambda: done.append(prune(tmp_path, keep=1, waiting=lambda _: said.set())))
        pruning.start()
        assert said.wait(60)
        assert not done
        assert files(tmp_path, "core/t/*.parquet") == 2
    pruning.join(60)
    assert done[0].releases == (1,)


def test_there_must_be_something_to_keep(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        prune(tmp_path, keep=0)
    with pytest.raises(DataFault, match="nothing was published"):
        prune(tmp_path, keep=1)


def test_what_an_earlier_version_left_under_another_name_goes_and_no_current_table_does(tmp_path):
    put(tmp_path, 1)
    lake = Lake(tmp_path / "lake")
    old = lake.current("parts.t__x")
    lake.set_current(
        replace(old, address="parts.old_name__x", data_version=lake.write("parts.old_name__x", pl.DataFrame())), "k"
    )
    prune(tmp_path, keep=1, is_known=lambda name: not name.startswith("parts.old_name"))
    assert lake.addresses() == ["core.t", "parts.t__x"]
    assert files(tmp_path, "parts/old_name__x/*.parquet") == 0
    assert read(tmp_path, None) == [(1,), (1,)]
