"""Steps run by other processes: `resistance work`, and the workers of `resistance run --jobs`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from resistance_assets.commands.run import bring_up_to_date, prepare
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.run_log import read_log
from resistance_assets.orchestration.workers import pool as workers
from resistance_assets.orchestration.workers.answers import from_line
from resistance_assets.settings import load_settings

# A source, what is read from it, and what rests on both.
TABLES = ("raw.hgnc__genes", "raw.gencode__genes", "staging.genes__approved", "staging.genes__symbols")

pytestmark = pytest.mark.slow


@pytest.fixture
def place(demo_place, tmp_path, monkeypatch):
    """A new data folder that reads the demo's sources."""
    monkeypatch.setenv("RESISTANCE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RESISTANCE_MIRROR", str(demo_place / "demo" / "mirror"))
    settings = load_settings()
    prepare(settings)
    return settings


def versions_of(lake: Lake) -> dict[str, str]:
    return {address: lake.current(address).data_version for address in lake.addresses()}


def test_tables_are_brought_up_to_date_without_dagster_and_told_in_lines(place, demo_place):
    wanted = ["staging.genes__approved", "raw.hgnc__genes", "no.such"]
    program = [sys.executable, "-m", "resistance_assets.cli", "work", *wanted]
    done = subprocess.run(program, capture_output=True, text=True, env=dict(os.environ), check=False)
    answers = [from_line(line) for line in done.stdout.splitlines()]
    assert [work.step for work in answers] == ["raw.hgnc__genes", "staging.genes__approved", "no.such"]
    assert done.returncode == 1
    assert "no step writes it" in str(answers[-1].error)
    assert answers[0].results["raw.hgnc__genes"].outcome == "built"
    assert answers[0].peak_bytes > 10_000_000
    built = Lake(demo_place / "data" / "lake").current("raw.hgnc__genes")
    assert answers[0].results["raw.hgnc__genes"].table_version.data_version == built.data_version
    assert not place.dagster_home.exists()


def test_workers_build_what_one_process_builds_and_the_run_tells_of_it(place, demo_place, monkeypatch):
    monkeypatch.setattr(workers, "WORTH_A_POOL_SECONDS", 0.0)
    monkeypatch.setenv("RESISTANCE_JOBS", "2")
    settings = load_settings()
    summary = bring_up_to_date(settings, addresses=TABLES, quiet=True)
    lake = Lake(settings.lake_dir)
    assert {table: summary.launch.outcomes[table] for table in TABLES} == dict.fromkeys(TABLES, "built")
    found = versions_of(lake)
    assert {table: found[table] for table in TABLES} == {
        table: Lake(demo_place / "data" / "lake").current(table).data_version for table in TABLES
    }
    assert {lake.current(table).run_id for table in TABLES} == set(summary.launch.run_ids)
    log = read_log(settings.data_dir / "runs.jsonl")
    assert set(TABLES) <= set(log["table_name"])
    assert not log["table_name"].is_duplicated().any(), "an attempt is told once, by the process that made it"
