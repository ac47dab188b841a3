"""The object store: copies that are checked, damage that is mended, and faults that give nothing away."""

from __future__ import annotations

import os
import subprocess
import sys

import polars as pl
import pytest

from resistance_assets.errors import DataFault, Fault, UsageFault
from resistance_assets.orchestration.lake import Lake, open_lake
from resistance_assets.orchestration.stores.objects import ObjectStore, _may_use_http, parse_address
from resistance_assets.orchestration.stores.opening import open_store
from resistance_assets_tests.orchestration.stores.conftest import object_store
from resistance_assets_tests.orchestration.test_lake import version_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("aws")]
FRAME = pl.DataFrame({"gene": ["CCL20", "AXL"], "value": [1.5, -0.25]})


@pytest.fixture
def place(object_host, tmp_path) -> Lake:
    return Lake(tmp_path / "one", object_store(object_host, tmp_path / "one"))


def elsewhere(lake: Lake, folder) -> Lake:
    """The same lake from another data folder."""
    return Lake(folder, ObjectStore(str(lake.store), folder))


def write(lake: Lake) -> str:
    version = lake.write("raw.x", FRAME)
    lake.set_current(version_of("raw.x", version, notes={"cache_key": "key"}), "key")
    return lake.key("raw.x", f"{version}.parquet")


def test_what_one_folder_writes_another_reads_once(place, tmp_path, monkeypatch):
    write(place)
    other = elsewhere(place, tmp_path / "two")
    assert other.read("raw.x").equals(FRAME)
    monkeypatch.setattr(ObjectStore, "_fetch", pytest.fail)
    assert other.read("raw.x").equals(FRAME)


def test_columns_are_read_without_the_rows(place, tmp_path, monkeypatch):
    key = write(place)
    other = elsewhere(place, tmp_path / "two")
    monkeypatch.setattr(ObjectStore, "_fetch", pytest.fail)
    assert other.schema("raw.x", key.split("/")[-1].removesuffix(".parquet")) == FRAME.schema


@pytest.mark.parametrize("damage", [b"", b"another file", None], ids=["empty", "other bytes", "gone"])
def test_a_damaged_copy_is_fetched_again(place, damage):
    path = place.store.place(write(place))
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    assert place.read("raw.x").equals(FRAME)


def test_a_damaged_object_is_told_removed_and_built_again(place, tmp_path):
    key = write(place)
    sha256 = place.store._client.get(key, options={"head": True}).attributes["sha256"]
    place.store._client.put(key, b"PAR1 something else", attributes={"sha256": sha256})
    other = elsewhere(place, tmp_path / "two")
    assert other.find_damage("raw.x", key.split("/")[-1].removesuffix(".parquet")) is None
    with pytest.raises(DataFault, match=r"not those that were written.*resistance run"):
        other.read("raw.x")
    assert other.lookup("raw.x", "key") is None
    write(other)
    assert elsewhere(place, tmp_path / "three").read("raw.x").equals(FRAME)


def test_reading_everything_finds_a_damaged_object(place):
    key = write(place)
    assert place.damage_of("raw.x", read_all=True) is None
    sha256 = place.store._client.get(key, options={"head": True}).attributes["sha256"]
    place.store._client.put(key, b"PAR1 something else", attributes={"sha256": sha256})
    assert "not those that were written" in place.damage_of("raw.x", read_all=True)


def test_a_table_that_another_tool_copied_in_is_held_against_its_name(place, tmp_path):
    key = write(place)
    place.store._client.put(key, place.store.place(key).read_bytes())
    assert elsewhere(place, tmp_path / "two").read("raw.x").equals(FRAME)
    FRAME.reverse().with_columns(pl.col("value") * 2).write_parquet(tmp_path / "wrong.parquet")
    place.store._client.put(key, (tmp_path / "wrong.parquet").read_bytes())
    with pytest.raises(DataFault, match="content is not what its name says"):
        elsewhere(place, tmp_path / "three").read("raw.x")


def test_copies_stay_within_their_bounds_and_what_was_just_used_stays(object_host, tmp_path):
    store = ObjectStore(object_host.lake("bounded"), tmp_path / "reader", largest_cache_bytes=5000)
    writer = ObjectStore(object_host.lake("bounded"), tmp_path / "writer")
    for number in range(4):
        with writer.writing(f"raw/x/{number}.parquet") as aside:
            aside.write_bytes(bytes([number]) * 2000)
    for number in range(3):
        path = store.local(f"raw/x/{number}.parquet")
        if number < 2:
            os.utime(path, (1000 + number, path.stat().st_mtime))
    assert sorted(path.name for path in (tmp_path / "reader").rglob("*.parquet")) == ["1.parquet", "2.parquet"]
    store.local("raw/x/3.parquet")
    assert sorted(path.name for path in (tmp_path / "reader").rglob("*.parquet")) == ["2.parquet", "3.parquet"]
    assert store.local("raw/x/0.parquet").read_bytes() == bytes(2000)


