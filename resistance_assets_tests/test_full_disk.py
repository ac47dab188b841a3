"""A disk that is really full: a file system of a few hundred kilobytes, which a child process mounts for itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

CHILD = """
import json, random, subprocess, sys
from pathlib import Path
import polars as pl
from resistance_assets.errors import Fault
from resistance_assets.files import is_disk_refusal, write_json
from resistance_assets.orchestration.lake import Lake
from resistance_assets.orchestration.dagster.run import open_instance

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
told = {}
lake = Lake(disk / "lake")
version = lake.write("raw.kept", pl.DataFrame({"a": [1, 2]}))
numbers = random.Random(1)
try:
    lake.write("raw.large", pl.DataFrame({"a": [numbers.random() for _ in range(200_000)]}))
except Fault as fault:
    told["lake"] = str(fault)
told["left"] = sorted(path.name for path in (disk / "lake").rglob("*") if path.is_file())
told["kept"] = lake.path("raw.kept", version).is_file() and lake.find_damage("raw.kept", version) is None
try:
    write_json(disk / "large.json", {"x": "y" * 1_000_000})
except Fault as fault:
    told["json"] = str(fault)
told["json left"] = [path.name for path in disk.glob("*large*")]
try:
    with open_instance(disk / "dagster") as instance:
        instance.get_runs()
except Exception as error:
    told["dagster"] = is_disk_refusal(error, disk)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, object]:
    """What the child saw, in a mount namespace of its own."""
    unshare = shutil.which("unshare")
    disk = tmp_path_factory.mktemp("disk")
    mounting = [str(unshare), "-rm", "mount", "-t", "tmpfs", "tmpfs", str(disk)]
    if unshare is None or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets no process mount a file system for itself (unshare -rm)")
    script = disk / "child.py"
    script.write_text(CHILD)
    (disk / "small").mkdir()
    command = [unshare, "-rm", sys.executable, script, disk / "small"]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("what", ["lake", "json"])
def test_a_full_disk_is_told_with_what_to_do(told, what):
    assert "cannot be written: No space left on device" in str(told[what])
    assert "RESISTANCE_DATA_DIR" in str(told[what])


def test_nothing_half_written_is_left_and_what_was_there_stays(told):
    assert told["kept"]
    left = [name for name in list(told["left"]) if not name.endswith(".lock")]  # what the living process holds
    assert len(left) == 2, left  # the table and its checksum
    assert told["json left"] == []


def test_a_full_disk_is_known_where_the_records_of_runs_hit_it_first(told):
    assert told["dagster"] is True
