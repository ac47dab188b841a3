"""What the daemon requests: whole descendants of a change in one run, nothing while nothing moves, failures hourly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from resistance_assets.catalog.tables import TABLES
from resistance_assets.defs import bring_up
from resistance_assets.defs.bring_up import RETRY_AFTER, fingerprint, keep_versions, what_is_due
from resistance_assets.orchestration.attempts import note_failure
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.run_log import append_attempts, log_path
from resistance_assets.orchestration.steps import Step, run_step
from resistance_assets.settings import Settings

SAMPLES = TABLES["raw.studies__samples"]


def sheet(value: str) -> pl.DataFrame:
    return pl.DataFrame({"study_id": "s", "sample_id": ["x"], "attribute_id": "c", "value": [value]})


def step(name: str, *inputs: str, version: str = "v1", sources: tuple[str, ...] = ()) -> Step:
    return Step(
        outputs={name: SAMPLES}, compute=lambda found: sheet(name), code_version=version, inputs=inputs, sources=sources
    )


def graph(**versions: str) -> dict[str, Step]:
    steps = [
        step("raw.a", version=versions.get("a", "v1"), sources=("hgnc",)),
        step("staging.b", "raw.a"),
        step("core.c", "staging.b"),
        step("raw.d", sources=("biogrid",)),
    ]
    return {one.name: one for one in steps}


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setattr(bring_up, "published_tables", tuple)
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "1.json").write_text(json.dumps({"release": 1, "tables": {}}))
    found = Settings(data_dir=tmp_path, profile="public")
    lake = Lake(found.lake_dir)
    for one in graph().values():
        run_step(lake, one)
    return found


NOW = datetime.now(UTC)


def test_nothing_is_due_where_nothing_changed(settings):
    assert what_is_due(settings, graph(), (), NOW) == bring_up.Due((), False, ())


def test_a_changed_source_is_requested_with_all_that_rests_on_it_in_one_run(settings):
    due = what_is_due(settings, graph(), {"hgnc"}, NOW)
    assert due.tables == ("raw.a", "staging.b", "core.c")
    assert due.publish


def test_changed_code_is_requested_with_all_that_rests_on_it(settings):
    assert what_is_due(settings, graph(a="v2"), (), NOW).tables == ("raw.a", "staging.b", "core.c")


def test_a_table_that_failed_waits_an_hour_and_keeps_nothing_else_waiting(settings):
    note_failure(Lake(settings.lake_dir), ["raw.a"], "truncated")
    due = what_is_due(settings, graph(), {"hgnc", "biogrid"}, NOW)
    assert due.waiting == ("raw.a",)
    assert due.tables == ("raw.d",)
    later = what_is_due(settings, graph(), (), NOW + RETRY_AFTER + timedelta(hours=2))
    assert later.tables == ("raw.a", "staging.b", "core.c")


def test_what_is_not_published_is_published_although_no_table_is_due(settings):
    (settings.data_dir / "releases" / "1.json").unlink()
    due = what_is_due(settings, graph(), (), NOW)
    assert (due.tables, due.publish) == ((), True)


def test_the_fingerprint_moves_with_the_lake_the_studies_and_the_sources(settings, tmp_path):
    study = tmp_path / "samples.tsv"
    study.write_text("one")

    def now() -> str:
        return fingerprint(settings, [study])

    seen = [now()]
    assert now() == seen[0]
    run_step(Lake(settings.lake_dir), step("raw.a", version="v2"))
    seen.append(now())
    study.write_text("another")
    seen.append(now())
    keep_versions(tmp_path, {"hgnc": "2"})
    seen.append(now())
    note_failure(Lake(settings.lake_dir), ["raw.a"], "x")
    seen.append(now())
    assert len(set(seen)) == len(seen)
    keep_versions(tmp_path, {"hgnc": "2"})
    assert now() == seen[-1]


def test_the_sensor_requests_once_and_is_quiet_while_the_run_is_under_way(settings, monkeypatch, tmp_path: Path):
    from resistance_assets.catalog.registry import load_registry

    monkeypatch.setattr(bring_up, "load_settings", lambda: settings)
    sensor = bring_up.bring_up_sensor(load_registry(), graph(a="v2"), dg.DefaultSensorStatus.STOPPED)
    instance = dg.DagsterInstance.ephemeral()

    def tick(cursor: str | None = None):
        return sensor(dg.build_sensor_context(instance=instance, cursor=cursor))

    first = tick()
    (request,) = first.run_requests
    asked = {"/".join(key.path) for key in request.asset_selection}
    assert asked == {"raw/a", "staging/b", "core/c", "warehouse", "report"}
    run = instance.add_run(dg.DagsterRun("j", status=dg.DagsterRunStatus.STARTED))
    run_step(Lake(settings.lake_dir), step("raw.a", version="v2"))
    assert "under way" in tick(first.cursor).skip_message
    instance.report_run_failed(run)
    # The lake moved: what is left is asked anew, and nothing is left.
    again = tick(first.cursor)
    assert not again.run_requests
    assert "nothing moved" in tick(again.cursor).skip_message
    # An upgrade is a reason to look again.
    monkeypatch.setattr(bring_up, "hash_of_code", lambda: "upgraded")
    sensor = bring_up.bring_up_sensor(load_registry(), graph(a="v3"), dg.DefaultSensorStatus.STOPPED)
    assert tick(again.cursor).run_requests


def test_code_that_changed_under_the_daemon_is_told_and_requests_nothing(settings, monkeypatch):
    from resistance_assets.catalog.registry import load_registry

    monkeypatch.setattr(bring_up, "load_settings", lambda: settings)
    sensor = bring_up.bring_up_sensor(load_registry(), graph(a="v2"), dg.DefaultSensorStatus.STOPPED)
    monkeypatch.setattr(bring_up, "hash_of_code", lambda: "another")
    with pytest.raises(dg.Failure, match="reload it, or restart"):
        sensor(dg.build_sensor_context(instance=dg.DagsterInstance.ephemeral()))


def test_a_changed_source_is_asked_for_again_where_the_run_was_killed_before_it_came_so_far(settings, monkeypatch):
    from resistance_assets.catalog.registry import load_registry

    monkeypatch.setattr(bring_up, "load_settings", lambda: settings)
    sensor = bring_up.bring_up_sensor(load_registry(), graph(), dg.DefaultSensorStatus.STOPPED)
    instance = dg.DagsterInstance.ephemeral()

    def tick(cursor: str | None = None, *, hours: int = 0):
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + timedelta(hours=hours)

        monkeypatch.setattr(bring_up, "datetime", Clock)
        return sensor(dg.build_sensor_context(instance=instance, cursor=cursor))

    def asked(result) -> set[str]:
        return {"/".join(key.path) for request in result.run_requests or () for key in request.asset_selection}

    # At first nobody knows whether the lake holds what the hosts have.
    keep_versions(settings.data_dir, {"hgnc": "1"})
    first = tick()
    assert asked(first) == {"raw/a", "staging/b", "core/c", "warehouse", "report"}
    # The run was killed: nothing moved, and an hour later it is asked for again.
    assert "nothing moved" in tick(first.cursor).skip_message
    again = tick(first.cursor, hours=2)
    assert asked(again) == asked(first)
    # Now it was tried, which is as good as done: a table that failed has an hour of its own.
    attempt = ("run", "raw.a", "cache hit", (datetime.now(UTC) + timedelta(hours=2)).isoformat(), 0.0, None)
    append_attempts(log_path(settings.lake_dir), [attempt])
    last = tick(again.cursor, hours=4)
    assert not asked(last)
    assert "asked" not in json.loads(last.cursor)