@pytest.mark.parametrize(
    "address",
    ["", "s3://", "s3:/bucket", "https://host/bucket", "s3://user:hunter2@bucket/x", "s3://Bucket", "s3://b", "lake/x",
     "s3://bucket/../x", "s3://bucket/a//b", "s3://bucket/x?versionId=1", "/lake", "s3://bucket/ä", "s3://bucket/a b"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_not_repeated(address):
    with pytest.raises(UsageFault, match=r"RESISTANCE_LAKE: is no address.*s3://bucket/prefix") as caught:
        parse_address(address)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "bucket", "prefix"),
    [("s3://lake", "lake", ""), ("s3://lake/", "lake", ""), ("s3://my.lake-1/a/b_(c)/", "my.lake-1", "a/b_(c)")],
)
def test_an_address_is_a_bucket_and_a_prefix(address, bucket, prefix):
    assert parse_address(address) == (bucket, prefix)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "hunter2-wrong"}, "refuses these credentials"),  # pragma: allowlist secret
        ({"AWS_ACCESS_KEY_ID": "nobody-hunter2"}, "refuses these credentials"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"AWS_ENDPOINT_URL": "http://example.invalid/hunter2"}, "not encrypted"),
    ],
    ids=["secret", "user", "nobody listens", "plain http"],
)
@pytest.mark.parametrize("ask", ["get", "create", "list", "write", "read"])
def test_a_fault_says_what_to_do_and_neither_endpoint_nor_credentials(
    object_host, tmp_path, monkeypatch, variables, expected, ask
):
    monkeypatch.setattr("resistance_assets.orchestration.stores.objects.RETRIES", 0)
    monkeypatch.setattr("resistance_assets.orchestration.stores.objects.MOST_TRIES", 1)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    store = object_store(object_host, tmp_path)

    def write() -> None:
        with store.writing("raw/x/v.parquet") as aside:
            aside.write_bytes(b"x")

    asked = {
        "get": lambda: store.get("a"),
        "create": lambda: store.create("a", b"1"),
        "list": lambda: list(store.list()),
        "write": write,
        "read": lambda: store.local("raw/x/v.parquet"),
    }
    with pytest.raises(Fault, match=expected) as caught:
        asked[ask]()
    told = repr(caught.value) + str(caught.value)
    given = {*object_host.environment.values(), *variables.values(), "hunter2", "127.0.0.1"} - {"us-east-1"}
    assert [one for one in given if one in told] == []
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, True),
        ({"AWS_ENDPOINT_URL": "http://localhost/"}, True),
        ({"AWS_ENDPOINT_URL": "http://[::1]:80"}, True),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1.example.org"}, False),
        ({"AWS_ENDPOINT_URL": "http://minio:9000"}, False),
        ({"AWS_ENDPOINT_URL": "http://minio:9000", "AWS_ALLOW_HTTP": "true"}, True),
        ({}, False),
    ],
)
def test_without_encryption_on_this_machine_alone_unless_it_is_asked_for(environment, expected):
    assert _may_use_http(environment) is expected


def test_without_the_package_it_is_told_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    monkeypatch.setitem(sys.modules, "obstore.exceptions", None)
    with pytest.raises(UsageFault, match=r"not installed.*object-store"):
        ObjectStore("s3://lake/x", tmp_path).get("a")


def test_the_lake_of_a_data_folder_is_the_one_that_the_setting_names(tmp_path, monkeypatch):
    assert str(open_store(tmp_path)) == str(tmp_path / "lake")
    monkeypatch.setenv("RESISTANCE_LAKE", "s3://lake/named")
    store = open_store(tmp_path)
    assert str(store) == "s3://lake/named"
    assert open_lake(tmp_path).store is store


def test_a_lake_in_a_folder_needs_no_client(tmp_path):
    asked = (
        "import sys, pathlib; from resistance_assets.orchestration.lake import open_lake;"
        "open_lake(pathlib.Path(sys.argv[1])).current('raw.x'); print('obstore' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "RESISTANCE_LAKE"}
    found = subprocess.run(
        [sys.executable, "-c", asked, str(tmp_path)], capture_output=True, text=True, check=True, env=environment
    )
    assert found.stdout.strip() == "False"
