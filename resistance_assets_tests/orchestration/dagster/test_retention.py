"""Retention of Dagster's records: old ones go, what is current stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from resistance_assets.orchestration.dagster.retention import CHECKS_KEPT, EVENTS_KEPT, trim_records
from resistance_assets.orchestration.dagster.run import open_instance


@dg.asset(key=["raw", "a"])
def first() -> int:
    return 1


@dg.asset(key=["raw", "b"])
def second() -> int:
    return 2


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return tmp_path / "dagster"


def test_old_runs_go_and_the_last_of_each_asset_stays(home):
    later = datetime.now(UTC) + timedelta(days=40)
    with open_instance(home) as instance:
        runs = [dg.materialize([first], instance=instance).run_id for _ in range(4)]
        runs.append(dg.materialize([second], instance=instance).run_id)
        assert trim_records(instance, home, days=30).runs == 0
        trimmed = trim_records(instance, home, days=30, now=later)
        assert trimmed.runs == 3
        assert trimmed.bytes_freed > 0
        assert {run.run_id for run in instance.get_runs()} == set(runs[3:])
        # No asset is missing for it.
        for key in ("a", "b"):
            assert instance.get_latest_materialization_event(dg.AssetKey(["raw", key])) is not None
        # The log of steps goes of the others as well.
        assert trimmed.logs == 2
        assert not [path for path in (home / "history" / "runs").glob("*.db") if path.stem in runs]
        assert trim_records(instance, home, days=30, now=later).runs == 0


def test_a_run_under_way_stays(home):
    with open_instance(home) as instance:
        dg.materialize([first], instance=instance)
        begun = instance.add_run(dg.DagsterRun("j", status=dg.DagsterRunStatus.STARTED))
        trim_records(instance, home, days=30, now=datetime.now(UTC) + timedelta(days=40))
        assert instance.has_run(begun.run_id)


@dg.asset(key=["raw", "c"], check_specs=[dg.AssetCheckSpec("good", asset=["raw", "c"])])
def checked():
    lineage = dg.TableColumnLineage({"a": [dg.TableColumnDep(asset_key=dg.AssetKey(["raw", "b"]), column_name="x")]})
    yield dg.MaterializeResult(
        metadata={"dagster/column_lineage": lineage, "dagster/row_count": 5},
        check_results=[dg.AssetCheckResult(passed=True, check_name="good")],
    )


def test_events_that_newer_ones_replaced_go_and_what_is_current_stays(home):
    key, check = dg.AssetKey(["raw", "c"]), dg.AssetCheckKey(dg.AssetKey(["raw", "c"]), "good")
    with open_instance(home) as instance:
        for _ in range(EVENTS_KEPT + 3):
            dg.materialize([checked], instance=instance)
        before = instance.get_latest_materialization_event(key)
        trimmed = trim_records(instance, home, days=30)
        assert trimmed.runs == 0
        # 3 materialisations; of the 13 checks 10 evaluations, 10 executions; plans of all but the last two runs.
        assert trimmed.events >= 3 + 10 + 10
        kept = instance.fetch_materializations(key, limit=100).records
        assert len(kept) == EVENTS_KEPT
        metadata = [record.asset_materialization.metadata for record in kept]
        # History keeps what changes over time; the rest is told by the newest.
        assert all("dagster/row_count" in one for one in metadata)
        assert ["dagster/column_lineage" in one for one in metadata] == [True] + [False] * (EVENTS_KEPT - 1)
        history = instance.event_log_storage.get_asset_check_execution_history(check, limit=100)
        assert len(history) == CHECKS_KEPT
        after = instance.get_latest_materialization_event(key)
        assert after.run_id == before.run_id
        assert after.asset_materialization.metadata == before.asset_materialization.metadata
        assert trim_records(instance, home, days=30).events == 0
        # Nothing stands in the way of the next run.
        assert dg.materialize([checked], instance=instance).success


def test_both_configurations_state_how_long_ticks_are_kept(home):
    from pathlib import Path

    import yaml

    open_instance(home).dispose()
    deploy = Path(__file__).parents[3] / "deploy"
    for path in (home / "dagster.yaml", *sorted(deploy.glob("dagster-*.yaml"))):
        retention = yaml.safe_load(path.read_text())["retention"]
        assert retention["sensor"]["purge_after_days"]["skipped"] <= 2, path
        assert retention["schedule"]["purge_after_days"] == 30, path
