"""A union that is a list of files, in a lake of objects: read, published, pruned and mended as in a folder."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from resistance_assets.orchestration.lake import Lake, open_lake
from resistance_assets.orchestration.steps import run_step
from resistance_assets.orchestration.stores.objects import ObjectStore
from resistance_assets.orchestration.table_files import unions
from resistance_assets.warehouse.prune import prune
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import publish
from resistance_assets_tests.every_table import every_table
from resistance_assets_tests.orchestration.table_files.test_unions import (
    COHORTS,
    NAMES,
    TABLE,
    UNION,
    calls,
    partition,
    stacked,
)
from resistance_assets_tests.warehouse_runs import ask

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("aws")]
ROWS = 400


@pytest.fixture(autouse=True)
def lists_are_for_small_tables_too(monkeypatch) -> None:
    monkeypatch.setattr(unions, "LISTED_ROWS", 2 * ROWS)
    monkeypatch.setattr(unions, "LISTED_ROWS_PER_PARTITION", 10)


@pytest.fixture
def in_store(object_host, monkeypatch, tmp_path) -> str:
    """The lake of every data folder is one of objects."""
    address = object_host.lake(tmp_path.name.replace("[", "").replace("]", ""))
    monkeypatch.setenv("RESISTANCE_LAKE", address)
    return address


def build(lake: Lake, shifts: dict[str, int]) -> None:
    for cohort in COHORTS:
        run_step(lake, partition(cohort, calls(cohort, shifts.get(cohort, 0), ROWS)))
    run_step(lake, UNION)


def publish_union(data_dir: Path) -> list[Path]:
    lake = open_lake(data_dir)
    version = lake.current(TABLE.address)
    files = lake.intact_files(TABLE.address, version.data_version)
    publish(data_dir, [Publication(TABLE, version, files, {})], meta={}, code_revision="1", settings={})
    return files


def expected(shifts: dict[str, int]) -> pl.DataFrame:
    return stacked(*(calls(cohort, shifts.get(cohort, 0), ROWS) for cohort in COHORTS))


def releases_in_turn(data_dir: Path) -> list[str]:
    """Three releases, of which the oldest is pruned; names of the files that are left of partitions."""
    for shift in range(3):
        build(open_lake(data_dir), {"b": shift})
        publish_union(data_dir)
    pruned = prune(data_dir, keep=2)
    assert pruned.releases == (1,)
    return sorted(entry.key for entry in open_lake(data_dir).store.list("parts") if entry.key.endswith(".parquet"))


def test_three_releases_and_a_pruning_leave_what_they_leave_in_a_folder(tmp_path, object_host, monkeypatch):
    in_folder, objects, reader = tmp_path / "folder", tmp_path / "objects", tmp_path / "reader"
    files = releases_in_turn(in_folder)
    found = every_table(in_folder)
    assert len(files) == len(COHORTS) + 1, "of b the two that are kept"

    monkeypatch.setenv("RESISTANCE_LAKE", object_host.lake("listed_unions"))
    # Nothing is younger than a pruning spares.
    monkeypatch.setattr(open_lake(objects).store, "grace", timedelta(0))
    assert releases_in_turn(objects) == files
    assert every_table(objects) == found
    assert not (objects / "lake").exists()
    lake = open_lake(reader)
    assert lake.damage_of(TABLE.address, read_all=True) is None
    assert not list((reader / "cache" / "lake" / "staging").glob("*/*.parquet")), "no copy of the union"
    assert every_table(reader) == found
    rows = ask(reader, f"SELECT * FROM {TABLE.address} ORDER BY ALL")
    assert rows.equals(expected({"b": 2}).sort(pl.all()))


def test_polars_and_duckdb_read_its_files_from_another_data_folder(in_store, tmp_path, monkeypatch):
    build(open_lake(tmp_path / "one"), {})
    lake = open_lake(tmp_path / "two")
    assert lake.schema(TABLE.address, lake.current(TABLE.address).data_version) == TABLE.polars_schema
    assert list((tmp_path / "two").rglob("*.parquet")) == [], "columns are read without a file"
    one = lake.scan(TABLE.address).filter(pl.col("cohort_id") == "c").collect()
    assert one.equals(calls("c", rows=ROWS))
    files = lake.current_files(TABLE.address)
    assert [path.parent.name for path in files] == [name.partition(".")[2] for name in NAMES.values()]
    query = "SELECT cohort_id, count(*) FROM read_parquet(?) GROUP BY cohort_id ORDER BY cohort_id"
    counted = duckdb.execute(query, [[str(path) for path in files]]).fetchall()
    assert counted == [(cohort, ROWS) for cohort in COHORTS]
    monkeypatch.setattr(ObjectStore, "_fetch", pytest.fail)
    assert lake.read(TABLE.address).equals(expected({})), "each file was fetched once"


@pytest.mark.parametrize("damage", ["copy changed", "object changed", "object gone", "list gone"])
def test_damage_of_a_listed_file_is_noticed_and_mended(in_store, tmp_path, damage):
    first = open_lake(tmp_path / "one")
    build(first, {})
    lake = open_lake(tmp_path / "two")
    lake.read(TABLE.address)
    version = lake.current(TABLE.address).data_version
    key = lake.key(NAMES["b"], f"{lake.current(NAMES['b']).data_version}.parquet")
    assert isinstance(lake.store, ObjectStore)
    if damage == "copy changed":
        lake.store.place(key).write_bytes(b"PAR1")
    elif damage == "object changed":
        sha256 = lake.store._client.get(key, options={"head": True}).attributes["sha256"]
        lake.store._client.put(key, b"PAR1 something else", attributes={"sha256": sha256})
    else:
        lake.store._client.delete(key if damage == "object gone" else lake.list_key(TABLE.address, version))
    reader = open_lake(tmp_path / "three")
    damaged = reader.damage_of(TABLE.address, read_all=True)
    assert (damaged is None) is (damage == "copy changed")
    with reader.in_use():
        build(reader, {})
    for folder in ("two", "three"):
        again = open_lake(tmp_path / folder)
        with again.in_use():
            assert again.read(TABLE.address).equals(expected({}))
            assert again.current(TABLE.address).data_version == version
