"""Dagster's records in SQLite: as many engines as databases, nobody waits for the disk, and nothing is lost."""

from __future__ import annotations

import dagster as dg
import pytest
import sqlalchemy

from resistance_assets.orchestration.dagster.run import open_instance


@dg.job
def nothing():
    pass


@pytest.mark.slow
def test_queries_of_dagster_share_an_engine_per_database(tmp_path, monkeypatch):
    """Dagster makes an engine for each of its queries; as many as it has databases are enough."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # `open_instance` sets it; put back at the end
    made: list[sqlalchemy.Engine] = []
    opened: list[object] = []

    def connected(connection: sqlalchemy.Connection) -> None:
        made.append(connection.engine)

    def was_opened(connection: object, _: object) -> None:
        opened.append(connection)

    with open_instance(tmp_path / "home") as instance:
        sqlalchemy.event.listen(sqlalchemy.Engine, "engine_connect", connected)
        sqlalchemy.event.listen(sqlalchemy.Engine, "connect", was_opened)
        try:
            run = nothing.execute_in_process(instance=instance)
        finally:
            sqlalchemy.event.remove(sqlalchemy.Engine, "engine_connect", connected)
            sqlalchemy.event.remove(sqlalchemy.Engine, "connect", was_opened)
        assert run.success
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.SUCCESS
    # Of runs, of the index of events, and of the events of this run.
    assert len(made) > 20
    assert len({id(engine) for engine in made}) <= 4
    assert len(opened) <= 8


@pytest.mark.slow
def test_a_database_that_was_set_aside_is_written_anew(tmp_path, monkeypatch):
    """A connection that stays open must not go on writing into a file that nobody finds any more."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    home = tmp_path / "home"
    for place in ("aside_1", "aside_2"):
        with open_instance(home) as instance:
            run = nothing.execute_in_process(instance=instance)
            assert [found.run_id for found in instance.get_runs()] == [run.run_id]
            assert instance.all_logs(run.run_id)
        home.rename(tmp_path / place)


def test_records_do_not_wait_for_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with open_instance(tmp_path / "home") as instance, instance.event_log_storage.index_connection() as connection:
        assert connection.execute(sqlalchemy.text("PRAGMA synchronous")).scalar() == 0
