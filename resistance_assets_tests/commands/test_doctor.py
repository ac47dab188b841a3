"""What `doctor` finds: every kind of damage in a tiny data folder, told as a failure that says what to do."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from resistance_assets.commands.doctor import (
    CHECKS,
    check_lake,
    check_network,
    check_releases,
    check_report,
    check_run_records,
    check_warehouse,
    diagnose,
    show_findings,
)
from resistance_assets.errors import Fault
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.steps import run_step
from resistance_assets.report.site import MARKER
from resistance_assets.settings import Settings, load_settings
from resistance_assets_tests.orchestration.test_damaged_lake import (
    ADDRESS,
    FILE_DAMAGE,
    RECORD_DAMAGE,
    file_of,
    flip_a_bit,
    make_a_folder,
    step,
)
from resistance_assets_tests.warehouse.test_reader import put
from resistance_assets_tests.warehouse_runs import environment


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data folder of two releases, and a table in its lake."""
    with environment(tmp_path / "data"):
        found = load_settings()
    put(found.data_dir, 100)
    put(found.data_dir, 200)
    run_step(Lake(found.lake_dir), step())
    return found


def told(check: Callable[[Settings], tuple[str, str]], settings: Settings) -> tuple[str, str]:
    """State and message, as `diagnose` tells them."""
    try:
        state, message = check(settings)
    except Fault as fault:
        state, message = "failed", str(fault)
    assert "\n" not in message
    assert len(message) < 2000
    return state, message


def test_a_folder_without_damage_is_whole(settings):
    for check in (check_lake, check_releases, check_run_records, check_warehouse):
        assert told(check, settings)[0] == "ok"
    said = f"1 tables in {settings.lake_dir} are whole (every byte read)"
    assert check_lake(settings, read_all=True) == ("ok", said)


@pytest.mark.parametrize("kind", FILE_DAMAGE)
def test_a_damaged_file_of_the_lake_is_found(settings, kind):
    FILE_DAMAGE[kind](file_of(Lake(settings.lake_dir)))
    state, message = told(check_lake, settings)
    assert state == "failed"
    assert message.startswith(f"1 of 1 tables are damaged: {ADDRESS}: ")
    assert message.endswith("Run `resistance run`.")


def test_a_flip_that_keeps_size_and_time_is_found_by_reading_every_byte(settings):
    assert told(check_lake, settings)[0] == "ok"
    path = file_of(Lake(settings.lake_dir))
    stat = path.stat()
    flip_a_bit(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert "not those that were written" in check_lake(settings, read_all=True)[1]


@pytest.mark.parametrize("kind", RECORD_DAMAGE)
def test_a_damaged_record_of_the_current_version_is_found(settings, kind):
    RECORD_DAMAGE[kind](Lake(settings.lake_dir).folder(ADDRESS) / "current.json")
    state, message = told(check_lake, settings)
    assert (state, ADDRESS in message) == ("failed", True)


@pytest.mark.parametrize("kind", RECORD_DAMAGE)
def test_a_damaged_record_of_a_known_result_is_warned_of(settings, kind):
    [record] = (Lake(settings.lake_dir).folder(ADDRESS) / "memo").glob("*.json")
    RECORD_DAMAGE[kind](record)
    assert told(check_lake, settings) == (
        "warning", f"1 records of known results cannot be read, {record} first: they are made anew",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["empty", "binary", "a list", "null", "deep", "other keys", "a folder"])
def test_a_damaged_release_file_is_found(settings, kind):
    path = sorted(settings.releases_dir.glob("*.json"))[0]
    RECORD_DAMAGE[kind](path)
    assert told(check_releases, settings) == (
        "failed", f"1 release files cannot be read, {path} first. Run `resistance run`.",
    )  # fmt: skip


def test_records_of_runs_that_are_no_database_are_found(settings):
    path = settings.dagster_home / "history" / "runs.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(range(256)) * 8)
    state, message = told(check_run_records, settings)
    assert (state, message.startswith(f"{path} is no database.")) == ("failed", True)
    assert "resistance run" in message


DATABASE_DAMAGE = {
    "a folder": make_a_folder,
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * 64),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:5000]),
}


@pytest.mark.parametrize("kind", DATABASE_DAMAGE)
def test_a_damaged_warehouse_is_found(settings, kind):
    DATABASE_DAMAGE[kind](settings.warehouse_path)
    state, message = told(check_warehouse, settings)
    assert (state, "resistance run" in message) == ("failed", True)


def test_one_damaged_part_does_not_hide_what_is_said_of_the_others(settings, monkeypatch, capsys):
    for name in set(CHECKS) - {"lake", "releases", "warehouse"}:
        monkeypatch.delitem(CHECKS, name)
    flip_a_bit(file_of(Lake(settings.lake_dir)))
    DATABASE_DAMAGE["garbage"](settings.warehouse_path)
    findings = diagnose(settings, verify=True)
    assert [(one.subject, one.state) for one in findings] == [
        ("lake", "failed"), ("releases", "ok"), ("warehouse", "failed"),
    ]  # fmt: skip
    show_findings(findings)
    assert ADDRESS in "".join(capsys.readouterr()).replace("\n", "")


@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
def test_a_socks_proxy_is_supported_or_said_to_be_unsupported(settings, monkeypatch, name):
    for other in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(other.lower(), raising=False)
    assert told(check_network, settings)[0] == "ok"
    monkeypatch.setenv(name, "socks5://127.0.0.1:1080")
    state, message = told(check_network, settings)
    if importlib.util.find_spec("socksio") is None:
        assert (state, f"{name} names a SOCKS proxy" in message, "httpx[socks]" in message) == ("failed", True, True)
    else:
        assert state == "ok"


def test_pages_of_another_release_than_the_warehouse_holds_are_found(settings):
    settings = settings.model_copy(update={"report": True})
    state, message = check_report(settings)
    assert (state, message) == (
        "failed", "the pages are not there, the warehouse holds release 2. Run `resistance report`.",
    )  # fmt: skip
    marker = settings.data_dir / "report" / MARKER
    marker.parent.mkdir()
    marker.write_text("version x\nReport of release 1. This folder is replaced as a whole.\n")
    assert check_report(settings)[1].startswith("the pages show release 1, the warehouse holds release 2")
    marker.write_text("version x\nReport of release 2. This folder is replaced as a whole.\n")
    assert check_report(settings)[0] == "ok"
