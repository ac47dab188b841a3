"""`deploy/dagster-postgres.yaml` with a real server: the UI loads, the daemon ticks, and two runs work at once."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from resistance_assets.orchestration.lake import Lake
from resistance_assets_tests.orchestration.dagster.executors.world import (
    GOOD,
    build,
    settings_of_world,
    versions_of,
    write_world,
)  # fmt: skip
from resistance_assets_tests.postgres_server import find_programs, run_postgres
from resistance_assets_tests.slurm_cluster import free_ports, require, wait_until

pytestmark = pytest.mark.slow

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "dagster-postgres.yaml"
LONGEST = 540.0
# A proxy of the environment is not asked for this machine.
CLIENT = httpx.Client(trust_env=False)
KINDS = ("studies__gene_sample_counts", "studies__samples", "studies__warnings",
         "rejected_rows__studies__gene_sample_counts")  # fmt: skip
"""What the step of one study writes."""

LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}
"""
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }"
LOCATIONS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
RUNS = "{ runsOrError { ... on Runs { results { runId status startTime endTime } } } }"


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    programs = find_programs()
    require([] if programs else ["initdb"], "postgresql", "RESISTANCE_REQUIRE_POSTGRES")
    assert programs is not None
    with run_postgres(programs) as environment:
        yield dict(environment)


@contextlib.contextmanager
def run_ui(port: int, log: Path) -> Iterator[None]:
    """`resistance ui` in a session of its own, with all its processes."""
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "resistance_assets.cli", "ui", "--port", str(port)],
            stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def ask(address: str, query: str, **variables: Any) -> Any:
    """The answer of the UI's own interface; None as long as it does not answer."""
    try:
        told = CLIENT.post(f"{address}/graphql", json={"query": query, "variables": variables}, timeout=60)
    except httpx.TransportError:
        return None
    return told.json().get("data") if told.status_code == 200 else None


def test_two_runs_at_once_build_over_postgres_what_one_process_builds(server, tmp_path, monkeypatch):
    world = write_world(tmp_path / "world")
    tables = [f"parts.{kind}__{study}" for study in GOOD for kind in KINDS]
    with settings_of_world(world, tmp_path / "here"):
        build(tables)
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    log = tmp_path / "ui.log"
    with settings_of_world(world, tmp_path / "data"):
        os.environ.update(server, NO_PROXY="127.0.0.1")
        home = tmp_path / "data" / "dagster"
        home.mkdir(parents=True)
        shutil.copy(CONFIGURATION, home / "dagster.yaml")
        with run_ui(port, log):
            repositories: list[dict[str, Any]] = []

            def is_loaded() -> bool:
                found = (ask(address, LOCATIONS) or {}).get("repositoriesOrError", {}).get("nodes", [])
                repositories[:] = found
                return bool(found)

            wait_until(is_loaded, "the code location", LONGEST, every=1.0)
            with contextlib.ExitStack() as held:
                # Neither run can end before both have begun.
                for study in GOOD:
                    held.enter_context(Lake(tmp_path / "data" / "lake").locked(f"parts.{KINDS[0]}__{study}"))
                launched = [_launch(address, repositories[0], study) for study in GOOD]
                _wait_for(address, launched, "STARTED")
            _wait_for(address, launched, "SUCCESS", "FAILURE")
            runs = {run["runId"]: run for run in ask(address, RUNS)["runsOrError"]["results"]}
            daemons = ask(address, DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
    first, second = (runs[run_id] for run_id in launched)
    assert (first["status"], second["status"]) == ("SUCCESS", "SUCCESS"), log.read_text()[-4000:]
    assert max(first["startTime"], second["startTime"]) < min(first["endTime"], second["endTime"])
    assert {"SENSOR", "QUEUED_RUN_COORDINATOR"} <= {one["daemonType"] for one in daemons if one["healthy"]}
    assert versions_of(tmp_path / "data") == versions_of(tmp_path / "here")
    assert not list(home.glob("history/**/*.db")), "records are in Postgres, and in no file"
    assert server["DAGSTER_PG_PASSWORD"] not in log.read_text()
    assert "Traceback" not in log.read_text()


def _launch(address: str, repository: dict[str, Any], study: str) -> str:
    selector = {
        "repositoryName": repository["name"],
        "repositoryLocationName": repository["location"]["name"],
        "jobName": "__ASSET_JOB",
        "assetSelection": [{"path": ["parts", f"{kind}__{study}"]} for kind in KINDS],
    }
    told = ask(address, LAUNCH, params={"selector": selector, "runConfigData": {}})["launchRun"]
    assert told["__typename"] == "LaunchRunSuccess", told
    return told["run"]["runId"]


def _wait_for(address: str, runs: list[str], *statuses: str) -> None:
    def are_there() -> bool:
        results = (ask(address, RUNS) or {}).get("runsOrError", {}).get("results", [])
        return set(runs) <= {run["runId"] for run in results if run["status"] in statuses}

    wait_until(are_there, f"the runs, until {' or '.join(statuses)},", LONGEST, every=1.0)
