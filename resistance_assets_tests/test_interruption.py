"""A signal ends a command with one line and its own exit code, also where compiled code or another handler has it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Dagster's own way of replacing the handlers; time.sleep in a thread lock stands for code that never comes back.
IN_DAGSTER = """
import sys, time
from resistance_assets import interruption
interruption.install()
from dagster._utils.interrupts import raise_interrupts_as
class Interrupted(BaseException): ...
try:
    with raise_interrupts_as(Interrupted):
        print("begun", flush=True)
        time.sleep(60)
except Interrupted:
    pass
try:
    interruption.requested(wait=5)
    interruption.raise_if_requested("3 tables are up to date")
except KeyboardInterrupt:
    code, told = interruption.settle()
    print(told, file=sys.stderr)
    sys.exit(code)
"""
WITHOUT_RETURN = """
import signal, sys, time
from resistance_assets import interruption
interruption.install()
interruption.set_grace(0.1)
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGINT, lambda *_: None)
print("begun", flush=True)
while True:
    time.sleep(60)
"""


# A command in a query of DuckDB, which has an error of its own for a signal, and one in Python.
IN_A_COMMAND = """
import sys, time
import duckdb
from resistance_assets import cli
from resistance_assets.report import site
def query():
    duckdb.connect().execute("SELECT count(*) FROM range(1000000000) AS a, range(1000000) AS b WHERE hash(a, b) = 1")
def renamed():
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        raise RuntimeError("Query interrupted") from None
def write_report(*_, **__):
    print("begun", flush=True)
    WORK()
site.write_report = write_report
sys.argv = ["resistance", "report"]
cli.main()
"""


def end_of(tmp_path: Path, script: str, number: int) -> tuple[int, str]:
    (tmp_path / "s.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "s.py"], env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    return process.returncode, told


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_dagster_caught_is_told_apart(tmp_path, number):
    code, told = end_of(tmp_path, IN_DAGSTER, number)
    assert (code, told) == (128 + number, f"stopped by {number.name}; 3 tables are up to date\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_does_not_come_back_is_left_after_the_grace(tmp_path, number):
    code, told = end_of(tmp_path, WITHOUT_RETURN, number)
    assert code == 128 + number
    assert told.startswith(f"resistance: stopped by {number.name}; ")
    assert told.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "work", ["query", "lambda: time.sleep(60)", "renamed"], ids=["a query", "Python", "an error of its own"]
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_a_signal_ends_says_so_in_one_line(tmp_path, number, work):
    code, told = end_of(tmp_path, IN_A_COMMAND.replace("WORK()", f"({work})()"), number)
    assert code == 128 + number
    assert told.startswith(f"resistance: stopped by {number.name}; ")
    assert told.count("\n") == 1
