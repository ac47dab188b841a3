"""Runs whose dear steps are jobs of a real Slurm, from the command line and as Dagster's UI and daemon launch them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resistance_assets.errors import UsageFault
from resistance_assets.orchestration.dagster.executors import job_handler
from resistance_assets.orchestration.events import subscribe
from resistance_assets.orchestration.jobs import bundles
from resistance_assets.orchestration.lake import Lake
from resistance_assets_tests.orchestration.dagster.executors.world import (
    BROKEN,
    GOOD,
    build,
    settings_of_world,
    versions_of,
    write_world,
)  # fmt: skip
from resistance_assets_tests.slurm_cluster import (
    MEMORY_MB,
    ask_slurm,
    missing_programs,
    require,
    run_slurm,
    wait_until,
)

pytestmark = pytest.mark.slow

COUNTS = "parts.studies__gene_sample_counts__"
# What a job of Slurm does when it is seen to, in the places of the constants of a cluster that many people use.
RUN = """
import sys, warnings
warnings.simplefilter("ignore")
from resistance_assets import cli
from resistance_assets.orchestration.dagster.executors import job_handler
job_handler.LOOK_SECONDS = 0.5
sys.argv = ["resistance", "run", "--select", sys.argv[1]]
cli.main()
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Path]:
    """A running Slurm: its slurm.conf."""
    require(missing_programs(), "slurm-wlm munge", "RESISTANCE_REQUIRE_SLURM")
    with run_slurm(tmp_path_factory.mktemp("slurm")) as configuration:
        yield configuration


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, Path]:
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def place(world, cluster, tmp_path, monkeypatch) -> Iterator[Path]:
    """A new data folder for a run of the world on the cluster."""
    with settings_of_world(world, tmp_path / "data"):
        os.environ.update(
            SLURM_CONF=str(cluster), RESISTANCE_EXECUTOR="slurm", RESISTANCE_JOBS="4", RESISTANCE_JOB_MEMORY="1200MB"
        )
        monkeypatch.setattr(job_handler, "LOOK_SECONDS", 0.5)
        yield tmp_path / "data"


def test_jobs_side_by_side_build_what_one_process_builds(place, world, tmp_path, monkeypatch):
    """Two jobs at once; a step that fails in its job is told as it is where the run computes it itself."""
    monkeypatch.setattr(bundles, "TARGET_SECONDS", 2.0)
    before = len(ask_slurm("squeue", "-h", "--states=all", "--Format=JobID:|"))
    done = build()
    with settings_of_world(world, tmp_path / "here"):
        expected = build()
    assert versions_of(place) == versions_of(tmp_path / "here")
    assert (done.outcomes, done.messages) == (expected.outcomes, expected.messages)
    assert f"{BROKEN}/counts.tsv, line 9" in done.messages[COUNTS + BROKEN]
    lake = Lake(place / "lake")
    assert {lake.current(COUNTS + study).run_id for study in GOOD} == {done.run_ids[0]}

    jobs = ask_slurm("squeue", "-h", "--states=all", "--sort=i", "--Format=StartTime:|,EndTime:|,Name:|,MinMemory:|")[
        before:
    ]
    assert len(jobs) >= 2
    (first, second) = jobs[:2]
    assert max(first[0], second[0]) < min(first[1], second[1]), "the first two ran at the same time"
    assert first[2].startswith(f"resistance {COUNTS}")
    assert {job[3] for job in jobs} == {"1145M"}, "the memory of steps that never ran"
    assert not list((place / "cache" / "jobs").iterdir()), "answers are taken and files are gone"


def test_costs_are_recorded_what_is_up_to_date_is_no_job_and_no_secret_goes_along(place):
    os.environ.update(RESISTANCE_ALERT_SMTP="smtp://user:hidden@localhost", RESISTANCE_CONTACT="us@example.org")
    assert build([COUNTS + GOOD[0]]).outcomes[COUNTS + GOOD[0]] == "built"
    costs = [json.loads(line) for line in (place / "cache" / "costs.jsonl").read_text().splitlines()]
    assert [name for name, _ in costs] == [COUNTS + GOOD[0]]
    assert costs[0][1]["peak_bytes"] > 50_000_000
    jobs = sorted(ask_slurm("squeue", "-h", "--states=all", "--Format=JobID:|"))
    last = max(int(job) for (job,) in jobs)
    script = subprocess.run(["scontrol", "write", "batch_script", str(last), "-"], capture_output=True, text=True)
    assert COUNTS + GOOD[0] in script.stdout
    assert "hidden" not in script.stdout
    state = Path(os.environ["SLURM_CONF"]).parent / "state"
    given = (state / f"hash.{last % 10}" / f"job.{last}" / "environment").read_bytes()
    assert b"us@example.org" in given
    assert b"hidden" not in given
    assert build([COUNTS + GOOD[0]]).outcomes[COUNTS + GOOD[0]] == "cache hit"
    assert sorted(ask_slurm("squeue", "-h", "--states=all", "--Format=JobID:|")) == jobs


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_cancels_the_jobs_of_a_run(place, number, code):
    """Before that, a job that somebody has to release is told of."""
    os.environ["RESISTANCE_SLURM_OPTIONS"] = "--hold"
    process, job = begin_run()
    assert process.stderr is not None
    assert process.stderr.readline() == f"Slurm job {job} does not begin: JobHeldUser\n"
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert "the next run goes on from" in told
    assert ask_slurm("squeue", "-h", "--states=all", f"--jobs={job}", "--Format=State:|") == [["CANCELLED"]]


