"""The `resistance` command, run as its users run it: in a process of its own, on the demo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def resistance(data_dir: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RESISTANCE_")}
    kept.pop("DAGSTER_HOME", None)
    return subprocess.run(
        [sys.executable, "-m", "resistance_assets.cli", *arguments],
        env={**kept, "RESISTANCE_DATA_DIR": str(data_dir), "COLUMNS": "200", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory, demo_place: Path) -> Path:
    """The demo made from where a run on the same files left off, so that what is told is told within seconds."""
    folder = tmp_path_factory.mktemp("cli") / "data"
    shutil.copytree(demo_place / "data", folder)
    done = resistance(folder, "run", "--profile", "demo")
    assert done.returncode == 0, done.stderr
    assert "release 1" in done.stdout
    assert "cache hit" in done.stdout
    return folder


def test_a_second_run_says_that_nothing_changed(data_dir):
    done = resistance(data_dir, "run", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["new_release"], document["release"]) == (0, True, False, 1)
    assert document["failed"] == {}
    assert all("built" not in counts for counts in document["layers"].values())


def test_sql_answers_in_every_format(data_dir, tmp_path):
    query = (
        "SELECT cohort_id, endpoint, n_analysed FROM marts.cohort_endpoints WHERE cohort_id = 'luad_tcga' ORDER BY 2"
    )
    table = resistance(data_dir, "sql", query)
    assert "luad_tcga" in table.stdout
    rows = json.loads(resistance(data_dir, "sql", query, "--format", "json").stdout)
    assert [row["endpoint"] for row in rows] == ["DFS", "DSS", "OS", "PFS"]
    csv = resistance(data_dir, "sql", query, "--format", "csv").stdout
    assert csv.splitlines()[0] == "cohort_id,endpoint,n_analysed"
    target = tmp_path / "out.parquet"
    assert resistance(data_dir, "sql", query, "--format", "parquet", "-o", str(target)).returncode == 0
    import polars as pl

    assert pl.read_parquet(target).height == 4


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("SELECT * FROM nowhere.table", "nowhere"),
        ("DROP TABLE marts.gene_evidence", "read"),
        ("SELECT * FROM read_csv('/etc/passwd')", "file"),
        ("COPY (SELECT 1) TO '/tmp/x.csv'", "read"),
        ("SET enable_external_access = true", "read"),
        ("SELECT 1; SELECT 2", "one"),
    ],
)
def test_a_query_can_only_read_the_warehouse(data_dir, query, named):
    done = resistance(data_dir, "sql", query)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_sql_before_any_run_says_what_to_do(tmp_path):
    done = resistance(tmp_path / "none", "sql", "SELECT 1")
    assert done.returncode in (1, 2)
    assert "resistance run" in done.stderr


def test_sql_does_not_import_dagster(data_dir):
    code = (
        "import sys; from resistance_assets.cli import app; "
        "app(['sql', 'SELECT 1 AS one'], standalone_mode=False); "
        "print('dagster' in sys.modules, 'numba' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "RESISTANCE_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-2:] == ["False", "False"]


def test_status_says_fresh_and_after_a_change_why_not(data_dir):
    states = {row["address"]: row for row in json.loads(resistance(data_dir, "status", "--json").stdout)}
    assert states["core.survival__cohort_endpoint_genes"]["state"] == "fresh"
    counts = next((data_dir / "demo" / "studies").glob("demo_h1975_resistance/counts.tsv*"))
    bytes_before = counts.read_bytes()
    try:
        counts.write_bytes(bytes_before + b" ")
        states = {row["address"]: row for row in json.loads(resistance(data_dir, "status", "--json").stdout)}
    finally:
        counts.write_bytes(bytes_before)
    own = states["parts.studies__gene_sample_counts__demo_h1975_resistance"]
    assert (own["state"], own["reasons"]) == ("stale", ["source counts.tsv.gz changed"])
    below = states["raw.studies__gene_sample_counts"]
    assert below["state"] == "stale"
    assert below["reasons"] == ["parts.studies__gene_sample_counts__demo_h1975_resistance is stale"]
    assert states["raw.hgnc__genes"]["state"] == "fresh"


def test_sources_show_state_checksum_and_licence(data_dir):
    rows = {row["source_id"]: row for row in json.loads(resistance(data_dir, "sources", "--json").stdout)}
    loaded = rows["cbioportal_luad_tcga_pan_can_atlas_2018"]
    assert loaded["state"] == "loaded"
    assert len(loaded["sha256"]) == 64
    assert all(row["licence"] for row in rows.values())
    withheld = rows["oncokb_cancer_genes"]
    assert (withheld["state"], bool(withheld["reason"])) == ("unavailable", True)
    assert rows["allonco_may2018"]["version"] == "May2018"
    assert rows["allonco_may2018"]["retrieved_at"]
    shown = resistance(data_dir, "sources", COLUMNS="250").stdout
    assert "allonco_may2018" in shown
    assert all(heading in shown for heading in ("version", "sha256", "bytes", "retrieved", "licence", "feeds"))


def test_doctor_finds_nothing_wrong_and_names_what_is(data_dir, tmp_path):
    done = resistance(data_dir, "doctor", "--json")
    found = {row["subject"]: row["state"] for row in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert found["data folder"] == found["warehouse"] == found["SQL models"] == "ok"
    assert found["permissions"] == found["tools"] == found["licences"] == found["disk"] == "ok"
    without = resistance(data_dir, "doctor", "--json", RESISTANCE_KALLISTO="/no/such/kallisto")
    (tools,) = (row for row in json.loads(without.stdout) if row["subject"] == "tools")
    assert (without.returncode, tools["state"]) == (0, "warning")
    assert "Install kb-python" in tools["message"]
    broken = resistance(Path("/proc/none"), "doctor")
    assert broken.returncode == 1
    assert "data folder" in broken.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "--mirror", "/no/such/folder"], "no such mirror"),
        (["run", "--select", "core.deg__contrast_gene"], "Did you mean core.deg__contrast_genes"),
        (["run", "--profile", "everything"], "demo"),
        (["sql", "-o", "answer.csv"], "query"),
        (["nonsense"], "nonsense"),
        (["run", "--studies", "/no/such/folder"], "does not exist"),
    ],
)
def test_bad_usage_is_one_clear_message_and_exit_code_2_or_1(data_dir, arguments, named):
    done = resistance(data_dir, *arguments)
    assert done.returncode in (1, 2)
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(data_dir):
    done = resistance(data_dir, "status", RESISTANCE_PROFILE="demoo")
    assert done.returncode == 2
    assert "RESISTANCE_PROFILE" in done.stderr


def test_every_command_has_help_with_an_example():
    listed = resistance(Path("/nonexistent"), "--help").stdout
    for command in ("run", "status", "sql", "export", "notebook", "serve", "sources", "ui", "doctor"):
        assert command in listed
        text = resistance(Path("/nonexistent"), command, "--help").stdout
        assert "Example" in text


def test_a_selection_builds_what_it_needs_and_publishes(tmp_path):
    done = resistance(tmp_path / "data", "run", "--select", "staging.gene_lists__members", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert document["release"] == 1
    assert "marts" not in document["layers"]
    answer = resistance(
        tmp_path / "data", "sql", "SELECT count(*) AS n FROM staging.gene_lists__members", "--format", "json"
    )
    assert json.loads(answer.stdout)[0]["n"] > 100
