"""What a job is told, and what Slurm tells of one."""

from __future__ import annotations

import pytest

from resistance_assets.orchestration.jobs.queue import JobRequest, JobState, environment_of_job
from resistance_assets.orchestration.jobs.slurm import SlurmQueue, _state
from resistance_assets.settings import Settings, load_settings

REQUEST = JobRequest(("core.x", "core.y", "core.z"), "run", 1, 3_000_000_000, 30)


def test_a_job_gets_sources_and_credentials_of_the_lake_and_no_other_secret(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESISTANCE_DATA_DIR", "data")
    monkeypatch.setenv("RESISTANCE_MIRROR", "mirror")
    given = {
        "PATH": "/bin", "RESISTANCE_MIRROR": "mirror", "RESISTANCE_OPT_IN": "kegg", "RESISTANCE_JOBS": "4",
        "RESISTANCE_ALERT_WEBHOOK": "secret",
        "RESISTANCE_SERVE_TOKEN": "secret", "DAGSTER_PG_PASSWORD": "secret", "GITHUB_TOKEN": "secret",
        "AWS_SECRET_ACCESS_KEY": "of the lake", "https_proxy": "http://proxy", "SLURM_JOB_ID": "7",
        "POLARS_MAX_THREADS": "64",
    }  # fmt: skip
    found = environment_of_job(load_settings(), given, REQUEST, 2)
    assert "secret" not in found.values()
    assert found["RESISTANCE_MIRROR"] == str(tmp_path / "mirror")
    assert found["RESISTANCE_DATA_DIR"] == str(tmp_path / "data")
    assert found["RESISTANCE_OPT_IN"] == "kegg"
    assert found["AWS_SECRET_ACCESS_KEY"] == "of the lake"
    assert found["https_proxy"] == "http://proxy"
    assert (found["RESISTANCE_EXECUTOR"], found["RESISTANCE_JOBS"]) == ("in_process", "1")
    assert found["RESISTANCE_MEMORY"] == "1500000000"
    assert found["POLARS_MAX_THREADS"] == "2"
    assert "SLURM_JOB_ID" not in found
    assert "RESISTANCE_ELSE_ASK" not in found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"RESISTANCE_PROFILE": "public"}, ("lake", "hosts", None)),
        ({"RESISTANCE_PROFILE": "public", "RESISTANCE_MIRROR": "/mirror"}, ("lake", "nobody", "/mirror")),
        ({"RESISTANCE_PROFILE": "demo"}, ("lake", "nobody", "/data/demo/mirror")),
        ({"RESISTANCE_PROFILE": "lake"}, ("lake", "nobody", None)),
        ({"RESISTANCE_PROFILE": "lake", "RESISTANCE_ELSE_ASK": "hosts"}, ("lake", "hosts", None)),
    ],
)
def test_a_job_over_a_lake_in_an_object_store_takes_sources_from_the_lake(monkeypatch, settings, expected):
    given = {"RESISTANCE_DATA_DIR": "/data", "RESISTANCE_LAKE": "s3://bucket/lake", **settings}
    for name in ("RESISTANCE_PROFILE", "RESISTANCE_MIRROR", "RESISTANCE_ELSE_ASK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = environment_of_job(load_settings(), given, REQUEST, 1)
    names = ("RESISTANCE_PROFILE", "RESISTANCE_ELSE_ASK", "RESISTANCE_MIRROR")
    assert tuple(found.get(name) for name in names) == expected
    assert found["RESISTANCE_LAKE"] == "s3://bucket/lake"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("RUNNING", "None", "0"), JobState(False, "RUNNING")),
        (("PENDING", "Resources", "0"), JobState(False, "PENDING, Resources")),
        (("PENDING", "PartitionTimeLimit", "0"),
         JobState(False, "PENDING, PartitionTimeLimit", hindrance="PartitionTimeLimit")),
        (("COMPLETING", "None", "0"), JobState(False, "COMPLETING")),
        (("OUT_OF_MEMORY", "OutOfMemory", "125"), JobState(True, "OUT_OF_MEMORY, OutOfMemory, signal 125", "memory")),
        (("FAILED", "JobLaunchFailure", "9"), JobState(True, "FAILED, JobLaunchFailure, signal 9", "memory")),
        (("FAILED", "NonZeroExitCode", "256"), JobState(True, "FAILED, NonZeroExitCode")),
        (("TIMEOUT", "TimeLimit", "15"), JobState(True, "TIMEOUT, TimeLimit, signal 15", "time")),
        (("CANCELLED by 1000", "", "15"), JobState(True, "CANCELLED, signal 15")),
        (("NODE_FAIL", "None", "0"), JobState(True, "NODE_FAIL")),
        (("", "", ""), JobState(False, "UNKNOWN")),
    ],
)  # fmt: skip
def test_a_state_is_read_from_slurms_words(said, expected):
    assert _state(*said) == expected


def test_partition_and_options_of_the_settings_are_arguments_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    settings = Settings(
        data_dir=tmp_path, slurm_partition="long; rm -rf /", slurm_options="--account=lab '--comment=two words'",
        job_cores=2,
    )  # fmt: skip
    options = SlurmQueue(settings)._options(REQUEST)
    assert options[0] == "sbatch"
    assert "--job-name=resistance core.x and 2 more" in options
    assert {"--mem=2862M", "--time=30", "--cpus-per-task=2", "--partition=long; rm -rf /"} <= set(options)
    assert options[-2:] == ["--account=lab", "--comment=two words"]
