"""Publishing into an object store: one record says which file is current, and data folders keep copies of it."""

from __future__ import annotations

import contextlib
import json
import re

import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.lake import open_lake
from resistance_assets.orchestration.steps import Step, run_step
from resistance_assets.orchestration.stores.opening import open_objects
from resistance_assets.warehouse import published_file as published_file_module
from resistance_assets.warehouse.prune import prune
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import publish
from resistance_assets.warehouse.published_file import published_file, warehouse_path
from resistance_assets.warehouse.reader import list_releases, open_warehouse
from resistance_assets.warehouse.release_diff import diff_releases
from resistance_assets.warehouse.releases import read_manifests
from resistance_assets_tests.warehouse.test_publish import frame, table

ADDRESS = "core.t"


@pytest.fixture
def lake_in_store(object_host, monkeypatch, request) -> None:
    for name, value in object_host.environment.items():
        monkeypatch.setenv(name, value)
    name = re.sub(r"[^a-z0-9_]", "-", request.node.name.lower())
    monkeypatch.setenv("RESISTANCE_LAKE", object_host.lake(f"published/{name}"))


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lake_in_store")]


def step(value: int) -> Step:
    return Step({ADDRESS: table(ADDRESS)}, lambda inputs: frame(value), code_version="v1", parameters=value)


def put(data_dir, value: int, *, revision: str = "1"):
    """Build the one table with this value and publish it."""
    lake = open_lake(data_dir)
    run_step(lake, step(value))
    current = lake.current(ADDRESS)
    assert current is not None
    files = lake.intact_files(ADDRESS, current.data_version)
    publications = [Publication(table(ADDRESS), current, files, {})]
    return publish(data_dir, publications, meta={}, code_revision=revision, settings={})


def value_in(data_dir, release: int | None = None) -> int:
    with contextlib.closing(open_warehouse(data_dir, release)) as connection:
        return connection.execute(f"SELECT max(value) FROM {ADDRESS}").fetchall()[0][0]


def keys(data_dir, prefix: str = "warehouse") -> list[str]:
    store = open_objects(data_dir)
    assert store is not None
    return [entry.key for entry in store.list(prefix)]


def leave(data_dir) -> None:
    """Be no user of the lake any more, as a process that has ended."""
    store = open_objects(data_dir)
    assert store is not None
    store.leases.give_all_back()


def test_what_one_folder_publishes_another_reads_and_goes_on_from(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert put(one, 1).release == 1
    assert value_in(two) == 1
    assert put(two, 2).release == 2
    assert (value_in(one), value_in(one, 1), list(list_releases(one))) == (2, 1, [1, 2])
    assert keys(one) == ["warehouse/1.duckdb", "warehouse/2.duckdb", "warehouse/current.json"]
    assert keys(one, "releases") == ["releases/1.json", "releases/2.json"]
    assert not (one / "warehouse.duckdb").exists()
    assert not (one / "lake").exists()


def test_what_one_folder_built_another_finds_and_publishing_it_again_changes_nothing(tmp_path):
    first = run_step(open_lake(tmp_path / "one"), step(1))[ADDRESS]
    again = run_step(open_lake(tmp_path / "two"), step(1))[ADDRESS]
    assert (first.outcome, again.outcome) == ("built", "cache hit")
    put(tmp_path / "one", 1)
    before = keys(tmp_path / "one")
    result = put(tmp_path / "two", 1)
    assert (result.release, result.is_new, result.rewritten) == (1, False, ())
    assert keys(tmp_path / "one") == before


def test_versions_are_those_of_a_lake_in_a_folder(tmp_path, monkeypatch):
    samples = TABLES["raw.studies__samples"]

    def versions(data_dir) -> list[str]:
        lake = open_lake(data_dir)
        results = run_step(lake, step(7)) | run_step(lake, Step({"raw.a": samples}, lambda _: samples.empty(), "v1"))
        return [result.table_version.data_version for result in results.values()]

    in_store = versions(tmp_path / "store")
    monkeypatch.delenv("RESISTANCE_LAKE")
    assert versions(tmp_path / "folder") == in_store
    assert (tmp_path / "folder" / "lake").is_dir()


def test_other_facts_of_the_same_release_have_a_file_of_their_own(tmp_path):
    put(tmp_path, 1)
    result = put(tmp_path, 1, revision="2")
    assert (result.release, result.is_new) == (1, False)
    first, again, record = keys(tmp_path)
    assert (again, record) == ("warehouse/1.duckdb", "warehouse/current.json")
    assert first.startswith("warehouse/1.")
    store = open_objects(tmp_path)
    assert store is not None
    stored = store.get(record)
    assert stored is not None
    assert json.loads(stored.data)["key"] == first


def test_whoever_is_outrun_begins_again_from_what_the_other_published(tmp_path, monkeypatch):
    put(tmp_path / "one", 1)
    original, is_first = published_file_module.Target.put, [True]

    def be_outrun(target, aside, release):
        if is_first.pop() if is_first else False:
            store = open_objects(tmp_path / "one")
            assert store is not None
            stored = store.get("warehouse/current.json")
            assert stored is not None
            store.replace("warehouse/current.json", stored.data + b" ")
        original(target, aside, release)

    monkeypatch.setattr(published_file_module.Target, "put", be_outrun)
    assert put(tmp_path / "two", 2).release == 2
    assert value_in(tmp_path / "one") == 2


@pytest.mark.parametrize("damage", [b"", b"no database"], ids=["empty", "other bytes"])
def test_a_damaged_copy_is_fetched_again(tmp_path, damage):
    put(tmp_path, 1)
    warehouse_path(tmp_path).write_bytes(damage)
    assert value_in(tmp_path) == 1


def test_a_lake_in_the_folder_and_one_in_the_store_leave_each_others_file_alone(tmp_path, monkeypatch):
    put(tmp_path, 1)
    with monkeypatch.context() as patch:
        patch.delenv("RESISTANCE_LAKE")
        assert not published_file(tmp_path).exists()
        assert put(tmp_path, 5).release == 1
        assert value_in(tmp_path) == 5
    assert value_in(tmp_path) == 1
    assert put(tmp_path, 2).release == 2
    assert (tmp_path / "warehouse.duckdb").exists()


def test_where_nothing_was_published_it_is_told(tmp_path):
    with pytest.raises(DataFault, match="no warehouse yet"):
        open_warehouse(tmp_path)


def test_a_pruning_removes_what_nothing_names_once_it_is_old_enough(tmp_path):
    for value in (1, 2, 3):
        put(tmp_path / "one", value)
    leave(tmp_path / "one")
    pruned = prune(tmp_path / "two", keep=2)
    assert (pruned.releases, pruned.parquet_files) == ((1,), 0)
    store = open_objects(tmp_path / "two")
    assert store is not None
    store.grace = store.grace * 0
    pruned = prune(tmp_path / "two", keep=1)
    assert (pruned.releases, pruned.parquet_files, pruned.records) == ((2,), 2, 2)
    assert keys(tmp_path / "one", "releases") == ["releases/3.json"]
    assert len(keys(tmp_path / "one")) == 2
    assert value_in(tmp_path / "one") == 3


def test_releases_are_compared_from_the_store(tmp_path):
    put(tmp_path / "one", 1)
    put(tmp_path / "one", 2)
    manifests = read_manifests(tmp_path / "two")
    [change] = diff_releases(tmp_path / "two", manifests[1], manifests[2]).tables
    assert change.address == ADDRESS
    assert (change.rows_before, change.rows_after, change.rows_added) == (3, 3, 3)
