"""What files and objects keep of the protocol of a store, over both."""

from __future__ import annotations

import hashlib
import string
import subprocess
import sys

import hypothesis
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resistance_assets.errors import DataFault
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.stores.store import Store
from resistance_assets_tests.orchestration.test_lake import version_of

FRAME = pl.DataFrame({"gene": ["CCL20", "AXL", None], "value": [1.5, -0.25, None]})


def test_a_record_is_created_once(store: Store):
    assert store.get("raw/x/current.json") is None
    first = store.create("raw/x/current.json", b"one")
    assert first is not None
    assert store.create("raw/x/current.json", b"two") is None
    stored = store.get("raw/x/current.json")
    assert stored is not None
    assert (stored.data, stored.etag) == (b"one", first)


def test_a_record_is_swapped_only_as_it_was_read(store: Store):
    first = store.create("a/b/c.json", b"one")
    second = store.swap("a/b/c.json", b"two", first)
    assert second not in (None, first)
    assert store.swap("a/b/c.json", b"three", first) is None
    assert store.swap("a/b/c.json", b"three", None) is None
    assert store.swap("a/b/absent.json", b"three", first) is None
    stored = store.get("a/b/c.json")
    assert stored is not None
    assert (stored.data, stored.etag) == (b"two", second)


def test_what_is_listed_is_what_is_there(store: Store):
    for key in ("raw/x/current.json", "raw/x/memo/k.json", "raw/xy/current.json", "releases/1.json"):
        store.replace(key, key.encode())
    assert [entry.key for entry in store.list("raw/x")] == ["raw/x/current.json", "raw/x/memo/k.json"]
    assert {entry.key: entry.size_bytes for entry in store.list()}["releases/1.json"] == len("releases/1.json")
    assert list(store.find("current.json")) == ["raw/x/current.json", "raw/xy/current.json"]
    store.delete(["raw/x/memo/k.json", "raw/x/nothing.json"])
    assert [entry.key for entry in store.list("raw/x")] == ["raw/x/current.json"]
    assert not store.exists("raw/x/memo/k.json")
    assert store.exists("raw/x/current.json")


def test_what_fails_while_it_is_written_is_not_there(store: Store):
    def fail() -> None:
        with store.writing("raw/x/v.parquet") as aside:
            aside.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.find_damage("raw/x/v.parquet") == "the file is gone"
    assert list(store.list()) == []


def test_a_table_is_read_back(store: Store):
    with store.writing("raw/x/v.parquet") as aside:
        FRAME.write_parquet(aside)
    assert store.find_damage("raw/x/v.parquet", read_all=True) is None
    assert pl.read_parquet(store.local("raw/x/v.parquet"), glob=False).equals(FRAME)
    assert pl.scan_parquet(store.footer("raw/x/v.parquet"), glob=False).collect_schema() == FRAME.schema


@pytest.mark.slow
def test_of_four_processes_that_count_up_nothing_is_lost(make_store):
    store = make_store()
    described = [type(store).__name__, str(store), str(store.place("x").parent), "n.json", "50"]
    command = [sys.executable, "-m", "resistance_assets_tests.orchestration.stores.counting", *described]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    stored = store.get("n.json")
    assert stored is not None
    assert stored.data == b"200"


KEYS = st.sampled_from(["raw/x/current.json", "raw/x/memo/a.json", "core/y/current.json"])
VALUES = st.text(string.ascii_letters, min_size=1, max_size=6).map(str.encode)
OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["create", "swap", "swap stale", "replace", "delete", "get", "list"]), KEYS, VALUES),
    max_size=30,
)


@pytest.mark.slow
@hypothesis.settings(max_examples=25, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_a_store_is_a_dictionary_that_refuses_late_writers(make_store, operations):
    store, model = make_store(), {}
    for operation, key, data in operations:
        stored = store.get(key)
        assert (None if stored is None else stored.data) == model.get(key)
        etag = None if stored is None else stored.etag
        if operation == "create":
            assert (store.create(key, data) is not None) == (key not in model)
            model.setdefault(key, data)
        elif operation == "swap":
            assert store.swap(key, data, etag) is not None
            model[key] = data
        elif operation == "swap stale" and etag is not None:
            other = store.replace(key, data + b"!")
            model[key] = data + b"!"
            assert (store.swap(key, data, etag) is None) == (other != etag)
        elif operation == "replace":
            store.replace(key, data)
            model[key] = data
        elif operation == "delete":
            store.delete([key])
            model.pop(key, None)
        elif operation == "list":
            found = {entry.key: entry.size_bytes for entry in store.list()}
            assert found == {one: len(value) for one, value in model.items()}


@pytest.mark.slow
@hypothesis.settings(max_examples=15, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2000))
def test_bytes_of_a_table_come_back_as_they_were(make_store, data):
    store, key = make_store(), f"raw/x/{hashlib.sha256(data).hexdigest()[:20]}.parquet"
    with store.writing(key) as aside:
        aside.write_bytes(data)
    assert store.local(key).read_bytes() == data
    assert store.find_damage(key) is None


def test_a_lake_is_the_same_in_either(make_store, tmp_path):
    lake = Lake(tmp_path, make_store())
    version = lake.write("raw.x", FRAME)
    lake.set_current(version_of("raw.x", version, notes={"cache_key": "key"}), "key")
    assert lake.read("raw.x").equals(FRAME)
    assert lake.lookup("raw.x", "key") == lake.current("raw.x")
    assert lake.addresses() == ["raw.x"]
    assert lake.schema("raw.x", version) == FRAME.schema
    assert version == Lake(tmp_path / "other").write("raw.x", FRAME)
    lake.store.delete([lake.key("raw.x", f"{version}.parquet")])
    assert lake.lookup("raw.x", "key") is None
    with pytest.raises(DataFault, match="the file is gone"):
        lake.read("raw.x")
    assert lake.write("raw.x", FRAME) == version
    assert lake.read("raw.x").equals(FRAME)


def test_of_two_writers_with_the_same_cache_key_the_first_stays(make_store, tmp_path):
    lake = Lake(tmp_path, make_store())
    late = Lake(tmp_path, lake.store)
    with late.store.in_use():
        late._etags["raw.x"] = None  # as it was when the late one got its right
        first = version_of("raw.x", "v1", notes={"cache_key": "key"}, run_id="first")
        lake.set_current(first, "key")
        second = version_of("raw.x", "v1", notes={"cache_key": "key"}, run_id="second")
        assert late.set_current(second, "key") == first
        assert lake.current("raw.x") == first


def test_of_two_writers_with_other_inputs_the_last_stays_and_it_is_told(make_store, tmp_path):
    from resistance_assets.orchestration.events import subscribe

    lake = Lake(tmp_path, make_store())
    lake._etags["raw.x"] = None
    lake.store.create(lake.key("raw.x", "current.json"), b"{}")
    told = []
    with subscribe(told.append):
        mine = version_of("raw.x", "v2", notes={"cache_key": "other"})
        assert lake.set_current(mine, "other") == mine
    assert lake.current("raw.x") == mine
    assert [(event.kind, event.subject) for event in told] == [("note", "raw.x")]
