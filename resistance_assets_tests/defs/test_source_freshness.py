"""What was found of the sources without Dagster stands in the UI after the next run or start, and only once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from resistance_assets.catalog.registry import load_registry
from resistance_assets.defs.source_freshness import CHECK, report_freshness
from resistance_assets.orchestration.source_log import note_looks

NAME = "allonco_june2021"


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("RESISTANCE_DATA_DIR", str(tmp_path))
    return tmp_path


def last(instance: dg.DagsterInstance) -> tuple[bool, str, str]:
    key = dg.AssetCheckKey(dg.AssetKey(["source", NAME]), CHECK)
    [record] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    assert record.event.dagster_event is not None
    found = record.event.dagster_event.asset_check_evaluation_data
    return found.passed, found.severity.value, found.description or ""


def test_looks_without_dagster_reach_the_checks_of_the_instance(data_dir):
    registry, now = load_registry(), datetime.now(UTC)
    note_looks(data_dir, dict.fromkeys(registry.sources), now=now)
    with dg.DagsterInstance.ephemeral() as instance:
        assert report_freshness(registry, instance) == len(registry.sources)
        assert last(instance)[0]
        # The same again says nothing new.
        assert report_freshness(registry, instance) == 0

        note_looks(data_dir, dict.fromkeys(registry.sources), now=now - timedelta(days=4))
        note_looks(data_dir, {NAME: "host away"}, now=now)
        assert report_freshness(registry, instance) == len(registry.sources)
        passed, severity, told = last(instance)
        assert (passed, severity) == (False, "ERROR")
        assert "host away" in told
