"""`dagster.yaml`: written once, renewed where nobody changed it, left alone where somebody did."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from resistance_assets.errors import DataFault
from resistance_assets.orchestration.dagster import instance_config
from resistance_assets.orchestration.dagster.instance_config import (
    FILE,
    INSTANCE_CONFIG,
    is_written_here,
    missing_settings,
    write_instance_config,
)

EARLIER = "telemetry:\n  enabled: false\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    known = instance_config.EARLIER_CONFIGS | {hashlib.sha256(EARLIER.encode()).hexdigest()}
    monkeypatch.setattr(instance_config, "EARLIER_CONFIGS", known)
    return tmp_path


def test_settings_are_written_once(home):
    assert is_written_here(home)
    assert write_instance_config(home)
    assert (home / FILE).read_text() == INSTANCE_CONFIG
    assert not write_instance_config(home)
    assert missing_settings(home) == []


def test_settings_of_an_earlier_version_are_renewed(home):
    (home / FILE).write_text(EARLIER)
    assert is_written_here(home)
    assert write_instance_config(home)
    assert (home / FILE).read_text() == INSTANCE_CONFIG


def test_settings_that_somebody_changed_are_left_alone_and_what_they_lack_is_named(home):
    own = f"{EARLIER}retention:\n  schedule:\n    purge_after_days: 90\n"
    (home / FILE).write_text(own)
    assert not is_written_here(home)
    assert not write_instance_config(home)
    assert (home / FILE).read_text() == own
    missing = missing_settings(home)
    assert "retention.sensor" in missing
    assert "concurrency.runs" in missing
    assert "retention.schedule" not in missing
    assert "telemetry.enabled" not in missing


@pytest.mark.parametrize("text", ["retention: [", "\t\tx", "- a\n- b\n"])
def test_a_file_that_is_no_table_is_told(home, text):
    (home / FILE).write_text(text)
    if text.startswith("-"):
        assert "retention.sensor" in missing_settings(home)
    else:
        with pytest.raises(DataFault, match=r"dagster\.yaml: cannot be read"):
            missing_settings(home)


def test_every_process_that_opens_the_instance_is_tuned(tmp_path, monkeypatch):
    import sqlalchemy
    from dagster import DagsterInstance
    from dagster._daemon import controller

    from resistance_assets.orchestration.dagster import tuned_instance
    from resistance_assets.orchestration.dagster.sqlite_tuning import _without_sync

    write_instance_config(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr(controller, "RELOAD_WORKSPACE_INTERVAL", 60)
    with DagsterInstance.get() as instance:
        assert isinstance(instance, tuned_instance.TunedInstance)
        assert sqlalchemy.event.contains(sqlalchemy.Engine, "connect", _without_sync)
        # As a child process gets it.
        with DagsterInstance.from_ref(instance.get_ref()) as again:
            assert isinstance(again, tuned_instance.TunedInstance)
    tuned_instance.look_less_often()
    assert controller.RELOAD_WORKSPACE_INTERVAL == tuned_instance.RELOAD_SECONDS


def test_every_interval_of_dagster_that_is_made_longer_is_there_in_this_version_of_it():
    import importlib

    from resistance_assets.orchestration.dagster.tuned_instance import INTERVALS

    absent = [
        f"{module}.{name}"
        for module, names in INTERVALS.items()
        for name in names
        if not hasattr(importlib.import_module(module), name)
    ]
    assert absent == []
