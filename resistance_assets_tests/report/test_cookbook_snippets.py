"""The cookbook's snippets for other programs, run as written: each gives the rows that the warehouse gives."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resistance_assets.warehouse.reader import run_query
from resistance_assets_tests.commands.analysts.serving.conftest import start

CHECKOUT = Path(__file__).parents[2]
TEXT = (CHECKOUT / "docs" / "cookbook.md").read_text(encoding="utf-8").partition("## From other programs")[2]
SNIPPETS = {
    name.strip("*").lower(): (language, code)
    for name, language, code in re.findall(
        r"\*\*(.+?)\*\*[^`]*?(?:`[^`\n]*`[^`]*?)*```(\w+)\n(.*?)```", TEXT, re.DOTALL
    )
}
ASKED = "SELECT hgnc_symbol, os_hazard_ratio_per_sd, os_n FROM marts.gene_evidence WHERE os_n IS NOT NULL"
pytestmark = pytest.mark.slow


@pytest.fixture
def folder(demo_place, tmp_path):
    """A folder with `data/`, as the snippets have it."""
    (tmp_path / "data").symlink_to(demo_place / "data")
    return tmp_path


@pytest.fixture
def expected(demo):
    return [list(row) for row in run_query(demo.connection, f"{ASKED} ORDER BY hgnc_symbol LIMIT 5").iter_rows()]


def run(folder: Path, command: list[str], **environment: str) -> str:
    paths = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": paths} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(text: str) -> list[list[object]]:
    """Rows of CSV; numbers to the fifteen digits that R prints."""
    _, *rows = csv.reader(text.strip().splitlines())
    return [[symbol, pytest.approx(float(ratio), rel=1e-14), int(n)] for symbol, ratio, n in rows]


def test_there_is_one_for_each_program():
    assert list(SNIPPETS) == [
        "pandas", "polars", "the `duckdb` shell", "r without a package", "r with `duckdb`", "dbeaver",
        "a program without duckdb",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_python_reads_the_file(folder, expected, name):
    assert rows_of(run(folder, [sys.executable, "-c", SNIPPETS[name][1]])) == expected


def test_pandas_reads_the_file_with_the_duckdb_of_before(folder, expected):
    earlier = CHECKOUT / ".venv" / "duckdb1"
    if not earlier.is_dir():
        pytest.skip("DuckDB 1 is not installed: `make test` installs it")
    assert rows_of(run(folder, [sys.executable, "-c", SNIPPETS["pandas"][1]], PYTHONPATH=str(earlier))) == expected


def test_the_shell_reads_the_file(folder, expected):
    if shutil.which("duckdb", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") is None:
        if os.environ.get("RESISTANCE_REQUIRE_SHARED") == "1":
            pytest.fail("the duckdb shell is not installed: `make test` installs it")
        pytest.skip("the duckdb shell is not installed: `make test` installs it")
    assert rows_of(run(folder, ["bash", "-c", SNIPPETS["the `duckdb` shell"][1]])) == expected


def write_command(folder: Path) -> None:
    """`resistance` on the PATH, of this checkout."""
    (folder / "bin").mkdir()
    command = folder / "bin" / "resistance"
    paths = os.pathsep.join(sys.path)
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{paths}" exec "{sys.executable}" -m resistance_assets.cli "$@"\n')
    command.chmod(0o755)


def test_r_without_a_package_reads_what_resistance_answers(folder, expected):
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed (Debian: apt-get install r-base-core)")
    write_command(folder)
    code = SNIPPETS["r without a package"][1]
    assert rows_of(run(folder, ["Rscript", "--vanilla", "-e", code], RESISTANCE_DATA_DIR="data")) == expected


def test_r_with_duckdb_reads_the_file(folder, expected):
    asked = 'quit(status = if (requireNamespace("duckdb", quietly = TRUE)) 0 else 1)'
    if shutil.which("Rscript") is None or subprocess.run(["Rscript", "-e", asked], check=False).returncode:
        pytest.skip("the R package duckdb is not installed; it is on CRAN alone")
    assert rows_of(run(folder, ["Rscript", "--vanilla", "-e", SNIPPETS["r with `duckdb`"][1]])) == expected


def test_a_program_without_duckdb_asks_the_server(folder, demo_place, expected):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with start(demo_place / "data") as served:
        code = SNIPPETS["a program without duckdb"][1].replace("http://127.0.0.1:8765", served.url)
        assert rows_of(run(folder, ["bash", "-c", code], NO_PROXY="127.0.0.1")) == expected
