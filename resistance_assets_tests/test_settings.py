"""Settings of the environment: what they may hold, and what follows from several of them."""

from __future__ import annotations

import pytest

from resistance_assets import settings
from resistance_assets.errors import UsageFault
from resistance_assets.settings import JOBS_OF_A_CLUSTER, load_settings


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("EXECUTOR", "slrum", r"RESISTANCE_EXECUTOR: the value .slrum. is not allowed .*k8s.*Did you mean slurm\?"),
        ("EXECUTOR", "ray", r"'ray' is not allowed .*Correct the environment variable"),
        ("JOB_MEMORY", "much", r"RESISTANCE_JOB_MEMORY: the value 'much' is not allowed \(expected .*4GB"),
        ("JOB_MINUTES", "0", "RESISTANCE_JOB_MINUTES: the value '0' is not allowed"),
        ("JOBS", "none", "RESISTANCE_JOBS: the value 'none' is not allowed"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_allowed_is_told_with_what_would_be(monkeypatch, name, value, told):
    monkeypatch.setenv(f"RESISTANCE_{name}", value)
    with pytest.raises(UsageFault, match=told):
        load_settings()


def test_how_many_compute_at_once_follows_from_the_executor(monkeypatch):
    monkeypatch.setenv("RESISTANCE_JOBS", "auto")
    monkeypatch.setenv("RESISTANCE_MEMORY", "16GB")
    monkeypatch.delenv("RESISTANCE_EXECUTOR", raising=False)
    monkeypatch.setattr(settings, "cores_of_machine", lambda: 6)
    assert load_settings().job_count == 6
    for executor, jobs in (("in_process", 1), ("multiprocess", 6), ("slurm", JOBS_OF_A_CLUSTER)):
        monkeypatch.setenv("RESISTANCE_EXECUTOR", executor)
        assert load_settings().job_count == jobs
    monkeypatch.setenv("RESISTANCE_JOBS", "3")
    assert load_settings().job_count == 3
