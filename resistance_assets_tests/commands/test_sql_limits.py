"""What `sql` refuses: to write where it must not, to take for ever, to fill the memory, to do what is not reading."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from resistance_assets.commands.sql import choose_output, write_result
from resistance_assets.errors import UsageFault
from resistance_assets.settings import Settings, parse_bytes
from resistance_assets.warehouse.reader import run_query

ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"


@pytest.fixture
def connection():
    with duckdb.connect() as made:
        made.execute("SET memory_limit = '200MB'")
        made.execute("SET temp_directory = ''")
        yield made


@pytest.mark.parametrize(
    ("name", "written_as"), [("a.csv", "csv"), ("a.JSON", "json"), ("a.parquet", "parquet"), ("a.txt", "table")]
)
def test_the_suffix_says_the_format(tmp_path: Path, name, written_as):
    assert choose_output(None, tmp_path / name, data_dir=tmp_path / "data", force=False) == written_as
    assert choose_output("csv", tmp_path / name, data_dir=tmp_path / "data", force=False) == "csv"


@pytest.mark.parametrize("name", ["a.xlsx", "a.tsv", "a"])
def test_an_unknown_suffix_is_refused(tmp_path: Path, name):
    with pytest.raises(UsageFault, match="suffix"):
        choose_output(None, tmp_path / name, data_dir=tmp_path / "data", force=True)


@pytest.mark.parametrize(
    "place", ["data/warehouse.duckdb", "data/new.csv", "link/x.csv", "elsewhere/../data/lake/x.csv"]
)
def test_nothing_is_written_into_the_data_folder(tmp_path: Path, place):
    (tmp_path / "data" / "lake").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data" / "warehouse.duckdb").write_bytes(b"kept")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with pytest.raises(UsageFault, match="data folder"):
        choose_output("csv", tmp_path / place, data_dir=tmp_path / "data", force=True)


def test_an_existing_file_needs_force_and_a_hard_link_is_not_followed(tmp_path: Path, connection):
    (tmp_path / "data").mkdir()
    kept, linked = tmp_path / "data" / "warehouse.duckdb", tmp_path / "linked.csv"
    kept.write_bytes(b"kept")
    linked.hardlink_to(kept)
    with pytest.raises(UsageFault, match="--force"):
        choose_output(None, linked, data_dir=tmp_path / "data", force=False)
    assert choose_output(None, linked, data_dir=tmp_path / "data", force=True) == "csv"
    write_result(run_query(connection, "SELECT 1 AS n"), "csv", linked)
    assert (linked.read_bytes(), kept.read_bytes()) == (b"n\n1\n", b"kept")


def test_a_query_ends_with_its_time(connection):
    with pytest.raises(UsageFault, match=r"longer than 0\.2 s.*--timeout"):
        run_query(connection, ENDLESS, timeout_seconds=0.2)
    assert run_query(connection, "SELECT 1 AS a, 2 AS a", timeout_seconds=60).columns == ["a", "a_1"]


def test_a_query_ends_with_its_memory(connection):
    with pytest.raises(UsageFault, match="RESISTANCE_MEMORY"):
        run_query(connection, "FROM range(10000000000)", timeout_seconds=60, largest_bytes=10**7)
    with pytest.raises(UsageFault, match="RESISTANCE_MEMORY"):
        run_query(connection, "SELECT list(range) FROM range(1000000000)", timeout_seconds=60, largest_bytes=10**7)
    answer = run_query(connection, "SELECT 1.5::DECIMAL(9, 2) AS d, [1] AS l", timeout_seconds=60, largest_bytes=10**7)
    assert answer.equals(connection.sql("SELECT 1.5::DECIMAL(9, 2) AS d, [1] AS l").pl())


@pytest.mark.parametrize(
    "sql", ["UPDATE EXTENSIONS", "UPDATE EXTENSIONS (httpfs)", "ANALYZE", "CHECKPOINT", "RESET threads"]
)
def test_only_statements_known_to_read_are_answered(connection, sql):
    with pytest.raises(UsageFault, match=r"statement.*read-only"):
        run_query(connection, sql)


@pytest.mark.parametrize(("text", "size"), [("4GB", 4 * 10**9), ("512 MiB", 512 * 2**20), ("1.5g", 15 * 10**8)])
def test_memory_is_a_size(monkeypatch, text, size):
    assert parse_bytes(text) == size
    monkeypatch.setenv("RESISTANCE_MEMORY", text)
    assert Settings().memory_bytes == size


@pytest.mark.parametrize("text", ["much", "-1GB", "10", "4XB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r"64MB|such as"):
        parse_bytes(text)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_query_with_one_line(tmp_path: Path, number):
    (tmp_path / "data").mkdir()
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb")) as made:
        made.execute("CREATE TABLE t AS SELECT 1")
    script = tmp_path / "ask.py"
    script.write_text(
        "import sys\n"
        "from resistance_assets import interruption\n"
        "interruption.install()\n"
        "from resistance_assets.cli import main\n"
        "from resistance_assets.warehouse import reader\n"
        "ask = reader._fetch\n"
        "reader._fetch = lambda *what: (print('begun', flush=True), ask(*what))[1]\n"
        f"sys.argv = ['resistance', 'sql', {ENDLESS!r}]\n"
        "main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, script],
        env={**os.environ, "RESISTANCE_DATA_DIR": str(tmp_path / "data")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert told.startswith(f"resistance: stopped by {number.name}")
    assert told.count("\n") == 1
