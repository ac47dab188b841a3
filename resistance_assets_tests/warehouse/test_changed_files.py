"""Publishing a table of many partitions: what changed is written into the copy of the file, and the rest stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.partitions import partition_of, union_of
from resistance_assets.orchestration.steps import run_step
from resistance_assets.orchestration.table_files import unions
from resistance_assets.orchestration.table_files.content import content_version
from resistance_assets.orchestration.table_steps import table_step
from resistance_assets.warehouse import publish as publish_module
from resistance_assets.warehouse.changed_files import find_changed_files
from resistance_assets.warehouse.publication import Publication
from resistance_assets.warehouse.publish import publish
from resistance_assets.warehouse.published_file import as_in_manifest

TABLE = TABLES["staging.cohorts__gene_copy_number"]
COHORTS = ("a", "b", "c", "it's d")


def calls(cohort: str, shift: int = 0, rows: int = 40) -> pl.DataFrame:
    made = [(cohort, f"G{at:03d}", "P1", (at + shift) % 5 - 2) for at in range(rows)]
    return pl.DataFrame(made, schema=TABLE.polars_schema, orient="row")


@pytest.fixture(autouse=True)
def _lists_of_few_rows(monkeypatch):
    monkeypatch.setattr(unions, "LISTED_ROWS", 50)
    monkeypatch.setattr(unions, "LISTED_ROWS_PER_PARTITION", 1)


def publication(data_dir: Path, frames: dict[str, pl.DataFrame]) -> Publication:
    lake = Lake(data_dir / "lake")
    names = {cohort: partition_of(TABLE.address, str(at)) for at, cohort in enumerate(COHORTS)}
    for cohort, frame in frames.items():
        version = content_version(frame)
        run_step(
            lake, table_step(outputs={names[cohort]: TABLE}, compute=lambda inputs, f=frame: f, code_version=version)
        )
    union = replace(union_of(TABLE.address, [names[cohort] for cohort in frames]), tests={}, inputs=())
    [result] = run_step(lake, union).values()
    version = result.table_version
    return Publication(TABLE, version, lake.intact_files(TABLE.address, version.data_version), {})


def bring(data_dir: Path, frames: dict[str, pl.DataFrame], monkeypatch=None):
    """Publish these cohorts; with ``monkeypatch``, where the whole table may not be written."""
    given = publication(data_dir, frames)
    if monkeypatch is not None:
        monkeypatch.setattr(publish_module, "_create_table", lambda *_: pytest.fail("the whole table is written"))
    result = publish(data_dir, [given], meta={}, code_revision="1", settings={})
    if monkeypatch is not None:
        monkeypatch.undo()
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        held = connection.sql(f"SELECT * FROM {TABLE.address} ORDER BY ALL").pl()
    assert held.equals(pl.concat(frames.values()).sort(pl.all()))
    return result


def test_a_further_a_changed_and_a_lost_partition_are_written_alone(tmp_path, monkeypatch):
    frames = {cohort: calls(cohort) for cohort in COHORTS[:3]}
    bring(tmp_path, frames)
    frames["it's d"] = calls("it's d")
    with monkeypatch.context() as patched:
        patched.setattr(unions, "LISTED_ROWS", 50)
        result = bring(tmp_path, frames, patched)
    assert (result.release, result.rewritten) == (2, (TABLE.address,))
    for change in ("changed", "lost"):
        if change == "changed":
            frames["b"] = calls("b", shift=2, rows=55)
        else:
            del frames["a"]
        _again(monkeypatch)
        bring(tmp_path, frames, monkeypatch)
        _again(monkeypatch)


def _again(monkeypatch) -> None:
    monkeypatch.setattr(unions, "LISTED_ROWS", 50)
    monkeypatch.setattr(unions, "LISTED_ROWS_PER_PARTITION", 1)


def test_a_file_whose_last_release_is_not_known_is_written_anew(tmp_path):
    first = publication(tmp_path, {cohort: calls(cohort) for cohort in COHORTS})
    names = [as_in_manifest(path, tmp_path) for path in first.files]
    assert find_changed_files(TABLE, None, first.files, tmp_path) is None
    assert find_changed_files(TABLE, {"files": ["lake/x.parquet"]}, first.files, tmp_path) is None
    assert find_changed_files(TABLE, {"parquet": "lake/x.parquet"}, first.files, tmp_path) is None
    assert find_changed_files(TABLE, {"files": names}, first.files[:1], tmp_path) is None
    held = find_changed_files(TABLE, {"files": names[1:]}, first.files, tmp_path)
    assert held is not None
    assert (held.column, held.stay, held.came, held.rows) == ("cohort_id", COHORTS[1:], (first.files[0],), 40)


def test_partitions_without_a_column_of_their_own_are_written_anew(tmp_path):
    mixed = [calls("a"), pl.concat([calls("b", rows=20), calls("c", rows=20)])]
    paths = []
    for at, frame in enumerate(mixed):
        paths.append(tmp_path / f"{at}.parquet")
        frame.write_parquet(paths[-1])
    assert find_changed_files(TABLE, {"files": [str(paths[0])]}, paths, tmp_path) is None
