"""What jobs are given, from what steps took when they ran last."""

from __future__ import annotations

from resistance_assets.orchestration.jobs import costs
from resistance_assets.orchestration.jobs.costs import LEAST_JOB_BYTES, LEAST_MINUTES, Costs

GB = 10**9


def test_a_job_is_given_more_than_its_largest_step_took_and_a_default_where_one_is_unknown(tmp_path):
    known = Costs(tmp_path / "costs.jsonl")
    known.note("core.small", seconds=2.0, peak_bytes=GB // 10)
    known.note("core.large", seconds=600.0, peak_bytes=2 * GB)
    again = Costs(tmp_path / "costs.jsonl")
    assert again.memory_bytes(["core.small"], 4 * GB) == LEAST_JOB_BYTES
    assert again.memory_bytes(["core.small", "core.large"], 4 * GB) == 3 * GB
    assert again.memory_bytes(["core.small", "core.new"], 4 * GB) == 4 * GB
    assert again.minutes(["core.small"], 240) == LEAST_MINUTES + 1
    assert again.minutes(["core.large"], 240) == LEAST_MINUTES + 40
    assert again.minutes(["core.large"], 30) == 30
    assert again.minutes(["core.new"], 240) == 240


def test_what_a_job_was_killed_for_is_given_next_time_until_the_step_goes_through(tmp_path):
    known = Costs(tmp_path / "costs.jsonl")
    known.note("core.x", seconds=2.0, memory_bytes=8 * GB)
    known.note("core.y", seconds=2.0, minutes=100)
    assert known.memory_bytes(["core.x"], GB) == 8 * GB
    assert known.minutes(["core.y"], 240) == 100
    known.note("core.x", seconds=2.0, peak_bytes=4 * GB)
    assert known.memory_bytes(["core.x"], GB) == 6 * GB


def test_a_cut_line_is_passed_over_and_a_long_file_is_written_anew(tmp_path, monkeypatch):
    path = tmp_path / "costs.jsonl"
    known = Costs(path)
    for at in range(20):
        known.note("core.x", seconds=float(at))
    with path.open("a") as file:
        file.write('["core.y", {"seco')
    monkeypatch.setattr(costs, "LONGEST_FILE_BYTES", 100)
    assert Costs(path).of("core.x").seconds == 19.0
    assert path.read_text() == '["core.x", {"seconds": 19.0}]\n'
