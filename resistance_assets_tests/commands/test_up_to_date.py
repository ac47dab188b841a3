"""A command that has nothing to do loads no graph, and neither Dagster nor pandas; anything that moves is noticed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resistance_assets.commands.up_to_date import fingerprint_of, lookup, remember
from resistance_assets.settings import Settings

HEAVY = ("dagster", "pandas", "pandera", "numba", "scipy")
FILES = (
    "mirror/index.jsonl",
    "mirror/files/a.tsv",
    "studies/one/study.toml",
    "studies/one/counts.tsv",
    "data/lake/raw/t/current.json",
    "data/lake/raw/t/v1.parquet",
    "data/releases/1.json",
    "data/report/index.html",
    "data/warehouse.duckdb",
)


@pytest.fixture
def place(tmp_path: Path) -> Settings:
    """A data folder with one file of every kind that a run looks at."""
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return Settings(data_dir=tmp_path / "data", mirror=tmp_path / "mirror", studies=(tmp_path / "studies",))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", ["written", "removed", "same size and time"])
def test_whatever_moves_changes_the_fingerprint(place: Settings, name: str, change: str):
    before = fingerprint_of(place)
    path = place.data_dir.parent / name
    facts = path.stat()
    if change == "removed":
        path.unlink()
    else:
        text = path.read_text()
        path.write_text(text + "x" if change == "written" else text.swapcase())
        if change == "same size and time":
            os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert fingerprint_of(place) != before


def test_settings_and_new_files_change_the_fingerprint_and_locks_do_not(place: Settings):
    before = fingerprint_of(place)
    assert fingerprint_of(place) == before
    assert fingerprint_of(place.model_copy(update={"opt_in": ("kegg",)})) != before
    (place.lake_dir / "raw/t/current.json.lock").touch()
    assert fingerprint_of(place) == before
    (place.data_dir.parent / "studies" / "two").mkdir()
    (place.data_dir.parent / "studies" / "two" / "study.toml").touch()
    assert fingerprint_of(place) != before


def test_live_hosts_are_asked_every_time(place: Settings):
    live = place.model_copy(update={"mirror": None, "profile": "public"})
    assert fingerprint_of(live) is None
    assert fingerprint_of(live, asks_sources=False) is not None
    remember(live, "run", None, {"release": 1}, still=lambda: None)
    assert lookup(live, "run", None) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"fingerprint": 1}', "\x00"])
def test_a_damaged_note_counts_as_none(place: Settings, text: str):
    now = fingerprint_of(place)
    remember(place, "run", now, {"release": 1}, still=lambda: fingerprint_of(place))
    assert lookup(place, "run", now) == {"release": 1}
    next(place.cache_dir.glob("**/run.json")).write_text(text)
    assert lookup(place, "run", now) is None


def test_nothing_is_noted_where_something_moved_meanwhile(place: Settings):
    before = fingerprint_of(place)
    (place.lake_dir / "raw/t/current.json").write_text("another")
    remember(place, "run", before, {"release": 1}, still=lambda: fingerprint_of(place))
    assert not list(place.cache_dir.glob("**/run.json"))


def test_a_circle_of_links_ends(place: Settings):
    (place.data_dir.parent / "studies" / "again").symlink_to(place.data_dir.parent / "studies")
    assert fingerprint_of(place)


# ---- the commands ----------------------------------------------------------------------------------------------------


def told(environ: dict[str, str], *arguments: str) -> dict:
    """What a command says, and which of the heavy packages it imported, in a process of its own."""
    code = (
        "import atexit, json, sys\n"
        f"atexit.register(lambda: print('MODULES', json.dumps([m for m in {HEAVY!r} if m in sys.modules])))\n"
        "sys.argv = ['resistance', *sys.argv[1:]]\n"
        "from resistance_assets.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer, _, modules = done.stdout.rpartition("MODULES ")
    return {"answer": json.loads(answer) if "--json" in arguments else answer, "modules": json.loads(modules)}


@pytest.fixture(scope="module")
def settled(demo_place: Path, tmp_path_factory) -> dict[str, str]:
    """Environment of a copy of the demo in which everything is up to date and one run has seen that."""
    place = tmp_path_factory.mktemp("settled") / "copy"
    shutil.copytree(demo_place, place)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RESISTANCE_")},
        "RESISTANCE_DATA_DIR": str(place / "data"),
        "RESISTANCE_MIRROR": str(place / "demo" / "mirror"),
        "RESISTANCE_STUDIES": str(place / "demo" / "studies"),
        "RESISTANCE_REPORT": "false",
    }
    environ.pop("DAGSTER_HOME", None)
    # The notes of the run that made the demo are of another place.
    first = told(environ, "run", "--json")
    assert "dagster" not in first["modules"]
    assert first["answer"]["new_release"] is False
    return environ


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--json"),
        ("refresh", "--json"),
        ("status", "--json"),
        ("sql", "SELECT count(*) FROM marts.gene_evidence"),
        ("explain", "CCL20"),
        ("claims",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_with_nothing_to_do_neither_dagster_nor_pandas_is_imported(settled, arguments):
    assert told(settled, *arguments)["modules"] == []


@pytest.mark.parametrize("arguments", [("sources", "--json"), ("doctor",)], ids=lambda arguments: arguments[0])
def test_a_second_look_imports_neither_dagster_nor_pandas(settled, arguments):
    assert "dagster" not in told(settled, *arguments)["modules"]
    assert told(settled, *arguments)["modules"] == []


def test_a_run_and_a_status_from_the_note_say_what_the_long_way_says(settled):
    quick = told(settled, "run", "--json")["answer"]
    states = told(settled, "status", "--json")["answer"]
    shutil.rmtree(Path(settled["RESISTANCE_DATA_DIR"]) / "cache" / "up_to_date")
    long_states = told(settled, "status", "--json")["answer"]
    slow = told(settled, "run", "--json")["answer"]
    for document in (quick, slow):
        document.pop("seconds")
    assert quick == slow
    assert states == long_states
    assert {state["state"] for state in states} <= {"fresh", "unavailable"}


def test_a_table_that_is_gone_is_noticed_after_a_note(settled):
    table_version = Path(settled["RESISTANCE_DATA_DIR"]) / "lake" / "marts" / "gene_evidence" / "current.json"
    kept = table_version.read_bytes()
    table_version.unlink()
    states = {state["address"]: state["state"] for state in told(settled, "status", "--json")["answer"]}
    table_version.write_bytes(kept)
    assert states["marts.gene_evidence"] == "missing"
