"""Publishing: one swap, releases by data alone, and whole at whatever moment the process is killed."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandera.polars as pa
import polars as pl
import pytest

from resistance_assets.catalog.tables import Table, col
from resistance_assets.errors import DataFault
from resistance_assets.orchestration.lake import Lake, TableVersion
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import STEPS, PublishResult, publish
from resistance_assets.warehouse.reader import list_releases, open_warehouse, run_query

# A child of the fork server has the modules loaded and no threads of ours, so it may be killed like a real process.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["resistance_assets.warehouse.publish", "resistance_assets.warehouse.reader"])
KILLED = 86


class _Values(pa.DataFrameModel):
    gene: pl.String = col("gene's symbol")
    value: pl.Int64 = col("a value", unit="reads")
    note: pl.String = col("a note", null=True)


class _Wider(_Values):
    more: pl.Float64 = col("one more", null=True)


def table(address: str, model: type[pa.DataFrameModel] = _Values) -> Table:
    layer, name = address.split(".")
    return Table(layer, name, "one row per gene", ("gene",), "that it is real", (), 0, model, "Described.")


def frame(value: int, rows: int = 3) -> pl.DataFrame:
    return pl.DataFrame(
        {"gene": [f"G{i:05d}" for i in range(rows)], "value": [value] * rows, "note": [None] * rows},
        schema={"gene": pl.String, "value": pl.Int64, "note": pl.String},
    )


def publication(data_dir: Path, address: str, content: pl.DataFrame, **known: Any) -> Publication:
    lake = Lake(data_dir / "lake")
    version = lake.write(address, content)
    table_version = TableVersion(**{
        "address": address, "status": "available", "data_version": version, "code_version": "code", "parameters": "p",
        "inputs": {"raw.x": "v"}, "rows": content.height, "built_at": "2026-01-02T03:04:05+00:00", "run_id": "run",
        "seconds": 0.5, **known,
    })  # fmt: skip
    return Publication(
        table(address), table_version, [lake.path(address, version)], {"value": ("raw.x.value", "source")}
    )


def put(data_dir: Path, values: Mapping[str, int], between: Callable[[str], None] | None = None, **known: Any):
    """Publish one small table per item."""
    tables = [publication(data_dir, address, frame(value), **known) for address, value in values.items()]
    return publish(
        data_dir,
        tables,
        meta={"sources": pl.DataFrame({"source_id": ["hgnc"], "sha256": ["abc"], "nothing": [None]})},
        code_revision="1",
        settings={"profile": "demo"},
        **({"between": between} if between else {}),
    )


def ask(data_dir: Path, sql: str, release: int | None = None) -> list[tuple]:
    with contextlib.closing(open_warehouse(data_dir, release)) as connection:
        return run_query(connection, sql).rows()


def orphans(data_dir: Path) -> list[str]:
    return [path.name for path in data_dir.rglob(".*aside*")]


def outcome(result: PublishResult) -> tuple[int, bool, tuple[str, ...], tuple[str, ...]]:
    return result.release, result.is_new, result.rewritten, result.kept


@pytest.mark.slow
def test_a_published_file_explains_itself(tmp_path: Path):
    assert outcome(put(tmp_path, {"core.a": 1, "marts.b": 2})) == (1, True, ("core.a", "marts.b"), ())
    assert ask(tmp_path, "SELECT value, count(*) FROM core.a GROUP BY value") == [(1, 3)]
    comments = ask(tmp_path, "SELECT comment FROM duckdb_tables() WHERE table_name = 'a'")
    assert comments == [("one row per gene. Limitation: that it is real",)]
    assert ask(tmp_path, "SELECT comment FROM duckdb_columns() WHERE table_name = 'a' AND column_name = 'value'") == [
        ("a value [reads]",)
    ]
    keys = ask(
        tmp_path,
        "SELECT constraint_column_names FROM duckdb_constraints()"
        " WHERE constraint_type = 'PRIMARY KEY' AND schema_name <> 'meta'",
    )
    assert keys == [(["gene"],), (["gene"],)]
    assert ask(tmp_path, "SELECT layer, table_name, row_count, code_version, key_enforced FROM meta.tables") == [
        ("core", "a", 3, "code", True),
        ("marts", "b", 3, "code", True),
    ]
    lineage = (
        "SELECT column_name, upstream_layer, upstream_table, upstream_column FROM meta.lineage WHERE table_name = 'a'"
    )
    assert ask(tmp_path, lineage) == [("value", "raw", "x", "value"), ("value", "source", None, None)]
    assert ask(tmp_path, "SELECT unit, is_key FROM meta.columns WHERE column_name = 'value'") == [("reads", False)] * 2
    assert ask(tmp_path, "SELECT sha256, nothing FROM meta.sources") == [("abc", None)]
    undescribed = "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL"
    assert ask(tmp_path, undescribed) == []


def test_a_release_is_written_down_twice(tmp_path: Path):
    put(tmp_path, {"core.a": 1})
    document = json.loads((tmp_path / "releases/1.json").read_text())
    assert document == list_releases(tmp_path)[1]
    assert document["sources"] == {"hgnc": "abc"}
    assert document["settings"] == {"profile": "demo"}
    assert {k: document["tables"]["core.a"][k] for k in ("code_version", "inputs", "rows")} == {
        "code_version": "code",
        "inputs": {"raw.x": "v"},
        "rows": 3,
    }
    (tmp_path / "releases/1.json").unlink()
    put(tmp_path, {"core.a": 2})
    (tmp_path / "releases/2.json").write_text("{")
    put(tmp_path, {"core.a": 2})
    assert {p.name: json.loads(p.read_text())["release"] for p in tmp_path.glob("releases/*")} == {
        "1.json": 1,
        "2.json": 2,
    }


def test_nothing_new_touches_nothing(tmp_path: Path):
    put(tmp_path, {"core.a": 1, "core.b": 1})
    before = (tmp_path / "warehouse.duckdb").stat()
    seen: list[str] = []
    assert outcome(put(tmp_path, {"core.a": 1, "core.b": 1}, seen.append)) == (1, False, (), ("core.a", "core.b"))
    after = (tmp_path / "warehouse.duckdb").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert seen == [s for s in STEPS if s in ("locked", "orphans_removed", "old_file_read", "releases_written")]


def test_only_changed_tables_are_rewritten_and_gone_ones_dropped(tmp_path: Path):
    put(tmp_path, {"core.a": 1, "core.b": 1, "core.c": 1, "core.d": 1})
    result = put(tmp_path, {"core.a": 1, "core.b": 2, "core.c": 1})
    assert outcome(result) == (2, True, ("core.b",), ("core.a", "core.c"))
    assert ask(tmp_path, "SELECT (SELECT max(value) FROM core.a), (SELECT max(value) FROM core.b)") == [(1, 2)]
    assert ask(tmp_path, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'core'") == [
        ("a",),
        ("b",),
        ("c",),
    ]
    assert sorted(list_releases(tmp_path)) == [1, 2]


def test_code_alone_makes_no_release_but_is_stated(tmp_path: Path):
    put(tmp_path, {"core.a": 1}, code_version="old")
    result = put(tmp_path, {"core.a": 1}, code_version="new")
    assert outcome(result) == (1, False, (), ("core.a",))
    assert ask(tmp_path, "SELECT code_version FROM meta.tables") == [("new",)]
    assert list_releases(tmp_path)[1]["tables"]["core.a"]["code_version"] == "old"


def test_a_changed_table_model_writes_the_table_anew(tmp_path: Path):
    put(tmp_path, {"core.a": 1, "core.b": 1, "core.c": 1})
    tables = [publication(tmp_path, address, frame(1)) for address in ("core.a", "core.b", "core.c")]
    wider = Publication(table("core.a", _Wider), tables[0].table_version, tables[0].files, tables[0].lineage)
    result = publish(tmp_path, [wider, *tables[1:]], meta={}, code_revision="1", settings={})
    assert outcome(result) == (1, False, ("core.a",), ("core.b", "core.c"))
    assert ask(tmp_path, "SELECT DISTINCT more FROM core.a") == [(None,)]


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut short", "not a database", "deleted", "another database", "rows lost"])
def test_a_damaged_file_is_built_again_under_its_number(tmp_path: Path, damage: str):
    put(tmp_path, {"core.a": 1})
    put(tmp_path, {"core.a": 2})
    path = tmp_path / "warehouse.duckdb"
    if damage == "cut short":
        os.truncate(path, path.stat().st_size // 2)
    elif damage == "not a database":
        path.write_bytes(b"x" * 100_000)
    elif damage == "rows lost":
        with contextlib.closing(duckdb.connect(str(path))) as connection:
            connection.execute("DELETE FROM core.a WHERE gene = 'G00001'")
    else:
        path.unlink()
        if damage == "another database":
            duckdb.connect(str(path)).close()
    assert outcome(put(tmp_path, {"core.a": 2})) == (2, False, ("core.a",), ())
    assert ask(tmp_path, "SELECT value, count(*) FROM core.a GROUP BY value") == [(2, 3)]
    assert sorted(list_releases(tmp_path)) == [1, 2]


def test_a_large_key_is_stated_instead_of_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("resistance_assets.warehouse.publication.ENFORCED_KEY_ROWS", 2)
    put(tmp_path, {"core.a": 1})
    assert (
        ask(
            tmp_path,
            "SELECT * FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' AND schema_name <> 'meta'",
        )
        == []
    )
    assert "Key, checked before" in ask(tmp_path, "SELECT comment FROM duckdb_tables() WHERE table_name = 'a'")[0][0]


@pytest.mark.slow
def test_the_file_does_not_grow_with_the_number_of_publishes(tmp_path: Path):
    sizes = []
    for value in range(6):
        tables = [
            publication(tmp_path, "core.a", frame(value, 60_000)),
            publication(tmp_path, "core.b", frame(1, 70_000)),
        ]
        publish(tmp_path, tables, meta={}, code_revision="1", settings={})
        sizes.append((tmp_path / "warehouse.duckdb").stat().st_size)
    assert sizes[-1] <= 2 * sizes[0]


@pytest.mark.parametrize(
    ("content", "rows", "told"),
    [
        (frame(1).with_columns(value=pl.lit(None, dtype=pl.Int64)), 3, r"core\.a.*NOT NULL"),
        (pl.concat([frame(1), frame(1)]), 6, r"core\.a.*[Dd]uplicate key"),
        (frame(1).rename({"value": "wert"}), 3, r"core\.a.*wert"),
        (frame(1), 4, r"core\.a.*holds 3 rows \(expected 4"),
    ],
    ids=["null", "key", "column", "rows"],
)
def test_a_table_that_does_not_fit_leaves_the_old_release(tmp_path: Path, content: pl.DataFrame, rows: int, told: str):
    put(tmp_path, {"core.a": 7})
    wrong = publication(tmp_path, "core.a", content, rows=rows)
    if rows == 4:
        wrong = Publication(
            wrong.table, TableVersion(**{**vars(wrong.table_version), "data_version": "x"}), wrong.files, {}
        )
    with pytest.raises(DataFault, match=told):
        publish(tmp_path, [wrong], meta={}, code_revision="1", settings={})
    assert ask(tmp_path, "SELECT DISTINCT value FROM core.a") == [(7,)]
    assert orphans(tmp_path) == []


def test_a_lost_or_broken_parquet_file_is_named(tmp_path: Path):
    lost = publication(tmp_path, "core.a", frame(1))
    lost.files[0].unlink()
    with pytest.raises(DataFault, match=r"core\.a: its Parquet file is gone"):
        publish(tmp_path, [lost], meta={}, code_revision="1", settings={})
    lost.files[0].write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(DataFault, match=r"core\.a.*cannot be read"):
        publish(tmp_path, [lost], meta={}, code_revision="1", settings={})
    assert not (tmp_path / "warehouse.duckdb").exists()


def _publish_and_die(data_dir: Path, value: int, step: str) -> None:
    put(data_dir, {"core.a": value, "marts.b": value}, lambda done: os._exit(KILLED) if done == step else None)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_killed_after_any_step_the_file_is_the_old_or_the_new_release(tmp_path: Path, step: str):
    put(tmp_path, {"core.a": 1, "marts.b": 1})
    child = PROCESSES.Process(target=_publish_and_die, args=(tmp_path, 2, step))
    child.start()
    child.join(60)
    assert child.exitcode == KILLED

    release = 2 if STEPS.index(step) >= STEPS.index("swapped") else 1
    everything = "SELECT a.value, b.value, (SELECT max(release) FROM meta.releases), (SELECT value FROM meta.facts WHERE name = 'release') FROM core.a AS a JOIN marts.b AS b USING (gene)"  # fmt: skip  # noqa: E501
    assert ask(tmp_path, everything) == [(release, release, release, str(release))] * 3

    result = put(tmp_path, {"core.a": 2, "marts.b": 2})
    assert (result.release, result.is_new) == (2, release == 1)
    assert ask(tmp_path, everything) == [(2, 2, 2, "2")] * 3
    assert sorted(path.name for path in (tmp_path / "releases").iterdir()) == ["1.json", "2.json"]
    assert orphans(tmp_path) == []


def _read_often(data_dir: Path, times: int, found: Any) -> None:
    sql = "SELECT min(a.value), max(b.value), (SELECT max(release) FROM meta.releases) FROM core.a AS a, marts.b AS b"
    found.put([ask(data_dir, sql)[0] for _ in range(times)])


@pytest.mark.slow
def test_readers_never_see_a_half_built_file(tmp_path: Path):
    put(tmp_path, {"core.a": 1, "marts.b": 1})
    found = PROCESSES.Queue()
    readers = [PROCESSES.Process(target=_read_often, args=(tmp_path, 32, found)) for _ in range(2)]
    for reader in readers:
        reader.start()
    held = open_warehouse(tmp_path)
    value = 1
    while value < 4 or any(reader.is_alive() for reader in readers):
        value += 1
        put(tmp_path, {"core.a": value, "marts.b": value})
        if value >= 4 and not found.empty():
            break
    seen = [found.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join(60)
    for answers in seen:
        assert len(answers) == 32
        assert all(a == b == release for a, b, release in answers)
        assert answers == sorted(answers)
    assert run_query(held, "SELECT DISTINCT value FROM core.a").rows() == [(1,)]  # an open reader keeps its release
    held.close()
    assert ask(tmp_path, "SELECT DISTINCT value FROM core.a") == [(value,)]


def _publish(data_dir: Path, value: int) -> None:
    put(data_dir, {"core.a": value, "marts.b": value})


def test_publishers_take_turns(tmp_path: Path):
    put(tmp_path, {"core.a": 1, "marts.b": 1})
    children = [PROCESSES.Process(target=_publish, args=(tmp_path, value)) for value in (2, 3, 4)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert sorted(list_releases(tmp_path)) == [1, 2, 3, 4]
    (last,) = ask(tmp_path, "SELECT DISTINCT a.value, b.value FROM core.a AS a, marts.b AS b")
    assert last[0] == last[1]
    assert orphans(tmp_path) == []


def _publish_on_a_full_disk(data_dir: Path, told: Any) -> None:
    tables = [publication(data_dir, "core.a", frame(2, 50_000))]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    try:
        publish(data_dir, tables, meta={}, code_revision="1", settings={})
    except DataFault as fault:
        told.put(str(fault))
    else:
        told.put("nothing was raised")


def test_a_disk_that_refuses_leaves_the_old_release(tmp_path: Path):
    put(tmp_path, {"core.a": 1})
    told = PROCESSES.Queue()
    child = PROCESSES.Process(target=_publish_on_a_full_disk, args=(tmp_path, told))
    child.start()
    message = told.get(timeout=60)
    child.join(60)
    assert "warehouse.duckdb: cannot be written: File too large" in message
    assert ask(tmp_path, "SELECT DISTINCT value FROM core.a") == [(1,)]
    assert orphans(tmp_path) == []


def test_the_publisher_keeps_its_own_tables(tmp_path: Path):
    with pytest.raises(ValueError, match=r"meta\.tables is written by the publisher"):
        publish(tmp_path, [], meta={"tables": pl.DataFrame()}, code_revision="1", settings={})


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataFault, match=r"file/data/warehouse\.duckdb: cannot be written"):
        publish(tmp_path / "file/data", [], meta={}, code_revision="1", settings={})
