"""Dagster's records in SQLite: as many engines as databases, nobody waits for the disk, and nothing is lost."""

from __future__ import annotations

import dagster as dg
import sqlalchemy

from resistance_assets.orchestration.run import open_instance


@dg.job
def nothing():
    pass


def test_queries_of_dagster_share_an_engine_per_database(tmp_path, monkeypatch):
    """Dagster makes an engine for each of its queries; as many as it has databases are enough."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # `open_instance` sets it; put back at the end
    made: list[sqlalchemy.Engine] = []

    def connected(connection: sqlalchemy.Connection) -> None:
        made.append(connection.engine)

    with open_instance(tmp_path / "home") as instance:
        sqlalchemy.event.listen(sqlalchemy.Engine, "engine_connect", connected)
        try:
            run = nothing.execute_in_process(instance=instance)
        finally:
            sqlalchemy.event.remove(sqlalchemy.Engine, "engine_connect", connected)
        assert run.success
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.SUCCESS
    # Of runs, of the index of events, and of the events of this run.
    assert len(made) > 20
    assert len({id(engine) for engine in made}) <= 4


def test_records_do_not_wait_for_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with open_instance(tmp_path / "home") as instance, instance.event_log_storage.index_connection() as connection:
        assert connection.execute(sqlalchemy.text("PRAGMA synchronous")).scalar() == 0
