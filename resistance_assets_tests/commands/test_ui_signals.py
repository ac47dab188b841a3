"""What ends `resistance ui` ends the programs that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PARENT = """
import os, sys
from pathlib import Path
from resistance_assets import interruption
from resistance_assets.commands.ui import run_until_stopped
interruption.install()
child = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); " \\
        "print(p.pid, flush=True); p.wait()"
sys.exit(run_until_stopped([sys.executable, "-c", child], os.environ, Path(".")))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_programs_of_the_ui_end_with_it(tmp_path, number):
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=tmp_path,
                               env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdigit()
    process.send_signal(number)
    # The pipe is at its end once the last program that holds it is gone.
    process.communicate(timeout=60)
    assert process.returncode == 0