def test_jobs_that_are_lost_are_told_of_and_one_that_lacked_memory_gets_more_next_time(place, monkeypatch):
    """The first is cancelled by somebody; the others take more memory than the interpreter itself needs."""
    monkeypatch.setattr(bundles, "TARGET_SECONDS", 0.5)
    os.environ["RESISTANCE_SLURM_OPTIONS"] = "--mem=40M"  # the later option counts
    jobs = {}

    def cancel_the_first(event) -> None:
        if event.kind == "note" and event.message.startswith("Slurm job "):
            jobs[event.subject] = event.message.split()[2].rstrip(":")
            if len(jobs) == 1:
                subprocess.run(["scancel", jobs[event.subject]], check=True)

    with subscribe(cancel_the_first):
        done = build([COUNTS + study for study in GOOD])
    cancelled, killed = jobs
    assert f"{cancelled}: Slurm job {jobs[cancelled]} ended before it was built (CANCELLED" in done.messages[cancelled]
    assert f"{killed}: Slurm job {jobs[killed]} ended before it was built (FAILED, " in done.messages[killed]
    assert "signal 9). It had 1200 MB; the next run asks for twice as much" in done.messages[killed]
    (line,) = (place / "cache" / "costs.jsonl").read_text().splitlines()
    assert json.loads(line) == [killed, {"memory_bytes": 2_400_000_000}]


def test_a_job_that_takes_longer_than_its_limit_is_told_of_and_gets_more_next_time(place):
    """It waits for the right to write its table; its limit is drawn in, since Slurm's are whole minutes."""
    table = COUNTS + GOOD[0]
    costs = place / "cache" / "costs.jsonl"
    costs.parent.mkdir(parents=True)
    costs.write_text(json.dumps([table, {"seconds": 1.0, "peak_bytes": 10**9}]) + "\n")
    limits = []

    def end_soon(event) -> None:
        if event.kind == "note" and event.message.startswith("Slurm job "):
            job = event.message.split()[2].rstrip(":")
            update = ["scontrol", "update", f"JobId={job}", "EndTime=now"]
            wait_until(lambda: subprocess.run(update, capture_output=True).returncode == 0, "the job")
            limits.append(ask_slurm("squeue", "-h", f"--jobs={job}", "--Format=MinMemory:|"))

    with Lake(place / "lake").locked(table), subscribe(end_soon):
        done = build([table])
    assert "ended before it was built (TIMEOUT, TimeLimit" in done.messages[table]
    assert "It had 11 min; the next run asks for 22." in done.messages[table]
    assert limits == [[["1431M"]]], "half more than its peak"
    assert json.loads(costs.read_text().splitlines()[-1]) == [table, {"minutes": 22}]


def begin_run() -> tuple[subprocess.Popen[str], str]:
    """`resistance run` of one table, once its job is in the queue: process, number of the job."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, COUNTS + GOOD[0]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Slurm job "):
            return process, line.split()[2].rstrip(":")
    pytest.fail(f"no job was submitted: {process.communicate()}")


def test_what_slurm_refuses_is_told_with_its_words(place):
    os.environ["RESISTANCE_SLURM_OPTIONS"] = f"--mem={MEMORY_MB * 10}M"
    done = build([COUNTS + GOOD[0]])
    assert done.outcomes[COUNTS + GOOD[0]] == "failed"
    assert "Memory specification can not be satisfied" in done.messages[COUNTS + GOOD[0]]
    assert "RESISTANCE_JOB_MEMORY" in done.messages[COUNTS + GOOD[0]]


def test_without_slurm_a_run_says_so_before_it_begins(world, tmp_path, monkeypatch):
    with settings_of_world(world, tmp_path / "data"):
        monkeypatch.setenv("RESISTANCE_EXECUTOR", "slurm")
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(UsageFault, match="there is no sbatch on the PATH"):
            build()
