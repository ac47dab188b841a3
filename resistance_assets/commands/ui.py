"""What `ui` does: run the Dagster UI on the data folder."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from resistance_assets import interruption
from resistance_assets.errors import Fault

if TYPE_CHECKING:
    from resistance_assets.settings import Settings

END_SECONDS = 10.0
"""How long the parts of the UI may take to end by themselves."""
FRESHNESS_SECONDS = 600
SENSOR_SECONDS = 1800
"""How long a tick of a sensor may take."""
WORKSPACE = """\
load_from:
  - python_module:
      module_name: resistance_assets.definitions
      location_name: resistance_warehouse
"""


def serve_ui(settings: Settings, *, port: int) -> int:
    """Run the Dagster UI until it is stopped; returns its exit code."""
    from resistance_assets.commands.output.printing import say
    from resistance_assets.commands.run import prepare
    from resistance_assets.defs.resources import current_registry
    from resistance_assets.defs.source_freshness import report_freshness
    from resistance_assets.orchestration.dagster.run import open_instance

    prepare(settings)
    home = settings.dagster_home
    with open_instance(home) as instance, contextlib.suppress(Fault, sqlite3.Error):
        # What was found of the sources without Dagster since its last run. A wrong catalog is told by the UI itself.
        report_freshness(current_registry(), instance)
    workspace = home / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    environment = {
        # One asset has a freshness policy, of days; Dagster would walk over all of them every half minute.
        "FRESHNESS_DAEMON_INTERVAL_SECONDS": str(FRESHNESS_SECONDS),
        # A look at every source waits for hosts that do not answer; Dagster would give it up after a minute.
        "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": str(SENSOR_SECONDS),
        **os.environ,
        "DAGSTER_HOME": str(home),
        "RESISTANCE_DATA_DIR": str(settings.data_dir),
    }
    say(False, f"Dagster UI on http://127.0.0.1:{port} (Ctrl-C ends it); data folder {settings.data_dir}")
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    return run_until_stopped(command, environment, settings.data_dir)


def run_until_stopped(command: list[str], environment: Mapping[str, str], folder: Path) -> int:
    """Run a program with all that it starts, and end all of it when this process is asked to end.

    Returns:
        0 where Ctrl-C or SIGTERM ended it, as is meant to be; else the program's exit code.
    """
    interruption.set_grace(None)
    # A session of its own, so that a signal goes to it and to what it started once, and through here.
    process = subprocess.Popen(command, env=dict(environment), cwd=folder, start_new_session=True)
    try:
        return process.wait()
    except KeyboardInterrupt:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(timeout=END_SECONDS)
        return 0
    finally:
        # Whoever is left of the group.
        _signal_group(process.pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
